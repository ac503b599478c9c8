"""Wikipedia: the photos of the article about a subject, its lead image first.

What it is  the Action API of one Wikipedia; file and thumbnail are the original and the wiki's own thumbnail
Terms       each file has its own licence; a User-Agent must name the operator's contact (MEDIA_CONTACT)
Licence     extmetadata of the file, as at Commons; a file that the Wikipedia keeps at home only when that is open
Limits      those of Wikimedia Commons, and shared with it: one identity has one allowance over all wikis
Paging      one request for the article and the names of its files, then 50 files at a time
Quirks      most files live at Commons and are listed as Commons' own, under its page id: no photo is listed twice

Drawings (SVG) are left out by name. An article that is missing, a list of meanings, about another Wikidata item than
the subject's or 50 km away from its place makes the subject unknown. Options of a subject under `wikipedia`:
`language` (en), and `title`, which is then believed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from media_pipeline.errors import AnswerError
from media_pipeline.records import Subject
from media_pipeline.sources.mediawiki import (
    ASKED,
    FILE_PROPS,
    LIMITS,
    WIKIPEDIA,
    Batch,
    Place,
    after,
    batch_of,
    is_flagged,
    is_title,
    photo_name,
    place_of,
    titles_asked,
)
from media_pipeline.sources.mediawiki_files import files_known, files_of
from media_pipeline.sources.options import ANY, chosen, refuse
from media_pipeline.sources.protocol import RECHECK, Answer, Known, Limits, Parsed, Request
from media_pipeline.sources.reading import at, coordinates_of, objects, text_of

ARTICLE_PROPS: Final = {
    "prop": "pageimages|pageprops|coordinates|images",
    "piprop": "thumbnail|original|name",
    "pithumbsize": "330",
    "pilicense": "any",
    "ppprop": "disambiguation|wikibase_item",
    "redirects": "1",
    "imlimit": "max",
}
# Articles about whole continents name thousands; nobody looks for so many photos of one subject.
MOST_NAMES = 200
FAR_KM = 50.0
_LANGUAGE = re.compile(r"[a-z][a-z0-9-]{0,30}")
_OPTIONS: Final = {"language": _LANGUAGE, "title": ANY}
_KEY = re.compile(r"([a-z][a-z0-9-]{0,30}):([0-9]+)")


@dataclass(frozen=True, slots=True)
class Wikipedia:
    """The source `wikipedia`."""

    name: ClassVar[str] = WIKIPEDIA
    parser_version: ClassVar[str] = "1"
    limits: ClassVar[Limits] = LIMITS
    key_parameter: ClassVar[str] = ""
    # Each language is a wiki of its own, and a request reaches one.
    recheck_batch: ClassVar[int] = 1

    def requests(self, subject: Subject, cursor: str) -> Request | None:
        """The article, then its files; None for a name that no article can have."""
        language, title = _language(subject), _title(subject) or subject.name
        if not is_title(title):
            return None
        place = place_of(cursor, first="article")
        if place.phase == "article":
            question = {**ARTICLE_PROPS, "titles": title}
        else:
            question = {**FILE_PROPS, **titles_asked(place.titles)}
        return Request(_api(language), tuple(({**place.go} | ASKED | question).items()))

    def parse(self, answer: Answer) -> Parsed:
        """The article says what to ask for; the files are listings."""
        if answer.cursor == RECHECK:
            return Parsed(*files_known(answer))
        place = place_of(answer.cursor, first="article")
        batch = batch_of(answer)
        if place.phase == "article":
            return Parsed(next_cursor=_after_article(answer.subject, place, batch))
        listings, rejections = files_of(batch, place, subject=answer.subject)
        following = after(place, batch, found=bool(listings))
        return Parsed(listings, rejections, following.cursor() if following else None)

    def recheck(self, known: Sequence[Known]) -> Request | None:
        """One file of one Wikipedia. Files of Commons are asked for at Commons, whose listings they are."""
        found = _KEY.fullmatch(known[0].source_key) if len(known) == 1 else None
        if found is None:
            return None
        return Request(_api(found[1]), tuple((ASKED | FILE_PROPS | {"pageids": found[2]}).items()))


def _after_article(subject: Subject | None, place: Place, batch: Batch) -> str | None:
    """The cursor behind an answer about an article: more of it, its files, or None when it shows no photo."""
    page = next(iter(batch.pages), None)
    if page is None or is_flagged(page, "missing") or is_flagged(page, "invalid"):
        raise AnswerError("unknown_subject", "there is no such article")
    if at(page, "pageprops", "disambiguation") is not None:
        raise AnswerError("unknown_subject", f"{text_of(page.get('title'))} is a list of meanings")
    if subject is not None and not _title(subject):
        _must_be_about(subject, page)
    names = _names(page, place.titles)
    if not batch.is_complete and len(names) < MOST_NAMES:
        following = after(Place(place.phase, go=place.go, part=place.part), batch, found=False)
        if following is not None:
            return Place("article", names, following.go, following.part).cursor()
    return Place("files", names).cursor() if names else None


def _must_be_about(subject: Subject, page: Mapping[str, Any]) -> None:
    """A species leads to its genus, and one village to another of the same name."""
    wanted, item = subject.source_ids.get("wikidata"), text_of(at(page, "pageprops", "wikibase_item"))
    if wanted and item and wanted != item:
        raise AnswerError("unknown_subject", f"{text_of(page.get('title'))} is about {item}, not {wanted}")
    there = next(iter(objects(page.get("coordinates"))), {})
    latitude, longitude = coordinates_of(there.get("lat"), there.get("lon"))
    here = coordinates_of(subject.latitude, subject.longitude)
    if subject.kind != "place" or latitude is None or longitude is None or here[0] is None or here[1] is None:
        return
    east = (longitude - here[1] + 180) % 360 - 180
    far = 111.2 * math.hypot(latitude - here[0], east * math.cos(math.radians(here[0])))
    if far > FAR_KM:
        raise AnswerError("unknown_subject", f"{text_of(page.get('title'))} is {far:.0f} km away")


def _names(page: Mapping[str, Any], before: Iterable[str]) -> tuple[str, ...]:
    """The article's photos, each once, its lead image first whichever answer names it."""
    lead = photo_name(page.get("pageimage"))
    listed = (photo_name(image.get("title")) for image in objects(page.get("images")))
    return tuple(dict.fromkeys(name for name in (lead, *before, *listed) if name))[:MOST_NAMES]


def _language(subject: Subject) -> str:
    return chosen(subject, WIKIPEDIA, _OPTIONS).get("language", "en")


def _title(subject: Subject) -> str | None:
    said = chosen(subject, WIKIPEDIA, _OPTIONS).get("title")
    if said is not None and not is_title(said):
        raise refuse(WIKIPEDIA, "title", said, "no title of an article")
    return said


def _api(language: str) -> str:
    return f"https://{language}.wikipedia.org/w/api.php"
