"""How likely a picture is not safe for work, 0 to 1, by a head over its vector. Pure.

What is not here: how a head is read (models/heads_files.py), who leaves out what is above the threshold (the training
views).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from media_pipeline.errors import MediaProcessingError
from media_pipeline.models.heads import Head, sigmoid
from media_pipeline.records import Made, NotApplicable, Result

VERSION: Final = "1"


def untold(head: Head) -> NotApplicable | None:
    """Why its numbers are not known: of several layers nothing in a .pth says what stands between them."""
    if len(head.layers) > 1 and head.activation is None:
        return NotApplicable(
            "head_unfit",
            "it has several layers and does not say what stands between them: write it as .npz with the word "
            "`activation` (docs/describing.md)",
        )
    return None


def judged(head: Head, vectors: NDArray[np.floating], *, threshold: float, model_version: str) -> Sequence[Result]:
    """The row of each vector. A head that does not say what is behind its last layer has a sigmoid there."""
    raw = head.raw(vectors)
    scores = np.clip(raw, 0, 1) if head.output == "none" else sigmoid(raw)
    results: list[Result] = []
    for score in scores.tolist():
        if not math.isfinite(score):
            results.append(MediaProcessingError("bad_vector", "its vector holds numbers that are none"))
            continue
        told = round(score, 4)
        row = {
            "nsfw_score": told,
            "is_above_threshold": told > threshold,
            "method": f"head-{head.digest[:8]}",
            "model_version": model_version,
        }
        results.append(Made(rows=(row,)))
    return results
