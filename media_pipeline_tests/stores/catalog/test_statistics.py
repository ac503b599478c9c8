"""The planner's statistics: counted when tables have outgrown them, and what is due is then found in linear time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, insert, text

from media_pipeline.orchestration.work import Run, desk
from media_pipeline.stores import ledger
from media_pipeline.stores.catalog import statistics, tables
from media_pipeline.stores.ledger import Entry, Output
from media_pipeline.stores.library import Library
from media_pipeline_tests.orchestration.steps import add_media, hashes_row, stored_media

HASHES = Output("hashes", "1")
QUALITY = Output("quality", "1", ("hashes",))


@pytest.fixture
def catalog(library: Library) -> Iterator[Connection]:
    with library.engine.connect() as connection:
        yield connection


def test_what_has_grown_is_counted_once(library: Library, catalog: Connection) -> None:
    """A new library has nothing to count; a table that grew is counted, and again when it has grown by a fifth."""
    statistics.refresh(catalog)
    assert statistics.refresh(catalog) == []

    add_media(library, 500)
    assert statistics.refresh(catalog) == ["media"]
    assert catalog.scalar(text("select reltuples from pg_class where oid = 'media.media'::regclass")) == 500
    catalog.rollback()
    add_media(library, 5, first=500)
    assert statistics.refresh(catalog) == []
    add_media(library, 500, first=505)
    assert statistics.refresh(catalog) == ["media"]


def test_a_table_that_another_run_counts_is_not_waited_for(library: Library, catalog: Connection) -> None:
    """Two runs in two partitions sit down at once."""
    statistics.refresh(catalog)
    add_media(library, 500)
    with library.engine.begin() as other:
        other.execute(text("lock table media.media in share update exclusive mode"))
        catalog.execute(text("set lock_timeout = '2s'"))
        catalog.commit()
        assert statistics.refresh(catalog) == ["media"]


def test_what_is_due_is_found_without_reading_everything_for_each_item(library: Library, catalog: Connection) -> None:
    """A library that was filled a moment ago: the query drops at most a few rows for each item, where it dropped all of
    the others' before (3,000 x 3,000)."""
    count = 3000
    ids = add_media(library, count)
    entries = [Entry(item, HASHES, "uploads", "", "done") for item in ids]
    with catalog.begin():
        ledger.record(catalog, entries, tenant=library.tenant, run_id="r", now=datetime.now(UTC))
        catalog.execute(
            insert(tables.hashes),
            [{"tenant": library.tenant, "media_id": item, **hashes_row(item.hex[:16])} for item in ids],
        )
    run = Run(library, "run-1", "uploads")
    with desk(run, [QUALITY]) as (_report, place):
        assert place is not None
        assert place.count_due(stored_media(run)) == count
        query = ledger.due(stored_media(run), [QUALITY], tenant=library.tenant, now=datetime.now(UTC))
        said = query.compile(dialect=library.engine.dialect, compile_kwargs={"literal_binds": True})
        (told,) = place.connection.exec_driver_sql(
            "explain (analyze, timing off, format json) " + str(said).replace("%", "%%")
        ).one()
        place.connection.rollback()

    plan = told if isinstance(told, list) else json.loads(told)
    assert _dropped(plan[0]["Plan"]) <= 3 * count


def _dropped(node: dict[str, Any]) -> float:
    """Rows that were read in vain, by this node and those below it."""
    own = (node.get("Rows Removed by Join Filter", 0) + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return float(own) + sum(_dropped(below) for below in node.get("Plans", ()))
