"""What iNaturalist's JSON says of a photo: in an observation, or on the page of a taxon.

What is not here: which question an answer belongs to, and the next one (inaturalist.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from media_pipeline.licences import credit, licence
from media_pipeline.records import Listing, Rejection, Subject
from media_pipeline.sources.protocol import Parsed
from media_pipeline.sources.reading import (
    at,
    coordinates_of,
    day_of,
    number_of,
    objects,
    pixels_of,
    text_of,
    time_of,
    url_of,
)

SOURCE = "inaturalist"
LONGEST_PX = 2048

ID = re.compile(r"[1-9][0-9]{0,18}")
_PRIOR: Final[Mapping[str, float]] = {"research": 95, "needs_id": 88, "casual": 80}
_CURATED_PRIOR = 95
_ADDRESSES = ("original_url", "large_url", "medium_url", "small_url", "url", "thumb_url", "square_url")
_HIDDEN_PLACES = ("obscured", "private")

_PHOTO = re.compile(
    r"https?://(?P<host>(?:[a-z0-9-]+\.)?inaturalist\.org"
    r"|inaturalist-open-data\.s3(?:\.[a-z0-9-]+)?\.amazonaws\.com"
    r"|s3(?:\.[a-z0-9-]+)?\.amazonaws\.com/inaturalist-open-data)"
    r"/photos/(?P<id>[1-9][0-9]{0,18})(?P<rest>(?:[/.?#].*)?)",
    re.IGNORECASE,
)
_SIZE = re.compile(r"/(?:square|thumb|small|medium|large|original)(?P<ending>\.[^/?#]*)?(?:[?#].*)?")
_OWN_HOST = re.compile(r"https?://(?:[a-z0-9-]+\.)*inaturalist\.org/", re.IGNORECASE)
_WIKIMEDIA_THUMB = re.compile(r"https?://(upload\.wikimedia\.org/wikipedia/[a-z]+)/thumb(/./../[^/?#]+)/[^/]+")


def photo_key_of(url: str) -> str | None:
    """The id of the photo that one of iNaturalist's addresses means, of its page or of a file in any size."""
    address = url_of(url)
    found = _PHOTO.fullmatch(address) if address else None
    return found["id"] if found else None


def photos_of_observations(results: list[Any], subject: Subject | None) -> Parsed:
    """One listing for each photo of a page, however many of its observations it is in."""
    return _once_each(_in_observations(results, subject))


def photos_of_taxon(taxon: Mapping[str, Any], subject: Subject) -> Parsed:
    """The photos that people chose for a taxon; for one above species, some are of a taxon below it."""
    return _once_each(_in_taxon(taxon, subject))


@dataclass(frozen=True, slots=True)
class _Around:
    """What an observation or a taxon says of all its photos."""

    where: str
    subject_id: str | None
    is_hidden: bool = False
    creator: str | None = None
    taxon_name: str | None = None
    observation_ids: tuple[str, ...] = ()
    observed_on: date | None = None
    observed_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    uncertainty_m: float | None = None
    is_obscured: bool = False
    prior_points: float | None = None


def _in_taxon(taxon: Mapping[str, Any], subject: Subject) -> Iterable[Listing | Rejection]:
    """`taxon_photos` first: they have more addresses than the default photo. Some are of a taxon below this one."""
    for entry in objects(taxon.get("taxon_photos")):
        named = text_of(at(entry, "taxon", "name")) or text_of(taxon.get("name"))
        yield _read(entry.get("photo"), _of_taxon(taxon, subject, named))
    if taxon.get("default_photo") is not None:
        yield _read(taxon["default_photo"], _of_taxon(taxon, subject, text_of(taxon.get("name"))))


def _of_taxon(taxon: Mapping[str, Any], subject: Subject, named: str | None) -> _Around:
    where = f"taxon/{id_of(taxon.get('id'))}"
    return _Around(where, subject.subject_id, taxon_name=named, prior_points=_CURATED_PRIOR)


def _in_observations(results: list[Any], subject: Subject | None) -> Iterable[Listing | Rejection]:
    for place, observation in enumerate(results):
        if not isinstance(observation, dict):
            yield Rejection(f"result/{place}", "malformed", f"an observation that is a {type(observation).__name__}")
            continue
        around = _of_observation(observation, subject, place)
        photos = observation.get("photos")
        if not photos and isinstance(observation.get("observation_photos"), list):
            photos = [at(entry, "photo") for entry in observation["observation_photos"]]
        if not isinstance(photos, list):
            yield Rejection(around.where, "malformed", "an observation that says nothing of photos")
            continue
        yield from (_read(photo, around) for photo in photos)
        for sound in objects(observation.get("sounds")):
            yield Rejection(f"sound/{id_of(sound.get('id'))}", "not_a_photo", f"a sound of {around.where}")


def _of_observation(observation: Mapping[str, Any], subject: Subject | None, place: int) -> _Around:
    number = id_of(observation.get("id"))
    is_obscured = observation.get("obscured") is True or any(
        observation.get(field) in _HIDDEN_PLACES for field in ("geoprivacy", "taxon_geoprivacy")
    )
    location = observation.get("location")
    parts = location.split(",") if isinstance(location, str) else location
    latitude, longitude = coordinates_of(*parts) if isinstance(parts, list) and len(parts) == 2 else (None, None)
    # The observer's own accuracy is of the true place, which an obscured one is not.
    accuracies = (
        ("public_positional_accuracy",) if is_obscured else ("public_positional_accuracy", "positional_accuracy")
    )
    found = [number_of(observation.get(field)) for field in accuracies]
    grade = observation.get("quality_grade")
    return _Around(
        where=f"observation/{number or text_of(observation.get('uuid')) or place}",
        subject_id=subject.subject_id if subject else None,
        is_hidden=bool(observation.get("spam")) or _is_flagged(observation.get("flags")),
        creator=text_of(at(observation, "user", "name")) or text_of(at(observation, "user", "login")),
        taxon_name=text_of(at(observation, "taxon", "name")),
        observation_ids=(number,) if number else (),
        observed_on=day_of(observation.get("observed_on")),
        observed_at=time_of(observation.get("time_observed_at")),
        latitude=latitude,
        longitude=longitude,
        uncertainty_m=next((metres for metres in found if metres is not None and metres > 0), None),
        is_obscured=is_obscured,
        prior_points=_PRIOR.get(grade) if isinstance(grade, str) else None,
    )


def _is_flagged(flags: Any) -> bool:
    """A flag holds until somebody has resolved it."""
    return bool(flags) and not (isinstance(flags, list) and all(at(flag, "resolved") is True for flag in flags))


def _read(photo: Any, around: _Around) -> Listing | Rejection:
    """One photo: under the licence that it names itself, in the largest size that there is."""
    if not isinstance(photo, dict):
        return Rejection(around.where, "malformed", f"a photo that is a {type(photo).__name__}")
    files = _files_of(photo)
    key = id_of(photo.get("id")) or (files.key if files else None)
    if key is None:
        return Rejection(around.where, "malformed", "a photo without an id")
    code = photo.get("license_code", "")
    if code is not None and (not isinstance(code, str) or text_of(code) != code):
        # Null is a word about the licence, silence is none.
        told = repr(code[:80]) if isinstance(code, str) else f"a {type(code).__name__}"
        return Rejection(key, "malformed", f"its license_code is {told}")
    if around.is_hidden or photo.get("hidden") or _is_flagged(photo.get("flags")) or _is_withdrawn(photo):
        return Rejection(key, "hidden", f"in {around.where}")
    if files is None:
        return Rejection(key, "no_url", f"no address of its original, in {around.where}")
    if files.key not in (None, key):
        return Rejection(key, "malformed", f"its address is of another photo, {files.key}")
    given = licence(code, version="4.0" if files.key else None)
    creator = text_of(photo.get("attribution_name")) or around.creator
    page_url = f"https://www.inaturalist.org/photos/{key}"
    size = [pixels_of(at(photo, "original_dimensions", side)) for side in ("width", "height")]
    # More than iNaturalist keeps was the size before the upload, not of this file.
    width, height = size if files.key is None or all(side and side <= LONGEST_PX for side in size) else (None, None)
    return Listing(
        source=SOURCE,
        source_key=key,
        edition="",
        original_url=files.original,
        fallback_urls=files.fallbacks,
        thumbnail_url=files.thumbnail,
        page_url=page_url,
        licence=given,
        attribution=text_of(photo.get("attribution")) or credit(given, creator=creator, where=page_url),
        creator=creator,
        subject_id=around.subject_id,
        width_px=width,
        height_px=height,
        taxon_name=around.taxon_name,
        observation_ids=around.observation_ids,
        observed_on=around.observed_on,
        observed_at=around.observed_at,
        latitude=around.latitude,
        longitude=around.longitude,
        coordinate_uncertainty_m=around.uncertainty_m,
        is_obscured=around.is_obscured,
        prior_points=around.prior_points,
    )


@dataclass(frozen=True, slots=True)
class _Files:
    """Where a photo's file lies; `key` is its id in that address, None where it is not iNaturalist's own."""

    key: str | None
    original: str
    fallbacks: tuple[str, ...]
    thumbnail: str | None


def _files_of(photo: Mapping[str, Any]) -> _Files | None:
    """Its own files: any size names all the others. Elsewhere only what is called original or large is one."""
    told = {field: url_of(photo.get(field)) for field in _ADDRESSES}
    known = [address for address in told.values() if address]
    for address in known:
        if found := _in_all_sizes(address):
            return found
    wholes = [whole for address in known if (whole := _whole(address))]
    original, large = (
        [address for address in (told[field],) if address and not _whole(address) and not _OWN_HOST.match(address)]
        for field in ("original_url", "large_url")
    )
    files = tuple(dict.fromkeys((*original, *wholes, *large)))
    thumbnail = told["small_url"] or told["medium_url"] or next(iter(known), None)
    return _Files(None, files[0], files[1:], thumbnail) if files else None


def _in_all_sizes(address: str) -> _Files | None:
    """The original of an address of one of iNaturalist's own files, whatever size that is of; never a smaller one.

    Large alone is a fallback: what is smaller is of no use. Nor is the same name at the other host, where a photo goes
    whose licence was taken back. The query is a time, and would make each change of it another address.
    """
    found = _PHOTO.fullmatch(address)
    size = _SIZE.fullmatch(found["rest"]) if found else None
    if found is None or size is None:
        return None
    base, ending = f"https://{found['host'].lower()}/photos/{found['id']}", size["ending"] or ""
    original, large, small = (f"{base}/{word}{ending}" for word in ("original", "large", "small"))
    return _Files(found["id"], original, (large,), small)


def _whole(address: str) -> str | None:
    """The file that a thumbnail of Wikimedia was made of."""
    found = _WIKIMEDIA_THUMB.fullmatch(address)
    return f"https://{found[1]}{found[2]}" if found else None


def _is_withdrawn(photo: Mapping[str, Any]) -> bool:
    """A picture that says «copyright infringement» stands in for the photo."""
    return any("copyright-infringement" in (url_of(photo.get(field)) or "") for field in _ADDRESSES)


def id_of(value: Any) -> str | None:
    """An id of theirs: a number, also one that comes as a string."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    number = str(value)
    return number if ID.fullmatch(number) else None


def _once_each(found: Iterable[Listing | Rejection]) -> Parsed:
    """One listing a photo: a page may tell of it in several observations, and twice in a taxon."""
    listings: dict[str, Listing] = {}
    rejections: dict[str, Rejection] = {}
    for item in found:
        if isinstance(item, Rejection):
            rejections.setdefault(item.source_key, item)
        elif item.source_key in listings:
            former = listings[item.source_key]
            both = tuple(dict.fromkeys((*former.observation_ids, *item.observation_ids)))
            listings[item.source_key] = replace(former, observation_ids=both)
        else:
            listings[item.source_key] = item
    # What is hidden in one place is hidden; that a second mention of a photo is short of an address is no matter.
    hidden = {key for key, item in rejections.items() if item.reason == "hidden"}
    return Parsed(
        tuple(item for key, item in listings.items() if key not in hidden),
        tuple(item for key, item in rejections.items() if key in hidden or key not in listings),
    )
