"""The same pipeline on S3 and on a Qdrant server: nothing but settings differ."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from media_pipeline.config import Settings
from media_pipeline.operations.demo import differences, plant_samples
from media_pipeline.orchestration.work import Run
from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.index.assets import project
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.index.store import ServerStore
from media_pipeline.stores.library import Library, open_library
from media_pipeline_tests.stores.blob_stores import PASSWORD, client_of, served_buckets
from media_pipeline_tests.walking import materialize


@pytest.fixture
def on_s3(settings: Settings) -> Iterator[Settings]:
    """Uploads in one bucket, the library in another, over real HTTP."""
    with served_buckets() as front:
        client = client_of(front)
        client.create_bucket(Bucket="uploads")
        client.create_bucket(Bucket="library")
        yield Settings.load(
            **settings.model_dump(exclude_none=True)
            | {
                "uploads_url": "s3://uploads/from/people",
                "blob_url": "s3://library/of/one",
                "s3_endpoint_url": front.options.endpoint_url,
                "s3_access_key": "testing",
                "s3_secret_key": PASSWORD,
            }
        )


def test_the_samples_come_out_the_same_from_buckets(on_s3: Settings) -> None:
    """Nothing of the library but the index is on this machine, and no raw file outlives its step."""
    truth = plant_samples(on_s3)
    assert materialize(on_s3).success
    with open_library(on_s3) as library:
        assert differences(library, truth) == []
        originals = [info.key for info in library.blobs.list_after("media/uploads/")]
        stored = [sample for sample in truth.samples if sample.fate != "refused"]
        twins = sum(len(names) - 1 for names in truth.same_bytes)
        assert len(originals) == len(stored) - twins + sum(truth.parts.values())
    left = [path for path in on_s3.home_path.rglob("*") if path.is_file() and "index" not in path.parts]
    assert left == []


def test_the_index_is_projected_to_a_server_too(settings: Settings, bucket: Path) -> None:
    """A server's collection holds what the folder held, and the pointer names it."""
    from qdrant_client import QdrantClient

    photograph("coffee").save(bucket / "a.jpg")
    photograph("astronaut").save(bucket / "b.jpg")
    materialize(settings)
    with open_library(settings) as library:
        before = _points(library)
        _forget(library)
        with warnings.catch_warnings():
            # The client's local mode, which stands for a server here, has no payload indexes and says so.
            warnings.filterwarnings("ignore", message="Payload indexes have no effect in the local Qdrant")
            client = QdrantClient(":memory:")
            on_server = replace(library, index=ServerStore(client))
            assert project(Run(on_server, "test")).of("vector_index") == {("done", ""): 2}
            assert _points(on_server) == before
            assert project(Run(on_server, "test")).of("vector_index") == {}
            client.close()


def _forget(library: Library) -> None:
    with library.engine.begin() as catalog:
        catalog.execute(tables.index_generations.delete())
        catalog.execute(tables.ledger.delete().where(tables.ledger.c.output == "vector_index"))


def _points(library: Library) -> dict[str, tuple[list[float], dict[str, object]]]:
    with library.engine.connect() as catalog:
        pointer = catalog.execute(select(tables.index_generations)).one()
    reader = library.index.open(pointer.model_version, pointer.name)
    try:
        assert reader.count() == pointer.point_count
        points = reader.scroll(None, 100)
        return {str(point.id): ([round(float(x), 5) for x in point.vector], dict(point.payload)) for point in points}
    finally:
        reader.close()
