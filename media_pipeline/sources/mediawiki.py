"""What all wikis of Wikimedia are asked and answer alike: places of a walk, batches in parts, titles, errors.

What is not here: what an answer tells of a file (mediawiki_files.py), which wiki is asked for what, and in which order
(wikimedia_commons.py, wikipedia.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from media_pipeline.errors import AnswerError
from media_pipeline.sources.protocol import Answer, Limits
from media_pipeline.sources.reading import (
    as_cursor,
    at,
    json_of,
    number_of,
    objects,
    plain_text,
    read_cursor,
    text_of,
)

COMMONS: Final = "wikimedia_commons"
WIKIPEDIA: Final = "wikipedia"
# One identity has one allowance over all wikis: 200 requests a minute with a contact, 10 without.
LIMITS: Final = Limits(
    priority=85,
    requests_per_s=500 / 3600,
    fastest_per_s=200 / 60,
    budget="wikimedia",
    downloads=1,
    downloads_per_s=0.5,
    hosts=("upload.wikimedia.org", "commons.wikimedia.org"),
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
_TRY_AGAIN = ("maxlag", "ratelimited", "readonly", "internal_api_error_", "cirrussearch-", "badupstream", "timeout")
_REFUSED = ("blocked", "autoblocked", "globalblocking", "permissiondenied", "readapidenied", "mwoauth-")
_BITMAPS = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".tif", ".tiff")


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
    given = tuple(label_of(page) for page in batch.pages if "imageinfo" in page)
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
    name = (file_name(title) or "").replace("_", " ")
    return name if is_title(name) and name.lower().endswith(_BITMAPS) else None


def file_name(title: Any) -> str | None:
    """A file's name: no name holds a colon, so that what is before one is the namespace."""
    words = text_of(title) or ""
    return words.partition(":")[2].strip() or words or None


def label_of(page: Mapping[str, Any]) -> str:
    """What to call a page in a rejection: pages that a wiki only borrows have no id."""
    return text_of(page.get("pageid")) or text_of(page.get("title")) or "?"


def is_flagged(page: Mapping[str, Any], flag: str) -> bool:
    """Flags are `true` in one format version and an empty text in the other."""
    return page.get(flag) not in (None, False)
