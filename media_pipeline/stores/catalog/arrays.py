"""Vectors of the catalog as one array, for stages that look at all of them at once.

What is not here: who makes vectors (stages/embed), neighbours in an index (stores/index).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, func, select

from media_pipeline.stores.catalog.tables import embeddings
from media_pipeline.stores.catalog.vectors import matrix_of

ROWS_AT_A_TIME: Final = 5_000
Vectors = NDArray[np.float32]


def all_vectors(connection: Connection, tenant: str, *, model_version: str, dims: int) -> tuple[list[UUID], Vectors]:
    """Every media that has a vector of the model, in order of id, and one row for each."""
    own = (embeddings.c.tenant == tenant, embeddings.c.model_version == model_version)
    count = connection.scalar(select(func.count()).where(*own)) or 0
    query = select(embeddings.c.media_id, embeddings.c.vector).where(*own).order_by(embeddings.c.media_id)
    ids: list[UUID] = []
    found = np.zeros((count, dims), np.float32)
    rows = connection.execute(query.limit(count), execution_options={"yield_per": ROWS_AT_A_TIME})
    for page in rows.partitions():
        found[len(ids) : len(ids) + len(page)] = _usable([row.vector for row in page], dims)
        ids += [row.media_id for row in page]
    return ids, found[: len(ids)]


def vectors_of(connection: Connection, tenant: str, ids: Sequence[UUID], *, model_version: str, dims: int) -> Vectors:
    """One row for each of `ids`, in their order; zeros, near nothing, for a media without a vector of the model."""
    found = np.zeros((len(ids), dims), np.float32)
    for start in range(0, len(ids), ROWS_AT_A_TIME):
        page = ids[start : start + ROWS_AT_A_TIME]
        places = {media_id: start + place for place, media_id in enumerate(page)}
        rows = connection.execute(_some(tenant, page, model_version)).all()
        found[[places[row.media_id] for row in rows]] = _usable([row.vector for row in rows], dims)
    return found


def _some(tenant: str, ids: Sequence[UUID], model_version: str) -> Select[Any]:
    return select(embeddings.c.media_id, embeddings.c.vector).where(
        embeddings.c.tenant == tenant, embeddings.c.model_version == model_version, embeddings.c.media_id.in_(ids)
    )


def _usable(stored: Sequence[bytes], dims: int) -> Vectors:
    rows = matrix_of(stored, dims)
    # A row of another model's length, or of no numbers, is near nothing; it must not make every product NaN.
    return np.where(np.isfinite(rows).all(axis=1, keepdims=True), rows, np.float32(0))
