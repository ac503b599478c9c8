"""Fetch: what becomes of files that are not there, or may not be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from media_pipeline.errors import BlobUnreadable
from media_pipeline.orchestration.work import Run
from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.discover.assets import read_pages, store_pages
from media_pipeline.stages.fetch.assets import fetch
from media_pipeline.stores.blobs import TEMP_FOLDER
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.folder import LocalBlobs
from media_pipeline.stores.library import Library


@pytest.fixture
def catalog(library: Library) -> Iterator[Connection]:
    with library.engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


@pytest.fixture
def photos(bucket: Path) -> Path:
    for name in ("coffee", "astronaut", "chelsea"):
        photograph(name).save(bucket / f"{name}.jpg")
    return bucket


def _run(library: Library) -> Run:
    return Run(library, "test", "uploads")


def _list(library: Library) -> None:
    store_pages(_run(library))
    read_pages(_run(library))


class _Closed(LocalBlobs):
    """A folder in which one file may not be read."""

    def get_to_file(self, key: str, path: Path) -> str:
        if key == "coffee.jpg":
            raise BlobUnreadable(f"cannot read {key}: permission denied")
        return super().get_to_file(key, path)


def test_a_file_that_may_not_be_read_is_a_row(library: Library, photos: Path, catalog: Connection) -> None:
    """The others are fetched; once its mode is mended, so is this one."""
    _list(library)
    closed = replace(
        library, bucket=_Closed(photos), settings=library.settings.model_copy(update={"retry_backoff_s": 60.0})
    )
    assert fetch(_run(closed)).of("originals") == {("done", ""): 2, ("failed", "unreadable"): 1}
    store_pages(_run(library))
    assert fetch(_run(library)).of("originals") == {("done", ""): 1}
    assert catalog.scalar(select(func.count()).select_from(tables.media_links)) == 3


def test_a_file_that_was_away_for_a_while_is_not_lost(library: Library, photos: Path, tmp_path: Path) -> None:
    """A mount that drops in the middle of a run: what is seen again in the same edition is due again."""
    _list(library)
    away = tmp_path / "coffee.jpg"
    (photos / "coffee.jpg").rename(away)
    assert fetch(_run(library)).of("originals") == {("done", ""): 2, ("failed", "gone"): 1}
    store_pages(_run(library))
    assert fetch(_run(library)).of("originals") == {}

    away.rename(photos / "coffee.jpg")
    store_pages(_run(library))
    assert fetch(_run(library)).of("originals") == {("done", ""): 1}


def test_a_file_that_changed_after_it_was_listed_is_fetched_as_it_is_now(
    library: Library, photos: Path, catalog: Connection
) -> None:
    """The former edition fails as replaced; the new one is another listing."""
    _list(library)
    photograph("rocket").save(photos / "coffee.jpg")
    assert fetch(_run(library)).of("originals") == {("done", ""): 2, ("failed", "replaced"): 1}
    _list(library)
    assert fetch(_run(library)).of("originals") == {("done", ""): 1}
    digests = set(catalog.scalars(select(tables.media.c.sha256)))
    assert len(digests) == 3


def test_an_upload_of_any_size_and_licence_is_taken(library: Library, photos: Path, catalog: Connection) -> None:
    """Below HQ is written down with it; a film has no size to judge by."""
    (photos / "film.mp4").write_bytes(b"\0\0\0\x18ftypisom\0\0\2\0" + bytes(100))
    photograph("coffee").resize((1600, 900)).save(photos / "large.jpg")
    _list(library)
    assert fetch(_run(library)).of("originals") == {("done", ""): 5}
    links, listings = tables.media_links, tables.source_listings
    query = select(listings.c.source_key, links.c.hq_exception).join(links, links.c.listing_id == listings.c.listing_id)
    assert {row.source_key: row.hq_exception for row in catalog.execute(query)} == {
        "astronaut.jpg": "upload",
        "chelsea.jpg": "upload",
        "coffee.jpg": "upload",
        "film.mp4": None,
        "large.jpg": None,
    }
    assert list((library.settings.home_path / "blobs" / TEMP_FOLDER / "scratch").iterdir()) == []
