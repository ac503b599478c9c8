"""What all wikis of Wikimedia answer alike: errors, batches in parts, files, and what is told of a file.

What is not here: what is asked of whom, and in which order (wikimedia_commons.py, wikipedia.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

from media_pipeline import licences
from media_pipeline.errors import AnswerError
from media_pipeline.records import Licence, Listing, Rejection, Subject
from media_pipeline.sources.protocol import Answer, Limits
from media_pipeline.sources.reading import (
    as_cursor,
    at,
    bytes_of,
    coordinates_of,
    day_of,
    json_of,
    number_of,
    objects,
    pixels_of,
    plain_text,
    read_cursor,
    text_of,
    url_of,
)

COMMONS: Final = "wikimedia_commons"
WIKIPEDIA: Final = "wikipedia"
# One identity has one allowance over all wikis: 200 requests a minute with a contact, 10 without.
LIMITS: Final = Limits(
    priority=85,
    requests_per_s=500 / 3600,
    fastest_per_s=200 / 60,
    downloads=1,
    downloads_per_s=0.5,
    per_subject=10,
)
# Answers with thumbnails hold 50 files at most.
MOST_FILES: Final = 50
ASKED: Final = {"action": "query", "format": "json", "formatversion": "2", "maxlag": "5"}
# 330 is one of the few widths that are served; others are refused.
FILE_PROPS: Final = {
    "prop": "imageinfo|coordinates",
    "iiprop": "url|size|mime|mediatype|sha1|timestamp|user|extmetadata",
    "iiurlwidth": "330",
    "iiextmetadatalanguage": "en",
    "colimit": "max",
}
# One batch may come in many parts (a PDF's metadata took hundreds); no batch of photos needs so many.
MOST_PARTS = 50
# Titles of 50 files can be 12 kB in an address, and servers refuse addresses above 8.
MOST_TITLES_LENGTH = 4000
# Longer HTML than any credit is: what follows is left out before it is searched for tags.
MOST_HTML = 8000
# A rendered file that can stand for an original that decoders may not know.
LARGE_PX = 1280

_TRY_AGAIN = ("maxlag", "ratelimited", "readonly", "internal_api_error_", "cirrussearch-", "badupstream", "timeout")
_REFUSED = ("blocked", "autoblocked", "globalblocking", "permissiondenied", "readapidenied", "mwoauth-")
_BITMAPS = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".tif", ".tiff")
_PLAIN_MIMES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_SHORT_URL = re.compile(r"(?:https?:)?//commons\.wikimedia\.org/w/index\.php\?curid=([1-9]\d{0,14})")
_PAGE_ID = re.compile(r"[1-9][0-9]{0,14}")
_WIKIPEDIA_HOST = re.compile(r"([a-z][a-z0-9-]{0,30})\.wikipedia\.org")
_UNSEEN = re.compile(r"<(div|span)\b[^<>]*display:\s*none[^<>]*>.*?</\1>", re.DOTALL | re.IGNORECASE)
# What a whole day looks like to machines: a time element alone, or Wikidata's notation with precision 11 and no doubt.
_TIME = re.compile(r"<time\b[^<>]*\bdatetime=\"([^\"<>]*)\"[^<>]*>[^<>]*</time>", re.IGNORECASE)
_STATEMENT = re.compile(r">date QS:P(?:571)?,\+(\d{4}-\d\d-\d\d)T00:00:00Z/11\s*<")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk stands, as its cursor says.

    `go` is what the last answer wants to see again, `part` and `given` tell what earlier parts of one batch held, and
    `found` whether this way of asking has listed anything.
    """

    phase: str
    titles: tuple[str, ...] = ()
    go: Mapping[str, str] = field(default_factory=dict)
    part: int = 0
    given: tuple[str, ...] = ()
    found: bool = False

    def cursor(self) -> str:
        """The shortest text that `place_of` reads again."""
        said = {
            "titles": list(self.titles),
            "go": dict(self.go),
            "part": self.part,
            "given": list(self.given),
            "found": self.found,
        }
        return as_cursor(phase=self.phase, **{name: value for name, value in said.items() if value})


def place_of(cursor: str, *, first: str) -> Place:
    """The place behind a cursor; at the beginning the phase `first`."""
    said = read_cursor(cursor)
    return Place(
        phase=said.get("phase", first),
        titles=tuple(said.get("titles", ())),
        go=said.get("go", {}),
        part=said.get("part", 0),
        given=tuple(said.get("given", ())),
        found=said.get("found", False),
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """The pages of one answer in the wiki's order, and what to send along for those that follow."""

    pages: tuple[dict[str, Any], ...]
    more: Mapping[str, str]
    is_complete: bool


def told_by(answer: Answer) -> dict[str, Any]:
    """The answer's object; AnswerError for an error, which comes with status 200."""
    told = json_of(answer)
    if "error" not in told:
        return told
    code = text_of(at(told, "error", "code")) or "no code"
    detail = f"{code}: {plain_text(at(told, 'error', 'info')) or 'no words'}"
    if code.startswith(_TRY_AGAIN):
        raise AnswerError("source_unavailable", detail, then="retry")
    if code.startswith(_REFUSED):
        raise AnswerError("source_refuses", detail, then="stop")
    raise AnswerError("question_refused", detail)


def batch_of(answer: Answer) -> Batch:
    """The pages of an answer to `action=query`, of either format version."""
    told = told_by(answer)
    if not {"batchcomplete", "continue", "query"} & told.keys():
        raise AnswerError("unreadable_answer", "neither pages nor an end")
    more = _more(told.get("continue", {}))
    # With one file alone in its batch, this leads to the former versions of that file.
    if "iistart" in more:
        more = {}
    pages = at(told, "query", "pages")
    listed = objects(list(pages.values()) if isinstance(pages, dict) else pages)
    end = float("inf")
    ordered = sorted(listed, key=lambda page: end if (index := number_of(page.get("index"))) is None else index)
    return Batch(tuple(ordered), more, is_complete=is_flagged(told, "batchcomplete") or not more)


def _more(said: Any) -> dict[str, str]:
    """Every key of it, unchanged: half of it leads to other pages."""
    if not isinstance(said, dict):
        raise AnswerError("unreadable_answer", "its continuation is no object")
    more = {}
    for name, value in said.items():
        if isinstance(value, bool) or not isinstance(value, str | int) or not f"{name}{value}".isprintable():
            raise AnswerError("unreadable_answer", f"its continuation holds {type(value).__name__} for {name!r}")
        more[name] = str(value)
    return more


def after(place: Place, batch: Batch, *, found: bool) -> Place | None:
    """The next request of the same phase; None where it is at its end."""
    if batch.is_complete and place.titles:
        rest = place.titles[len(first_titles(place.titles)) :]
        return Place(place.phase, rest, found=place.found or found) if rest else None
    if not batch.more:
        return None
    if batch.more == place.go:
        raise AnswerError("cursor_repeats", f"{place.phase}: the continuation is the one that was sent")
    if batch.is_complete:
        return Place(place.phase, go=batch.more, found=place.found or found)
    if place.part + 1 >= MOST_PARTS:
        raise AnswerError("cursor_repeats", f"{place.phase}: one batch in more than {MOST_PARTS} parts")
    given = tuple(_label(page) for page in batch.pages if "imageinfo" in page)
    return Place(place.phase, place.titles, batch.more, place.part + 1, place.given + given, place.found or found)


def first_titles(titles: Sequence[str]) -> tuple[str, ...]:
    """As many of them as one request may name."""
    length, count = 0, 0
    for title in titles[:MOST_FILES]:
        length += len(quote(f"File:{title}|", safe=""))
        if count and length > MOST_TITLES_LENGTH:
            break
        count += 1
    return tuple(titles[:count])


def titles_asked(titles: Sequence[str]) -> dict[str, str]:
    """The question for them, by whatever name they go today."""
    return {"titles": "|".join(f"File:{title}" for title in first_titles(titles)), "redirects": "1"}


def is_title(name: str) -> bool:
    """Whether a page can be called so."""
    return bool(name) and name.isprintable() and not set(name) & set("#<>[]|{}")


def photo_name(title: Any) -> str | None:
    """`File:A_b.jpg`, or what a wiki's language makes of `File:`, as `A b.jpg`; None for what is no bitmap."""
    name = (_name(title) or "").replace("_", " ")
    return name if is_title(name) and name.lower().endswith(_BITMAPS) else None


def files_of(
    batch: Batch, place: Place, *, subject: Subject | None, taxon_name: str | None = None
) -> tuple[tuple[Listing, ...], tuple[Rejection, ...]]:
    """The files of a batch. One without imageinfo is left out while the batch goes on: it may come in the next part, or
    it came in an earlier one."""
    read = [
        file_of(page, subject=subject, taxon_name=taxon_name)
        for page in batch.pages
        if "imageinfo" in page or (batch.is_complete and _label(page) not in place.given)
    ]
    return (
        tuple(found for found in read if isinstance(found, Listing)),
        tuple(found for found in read if isinstance(found, Rejection)),
    )


def file_of(page: Mapping[str, Any], *, subject: Subject | None, taxon_name: str | None = None) -> Listing | Rejection:
    """One file: where it lives, under which licence, and by whom."""
    label = _label(page)
    if is_flagged(page, "missing") and not is_flagged(page, "known"):
        return Rejection(label, "hidden", "missing")
    info = next(iter(objects(page.get("imageinfo"))), None)
    if info is None or is_flagged(info, "filehidden") or is_flagged(info, "filemissing"):
        return Rejection(label, "hidden", "no imageinfo")
    if not _is_bitmap(page, info):
        return Rejection(label, "not_a_photo", text_of(info.get("mediatype")) or text_of(info.get("mime")) or "")
    original = _address(info.get("url"))
    if original is None:
        return Rejection(label, "no_url")
    home = _home(page, info)
    if home is None:
        return Rejection(label, "malformed", "whose file it is cannot be seen")
    source, source_key = home
    said = info.get("extmetadata")
    terms = licence_of(said)
    if (_words(said, "NonFree") or "false").lower() not in ("false", "0", "no"):
        return Rejection(label, "unfree", "NonFree")
    # A Wikipedia keeps at home what Commons may not have; free files there are the exception.
    if source == WIKIPEDIA and not terms.is_open:
        return Rejection(label, "unfree", terms.name)
    title, creator, page_url = _name(page.get("title")), _words(said, "Artist"), url_of(info.get("descriptionurl"))
    latitude, longitude = _coordinates(page, said)
    sha1 = _sha1(info.get("sha1"))
    return Listing(
        source=source,
        source_key=source_key,
        # A file that is overwritten keeps its page: its bytes are another edition.
        edition=sha1 or text_of(info.get("timestamp")) or "",
        original_url=original,
        licence=terms,
        page_url=page_url,
        attribution=_words(said, "Attribution") or licences.credit(terms, creator=creator, title=title, where=page_url),
        creator=creator,
        title=title,
        fallback_urls=_rendered(info),
        thumbnail_url=_address(info.get("thumburl")),
        subject_id=subject.subject_id if subject else None,
        size_bytes=bytes_of(info.get("size")),
        width_px=pixels_of(info.get("width")),
        height_px=pixels_of(info.get("height")),
        content_type=text_of(info.get("mime")),
        sha1=sha1,
        taxon_name=taxon_name,
        observed_on=taken_on(at(said, "DateTimeOriginal", "value")),
        latitude=latitude,
        longitude=longitude,
        prior_points=_prior_points(said),
    )


def licence_of(said: Any) -> Licence:
    """From the words of extmetadata alone. No words are no reservation either: unknown."""
    address = text_of(at(said, "LicenseUrl", "value"))
    words = [address, *(_words(said, name) for name in ("License", "LicenseShortName", "UsageTerms"))]
    return licences.licence(*([word for word in words if word] or [""]))


def taken_on(value: Any) -> date | None:
    """The day of DateTimeOriginal, a text for people in HTML: only where it names one whole day and nothing else."""
    if not isinstance(value, str):
        return None
    value = _cut(value)
    if day := day_of(_seen(value)):
        return day
    if len(elements := _TIME.findall(value)) == 1:
        around = _seen(_TIME.sub("", value))
        return day_of(elements[0]) if around in (None, "Taken on") else None
    statements = _STATEMENT.findall(value)
    return day_of(statements[0]) if len(statements) == 1 else None


def _home(page: Mapping[str, Any], info: Mapping[str, Any]) -> tuple[str, str] | None:
    """The source where the file lives, and its key there.

    The short address of a file of Commons holds its page id there, whoever was asked; so both sources name one photo
    alike. The page of the answer may be another: a redirect, or a Wikipedia's own comment on the file.
    """
    if short := _SHORT_URL.fullmatch(text_of(info.get("descriptionshorturl")) or ""):
        return COMMONS, short[1]
    page_id = text_of(page.get("pageid"))
    if page.get("imagerepository") == "shared" or page_id is None or not _PAGE_ID.fullmatch(page_id):
        return None
    host = urlsplit(url_of(info.get("descriptionurl")) or "").hostname or ""
    if host == "commons.wikimedia.org":
        return COMMONS, page_id
    wiki = _WIKIPEDIA_HOST.fullmatch(host)
    return (WIKIPEDIA, f"{wiki[1]}:{page_id}") if wiki else None


def _is_bitmap(page: Mapping[str, Any], info: Mapping[str, Any]) -> bool:
    """By the wiki's own word; by the name where the wiki was not asked for it."""
    if "mediatype" in info:
        return bool(info["mediatype"] == "BITMAP")
    return (
        photo_name(page.get("title")) is not None
        or photo_name(urlsplit(_address(info.get("url")) or "").path) is not None
    )


def _rendered(info: Mapping[str, Any]) -> tuple[str, ...]:
    """What the wiki made of a TIFF and the like. Only a large one: a thumbnail is no original."""
    rendered, width = _address(info.get("thumburl")), pixels_of(info.get("thumbwidth"))
    if rendered is None or width is None or width < LARGE_PX or info.get("mime") in (None, *_PLAIN_MIMES):
        return ()
    return (rendered,)


def _coordinates(page: Mapping[str, Any], said: Any) -> tuple[float, float] | tuple[None, None]:
    for point in objects(page.get("coordinates")):
        if point.get("globe", "earth") == "earth":
            return coordinates_of(point.get("lat"), point.get("lon"))
    return coordinates_of(at(said, "GPSLatitude", "value"), at(said, "GPSLongitude", "value"))


def _prior_points(said: Any) -> float:
    chosen = set((_words(said, "Assessments") or "").lower().split("|"))
    return 95.0 if chosen & {"quality", "featured"} else 90.0


def _words(said: Any, name: str) -> str | None:
    """A field of extmetadata as text: its tags go, and what its page does not show."""
    value = at(said, name, "value")
    return _seen(_cut(value)) if isinstance(value, str) else text_of(value)


def _seen(value: str) -> str | None:
    return plain_text(_UNSEEN.sub(" ", value))


def _cut(value: str) -> str:
    """The beginning of long HTML, not within a tag."""
    if len(value) <= MOST_HTML:
        return value
    kept = value[:MOST_HTML]
    return kept[: kept.rfind("<")] if kept.rfind("<") > kept.rfind(">") else kept


def _name(title: Any) -> str | None:
    """A file's name: no name holds a colon, so that what is before one is the namespace."""
    words = text_of(title) or ""
    return words.partition(":")[2].strip() or words or None


def _label(page: Mapping[str, Any]) -> str:
    """What to call a page in a rejection: pages that a wiki only borrows have no id."""
    return text_of(page.get("pageid")) or text_of(page.get("title")) or "?"


def _address(value: Any) -> str | None:
    """An address without the marks of a campaign."""
    address = url_of(value)
    if address is None or "utm_" not in address:
        return address
    parts = urlsplit(address)
    kept = "&".join(part for part in parts.query.split("&") if not part.startswith("utm_"))
    return urlunsplit(parts._replace(query=kept))


def _sha1(value: Any) -> str | None:
    return value.lower() if isinstance(value, str) and re.fullmatch(r"[0-9a-fA-F]{40}", value) else None


def is_flagged(page: Mapping[str, Any], flag: str) -> bool:
    """Flags are `true` in one format version and an empty text in the other."""
    return page.get(flag) not in (None, False)
