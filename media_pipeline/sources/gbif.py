"""GBIF: photos of occurrence records, from some thousand museums, societies and portals.

What it is  api.gbif.org, the index of the world's biodiversity records; the photos lie on their owners' hosts
Terms       free to use; what is published must cite the data, with the name beside each photo
Licence     per photo, `media[].license` alone: the record's own, and the filter `license=`, say nothing of its photos;
            null means that nobody said (unknown), not «all rights reserved»
Limits      no published number: 2 requests a second at most 4, and 2 downloads at once from one host. It
            demands no contact in the User-Agent; this package does, of every public source
Paging      offset and limit, 300 a page, the first 100,000 records only: a walk that meets that end says so
Quirks      since 2026 taxon keys are words of a checklist (Catalogue of Life), and mean nothing without its key;
            a search for still images also brings sounds, sonograms, viewers and IIIF manifests of the same records;
            photos of iNaturalist are listed as iNaturalist's; hosts die, and GBIF's image cache (1200 px) is the rescue
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, ClassVar, Final

from media_pipeline.errors import AnswerError
from media_pipeline.licences import credit, licence
from media_pipeline.records import Listing, Rejection, Subject
from media_pipeline.sources.gbif_questions import API, CATALOGUE_OF_LIFE, known_taxon, match, names_of, narrowed
from media_pipeline.sources.inaturalist_photos import photo_key_of
from media_pipeline.sources.photo_files import SMALL, content_type_of, photo_and_length, why_no_photo
from media_pipeline.sources.protocol import RECHECK, Answer, Known, Limits, Parsed, Request
from media_pipeline.sources.reading import (
    as_cursor,
    at,
    coordinates_of,
    cursor_of,
    day_of,
    json_of,
    looked_at_again,
    number_of,
    plain_text,
    read_cursor,
    text_of,
    time_of,
    url_of,
)

PAGE_SIZE: Final = 300
# In one question about a photo that is looked at again.
MOST_RECORDS: Final = 50
DEPTH: Final = 100_000
# Fuzzy matching mends spelling, and may as well find a neighbour: a wrong name would put wrong photos into the
# library unseen. Below this the operator is asked for the id or a synonym.
SURE_OF_VARIANT: Final = 95

# Prior points: nobody has seen the photo yet. Specimens lie among labels and colour cards, camera traps see badly.
_PRIOR: Final = {"HUMAN_OBSERVATION": 90.0, "OBSERVATION": 90.0, "LIVING_SPECIMEN": 90.0, "MACHINE_OBSERVATION": 85.0}
_PRIOR_OF_OTHERS: Final = 80.0
# Wide on purpose: a place that is called exact and is not does more harm than the reverse.
_COARSE: Final = re.compile(
    r"\b(?:co-?ord|koordinat|locat|localit|localid|latitud|longitud|geo|position|precis|uncertain|blur|obscur|hidden"
    r"|generali[sz]|round|random|threatened|sensitiv|protect|grid|raster|centroid)|\d\s*k?m\b",
    re.IGNORECASE,
)
# GBIF's own list of what makes a place unusable.
_NO_PLACE: Final = frozenset(
    ("ZERO_COORDINATE", "COORDINATE_INVALID", "COORDINATE_OUT_OF_RANGE", "COUNTRY_COORDINATE_MISMATCH")
)
_TIME_WITH_ZONE: Final = re.compile(r"\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})")

_THEIR_SIZE: Final = re.compile(r"(/photos/\d+)/(?:square|thumb|small|medium|large|original)(\.[^/?#]*)?(?:[?#].*)?$")


@dataclass(frozen=True, slots=True)
class _File:
    """One file in a record: of which photo, and how large against the others of it."""

    item: Mapping[str, Any]
    url: str
    photo: str
    length: int
    content_type: str | None


@dataclass(frozen=True, slots=True)
class Gbif:
    """The source `gbif`."""

    name: ClassVar[str] = "gbif"
    parser_version: ClassVar[str] = "1"
    limits: ClassVar[Limits] = Limits(
        priority=60, requests_per_s=2, fastest_per_s=4, downloads=2, needs_contact=True, per_subject=300
    )
    key_parameter: ClassVar[str] = ""
    recheck_batch: ClassVar[int] = 1

    def requests(self, subject: Subject, cursor: str) -> Request | None:
        """First the name's key, unless the subject has it; then page after page of its records."""
        if subject.kind != "taxon":
            return None
        place, filters = read_cursor(cursor), tuple(narrowed(subject))
        known = known_taxon(subject)
        if "taxon" not in place:
            if known is None:
                return match(subject, place)
            place |= known
        offset = place.get("offset", 0)
        # Nothing is listed there: only the number of records is asked.
        beyond = offset >= DEPTH
        return Request(
            f"{API}/v1/occurrence/search",
            (
                ("mediaType", "StillImage"),
                ("taxonKey", place["taxon"]),
                ("checklistKey", place["checklist"]),
                *filters,
                ("limit", "0" if beyond else str(min(PAGE_SIZE, DEPTH - offset))),
                ("offset", "0" if beyond else str(offset)),
            ),
        )

    def parse(self, answer: Answer) -> Parsed:
        """A name's key, a page of records, or one record that is looked at again."""
        if answer.cursor == RECHECK:
            return _looked_at_again(answer)
        found = json_of(answer)
        place = cursor_of(answer)
        if isinstance(found.get("results"), list):
            return _page(found, answer, place)
        if "diagnostics" in found and "taxon" not in place:
            return Parsed(next_cursor=_matched(found, answer.subject, place))
        raise AnswerError("unreadable_answer", f"neither records nor a name's match, but {', '.join(found)[:200]}")

    def recheck(self, known: Sequence[Known]) -> Request | None:
        """All the records that the photo was seen in: it may have outlived one of them."""
        records = known[0].observation_ids
        if not 0 < len(records) <= MOST_RECORDS:
            return None
        if len(records) == 1:
            return Request(f"{API}/v1/occurrence/{records[0]}")
        limit = ("limit", str(len(records)))
        return Request(f"{API}/v1/occurrence/search", (*(("gbifId", record) for record in records), limit))


def _looked_at_again(answer: Answer) -> Parsed:
    """One record, or a list of some. A deleted one is gone, which is an answer; one that cannot be read says nothing of
    its photos."""
    if answer.status in (404, 410):
        return Parsed()
    found = json_of(answer)
    if "results" not in found:
        return looked_at_again(_parsed([found], answer.subject))
    # More than were asked for are others.
    if not isinstance(found["results"], list) or found.get("endOfRecords") is not True:
        raise AnswerError("unreadable_answer", "not all of the records, or others")
    return looked_at_again(_parsed(found["results"], answer.subject))


def _matched(found: Mapping[str, Any], subject: Subject | None, place: Mapping[str, Any]) -> str:
    """The cursor of the first page of records, or of the question about the next synonym."""
    how = text_of(at(found, "diagnostics", "matchType"))
    sure = number_of(at(found, "diagnostics", "confidence")) or 0
    # The synonym's accepted taxon: its records are found under either name.
    key = text_of(at(found, "acceptedUsage", "key")) or text_of(at(found, "usage", "key"))
    # HIGHERRANK would bring the photos of a whole genus.
    if key is not None and (how == "EXACT" or (how == "VARIANT" and sure >= SURE_OF_VARIANT)):
        return as_cursor(taxon=key, checklist=CATALOGUE_OF_LIFE, offset=0)
    asked = place.get("match", 0)
    names = names_of(subject) if subject is not None else ()
    if asked + 1 < len(names):
        return as_cursor(match=asked + 1)
    told = f"{how}, confidence {sure:.0f}, {text_of(at(found, 'usage', 'name')) or 'no name'}"
    raise AnswerError("unknown_subject", f"GBIF matches none of {', '.join(names) or 'the names'}: {told}")


def _page(found: Mapping[str, Any], answer: Answer, place: Mapping[str, Any]) -> Parsed:
    """The photos of a page of records, and the next one."""
    offset = place.get("offset", 0)
    if offset >= DEPTH:
        raise AnswerError(
            "question_refused",
            f"GBIF lists the first {DEPTH} of {text_of(found.get('count'))} records, and those are listed; "
            "narrow the subject's options for gbif, by country or year, to reach others",
        )
    records = found["results"]
    parsed = _parsed(records, answer.subject)
    if found.get("endOfRecords") is True or not records:
        return parsed
    # GBIF may give fewer than were asked for.
    following = min(offset + len(records), DEPTH)
    taxon = place if "taxon" in place else answer.subject and known_taxon(answer.subject)
    return replace(parsed, next_cursor=as_cursor(**{**(taxon or {}), "offset": following}))


def _parsed(records: Iterable[Any], subject: Subject | None) -> Parsed:
    listings: dict[tuple[str, str], Listing] = {}
    rejections: list[Rejection] = []
    for record in records:
        for found in _read(record, subject):
            if isinstance(found, Rejection):
                rejections.append(found)
            else:
                former = listings.get(key := (found.source, found.source_key))
                listings[key] = _united(former, found) if former is not None else found
    return Parsed(tuple(listings.values()), tuple(rejections))


def _united(former: Listing, latter: Listing) -> Listing:
    """One photo in two records: it belongs to both, in the words of that which allows less."""
    less = min(former, latter, key=lambda one: (one.licence.is_open, one.licence.allows_commercial))
    return replace(
        less,
        observation_ids=tuple(dict.fromkeys((*former.observation_ids, *latter.observation_ids))),
        is_obscured=former.is_obscured or latter.is_obscured,
    )


def _read(record: Any, subject: Subject | None) -> Iterable[Listing | Rejection]:
    """The photos of one record, and why its other media are none."""
    key = text_of(record.get("key")) or text_of(record.get("gbifID")) if isinstance(record, dict) else None
    if key is None or not (key.isascii() and key.isdecimal()):
        yield Rejection("", "malformed", "no record with a key")
        return
    if record.get("occurrenceStatus") == "ABSENT":
        yield Rejection(key, "other_subject", "the record says that it was not found there")
        return
    media = record.get("media") or []
    if not isinstance(media, list):
        yield Rejection(key, "malformed", "media is no list")
        return
    photos: dict[str, list[_File]] = {}
    for place, item in enumerate(media):
        found = _file(item, f"{key}/{place}")
        if isinstance(found, Rejection):
            yield found
        else:
            photos.setdefault(found.photo, []).append(found)
    if photos:
        about = replace(_about(record, key), subject_id=subject.subject_id if subject else None)
        for files in photos.values():
            yield _listing(sorted(files, key=lambda file: (-file.length, file.url[:5] != "https")), about, record)


def _file(item: Any, place: str) -> _File | Rejection:
    """A still image with an address, or why it is none."""
    if not isinstance(item, dict):
        return Rejection(place, "malformed", "no object")
    kind, url = item.get("type"), url_of(item.get("identifier"))
    if kind not in (None, "StillImage"):
        return Rejection(place, "not_a_photo", f"type {text_of(kind)}")
    told = text_of(item.get("format"))
    if url is None:
        if (reason := why_no_photo(told, None, is_still=True)) is not None:
            return Rejection(place, "not_a_photo", reason)
        instead = text_of(item.get("identifier")) or text_of(item.get("references"))
        return Rejection(place, "no_url", f"only {instead[:200]}" if instead else "")
    words = " ".join(filter(None, (text_of(item.get("title")), text_of(item.get("description")))))
    if (reason := why_no_photo(told, url, is_still=kind is not None, words=words)) is not None:
        return Rejection(place, "not_a_photo", reason)
    photo, length = photo_and_length(url)
    return _File(item, url, photo, length, content_type_of(told))


def _listing(files: Sequence[_File], about: Listing, record: Mapping[str, Any]) -> Listing:
    """One photo, from its files: the largest first."""
    best = files[0]
    item = best.item
    # Other sizes may be under other licences: only the same file's word counts.
    told = (text_of(file.item.get("license")) for file in files if file.length == best.length)
    # GBIF's null is «nobody said», which is unknown, and not reserved.
    said = licence(*([words for words in told if words] or [""]))
    page_url = url_of(item.get("references"))
    if page_url is None or page_url == best.url:
        page_url = about.page_url
    creator, holder = plain_text(item.get("creator")), plain_text(item.get("rightsHolder"))
    title = plain_text(item.get("title"))
    observer = plain_text(record.get("recordedBy"))
    named = " / ".join(dict.fromkeys(name for name in (creator, holder) if name))
    found = replace(
        about,
        source_key=md5_of(item["identifier"]),
        original_url=best.url,
        licence=said,
        page_url=page_url,
        # Who found it need not be who took the photo: named as what is known of them.
        attribution=credit(
            said,
            creator=named or (f"an unnamed creator (recorded by {observer})" if observer else None),
            title=title,
            where=page_url,
        ),
        creator=creator or holder,
        title=title,
        content_type=best.content_type,
    )
    theirs = photo_key_of(best.url)
    if theirs is not None and _THEIR_SIZE.search(best.url):
        # No rescue from GBIF's cache: what iNaturalist no longer shows was withdrawn.
        original = _THEIR_SIZE.sub(r"\1/original\2", best.url)
        return replace(found, source="inaturalist", source_key=theirs, original_url=original)
    others = tuple(dict.fromkeys(file.url for file in files[1:] if file.length > SMALL and file.url != best.url))
    rescue = f"{API}/v1/image/cache/occurrence/{about.observation_ids[0]}/media/{found.source_key}"
    return replace(found, fallback_urls=(*others, rescue))


def md5_of(identifier: str) -> str:
    """How GBIF itself names a file of a record."""
    return hashlib.md5(identifier.encode(errors="replace"), usedforsecurity=False).hexdigest()


def _about(record: Mapping[str, Any], key: str) -> Listing:
    """What a record says of each of its photos."""
    issues = record.get("issues")
    latitude, longitude = coordinates_of(record.get("decimalLatitude"), record.get("decimalLongitude"))
    if isinstance(issues, list) and any(issue in _NO_PLACE for issue in issues if isinstance(issue, str)):
        latitude = longitude = None
    uncertainty = number_of(record.get("coordinateUncertaintyInMeters"))
    observed_on, observed_at = _when(record)
    basis = text_of(record.get("basisOfRecord")) or ""
    return Listing(
        source=Gbif.name,
        source_key="",
        edition="",
        original_url="",
        licence=licence(""),
        page_url=f"https://www.gbif.org/occurrence/{key}",
        # Without the author's name, as the other sources have it; of subspecies their species.
        taxon_name=next(
            (
                name
                for field in ("species", "acceptedScientificName", "scientificName")
                if (name := text_of(record.get(field))) is not None
            ),
            None,
        ),
        observation_ids=(key,),
        observed_on=observed_on,
        observed_at=observed_at,
        latitude=latitude,
        longitude=longitude,
        coordinate_uncertainty_m=uncertainty if latitude is not None and uncertainty and uncertainty > 0 else None,
        is_obscured=any(
            _COARSE.search(text_of(record.get(field)) or "") for field in ("informationWithheld", "dataGeneralizations")
        ),
        prior_points=_PRIOR.get(basis, _PRIOR_OF_OTHERS),
    )


def _when(record: Mapping[str, Any]) -> tuple[date | None, datetime | None]:
    """The day, and the moment where day, time and zone are all said. Midnight is how datasets say «no time»."""
    said = record.get("eventDate")
    if not isinstance(said, str):
        return None, None
    start, interval, end = said.partition("/")
    day = day_of(start)
    if day is None or (interval and day_of(end) != day):
        return None, None
    if interval:
        return day, None
    clock = start.strip()[11:]
    with_zone = clock if _TIME_WITH_ZONE.fullmatch(clock) else text_of(record.get("eventTime")) or ""
    if not _TIME_WITH_ZONE.fullmatch(with_zone) or with_zone[:5] != (clock[:5] or with_zone[:5]):
        return day, None
    if re.fullmatch(r"00:00(?::00(?:\.0+)?)?", re.split(r"[Z+-]", with_zone)[0]):
        return day, None
    return day, time_of(f"{day}T{with_zone}")
