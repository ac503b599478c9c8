"""Both engines behind one fixture; a real server too when MEDIA_TEST_QDRANT_URL names one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from media_pipeline.stores.index.edge import EdgeIndex
from media_pipeline.stores.index.interface import IndexStore, VectorIndex
from media_pipeline.stores.index.server import ServerIndex, connect
from media_pipeline.stores.index.store import EdgeStore, ServerStore

SERVER_URL = os.environ.get("MEDIA_TEST_QDRANT_URL")
ENGINES = ["edge", "memory", *(["server"] if SERVER_URL else [])]

NewIndex = Callable[[], VectorIndex]


@pytest.fixture(params=ENGINES)
def new_index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewIndex]:
    """Makes indexes of one engine, without dimensions yet."""
    with ExitStack() as undo:
        if request.param == "edge":

            def make() -> VectorIndex:
                name = f"g{uuid.uuid4().hex}"
                index = EdgeIndex(tmp_path / name, name=name)
                undo.callback(index.close)
                return index
        else:
            from qdrant_client import QdrantClient

            remote = request.param == "server"
            client = connect(SERVER_URL or "", None) if remote else QdrantClient(":memory:")
            undo.callback(client.close)

            def make() -> VectorIndex:
                name = f"test-{uuid.uuid4().hex}"
                undo.callback(client.delete_collection, name)
                return ServerIndex(client, name)

        yield make


@pytest.fixture
def index(new_index: NewIndex) -> VectorIndex:
    """An empty index of vectors of four numbers."""
    made = new_index()
    made.ensure(4)
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
