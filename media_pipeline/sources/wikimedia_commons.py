"""Wikimedia Commons: the files of all Wikipedias, with photos of most described species and places.

What it is  the Action API of commons.wikimedia.org; the file is always the original, the thumbnail the wiki's own
Terms       each file has its own licence; a User-Agent must name the operator's contact (MEDIA_CONTACT)
Licence     extmetadata of the file: LicenseUrl, then its code, then its names; none of them means unknown
Limits      500 requests an hour of 200 a minute that one identity has over all wikis; downloads one by one, 2 s apart
Paging      every key of `continue` goes into the next request; a batch may come in parts until `batchcomplete`
Quirks      errors come with status 200; only fixed widths of thumbnails are served; an overwritten file is an edition

The order of asking. First the images of the subject's Wikidata item, when its id is known. Then taxa: the files of the
category of that name, and a search for the name when it holds no photo; its subcategories are not walked. Places: files
taken within 500 m, and a search for name and city when there are none. Options of a subject under `wikimedia_commons`:
`category`, and `radius_m`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from media_pipeline.errors import AnswerError
from media_pipeline.records import Subject
from media_pipeline.sources.mediawiki import (
    ASKED,
    COMMONS,
    FILE_PROPS,
    LIMITS,
    MOST_FILES,
    Place,
    after,
    batch_of,
    is_title,
    photo_name,
    place_of,
    titles_asked,
    told_by,
)
from media_pipeline.sources.mediawiki_files import files_known, files_of
from media_pipeline.sources.options import ANY, NUMBER, chosen, refuse
from media_pipeline.sources.protocol import RECHECK, Answer, Known, Limits, Parsed, Request
from media_pipeline.sources.reading import at, coordinates_of, number_of, objects

API: Final = "https://commons.wikimedia.org/w/api.php"
WIKIDATA_API: Final = "https://www.wikidata.org/w/api.php"
RADIUS_M = 500
_OPTIONS: Final = {"category": ANY, "radius_m": NUMBER}
FIRST_PAGE = str(min(MOST_FILES, LIMITS.per_subject))


@dataclass(frozen=True, slots=True)
class WikimediaCommons:
    """The source `wikimedia_commons`."""

    name: ClassVar[str] = COMMONS
    parser_version: ClassVar[str] = "1"
    limits: ClassVar[Limits] = LIMITS
    key_parameter: ClassVar[str] = ""
    recheck_batch: ClassVar[int] = MOST_FILES

    def requests(self, subject: Subject, cursor: str) -> Request | None:
        """The phases of the module's docstring, one after the other."""
        phases = _phases(subject)
        place = place_of(cursor, first=phases[0])
        if place.phase not in (*phases, "files"):
            # The subject has lost what this cursor was about to ask with.
            place = Place(phases[0])
        if place.phase == "item":
            # Without maxlag: at Wikidata it counts the lag of the query service, which is no matter to readers.
            asked = {"action": "wbgetentities", "format": "json", "formatversion": "2", "props": "claims"}
            return Request(WIKIDATA_API, tuple((asked | {"ids": _item(subject) or ""}).items()))
        return Request(API, tuple(({**place.go} | ASKED | FILE_PROPS | _question(subject, place)).items()))

    def parse(self, answer: Answer) -> Parsed:
        """Files as listings; at the end of a phase, the cursor of the next."""
        if answer.cursor == RECHECK:
            return Parsed(*files_known(answer))
        subject = answer.subject
        phases = _phases(subject) if subject else ("search",)
        place = place_of(answer.cursor, first=phases[0])
        if place.phase == "item":
            titles = item_photos(answer)
            named = Place("files", titles) if titles else _after_item(phases)
            return Parsed(next_cursor=named.cursor())
        batch = batch_of(answer)
        taxon = subject.name if subject and subject.kind == "taxon" and place.phase == "category" else None
        listings, rejections = files_of(batch, place, subject=subject, taxon_name=taxon)
        following = after(place, batch, found=bool(listings))
        if following is None:
            following = _next_phase(phases, place, found=place.found or bool(listings))
        return Parsed(listings, rejections, following.cursor() if following else None)

    def recheck(self, known: Sequence[Known]) -> Request | None:
        """By page ids, which outlive a renaming. A page that is gone comes back as missing, or not at all."""
        if not known or not all(re.fullmatch(r"[0-9]+", item.source_key) for item in known):
            return None
        ids = "|".join(item.source_key for item in known)
        return Request(API, tuple((ASKED | FILE_PROPS | {"pageids": ids}).items()))


def item_photos(answer: Answer) -> tuple[str, ...]:
    """The names that a Wikidata item gives as its image (P18), preferred ones first. An item that is not there names
    none: the walk goes on without it."""
    try:
        told = told_by(answer)
    except AnswerError as error:
        if error.reason == "question_refused" and answer.status < 300:
            return ()
        raise
    names: dict[str, bool] = {}
    entities = told.get("entities")
    if not isinstance(entities, dict):
        raise AnswerError("unreadable_answer", "no items")
    for entity in entities.values():
        for claim in objects(at(entity, "claims", "P18")):
            name = photo_name(at(claim, "mainsnak", "datavalue", "value"))
            if name and claim.get("rank") != "deprecated" and at(claim, "mainsnak", "snaktype") == "value":
                names[name] = claim.get("rank") == "preferred" or names.get(name, False)
    return tuple(sorted(names, key=lambda name: not names[name])[:MOST_FILES])


def _phases(subject: Subject) -> tuple[str, ...]:
    """What can be asked about it, in order. `files` is asked only when the item named some."""
    phases = ["item"] if _item(subject) else []
    if _category(subject):
        phases.append("category")
    elif subject.kind == "place" and coordinates_of(subject.latitude, subject.longitude) != (None, None):
        phases.append("nearby")
    return (*phases, "search")


def _next_phase(phases: Sequence[str], place: Place, *, found: bool) -> Place | None:
    if place.phase == "files":
        return _after_item(phases)
    return None if found or place.phase == "search" else Place("search")


def _after_item(phases: Sequence[str]) -> Place:
    return Place(next(phase for phase in phases if phase != "item"))


def _question(subject: Subject, place: Place) -> dict[str, str]:
    if place.phase == "files":
        return titles_asked(place.titles)
    if place.phase == "category":
        return {
            "generator": "categorymembers",
            "gcmtitle": f"Category:{_category(subject)}",
            "gcmtype": "file",
            "gcmlimit": _page_size(place, "gcmcontinue"),
        }
    if place.phase == "nearby":
        return {
            "generator": "geosearch",
            "ggscoord": f"{subject.latitude}|{subject.longitude}",
            "ggsradius": str(_radius_m(subject)),
            "ggsnamespace": "6",
            "ggslimit": FIRST_PAGE,
        }
    words = [subject.name, subject.city] if subject.kind == "place" else [subject.name]
    quoted = " ".join(f'"{_unquoted(word)}"' for word in words if word)
    return {
        "generator": "search",
        "gsrnamespace": "6",
        "gsrsearch": f"{quoted} filetype:bitmap",
        "gsrlimit": _page_size(place, "gsroffset"),
    }


def _page_size(place: Place, follows: str) -> str:
    """A page is taken whole: the first holds what is wanted as a rule. Who goes on wants many, in few requests. All
    parts of one batch send the same place along, so that none of them changes its size."""
    return str(MOST_FILES) if follows in place.go else FIRST_PAGE


def _item(subject: Subject) -> str | None:
    said = subject.source_ids.get("wikidata", "")
    return said if re.fullmatch(r"Q[1-9][0-9]{0,14}", said) else None


def _category(subject: Subject) -> str | None:
    """The one that its options name, or that of a taxon's name if there can be one."""
    said = chosen(subject, COMMONS, _OPTIONS).get("category")
    named = (said or (subject.name if subject.kind == "taxon" else "")).removeprefix("Category:")
    if said and not is_title(named):
        raise refuse(COMMONS, "category", said, "no name of a category")
    return named if is_title(named) else None


def _radius_m(subject: Subject) -> int:
    """Between what the wiki takes at least and at most."""
    return int(min(max(number_of(chosen(subject, COMMONS, _OPTIONS).get("radius_m")) or RADIUS_M, 10), 10_000))


def _unquoted(word: str) -> str:
    return " ".join(word.replace('"', " ").split())
