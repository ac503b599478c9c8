"""iNaturalist: one photo at a time, whole and mutilated."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.errors import AnswerError
from media_pipeline.licences import licence
from media_pipeline.records import Listing, Rejection, Subject
from media_pipeline.sources.inaturalist import INaturalist, photo_key_of
from media_pipeline.sources.protocol import REJECTIONS, Answer, Parsed
from media_pipeline_tests.sources.test_inaturalist import (
    AGARIC,
    AT_OBSERVATIONS,
    AT_TAXON,
    BY_NAME,
    OPEN_DATA,
    STATIC,
    answered,
    observation,
    photo,
    taxon,
)

FLICKR = "https://live.staticflickr.com/65535/1_a"


def only(parsed: Parsed) -> Listing:
    (listing,) = parsed.listings
    assert parsed.rejections == ()
    return listing


def read(**fields: Any) -> Listing:
    return only(answered(observation(11, photo(2, **fields)), cursor=AT_OBSERVATIONS))


def refused(*photos: Any, **fields: Any) -> list[tuple[str, str]]:
    found = answered(observation(11, *photos, **fields), cursor=AT_OBSERVATIONS)
    assert found.listings == ()
    return [(item.source_key, item.reason) for item in found.rejections]


@pytest.mark.parametrize("word", ["square", "thumb", "small", "medium", "large", "original"])
@pytest.mark.parametrize("ending", [".jpg", ".jpeg", ".JPG", ".png", ".gif", "", "."])
def test_any_size_leads_to_the_original(word: str, ending: str) -> None:
    """Only the word for the size changes: a medium one is never stored as the original; large is the one fallback."""
    found = read(url=f"{OPEN_DATA}/2/{word}{ending}")
    assert found.original_url == f"{OPEN_DATA}/2/original{ending}"
    assert found.fallback_urls == (f"{OPEN_DATA}/2/large{ending}",)
    assert found.thumbnail_url == f"{OPEN_DATA}/2/small{ending}"


@pytest.mark.parametrize(
    ("url", "original"),
    [
        (f"{STATIC}/2/square.jpg?1598551272", f"{STATIC}/2/original.jpg"),
        ("http://static.inaturalist.org/photos/2/medium.JPG", f"{STATIC}/2/original.JPG"),
        ("//static.inaturalist.org/photos/2/thumb.png", f"{STATIC}/2/original.png"),
    ],
)
def test_an_original_has_one_address(url: str, original: str) -> None:
    """Without the time it was changed, over https."""
    assert read(url=url).original_url == original


def test_the_medium_url_of_a_default_photo_is_not_its_original() -> None:
    """Also when no other address is given."""
    default = {"id": 2, "license_code": "cc0", "medium_url": f"{OPEN_DATA}/2/medium.jpeg"}
    found = only(answered(taxon(48715, "A", default_photo=default), cursor=AT_TAXON))
    assert found.original_url == f"{OPEN_DATA}/2/original.jpeg"


def test_a_photo_that_lies_elsewhere_keeps_its_largest_address() -> None:
    """Original, else large; smaller ones are no original. Its licence has no version of iNaturalist's."""
    urls = {f"{word}_url": f"{FLICKR}_{word}.jpg" for word in ("square", "small", "medium", "large", "original")}
    entry = {"photo": {"id": 2, "license_code": "cc-by", "url": urls["square_url"], **urls}}
    found = only(answered(taxon(48715, "A", taxon_photos=[entry]), cursor=AT_TAXON))
    assert (found.original_url, found.fallback_urls) == (f"{FLICKR}_original.jpg", (f"{FLICKR}_large.jpg",))
    assert (found.thumbnail_url, found.licence) == (f"{FLICKR}_small.jpg", licence("cc-by"))
    entry["photo"]["original_url"] = None
    found = only(answered(taxon(48715, "A", taxon_photos=[entry]), cursor=AT_TAXON))
    assert (found.original_url, found.fallback_urls) == (f"{FLICKR}_large.jpg", ())
    entry["photo"]["large_url"] = None
    parsed = answered(taxon(48715, "A", taxon_photos=[entry]), cursor=AT_TAXON)
    assert parsed.rejections == (Rejection("2", "no_url", "no address of its original, in taxon/48715"),)


def test_a_taxons_photo_is_listed_once() -> None:
    """The default photo is one of the curated ones; one of a taxon below has the name of that."""
    entries = [{"photo": photo(2)}, {"photo": photo(3), "taxon": {"name": "Amanita muscaria guessowii"}}]
    found = answered(taxon(48715, "Amanita muscaria", taxon_photos=entries, default_photo=photo(2)), cursor=AT_TAXON)
    assert [(item.source_key, item.taxon_name) for item in found.listings] == [
        ("2", "Amanita muscaria"),
        ("3", "Amanita muscaria guessowii"),
    ]
    assert {item.prior_points for item in found.listings} == {95}


def test_a_default_photo_short_of_addresses_is_no_second_word() -> None:
    """It is listed from the curated ones, where it has all of them."""
    entry = {"photo": {"id": 2, "license_code": "cc-by", "original_url": f"{FLICKR}_o.jpg"}}
    default = {"id": 2, "license_code": "cc-by", "medium_url": f"{FLICKR}_m.jpg"}
    assert only(answered(taxon(48715, "A", taxon_photos=[entry], default_photo=default), cursor=AT_TAXON))


def test_a_photo_in_two_observations_is_one() -> None:
    """Both ids are kept, once each."""
    found = only(answered(observation(11, photo(2), photo(2)), observation(12, photo(2)), cursor=AT_OBSERVATIONS))
    assert found.observation_ids == ("11", "12")


def test_photos_may_be_told_as_photos_of_the_observation() -> None:
    """Where `photos` is not there."""
    told = {"id": 11, "observation_photos": [{"position": 0, "photo": photo(2)}]}
    assert only(answered(told, cursor=AT_OBSERVATIONS)).source_key == "2"


@pytest.mark.parametrize(
    ("code", "family", "is_open"),
    [
        ("cc0", "cc0", True),
        ("CC-BY", "cc-by", True),
        ("cc-by", "cc-by", True),
        ("cc-by-sa", "cc-by-sa", True),
        ("cc-by-nd", "cc-by-nd", False),
        ("cc-by-nc", "cc-by-nc", False),
        ("cc-by-nc-sa", "cc-by-nc-sa", False),
        ("cc-by-nc-nd", "cc-by-nc-nd", False),
        ("pd", "public-domain", True),
        (None, "all-rights-reserved", False),
        ("gfdl-ish", "unknown", False),
    ],
)
def test_each_photo_has_its_own_licence(code: str | None, family: str, is_open: bool) -> None:
    """The observation's says nothing of it."""
    found = answered(observation(11, photo(2, license_code=code), license_code="cc0"), cursor=AT_OBSERVATIONS)
    given = only(found).licence
    assert (given.family, given.is_open, given.raw) == (family, is_open, code)


@pytest.mark.parametrize("code", [5, True, [], {}, "", " cc0", "cc0\n", "\ud800"])
def test_what_is_no_word_about_a_licence_is_none(code: Any) -> None:
    """Null is all rights reserved; anything else that is no code is not even that."""
    assert refused(photo(2, license_code=code)) == [("2", "malformed")]


def test_silence_about_the_licence_is_no_licence() -> None:
    """An answer with fewer fields does not say that all rights are reserved."""
    told = photo(2)
    del told["license_code"]
    assert refused(told) == [("2", "malformed")]


@pytest.mark.parametrize(
    "fields",
    [
        {"hidden": True},
        {"flags": [{"flag": "copyright infringement", "resolved": False}]},
        {"flags": [{"flag": "spam", "resolved": True}, {"flag": "spam"}]},
        {"url": "https://static.inaturalist.org/assets/copyright-infringement-square.png"},
    ],
)
def test_hidden_and_flagged_photos_are_left(fields: dict[str, Any]) -> None:
    """Also where a picture that says so stands in for it."""
    assert refused(photo(2, **fields)) == [("2", "hidden")]


def test_a_resolved_flag_no_longer_counts() -> None:
    """Somebody looked at it."""
    assert read(flags=[{"flag": "spam", "resolved": True}], hidden=False).source_key == "2"


@pytest.mark.parametrize("fields", [{"spam": True}, {"flags": [{"flag": "inappropriate", "resolved": False}]}])
def test_a_flagged_observation_hides_its_photos(fields: dict[str, Any]) -> None:
    """The source keeps it from its own pages as well."""
    assert refused(photo(2), **fields) == [("2", "hidden")]


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"url": None}, "no_url"),
        ({"url": "ftp://x/y"}, "no_url"),
        ({"url": "https://static.inaturalist.org/attachment_defaults/local_photos/square.png"}, "no_url"),
        ({"url": f"{OPEN_DATA}/2/huge.jpg"}, "no_url"),
        ({"url": f"{OPEN_DATA}/3/square.jpg"}, "malformed"),
    ],
)
def test_what_has_no_address_of_its_own_is_no_photo(told: dict[str, Any], reason: str) -> None:
    """The address of another photo would bring that one under this one's licence."""
    assert refused(photo(2, **told)) == [("2", reason)]


def test_what_is_no_photo_at_all_is_malformed() -> None:
    """By the observation that it is in."""
    assert refused("x") == [("observation/11", "malformed")]
    assert refused({"license_code": "cc0"}) == [("observation/11", "malformed")]
    assert [item.reason for item in answered("x", cursor=AT_OBSERVATIONS).rejections] == ["malformed"]


def test_without_a_sentence_the_creator_is_named() -> None:
    """By the photo's own name for them, else the observer's, else the login."""
    user = {"login": "owl", "name": ""}
    found = answered(observation(11, photo(2), user=user), cursor=AT_OBSERVATIONS)
    assert only(found).creator == "owl"
    told = "By owl, https://www.inaturalist.org/photos/2, CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)"
    assert only(found).attribution == told
    assert read(attribution_name="A. N. Other", attribution=" (c) A. N. Other\n").creator == "A. N. Other"
    assert read(attribution="(c) A. N. Other\n, some ").attribution == "(c) A. N. Other , some"


@pytest.mark.parametrize(
    ("size", "read_as"),
    [
        ({"width": 2048, "height": 1365}, (2048, 1365)),
        ({"width": 6000, "height": 4000}, (None, None)),
        ({"width": 0, "height": 10}, (None, None)),
        (None, (None, None)),
    ],
)
def test_a_size_is_of_the_file_that_is_served(size: Any, read_as: tuple[int | None, int | None]) -> None:
    """No file there is longer than 2048 px: a longer one was before the upload."""
    found = read(original_dimensions=size)
    assert (found.width_px, found.height_px) == read_as


@pytest.mark.parametrize(
    ("fields", "is_obscured", "uncertainty"),
    [
        ({"positional_accuracy": 5}, False, 5),
        ({"positional_accuracy": 5, "public_positional_accuracy": 7}, False, 7),
        ({"positional_accuracy": 5, "obscured": True}, True, None),
        ({"positional_accuracy": 5, "public_positional_accuracy": 27000, "geoprivacy": "obscured"}, True, 27000),
        ({"taxon_geoprivacy": "private"}, True, None),
        ({"taxon_geoprivacy": "open", "geoprivacy": None, "obscured": False}, False, None),
    ],
)
def test_an_obscured_place_is_said_to_be(fields: dict[str, Any], is_obscured: bool, uncertainty: float | None) -> None:
    """By the observer or for the taxon; the observer's accuracy is then not that of the place told."""
    found = only(answered(observation(11, photo(2), location="1.5,-2.5", **fields), cursor=AT_OBSERVATIONS))
    assert (found.latitude, found.longitude) == (1.5, -2.5)
    assert (found.is_obscured, found.coordinate_uncertainty_m) == (is_obscured, uncertainty)


@pytest.mark.parametrize("location", ["1.5", "1,2,3", "91,0", [1], {}, 5, None, "a,b"])
def test_half_a_place_is_none(location: Any) -> None:
    """Both coordinates or neither."""
    found = only(answered(observation(11, photo(2), location=location), cursor=AT_OBSERVATIONS))
    assert (found.latitude, found.longitude) == (None, None)


@pytest.mark.parametrize(
    ("grade", "points"), [("research", 95), ("needs_id", 88), ("casual", 80), ("x", None), ([], None)]
)
def test_the_grade_gives_the_prior_points(grade: Any, points: float | None) -> None:
    """And no confidence in the species: a grade is no probability."""
    found = only(answered(observation(11, photo(2), quality_grade=grade), cursor=AT_OBSERVATIONS))
    assert (found.prior_points, found.species_confidence) == (points, None)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        (f"{OPEN_DATA}/174593536/original.jpeg", "174593536"),
        (f"{STATIC}/38359335/square.jpg?1557348751", "38359335"),
        ("http://static.inaturalist.org/photos/2/medium", "2"),
        ("https://www.inaturalist.org/photos/38359335", "38359335"),
        ("https://inaturalist.org/photos/38359335/", "38359335"),
        ("//www.inaturalist.org/photos/38359335?size=large", "38359335"),
        ("https://WWW.INATURALIST.ORG/photos/5#x", "5"),
        ("https://inaturalist-open-data.s3.us-east-1.amazonaws.com/photos/5/large.jpg", "5"),
        ("https://s3.amazonaws.com/inaturalist-open-data/photos/5/large.jpg", "5"),
        ("https://www.inaturalist.org/observations/5", None),
        ("https://static.inaturalist.org/sounds/263113.wav", None),
        ("https://www.inaturalist.org/photos/5x", None),
        ("https://www.inaturalist.org/photos/0", None),
        ("https://inaturalist.org.example.com/photos/5", None),
        ("https://example.com/inaturalist.org/photos/5", None),
        ("https://other-open-data.s3.amazonaws.com/photos/5/large.jpg", None),
        ("", None),
        ("no address", None),
    ],
)
def test_a_photo_is_known_by_any_of_its_addresses(url: str, key: str | None) -> None:
    """Other sources tell of the same photos."""
    assert photo_key_of(url) == key


# Whatever comes in, nothing but AnswerError goes out, and no licence is made up.

ANSWERS: tuple[tuple[Any, Subject | None, str], ...] = (
    (
        [
            observation(
                11,
                photo(2, attribution="(c) A", original_dimensions={"width": 9, "height": 8}, flags=[], hidden=False),
                photo(3, license_code=None, url=f"{STATIC}/3/square.jpg?1"),
                photo(4, license_code="cc-by-nc"),
                location="1,2",
                geoprivacy="obscured",
                positional_accuracy=5,
                observed_on="2024-05-18",
                time_observed_at="2024-05-18T16:32:58-07:00",
                user={"login": "a", "name": "A"},
                taxon={"name": "Amanita"},
                flags=[{"resolved": True}],
                sounds=[{"id": 5}],
            ),
            observation(12, photo(4, license_code="cc-by-nc"), observation_photos=[{"photo": photo(5)}]),
        ],
        AGARIC,
        AT_OBSERVATIONS,
    ),
    (
        [
            taxon(
                48715,
                "Amanita muscaria",
                current_synonymous_taxon_ids=[1],
                taxon_photos=[{"photo": photo(2, license_code="cc-by-sa"), "taxon": {"name": "A"}}],
                default_photo=photo(3, license_code="cc0", medium_url=f"{OPEN_DATA}/3/medium.jpg"),
            )
        ],
        AGARIC,
        AT_TAXON,
    ),
    ([taxon(1, "Amanita muscaria", matched_term="x"), taxon(2, "Amanita")], BY_NAME, ""),
)
NOTHING = object()
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from([[], {}, [[]], [None], {"a": 1}, "\ud800", 10**400, "copyright-infringement", -1, "0"]),
    st.just(NOTHING),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything in a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inside:
        yield (*path, name)
        yield from places(item, (*path, name))


def photos_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and "license_code" in value:
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from photos_in(item)


def mutilate(document: Any, path: tuple[Any, ...], odd: Any) -> None:
    """Put something odd in the place, or take away what is there; a place that is gone is left."""
    *way, last = path
    for name in way:
        if not isinstance(document, dict | list) or (isinstance(document, dict) and name not in document):
            return
        if isinstance(document, list) and not (isinstance(name, int) and name < len(document)):
            return
        document = document[name]
    if isinstance(document, dict) and isinstance(last, str):
        document.pop(last, None) if odd is NOTHING else document.update({last: odd})
    elif isinstance(document, list) and isinstance(last, int) and last < len(document):
        document[last] = None if odd is NOTHING else odd


@given(st.data())
def test_mutilated_answers_invent_no_licence(data: st.DataObject) -> None:
    """Keys taken away, types swapped: a licence is one that a photo of this id names, and open only if that is."""
    results, subject, cursor = data.draw(st.sampled_from(ANSWERS))
    document: Any = copy.deepcopy({"total_results": 9, "page": 1, "per_page": 200, "results": results})
    ways = list(places(document))
    for path in data.draw(st.lists(st.sampled_from(ways), min_size=1, max_size=4)):
        mutilate(document, path, copy.deepcopy(odd) if (odd := data.draw(ODD)) is not NOTHING else NOTHING)
    try:
        found = INaturalist().parse(Answer(json.dumps(document).encode(), subject=subject, cursor=cursor))
    except AnswerError:
        return
    for listing in found.listings:
        codes = [item["license_code"] for item in photos_in(document) if listing.source_key in _ids(item)]
        assert listing.licence.raw in codes
        assert not listing.licence.is_open or listing.licence.raw in ("cc0", "cc-by", "cc-by-sa")
        assert "/original" in listing.original_url
        assert photo_key_of(listing.original_url) == listing.source_key
        json.dumps([listing.attribution, listing.creator, listing.taxon_name], ensure_ascii=False).encode()
    named = [item.source_key for item in found.listings]
    assert len(set(named)) == len(named)
    for rejection in found.rejections:
        assert rejection.reason in REJECTIONS
        assert rejection.source_key not in named
        f"{rejection.source_key}{rejection.detail}".encode()


def _ids(item: dict[str, Any]) -> set[str | None]:
    """The id that it names, and those in its addresses."""
    return {str(item.get("id")), *(photo_key_of(value) for value in item.values() if isinstance(value, str))}


@given(st.sampled_from(ANSWERS), st.integers(0, 3000), st.binary(max_size=3))
def test_torn_answers_raise_nothing_else(whole: tuple[Any, Subject | None, str], cut: int, more: bytes) -> None:
    """Half an answer, and bytes that are none."""
    results, subject, cursor = whole
    body = json.dumps({"total_results": 9, "results": results}).encode()
    try:
        INaturalist().parse(Answer(body[:cut] + more + body[cut + len(more) :], subject=subject, cursor=cursor))
        INaturalist().parse(Answer(body[:cut] + more, subject=subject, cursor=cursor))
    except AnswerError:
        return


@pytest.mark.parametrize("depth", [900, 950, 975, 990, 100_000])
def test_a_bottomless_answer_is_unreadable_at_worst(depth: int) -> None:
    """However deep a licence is nested."""
    nested = "[" * depth + "]" * depth
    body = '{"results":[{"id":1,"photos":[{"id":2,"license_code":NESTED,"url":NESTED}]}]}'.replace("NESTED", nested)
    try:
        found = INaturalist().parse(Answer(body.encode()))
    except AnswerError:
        return
    assert [item.reason for item in found.rejections] == ["malformed"]
