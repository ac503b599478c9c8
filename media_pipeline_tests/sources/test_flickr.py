"""Flickr: what is asked, how a question with too many answers is cut, what a photo is, which errors end what."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_pipeline.errors import AnswerError
from media_pipeline.licences import licence
from media_pipeline.records import Rejection, Subject
from media_pipeline.sources.flickr import FIRST_S, LAST_S, REAL_RESULTS, REST, Flickr, photo_key_of
from media_pipeline.sources.protocol import RECHECK, Answer, Known, Parsed
from media_pipeline.sources.reading import as_cursor, read_cursor
from media_pipeline_tests.sources.mutilated import mutilated

SOURCE = Flickr()
OAK = Subject("t1", "taxon", "Quercus robur")
LIVE = "https://live.staticflickr.com/1"


@pytest.fixture
def recorded(shared: Path) -> Path:
    return shared / "sources" / "recorded" / "flickr"


def photo(**changes: Any) -> dict[str, Any]:
    """A photo as a search tells of it, with other fields; None leaves one out."""
    told = {
        "id": "7",
        "owner": "12@N03",
        "ownername": "A Photographer",
        "title": "An oak",
        "license": "4",
        "datetaken": "2020-05-17 23:59:59",
        "datetakengranularity": 0,
        "datetakenunknown": 0,
        "latitude": "46.5",
        "longitude": 7,
        "accuracy": "16",
        "media": "photo",
        "pathalias": "someone",
        "url_l": f"{LIVE}/7_a_b.jpg",
        "height_l": "768",
        "width_l": 1024,
        **changes,
    }
    return {name: value for name, value in told.items() if value is not None}


def answer(*photos: Any, cursor: str = "", total: Any = 1, size: int = 500) -> Answer:
    page = {"page": 1, "pages": 1, "perpage": size, "total": total, "photo": list(photos)}
    return Answer(json.dumps({"photos": page, "stat": "ok"}).encode(), subject=OAK, cursor=cursor)


def read(body: Path, cursor: str = "") -> Parsed:
    return SOURCE.parse(Answer(body.read_bytes(), subject=OAK, cursor=cursor))


def test_the_recorded_search_is_28_photos_and_two_without_a_large_file(recorded: Path) -> None:
    """The 1024 px file where the owner gives no larger one; sizes are of that file, not of the original."""
    parsed = read(recorded / "photos_search_example.json")
    assert (len(parsed.listings), parsed.next_cursor) == (28, None)
    assert [(one.source_key, one.reason) for one in parsed.rejections] == [
        ("49515058172", "no_url"),
        ("49514301123", "no_url"),
    ]
    first = parsed.listings[0]
    assert (first.source, first.source_key, first.edition) == ("flickr", "49514337848", "")
    assert first.original_url == "https://live.staticflickr.com/65535/49514337848_bbdbb5f761_b.jpg"
    assert (first.fallback_urls, first.licence.raw, first.licence.is_open) == ((), "flickr:1", False)
    assert (first.width_px, first.height_px, first.content_type) == (660, 1024, "image/jpeg")
    assert (first.observed_on, first.latitude, first.subject_id) == (date(2011, 11, 5), None, "t1")
    assert first.page_url == "https://www.flickr.com/photos/7478087@N06/49514337848/"
    assert first.thumbnail_url == "https://live.staticflickr.com/65535/49514337848_bbdbb5f761.jpg"
    unknown_day = next(one for one in parsed.listings if one.source_key == "49514799126")
    assert unknown_day.observed_on is None


def test_the_recorded_xml_page_is_99_photos_and_a_video(recorded: Path) -> None:
    """Half of them with their original; places are those of people who tell them."""
    parsed = read(recorded / "photos_search_tag_nature_p1.xml")
    assert parsed.rejections == (Rejection("52947524253", "not_a_photo", "video"),)
    assert len(parsed.listings) == 99
    assert Counter(one.licence.raw for one in parsed.listings) == {
        "flickr:0": 80,
        "flickr:1": 17,
        "flickr:3": 1,
        "flickr:5": 1,
    }
    first, second = parsed.listings[:2]
    assert (first.source_key, first.latitude, first.longitude) == ("53082955109", -37.745004, 144.986937)
    assert (first.width_px, first.height_px, first.observed_on) == (1024, 766, date(2023, 6, 16))
    assert first.page_url == "https://www.flickr.com/photos/40262251@N03/53082955109/"
    assert second.original_url == "https://live.staticflickr.com/65535/53077372525_28f786f44e_o.jpg"
    assert second.fallback_urls == ("https://live.staticflickr.com/65535/53077372525_70d5e3e30a_b.jpg",)
    assert (second.width_px, second.height_px) == (3011, 3113)
    assert second.page_url == "https://www.flickr.com/photos/eliasroviello/53077372525/"
    # 2,573,692 photos: the half of all time up to January 2021 is asked next.
    assert parsed.next_cursor == '{"max":1610199423,"min":1072915200,"page":1}'


def test_the_recorded_album_has_no_places(recorded: Path) -> None:
    """0/0 with accuracy 0 is nowhere, not the Gulf of Guinea."""
    parsed = read(recorded / "photosets_getPhotos.xml")
    assert (len(parsed.listings), parsed.rejections) == (22, ())
    first = parsed.listings[0]
    assert first.original_url == "https://live.staticflickr.com/5137/5536044022_44d052df5a_o.jpg"
    assert (first.source_key, first.licence.raw, first.creator) == ("5536044022", "flickr:5", "Al Jazeera English")
    assert (first.width_px, first.height_px, first.observed_on) == (800, 600, date(2011, 3, 4))
    assert all((one.latitude, one.longitude) == (None, None) for one in parsed.listings)


def test_the_recorded_table_of_licences_and_ours_name_the_same(recorded: Path) -> None:
    """Each number means what its own link means; those without a link of Creative Commons have names of their own."""
    table = ElementTree.parse(recorded / "licenses_getInfo_2025.xml").getroot()  # noqa: S314 a recording
    linked = {one.get("id"): one.get("url") for one in table.iter("license")}
    assert len(linked) == 17
    for number, link in linked.items():
        if link and "creativecommons" in link:
            assert licence(f"flickr:{number}").name == licence(link).name, number
    names = {number: licence(f"flickr:{number}").name for number in (0, 4, 7, 8, 9, 10, 11)}
    assert names == {
        0: "LicenseRef-ARR",
        4: "CC-BY-2.0",
        7: "LicenseRef-NKCR",
        8: "LicenseRef-US-Gov",
        9: "CC0-1.0",
        10: "LicenseRef-CC-PDM-1.0",
        11: "CC-BY-4.0",
    }


def test_who_is_to_be_named_and_under_what() -> None:
    """Title, owner, licence and page."""
    (found,) = SOURCE.parse(answer(photo())).listings
    assert (found.licence.name, found.licence.is_open) == ("CC-BY-2.0", True)
    assert found.attribution == (
        "“An oak” by A Photographer, https://www.flickr.com/photos/someone/7/, "
        "CC BY 2.0 (https://creativecommons.org/licenses/by/2.0/)"
    )


def test_a_photo_without_a_number_is_all_rights_reserved() -> None:
    """And a number that nobody knows opens nothing."""
    (none,) = SOURCE.parse(answer(photo(license=None))).listings
    assert (none.licence.family, none.licence.is_open) == ("all-rights-reserved", False)
    (odd,) = SOURCE.parse(answer(photo(license=99))).listings
    assert (odd.licence.raw, odd.licence.is_open) == ("flickr:99", False)


def test_recordings_that_are_no_search_are_answer_errors(recorded: Path) -> None:
    """A table of licences, a photo alone; the latter in an envelope has no file to fetch."""
    for name in ("licenses_getInfo_2025.xml", "photo_no_image_url.json"):
        with pytest.raises(AnswerError) as raised:
            read(recorded / name)
        assert raised.value.reason == "unreadable_answer"
    alone = json.loads((recorded / "photo_no_image_url.json").read_text())
    assert [one.reason for one in SOURCE.parse(answer(alone)).rejections] == ["no_url"]
    assert read(recorded / "photos_search_no_results.xml") == Parsed()


def test_a_recorded_bad_key_stops_the_source_and_names_the_setting(recorded: Path) -> None:
    """No other subject would fare better."""
    with pytest.raises(AnswerError, match="MEDIA_FLICKR_KEY") as raised:
        read(recorded / "invalid_api_key.xml")
    assert (raised.value.reason, raised.value.then) == ("source_refuses", "stop")


def test_recorded_photos_that_were_deleted_or_made_private_are_gone(recorded: Path) -> None:
    """When they are looked at again; to a search it is an error."""
    for name in ("photos_getInfo_not_found.xml", "photos_getInfo_private.xml"):
        assert read(recorded / name, RECHECK) == Parsed()
        with pytest.raises(AnswerError) as raised:
            read(recorded / name)
        assert (raised.value.reason, raised.value.then) == ("question_refused", "skip")


@pytest.mark.parametrize(
    ("code", "reason", "then"),
    [
        (5, "question_refused", "skip"),
        (10, "source_unavailable", "retry"),
        (99, "source_refuses", "stop"),
        ("100", "source_refuses", "stop"),
        ("105", "source_unavailable", "retry"),
        (201, "source_unavailable", "retry"),
        (None, "question_refused", "skip"),
    ],
)
def test_errors_come_with_http_200_and_are_told_apart(code: Any, reason: str, then: str) -> None:
    """By their code, number or text."""
    body = json.dumps({"stat": "fail", "code": code, "message": "no"}).encode()
    with pytest.raises(AnswerError) as raised:
        SOURCE.parse(Answer(body))
    assert (raised.value.reason, raised.value.then) == (reason, then)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!DOCTYPE html><html></html>",
        b'<!DOCTYPE rsp [<!ENTITY a "aaaa">]><rsp stat="ok"><photos total="&a;"/></rsp>',
        b'<rsp stat="ok"><photos>',
        b"<photos/>",
        b'<rsp stat="ok">\xff</rsp>',
        b'jsonFlickrApi({"stat":"ok"})',
        b'{"stat":"ok"}',
        b"<a>" * 100_000,
    ],
)
def test_what_is_neither_json_nor_xml_of_flickr_is_unreadable(body: bytes) -> None:
    """XML with entities of its own is not even opened."""
    with pytest.raises(AnswerError) as raised:
        SOURCE.parse(Answer(body))
    assert raised.value.reason == "unreadable_answer"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": "x"}, "malformed"),
        ({"media": "video"}, "not_a_photo"),
        ({"ispublic": 0}, "hidden"),
        ({"url_l": None, "url_m": f"{LIVE}/7_a.jpg"}, "no_url"),
    ],
)
def test_what_is_no_photo_to_have_is_rejected(changes: dict[str, Any], reason: str) -> None:
    """With the word that says why."""
    parsed = SOURCE.parse(answer(photo(**changes)))
    assert ([one.reason for one in parsed.rejections], parsed.listings) == ([reason], ())


def test_the_largest_file_is_taken_and_the_others_stand_behind_it() -> None:
    """In the order o, 6k, 5k, 4k, 3k, k, h, l."""
    sizes = {"url_h": f"{LIVE}/h.jpg", "url_6k": f"{LIVE}/6k.jpg", "url_o": f"{LIVE}/o.png", "height_o": 10}
    (found,) = SOURCE.parse(answer(photo(**sizes))).listings
    assert (found.original_url, found.content_type) == (f"{LIVE}/o.png", "image/png")
    assert found.fallback_urls == (f"{LIVE}/6k.jpg", f"{LIVE}/h.jpg", f"{LIVE}/7_a_b.jpg")
    assert (found.width_px, found.height_px) == (None, 10)


@pytest.mark.parametrize(
    ("changes", "day"),
    [
        ({}, date(2020, 5, 17)),
        ({"datetakengranularity": "0", "datetakenunknown": "0"}, date(2020, 5, 17)),
        ({"datetakenunknown": "1"}, None),
        ({"datetakenunknown": 1}, None),
        ({"datetakengranularity": 4}, None),
        ({"datetakengranularity": None}, None),
        ({"datetaken": "0000-00-00 00:00:00"}, None),
    ],
)
def test_a_day_is_kept_only_where_the_owner_or_camera_said_it(changes: dict[str, Any], day: date | None) -> None:
    """No moment: its zone is not known."""
    (found,) = SOURCE.parse(answer(photo(**changes))).listings
    assert (found.observed_on, found.observed_at) == (day, None)


def test_a_photo_told_twice_on_a_page_is_listed_once() -> None:
    """Flickr repeats photos, within pages too."""
    found = SOURCE.parse(answer(photo(), photo(id="8"), photo(), total=3)).listings
    assert [one.source_key for one in found] == ["7", "8"]


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://www.flickr.com/photos/12@N03/4567890", "4567890"),
        ("http://flickr.com/photos/someone/4567890/in/photostream", "4567890"),
        ("https://live.staticflickr.com/65535/4567890_ab12_b.jpg", "4567890"),
        ("https://farm5.staticflickr.com/4444/4567890_ab12.jpg", "4567890"),
        ("https://c1.staticflickr.com/5/4444/4567890_ab12_o.png?zz=1", "4567890"),
        ("https://www.flickr.com/photos/someone/", None),
        ("https://www.flickr.com/photos/someone/sets/123", None),
        ("https://flickr.com.example/photos/someone/4567890", None),
        ("https://example.org/?u=https://www.flickr.com/photos/someone/4567890", None),
    ],
)
def test_an_address_of_flickr_tells_the_photo(url: str, key: str | None) -> None:
    """For other sources that tell of Flickr's photos."""
    assert photo_key_of(url) == key


def params(subject: Subject, cursor: str = "") -> dict[str, str]:
    request = SOURCE.requests(subject, cursor)
    assert request is not None
    assert request.url == REST
    return dict(request.params)


def test_a_taxon_is_asked_for_by_its_name_under_every_licence_but_none() -> None:
    """As JSON, photos only, without the key: that is put in where it is sent."""
    asked = params(OAK)
    extras = asked.pop("extras").split(",")
    assert asked == {
        "method": "flickr.photos.search",
        "format": "json",
        "nojsoncallback": "1",
        "text": "Quercus robur",
        "license": "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
        "media": "photos",
        "content_types": "0",
        "safe_search": "1",
        "sort": "date-posted-asc",
        "per_page": "500",
        "page": "1",
    }
    assert {"license", "geo", "media", "owner_name", "path_alias", "date_taken", "url_o", "url_6k", "url_l"} <= {
        *extras
    }
    assert SOURCE.key_parameter == "api_key"


def test_a_place_is_asked_for_with_its_city_and_nearby_when_it_is_on_the_map() -> None:
    """Near a place a page has 250."""
    bridge = Subject("p", "place", "Old Bridge", city="Mostar")
    assert params(bridge)["text"] == "Old Bridge Mostar"
    on_map = Subject("p", "place", "Old Bridge Mostar", city="Mostar", latitude=43.3, longitude=17.8)
    asked = params(on_map)
    assert (asked["text"], asked["lat"], asked["lon"]) == ("Old Bridge Mostar", "43.3", "17.8")
    assert (asked["radius"], asked["per_page"]) == ("2", "250")


def test_a_subject_may_ask_in_words_of_its_own() -> None:
    """Only what Flickr knows is passed on; a key is no option."""
    options = {"flickr": {"tags": "oak,tree", "tag_mode": "all", "license": "4,9", "bbox": "1,2,3,4"}}
    asked = params(Subject("t", "taxon", "x", options=options))
    assert (asked["tags"], asked["tag_mode"], asked["license"]) == ("oak,tree", "all", "4,9")
    assert (asked["bbox"], asked["per_page"]) == ("1,2,3,4", "250")
    assert "text" not in asked
    with pytest.raises(AnswerError, match="no option 'api_key' for flickr"):
        params(Subject("t", "taxon", "x", options={"flickr": {"api_key": "x"}}))


def test_a_question_with_too_many_answers_is_cut_in_half_and_grows_again() -> None:
    """All of time -> its first half -> pages of that -> the window behind it, twice as long."""
    cut = SOURCE.parse(answer(photo(), total="4001")).next_cursor
    assert cut == '{"max":1610199423,"min":1072915200,"page":1}'
    assert cut is not None
    asked = params(OAK, cut)
    assert (asked.get("min_upload_date"), asked["max_upload_date"], asked["page"]) == (None, "1610199423", "1")
    second = SOURCE.parse(answer(photo(), total="900", cursor=cut)).next_cursor
    assert second == '{"max":1610199423,"min":1072915200,"page":2}'
    assert second is not None
    behind = SOURCE.parse(answer(photo(), total="900", cursor=second)).next_cursor
    assert behind == f'{{"max":{LAST_S},"min":1610199423,"page":1}}'
    assert behind is not None
    asked = params(OAK, behind)
    assert (asked["min_upload_date"], asked.get("max_upload_date")) == ("1610199423", None)
    assert SOURCE.parse(answer(photo(), total=1, cursor=behind)).next_cursor is None


def test_two_seconds_with_too_many_are_read_as_far_as_they_are_real() -> None:
    """Eight pages of 500, then on; an empty page ends its window early."""
    window = {"min": FIRST_S, "max": FIRST_S + 1}
    seventh, eighth = as_cursor(**window, page=7), as_cursor(**window, page=8)
    assert SOURCE.parse(answer(photo(), total=9000, cursor=seventh)).next_cursor == eighth
    behind = as_cursor(min=FIRST_S + 1, max=FIRST_S + 3, page=1)
    assert SOURCE.parse(answer(photo(), total=9000, cursor=eighth)).next_cursor == behind
    assert SOURCE.parse(answer(total=9000, cursor=as_cursor(**window, page=1))).next_cursor == behind


@settings(deadline=None)
@given(st.lists(st.integers(FIRST_S, FIRST_S + 5_000), min_size=1, max_size=40), st.integers(1, 12))
def test_every_photo_is_reached_and_no_page_asked_twice(uploads: list[int], limit: int) -> None:
    """A service that tells only the first of each question, with pages of one; those of two seconds may be too many."""
    uploads = [upload for upload, times in Counter(uploads).items() for _ in range(min(times, 2))]
    scale = REAL_RESULTS // limit  # the service's limit, in this small world
    seen: set[int] = set()
    asked: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        assert cursor not in asked
        asked.append(cursor)
        place = read_cursor(cursor)
        found = [
            number
            for number, upload in enumerate(uploads)
            if place.get("min", FIRST_S) <= upload <= place.get("max", LAST_S)
        ]
        page = place.get("page", 1)
        told = found[:limit][page - 1 : page]
        if len(found) <= limit or place.get("max", LAST_S) - place.get("min", FIRST_S) < 2:
            seen.update(told)
        photos = [photo(id=str(number + 1)) for number in told]
        total = len(found) * scale if len(found) <= limit else REAL_RESULTS + 1
        cursor = SOURCE.parse(answer(*photos, total=total, size=scale, cursor=cursor)).next_cursor
    if limit >= 4:  # two photos a second, two seconds a window
        assert seen == set(range(len(uploads)))


INFO = {
    "id": "7",
    "secret": "ab12",
    "server": "65535",
    "license": 4,
    "originalsecret": "cd34",
    "originalformat": "png",
    "owner": {"nsid": "12@N03", "username": "A Photographer", "path_alias": ""},
    "title": {"_content": "An oak"},
    "visibility": {"ispublic": 1},
    "dates": {"taken": "2020-05-17 23:59:59", "takengranularity": 0, "takenunknown": "0"},
    "location": {"latitude": "46.5", "longitude": "7", "accuracy": "16"},
    "media": "photo",
}


def test_one_photo_is_looked_at_again() -> None:
    """Its licence of today, and the addresses that Flickr documents, because it tells none here."""
    asked = dict(SOURCE.recheck([Known("7", None, ())]).params)
    assert (asked["method"], asked["photo_id"], SOURCE.recheck_batch) == ("flickr.photos.getInfo", "7", 1)
    (found,) = SOURCE.parse(Answer(json.dumps({"photo": INFO, "stat": "ok"}).encode(), cursor=RECHECK)).listings
    assert found.original_url == "https://live.staticflickr.com/65535/7_cd34_o.png"
    assert found.fallback_urls == ("https://live.staticflickr.com/65535/7_ab12_b.jpg",)
    assert (found.licence.raw, found.creator, found.title) == ("flickr:4", "A Photographer", "An oak")
    assert found.page_url == "https://www.flickr.com/photos/12@N03/7/"
    assert (found.latitude, found.longitude, found.observed_on) == (46.5, 7.0, date(2020, 5, 17))
    xml = b'<rsp stat="ok"><photo id="7" secret="ab12" server="1" license="5"><title>x</title></photo></rsp>'
    (found,) = SOURCE.parse(Answer(xml, cursor=RECHECK)).listings
    assert (found.original_url, found.title) == (f"{LIVE}/7_ab12_b.jpg", "x")


DOCUMENT = {"stat": "ok", "photos": {"total": "2", "perpage": 500, "photo": [photo(), photo(id="8", license="1")]}}


@settings(deadline=None)
@given(mutilated(DOCUMENT) | mutilated({"stat": "ok", "photo": INFO}), st.sampled_from(["", RECHECK]))
def test_a_mutilated_answer_is_an_answer_error_or_honest(body: bytes, cursor: str) -> None:
    """Nothing else is raised, and no licence appears under a number that is not said there."""
    try:
        listings = SOURCE.parse(Answer(body, cursor=cursor, subject=OAK)).listings
    except AnswerError:
        return
    told = json.loads(body)
    photos = told["photos"]["photo"] if cursor == "" else [told["photo"]]
    numbers = {f"flickr:{one.get('license')}" for one in photos if isinstance(one, dict)}
    for listing in listings:
        if listing.licence.is_open:
            assert listing.licence.raw in numbers


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 60))
def test_mutilated_xml_is_an_answer_error_or_some_photos(other: bytes, start: int, length: int) -> None:
    """Whatever bytes stand in it."""
    body = (
        b'<rsp stat="ok"><photos page="1" pages="1" perpage="100" total="1"><photo id="7" license="4" media="photo" '
        b'url_l="https://live.staticflickr.com/1/7_a_b.jpg"><description>x</description></photo></photos></rsp>'
    )
    try:
        parsed = SOURCE.parse(Answer(body[:start] + other + body[start + length :]))
    except AnswerError:
        return
    assert len(parsed.listings) + len(parsed.rejections) <= 2


def test_what_cannot_be_read_again_has_not_vanished() -> None:
    """An error, where «no photo» would take it for gone."""
    with pytest.raises(AnswerError, match="unreadable_answer"):
        SOURCE.parse(Answer(b'{"photo": {}, "stat": "ok"}', cursor=RECHECK))
