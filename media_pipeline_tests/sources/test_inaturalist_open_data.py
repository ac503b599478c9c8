"""Rows of iNaturalist's dump: the listing that its API would tell of, under the photo's own licence."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.errors import AnswerError
from media_pipeline.licences import licence
from media_pipeline.records import Listing, Rejection
from media_pipeline.sources.inaturalist_open_data import (
    INaturalistOpenData,
    Row,
    licence_codes,
    photos_of,
    wanted_of,
)
from media_pipeline.sources.protocol import Answer

ROW = Row(
    photo_id="11",
    observation_uuid="u-1",
    subject_id="cep",
    taxon_name="Boletus edulis",
    extension="jpeg",
    licence="CC-BY-NC",
    width="1530",
    height="2048",
    latitude="60.4888455291",
    longitude="-151.0953202286",
    positional_accuracy="5",
    quality_grade="research",
    observed_on="2017-09-08",
    observer="Person Seven",
)
FILES = "https://inaturalist-open-data.s3.amazonaws.com/photos/11"


def _one(row: Row) -> Listing:
    (found,) = photos_of([row])
    assert isinstance(found, Listing)
    return found


def test_a_row_is_the_listing_of_its_photo() -> None:
    """Every field, as the API's photo has it."""
    assert _one(ROW) == Listing(
        source="inaturalist",
        source_key="11",
        edition="",
        original_url=f"{FILES}/original.jpeg",
        fallback_urls=(f"{FILES}/large.jpeg",),
        thumbnail_url=f"{FILES}/small.jpeg",
        page_url="https://www.inaturalist.org/photos/11",
        licence=licence("CC-BY-NC", version="4.0"),
        attribution="By Person Seven, https://www.inaturalist.org/photos/11, "
        "CC BY-NC 4.0 (https://creativecommons.org/licenses/by-nc/4.0/)",
        creator="Person Seven",
        subject_id="cep",
        width_px=1530,
        height_px=2048,
        taxon_name="Boletus edulis",
        observation_ids=("u-1",),
        observed_on=date(2017, 9, 8),
        latitude=60.4888455291,
        longitude=-151.0953202286,
        coordinate_uncertainty_m=5.0,
        prior_points=95,
    )


@pytest.mark.parametrize(
    ("code", "name", "family"),
    [
        ("CC0", "CC0-1.0", "cc0"),
        ("CC-BY-NC-SA", "CC-BY-NC-SA-4.0", "cc-by-nc-sa"),
        ("CC-BY-NC-ND", "CC-BY-NC-ND-4.0", "cc-by-nc-nd"),
        ("PD", "LicenseRef-PD", "public-domain"),
        ("GFDL", "GFDL", "gfdl"),
        (None, "LicenseRef-unknown", "unknown"),
        ("C", "LicenseRef-unknown", "unknown"),
    ],
)
def test_codes_are_of_version_four_where_there_is_one(code: str | None, name: str, family: str) -> None:
    """No licence in a dump of licensed photos is silence, and nothing that may be used."""
    found = _one(ROW._replace(licence=code)).licence
    assert (found.name, found.family) == (name, family)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        ("2048", "2048", (2048, 2048)),
        ("4096", "2048", (2048, 1024)),
        ("1", "9999", (1, 2048)),
        ("", "9", (None, None)),
        (None, None, (None, None)),
        ("0", "0", (None, None)),
        ("wide", "high", (None, None)),
    ],
)
def test_a_photo_is_as_large_as_what_is_served(
    width: str | None, height: str | None, size: tuple[int | None, int | None]
) -> None:
    """iNaturalist keeps 2048 px, whatever was uploaded."""
    found = _one(ROW._replace(width=width, height=height))
    assert (found.width_px, found.height_px) == size


def test_an_old_photo_without_an_extension_has_none_in_its_address() -> None:
    """It is that of the file."""
    assert _one(ROW._replace(extension=None)).original_url == f"{FILES}/original"


@pytest.mark.parametrize(("field", "value"), [("photo_id", "11a"), ("photo_id", "0"), ("extension", "jpg?x=1")])
def test_what_would_make_another_address_is_refused(field: str, value: str) -> None:
    """An id that is no number, an extension that is none."""
    (found,) = photos_of([Row(**{**ROW._asdict(), field: value})])
    assert isinstance(found, Rejection)
    assert found.reason == "malformed"


def test_a_photo_in_two_observations_is_one_listing_of_both() -> None:
    """The first row speaks for it."""
    rows = [ROW, ROW._replace(observation_uuid="u-2", taxon_name="Boletus aereus"), ROW._replace(photo_id="12")]
    first, second = photos_of(rows)
    assert isinstance(first, Listing)
    assert (first.source_key, first.observation_ids, first.taxon_name) == ("11", ("u-1", "u-2"), "Boletus edulis")
    assert isinstance(second, Listing)
    assert second.source_key == "12"


def test_a_photo_that_is_wanted_for_two_subjects_is_told_for_each() -> None:
    """The same but for the subject and the observations that show it."""
    rows = [ROW, ROW._replace(subject_id="fungi"), ROW._replace(subject_id="fungi", observation_uuid="u-2")]
    of_cep, of_fungi = photos_of(rows)
    assert isinstance(of_cep, Listing)
    assert of_cep == _one(ROW)
    assert of_fungi == replace(of_cep, subject_id="fungi", observation_ids=("u-1", "u-2"))


def test_rows_as_a_page_say_the_same() -> None:
    """What the protocol asks of every source."""
    body = json.dumps([ROW, ROW._replace(photo_id="x")]).encode()
    parsed = INaturalistOpenData().parse(Answer(body))
    assert parsed.listings == (_one(ROW),)
    assert [rejection.source_key for rejection in parsed.rejections] == ["x"]


@pytest.mark.parametrize("body", [b"<html>", b"7", b"[7]", b"[[1,2]]", b"\xff"])
def test_what_is_no_rows_is_no_answer(body: bytes) -> None:
    """And no other error."""
    with pytest.raises(AnswerError, match="unreadable_answer"):
        INaturalistOpenData().parse(Answer(body))


@given(st.builds(Row, st.text(), st.text(), st.text(), *[st.none() | st.text()] * 11))
def test_any_text_makes_a_listing_or_a_rejection(row: Row) -> None:
    """Whatever stands in the dump."""
    (found,) = photos_of([row])
    assert found.source_key == row.photo_id[:80]


def test_codes_of_families() -> None:
    """What is looked for in the dump."""
    assert licence_codes(["cc0", "cc-by-nc", "public-domain", "unknown"]) == ("CC0", "CC-BY-NC", "PD")


def test_a_known_photo_counts_whatever_its_licence() -> None:
    """Others only under one that is wanted; what is no known code is unknown."""
    codes = ("CC0", "CC-BY-ND", "X", None)
    rows = [ROW._replace(licence=code, is_known=known) for code in codes for known in (False, True)]
    told = [(row[5], row[-1]) for row in wanted_of(rows, {"cc0"})]
    assert told == [("CC0", False), ("CC0", True), ("CC-BY-ND", True), ("X", True), (None, True)]
    assert [row[5] for row in wanted_of(rows[::2], {"unknown"})] == ["X", None]


def test_a_known_photo_of_no_observation_that_is_wanted_tells_of_none() -> None:
    """So that the catalog keeps what it knows of where and when."""
    found = _one(ROW._replace(observation_uuid=None, subject_id=None, taxon_name=None, is_known=True))
    assert (found.subject_id, found.observation_ids) == (None, ())
