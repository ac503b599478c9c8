"""Which partitions a run is for."""

from __future__ import annotations

import pytest

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError
from media_pipeline.operations.running import partitions_of_sources
from media_pipeline.sources import EXPLAINED, SOURCES


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
