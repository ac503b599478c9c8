"""Trials of Qdrant Edge, for a process of their own: on a full disk the engine's memory-mapped files end the process
that opens them by SIGBUS, which no `except` catches.

What is not here: who starts that process (needs.py).
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from uuid import UUID

import numpy as np

from media_pipeline.errors import ItemError, VectorIndexError
from media_pipeline.stores.index.points import Point
from media_pipeline.stores.index.store import open_index_store

DIMS = 8
COLLECTION = "doctor"


def search_two(root: Path) -> str:
    """Write two points below this folder and find one of them; the name of the generation."""
    points = [Point(UUID(int=1 + place), np.eye(DIMS, dtype=np.float32)[place], {}) for place in range(2)]
    with closing(open_index_store(url=None, api_key=None, root=root)) as store:
        try:
            with store.append(COLLECTION, None, dims=DIMS) as index:
                index.upsert(points)
                name = index.name
            with closing(store.open(COLLECTION, name)) as reader:
                hits = reader.search(points[1].vector, 1)
        except VectorIndexError as error:
            raise ItemError("index", str(error)) from error
    if [hit.id for hit in hits] != [points[1].id]:
        raise ItemError("index", "the point that was written is not found: install qdrant-edge-py again")
    return name


def count_points(generation: tuple[Path, str, str]) -> int:
    """How many points a published generation holds: the tenant's index folder, the collection, the name."""
    root, collection, name = generation
    with closing(open_index_store(url=None, api_key=None, root=root)) as store:
        try:
            with closing(store.open(collection, name)) as reader:
                return reader.count()
        except VectorIndexError as error:
            raise ItemError("index", str(error)) from error
