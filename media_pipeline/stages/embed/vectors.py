"""A picture's vector, as a row. Pure but for the model, which each worker loads once.

What is not here: the models (models/), and what vectors are compared with (stages/group, stages/index).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from media_pipeline.errors import EmbeddingError
from media_pipeline.models import EmbeddingModel, model_named
from media_pipeline.records import Made, NotApplicable, Result

VERSION = "1"
DTYPE = np.dtype("<f4")


@dataclass(frozen=True, slots=True)
class Task:
    """One encoded picture and the model that is to see it."""

    picture: bytes
    model: str
    weights: str


@cache
def _model(name: str, weights: str) -> EmbeddingModel:
    return model_named(name, weights=weights)


def embedded(task: Task) -> dict[str, Result]:
    """The row of `embeddings`."""
    model = _model(task.model, task.weights)
    try:
        vector = model.embed(task.picture)
    except EmbeddingError as error:
        if error.reason == "flat_picture":
            return {"embeddings": NotApplicable(error.reason, error.detail)}
        raise
    return {"embeddings": Made(rows=({"model_version": model.version, "vector": packed(vector)},))}


def packed(vector: NDArray[np.float32]) -> bytes:
    """As it is stored: little-endian float32."""
    return vector.astype(DTYPE).tobytes()


def unpacked(stored: bytes) -> NDArray[np.float32]:
    """As it was before it was stored."""
    return np.frombuffer(stored, dtype=DTYPE)
