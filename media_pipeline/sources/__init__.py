"""The registry of sources: adding one is its file, its line here, its test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from media_pipeline.sources.protocol import Source
from media_pipeline.sources.uploads import Uploads

SOURCES: Final[Mapping[str, Source]] = {source.name: source for source in (Uploads(),)}
