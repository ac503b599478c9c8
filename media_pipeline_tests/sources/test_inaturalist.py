"""iNaturalist: the questions of a walk, and what each answer says. Photos one by one are in test_inaturalist_photos."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from media_pipeline.errors import AnswerError
from media_pipeline.licences import licence
from media_pipeline.records import Listing, Rejection, Subject
from media_pipeline.sources import WEB_SOURCES
from media_pipeline.sources.inaturalist import INaturalist
from media_pipeline.sources.protocol import RECHECK, Answer, Known, Parsed, WebSource

SOURCE: WebSource = INaturalist()
AGARIC = Subject("amanita-muscaria", "taxon", "Amanita muscaria", rank="species", source_ids={"inaturalist": "48715"})
BY_NAME = replace(AGARIC, source_ids={})
AT_TAXON = '{"after":0,"phase":"taxon","taxon_id":"48715"}'
AT_OBSERVATIONS = '{"after":0,"phase":"observations","taxon_id":"48715"}'
OPEN_DATA = "https://inaturalist-open-data.s3.amazonaws.com/photos"
STATIC = "https://static.inaturalist.org/photos"


def asked(subject: Subject, cursor: str = "") -> tuple[str, dict[str, str]]:
    request = SOURCE.requests(subject, cursor)
    assert request is not None
    return request.url.removeprefix("https://api.inaturalist.org/v1"), dict(request.params)


def with_options(**options: Any) -> Subject:
    return replace(AGARIC, options={"inaturalist": options})


def answered(*results: Any, subject: Subject | None = AGARIC, cursor: str = "", **around: Any) -> Parsed:
    body = json.dumps({"total_results": len(results), "page": 1, "per_page": 200, "results": results, **around})
    return SOURCE.parse(Answer(body.encode(), subject=subject, cursor=cursor))


def taxon(number: int, name: str, **fields: Any) -> dict[str, Any]:
    return {"id": number, "name": name, "rank": "species", "is_active": True, **fields}


def photo(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": number, "license_code": "cc-by", "url": f"{OPEN_DATA}/{number}/square.jpg", **fields}


def observation(number: int, *photos: Any, **fields: Any) -> dict[str, Any]:
    return {"id": number, "quality_grade": "research", "photos": list(photos), **fields}


def keys(parsed: Parsed) -> list[str]:
    return [listing.source_key for listing in parsed.listings]


def test_it_is_a_source_of_the_registry() -> None:
    """Adding one is its line there; its limits are the provider's, the document's .3 s only by hand."""
    source = WEB_SOURCES["inaturalist"]
    limits = source.limits
    assert (limits.priority, limits.requests_per_s, limits.requests_per_day) == (100, 1, 10_000)
    assert (limits.bytes_per_hour, limits.bytes_per_day) == (5_000_000_000, 24_000_000_000)
    assert limits.fastest_per_s == pytest.approx(3.333, abs=0.001)
    assert (source.key_parameter, source.recheck_batch, limits.needs_contact) == ("", 30, True)


def test_a_taxon_with_an_id_is_asked_for_at_once() -> None:
    """First its page with the curated photos, then its observations."""
    assert asked(AGARIC) == ("/taxa/48715", {})
    assert asked(AGARIC, AT_OBSERVATIONS) == (
        "/observations",
        {
            "taxon_id": "48715",
            "photos": "true",
            "quality_grade": "research,needs_id",
            "photo_license": "cc0,cc-by,cc-by-sa,cc-by-nd,cc-by-nc,cc-by-nc-sa,cc-by-nc-nd",
            "per_page": "200",
            "order_by": "id",
            "order": "asc",
        },
    )


def test_a_name_is_looked_up_first() -> None:
    """With its rank where iNaturalist has such a rank."""
    assert asked(BY_NAME) == ("/taxa", {"q": "Amanita muscaria", "rank": "species"})
    assert asked(replace(BY_NAME, rank="SPECIES"))[1]["rank"] == "species"
    assert "rank" not in asked(replace(BY_NAME, rank="forma specialis"))[1]


def test_a_place_is_no_subject() -> None:
    """Only taxa can be looked for."""
    assert SOURCE.requests(Subject("berlin", "place", "Berlin"), "") is None


def test_an_id_that_is_no_number_is_refused() -> None:
    """It would be a path of its own."""
    with pytest.raises(AnswerError, match=r"question_refused.*no number of a taxon"):
        SOURCE.requests(replace(AGARIC, source_ids={"inaturalist": "1/../x"}), "")


def test_options_go_with_the_question() -> None:
    """As text, as a list, as truth."""
    subject = with_options(quality_grade=["research"], place_id=97394, photo_license="cc0,cc-by", captive=False)
    params = asked(subject, AT_OBSERVATIONS)[1]
    assert (params["quality_grade"], params["place_id"], params["photo_license"]) == ("research", "97394", "cc0,cc-by")
    assert params["captive"] == "false"
    assert "photos" in params
    assert asked(with_options(d1=date(2024, 5, 1), d2="2024-06-01"), AT_OBSERVATIONS)[1]["d1"] == "2024-05-01"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"user_login": "x"}, "'user_login'"),
        ({"quality_grade": "best"}, "quality_grade.*'best'"),
        ({"photo_license": "cc-by,any"}, "photo_license"),
        ({"d1": "May"}, "d1"),
        ({"place_id": "1&taxon_id=2"}, "place_id"),
        ({"photos": "some"}, "photos"),
        ({"captive": "maybe"}, "captive"),
    ],
)
def test_an_option_that_would_not_be_understood_is_refused(options: Mapping[str, Any], told: str) -> None:
    """It would change what the walk means, without a word."""
    with pytest.raises(AnswerError, match=told) as caught:
        SOURCE.requests(with_options(**options), "")
    assert (caught.value.reason, caught.value.then) == ("question_refused", "skip")


def test_taxon_photos_alone() -> None:
    """The walk ends with the taxon's page."""
    subject = with_options(photos="taxon")
    assert asked(subject)[0] == "/taxa/48715"
    found = answered(taxon(48715, "Amanita muscaria", default_photo=photo(1)), subject=subject, cursor=AT_TAXON)
    assert (keys(found), found.next_cursor) == (["1"], None)


def test_observations_alone() -> None:
    """The taxon's page is left out, also behind a name."""
    subject = with_options(photos="observations")
    assert asked(subject)[0] == "/observations"
    found = answered(taxon(48715, "Amanita muscaria"), subject=replace(subject, source_ids={}))
    assert found.next_cursor == AT_OBSERVATIONS


def test_the_whole_walk() -> None:
    """Name, taxon, observations page by page behind the last id; a page with all that is left ends it."""
    named = answered(taxon(7, "Amanita muscaria var. muscaria"), taxon(48715, "amanita Muscaria"), subject=BY_NAME)
    assert (named.listings, named.next_cursor) == ((), AT_TAXON)
    curated = answered(taxon(48715, "Amanita muscaria", default_photo=photo(1)), cursor=AT_TAXON)
    assert (keys(curated), curated.next_cursor) == (["1"], AT_OBSERVATIONS)
    first = answered(observation(11, photo(2)), observation(12, photo(3)), cursor=AT_OBSERVATIONS, total_results=3)
    assert (keys(first), first.next_cursor) == (["2", "3"], '{"after":12,"phase":"observations","taxon_id":"48715"}')
    assert asked(BY_NAME, first.next_cursor or "")[1]["id_above"] == "12"
    last = answered(observation(13, photo(4)), cursor=first.next_cursor or "")
    assert (keys(last), last.next_cursor) == (["4"], None)


def test_a_page_that_does_not_go_on_ends_the_walk() -> None:
    """A server that does not heed `id_above` would be asked for ever."""
    cursor = '{"after":12,"phase":"observations","taxon_id":"48715"}'
    assert answered(observation(12, photo(2)), cursor=cursor, total_results=900).next_cursor is None
    assert answered(cursor=cursor, total_results=900).next_cursor is None


def test_without_a_total_a_full_page_goes_on() -> None:
    """200 observations may not be all."""
    full = [observation(number, photo(number)) for number in range(1, 201)]
    assert answered(*full, cursor=AT_OBSERVATIONS, total_results=None).next_cursor is not None
    assert answered(*full[:199], cursor=AT_OBSERVATIONS, total_results=None).next_cursor is None


def test_only_the_whole_name_counts() -> None:
    """A search also finds what begins with it, and other ranks of the same name."""
    with pytest.raises(AnswerError, match="no taxon is called 'Amanita muscaria'") as caught:
        answered(taxon(7, "Amanita muscaria var. alba"), taxon(8, "Amanita muscaria", rank="genus"), subject=BY_NAME)
    assert (caught.value.reason, caught.value.then) == ("unknown_subject", "skip")


def test_a_former_or_common_name_leads_to_the_taxon() -> None:
    """`matched_term` is what the search found it by; the scientific name goes before it."""
    subject = replace(BY_NAME, name="fly agaric")
    assert (
        answered(taxon(48715, "Amanita muscaria", matched_term="Fly Agaric"), subject=subject).next_cursor == AT_TAXON
    )
    other = taxon(9, "Amanita regalis", matched_term="Amanita muscaria")
    assert answered(other, taxon(48715, "Amanita muscaria"), subject=BY_NAME).next_cursor == AT_TAXON


def test_synonyms_are_asked_for_in_turn() -> None:
    """When the name is unknown there."""
    subject = replace(BY_NAME, name="Agaricus muscarius", synonyms=("Amanita muscaria",))
    cursor = answered(subject=subject).next_cursor
    assert asked(subject, cursor or "") == ("/taxa", {"q": "Amanita muscaria", "rank": "species"})
    found = answered(taxon(48715, "Amanita muscaria"), subject=subject, cursor=cursor or "")
    assert found.next_cursor == AT_TAXON
    with pytest.raises(AnswerError, match="'Agaricus muscarius' or 'Amanita muscaria'"):
        answered(subject=subject, cursor=cursor or "")
    assert asked(replace(subject, synonyms=()), cursor or "")[1]["q"] == "Agaricus muscarius"


def test_a_name_of_several_taxa_is_nobodys() -> None:
    """A genus of birds has the name of one of plants: the subject must give the id."""
    subject = Subject("oenanthe", "taxon", "Oenanthe", rank="genus")
    both = [taxon(1, "Oenanthe", rank="genus"), taxon(2, "Oenanthe", rank="genus")]
    with pytest.raises(AnswerError, match="name of several: 1, 2") as caught:
        answered(*both, subject=subject)
    assert caught.value.reason == "unknown_subject"
    assert answered({**both[0], "is_active": False}, both[1], subject=subject).next_cursor is not None


def test_a_taxon_no_longer_in_use_leads_to_the_one_that_is() -> None:
    """Its observations went there; to several they cannot be followed."""
    former = taxon(48715, "Amanita muscaria", is_active=False, current_synonymous_taxon_ids=[99])
    assert answered(former, cursor=AT_TAXON).next_cursor == AT_OBSERVATIONS.replace("48715", "99")
    split = {**former, "current_synonymous_taxon_ids": [98, 99]}
    assert answered(split, cursor=AT_TAXON).next_cursor == AT_OBSERVATIONS


def test_an_id_without_a_taxon_is_an_unknown_subject() -> None:
    """The answer is empty, with status 200."""
    with pytest.raises(AnswerError, match="unknown_subject: no taxon has the id 48715"):
        answered(cursor=AT_TAXON)


@pytest.mark.parametrize(
    ("body", "reason", "then"),
    [
        ({"error": "Unknown taxon_id 0", "status": 422}, "question_refused", "skip"),
        ({"error": "Too Many Requests", "status": 429}, "source_unavailable", "retry"),
        ({"errors": [{"errorCode": "422"}], "status": "422"}, "question_refused", "skip"),
        ({"error": "Error", "status": 500}, "source_unavailable", "retry"),
        ({"error": "Error"}, "unreadable_answer", "skip"),
        ({"results": {}}, "unreadable_answer", "skip"),
    ],
)
def test_an_error_that_comes_as_an_answer_is_one(body: Mapping[str, Any], reason: str, then: str) -> None:
    """Its status is in the JSON, whatever HTTP said."""
    with pytest.raises(AnswerError) as caught:
        SOURCE.parse(Answer(json.dumps(body).encode(), subject=AGARIC))
    assert (caught.value.reason, caught.value.then) == (reason, then)


def test_known_photos_are_asked_for_by_observation() -> None:
    """All that they are in, on one page; the answer has no subject."""
    known = [Known(str(photo), None, tuple(str(photo + 100 * place) for place in range(1, 7))) for photo in range(30)]
    request = SOURCE.recheck(known)
    assert request is not None
    asked = dict(request.params)
    assert (request.url, asked["per_page"]) == ("https://api.inaturalist.org/v1/observations", "200")
    assert sorted(map(int, asked["id"].split(","))) == [
        photo + 100 * place for place in range(1, 7) for photo in range(30)
    ]
    found = answered(observation(1, photo(1, license_code=None)), subject=None, cursor=RECHECK)
    (listing,) = found.listings
    assert (listing.subject_id, listing.licence.family, found.next_cursor) == (None, "all-rights-reserved", None)


def test_a_photo_in_no_observation_cannot_be_asked_for() -> None:
    """A taxon's photo from elsewhere is in none; what is no id of iNaturalist's is not asked for either."""
    assert SOURCE.recheck([Known("1", None, ())]) is None
    assert SOURCE.recheck([Known("1", None, ("a/b",))]) is None


def test_a_photo_is_asked_for_wholly_or_not_at_all() -> None:
    """Of one that is in other observations too, an answer about some says nothing."""
    assert SOURCE.recheck([Known("1", None, ("7", "0aff3595-8168-440b-83ff-7a80b65dea42"))]) is None
    assert SOURCE.recheck([Known("1", None, tuple("1234567"))]) is None
    assert SOURCE.recheck([Known("1", None, ("7",)), Known("2", None, ())]) is None


@pytest.mark.parametrize(
    "results",
    [
        [observation(5, photo(77, license_code=7))],
        [{"id": 5}],
        [{"id": 5, "photos": [7]}],
        [7],
    ],
)
def test_what_cannot_be_read_again_has_not_vanished(results: list[Any]) -> None:
    """An error, where «no photos» would take them for gone."""
    with pytest.raises(AnswerError, match="unreadable_answer"):
        SOURCE.parse(Answer(json.dumps({"total_results": 1, "results": results}).encode(), cursor=RECHECK))


def test_a_part_of_what_was_asked_for_again_is_no_answer() -> None:
    """Nor is the first page of everything."""
    with pytest.raises(AnswerError, match="1 of 2 observations"):
        SOURCE.parse(
            Answer(json.dumps({"total_results": 2, "results": [observation(1, photo(1))]}).encode(), cursor=RECHECK)
        )
    gone = SOURCE.parse(Answer(b'{"total_results": 0, "results": []}', cursor=RECHECK))
    assert (gone.listings, gone.rejections) == ((), ())


# What was recorded. Names of people do not belong here: eight digits of their sha256 do.


def recorded(shared: Path, name: str, *, subject: Subject | None = None, cursor: str = "") -> Parsed:
    body = (shared / "sources" / "recorded" / "inaturalist" / f"{name}.json").read_bytes()
    return SOURCE.parse(Answer(body, subject=subject, cursor=cursor))


def unnamed(listing: Listing) -> Listing:
    if not listing.creator:
        return listing
    told = (listing.attribution or "").replace(listing.creator, "NAME")
    return replace(listing, attribution=told, creator=hashlib.sha256(listing.creator.encode()).hexdigest()[:8])


def test_three_photos_of_a_mushroom(shared: Path) -> None:
    """Every field of the first; the others differ in key and address alone."""
    found = recorded(shared, "v1_mo_gyromitra_ancilis", subject=AGARIC, cursor=AT_OBSERVATIONS)
    first = Listing(
        source="inaturalist",
        source_key="383360294",
        edition="",
        original_url=f"{OPEN_DATA}/383360294/original.jpg",
        fallback_urls=(f"{OPEN_DATA}/383360294/large.jpg",),
        thumbnail_url=f"{OPEN_DATA}/383360294/small.jpg",
        page_url="https://www.inaturalist.org/photos/383360294",
        licence=licence("cc-by", version="4.0"),
        attribution="(c) NAME, some rights reserved (CC BY)",
        creator="00f8d3df",
        subject_id="amanita-muscaria",
        width_px=1536,
        height_px=2048,
        taxon_name="Gyromitra ancilis",
        observation_ids=("216745568",),
        observed_on=date(2024, 5, 18),
        observed_at=datetime(2024, 5, 18, 23, 32, 58, tzinfo=UTC),
        latitude=44.39595,
        longitude=-122.0944361667,
        coordinate_uncertainty_m=12,
        is_obscured=False,
        prior_points=95,
    )
    assert [unnamed(listing) for listing in found.listings] == [
        replace(
            first,
            source_key=key,
            original_url=f"{OPEN_DATA}/{key}/original.jpg",
            fallback_urls=(f"{OPEN_DATA}/{key}/large.jpg",),
            thumbnail_url=f"{OPEN_DATA}/{key}/small.jpg",
            page_url=f"https://www.inaturalist.org/photos/{key}",
        )
        for key in ("383360294", "383360316", "383360357")
    ]
    given = first.licence
    assert (given.name, given.version, given.is_open, given.raw) == ("CC-BY-4.0", "4.0", True, "cc-by")
    assert (found.rejections, found.next_cursor) == ((), None)


def test_an_obscured_observation_without_a_licence(shared: Path) -> None:
    """Listed with its true licence; its accuracy is that of the cell, not of the observer."""
    (listing,) = recorded(shared, "v1_mo_coprinus").listings
    assert unnamed(listing) == Listing(
        source="inaturalist",
        source_key="377226575",
        edition="",
        original_url=f"{STATIC}/377226575/original.jpg",
        fallback_urls=(f"{STATIC}/377226575/large.jpg",),
        thumbnail_url=f"{STATIC}/377226575/small.jpg",
        page_url="https://www.inaturalist.org/photos/377226575",
        licence=licence(None),
        attribution="(c) NAME, all rights reserved",
        creator="14bebdd9",
        width_px=1536,
        height_px=2048,
        taxon_name="Coprinus",
        observation_ids=("213450312",),
        observed_on=date(2024, 3, 23),
        observed_at=datetime(2024, 3, 23, 17, 7, 52, tzinfo=UTC),
        latitude=31.9901034402,
        longitude=-95.9476812704,
        coordinate_uncertainty_m=29173,
        is_obscured=True,
        prior_points=88,
    )
    assert (listing.licence.family, listing.licence.is_open, listing.licence.raw) == (
        "all-rights-reserved",
        False,
        None,
    )


def test_sounds_are_no_photos(shared: Path) -> None:
    """The two pictures of the sound are listed; the time in their addresses is not, and the place is a list."""
    found = recorded(shared, "v1_observation_with_sounds")
    assert [unnamed(listing) for listing in found.listings] == [
        Listing(
            source="inaturalist",
            source_key=key,
            edition="",
            original_url=f"{OPEN_DATA}/{key}/original.png",
            fallback_urls=(f"{OPEN_DATA}/{key}/large.png",),
            thumbnail_url=f"{OPEN_DATA}/{key}/small.png",
            page_url=f"https://www.inaturalist.org/photos/{key}",
            licence=licence("cc0", version="4.0"),
            attribution="no rights reserved",
            creator="8346196c",
            width_px=1024,
            height_px=768,
            taxon_name="Pipistrellus pipistrellus",
            observation_ids=("84681407",),
            observed_on=date(2021, 6, 25),
            observed_at=datetime(2021, 6, 25, 22, 18, 43, tzinfo=UTC),
            latitude=51.601234,
            longitude=-1.122952,
            coordinate_uncertainty_m=19,
            prior_points=88,
        )
        for key in ("139206257", "139206266")
    ]
    assert {listing.licence.name for listing in found.listings} == {"CC0-1.0"}
    assert found.rejections == (Rejection("sound/263113", "not_a_photo", "a sound of observation/84681407"),)


def test_a_licensed_photo_at_the_other_host(shared: Path) -> None:
    """In 2020 licensed photos lay there as well: the code tells, not the host; one of two results, so it goes on."""
    found = recorded(shared, "v1_observations_page1", subject=AGARIC, cursor=AT_OBSERVATIONS)
    (listing,) = found.listings
    assert unnamed(listing) == Listing(
        source="inaturalist",
        source_key="92152429",
        edition="",
        original_url=f"{STATIC}/92152429/original.jpg",
        fallback_urls=(f"{STATIC}/92152429/large.jpg",),
        thumbnail_url=f"{STATIC}/92152429/small.jpg",
        page_url="https://www.inaturalist.org/photos/92152429",
        licence=licence("cc-by-nc", version="4.0"),
        attribution="(c) NAME, some rights reserved (CC BY-NC)",
        creator="46440d0a",
        subject_id="amanita-muscaria",
        width_px=1188,
        height_px=1188,
        taxon_name="Danaus plexippus",
        observation_ids=("57754375",),
        observed_on=date(2020, 8, 27),
        observed_at=datetime(2020, 8, 27, 8, 57, 22, tzinfo=UTC),
        latitude=50.0949055,
        longitude=-104.71929167,
        prior_points=95,
    )
    assert found.next_cursor == '{"after":57754375,"phase":"observations","taxon_id":"48715"}'


def test_version_two_with_all_fields(shared: Path) -> None:
    """A place that is a list and a day with a time are read; a time that is not told is not made up."""
    listings = recorded(shared, "v2_observations_fields_all").listings
    assert [(item.source_key, item.width_px, item.height_px) for item in listings] == [
        ("20970868", 860, 1176),
        ("20970862", 2016, 1512),
    ]
    for item in listings:
        assert item.original_url == f"{STATIC}/{item.source_key}/original.jpg"
        assert (item.licence.family, item.licence.raw) == ("all-rights-reserved", None)
        assert unnamed(item).attribution == "(c) NAME, all rights reserved"
        assert unnamed(item).creator == "8705bf29"
        assert (item.observed_on, item.observed_at) == (date(2018, 7, 7), None)
        assert (item.latitude, item.longitude, item.coordinate_uncertainty_m) == (50.9316206893, -105.1650693422, 44)
        assert (item.taxon_name, item.observation_ids, item.prior_points) == ("Gavia immer", ("14150125",), 95)


def test_version_two_without_fields(shared: Path) -> None:
    """Only a uuid: that is no word about photos."""
    where = "observation/91a29d5f-d2bf-47ff-b629-d0b79d51e46c"
    assert recorded(shared, "v2_observations_minimal") == Parsed(
        (), (Rejection(where, "malformed", "an observation that says nothing of photos"),)
    )


@pytest.mark.parametrize("name", ["v1_mo_amanita_flavorubens", "v1_mo_zero_results", "v1_observation_nonexistent"])
def test_answers_without_photos_are_empty(shared: Path, name: str) -> None:
    """An observation without a photo, no observation, one that is gone."""
    assert recorded(shared, name) == Parsed()
    assert recorded(shared, name, subject=AGARIC, cursor=AT_OBSERVATIONS) == Parsed()


@pytest.mark.parametrize(
    ("name", "subject", "taxon_id"),
    [
        ("v1_taxa_autocomplete", Subject("s", "taxon", "Vespidae", rank="family"), "52747"),
        ("v1_taxa_autocomplete", Subject("s", "taxon", "vespicula waspfish"), "621585"),
        ("v1_taxa_search", Subject("s", "taxon", "Nicrophorus vespillo", rank="species"), "131878"),
        ("v1_taxa_search", Subject("s", "taxon", "Pseudopolybia vespiceps vespiceps"), "752716"),
        ("v1_taxa_search", Subject("s", "taxon", "Vespita", rank="genus"), "250566"),
    ],
)
def test_a_name_among_recorded_ones(shared: Path, name: str, subject: Subject, taxon_id: str) -> None:
    """By scientific and common name, former name, and though others begin with it."""
    found = recorded(shared, name, subject=subject)
    assert found == Parsed(next_cursor=AT_TAXON.replace("48715", taxon_id))


def test_a_name_that_is_not_among_recorded_ones(shared: Path) -> None:
    """All thirty begin with it; none has it."""
    with pytest.raises(AnswerError, match="unknown_subject"):
        recorded(shared, "v1_taxa_search", subject=Subject("s", "taxon", "Vesp"))


def test_a_default_photo_that_lies_at_wikimedia(shared: Path) -> None:
    """Only thumbnails are named: the file that they were made of is the original. Its key is iNaturalist's."""
    cursor = AT_TAXON.replace("48715", "92786")
    (listing,) = recorded(shared, "v1_taxa_search", subject=AGARIC, cursor=cursor).listings
    assert listing.source_key == "33535972"
    upload = "https://upload.wikimedia.org/wikipedia/commons"
    file = "1/16/FMIB_47485_Prosopodasys_gogorzae.jpeg"
    assert listing.original_url == f"{upload}/{file}"
    assert (listing.fallback_urls, listing.width_px, listing.creator) == ((), None, None)
    assert listing.thumbnail_url == f"{upload}/thumb/{file}/500px-FMIB_47485_Prosopodasys_gogorzae.jpeg"
    assert (listing.licence.family, listing.licence.raw) == ("public-domain", "pd")
    assert (listing.taxon_name, listing.prior_points, listing.observation_ids) == ("Vespicula", 95, ())


def test_every_default_photo_of_the_recorded_taxa_has_an_original(shared: Path) -> None:
    """None is stored in a smaller size; a taxon without a photo has no listing."""
    for name, photos in (("v1_taxa_autocomplete", 7), ("v1_taxa_search", 17)):
        body = json.loads((shared / "sources" / "recorded" / "inaturalist" / f"{name}.json").read_text())
        found = [
            recorded(shared, name, subject=AGARIC, cursor=AT_TAXON.replace("48715", str(item["id"])))
            for item in body["results"]
        ]
        listings = [listing for parsed in found for listing in parsed.listings]
        assert len(listings) == photos
        assert not [parsed.rejections for parsed in found if parsed.rejections]
        own = [item.original_url for item in listings if "wikimedia" not in item.original_url]
        assert all("/original." in url and "?" not in url for url in own)
