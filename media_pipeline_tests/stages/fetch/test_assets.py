"""Fetch: what becomes of files that are not there, or may not be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from media_pipeline.errors import BlobUnreadable
from media_pipeline.orchestration.work import Run, work_off
from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.discover.assets import read_pages, store_pages
from media_pipeline.stages.fetch.assets import WORK
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

    def get(self, key: str, *, sha256: str | None = None) -> bytes:
        if key == "coffee.jpg":
            raise BlobUnreadable(f"cannot read {key}: permission denied")
        return super().get(key, sha256=sha256)


def test_a_file_that_may_not_be_read_is_a_row(library: Library, photos: Path, catalog: Connection) -> None:
    """The others are fetched; once its mode is mended, so is this one."""
    _list(library)
    closed = replace(
        library, bucket=_Closed(photos), settings=library.settings.model_copy(update={"retry_backoff_s": 60.0})
    )
    assert work_off(WORK, _run(closed)).of("originals") == {("done", ""): 2, ("failed", "unreadable"): 1}
    store_pages(_run(library))
    assert work_off(WORK, _run(library)).of("originals") == {("done", ""): 1}
    assert catalog.scalar(select(func.count()).select_from(tables.media_links)) == 3


def test_a_file_that_was_away_for_a_while_is_not_lost(library: Library, photos: Path, tmp_path: Path) -> None:
    """A mount that drops in the middle of a run: what is seen again in the same edition is due again."""
    _list(library)
    away = tmp_path / "coffee.jpg"
    (photos / "coffee.jpg").rename(away)
    assert work_off(WORK, _run(library)).of("originals") == {("done", ""): 2, ("failed", "gone"): 1}
    store_pages(_run(library))
    assert work_off(WORK, _run(library)).of("originals") == {}

    away.rename(photos / "coffee.jpg")
    store_pages(_run(library))
    assert work_off(WORK, _run(library)).of("originals") == {("done", ""): 1}


def test_a_file_that_changed_after_it_was_listed_is_fetched_as_it_is_now(
    library: Library, photos: Path, catalog: Connection
) -> None:
    """The former edition fails as replaced; the new one is another listing."""
    _list(library)
    photograph("rocket").save(photos / "coffee.jpg")
    assert work_off(WORK, _run(library)).of("originals") == {("done", ""): 2, ("failed", "replaced"): 1}
    _list(library)
    assert work_off(WORK, _run(library)).of("originals") == {("done", ""): 1}
    digests = set(catalog.scalars(select(tables.media.c.sha256)))
    assert len(digests) == 3
