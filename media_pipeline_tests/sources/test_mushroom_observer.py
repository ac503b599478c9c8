"""Mushroom Observer: what is asked, what its answers mean, and which of its errors end what."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_pipeline.errors import AnswerError
from media_pipeline.records import Listing, Rejection, Subject
from media_pipeline.sources.mushroom_observer import MushroomObserver, read_images_csv
from media_pipeline.sources.protocol import RECHECK, Answer, Known, Request
from media_pipeline_tests.sources.mutilated import mutilated

SOURCE = MushroomObserver()
CAP = Subject("s1", "taxon", "Amanita muscaria", rank="species")
SITE = "https://mushroomobserver.org"


@pytest.fixture
def recorded(shared: Path) -> Path:
    return shared / "sources" / "recorded" / "mushroomobserver"


def image(**changes: Any) -> dict[str, Any]:
    """A photo as the API tells of it, with other fields."""
    return {
        "id": 7,
        "date": "2020-09-01",
        "copyright_holder": "A Photographer",
        "ok_for_export": True,
        "license": "Creative Commons Attribution v4.0 (Wikipedia compatible)",
        "content_type": "image/jpeg",
        "width": 3000,
        "height": 2000,
        "original_url": f"{SITE}/images/orig/7.jpg?99",
        "files": [f"{SITE}/images/{size}/7.jpg?99" for size in ("thumb", "320", "640", "960", "1280", "orig", "orig")],
        "observation_ids": [3],
        **changes,
    }


def answer(*images: Any, subject: Subject | None = CAP, cursor: str = "", **envelope: Any) -> Answer:
    told = {"version": 2.0, "number_of_pages": 1, "page_number": 1, "results": list(images), **envelope}
    return Answer(json.dumps(told).encode(), subject=subject, cursor=cursor)


def error(code: str, fatal: Any = "true") -> Answer:
    told = {"version": 2.0, "errors": [{"code": f"API2::{code}", "details": "no", "fatal": fatal}], "run_time": 0.1}
    return Answer(json.dumps(told).encode(), subject=CAP)


def test_the_recorded_page_is_two_photos_and_one_that_may_not_be_exported(recorded: Path) -> None:
    """The 1280 px file with its cache key, the smaller ones behind it; its own size, not the original's."""
    parsed = SOURCE.parse(Answer((recorded / "images_detail_high_SYNTHETIC.json").read_bytes(), subject=CAP))
    first, second = parsed.listings
    assert (first.source, first.source_key, first.edition) == ("mushroom_observer", "610775", "")
    assert first.original_url == f"{SITE}/images/1280/610775.jpg?1460360907"
    assert first.fallback_urls == (
        f"{SITE}/images/960/610775.jpg?1460360907",
        f"{SITE}/images/640/610775.jpg?1460360907",
    )
    assert first.thumbnail_url == f"{SITE}/images/320/610775.jpg?1460360907"
    assert first.page_url == f"{SITE}/images/610775"
    assert (first.licence.name, first.licence.is_open) == ("CC-BY-SA-3.0", True)
    assert first.licence.raw == "Creative Commons Wikipedia Compatible v3.0"
    assert first.attribution == (
        f"By Alice A, {SITE}/images/610775, CC BY-SA 3.0 (https://creativecommons.org/licenses/by-sa/3.0/)"
    )
    assert (first.width_px, first.height_px, first.content_type) == (1280, 960, "image/jpeg")
    assert (first.observed_on, first.observation_ids, first.subject_id) == (date(2016, 4, 9), ("236438",), "s1")
    assert (first.latitude, first.longitude, first.species_confidence, first.prior_points) == (None, None, None, 80.0)
    assert (second.source_key, second.creator, second.licence.raw) == ("610777", "Bob B", "Public Domain")
    assert second.licence.is_open
    assert second.prior_points == 88.5  # 75 + 5 x 2.7
    assert parsed.rejections == (Rejection("610776", "not_for_export"),)
    assert parsed.next_cursor is None


def test_the_recorded_tables_give_the_same_photos_without_a_request(recorded: Path) -> None:
    """Addresses from the id; day and confidence from the observation that the photo stands for: (2.25982 + 3) / 6."""
    images = (recorded / "images_csv_SYNTHETIC.tsv").read_bytes()
    (alone,) = read_images_csv(images).listings
    assert (alone.observed_on, alone.species_confidence, alone.observation_ids) == (None, None, ())
    (found,) = read_images_csv(images, (recorded / "observations_csv_SYNTHETIC.tsv").read_bytes()).listings
    assert (found.source_key, found.original_url) == ("479099", f"{SITE}/images/1280/479099.jpg")
    assert (found.licence.name, found.creator) == ("CC-BY-SA-3.0", "KA Butcher")
    assert (found.observed_on, found.observation_ids) == (date(2014, 11, 6), ("187521",))
    assert found.species_confidence == pytest.approx(0.876637, abs=1e-6)
    assert (found.latitude, found.longitude, found.is_obscured) == (None, None, False)


def test_a_table_is_no_answer_of_the_api(recorded: Path) -> None:
    """And HTML or half an answer is none either."""
    for body in ((recorded / "images_csv_SYNTHETIC.tsv").read_bytes(), b"<html>", b'{"results": [', b'{"version": 2}'):
        with pytest.raises(AnswerError) as raised:
            SOURCE.parse(Answer(body))
        assert raised.value.reason == "unreadable_answer"


def test_odd_rows_of_the_tables_are_rejected_or_say_less() -> None:
    """NULL is nothing, 0 forbids the export, whole degrees are a hidden place."""
    images = (
        b"id\tcontent_type\tcopyright_holder\tlicense\tok_for_export\tdiagnostic\n"
        b'1\timage/png\tThe "Owner"\tNULL\t1\t1\r\n'
        b"2\timage/jpeg\tX\tPublic Domain\t0\t1\nNULL\tx\n3\n4\taudio/wav\tX\tPublic Domain\t1\t0\n"
    )
    observations = (
        b"id\tname_id\twhen\tlocation_id\tlat\tlng\t alt\tvote_cache\tis_collection_location\tthumb_image_id\n"
        b"9\t1\t2020-01-02\t1\t47\t-122\t10\t-3\t1\t1\n"
    )
    parsed = read_images_csv(images, observations)
    (listing,) = parsed.listings
    assert (listing.creator, listing.licence.family) == ('The "Owner"', "all-rights-reserved")
    assert (listing.latitude, listing.longitude, listing.is_obscured) == (47.0, -122.0, True)
    assert listing.species_confidence == 0.0
    assert [(one.source_key, one.reason) for one in parsed.rejections] == [
        ("2", "not_for_export"),
        ("", "malformed"),
        ("3", "not_for_export"),
        ("4", "not_a_photo"),
    ]


def test_a_taxon_is_asked_for_with_its_synonyms_and_a_place_not_at_all() -> None:
    """Only parameters that the service knows: any other is an error there."""
    common = (("format", "json"), ("detail", "high"))
    assert SOURCE.requests(CAP, "") == Request(
        f"{SITE}/api2/images",
        (*common, ("name", "Amanita muscaria"), ("include_synonyms", "true"), ("page", "1")),
    )
    genus = Subject("s", "taxon", "Amanita, sensu \\ lato", rank="genus")
    assert SOURCE.requests(genus, '{"page":3}') == Request(
        f"{SITE}/api2/images",
        (
            *common,
            ("name", "Amanita\\, sensu \\\\ lato"),
            ("include_synonyms", "true"),
            ("include_subtaxa", "true"),
            ("page", "3"),
        ),
    )
    by_id = SOURCE.requests(Subject("s", "taxon", "x", source_ids={"mushroom_observer": "344"}), "")
    assert by_id is not None
    assert ("name", "344") in by_id.params
    assert SOURCE.requests(Subject("p", "place", "Ravenna"), "") is None


def test_pages_follow_each_other_to_the_last() -> None:
    """The cursor holds the page to ask for next."""
    first = SOURCE.parse(answer(image(), number_of_pages=2))
    assert first.next_cursor == '{"page":2}'
    assert SOURCE.parse(answer(image(), number_of_pages=2, cursor='{"page":2}')).next_cursor is None
    assert SOURCE.parse(answer()).listings == ()


def test_the_original_is_taken_only_where_the_subject_says_so() -> None:
    """Then it has its own size and type, and the served files stand behind it."""
    wanted = Subject("s1", "taxon", "x", options={"mushroom_observer": {"size": "orig"}})
    png = image(content_type="image/png", original_url=f"{SITE}/images/orig/7.png?99")
    (listing,) = SOURCE.parse(answer(png, subject=wanted)).listings
    assert listing.original_url == f"{SITE}/images/orig/7.png?99"
    assert listing.fallback_urls[0] == f"{SITE}/images/1280/7.jpg?99"
    assert (listing.width_px, listing.height_px, listing.content_type) == (3000, 2000, "image/png")
    (served,) = SOURCE.parse(answer(png)).listings
    assert (served.width_px, served.height_px, served.content_type) == (1280, 853, "image/jpeg")
    (small,) = SOURCE.parse(answer(image(width=800, height=600))).listings
    assert (small.width_px, small.height_px) == (800, 600)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": "../1"}, "malformed"),
        ({"ok_for_export": None}, "not_for_export"),
        ({"content_type": "video/mp4"}, "not_a_photo"),
        ({"files": [f"{SITE}/images/320/7.jpg?99", "ftp://x/1280/7.jpg", 5]}, "no_url"),
        ({"files": None}, "no_url"),
    ],
)
def test_what_is_no_photo_to_have_is_rejected(changes: dict[str, Any], reason: str) -> None:
    """With the word that says why."""
    parsed = SOURCE.parse(answer(image(**changes)))
    assert [one.reason for one in parsed.rejections] == [reason]
    assert parsed.listings == ()


@pytest.mark.parametrize(
    ("code", "reason", "then"),
    [
        ("NameDoesntParse", "unknown_subject", "skip"),
        ("ObjectNotFoundByString", "unknown_subject", "skip"),
        ("UnusedParameters", "question_refused", "skip"),
        ("UserAccountBlocked", "source_refuses", "stop"),
        ("RenderFailed", "source_unavailable", "retry"),
    ],
)
def test_errors_come_with_http_200_and_are_told_apart(code: str, reason: str, then: str) -> None:
    """`fatal` is the text "true"; one that is not fatal leaves the results as they are."""
    with pytest.raises(AnswerError) as raised:
        SOURCE.parse(error(code))
    assert (raised.value.reason, raised.value.then) == (reason, then)
    with pytest.raises(AnswerError):
        SOURCE.parse(error(code, fatal=True))
    harmless = [{"code": f"API2::{code}", "fatal": "false"}]
    assert len(SOURCE.parse(answer(image(), errors=harmless)).listings) == 1


def test_maintenance_is_tried_again() -> None:
    """503 with JSON, for minutes."""
    with pytest.raises(AnswerError) as raised:
        SOURCE.parse(Answer(b'{"errors": []}', status=503))
    assert raised.value.then == "retry"


def test_one_photo_is_looked_at_again_and_a_deleted_one_is_gone() -> None:
    """One by one: a missing id spoils a batch."""
    assert SOURCE.recheck_batch == 1
    assert SOURCE.recheck([Known("7", None, ())]) == Request(
        f"{SITE}/api2/images", (("format", "json"), ("detail", "high"), ("id", "7"))
    )
    found = SOURCE.parse(answer(image(), subject=None, cursor=RECHECK, number_of_pages=9))
    assert ([one.source_key for one in found.listings], found.next_cursor) == (["7"], None)
    gone = error("ObjectNotFoundById")
    assert SOURCE.parse(Answer(gone.body, cursor=RECHECK)).listings == ()


@pytest.mark.parametrize("results", [[1, "x"], [{}], [{"id": "x"}]])
def test_what_cannot_be_read_again_has_not_vanished(results: list[Any]) -> None:
    """An error, where «no photos» would take them for gone."""
    with pytest.raises(AnswerError, match="unreadable_answer"):
        SOURCE.parse(Answer(json.dumps({"results": results}).encode(), cursor=RECHECK))


@pytest.mark.parametrize(
    ("quality", "points"), [(None, 80.0), (0, 80.0), (1, 80.0), (2.5, 87.5), (4, 95.0), (99, 95.0), ("x", 80.0)]
)
def test_votes_become_prior_points(quality: Any, points: float) -> None:
    """1 is useful, 4 is great."""
    (listing,) = SOURCE.parse(answer(image(quality=quality))).listings
    assert listing.prior_points == points


DOCUMENT = {"number_of_pages": 2, "results": [image(), image(id=8, license="Public Domain")], "errors": []}


def licences_said(body: bytes) -> set[Any]:
    """Every text under `license` in it."""
    return {
        one.get("license") if isinstance(one.get("license"), str) else None
        for one in json.loads(body)["results"]
        if isinstance(one, dict)
    }


@settings(deadline=None)
@given(mutilated(DOCUMENT), st.sampled_from(["", RECHECK]))
def test_a_mutilated_answer_is_an_answer_error_or_honest(body: bytes, cursor: str) -> None:
    """Nothing else is raised, and no open licence appears that is not said there."""
    try:
        listings: tuple[Listing, ...] = SOURCE.parse(Answer(body, cursor=cursor, subject=CAP)).listings
    except AnswerError:
        return
    for listing in listings:
        assert listing.source_key.isdecimal()
        if listing.licence.is_open:
            assert listing.licence.raw in {" ".join(said.split()) for said in licences_said(body) if said}


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_table_without_photos_or_an_honest_one(table: bytes) -> None:
    """The reader of the tables raises nothing."""
    header = b"id\tcontent_type\tcopyright_holder\tlicense\tok_for_export\tdiagnostic\n"
    for listing in read_images_csv(header + table, table).listings:
        assert listing.source_key.isdecimal()
