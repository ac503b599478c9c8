"""The projection: what of the catalog the index holds, and when it is made anew."""

from __future__ import annotations

import subprocess
import sys

import dagster as dg
import numpy as np
import pytest
from sqlalchemy import delete, insert, select, update

from media_pipeline.definitions import build_definitions
from media_pipeline.models import model_of
from media_pipeline.orchestration.work import Run
from media_pipeline.pipeline import OPTIMISE_INDEX
from media_pipeline.stages.index.assets import outputs, project
from media_pipeline.stores.catalog import index_pointers, tables
from media_pipeline.stores.index.points import Payload, Point
from media_pipeline.stores.library import Library
from media_pipeline_tests.shelves import held, media_of, settle, shelve, vector_of
from media_pipeline_tests.walking import metadata_of


def payload_of(library: Library, number: int) -> Payload:
    return held(library)[number].payload


def worked(library: Library) -> int:
    return sum(project(Run(library, "test")).of("vector_index").values())


def test_a_second_run_writes_nothing(library: Library) -> None:
    """Neither a generation nor a row."""
    shelve(library, [1, 2, 3])
    assert worked(library) == 3
    with library.engine.connect() as catalog:
        before = catalog.execute(select(tables.index_generations)).all()
    assert worked(library) == 0
    with library.engine.connect() as catalog:
        assert catalog.execute(select(tables.index_generations)).all() == before
    assert sorted(held(library)) == [1, 2, 3]


def test_a_library_without_vectors_has_no_index(library: Library) -> None:
    """Neither an empty one, nor one whose model could not be had: its media have rows, and searches no empty index."""
    assert worked(library) == 0
    shelve(library, [1])
    settle(library, [1], "embeddings", reason="model_unavailable")
    assert worked(library) == 1
    assert worked(library) == 0
    with library.engine.connect() as catalog:
        assert catalog.execute(select(tables.index_generations)).all() == []
    settle(library, [1], "embeddings", version="mended")
    assert worked(library) == 1
    assert sorted(held(library)) == [1]


def test_crops_of_a_media_are_in_the_index_in_their_order(library: Library) -> None:
    """Also those that come after the media was indexed, and another model's are not."""
    shelve(library, [1, 2])
    assert worked(library) == 2
    version = model_of(library.settings).version
    with library.engine.begin() as catalog:
        place = {"x": 0.1, "y": 0.1, "width": 0.5, "height": 0.5}
        for number, made_by in ((1, version), (0, version), (2, "another")):
            catalog.execute(
                insert(tables.crop_embeddings).values(
                    tenant=library.tenant,
                    media_id=media_of(1),
                    model_version=made_by,
                    number=number,
                    **place,
                    vector=vector_of(50 + number).tobytes(),
                )
            )
    settle(library, [1, 2], "crop_embeddings", version=version)
    assert worked(library) == 2
    found = held(library)
    assert found[1].crops is not None
    assert np.allclose(found[1].crops, [vector_of(50), vector_of(51)], atol=1e-6)
    assert found[2].crops is None


def test_a_point_is_stale_when_what_it_shows_changes(library: Library) -> None:
    """A hash and a score that come later, another licence, another subject; each only for its own media."""
    shelve(library, [1, 2])
    assert worked(library) == 2
    own = {"tenant": library.tenant, "media_id": media_of(1)}
    with library.engine.begin() as catalog:
        catalog.execute(
            insert(tables.hashes).values(**own, phash="0" * 16, dhash="0" * 16, ahash="0" * 16, whash="0" * 16)
        )
        score = {"quality_points": 81.0, "formula_version": "1", "components": {}, "why": "", "histogram": []}
        catalog.execute(insert(tables.quality).values(**own, **score, mean_brightness=1, aspect_ratio=1, flags=[]))
    settle(library, [1], "hashes")
    settle(library, [1], "quality")
    assert worked(library) == 1
    assert payload_of(library, 1)["phash"] == "0" * 16
    assert payload_of(library, 1)["quality_score"] == 0.81

    with library.engine.begin() as catalog:
        listings = tables.source_listings
        catalog.execute(
            update(listings).where(listings.c.source_key == "2").values(licence="CC0-1.0", licence_family="cc0")
        )
    assert worked(library) == 1
    assert payload_of(library, 2)["licence"] == "CC0-1.0"
    with library.engine.begin() as catalog:
        catalog.execute(update(listings).where(listings.c.source_key == "1").values(subject_id="taxon:x"))
    assert worked(library) == 1
    assert payload_of(library, 1)["subject"] == ["taxon:x"]


def test_a_media_without_a_hash_is_searchable(library: Library) -> None:
    """A picture of one colour has a vector, and no perceptual hash."""
    shelve(library, [1])
    settle(library, [1], "hashes", reason="flat_picture")
    assert worked(library) == 1
    assert "phash" not in payload_of(library, 1)


def test_a_media_without_a_vector_is_not(library: Library) -> None:
    """It has a row that says so, and a point that it had goes."""
    shelve(library, [1, 2])
    assert worked(library) == 2
    settle(library, [2], "embeddings", version="other", reason="not_a_picture")
    assert worked(library) == 1
    assert sorted(held(library)) == [1]


def test_what_only_the_former_model_embedded_waits(library: Library) -> None:
    """A new model that has come to one source: what is of the others is neither indexed nor in the way."""
    shelve(library, [1])
    shelve(library, [2], version="former-1")
    assert worked(library) == 1
    assert worked(library) == 0
    assert sorted(held(library)) == [1]
    with library.engine.begin() as catalog:
        version = model_of(library.settings).version
        own = {"tenant": library.tenant, "media_id": media_of(2), "model_version": version}
        catalog.execute(insert(tables.embeddings).values(**own, vector=vector_of(2).tobytes()))
    settle(library, [2], "embeddings", version=version)
    assert worked(library) == 1
    assert sorted(held(library)) == [1, 2]


@pytest.mark.parametrize(
    "wrong",
    [b"\0" * 12, np.zeros(512, "<f4").tobytes(), np.full(512, np.nan, "<f4").tobytes()],
    ids=("cut", "0", "nan"),
)
def test_a_broken_vector_is_a_row_and_not_the_end_of_the_run(library: Library, wrong: bytes) -> None:
    """Its former point goes; the others are indexed; mended, it is again."""
    shelve(library, [1, 2])
    worked(library)
    vectors = tables.embeddings
    for stored, expected in ((wrong, [1]), (vector_of(2).tobytes(), [1, 2])):
        with library.engine.begin() as catalog:
            catalog.execute(update(vectors).where(vectors.c.media_id == media_of(2)).values(vector=stored))
        settle(library, [2], "embeddings", version=f"made again, {expected}")
        assert worked(library) == 1
        assert sorted(held(library)) == expected
    rows = tables.ledger.c
    with library.engine.connect() as catalog:
        query = select(rows.reason).where(rows.output == "vector_index", rows.item_id == media_of(2))
        assert catalog.scalar(query) is None


def test_a_media_that_is_deleted_leaves_the_index_with_its_rows(library: Library) -> None:
    """Of the version in use, and of another that still is live."""
    shelve(library, [1, 2, 3])
    worked(library)
    with library.index.append("former-1", None, dims=512) as writer:
        writer.upsert(Point(media_of(n), vector_of(n), {"tenant": library.tenant}) for n in (1, 2, 3))
    with library.engine.begin() as catalog:
        index_pointers.publish(catalog, library.tenant, was=None, pointer=("former-1", writer.name, 3))
        index_pointers.make_live(catalog, library.tenant, "former-1")
        catalog.execute(delete(tables.media_links).where(tables.media_links.c.media_id == media_of(2)))
        catalog.execute(delete(tables.media).where(tables.media.c.media_id == media_of(2)))
    project(Run(library, "test"))
    assert sorted(held(library)) == [1, 3]
    assert sorted(held(library, version="former-1")) == [1, 3]
    with library.engine.connect() as catalog:
        rows = tables.ledger
        left = select(rows.c.item_id).where(rows.c.output == "vector_index")
        assert set(catalog.scalars(left)) == {media_of(1), media_of(3)}


def live(library: Library) -> str:
    with library.engine.connect() as catalog:
        pointer = index_pointers.live_pointer(catalog, library.tenant)
    assert pointer is not None
    return pointer.model_version


def test_a_new_version_is_live_once_it_covers_no_less(library: Library) -> None:
    """Two of three media embedded: the former serves; with the third it is the new one's turn."""
    with library.index.append("former-1", None, dims=512) as writer:
        writer.upsert(Point(media_of(n), vector_of(n), {"tenant": library.tenant}) for n in (1, 2, 3))
    with library.engine.begin() as catalog:
        index_pointers.publish(catalog, library.tenant, was=None, pointer=("former-1", writer.name, 3))
        index_pointers.make_live(catalog, library.tenant, "former-1")
    shelve(library, [1, 2])
    worked(library)
    assert live(library) == "former-1"
    shelve(library, [3])
    worked(library)
    assert live(library) == model_of(library.settings).version
    assert sorted(held(library, version="former-1")) == [1, 2, 3]


def test_made_afresh_it_is_the_same(library: Library) -> None:
    """Ids equal, cosines of .9999 and more, the former in force until then; also when its folder was lost."""
    shelve(library, range(1, 21))
    worked(library)
    before = held(library)
    report = project(Run(library, "test"), afresh=True)
    assert report.of("vector_index") == {("done", ""): 20}
    after = held(library)
    assert after.keys() == before.keys()
    assert all(float(after[n].vector @ before[n].vector) >= 0.9999 for n in before)
    assert all(after[n].payload == before[n].payload for n in before)
    assert worked(library) == 0


def test_no_model_is_loaded_to_make_it_anew(library: Library) -> None:
    """A fresh process has neither torch nor open_clip when the index is there."""
    shelve(library, [1, 2])
    script = """
import sys
from media_pipeline.config import Settings
from media_pipeline.orchestration.work import Run
from media_pipeline.pipeline import OPTIMISE_INDEX
from media_pipeline.stages.index.assets import project
from media_pipeline.stores.library import open_library
with open_library(Settings.load()) as library:
    print(sum(project(Run(library, "child"), afresh=True).of("vector_index").values()))
print(sorted({"torch", "open_clip", "scipy"} & sys.modules.keys()))
"""
    assert library.settings.database_url is not None
    environment = {
        "MEDIA_HOME": str(library.settings.home_path),
        "MEDIA_DATABASE_URL": library.settings.database_url.get_secret_value(),
    }
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert ran.stdout == "2\n[]\n", ran.stderr
    assert sorted(held(library)) == [1, 2]


def test_the_job_of_the_schedule_builds_the_graph(library: Library) -> None:
    """Over all points, also those that it indexed itself; an empty library is no failure."""
    job = build_definitions(settings=library.settings).resolve_job_def(OPTIMISE_INDEX)

    def said() -> dict[str, object]:
        with dg.DagsterInstance.ephemeral() as instance:
            return metadata_of(job.execute_in_process(instance=instance))["vector_index"]

    assert "graph_points" not in said()
    shelve(library, [1, 2])
    assert said()["graph_points"] == 2
    with library.engine.connect() as catalog:
        pointer = index_pointers.live_pointer(catalog, library.tenant)
    assert pointer is not None
    assert (pointer.graph_count, pointer.point_count) == (2, 2)


def test_a_pointer_that_is_lost_is_not_believed_by_the_ledger(library: Library) -> None:
    """Rows that call media indexed, and no index: all of it is made again."""
    shelve(library, [1, 2])
    worked(library)
    with library.engine.begin() as catalog:
        catalog.execute(tables.index_generations.delete())
    assert worked(library) == 2
    assert sorted(held(library)) == [1, 2]


def test_the_version_names_the_model(library: Library) -> None:
    """Another model makes every point stale."""
    (output,) = outputs(library.settings)
    assert output.version == f"2/{model_of(library.settings).version}"
