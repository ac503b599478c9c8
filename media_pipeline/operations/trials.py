"""Trials of Qdrant Edge, for a process of their own: on a full disk the engine's memory-mapped files end the process
that opens them by SIGBUS, which no `except` catches. An error is answered, not raised: the worker would wrap it.

What is not here: who starts that process (needs.py).
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from uuid import UUID

import numpy as np

from media_pipeline.errors import VectorIndexError
from media_pipeline.stores.index.points import Point
from media_pipeline.stores.index.store import open_index_store

DIMS = 8
COLLECTION = "doctor"


def search_two(root: Path) -> VectorIndexError | None:
    """Write two points below this folder and find one of them; what is wrong, if something is."""
    points = [Point(UUID(int=1 + place), np.eye(DIMS, dtype=np.float32)[place], {}) for place in range(2)]
    try:
        with closing(open_index_store(url=None, api_key=None, root=root)) as store:
            with store.append(COLLECTION, None, dims=DIMS) as index:
                index.upsert(points)
                name = index.name
            with closing(store.open(COLLECTION, name)) as reader:
                hits = reader.search(points[1].vector, 1)
    except VectorIndexError as error:
        return error
    if [hit.id for hit in hits] != [points[1].id]:
        return VectorIndexError("the point that was written is not found: install qdrant-edge-py again")
    return None


def count_points(generation: tuple[Path, str, str]) -> int | VectorIndexError:
    """How many points a published generation holds: the tenant's index folder, the collection, the name."""
    root, collection, name = generation
    try:
        with (
            closing(open_index_store(url=None, api_key=None, root=root)) as store,
            closing(store.open(collection, name)) as reader,
        ):
            return reader.count()
    except VectorIndexError as error:
        return error
