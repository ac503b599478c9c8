"""The demo's sample files: made on the spot from photographs that are installed anyway, with the truth about each."""

from __future__ import annotations

from media_pipeline.samples.maker import make_samples
from media_pipeline.samples.truth import Expectations, Sample

__all__ = ["Expectations", "Sample", "make_samples"]
