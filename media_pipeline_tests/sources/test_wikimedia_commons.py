"""Wikimedia Commons: what is asked in which order, and what is read from its answers and those of Wikidata."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.errors import AnswerError
from media_pipeline.licences import credit, licence
from media_pipeline.records import Listing, Rejection, Subject
from media_pipeline.sources import WEB_SOURCES
from media_pipeline.sources.mediawiki import MOST_PARTS, Place
from media_pipeline.sources.protocol import RECHECK, REJECTIONS, Answer, Known, Parsed
from media_pipeline.sources.wikimedia_commons import API, WIKIDATA_API, WikimediaCommons
from media_pipeline_tests.sources import wiki_answers
from media_pipeline_tests.sources.wiki_answers import JSON, SHA1, mutilated, page, paths, said

SOURCE = WikimediaCommons()
TAXON = Subject("t", "taxon", "Boletus edulis")
PLACE = Subject("p", "place", "Alter Markt", city="Köln")


def answer_of(
    *pages: dict[str, Any], cursor: str = "", subject: Subject | None = TAXON, part: dict[str, str] | None = None
) -> Answer:
    return wiki_answers.answer_of(*pages, cursor=cursor, subject=subject, part=part)


def only(parsed: Parsed) -> Listing:
    (listing,) = parsed.listings
    return listing


def refused(**changes: Any) -> Rejection:
    (rejection,) = SOURCE.parse(answer_of(page(**changes))).rejections
    return rejection


def asked(subject: Subject, place: Place | None = None) -> tuple[str, dict[str, str]]:
    request = SOURCE.requests(subject, place.cursor() if place else "")
    assert request is not None
    return request.url, dict(request.params)


def test_it_is_registered_with_the_limits_of_its_identity() -> None:
    """500 requests an hour of at most 200 a minute, ten photos a subject, one download in two seconds."""
    limits = WEB_SOURCES["wikimedia_commons"].limits
    assert (limits.priority, limits.per_subject, limits.needs_contact) == (85, 10, True)
    assert limits.requests_per_s * 3600 == pytest.approx(500)
    assert limits.fastest_per_s * 60 == pytest.approx(200)
    assert (limits.downloads, limits.downloads_per_s) == (1, 0.5)


def test_a_taxon_is_looked_for_in_its_category_first() -> None:
    """Only by its name, ten files, thumbnails 330 wide."""
    assert asked(TAXON) == (
        API,
        {
            "action": "query",
            "format": "json",
            "formatversion": "2",
            "maxlag": "5",
            "prop": "imageinfo|coordinates",
            "iiprop": "url|size|mime|mediatype|sha1|timestamp|user|extmetadata",
            "iiurlwidth": "330",
            "iiextmetadatalanguage": "en",
            "colimit": "max",
            "generator": "categorymembers",
            "gcmtitle": "Category:Boletus edulis",
            "gcmtype": "file",
            "gcmlimit": "10",
        },
    )


def test_the_name_is_searched_for_when_the_category_holds_no_photo() -> None:
    """Nothing at all, or nothing but drawings; not when it held one."""
    search = Place("search").cursor()
    assert SOURCE.parse(answer_of()).next_cursor == search
    assert SOURCE.parse(answer_of(page(mediatype="DRAWING"))).next_cursor == search
    assert SOURCE.parse(answer_of(page())).next_cursor is None
    assert SOURCE.parse(answer_of(cursor=Place("category", found=True).cursor())).next_cursor is None
    assert SOURCE.parse(answer_of(cursor=search)).next_cursor is None
    question = asked(TAXON, Place("search"))[1]
    assert question["gsrsearch"] == '"Boletus edulis" filetype:bitmap'
    assert (question["generator"], question["gsrnamespace"], question["gsrlimit"]) == ("search", "6", "10")


@pytest.mark.parametrize(
    ("phase", "limit", "follows"), [("category", "gcmlimit", "gcmcontinue"), ("search", "gsrlimit", "gsroffset")]
)
def test_who_goes_on_gets_fifty_files_a_page(phase: str, limit: str, follows: str) -> None:
    """A thousand files are 21 requests then, and not a hundred; the parts of a batch are of its size."""
    sizes = [
        asked(TAXON, Place(phase, go=go, part=part))[1][limit]
        for go, part in (({}, 0), ({"iicontinue": "C"}, 1), ({follows: "9"}, 0), ({follows: "9", "iicontinue": "C"}, 1))
    ]
    assert sizes == ["10", "10", "50", "50"]


def test_a_place_is_looked_for_around_its_coordinates() -> None:
    """Within 500 m or what its options say; by name and city where it has none or nothing is near."""
    here = replace(PLACE, latitude=50.5, longitude=-7.25)
    question = asked(here)[1]
    assert (question["generator"], question["ggscoord"], question["ggsradius"]) == ("geosearch", "50.5|-7.25", "500")
    wide = replace(here, options={"wikimedia_commons": {"radius_m": 99_999}})
    assert asked(wide)[1]["ggsradius"] == "10000"
    assert asked(PLACE)[1]["gsrsearch"] == '"Alter Markt" "Köln" filetype:bitmap'
    assert SOURCE.parse(answer_of(subject=here)).next_cursor == Place("search").cursor()


def test_a_name_that_no_page_can_have_is_searched_for_at_once() -> None:
    """Its quotes end no phrase."""
    question = asked(replace(TAXON, name='Boletus "big" [x]'))[1]
    assert question["gsrsearch"] == '"Boletus big [x]" filetype:bitmap'


def test_a_category_can_be_named() -> None:
    """For a place too."""
    named = replace(PLACE, options={"wikimedia_commons": {"category": "Category:Alter Markt (Köln)"}})
    assert asked(named)[1]["gcmtitle"] == "Category:Alter Markt (Köln)"


def test_the_images_of_its_wikidata_item_come_first(shared: Path) -> None:
    """Then the category, whether the item names any or not."""
    known = replace(TAXON, source_ids={"wikidata": "Q857243"})
    url, question = asked(known)
    assert (url, question["action"], question["ids"]) == (WIKIDATA_API, "wbgetentities", "Q857243")
    body = (shared / "sources/recorded/wikidata/wbgetentities_p18.json").read_bytes()
    cursor = SOURCE.parse(Answer(body, subject=known)).next_cursor
    files = Place("files", ("Gujo Gifu Japan.jpg", "Gujo in Gifu Prefecture.png", "Flag of Gujo Gifu.JPG"))
    assert cursor == files.cursor()
    question = asked(known, files)[1]
    assert question["titles"] == "File:Gujo Gifu Japan.jpg|File:Gujo in Gifu Prefecture.png|File:Flag of Gujo Gifu.JPG"
    after_files = SOURCE.parse(answer_of(page(), subject=known, cursor=files.cursor()))
    assert (len(after_files.listings), after_files.next_cursor) == (1, Place("category").cursor())


def claim(name: str | None, *, rank: str = "normal", snaktype: str = "value") -> dict[str, Any]:
    return {"rank": rank, "mainsnak": {"snaktype": snaktype, "datavalue": {"value": name, "type": "string"}}}


def test_preferred_images_go_first_and_deprecated_ones_are_none() -> None:
    """Nor is an unknown value, a drawing, or an item that is not there."""
    claims = [
        claim("A.jpg"),
        claim("Old.jpg", rank="deprecated"),
        claim("B.jpg", rank="preferred"),
        claim(None, snaktype="novalue"),
        claim("C.jpg", snaktype="somevalue"),
        claim("Map.svg"),
    ]
    known = replace(TAXON, source_ids={"wikidata": "Q1"})

    def following(told: dict[str, Any]) -> str | None:
        return SOURCE.parse(Answer(json.dumps(told).encode(), subject=known)).next_cursor

    assert following({"entities": {"Q1": {"claims": {"P18": claims}}}}) == Place("files", ("B.jpg", "A.jpg")).cursor()
    assert following({"entities": {"Q1": {"id": "Q1", "missing": ""}}}) == Place("category").cursor()
    assert following({"error": {"code": "no-such-entity", "info": "x"}}) == Place("category").cursor()
    with pytest.raises(AnswerError, match="unreadable_answer"):
        following({})


def test_a_subject_that_lost_its_item_goes_on_without() -> None:
    """A stored cursor may be older than the list of subjects."""
    assert asked(TAXON, Place("item"))[1]["gcmtitle"] == "Category:Boletus edulis"
    assert SOURCE.parse(answer_of(cursor=Place("files", ("A.jpg",)).cursor())).next_cursor == Place("category").cursor()


def test_a_recorded_file_becomes_a_listing(shared: Path) -> None:
    """Every field of it; the recording is one page, so the answer around it is made here."""
    body = (shared / "sources/recorded/commons/imageinfo_one_page.json").read_text()
    search = Place("search").cursor()
    parsed = SOURCE.parse(answer_of(json.loads(body), cursor=search))
    (listing,) = parsed.listings
    assert (listing.licence.name, listing.licence.family) == ("CC-BY-SA-4.0", "cc-by-sa")
    assert listing == Listing(
        source="wikimedia_commons",
        source_key="81754323",
        edition="",
        original_url="https://upload.wikimedia.org/wikipedia/commons/2/25/20120925_PlozevetBretagne_LoneTree_DSC07971_PtrQs.jpg",
        licence=listing.licence,
        page_url="https://commons.wikimedia.org/wiki/File:20120925_PlozevetBretagne_LoneTree_DSC07971_PtrQs.jpg",
        attribution="Photo by PtrQs",
        creator="PtrQs",
        title="20120925 PlozevetBretagne LoneTree DSC07971 PtrQs.jpg",
        subject_id="t",
        size_bytes=11863148,
        width_px=5514,
        height_px=3102,
        observed_on=date(2012, 9, 25),
        prior_points=90.0,
    )
    assert (parsed.rejections, parsed.next_cursor) == ((), None)


def test_a_recorded_batch_in_three_parts_is_listed_once(shared: Path) -> None:
    """The files come in the first part, and the two others tell nothing of them that is wanted here."""
    folder = shared / "sources/recorded/commons"
    first = SOURCE.parse(Answer((folder / "allimages_batch1_with_continue.json").read_bytes(), subject=TAXON))
    assert [listing.source_key for listing in first.listings] == [
        "18263872",
        "44672185",
        "44672190",
        "44672194",
        "44672195",
        "44672196",
        "44672207",
        "44672210",
        "44672212",
    ]
    assert first.next_cursor is not None
    again = asked(TAXON, Place("category", go=json.loads(first.next_cursor)["go"]))[1]
    assert again["gucontinue"] == "Edvard_Munch_-_Night_in_Nice_(1891).jpg|nowiki|1281339"
    assert again["continue"] == "||imageinfo"
    cursor: str | None = first.next_cursor
    for name in ("allimages_batch2_with_continue.json", "allimages_batch3_batchcomplete.json"):
        part = SOURCE.parse(Answer((folder / name).read_bytes(), subject=TAXON, cursor=cursor or ""))
        assert (part.listings, part.rejections) == ((), ())
        cursor = part.next_cursor
    go = {
        "continue": "gaicontinue||",
        "gaicontinue": "20151031230201|Lancelot_'Capability'_BROWN_-_Wilderness_House_Moat_Lane_Hampton_Court_Palace_"
        "Hampton_Court_London_KT8_9AR.jpg",
    }
    assert cursor == Place("category", go=go, found=True).cursor()


def test_the_recorded_files_carry_what_their_pages_say(shared: Path) -> None:
    """A port of a licence, coordinates and a demanded credit; the public domain, and a year that is no day."""
    body = (shared / "sources/recorded/commons/allimages_batch1_with_continue.json").read_bytes()
    listings = {item.source_key: item for item in SOURCE.parse(Answer(body, subject=TAXON)).listings}
    street = listings["44672185"]
    assert street.licence.name == "CC-BY-SA-3.0-DE"
    assert (street.attribution or "").startswith("Photo: ")
    assert (street.attribution or "").endswith(" / Wikimedia Commons / CC BY-SA 3.0 DE")
    assert replace(street, creator=None, attribution=None) == Listing(
        source="wikimedia_commons",
        source_key="44672185",
        edition="",
        original_url="https://upload.wikimedia.org/wikipedia/commons/e/e9/2002-04-02_Hauptstra%C3%9Fe%2C_Heidelberg_IMG_0404.jpg",
        licence=street.licence,
        page_url="https://commons.wikimedia.org/wiki/File:2002-04-02_Hauptstra%C3%9Fe,_Heidelberg_IMG_0404.jpg",
        title="2002-04-02 Hauptstraße, Heidelberg IMG 0404.jpg",
        subject_id="t",
        size_bytes=816636,
        width_px=1563,
        height_px=1172,
        taxon_name="Boletus edulis",
        observed_on=date(2002, 4, 2),
        latitude=49.41158,
        longitude=8.705512,
        prior_points=90.0,
    )
    volcano = listings["18263872"]
    assert (volcano.licence.family, volcano.licence.is_open) == ("public-domain", True)
    where = "https://commons.wikimedia.org/wiki/File:Minchinmavida_Volcano.jpg"
    assert replace(volcano, creator=None) == Listing(
        source="wikimedia_commons",
        source_key="18263872",
        edition="",
        original_url="https://upload.wikimedia.org/wikipedia/commons/f/fb/Minchinmavida_Volcano.jpg",
        licence=volcano.licence,
        page_url=where,
        attribution=credit(volcano.licence, creator=volcano.creator, title="Minchinmavida Volcano.jpg", where=where),
        title="Minchinmavida Volcano.jpg",
        subject_id="t",
        size_bytes=1117410,
        width_px=1440,
        height_px=1440,
        taxon_name="Boletus edulis",
        observed_on=date(2009, 3, 17),
        prior_points=90.0,
    )
    assert (volcano.creator or "").startswith("The original uploader was ")
    # «1925», and «1891» with a hidden statement behind it.
    assert [listings[key].observed_on for key in ("44672210", "44672212")] == [None, None]


def test_recorded_oddities_are_rejected_or_read_without_what_they_lack(shared: Path) -> None:
    """A sound; a file without LicenseUrl, whose code is enough; one without an address; a page of names alone."""
    folder = shared / "sources/recorded/commons"
    sound = json.loads((folder / "audio_ogg_filedata.json").read_text())
    told = answer_of({"pageid": 120786580, "title": "File:Nl-Javaanse herten.ogg", "imageinfo": [sound]})
    assert SOURCE.parse(told).rejections == (Rejection("120786580", "not_a_photo"),)
    info = json.loads((folder / "imageinfo_missing_license_url.json").read_text())
    tree = only(SOURCE.parse(answer_of({"pageid": 81754323, "title": "File:Lone tree.jpg", "imageinfo": [info]})))
    assert (tree.licence.name, tree.source_key) == ("CC-BY-SA-4.0", "81754323")
    assert tree.thumbnail_url == (
        "https://upload.wikimedia.org/wikipedia/commons/thumb/2/25/20120925_PlozevetBretagne_LoneTree_DSC07971_PtrQs.jpg/"
        "300px-20120925_PlozevetBretagne_LoneTree_DSC07971_PtrQs.jpg"
    )
    link = json.loads((folder / "imageinfo_artist_internal_link.json").read_text())
    told = answer_of({"pageid": 1, "title": "File:A.jpg", "imageinfo": [link]})
    assert SOURCE.parse(told).rejections == (Rejection("1", "no_url"),)
    whole = answer_of(page(told=link["extmetadata"] | said(License="cc0")))
    assert only(SOURCE.parse(whole)).creator == "NotaRealUser"
    names = SOURCE.parse(Answer((folder / "categorymembers_continue.json").read_bytes(), subject=TAXON))
    assert (names.listings, names.rejections) == ((), ())
    assert names.next_cursor is not None
    assert json.loads(names.next_cursor)["go"]["continue"] == "-||"


def test_every_field_of_an_answer_of_today_is_read() -> None:
    """Written by hand after the documentation: no recording has thumbnails of fixed widths and sha1."""
    told = said(
        LicenseUrl="//creativecommons.org/licenses/by-sa/3.0/deed.en",
        License="cc-by-sa-3.0",
        LicenseShortName="CC BY-SA 3.0",
        Artist='<a href="//commons.wikimedia.org/wiki/User:T">T.&nbsp;Ester</a><div style="display: none;">Q1</div>',
        Assessments="quality|valued",
        DateTimeOriginal='12 May 2010<div style="display: none;">date QS:P571,+2010-05-12T00:00:00Z/11</div>',
        GPSLatitude="1",
        GPSLongitude="2",
    )
    file = page(told=told, url="https://upload.wikimedia.org/commons/a/ab/Cep_7.jpg?utm_source=x&download&utm_medium=y")
    file["coordinates"] = [{"lat": 47.5, "lon": 9.25, "primary": True, "globe": "earth"}]
    listing = only(SOURCE.parse(answer_of(file)))
    assert listing.licence.name == "CC-BY-SA-3.0"
    where = "https://commons.wikimedia.org/wiki/File:Cep_7.jpg"
    assert listing == Listing(
        source="wikimedia_commons",
        source_key="7",
        edition=SHA1,
        original_url="https://upload.wikimedia.org/commons/a/ab/Cep_7.jpg?download",
        licence=listing.licence,
        page_url=where,
        attribution=credit(listing.licence, creator="T. Ester", title="Cep 7.jpg", where=where),
        creator="T. Ester",
        title="Cep 7.jpg",
        thumbnail_url="https://upload.wikimedia.org/commons/thumb/a/ab/Cep_7.jpg/330px-Cep_7.jpg",
        subject_id="t",
        size_bytes=1000,
        width_px=4000,
        height_px=3000,
        content_type="image/jpeg",
        sha1=SHA1,
        taxon_name="Boletus edulis",
        observed_on=date(2010, 5, 12),
        latitude=47.5,
        longitude=9.25,
        prior_points=95.0,
    )


@pytest.mark.parametrize(
    ("changes", "rejection"),
    [
        ({"mediatype": "DRAWING"}, Rejection("7", "not_a_photo", "DRAWING")),
        ({"mediatype": "OFFICE"}, Rejection("7", "not_a_photo", "OFFICE")),
        ({"url": "ftp://x/y.jpg"}, Rejection("7", "no_url")),
        ({"filehidden": True}, Rejection("7", "hidden", "no imageinfo")),
        ({"told": said(NonFree="true", License="cc-by-4.0")}, Rejection("7", "unfree", "NonFree")),
        ({"told": {"NonFree": [], "License": {"value": "cc0"}}}, Rejection("7", "unfree", "NonFree")),
    ],
)
def test_what_is_no_photo_for_us_is_rejected(changes: dict[str, Any], rejection: Rejection) -> None:
    """With a word of the shared list."""
    assert refused(**changes) == rejection
    assert rejection.reason in REJECTIONS


def test_a_page_without_a_file_is_rejected_when_its_batch_is_complete() -> None:
    """Before that its imageinfo may still come."""
    bare = {"pageid": 9, "title": "File:Cep 9.jpg"}
    part = SOURCE.parse(answer_of(page(), bare, part={"iicontinue": "C", "continue": "||"}))
    assert (len(part.listings), part.rejections) == (1, ())
    assert part.next_cursor is not None
    rest = SOURCE.parse(answer_of({"pageid": 7, "title": "File:Cep 7.jpg"}, bare, cursor=part.next_cursor))
    assert rest.rejections == (Rejection("9", "hidden", "no imageinfo"),)


def test_files_come_in_the_order_of_the_search() -> None:
    """The wiki sorts pages by id, and tells the order beside."""
    pages = [page(3) | {"index": 2}, page(1), page(2) | {"index": 1}]
    assert [item.source_key for item in SOURCE.parse(answer_of(*pages)).listings] == ["2", "3", "1"]


def test_former_versions_of_a_file_are_not_walked_to() -> None:
    """A file alone in its batch leads to its own history."""
    parsed = SOURCE.parse(answer_of(page(), part={"iistart": "2010", "continue": "||"}))
    assert (len(parsed.listings), parsed.next_cursor) == (1, None)


def test_a_batch_without_end_and_a_circle_end_the_walk() -> None:
    """Otherwise a wiki that goes wrong is asked for ever."""
    for place, more in (
        (Place("search", go={"a": "1"}, part=MOST_PARTS - 1), {"a": "2"}),
        (Place("search", go={"a": "1"}), {"a": "1"}),
    ):
        with pytest.raises(AnswerError) as caught:
            SOURCE.parse(answer_of(cursor=place.cursor(), part=more))
        assert (caught.value.reason, caught.value.then) == ("cursor_repeats", "skip")


@pytest.mark.parametrize(
    ("code", "reason", "then"),
    [
        ("maxlag", "source_unavailable", "retry"),
        ("ratelimited", "source_unavailable", "retry"),
        ("readonly", "source_unavailable", "retry"),
        ("internal_api_error_DBQueryError", "source_unavailable", "retry"),
        ("blocked", "source_refuses", "stop"),
        ("permissiondenied", "source_refuses", "stop"),
        ("missingtitle", "question_refused", "skip"),
        ("invalidcategory", "question_refused", "skip"),
        (None, "question_refused", "skip"),
    ],
)
def test_errors_come_with_status_200(code: str | None, reason: str, then: str) -> None:
    """The code says whether to wait, to leave this subject, or to ask nothing more."""
    with pytest.raises(AnswerError) as caught:
        SOURCE.parse(Answer(json.dumps({"error": {"code": code, "info": "<b>why</b>"}}).encode(), subject=TAXON))
    assert (caught.value.reason, caught.value.then) == (reason, then)
    assert "why" in caught.value.detail


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"batchcomplete": true, "continue": {"a": []}}'])
def test_what_is_no_answer_is_an_error(body: bytes) -> None:
    """A page of HTML, half an answer, a continuation that cannot be sent."""
    with pytest.raises(AnswerError, match="unreadable_answer"):
        SOURCE.parse(Answer(body, subject=TAXON))


def test_known_listings_are_asked_about_by_page_id() -> None:
    """Those that are gone come back as missing; a part of an answer says nothing of the others."""
    request = SOURCE.recheck([Known("7", None, ()), Known("8", None, ())])
    assert request is not None
    assert SOURCE.recheck([Known("en:7", None, ())]) is None
    assert (request.url, dict(request.params)["pageids"], SOURCE.recheck_batch) == (API, "7|8", 50)
    gone = {"pageid": 8, "missing": True}
    parsed = SOURCE.parse(answer_of(page(), gone, cursor=RECHECK, subject=None))
    assert only(parsed).source_key == "7"
    assert (parsed.rejections, parsed.next_cursor) == ((Rejection("8", "hidden", "missing"),), None)
    part = answer_of(page(), cursor=RECHECK, subject=None, part={"iicontinue": "C"})
    unreadable = answer_of(page(descriptionshorturl="?", descriptionurl="?"), cursor=RECHECK, subject=None)
    for broken in (part, unreadable, Answer(b'{"batchcomplete": true}', cursor=RECHECK)):
        with pytest.raises(AnswerError, match="unreadable_answer"):
            SOURCE.parse(broken)


def test_a_redirect_is_listed_under_the_id_of_the_file_itself() -> None:
    """So that no photo is listed under two ids."""
    short = "https://commons.wikimedia.org/w/index.php?curid=12"
    assert only(SOURCE.parse(answer_of(page(7, descriptionshorturl=short)))).source_key == "12"


def test_only_a_large_rendering_stands_for_a_tiff() -> None:
    """A thumbnail is no original."""
    large = page(mime="image/tiff", thumbwidth=1920, thumburl="https://upload.wikimedia.org/t.jpg")
    assert only(SOURCE.parse(answer_of(large))).fallback_urls == ("https://upload.wikimedia.org/t.jpg",)
    assert only(SOURCE.parse(answer_of(page(mime="image/tiff")))).fallback_urls == ()
    assert only(SOURCE.parse(answer_of(page(thumbwidth=1920)))).fallback_urls == ()


def test_without_licence_words_the_licence_is_unknown() -> None:
    """Whether extmetadata is empty, not there, or something else."""
    for told in ({}, said(Artist="T"), said(License="")):
        assert only(SOURCE.parse(answer_of(page(told=told)))).licence == licence("")
    odds: tuple[Any, ...] = (None, [], "x", {"License": "cc0"}, {"License": {"value": ["cc0"]}})
    for odd in odds:
        assert only(SOURCE.parse(answer_of(page(extmetadata=odd)))).licence == licence("")


def test_another_planet_has_no_coordinates_here() -> None:
    """Commons has photos of Mars, with the place on Mars."""
    file = page() | {"coordinates": [{"lat": 1, "lon": 2, "globe": "mars"}]}
    assert only(SOURCE.parse(answer_of(file))).latitude is None


WHOLE: dict[str, Any] = {
    "batchcomplete": True,
    "continue": {"gcmcontinue": "x|1", "continue": "gcmcontinue||"},
    "query": {
        "pages": [
            page(1) | {"index": 1, "coordinates": [{"lat": 1.5, "lon": 2, "globe": "earth"}]},
            page(2, told=said(License="cc-by-nc-4.0", DateTimeOriginal="2020-01-01", Assessments="featured")),
        ]
    },
}


@given(st.lists(st.tuples(st.sampled_from(paths(WHOLE)), JSON), min_size=1, max_size=3), st.booleans())
def test_a_mutilated_answer_is_an_error_or_honest(changes: list[tuple[tuple[Any, ...], Any]], again: bool) -> None:
    """Nothing but AnswerError is raised, and no licence is open whose words are not in the answer."""
    told: Any = WHOLE
    for path, put in changes:
        if path in paths(told):
            told = mutilated(told, path, put)
    try:
        parsed = SOURCE.parse(Answer(json.dumps(told).encode(), subject=TAXON, cursor=RECHECK if again else ""))
    except AnswerError:
        return
    text = json.dumps(told)
    for listing in parsed.listings:
        if listing.licence.is_open:
            assert all(json.dumps(word)[1:-1] in text for word in (listing.licence.raw or "?").split(" | "))
    for rejection in parsed.rejections:
        assert rejection.reason in REJECTIONS
    if parsed.next_cursor is not None:
        assert SOURCE.requests(TAXON, parsed.next_cursor) is not None


@given(st.binary(max_size=40) | st.integers(0, 1600).map(lambda end: json.dumps(WHOLE).encode()[:end]))
def test_half_an_answer_is_an_error(body: bytes) -> None:
    """Or noise."""
    with pytest.raises(AnswerError):
        SOURCE.parse(Answer(body, subject=TAXON))
