"""What a subject says for one source alone."""

from __future__ import annotations

from typing import Any

import pytest

from media_pipeline.errors import AnswerError
from media_pipeline.records import Subject
from media_pipeline.sources import WEB_SOURCES
from media_pipeline.sources.options import ANY, chosen, chosen_values, list_of


def fungus(source: str, **said: Any) -> Subject:
    return Subject("a", "taxon", "Amanita muscaria", options={source: said})


def test_values_come_as_words() -> None:
    """Numbers and truth as they are written, a list with commas between or one by one; null says nothing."""
    known = {"a": ANY, "b": ANY, "c": list_of("[0-9]+"), "d": ANY}
    said = fungus("herbarium", a=True, b=" x\ny ", c=[1, 2], d=None)
    assert chosen(said, "herbarium", known) == {"a": "true", "b": "x y", "c": "1,2"}
    assert chosen_values(said, "herbarium", known)["c"] == ("1", "2")
    assert chosen(said, "another", known) == {}


@pytest.mark.parametrize("source", sorted(WEB_SOURCES))
def test_every_source_refuses_an_option_that_it_does_not_know(source: str) -> None:
    """A misspelt one would ask for something else, unseen."""
    with pytest.raises(AnswerError, match=f"no option 'contry' for {source}: it has ") as told:
        WEB_SOURCES[source].requests(fungus(source, contry="DE"), "")
    assert (told.value.reason, told.value.then) == ("question_refused", "skip")


@pytest.mark.parametrize(
    ("source", "name", "value"),
    [
        ("gbif", "country", "Germany"),
        ("gbif", "year", ["2010", "last"]),
        ("gbif", "hasCoordinate", "maybe"),
        ("gbif", "datasetKey", "x"),
        ("gbif", "institutionCode", {"a": 1}),
        ("mushroom_observer", "size", "huge"),
        ("openverse", "size", "huge"),
        ("openverse", "category", ["photograph", "painting"]),
        ("flickr", "tag_mode", "some"),
        ("flickr", "license", "17"),
        ("flickr", "bbox", "1,2,3"),
        ("flickr", "lat", "north"),
        ("flickr", "text", ""),
        ("wikimedia_commons", "radius_m", "abc"),
        ("wikimedia_commons", "category", "a|b"),
        ("wikipedia", "language", "en.evil.example/"),
        ("wikipedia", "title", "a|b"),
        ("inaturalist", "place_id", "x"),
    ],
)
def test_a_value_that_would_not_be_understood_is_refused(source: str, name: str, value: Any) -> None:
    """With its name and itself in the error."""
    with pytest.raises(AnswerError, match=f"question_refused: option {name} of {source}: .* is no"):
        WEB_SOURCES[source].requests(fungus(source, **{name: value}), "")


def test_what_is_understood_is_asked() -> None:
    """Numbers as they stand in YAML, ranges, several countries, a box."""
    gbif = WEB_SOURCES["gbif"]
    asked = gbif.requests(
        fungus("gbif", country=["DE", "AT"], year="2010,2020", month=7, hasCoordinate=True),
        '{"taxon":"1","checklist":"c","offset":0}',
    )
    assert asked is not None
    assert {
        ("country", "DE"),
        ("country", "AT"),
        ("year", "2010,2020"),
        ("month", "7"),
        ("hasCoordinate", "true"),
    } <= set(asked.params)
    boxed = WEB_SOURCES["flickr"].requests(fungus("flickr", bbox=[5.9, 47.2, 15.1, 55], license="4,5"), "")
    assert boxed is not None
    assert {("bbox", "5.9,47.2,15.1,55"), ("license", "4,5")} <= set(boxed.params)
