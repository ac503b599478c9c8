"""Openverse: what is asked, whose photo a row is, and which rows are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_pipeline.errors import AnswerError
from media_pipeline.records import Rejection, Subject
from media_pipeline.sources.openverse import Openverse
from media_pipeline.sources.protocol import RECHECK, Answer, Known, Request
from media_pipeline_tests.sources.mutilated import mutilated

SOURCE = Openverse()
ID = "00000000-0000-4000-8000-00000000000a"
OTHER = "00000000-0000-4000-8000-00000000000b"
API = "https://api.openverse.org/v1/images/"
BY = "https://creativecommons.org/licenses/by/2.0/"
TREE = Subject("t1", "taxon", "Quercus robur")


def row(**changes: Any) -> dict[str, Any]:
    """A photo as Openverse tells of it, with other fields."""
    return {
        "id": ID,
        "title": "An oak",
        "foreign_landing_url": "https://museum.example/oak",
        "url": "https://museum.example/oak.jpg",
        "creator": "A Photographer",
        "license": "by",
        "license_version": "2.0",
        "license_url": BY,
        "provider": "museum",
        "category": None,
        "filesize": None,
        "filetype": "jpg",
        "mature": False,
        "width": 4000,
        "height": 3000,
        "thumbnail": f"{API}{ID}/thumb/",
        **changes,
    }


def answer(*rows: Any, cursor: str = "", pages: Any = 1) -> Answer:
    told = {"result_count": len(rows), "page_count": pages, "page_size": 20, "page": 1, "results": list(rows)}
    return Answer(json.dumps(told).encode(), subject=TREE, cursor=cursor)


def test_the_recorded_answer_is_one_photo_of_bark(shared: Path) -> None:
    """With the sentence that Openverse has ready, under CC0."""
    body = (shared / "sources" / "recorded" / "openverse" / "images_search_doc_example.json").read_bytes()
    parsed = SOURCE.parse(Answer(body, subject=TREE))
    (found,) = parsed.listings
    assert (found.source, found.source_key) == ("openverse", "4bc43a04-ef46-4544-a0c1-63c63f56e276")
    assert found.original_url == "https://cdn.stocksnap.io/img-thumbs/960w/XNVBVXO3B7.jpg"
    assert found.page_url == "https://stocksnap.io/photo/XNVBVXO3B7"
    assert (found.licence.name, found.licence.is_open) == ("CC0-1.0", True)
    assert found.attribution == (
        '"Tree Bark Photo" by Tim Sullivan is marked with CC0 1.0. '
        "To view the terms, visit https://creativecommons.org/publicdomain/zero/1.0/."
    )
    assert (found.creator, found.title) == ("Tim Sullivan", "Tree Bark Photo")
    assert (found.size_bytes, found.width_px, found.height_px) == (896128, 6016, 4016)
    assert (found.content_type, found.subject_id, found.latitude) == ("image/jpeg", "t1", None)
    assert (parsed.rejections, parsed.next_cursor) == ((), None)


def test_photos_of_flickr_and_inaturalist_are_listed_as_theirs() -> None:
    """Their id stands in the address of their page; Wikimedia's does not."""
    flickr = row(provider="flickr", foreign_landing_url="https://www.flickr.com/photos/12@N03/4567890", id=OTHER)
    inat = row(provider="inaturalist", foreign_landing_url="https://www.inaturalist.org/photos/321")
    commons = row(provider="wikimedia", foreign_landing_url="https://commons.wikimedia.org/w/index.php?curid=5")
    liar = row(provider="flickr", foreign_landing_url="https://flickr.com.example/photos/12@N03/4567890")
    found = SOURCE.parse(answer(flickr, inat, commons, liar)).listings
    assert [(one.source, one.source_key) for one in found] == [
        ("flickr", "4567890"),
        ("inaturalist", "321"),
        ("openverse", ID),
        ("openverse", ID),
    ]
    assert found[0].attribution == (
        "“An oak” by A Photographer, https://www.flickr.com/photos/12@N03/4567890, "
        "CC BY 2.0 (https://creativecommons.org/licenses/by/2.0/)"
    )


@pytest.mark.parametrize(
    ("changes", "family", "is_open"),
    [
        ({}, "cc-by", True),
        ({"license_url": None}, "cc-by", True),
        ({"license_url": None, "license": "pdm", "license_version": "1.0"}, "public-domain", True),
        ({"license": "by-nd", "license_url": "https://creativecommons.org/licenses/by-nd/2.0/"}, "cc-by-nd", False),
        ({"license": "sampling+", "license_version": "1.0", "license_url": "https://x.example"}, "unknown", False),
        ({"license": "by-nc-nd"}, "unknown", False),
        ({"license": None, "license_url": None}, "all-rights-reserved", False),
    ],
)
def test_each_row_is_believed_only_where_link_and_code_agree(
    changes: dict[str, Any], family: str, is_open: bool
) -> None:
    """The filter of the service is not trusted."""
    (found,) = SOURCE.parse(answer(row(**changes))).listings
    assert (found.licence.family, found.licence.is_open) == (family, is_open)


@pytest.mark.parametrize(
    ("changes", "rejection"),
    [
        ({"mature": True}, Rejection(ID, "hidden", "marked as mature")),
        ({"url": "data:image/png;base64,AA"}, Rejection(ID, "no_url")),
        ({"category": "illustration"}, Rejection(ID, "not_a_photo", "illustration")),
        ({"filetype": "SVG"}, Rejection(ID, "not_a_photo", "SVG")),
        ({"id": "7"}, Rejection("7", "malformed", "its id is no UUID")),
    ],
)
def test_what_is_no_photo_to_show_is_rejected(changes: dict[str, Any], rejection: Rejection) -> None:
    """With the word that says why."""
    parsed = SOURCE.parse(answer(row(**changes)))
    assert (parsed.listings, parsed.rejections) == ((), (rejection,))


def test_taxa_are_asked_as_a_phrase_and_places_with_their_city() -> None:
    """Twenty at a time: more is answered with 401."""
    common = (("mature", "false"), ("page_size", "20"))
    assert SOURCE.requests(TREE, "") == Request(API, (("q", '"Quercus robur"'), *common, ("page", "1")))
    assert SOURCE.requests(Subject("p", "place", "Old Bridge", city="Mostar"), '{"page":2}') == Request(
        API, (("q", "Old Bridge Mostar"), *common, ("page", "2"))
    )
    chosen = Subject("p", "place", "Mostar", city="Mostar", options={"openverse": {"category": "photograph"}})
    assert SOURCE.requests(chosen, "") == Request(
        API, (("q", "Mostar"), ("category", "photograph"), *common, ("page", "1"))
    )


def test_pages_end_with_the_answer_or_with_the_twelfth() -> None:
    """Behind it the service tells nothing without a key."""
    assert SOURCE.parse(answer(pages=30)).next_cursor == '{"page":2}'
    assert SOURCE.parse(answer(pages=2, cursor='{"page":2}')).next_cursor is None
    assert SOURCE.parse(answer(pages=30, cursor='{"page":11}')).next_cursor == '{"page":12}'
    assert SOURCE.parse(answer(pages=30, cursor='{"page":12}')).next_cursor is None


def test_one_photo_is_looked_at_again_and_a_missing_one_is_gone() -> None:
    """404 is an answer there, and an error in a search."""
    assert SOURCE.recheck([Known(ID, None, ())]) == Request(f"{API}{ID}/")
    assert SOURCE.recheck([Known("4567890", "https://www.flickr.com/photos/12@N03/4567890", ())]) is None
    (found,) = SOURCE.parse(Answer(json.dumps(row()).encode(), cursor=RECHECK)).listings
    assert (found.source_key, found.licence.name, found.subject_id) == (ID, "CC-BY-2.0", None)
    assert SOURCE.parse(Answer(b"{}", status=404, cursor=RECHECK)).listings == ()
    with pytest.raises(AnswerError):
        SOURCE.parse(Answer(b"{}", status=404))


@pytest.mark.parametrize(
    ("body", "status", "reason", "then"),
    [
        (b'{"detail": "page_size"}', 401, "source_refuses", "stop"),
        (b"{}", 429, "source_unavailable", "retry"),
        (b"{}", 200, "unreadable_answer", "skip"),
        (b"<html>", 200, "unreadable_answer", "skip"),
    ],
)
def test_what_is_no_answer_says_so(body: bytes, status: int, reason: str, then: str) -> None:
    """And whether to go on."""
    with pytest.raises(AnswerError) as raised:
        SOURCE.parse(Answer(body, status=status))
    assert (raised.value.reason, raised.value.then) == (reason, then)


DOCUMENT = {
    "page_count": 3,
    "results": [
        row(),
        row(
            id=OTHER,
            license="by-nc",
            license_version="4.0",
            license_url="https://creativecommons.org/licenses/by-nc/4.0/",
        ),
    ],
}


@settings(deadline=None)
@given(mutilated(DOCUMENT))
def test_a_mutilated_search_is_an_answer_error_or_honest(body: bytes) -> None:
    """Nothing else is raised, and no open licence appears that is not said there."""
    try:
        listings = SOURCE.parse(Answer(body, subject=TREE)).listings
    except AnswerError:
        return
    rows = [one for one in json.loads(body)["results"] if isinstance(one, dict)]
    for listing in listings:
        if listing.licence.is_open:
            said = [str(one.get(name)) for one in rows for name in ("license_url", "license")]
            assert set(said) & {BY, "by", "cc0", "CC-BY-4.0"}


@settings(deadline=None)
@given(mutilated(row()), st.sampled_from([200, 404, 500]))
def test_a_mutilated_photo_is_an_answer_error_or_one_photo(body: bytes, status: int) -> None:
    """One question, one photo at most."""
    try:
        parsed = SOURCE.parse(Answer(body, status=status, cursor=RECHECK))
    except AnswerError:
        return
    assert len(parsed.listings) + len(parsed.rejections) <= 1


def test_what_cannot_be_read_again_has_not_vanished() -> None:
    """A word of the service about itself is none about the photo."""
    with pytest.raises(AnswerError, match="unreadable_answer"):
        SOURCE.parse(Answer(b'{"detail": "temporarily busy"}', cursor=RECHECK))
