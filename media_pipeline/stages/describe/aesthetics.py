"""How beautiful a picture is, 0 to 10: by a head over its vector, or by a rule of thumb where there is none. Pure.

The two are on one scale and mean two things: a head has learned from people's ratings, the rule of thumb has learned
nothing. So each score names its `method`, and one version of the output has one method.
What is not here: how a head is read (models/heads_files.py), quality itself (stages/examine/quality.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from media_pipeline.errors import MediaProcessingError
from media_pipeline.models.heads import Head
from media_pipeline.records import Made, Result
from media_pipeline.stages.describe.composition import composition

VERSION: Final = "1"
HEURISTIC: Final = "aesthetic-heuristic"
MOST: Final = 10.0
# Chosen, not learned: a picture that is good for work and one with a subject are each half of what people like at
# most, and quality is what is measured better.
QUALITY_SHARE: Final = 0.6


@dataclass(frozen=True, slots=True)
class Task:
    """A picture of the heuristic: the small rendition, and the quality of its original."""

    picture: bytes
    quality_points: float


def method_of(head: Head) -> str:
    """Its name in rows and versions: two heads are two methods."""
    return f"head-{head.digest[:8]}"


def scored(head: Head, vectors: NDArray[np.floating], *, model_version: str) -> Sequence[Result]:
    """The row of each vector."""
    results: list[Result] = []
    for raw in head.raw(vectors).tolist():
        if not math.isfinite(raw):
            results.append(MediaProcessingError("bad_vector", "its vector holds numbers that are none"))
            continue
        score = round(min(MOST, max(0.0, raw)), 4)
        row = {"score": score, "method": method_of(head), "model_version": model_version, "parts": None}
        results.append(Made(rows=(row,)))
    return results


def guessed(task: Task) -> dict[str, Result]:
    """The row of `aesthetics` by quality and composition alone."""
    parts = {"quality": round(task.quality_points / 100, 4)} | composition(task.picture).parts
    score = MOST * (QUALITY_SHARE * parts["quality"] + (1 - QUALITY_SHARE) * parts["composition"])
    row = {
        "score": round(min(MOST, max(0.0, score)), 4),
        "method": HEURISTIC,
        "model_version": None,
        "parts": parts,
    }
    return {"aesthetics": Made(rows=(row,))}
