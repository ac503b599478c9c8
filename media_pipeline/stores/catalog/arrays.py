"""Vectors of the catalog as one array, for stages that look at all of them at once.

What is not here: who makes vectors (stages/embed), neighbours in an index (stores/index).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, and_, exists, func, select

from media_pipeline.stores.catalog.tables import audio_waveforms, embeddings

ROWS_AT_A_TIME: Final = 5_000
Vectors = NDArray[np.float32]


def all_vectors(connection: Connection, tenant: str, *, model_version: str, dims: int) -> tuple[list[UUID], Vectors]:
    """Every picture that has a vector of the model, in order of id, and one row for each. No drawings of sounds: what
    they look like says nothing of what they are."""
    is_drawn = and_(
        audio_waveforms.c.tenant == embeddings.c.tenant, audio_waveforms.c.waveform_media_id == embeddings.c.media_id
    )
    own = (
        embeddings.c.tenant == tenant,
        embeddings.c.model_version == model_version,
        ~exists().where(is_drawn),
    )
    count = connection.scalar(select(func.count()).where(*own)) or 0
    query = select(embeddings.c.media_id, embeddings.c.vector).where(*own).order_by(embeddings.c.media_id)
    ids: list[UUID] = []
    found = np.zeros((count, dims), np.float32)
    rows = connection.execute(query.limit(count), execution_options={"yield_per": ROWS_AT_A_TIME})
    for place, row in enumerate(rows):
        ids.append(row.media_id)
        _put(found, place, row.vector)
    return ids, found[: len(ids)]


def vectors_of(connection: Connection, tenant: str, ids: Sequence[UUID], *, model_version: str, dims: int) -> Vectors:
    """One row for each of `ids`, in their order; zeros, near nothing, for a media without a vector of the model."""
    found = np.zeros((len(ids), dims), np.float32)
    for start in range(0, len(ids), ROWS_AT_A_TIME):
        page = ids[start : start + ROWS_AT_A_TIME]
        places = {media_id: start + place for place, media_id in enumerate(page)}
        for row in connection.execute(_some(tenant, page, model_version)):
            _put(found, places[row.media_id], row.vector)
    return found


def _some(tenant: str, ids: Sequence[UUID], model_version: str) -> Select[Any]:
    return select(embeddings.c.media_id, embeddings.c.vector).where(
        embeddings.c.tenant == tenant, embeddings.c.model_version == model_version, embeddings.c.media_id.in_(ids)
    )


def _put(found: Vectors, place: int, vector: bytes) -> None:
    numbers = np.frombuffer(vector, dtype="<f4")
    # A row of another model's length, or of no numbers, is near nothing; it must not make every product NaN.
    if numbers.shape == found.shape[1:] and np.isfinite(numbers).all():
        found[place] = numbers
