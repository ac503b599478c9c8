"""Which partitions a run is for."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from pydantic import SecretStr
from rich.console import Console

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError
from media_pipeline.operations.running import partitions_of_sources, tasks_of_run
from media_pipeline.pipeline import EVERYTHING, FETCH_ONWARDS
from media_pipeline.records import Subject
from media_pipeline.sources import EXPLAINED, SOURCES
from media_pipeline.stores.catalog.subjects import add_all
from media_pipeline.stores.library import Library
from media_pipeline_tests.stages.fetch.web import add_listing


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
