"""Both engines behind one fixture; a real server too when MEDIA_TEST_QDRANT_URL names one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from media_pipeline.stores.index.edge import EdgeIndex
from media_pipeline.stores.index.interface import IndexStore, PayloadIndex, VectorIndex
from media_pipeline.stores.index.server import ServerIndex, connect
from media_pipeline.stores.index.store import EdgeStore, ServerStore

SERVER_URL = os.environ.get("MEDIA_TEST_QDRANT_URL")
ENGINES = ["edge", "memory", *(["server"] if SERVER_URL else [])]

NewIndex = Callable[[], VectorIndex]


# Those that the filters of the tests use: each one costs Edge 20 ms.
FEW = [PayloadIndex("tenant", "tenant"), PayloadIndex("tags", "keyword"), PayloadIndex("quality", "float")]
FEW += [PayloadIndex("created_at", "datetime"), PayloadIndex("place", "geo")]


@contextmanager
def engine(name: str, folder: Path) -> Iterator[NewIndex]:
    """Makes indexes of one engine, without dimensions yet."""
    with ExitStack() as undo:
        if name == "edge":

            def make() -> VectorIndex:
                named = f"g{uuid.uuid4().hex}"
                index = EdgeIndex(folder / named, name=named)
                undo.callback(index.close)
                return index
        else:
            from qdrant_client import QdrantClient

            client = connect(SERVER_URL or "", None) if name == "server" else QdrantClient(":memory:")
            undo.callback(client.close)

            def make() -> VectorIndex:
                named = f"test-{uuid.uuid4().hex}"
                undo.callback(client.delete_collection, named)
                return ServerIndex(client, named)

        yield make


@pytest.fixture(params=ENGINES)
def new_index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewIndex]:
    with engine(request.param, tmp_path) as make:
        yield make


@pytest.fixture
def index(new_index: NewIndex) -> VectorIndex:
    """An empty index of vectors of four numbers."""
    made = new_index()
    made.ensure(4, FEW)
    return made


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[IndexStore]:
    """A store of one engine."""
    if request.param == "edge":
        opened: IndexStore = EdgeStore(tmp_path / "index")
    else:
        from qdrant_client import QdrantClient

        remote = request.param == "server"
        opened = ServerStore(connect(SERVER_URL or "", None) if remote else QdrantClient(":memory:"))
    yield opened
    opened.close()
