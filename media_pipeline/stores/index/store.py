"""Every index of this installation: on the server that the settings name, else in folders.

Here: the two IndexStores and the choice between them. Not here: one index (edge.py, server.py), the generations of a
folder (generations.py), what to write (stages/index).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from media_pipeline.errors import VectorIndexError
from media_pipeline.stores.index.generations import EdgeGenerations
from media_pipeline.stores.index.interface import (
    TUNING,
    IndexStore,
    Tuning,
    VectorIndex,
    VectorReader,
    checked_collection,
)
from media_pipeline.stores.index.server import ServerIndex, connect, drop, point_alias

if TYPE_CHECKING:
    from qdrant_client import QdrantClient


def open_index_store(*, url: str | None, api_key: str | None, root: Path) -> IndexStore:
    """The server at `url`; without one, Qdrant Edge below `root`."""
    return EdgeStore(root) if url is None else ServerStore(connect(url, api_key))


class EdgeStore:
    """A folder per collection."""

    def __init__(self, root: Path, *, tuning: Tuning = TUNING) -> None:
        self._root = root
        self._tuning = tuning

    def append(self, collection: str, live: str | None, *, dims: int) -> AbstractContextManager[VectorIndex]:
        return self._generations(collection).append(live, dims=dims)

    def open(self, collection: str, name: str) -> VectorReader:
        return self._generations(collection).open_copy(name)

    def sweep(self, collection: str, keep: Collection[str]) -> tuple[str, ...]:
        return self._generations(collection).sweep(keep)

    def drop(self, collection: str, tenant: str) -> None:
        # The folder is of one tenant.
        self._generations(collection).remove()

    def point_alias(self, alias: str, collection: str) -> None:
        checked_collection(alias)
        checked_collection(collection)

    def close(self) -> None:
        """Nothing is held between calls."""

    def _generations(self, collection: str) -> EdgeGenerations:
        return EdgeGenerations(self._root / checked_collection(collection), tuning=self._tuning)


class ServerStore:
    """A collection per collection: written in place, so what an error leaves is what the next run writes again."""

    def __init__(self, client: QdrantClient) -> None:
        self._client = client

    @contextmanager
    def append(self, collection: str, live: str | None, *, dims: int) -> Iterator[VectorIndex]:
        if live is not None and live != collection:
            raise VectorIndexError(
                f"{collection}: {live!r} is not a collection of this server: write all points with live=None"
            )
        index = ServerIndex(self._client, collection)
        try:
            index.ensure(dims)
            yield index
        finally:
            index.close()

    def open(self, collection: str, name: str) -> VectorReader:
        if name != collection:
            raise VectorIndexError(f"{collection}: {name!r} is superseded: read the pointer again")
        index = ServerIndex(self._client, collection)
        index.must_exist()
        return index

    def sweep(self, collection: str, keep: Collection[str]) -> tuple[str, ...]:
        checked_collection(collection)
        return ()

    def drop(self, collection: str, tenant: str) -> None:
        drop(self._client, checked_collection(collection), tenant)

    def point_alias(self, alias: str, collection: str) -> None:
        point_alias(self._client, alias, collection)

    def close(self) -> None:
        self._client.close()
