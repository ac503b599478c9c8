"""Which partitions a run is for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from rich.console import Console
from sqlalchemy import insert

from media_pipeline.config import Settings
from media_pipeline.definitions import all_outputs
from media_pipeline.errors import ConfigError
from media_pipeline.operations.reporting import source_table
from media_pipeline.operations.running import nobody_answered, partitions_of_sources, tasks_of_run, tell_of_run
from media_pipeline.pipeline import EVERYTHING, FETCH_ONWARDS
from media_pipeline.records import Subject
from media_pipeline.sources import EXPLAINED, SOURCES
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.subjects import add_all
from media_pipeline.stores.library import Library
from media_pipeline_tests.stages.fetch.web import PAGE, add_listing


def test_a_run_is_for_the_sources_that_are_named_or_for_all() -> None:
    """Each in all its shards."""
    settings = Settings.load(shards={"uploads": 2})
    assert partitions_of_sources(settings, ["uploads"]) == ["uploads/00", "uploads/01"]
    assert {partition.partition("/")[0] for partition in partitions_of_sources(settings, [])} == set(SOURCES)


def test_bing_is_an_explained_error() -> None:
    """It says why there is none, and what there is instead."""
    with pytest.raises(ConfigError, match=r"switched .* off on 11 August 2025.* against its terms; use openverse"):
        partitions_of_sources(Settings.load(), ["uploads", "bing"])


def test_an_unknown_source_is_told_which_there_are() -> None:
    """A misspelt name is no run of nothing."""
    with pytest.raises(ConfigError, match=r"no source upload: there are .*openverse, uploads"):
        partitions_of_sources(Settings.load(), ["upload"])


def test_what_is_explained_is_no_source_and_points_to_one_that_is() -> None:
    """A name that becomes a source needs no excuse any more."""
    assert not set(EXPLAINED) & set(SOURCES)
    assert "openverse" in SOURCES


def with_settings(library: Library, **chosen: object) -> Library:
    return replace(library, settings=library.settings.model_copy(update=chosen))


def looked_for(library: Library) -> None:
    with library.engine.begin() as connection:
        add_all(connection, library.tenant, [Subject("amanita-muscaria", "taxon", "Amanita muscaria")])


def test_what_another_source_told_is_fetched_without_asking_its_own(library: Library) -> None:
    """It becomes due while the others are asked: the last task is found only then."""
    looked_for(library)
    said = Console(file=StringIO(), width=200)
    tasks = tasks_of_run(with_settings(library, contact="a@example.org"), [], said)
    first = next(tasks)
    add_listing(library, "1", source="flickr", partition="flickr")
    found = [first, *tasks]
    assert found[-1] == (FETCH_ONWARDS, "flickr")
    assert (EVERYTHING, "flickr") not in found
    assert {job for job, _ in found[:-1]} == {EVERYTHING}
    assert isinstance(said.file, StringIO)
    assert "not asked until MEDIA_FLICKR_KEY is set: flickr" in said.file.getvalue()


def test_an_owner_that_was_asked_before_its_photos_were_told_is_fetched_again(library: Library) -> None:
    """In the same run; where nothing was told there is no second task."""
    looked_for(library)
    keyed = with_settings(library, contact="a@example.org", flickr_key=SecretStr("k"))
    assert {job for job, _ in tasks_of_run(keyed, [], Console(quiet=True))} == {EVERYTHING}
    tasks = tasks_of_run(keyed, [], Console(quiet=True))
    first = next(tasks)
    add_listing(library, "1", source="inaturalist", partition="inaturalist")
    assert [task for task in (first, *tasks) if task[1] == "inaturalist"] == [
        (EVERYTHING, "inaturalist"),
        (FETCH_ONWARDS, "inaturalist"),
    ]


def test_without_a_contact_nothing_is_downloaded(library: Library) -> None:
    """Whatever is due."""
    looked_for(library)
    add_listing(library, "1", source="flickr", partition="flickr")
    tasks = tasks_of_run(library, [], Console(quiet=True))
    assert [job for job, partition in tasks if partition == "flickr"] == []


def told(library: Library, **more: Any) -> str:
    console = Console(record=True, width=250, quiet=False, file=StringIO())
    tell_of_run(library, [], console, **more)
    return console.export_text()


def test_a_library_with_work_left_is_not_up_to_date(library: Library) -> None:
    """It says where."""
    add_listing(library, "1", source="flickr", partition="flickr")
    put_row(library, "source_pages", PAGE, partition="web")
    put_row(library, "source_listings", PAGE, partition="web")
    said = told(library)
    assert "there is work left: 1 at originals of flickr" in said
    assert "up to date" not in said


def test_an_empty_library_with_subjects_lacks_no_files(library: Library) -> None:
    """It lacks a contact; and where something is wrong, only that is told."""
    assert "No files yet: put photos into" in told(library)
    looked_for(library)
    assert "No photos yet: 1 subjects are looked for, but" in told(library)
    assert "set MEDIA_CONTACT" in told(library)
    assert "yet:" not in told(library, troubles=["the dump is broken"])


def test_a_dump_that_is_not_set_costs_no_run(library: Library) -> None:
    """With one it is read like any other source."""
    console = Console(file=StringIO())
    assert list(tasks_of_run(library, [], console)) == [(EVERYTHING, "uploads")]
    dumped = with_settings(library, inaturalist_dump="/dump")
    tasks = list(tasks_of_run(dumped, [], console))
    assert tasks == [(EVERYTHING, "uploads"), (EVERYTHING, "inaturalist_open_data")]


def test_the_dump_that_was_named_and_is_not_set_is_an_error_with_its_setting(library: Library) -> None:
    """Nothing was asked, and no files are missing."""
    with pytest.raises(ConfigError, match="MEDIA_INATURALIST_DUMP: inaturalist_open_data reads the monthly dump"):
        tasks_of_run(library, ["inaturalist_open_data"], Console(quiet=True))


def test_where_no_source_answers_the_cause_and_the_next_try_are_told(library: Library) -> None:
    """And where one did, it is no matter of the network."""
    again = datetime(2026, 5, 1, 14, 5, tzinfo=UTC)
    for number, source in ((1, "gbif"), (2, "openverse")):
        put_row(
            library,
            "source_walks",
            UUID(int=number),
            partition=source,
            status="failed",
            reason="source_unavailable",
            detail="no address is known for its host",
            retry_at=again,
        )
    begun = datetime(2026, 5, 1, tzinfo=UTC)
    assert nobody_answered(library, since=begun) == (
        "no source answers: gbif, openverse: no address is known for its host; "
        "tried again from 14:05 UTC by media-pipeline run"
    )
    assert nobody_answered(library, since=datetime(2026, 5, 3, tzinfo=UTC)) == ""
    put_row(library, "source_walks", UUID(int=3), partition="wikipedia")
    assert nobody_answered(library, since=begun) == ""


def test_status_tells_the_commonest_detail_and_the_next_try(library: Library) -> None:
    """Of each reason, with what must be done first."""
    listings = [add_listing(library, key, source="gbif", partition="gbif") for key in "abc"]
    for listing, detail in zip(listings, ("the answer is 404", "gone at last", "gone at last"), strict=True):
        put_row(
            library,
            "originals",
            listing,
            partition="gbif",
            status="failed",
            reason="server_error",
            detail=detail,
            retry_at=datetime(2026, 5, 1, 14, 5, tzinfo=UTC),
        )
    console = Console(record=True, width=250, file=StringIO())
    console.print(source_table(library))
    assert "server_error: gone at last; next try 2026-05-01 14:05 UTC" in console.export_text()


def put_row(library: Library, output: str, item: UUID, **chosen: Any) -> None:
    """A row of the ledger: done, with today's version, unless `chosen` says otherwise."""
    version = next(one.version for one in all_outputs(library.settings) if one.name == output)
    row = {
        "tenant": library.tenant,
        "output": output,
        "item_id": item,
        "version": version,
        "inputs": "",
        "status": "done",
        "attempts": 1,
        "run_id": "run",
        "finished_at": datetime(2026, 5, 2, tzinfo=UTC),
        **chosen,
    }
    with library.engine.begin() as connection:
        connection.execute(insert(tables.ledger).values(row))
