"""Wikipedia: from a subject to its article, from there to its files, and whose files those are."""

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
from media_pipeline.licences import credit
from media_pipeline.records import Listing, Rejection, Subject
from media_pipeline.sources import WEB_SOURCES
from media_pipeline.sources.mediawiki import Place
from media_pipeline.sources.protocol import RECHECK, REJECTIONS, Answer, Known, Parsed
from media_pipeline.sources.wikimedia_commons import WikimediaCommons
from media_pipeline.sources.wikipedia import Wikipedia
from media_pipeline_tests.sources import wiki_answers
from media_pipeline_tests.sources.wiki_answers import JSON, SHA1, mutilated, page, paths, said

SOURCE = Wikipedia()
TAXON = Subject("t", "taxon", "Boletus edulis")
PLACE = Subject("p", "place", "Alter Markt", latitude=51.0, longitude=7.0)
FILES = Place("files", ("A.jpg",)).cursor()
ARTICLE: dict[str, Any] = {"pageid": 5, "ns": 0, "title": "Boletus edulis"}


def answer_of(
    *pages: dict[str, Any], cursor: str = "", subject: Subject | None = TAXON, part: dict[str, str] | None = None
) -> Answer:
    return wiki_answers.answer_of(*pages, cursor=cursor, subject=subject, part=part)


def shared_page(**info: Any) -> dict[str, Any]:
    """A file of Commons, as a Wikipedia tells of it."""
    told = page(**info) | {"missing": True, "known": True, "imagerepository": "shared", "title": "Datei:Cep 7.jpg"}
    del told["pageid"]
    return told


def local_page(**words: str) -> dict[str, Any]:
    """A file that a Wikipedia keeps at home."""
    told = page(told=said(**words), descriptionurl="https://de.wikipedia.org/wiki/Datei:Cep_7.jpg")
    told["imageinfo"][0]["descriptionshorturl"] = "https://de.wikipedia.org/w/index.php?curid=7"
    return told | {"title": "Datei:Cep 7.jpg"}


def asked(subject: Subject, cursor: str = "") -> tuple[str, dict[str, str]]:
    request = SOURCE.requests(subject, cursor)
    assert request is not None
    return request.url, dict(request.params)


def recorded(shared: Path, name: str, *, cursor: str = "", subject: Subject | None = None) -> Parsed:
    body = (shared / "sources/recorded/wikipedia" / name).read_bytes()
    return SOURCE.parse(Answer(body, cursor=cursor, subject=subject))


def unknown(*pages: dict[str, Any], subject: Subject = TAXON) -> str:
    """What is said of a subject that has no article."""
    with pytest.raises(AnswerError) as caught:
        SOURCE.parse(answer_of(*pages, subject=subject))
    assert (caught.value.reason, caught.value.then) == ("unknown_subject", "skip")
    return caught.value.detail


def test_it_has_the_limits_of_commons() -> None:
    """One identity has one allowance over all wikis."""
    assert WEB_SOURCES["wikipedia"].limits == WikimediaCommons().limits


def test_the_article_of_that_name_is_asked_for_first() -> None:
    """With its lead image and the names of the others, in English."""
    assert asked(TAXON) == (
        "https://en.wikipedia.org/w/api.php",
        {
            "action": "query",
            "format": "json",
            "formatversion": "2",
            "maxlag": "5",
            "prop": "pageimages|pageprops|coordinates|images",
            "piprop": "thumbnail|original|name",
            "pithumbsize": "330",
            "pilicense": "any",
            "ppprop": "disambiguation|wikibase_item",
            "redirects": "1",
            "imlimit": "max",
            "titles": "Boletus edulis",
        },
    )


def test_language_and_title_can_be_named() -> None:
    """But a language is no way to another server, and a title is one title."""
    german = replace(TAXON, options={"wikipedia": {"language": "de", "title": "Steinpilz"}})
    url, question = asked(german)
    assert (url, question["titles"]) == ("https://de.wikipedia.org/w/api.php", "Steinpilz")
    for options in ({"language": "evil.example/#"}, {"language": "EN"}, {"title": "A|B"}):
        with pytest.raises(AnswerError, match="question_refused"):
            SOURCE.requests(replace(TAXON, options={"wikipedia": options}), "")


def test_the_files_of_the_article_are_asked_for_by_name() -> None:
    """The lead image first and once, drawings not at all."""
    names = ["File:Zoo.jpg", "File:Map.svg", "File:Cep 1.jpg", "File:Sound.ogg"]
    article = ARTICLE | {"pageimage": "Cep_1.jpg", "images": [{"ns": 6, "title": name} for name in names]}
    parsed = SOURCE.parse(answer_of(article))
    assert (parsed.listings, parsed.rejections) == ((), ())
    assert parsed.next_cursor == Place("files", ("Cep 1.jpg", "Zoo.jpg")).cursor()
    url, question = asked(TAXON, parsed.next_cursor)
    assert url == "https://en.wikipedia.org/w/api.php"
    assert question["titles"] == "File:Cep 1.jpg|File:Zoo.jpg"
    assert (question["prop"], question["iiurlwidth"], question["redirects"]) == ("imageinfo|coordinates", "330", "1")


def test_an_article_without_photos_ends_the_walk() -> None:
    """That is no error."""
    assert SOURCE.parse(answer_of(ARTICLE)) == Parsed()


def test_fifty_files_are_asked_for_at_a_time() -> None:
    """And 200 of one article at most."""
    names = tuple(f"Cep {number}.jpg" for number in range(300))
    article = ARTICLE | {"images": [{"title": f"File:{name}"} for name in names]}
    cursor = SOURCE.parse(answer_of(article)).next_cursor
    counts = []
    while cursor:
        counts.append(len(asked(TAXON, cursor)[1]["titles"].split("|")))
        cursor = SOURCE.parse(answer_of(shared_page(), cursor=cursor)).next_cursor
    assert counts == [50, 50, 50, 50]


def test_a_subject_without_an_article_of_its_own_is_unknown() -> None:
    """Missing, a list of meanings, about something else, or elsewhere."""
    assert unknown() == "there is no such article"
    assert unknown({"title": "X", "missing": True}) == "there is no such article"
    assert unknown({"title": "X", "invalid": True}) == "there is no such article"
    assert unknown(ARTICLE | {"pageprops": {"disambiguation": ""}}) == "Boletus edulis is a list of meanings"
    genus = ARTICLE | {"pageprops": {"wikibase_item": "Q2"}}
    known = replace(TAXON, source_ids={"wikidata": "Q1"})
    assert unknown(genus, subject=known) == "Boletus edulis is about Q2, not Q1"
    far = ARTICLE | {"title": "Alter Markt", "coordinates": [{"lat": 52.0, "lon": 7.0}]}
    assert unknown(far, subject=PLACE) == "Alter Markt is 111 km away"


def test_what_is_named_or_near_is_believed() -> None:
    """A title in the options; an article a few kilometres off; coordinates on both sides of the date line."""
    genus = ARTICLE | {"pageprops": {"wikibase_item": "Q2"}}
    options = {"wikipedia": {"title": "Boletus"}}
    assert SOURCE.parse(answer_of(genus, subject=replace(TAXON, source_ids={"wikidata": "Q1"}, options=options))) == (
        Parsed()
    )
    assert SOURCE.parse(answer_of(ARTICLE | {"coordinates": [{"lat": 51.1, "lon": 7.1}]}, subject=PLACE)) == Parsed()
    island = replace(PLACE, latitude=0.0, longitude=-179.9)
    assert SOURCE.parse(answer_of(ARTICLE | {"coordinates": [{"lat": 0, "lon": 179.9}]}, subject=island)) == Parsed()


def test_recorded_names_come_in_two_parts(shared: Path) -> None:
    """Format version 1: the first part ends within the names, and one of all is a photo."""
    first = recorded(shared, "prop_images_page1.json")
    photo = ("Guido van Rossum in PyConUS24.jpg",)
    go = {"imcontinue": "23862|Symbol_portal_class.svg", "continue": "||"}
    assert first == Parsed(next_cursor=Place("article", photo, go, 1).cursor())
    assert asked(TAXON, first.next_cursor or "")[1]["imcontinue"] == "23862|Symbol_portal_class.svg"
    second = recorded(shared, "prop_images_page2.json", cursor=first.next_cursor or "")
    assert second == Parsed(next_cursor=Place("files", photo).cursor())


def test_a_recorded_article_names_its_lead_image(shared: Path) -> None:
    """Whatever else was asked in the same question."""
    files = Place("files", ("Douglas adams portrait cropped.jpg",)).cursor()
    assert recorded(shared, "query_pageimages_pageprops.json", subject=TAXON) == Parsed(next_cursor=files)
    other = replace(TAXON, source_ids={"wikidata": "Q1"})
    with pytest.raises(AnswerError, match="Douglas Adams is about Q42, not Q1"):
        recorded(shared, "query_pageimages_pageprops.json", subject=other)


def test_other_recorded_answers_hold_no_article_of_ours(shared: Path) -> None:
    """A search by prefix without names of files, an empty search, and a summary of another API."""
    assert recorded(shared, "prefix_search_pageimages.json", subject=TAXON) == Parsed()
    with pytest.raises(AnswerError, match="unknown_subject"):
        recorded(shared, "search_empty.json", subject=TAXON)
    with pytest.raises(AnswerError, match="unreadable_answer"):
        recorded(shared, "rest_summary_valid.json", subject=TAXON)


def test_a_recorded_file_of_commons_is_listed_as_that(shared: Path) -> None:
    """Under its page id there, although the Wikipedia calls it missing; its history is not walked."""
    parsed = recorded(shared, "imageinfo_extmetadata_enwiki.json", cursor=FILES, subject=TAXON)
    (listing,) = parsed.listings
    assert (listing.licence.name, listing.licence.family) == ("CC-BY-SA-2.0", "cc-by-sa")
    where = "https://commons.wikimedia.org/wiki/File:Douglas_adams_portrait_cropped.jpg"
    assert (listing.creator or "").startswith("Douglas_adams_portrait.jpg ")
    assert listing.attribution == credit(
        listing.licence, creator=listing.creator, title="Douglas adams portrait cropped.jpg", where=where
    )
    assert replace(listing, creator=None, attribution=None) == Listing(
        source="wikimedia_commons",
        source_key="10031710",
        edition="2010-04-16T22:54:28Z",
        original_url="https://upload.wikimedia.org/wikipedia/commons/c/c0/Douglas_adams_portrait_cropped.jpg",
        licence=listing.licence,
        page_url=where,
        title="Douglas adams portrait cropped.jpg",
        subject_id="t",
        size_bytes=32915,
        width_px=333,
        height_px=386,
        prior_points=90.0,
    )
    assert (parsed.rejections, parsed.next_cursor) == ((), None)


def test_recorded_oddities_are_rejected(shared: Path) -> None:
    """A drawing of Commons in format version 1, and a file with a licence but without an address."""
    drawing = recorded(shared, "imageinfo_shared_file_svg.json", cursor=FILES)
    assert drawing == Parsed(rejections=(Rejection("File:Python-logo-notext.svg", "not_a_photo", "DRAWING"),))
    (rejection,) = recorded(shared, "image_license_extmetadata.json", cursor=FILES).rejections
    assert (rejection.reason, rejection.source_key.endswith("2015-02-04 02.jpg")) == ("no_url", True)


def test_a_photo_is_the_same_listing_through_both_sources() -> None:
    """Source, key, edition, licence and all: only the taxon is Commons' own knowledge."""
    (through_wikipedia,) = SOURCE.parse(answer_of(shared_page(), cursor=FILES)).listings
    (at_commons,) = WikimediaCommons().parse(answer_of(page(), subject=TAXON)).listings
    where = "https://commons.wikimedia.org/wiki/File:Cep_7.jpg"
    assert through_wikipedia.licence.name == "CC-BY-4.0"
    assert through_wikipedia == Listing(
        source="wikimedia_commons",
        source_key="7",
        edition=SHA1,
        original_url="https://upload.wikimedia.org/commons/a/ab/Cep_7.jpg",
        licence=through_wikipedia.licence,
        page_url=where,
        attribution=credit(through_wikipedia.licence, creator="A. Tester", title="Cep 7.jpg", where=where),
        creator="A. Tester",
        title="Cep 7.jpg",
        thumbnail_url="https://upload.wikimedia.org/commons/thumb/a/ab/Cep_7.jpg/330px-Cep_7.jpg",
        subject_id="t",
        size_bytes=1000,
        width_px=4000,
        height_px=3000,
        content_type="image/jpeg",
        sha1=SHA1,
        prior_points=90.0,
    )
    assert replace(at_commons, taxon_name=None) == through_wikipedia


def test_a_free_file_at_home_is_listed_under_its_wiki() -> None:
    """Page ids are of one wiki each."""
    words = {"License": "cc-by-sa-4.0", "Artist": "B. Tester", "DateTimeOriginal": "2021-03-04 05:06"}
    (listing,) = SOURCE.parse(answer_of(local_page(**words), cursor=FILES)).listings
    assert listing.licence.name == "CC-BY-SA-4.0"
    where = "https://de.wikipedia.org/wiki/Datei:Cep_7.jpg"
    assert listing == Listing(
        source="wikipedia",
        source_key="de:7",
        edition=SHA1,
        original_url="https://upload.wikimedia.org/commons/a/ab/Cep_7.jpg",
        licence=listing.licence,
        page_url=where,
        attribution=credit(listing.licence, creator="B. Tester", title="Cep 7.jpg", where=where),
        creator="B. Tester",
        title="Cep 7.jpg",
        thumbnail_url="https://upload.wikimedia.org/commons/thumb/a/ab/Cep_7.jpg/330px-Cep_7.jpg",
        subject_id="t",
        size_bytes=1000,
        width_px=4000,
        height_px=3000,
        content_type="image/jpeg",
        sha1=SHA1,
        observed_on=date(2021, 3, 4),
        prior_points=90.0,
    )


@pytest.mark.parametrize(
    "words",
    [{}, {"License": "fair use"}, {"License": "cc-by-nc-4.0"}, {"License": "cc-by-4.0", "NonFree": "true"}],
)
def test_an_unfree_file_at_home_is_none_of_ours(words: dict[str, str]) -> None:
    """Wikipedias keep logos and film posters there, which only they may show."""
    (rejection,) = SOURCE.parse(answer_of(local_page(**words), cursor=FILES)).rejections
    assert (rejection.source_key, rejection.reason) == ("de:7", "unfree")


def test_a_file_whose_home_is_hidden_is_malformed() -> None:
    """A comment that a Wikipedia keeps on a file of Commons has an id, but not the file's."""
    told = shared_page(descriptionshorturl=None) | {"pageid": 99}
    (rejection,) = SOURCE.parse(answer_of(told, cursor=FILES)).rejections
    assert (rejection.source_key, rejection.reason) == ("99", "malformed")
    (listing,) = SOURCE.parse(answer_of(shared_page() | {"pageid": 99}, cursor=FILES)).listings
    assert listing.source_key == "7"


def test_a_file_that_is_gone_everywhere_is_hidden() -> None:
    """Missing and not known, in either format version."""
    for told in ({"title": "File:A.jpg", "missing": True}, {"title": "File:A.jpg", "missing": ""}):
        parsed = SOURCE.parse(answer_of(told, cursor=FILES))
        assert parsed.rejections == (Rejection("File:A.jpg", "hidden", "missing"),)


def test_a_known_listing_is_asked_about_at_its_own_wiki() -> None:
    """One at a time, for each language is a server of its own."""
    request = SOURCE.recheck([Known("de:7", None, ())])
    assert request is not None
    assert SOURCE.recheck([Known("7", None, ())]) is None
    assert (request.url, SOURCE.recheck_batch) == ("https://de.wikipedia.org/w/api.php", 1)
    assert dict(request.params)["pageids"] == "7"
    (listing,) = SOURCE.parse(answer_of(local_page(License="cc0"), cursor=RECHECK, subject=None)).listings
    assert (listing.source, listing.source_key) == ("wikipedia", "de:7")
    with pytest.raises(AnswerError, match="unreadable_answer"):
        SOURCE.parse(answer_of(cursor=RECHECK, subject=None, part={"a": "b"}))


def test_an_error_with_status_200_is_told_as_at_commons() -> None:
    """The same words mean the same."""
    with pytest.raises(AnswerError) as caught:
        SOURCE.parse(Answer(b'{"error": {"code": "maxlag", "info": "x"}}', subject=TAXON))
    assert (caught.value.reason, caught.value.then) == ("source_unavailable", "retry")


WHOLE_ARTICLE: dict[str, Any] = {
    "batchcomplete": True,
    "query": {
        "pages": [
            ARTICLE
            | {
                "pageimage": "Cep_1.jpg",
                "pageprops": {"wikibase_item": "Q1"},
                "coordinates": [{"lat": 51, "lon": 7}],
                "images": [{"ns": 6, "title": "File:Cep 2.jpg"}],
            }
        ]
    },
}
WHOLE_FILES: dict[str, Any] = {
    "batchcomplete": True,
    "query": {"pages": [shared_page(), local_page(License="cc-by-4.0"), local_page(License="fair use")]},
}
SUBJECT = replace(PLACE, source_ids={"wikidata": "Q1"})


@given(st.lists(st.tuples(st.sampled_from(paths(WHOLE_FILES)), JSON), min_size=1, max_size=3))
def test_mutilated_files_are_an_error_or_honest(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    """Nothing but AnswerError is raised, and no licence is open whose words are not in the answer."""
    told: Any = WHOLE_FILES
    for path, put in changes:
        if path in paths(told):
            told = mutilated(told, path, put)
    try:
        parsed = SOURCE.parse(Answer(json.dumps(told).encode(), subject=SUBJECT, cursor=FILES))
    except AnswerError:
        return
    text = json.dumps(told)
    for listing in parsed.listings:
        assert listing.licence.is_open or listing.source == "wikimedia_commons"
        if listing.licence.is_open:
            assert all(json.dumps(word)[1:-1] in text for word in (listing.licence.raw or "?").split(" | "))
    for rejection in parsed.rejections:
        assert rejection.reason in REJECTIONS


@given(st.lists(st.tuples(st.sampled_from(paths(WHOLE_ARTICLE)), JSON), min_size=1, max_size=3))
def test_a_mutilated_article_is_an_error_or_a_question(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    """It never lists anything, and what it leads to can be asked."""
    told: Any = WHOLE_ARTICLE
    for path, put in changes:
        if path in paths(told):
            told = mutilated(told, path, put)
    try:
        parsed = SOURCE.parse(Answer(json.dumps(told).encode(), subject=SUBJECT))
    except AnswerError:
        return
    assert (parsed.listings, parsed.rejections) == ((), ())
    assert parsed.next_cursor is None or SOURCE.requests(SUBJECT, parsed.next_cursor) is not None
