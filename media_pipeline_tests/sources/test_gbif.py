"""GBIF: what is asked, and what its answers say, those recorded and those that are broken."""

from __future__ import annotations

import copy
import hashlib
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.errors import AnswerError
from media_pipeline.licences import licence
from media_pipeline.records import Listing, Rejection, Subject
from media_pipeline.sources import WEB_SOURCES
from media_pipeline.sources.gbif import Gbif
from media_pipeline.sources.gbif_questions import CATALOGUE_OF_LIFE, FORMER_BACKBONE
from media_pipeline.sources.protocol import RECHECK, REJECTIONS, Answer, Known, Parsed, Request
from media_pipeline.sources.reading import url_of

GBIF = Gbif()
BY = "http://creativecommons.org/licenses/by/4.0/"
BY_NC = "http://creativecommons.org/licenses/by-nc/4.0/"
SUBJECT = Subject("s-1", "taxon", "Amanita muscaria", rank="species", synonyms=("Agaricus muscarius",))
NAMED = replace(SUBJECT, source_ids={"gbif": "4CGXP"})
MATCH = "https://api.gbif.org/v2/species/match"
SEARCH = "https://api.gbif.org/v1/occurrence/search"


def recorded(shared: Path, name: str, *, cursor: str = "", subject: Subject | None = NAMED) -> Answer:
    return Answer((shared / "sources/recorded/gbif" / f"{name}.json").read_bytes(), subject=subject, cursor=cursor)


def page(*records: Any, **more: Any) -> Answer:
    """A last page of these records."""
    body = {"offset": 0, "limit": 300, "endOfRecords": True, "count": len(records), "results": records} | more
    return Answer(json.dumps(body).encode(), subject=NAMED)


def record(*media: Any, **more: Any) -> dict[str, Any]:
    return {"key": 77, "media": list(media)} | more


def photo(identifier: str | None, **more: Any) -> dict[str, Any]:
    return {"type": "StillImage", "identifier": identifier, "license": BY} | more


def one(*media: Any, **more: Any) -> Listing:
    """The only photo of a record."""
    (listing,) = GBIF.parse(page(record(*media, **more))).listings
    return listing


def match(how: str, *, confidence: int = 99, **more: Any) -> bytes:
    usage = {"key": "4CGXP", "name": "Amanita muscaria (L.) Lam.", "rank": "SPECIES"}
    told = {"usage": usage, "synonym": False, "diagnostics": {"matchType": how, "confidence": confidence}}
    return json.dumps(told | more).encode()


def asked(subject: Subject, cursor: str = "") -> Request:
    request = GBIF.requests(subject, cursor)
    assert request is not None
    return request


def test_it_is_registered_with_its_limits() -> None:
    """Priority 60; two requests a second, never more than four."""
    limits = WEB_SOURCES["gbif"].limits
    assert (limits.priority, limits.requests_per_s, limits.fastest_per_s, limits.downloads) == (60, 2, 4, 2)
    assert (limits.per_subject, limits.needs_contact) == (300, True)


# What is asked


def test_a_place_is_no_taxon() -> None:
    """It has nothing to say of a place."""
    assert GBIF.requests(replace(SUBJECT, kind="place"), "") is None


def test_a_name_is_matched_first() -> None:
    """In the checklist whose keys the search then asks for."""
    assert asked(SUBJECT) == Request(
        MATCH,
        (("scientificName", "Amanita muscaria"), ("taxonRank", "SPECIES"), ("checklistKey", CATALOGUE_OF_LIFE)),
    )


def test_a_rank_that_gbif_does_not_know_is_not_sent() -> None:
    """It would refuse the question."""
    assert dict(asked(replace(SUBJECT, rank="species complex")).params).keys() == {"scientificName", "checklistKey"}


def test_an_id_goes_straight_to_the_records() -> None:
    """With the key of its checklist: without it the id means nothing."""
    assert asked(NAMED) == Request(
        SEARCH,
        (
            ("mediaType", "StillImage"),
            ("taxonKey", "4CGXP"),
            ("checklistKey", CATALOGUE_OF_LIFE),
            ("limit", "300"),
            ("offset", "0"),
        ),
    )


def test_a_number_is_an_id_of_the_former_backbone() -> None:
    """Lists that people kept since before 2026 go on to work."""
    params = dict(asked(replace(SUBJECT, source_ids={"gbif": "5240000"})).params)
    assert (params["taxonKey"], params["checklistKey"]) == ("5240000", FORMER_BACKBONE)


def test_an_id_that_is_given_on_the_way_ends_the_search_for_the_name() -> None:
    """A walk that stands at an unknown synonym goes on to the records."""
    assert asked(NAMED, '{"match":1}') == asked(NAMED)


def test_a_subject_may_narrow_the_search() -> None:
    """By what is on the list only: neither the licence of records nor another taxon."""
    options = {
        "country": ["DK", "SE"],
        "hasCoordinate": True,
        "year": "2020,2024",
    }
    params = asked(replace(NAMED, options={"gbif": options, "flickr": {"tags": "x"}})).params
    assert params[3:-2] == (("country", "DK"), ("country", "SE"), ("hasCoordinate", "true"), ("year", "2020,2024"))
    for other in ("license", "taxonKey"):
        with pytest.raises(AnswerError, match=f"no option '{other}' for gbif"):
            asked(replace(NAMED, options={"gbif": {other: "1"}}))


def test_a_known_photo_is_asked_for_by_its_record() -> None:
    """One record a question."""
    known = Known("d41d8c", "https://example.org/1", ("4909740830",))
    assert GBIF.recheck([known]) == Request("https://api.gbif.org/v1/occurrence/4909740830")
    assert GBIF.recheck_batch == 1
    assert GBIF.recheck([replace(known, observation_ids=())]) is None


# The name's match


@pytest.mark.parametrize(
    ("body", "taxon"),
    [
        (match("EXACT"), "4CGXP"),
        (match("EXACT", synonym=True, acceptedUsage={"key": "9ZZZ"}), "9ZZZ"),
        (match("VARIANT", confidence=95), "4CGXP"),
    ],
)
def test_a_match_leads_to_the_records_of_the_accepted_taxon(body: bytes, taxon: str) -> None:
    """Also a name that is surely only misspelt."""
    parsed = GBIF.parse(Answer(body, subject=SUBJECT))
    assert parsed == Parsed(next_cursor=parsed.next_cursor)
    params = asked(SUBJECT, parsed.next_cursor or "").params
    assert params[1:3] == (("taxonKey", taxon), ("checklistKey", CATALOGUE_OF_LIFE))
    assert params[-1] == ("offset", "0")


@pytest.mark.parametrize(
    "body",
    [match("HIGHERRANK"), match("NONE"), match("VARIANT", confidence=94), match("EXACT", usage=None), match("?")],
)
def test_what_is_no_match_is_asked_again_with_the_synonym(body: bytes) -> None:
    """And is unknown when there is no further one: a genus in place of a species would bring other species."""
    second = GBIF.parse(Answer(body, subject=SUBJECT)).next_cursor
    assert second is not None
    assert dict(asked(SUBJECT, second).params)["scientificName"] == "Agaricus muscarius"
    with pytest.raises(AnswerError, match=r"unknown_subject.*Agaricus muscarius") as caught:
        GBIF.parse(Answer(body, subject=SUBJECT, cursor=second))
    assert caught.value.then == "skip"


def test_recorded_matches(shared: Path) -> None:
    """The exact one has a key; the class that «HIGHERRANK» found, and nothing at all, are no hits."""
    exact = GBIF.parse(recorded(shared, "species_match_v2_exact", subject=SUBJECT))
    assert exact.next_cursor == f'{{"checklist":"{CATALOGUE_OF_LIFE}","offset":0,"taxon":"9206251"}}'
    for name, told in (
        ("species_match_v2_colxr", "HIGHERRANK, confidence 94, Aves"),
        ("species_match_v2_none", "NONE"),
    ):
        with pytest.raises(AnswerError, match=f"unknown_subject.*{told}"):
            GBIF.parse(recorded(shared, name, subject=replace(SUBJECT, synonyms=())))


# Recorded pages


def test_a_recorded_photo_of_a_museum_portal(shared: Path) -> None:
    """Null is no licence; without references the page is GBIF's; the cache is the last resort."""
    answer = recorded(shared, "occurrence_search_identifiedByID")
    parsed = GBIF.parse(answer)
    name = json.loads(answer.body)["results"][0]["media"][0]["creator"]
    assert parsed.listings[0] == Listing(
        source="gbif",
        source_key="e58c0195d3bc1415e9531fdccd370ca5",
        edition="",
        original_url="https://svampe.databasen.org/uploads/2023-10350882_r18Wx4nZ2.JPG",
        fallback_urls=(
            "https://api.gbif.org/v1/image/cache/occurrence/4100107708/media/e58c0195d3bc1415e9531fdccd370ca5",
        ),
        licence=licence(""),
        page_url="https://www.gbif.org/occurrence/4100107708",
        attribution=f"By {name}, https://www.gbif.org/occurrence/4100107708, licence unknown",
        creator=name,
        content_type="image/jpeg",
        taxon_name="Phlyctis argena",
        observation_ids=("4100107708",),
        observed_on=date(2023, 4, 6),
        latitude=55.831651,
        longitude=9.819907,
        coordinate_uncertainty_m=33,
        subject_id="s-1",
        prior_points=90,
    )
    assert Counter((found.source, found.licence.name) for found in parsed.listings) == {
        ("gbif", "LicenseRef-unknown"): 2,
        ("inaturalist", "CC-BY-4.0"): 1,
    }
    assert (parsed.rejections, parsed.next_cursor is not None) == ((), True)


def test_a_recorded_photo_of_inaturalist(shared: Path) -> None:
    """It is iNaturalist's photo; a place that its observer hid is said to be obscured, and has no uncertainty."""
    answer = recorded(shared, "occurrence_search_no_coordinates")
    parsed = GBIF.parse(answer)
    name = json.loads(answer.body)["results"][0]["media"][0]["creator"]
    assert parsed.listings[0] == Listing(
        source="inaturalist",
        source_key="233998313",
        edition="",
        original_url="https://inaturalist-open-data.s3.amazonaws.com/photos/233998313/original.jpg",
        licence=licence(BY_NC),
        page_url="https://www.inaturalist.org/photos/233998313",
        attribution=f"By {name}, https://www.inaturalist.org/photos/233998313, CC BY-NC 4.0 (https://creativecommons.org/licenses/by-nc/4.0/)",
        creator=name,
        content_type="image/jpeg",
        taxon_name="Accipiter striatus",
        observation_ids=("3923519464",),
        observed_on=date(2022, 2, 8),
        observed_at=datetime(2022, 2, 8, 22, 9, 57, tzinfo=UTC),
        is_obscured=True,
        subject_id="s-1",
        prior_points=90,
    )
    assert len(parsed.listings) == 5
    assert {(found.licence.name, found.is_obscured) for found in parsed.listings} == {("CC-BY-NC-4.0", True)}


def test_a_recorded_page_of_three_hundred_records(shared: Path) -> None:
    """487 photos, each under its own licence; none says who took it, so the observer is named as observer."""
    answer = recorded(shared, "occurrence_search_taxon_p300")
    parsed = GBIF.parse(answer)
    first = json.loads(answer.body)["results"][0]
    assert parsed.listings[0] == Listing(
        source="gbif",
        source_key="802f22cf4053bb122e9bb8d0dfec6bfe",
        edition="",
        original_url="https://arter.dk/media/747389ab-7915-4a92-8ae8-b1b2010dcb62.jpg",
        fallback_urls=(
            "https://api.gbif.org/v1/image/cache/occurrence/4909740830/media/802f22cf4053bb122e9bb8d0dfec6bfe",
        ),
        licence=licence(BY),
        page_url="https://www.gbif.org/occurrence/4909740830",
        attribution=f"By an unnamed creator (recorded by {first['recordedBy']}), "
        "https://www.gbif.org/occurrence/4909740830, CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)",
        taxon_name="Amanita muscaria",
        observation_ids=("4909740830",),
        observed_on=date(2024, 7, 19),
        observed_at=datetime(2024, 7, 19, 16, 22, 20, 513000, tzinfo=UTC),
        latitude=56.278502,
        longitude=10.697203,
        coordinate_uncertainty_m=42.5,
        subject_id="s-1",
        prior_points=90,
    )
    assert Counter(found.licence.name for found in parsed.listings) == {
        "CC-BY-4.0": 462,
        "LicenseRef-ARR": 15,
        "CC-BY-NC-4.0": 10,
    }
    # «Occurrence blurred»: four records with 1, 3, 2 and 1 photos.
    assert sum(found.is_obscured for found in parsed.listings) == 7
    # 12 records give a time without a zone.
    assert len({found.observation_ids for found in parsed.listings if found.observed_at is None}) <= 12
    assert {found.source for found in parsed.listings} == {"gbif"}
    assert parsed.rejections == ()
    assert asked(NAMED, parsed.next_cursor or "").params[-2:] == (("limit", "300"), ("offset", "300"))


def test_recorded_pages_follow_each_other(shared: Path) -> None:
    """The place is counted by the records that came, also where they are fewer than were asked for."""
    first = GBIF.parse(recorded(shared, "occurrence_search_page_offset0"))
    second = GBIF.parse(recorded(shared, "occurrence_search_page_offset5", cursor=first.next_cursor or ""))
    assert dict(asked(NAMED, first.next_cursor or "").params)["offset"] == "5"
    assert dict(asked(NAMED, second.next_cursor or "").params)["offset"] == "10"
    assert Counter(found.licence.name for found in first.listings) == {"CC-BY-NC-4.0": 13}
    assert Counter(found.licence.name for found in second.listings) == {
        "CC0-1.0": 1,
        "CC-BY-4.0": 8,
        "CC-BY-NC-4.0": 7,
    }
    assert {found.source for found in (*first.listings, *second.listings)} == {"inaturalist"}
    park = next(found for found in second.listings if found.source_key == "175587138")
    assert (park.attribution, park.coordinate_uncertainty_m, park.observed_at) == (
        "By Pinnacles National Park, https://www.inaturalist.org/photos/175587138, CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)",
        None,
        datetime(2022, 1, 5, 17, 55, tzinfo=UTC),
    )


def test_the_recorded_media_of_a_species_are_no_records(shared: Path) -> None:
    """That other question of GBIF has media without records: each is rejected, none is listed."""
    parsed = GBIF.parse(recorded(shared, "species_media"))
    assert parsed == Parsed(rejections=(Rejection("", "malformed", "no record with a key"),) * 22)


# Where a walk ends


def test_the_end_of_the_records_is_the_end() -> None:
    """Also a page without any, whatever else it says."""
    assert GBIF.parse(page(record(photo("https://a.org/1.jpg")))).next_cursor is None
    assert GBIF.parse(page(endOfRecords=False)).next_cursor is None


def test_beyond_a_hundred_thousand_records_the_walk_says_so() -> None:
    """The last page stops there; the next question asks for no records, and its answer tells how many were left out."""
    near = f'{{"checklist":"{CATALOGUE_OF_LIFE}","offset":99900,"taxon":"4CGXP"}}'
    assert asked(NAMED, near).params[-2:] == (("limit", "100"), ("offset", "99900"))
    last = GBIF.parse(replace(page(*[record()] * 100, endOfRecords=False), cursor=near))
    assert last.next_cursor is not None
    assert asked(NAMED, last.next_cursor).params[-2:] == (("limit", "0"), ("offset", "0"))
    with pytest.raises(AnswerError, match=r"question_refused.*first 100000 of 765432 records"):
        GBIF.parse(replace(page(count=765432), cursor=last.next_cursor))


def test_a_walk_keeps_its_taxon() -> None:
    """An id that the operator changes on the way does not mix two taxa."""
    following = GBIF.parse(page(record(), endOfRecords=False)).next_cursor or ""
    assert dict(asked(replace(SUBJECT, source_ids={"gbif": "1"}), following).params)["taxonKey"] == "4CGXP"


# What a photo is


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (photo("https://a.org/1.mp3", type="Sound", format="audio/mpeg"), "not_a_photo"),
        (photo("https://a.org/1.mp4", type="MovingImage"), "not_a_photo"),
        (photo("https://a.org/viewer/1", type="InteractiveResource"), "not_a_photo"),
        (photo("https://a.org/1.wav"), "not_a_photo"),
        (photo("https://a.org/1/manifest.json", format="application/ld+json"), "not_a_photo"),
        (photo("https://a.org/iiif/1/manifest"), "not_a_photo"),
        (photo("https://a.org/iiif/1/info.json"), "not_a_photo"),
        (photo("https://a.org/1.dzi", format="dzi"), "not_a_photo"),
        (photo("https://a.org/1", format="text/html; charset=utf-8"), "not_a_photo"),
        (photo("https://a.org/1.svg", format="image/svg+xml"), "not_a_photo"),
        (photo("https://a.org/XC1-full.png", description="Sonogram of the recording"), "not_a_photo"),
        (photo("https://a.org/1", type=None), "not_a_photo"),
        (photo(None, type="Sound"), "not_a_photo"),
        (photo(None, references="https://a.org/zoom/1"), "no_url"),
        (photo(""), "no_url"),
        (photo("654355.jpg"), "no_url"),
        (photo("ftp://a.org/1.jpg"), "no_url"),
        ("https://a.org/1.jpg", "malformed"),
        (None, "malformed"),
    ],
)
def test_a_record_s_other_media_are_no_photos(item: Any, reason: str) -> None:
    """The search for still images brings them along; the photo beside them stays."""
    parsed = GBIF.parse(page(record(item, photo("https://a.org/good.jpg"))))
    assert [found.reason for found in parsed.rejections] == [reason]
    assert [found.original_url for found in parsed.listings] == ["https://a.org/good.jpg"]
    assert {found.reason for found in parsed.rejections} <= set(REJECTIONS)


@pytest.mark.parametrize(
    ("item", "content_type"),
    [
        (photo("https://a.org/1", format="image/jpeg"), "image/jpeg"),
        (photo("https://a.org/1", format="JPG", type=None), "image/jpeg"),
        (photo("https://a.org/1.heic"), None),
        (photo("https://a.org/1", format="application/octet-stream"), None),
        (photo("https://a.org/1.jpg", type=None), None),
        (photo("https://a.org/get.html?id=1", format="image/tiff"), "image/tiff"),
    ],
)
def test_what_may_be_a_photo_is_one(item: Any, content_type: str | None) -> None:
    """Its type, its format or its name is enough; the bytes will tell."""
    assert one(item).content_type == content_type


@pytest.mark.parametrize(
    "record_",
    [None, [], 7, {}, {"key": True}, {"key": "../1"}, {"key": 1, "media": {"0": 1}}, {"key": 1, "media": "x"}],
)
def test_what_is_no_record_is_rejected(record_: Any) -> None:
    """And the others on its page are read."""
    parsed = GBIF.parse(page(record_, record(photo("https://a.org/1.jpg"))))
    assert ([found.reason for found in parsed.rejections], len(parsed.listings)) == (["malformed"], 1)


def test_a_record_of_absence_shows_something_else() -> None:
    """«It was not found here» comes with photos, too."""
    parsed = GBIF.parse(page(record(photo("https://a.org/1.jpg"), occurrenceStatus="ABSENT")))
    assert [found.reason for found in parsed.rejections] == ["other_subject"]
    assert parsed.listings == ()


@pytest.mark.parametrize(
    ("urls", "best"),
    [
        (["http://a.org/1.jpg", "https://a.org/1.jpg"], "https://a.org/1.jpg"),
        (["https://a.org/1.jpg", "https://a.org/1_lg.jpg", "https://a.org/1_tn.jpg"], "https://a.org/1_lg.jpg"),
        (["https://a.org/thumbs/1.jpg", "https://a.org/original/1.jpg"], "https://a.org/original/1.jpg"),
        (["https://a.org/p/1/medium.jpg", "https://a.org/p/1/large.jpg"], "https://a.org/p/1/large.jpg"),
        (["https://a.org/1.jpg?width=800", "https://a.org/1.jpg"], "https://a.org/1.jpg"),
        (["https://a.org/1.jpg?width=800", "https://a.org/1.jpg?width=1600"], "https://a.org/1.jpg?width=1600"),
        (
            ["https://a.org/i/full/500,/0/x.jpg", "https://a.org/i/full/full/0/x.jpg"],
            "https://a.org/i/full/full/0/x.jpg",
        ),
        (["https://a.org/120x90/1.jpg", "https://a.org/1024x768/1.jpg"], "https://a.org/1024x768/1.jpg"),
    ],
)
def test_of_one_photo_s_files_the_largest_is_taken(urls: list[str], best: str) -> None:
    """In whatever order they come."""
    assert one(*map(photo, urls)).original_url == best
    assert one(*map(photo, reversed(urls))).original_url == best


def test_smaller_files_come_before_the_cache_and_thumbnails_not_at_all() -> None:
    """A page's size is better than GBIF's 1200 px; a thumbnail is worse than nothing."""
    listing = one(photo("https://a.org/1_tn.jpg"), photo("https://a.org/1.jpg"), photo("https://a.org/1_lg.jpg"))
    cache = f"https://api.gbif.org/v1/image/cache/occurrence/77/media/{listing.source_key}"
    assert listing.fallback_urls == ("https://a.org/1.jpg", cache)


@pytest.mark.parametrize(
    ("one_url", "other_url"),
    [
        ("https://a.org/1.jpg", "https://a.org/2.jpg"),
        ("https://a.org/x_1.jpg", "https://a.org/x_2.jpg"),
        ("https://a.org/1.jpg?id=1", "https://a.org/1.jpg?id=2"),
        ("https://a.org/i/0,0,512,512/full/0/x.jpg", "https://a.org/i/512,0,512,512/full/0/x.jpg"),
        ("https://a.org/1.jpg", "https://b.org/1.jpg"),
    ],
)
def test_where_nothing_says_a_size_each_file_is_its_own_photo(one_url: str, other_url: str) -> None:
    """No photo is lost to a guess."""
    assert len(GBIF.parse(page(record(photo(one_url), photo(other_url)))).listings) == 2


def test_the_key_is_gbif_s_own() -> None:
    """The digest of the identifier as GBIF has it, also where it is no whole address: its cache knows no other."""
    listing = one(photo("//a.org/1.jpg"))
    assert listing.original_url == "https://a.org/1.jpg"
    assert listing.source_key == "f79425ef6b8702d72968fca54b1db91a"


def test_a_photo_in_two_records_is_one_listing() -> None:
    """It belongs to both."""
    listings = GBIF.parse(page(*(record(photo("https://a.org/1.jpg"), key=key) for key in (1, 2)))).listings
    assert [found.observation_ids for found in listings] == [("1", "2")]


# Licences


@pytest.mark.parametrize(
    ("said", "family"),
    [
        (BY, "cc-by"),
        ("http://creativecommons.org/licenses/by-nc/4.0/legalcode", "cc-by-nc"),
        ("CC_BY_4_0", "cc-by"),
        ("All rights reserved", "all-rights-reserved"),
        ("Usage Conditions Apply", "unknown"),
        ("CC0" + " -" * 2000 + " but not for you", "unknown"),
        (None, "unknown"),
        ("", "unknown"),
        ([BY], "unknown"),
        ({"url": BY}, "unknown"),
    ],
)
def test_only_the_photo_s_own_licence_counts(said: Any, family: str) -> None:
    """Whatever the record's is; null means here that nobody said."""
    assert one(photo("https://a.org/1.jpg", license=said), license=BY).licence.family == family


@pytest.mark.parametrize(
    ("said", "family"),
    [
        ((BY, BY), "cc-by"),
        ((BY, "CC BY 4.0"), "cc-by"),
        ((BY, BY_NC), "cc-by-nc"),
        ((BY_NC, BY), "cc-by-nc"),
        ((BY, "All rights reserved"), "all-rights-reserved"),
    ],
)
def test_of_two_licences_for_one_file_the_less_open_counts(said: tuple[str, str], family: str) -> None:
    """In one record, in two, and for http and https; and it is the one that the attribution names."""
    here, there = (photo("https://a.org/1.jpg", license=words) for words in said)
    assert one(here, there).licence.family == family
    assert one(here, photo("http://a.org/1.jpg", license=said[1])).licence.family == family
    (in_two,) = GBIF.parse(page(record(here, key=1), record(there, key=2))).listings
    assert in_two.licence.family == family
    assert in_two.attribution in (one(here, key=1).attribution, one(there, key=2).attribution)


def test_silence_beside_a_licence_is_no_contradiction_within_a_record() -> None:
    """But a record that says nothing is not freed by another: which of them speaks of this file is not known."""
    here, there = (photo("https://a.org/1.jpg", license=words) for words in (BY, None))
    assert one(here, there).licence.family == "cc-by"
    (in_two,) = GBIF.parse(page(record(here, key=1), record(there, key=2))).listings
    assert in_two.licence.family == "unknown"


def test_a_free_thumbnail_frees_no_original() -> None:
    """The file that is taken is the one whose licence counts."""
    listing = one(photo("https://a.org/1_tn.jpg", license="CC0"), photo("https://a.org/1_lg.jpg", license=None))
    assert listing.licence.family == "unknown"


@pytest.mark.parametrize(
    ("more", "who"),
    [
        ({"creator": "Ada", "rightsHolder": "The museum"}, "By Ada / The museum"),
        ({"creator": "Ada", "rightsHolder": "Ada"}, "By Ada"),
        ({"rightsHolder": "<b>The museum</b>"}, "By The museum"),
        ({"title": "Cap"}, "“Cap” by an unnamed creator (recorded by Bo)"),
    ],
)
def test_the_attribution_names_whom_the_photo_names(more: dict[str, str], who: str) -> None:
    """Whoever recorded it is not said to be its creator."""
    listing = one(photo("https://a.org/1.jpg", references="https://a.org/page", **more), recordedBy="Bo")
    assert listing.attribution == f"{who}, https://a.org/page, CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)"
    assert listing.creator == {"Ada": "Ada", None: more.get("rightsHolder") and "The museum"}[more.get("creator")]


# Photos of iNaturalist


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://inaturalist-open-data.s3.amazonaws.com/photos/279076960/original.jpeg", "279076960"),
        ("https://inaturalist-open-data.s3.us-east-1.amazonaws.com/photos/5/square.JPG", "5"),
        ("http://static.inaturalist.org/photos/12/large.jpg?1444322464", "12"),
        ("https://static.inaturalist.org/photos/12/medium", "12"),
        ("https://static.inaturalist.org/photos/12", None),
        ("https://static.inaturalist.org/attachments/12/original.jpg", None),
        ("https://evil.org/static.inaturalist.org/photos/12/large.jpg", None),
        ("https://evil.org/photos/12/large.jpg", None),
    ],
)
def test_the_id_of_a_photo_of_inaturalist_is_in_its_address(url: str, key: str | None) -> None:
    """On either of its hosts, in any size; elsewhere it is GBIF's."""
    listing = one(photo(url))
    assert (listing.source, listing.source_key) == (
        ("inaturalist", key) if key else ("gbif", hashlib.md5(url.encode(), usedforsecurity=False).hexdigest())
    )


def test_of_a_photo_of_inaturalist_the_original_is_listed() -> None:
    """Under its id there, so that both meet; what was withdrawn there is not fetched from GBIF's cache."""
    listing = one(photo("http://static.inaturalist.org/photos/12/medium.JPG?144"))
    assert (listing.source, listing.source_key, listing.edition) == ("inaturalist", "12", "")
    assert listing.original_url == "http://static.inaturalist.org/photos/12/original.JPG"
    assert (listing.fallback_urls, listing.observation_ids) == ((), ("77",))


# Time, place, subject


@pytest.mark.parametrize(
    ("event_date", "event_time", "day", "moment"),
    [
        ("2024-07-19", None, date(2024, 7, 19), None),
        ("2024-07-19", "18:22:20+02:00", date(2024, 7, 19), datetime(2024, 7, 19, 16, 22, 20, tzinfo=UTC)),
        ("2024-07-19", "23:30-05:00", date(2024, 7, 19), datetime(2024, 7, 20, 4, 30, tzinfo=UTC)),
        ("2024-07-19T18:22", "18:22:20+0200", date(2024, 7, 19), datetime(2024, 7, 19, 16, 22, 20, tzinfo=UTC)),
        ("2024-07-19T16:22:20Z", None, date(2024, 7, 19), datetime(2024, 7, 19, 16, 22, 20, tzinfo=UTC)),
        ("2024-07-19T16:22:20", None, date(2024, 7, 19), None),
        ("2024-07-19T16:22:20", "09:00+02:00", date(2024, 7, 19), None),
        ("2024-07-19", "18:22", date(2024, 7, 19), None),
        ("2024-07-19", "10:00Z/12:00Z", date(2024, 7, 19), None),
        ("2024-07-19T00:00:00Z", None, date(2024, 7, 19), None),
        ("2024-07-19", "25:00Z", date(2024, 7, 19), None),
        ("2024-07-19/2024-07-19", "18:22Z", date(2024, 7, 19), None),
        ("2024-07-19T10:00/2024-07-19T12:00", None, date(2024, 7, 19), None),
        ("2024-07-01/2024-07-31", "18:22Z", None, None),
        ("2024-07", "18:22Z", None, None),
        ("2024", None, None, None),
        ("0001-01-01", "00:30+02:00", date(1, 1, 1), None),
        (20240719, None, None, None),
    ],
)
def test_only_whole_days_and_moments_with_a_zone_are_taken(
    event_date: Any, event_time: Any, day: date | None, moment: datetime | None
) -> None:
    """Midnight is how datasets say that they have no time."""
    listing = one(photo("https://a.org/1.jpg"), eventDate=event_date, eventTime=event_time)
    assert (listing.observed_on, listing.observed_at) == (day, moment)


@pytest.mark.parametrize(
    ("words", "is_obscured"),
    [
        ("Coordinate uncertainty increased to 27840m to protect threatened taxon", True),
        ("Coordinates obscured by observer", True),
        ("Occurrence blurred", True),
        ("Placed on 10 km grid", True),
        ("Coordenadas generalizadas", True),
        ("none", False),
        ("Libre acceso", False),
        ("Field notes and background on request", False),
        (None, False),
        (7, False),
    ],
)
def test_a_generalised_place_is_obscured(words: Any, is_obscured: bool) -> None:
    """In either field, in the words of many publishers."""
    assert one(photo("https://a.org/1.jpg"), informationWithheld=words).is_obscured == is_obscured
    assert one(photo("https://a.org/1.jpg"), dataGeneralizations=words).is_obscured == is_obscured


@pytest.mark.parametrize("issue", ["ZERO_COORDINATE", "COUNTRY_COORDINATE_MISMATCH"])
def test_a_place_that_gbif_doubts_is_none(issue: str) -> None:
    """Neither is its uncertainty."""
    place = {"decimalLatitude": 10.5, "decimalLongitude": 0, "coordinateUncertaintyInMeters": 30}
    good = one(photo("https://a.org/1.jpg"), **place, issues=["COORDINATE_ROUNDED"])
    assert (good.latitude, good.longitude, good.coordinate_uncertainty_m) == (10.5, 0, 30)
    doubted = one(photo("https://a.org/1.jpg"), **place, issues=[issue])
    assert (doubted.latitude, doubted.longitude, doubted.coordinate_uncertainty_m) == (None, None, None)


@pytest.mark.parametrize(
    ("basis", "points"),
    [("HUMAN_OBSERVATION", 90), ("MACHINE_OBSERVATION", 85), ("PRESERVED_SPECIMEN", 80), (None, 80)],
)
def test_prior_points_follow_the_kind_of_record(basis: str | None, points: float) -> None:
    """Within 80 to 95."""
    assert one(photo("https://a.org/1.jpg"), basisOfRecord=basis).prior_points == points


def test_the_taxon_is_named_without_author() -> None:
    """As other sources have it; where no species is said, by the name that there is."""
    names = {"scientificName": "Amanita L.", "acceptedScientificName": "Amanita Pers."}
    assert one(photo("https://a.org/1.jpg"), **names, species="Amanita muscaria").taxon_name == "Amanita muscaria"
    assert one(photo("https://a.org/1.jpg"), **names).taxon_name == "Amanita Pers."


# Looked at again


@pytest.mark.parametrize("status", [404, 410])
def test_a_deleted_record_is_gone_and_no_error(status: int) -> None:
    """An empty answer: its photos are no longer there."""
    assert GBIF.parse(Answer(b"", status, cursor=RECHECK)) == Parsed()


def test_a_record_looked_at_again_tells_its_photos() -> None:
    """In the same words as on a page."""
    told = record(photo("https://a.org/1.jpg", license=BY_NC))
    again = GBIF.parse(Answer(json.dumps(told).encode(), cursor=RECHECK))
    on_a_page = GBIF.parse(page(told)).listings
    assert again.listings == tuple(replace(found, subject_id=None) for found in on_a_page)
    assert (len(again.listings), again.next_cursor) == (1, None)


def test_a_photo_is_looked_for_in_all_its_records() -> None:
    """The first may be deleted while the second still shows it; of a part of them, or others, nothing is taken."""
    request = GBIF.recheck([Known("k", None, ("7", "8"))])
    assert request == Request(
        "https://api.gbif.org/v1/occurrence/search", (("gbifId", "7"), ("gbifId", "8"), ("limit", "2"))
    )
    assert GBIF.recheck([Known("k", None, tuple(map(str, range(51))))]) is None
    told = {"results": [record(photo("https://a.org/1.jpg"))], "endOfRecords": True}
    assert len(GBIF.parse(Answer(json.dumps(told).encode(), cursor=RECHECK)).listings) == 1
    for broken in (told | {"endOfRecords": False}, told | {"results": [7]}, told | {"results": None}):
        with pytest.raises(AnswerError, match="unreadable_answer"):
            GBIF.parse(Answer(json.dumps(broken).encode(), cursor=RECHECK))


@pytest.mark.parametrize(
    "told", [{}, {"message": "busy"}, {"key": "x"}, {"key": 7, "media": "?"}, {"key": 7, "media": [7]}]
)
def test_what_cannot_be_read_again_has_not_vanished(told: dict[str, Any]) -> None:
    """An error, where «no photos» would take them for gone."""
    with pytest.raises(AnswerError, match="unreadable_answer"):
        GBIF.parse(Answer(json.dumps(told).encode(), cursor=RECHECK))


# Broken answers


@pytest.mark.parametrize(
    ("body", "status", "reason", "then"),
    [
        (b"<html>", 200, "unreadable_answer", "skip"),
        (b"[]", 200, "unreadable_answer", "skip"),
        (b"{}", 200, "unreadable_answer", "skip"),
        (b'{"results":{}}', 200, "unreadable_answer", "skip"),
        (b"Max offset of 100000 exceeded", 400, "question_refused", "skip"),
        (b"", 404, "question_refused", "skip"),
        (b"", 403, "source_refuses", "stop"),
        (b"", 429, "source_unavailable", "retry"),
        (b"", 503, "source_unavailable", "retry"),
    ],
)
def test_what_is_no_answer_is_an_error(body: bytes, status: int, reason: str, then: str) -> None:
    """One that says how to go on."""
    with pytest.raises(AnswerError) as caught:
        GBIF.parse(Answer(body, status, subject=SUBJECT))
    assert (caught.value.reason, caught.value.then) == (reason, then)


def test_a_match_in_place_of_records_is_no_answer() -> None:
    """The walk would begin anew, and never end."""
    with pytest.raises(AnswerError, match="unreadable_answer"):
        GBIF.parse(Answer(match("EXACT"), subject=SUBJECT, cursor='{"checklist":"x","offset":300,"taxon":"V2"}'))


LIKE_REAL: dict[str, Any] = {
    "offset": 0,
    "limit": 300,
    "endOfRecords": False,
    "count": 5,
    "results": [
        record(
            photo("https://a.org/1_tn.jpg", license="CC0"),
            photo("https://a.org/1_lg.jpg", license=None),
            photo("https://a.org/2.jpg", creator="Ada", rightsHolder="Ada", references="https://a.org/2"),
            photo("https://a.org/3.mp3", type="Sound"),
            license="http://creativecommons.org/publicdomain/zero/1.0/legalcode",
            eventDate="2024-07-19",
            eventTime="18:22:20.513+02:00",
            decimalLatitude=56.27,
            decimalLongitude=10.69,
            coordinateUncertaintyInMeters=42.5,
            issues=["COORDINATE_ROUNDED"],
            informationWithheld="Occurrence blurred",
            species="Amanita muscaria",
            basisOfRecord="HUMAN_OBSERVATION",
            occurrenceStatus="PRESENT",
            recordedBy="Bo",
        ),
        record(
            photo("https://inaturalist-open-data.s3.amazonaws.com/photos/9/original.jpg", license=BY_NC),
            photo("https://a.org/4.jpg", license="All rights reserved", format="image/jpeg"),
            key=78,
            license="CC_BY_4_0",
        ),
    ],
}
JUNK: list[Any] = [
    None,
    True,
    -1,
    1e308,
    10**400,
    float("nan"),
    "",
    "x",
    "\ud800",
    "ſmall",
    "9" * 4000,
    [],
    {},
    [[]],
    {"key": 1},
    "2024-99-99",
]
URLS = ["https://[::1/a.jpg", "https://a.org/ſmall.jpg", "https://a.org/1.jpg?w=99999", "//a.org/_tn.jpg"]


@st.composite
def mutilated(draw: st.DrawFn, whole: Any) -> Any:
    """The same answer with some keys deleted and some values of another type."""
    broken = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 6))):
        places = list(_places(broken))
        if not places:
            break
        holder, name = draw(st.sampled_from(places))
        if draw(st.booleans()):
            del holder[name]
        else:
            holder[name] = copy.deepcopy(draw(st.sampled_from([*JUNK, *URLS])))
    return broken


def _places(value: Any) -> Any:
    """Where something can be taken away or changed."""
    for name, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, name
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _open_files(value: Any) -> set[str]:
    """The addresses in this answer that stand beside an open licence of their own."""
    files: set[str] = set()
    if isinstance(value, dict):
        said, url = value.get("license"), value.get("identifier")
        if isinstance(said, str) and licence(said).is_open and (address := url_of(url)) is not None:
            files.add(address)
        value = list(value.values())
    if isinstance(value, list):
        files.update(*map(_open_files, value))
    return files


def _is_truthful(parsed: Parsed, told: Any) -> bool:
    """No licence that the answer does not say of this file, and no word that the vocabulary does not know."""
    files = _open_files(told)
    return all(found.original_url in files for found in parsed.listings if found.licence.is_open) and all(
        found.reason in REJECTIONS for found in parsed.rejections
    )


@given(mutilated(LIKE_REAL), st.sampled_from(["", '{"match":1}', '{"checklist":"c","offset":0,"taxon":"V2"}']))
def test_a_mutilated_page_gives_no_other_error_and_no_licence(broken: Any, cursor: str) -> None:
    """Whatever is missing or of another type."""
    try:
        parsed = GBIF.parse(Answer(json.dumps(broken).encode(), subject=SUBJECT, cursor=cursor))
    except AnswerError:
        return
    assert _is_truthful(parsed, broken)


@given(mutilated(LIKE_REAL["results"][0]))
def test_a_mutilated_record_gives_no_other_error_and_no_licence(broken: Any) -> None:
    """Looked at again, too."""
    try:
        parsed = GBIF.parse(Answer(json.dumps(broken).encode(), cursor=RECHECK))
    except AnswerError:
        return
    assert _is_truthful(parsed, broken)


@given(mutilated(json.loads(match("EXACT", acceptedUsage={"key": "9"}))), st.sampled_from(["", '{"match":1}']))
def test_a_mutilated_match_gives_no_other_error(broken: Any, cursor: str) -> None:
    """It leads on, or says that the name is unknown."""
    try:
        parsed = GBIF.parse(Answer(json.dumps(broken).encode(), subject=SUBJECT, cursor=cursor))
    except AnswerError:
        return
    assert parsed.next_cursor is not None
    assert GBIF.requests(SUBJECT, parsed.next_cursor) is not None


@given(st.integers(0, len(json.dumps(LIKE_REAL)) - 1), st.binary(max_size=3))
def test_half_an_answer_is_none(length: int, tail: bytes) -> None:
    """No photo of a page that was cut off is listed."""
    body = json.dumps(LIKE_REAL).encode()[:length] + tail
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        with pytest.raises(AnswerError, match="unreadable_answer"):
            GBIF.parse(Answer(body, subject=SUBJECT))
    else:
        assert found == LIKE_REAL
