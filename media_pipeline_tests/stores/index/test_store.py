"""One way to write and to read, whichever engine the settings choose."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from media_pipeline.errors import VectorIndexError
from media_pipeline.stores.index.interface import IndexStore
from media_pipeline.stores.index.points import Point
from media_pipeline.stores.index.server import connect, point_alias
from media_pipeline.stores.index.store import EdgeStore, ServerStore, open_index_store


@pytest.fixture
def collection() -> str:
    return f"descriptor-512.v1-{uuid.uuid4().hex[:8]}"


def points(*numbers: int) -> Iterator[Point]:
    return (Point(UUID(int=number), np.array([1, number], np.float32), {"n": number}) for number in numbers)


def numbers(store: IndexStore, collection: str, name: str) -> list[int]:
    reader = store.open(collection, name)
    try:
        return [point.id.int for point in reader.scroll(None, 100)]
    finally:
        reader.close()


def test_append_publish_open_sweep(store: IndexStore, collection: str) -> None:
    """The four steps of the index stage, twice, without a word about the engine."""
    with store.append(collection, None, dims=2) as writer:
        writer.upsert(points(1, 2, 3))
    live = writer.name
    assert numbers(store, collection, live) == [1, 2, 3]
    with store.append(collection, live, dims=2) as writer:
        writer.delete([UUID(int=1)])
        writer.upsert(points(4))
        writer.set_payload({UUID(int=2): {"n": 20}})
        writer.optimize()
    live = writer.name
    store.sweep(collection, [live])
    assert numbers(store, collection, live) == [2, 3, 4]
    reader = store.open(collection, live)
    assert reader.name == live
    assert reader.dims == 2
    assert reader.get([UUID(int=2)])[0].payload == {"n": 20}
    reader.close()
    store.point_alias("images", collection)
    store.point_alias("images", collection)


def test_a_writer_is_closed_with_its_block(store: IndexStore, collection: str) -> None:
    """Also after an error."""
    with store.append(collection, None, dims=2) as writer:
        writer.upsert(points(1))
    with pytest.raises(VectorIndexError, match="closed"):
        writer.count()
    with pytest.raises(RuntimeError, match="stop"), store.append(collection, writer.name, dims=2) as second:
        raise RuntimeError("stop")
    with pytest.raises(VectorIndexError, match="closed"):
        second.count()


def test_another_length_of_vector_is_refused(store: IndexStore, collection: str) -> None:
    """A model with longer vectors is another collection."""
    with store.append(collection, None, dims=2) as writer:
        writer.upsert(points(1))
    with (
        pytest.raises(VectorIndexError, match="another model needs another collection"),
        store.append(collection, writer.name, dims=3),
    ):
        pass


def test_what_was_never_published_cannot_be_opened(store: IndexStore, collection: str) -> None:
    """Neither an unknown collection nor the name of another engine's index."""
    for name in (collection, "00000001-00000000", "other"):
        with pytest.raises(VectorIndexError):
            store.open(collection, name)
    with pytest.raises(VectorIndexError), store.append(collection, "elsewhere", dims=2):
        pass


@pytest.mark.parametrize("name", ["", "../a", "a/b", "A", "a b", ".hidden", "a..b", "ä", "a" * 129])
def test_a_collection_name_is_a_plain_word(store: IndexStore, name: str) -> None:
    """It becomes a folder and a part of a URL."""
    with pytest.raises(VectorIndexError, match="collection"), store.append(name, None, dims=2):
        pass
    with pytest.raises(VectorIndexError, match="collection"):
        store.sweep(name, [])


def test_the_alias_moves_to_another_collection() -> None:
    """Who asks for `images` finds the points of the collection it was pointed to last."""
    from qdrant_client import QdrantClient

    client = QdrantClient(":memory:")
    store = ServerStore(client)
    for collection, number in (("model.v1", 1), ("model.v2", 2)):
        with store.append(collection, None, dims=2) as writer:
            writer.upsert(points(number))
        point_alias(client, "images", collection)
        assert [record.payload for record in client.scroll("images")[0]] == [{"n": number}]
    with pytest.raises(VectorIndexError, match="pointing images to nowhere"):
        point_alias(client, "images", "nowhere")
    store.close()


def test_the_settings_choose_the_engine(tmp_path: Path) -> None:
    """No URL: folders below the root. A URL: a server, which nobody asks before the first request."""
    embedded = open_index_store(url=None, api_key=None, root=tmp_path / "index")
    assert isinstance(embedded, EdgeStore)
    with embedded.append("model.v1", None, dims=2) as writer:
        writer.upsert(points(1))
    assert (tmp_path / "index" / "model.v1" / writer.name).is_dir()
    remote = open_index_store(url="http://127.0.0.1:9", api_key=None, root=tmp_path / "unused")
    assert isinstance(remote, ServerStore)
    with (
        pytest.raises(VectorIndexError, match=r"creating model.v1: .*refused"),
        remote.append("model.v1", None, dims=2),
    ):
        pass
    remote.close()
    assert not (tmp_path / "unused").exists()


def test_a_client_is_made_without_a_request() -> None:
    """Also for a server that is down."""
    connect("http://127.0.0.1:9", None).close()


def test_importing_the_store_loads_no_engine() -> None:
    """A process that never touches the index does not pay for it."""
    script = (
        "import sys, media_pipeline.stores.index.store; "
        "print([name for name in sys.modules if name.startswith('qdrant')])"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_dropping_takes_what_one_tenant_has(store: IndexStore, collection: str) -> None:
    """A second time, and of a collection that never was, there is nothing to drop."""
    with store.append(collection, None, dims=2) as writer:
        writer.upsert(Point(UUID(int=n), np.array([1, n], np.float32), {"tenant": "club"}) for n in (1, 2))
    store.drop(collection, "club")
    store.drop(collection, "club")
    with pytest.raises(VectorIndexError):
        store.open(collection, writer.name)


def test_dropping_leaves_another_tenant_of_the_server_alone(collection: str) -> None:
    """Who share a collection, each with points of its own."""
    from qdrant_client import QdrantClient

    with closing(ServerStore(QdrantClient(":memory:"))) as store:
        with store.append(collection, None, dims=2) as writer:
            for number, tenant in enumerate(("club", "public", "public")):
                writer.upsert([Point(UUID(int=number), np.array([1, number], np.float32), {"tenant": tenant})])
        store.drop(collection, "club")
        assert numbers(store, collection, collection) == [1, 2]
