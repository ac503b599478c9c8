"""Openverse: openly licensed photos of many museums and sites, found by words; in place of Bing's image search.

What it is  api.openverse.org, a catalogue of other people's photos: the last resort, after the sources themselves
Terms       small live searches only, no copying of the catalogue; it says itself that licences must be verified
Licence     a code, a version and a link per photo. The licence filter lets others through, so each row is read: a link
            and a code that contradict each other are no licence
Limits      without a key 20 requests a minute and 200 a day
Paging      `page` of 20, to page 12: nothing is told behind the 240th photo
Quirks      `url` is often not the largest file of its source (Flickr's stop at 1024 px), while width and height may be
            the largest one's. A photo of Flickr or iNaturalist is listed as theirs, under their id, so that their own
            word goes before this one's. Asking for more than 20 at once is answered with 401
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from media_pipeline.errors import AnswerError
from media_pipeline.licences import credit, licence
from media_pipeline.records import Licence, Listing, Rejection, Subject
from media_pipeline.sources import flickr, inaturalist_photos
from media_pipeline.sources.options import ANY, chosen, list_of
from media_pipeline.sources.protocol import RECHECK, Answer, Known, Limits, Parsed, Request
from media_pipeline.sources.reading import (
    as_cursor,
    bytes_of,
    cursor_of,
    json_of,
    looked_at_again,
    number_of,
    objects,
    pixels_of,
    read_cursor,
    text_of,
    url_of,
)

IMAGES = "https://api.openverse.org/v1/images/"
PAGE_SIZE = 20
LAST_PAGE = 12
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# What a subject may add to the question: `{"openverse": {"category": "photograph"}}`.
_OPTIONS: Final = {
    "q": ANY,
    "source": list_of("[0-9a-z_.-]+"),
    "excluded_source": list_of("[0-9a-z_.-]+"),
    "category": list_of("photograph|illustration|digitized_artwork"),
    "size": list_of("small|medium|large"),
    "license": list_of("by|by-nc|by-nc-nd|by-nc-sa|by-nd|by-sa|cc0|nc-sampling[+]|pdm|sampling[+]"),
    "extension": list_of("[0-9a-z]+"),
    "aspect_ratio": list_of("tall|wide|square"),
}
# Providers that are sources here too: how to tell the photo's key there, from its page or file.
_OWNERS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "flickr": flickr.photo_key_of,
    "inaturalist": inaturalist_photos.photo_key_of,
}
_DRAWINGS: Final = ("illustration", "digitized_artwork")
_TYPES: Final[Mapping[str, str]] = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "tif": "image/tiff",
    "tiff": "image/tiff",
}
_NOT_PHOTOS: Final = ("svg", "pdf", "djvu", "djv")


@dataclass(frozen=True, slots=True)
class Openverse:
    """The source `openverse`."""

    name: ClassVar[str] = "openverse"
    parser_version: ClassVar[str] = "1"
    key_parameter: ClassVar[str] = ""
    recheck_batch: ClassVar[int] = 1
    limits: ClassVar[Limits] = Limits(
        priority=40,
        requests_per_s=1 / 3,
        fastest_per_s=1 / 3,
        requests_per_day=200,
        per_subject=PAGE_SIZE,
    )

    def requests(self, subject: Subject, cursor: str) -> Request | None:
        """A taxon by its name as a whole, a place by the words of its name and city."""
        asked = {"q": _words(subject), **chosen(subject, self.name, _OPTIONS)}
        return Request(
            IMAGES,
            (
                *asked.items(),
                ("mature", "false"),
                ("page_size", str(PAGE_SIZE)),
                ("page", str(read_cursor(cursor).get("page", 1))),
            ),
        )

    def recheck(self, known: Sequence[Known]) -> Request | None:
        """None for photos that were listed as their owner's: their key is none of Openverse's."""
        if not _UUID.fullmatch(known[0].source_key):
            return None
        return Request(f"{IMAGES}{known[0].source_key}/")

    def parse(self, answer: Answer) -> Parsed:
        if answer.cursor == RECHECK:
            if answer.status in (404, 410):
                return Parsed()
            return looked_at_again(_parsed([_read(json_of(answer), answer.subject)]))
        found = json_of(answer)
        if not isinstance(found.get("results"), list):
            raise AnswerError("unreadable_answer", "no `results` in it")
        page = int(cursor_of(answer).get("page", 1))
        is_last = page >= min(LAST_PAGE, number_of(found.get("page_count")) or 0)
        rows = [_read(row, answer.subject) for row in objects(found["results"])]
        return _parsed(rows, next_cursor=None if is_last else as_cursor(page=page + 1))


def _words(subject: Subject) -> str:
    if subject.kind == "taxon":
        return '"{}"'.format(subject.name.replace('"', " "))
    city = subject.city if subject.city and subject.city not in subject.name else None
    return " ".join(part for part in (subject.name, city) if part)


def _parsed(rows: Sequence[Listing | Rejection], *, next_cursor: str | None = None) -> Parsed:
    return Parsed(
        tuple(row for row in rows if isinstance(row, Listing)),
        tuple(row for row in rows if isinstance(row, Rejection)),
        next_cursor,
    )


def _read(row: Mapping[str, Any], subject: Subject | None) -> Listing | Rejection:
    key = (text_of(row.get("id")) or "").lower()
    if not _UUID.fullmatch(key):
        return Rejection(key, "malformed", "its id is no UUID")
    if row.get("mature") not in (False, None):
        return Rejection(key, "hidden", "marked as mature")
    url = url_of(row.get("url"))
    if url is None:
        return Rejection(key, "no_url")
    kind, category = text_of(row.get("filetype")) or "", text_of(row.get("category"))
    if category in _DRAWINGS or kind.lower() in _NOT_PHOTOS:
        return Rejection(key, "not_a_photo", category if category in _DRAWINGS else kind)
    page = url_of(row.get("foreign_landing_url"))
    source, source_key = _owner(text_of(row.get("provider")) or "", page, key)
    terms, creator, title = _licence(row), text_of(row.get("creator")), text_of(row.get("title"))
    return Listing(
        source=source,
        source_key=source_key,
        edition="",
        original_url=url,
        licence=terms,
        page_url=page,
        attribution=text_of(row.get("attribution")) or credit(terms, creator=creator, title=title, where=page),
        creator=creator,
        title=title,
        thumbnail_url=url_of(row.get("thumbnail")),
        subject_id=subject.subject_id if subject else None,
        size_bytes=bytes_of(row.get("filesize")),
        width_px=pixels_of(row.get("width")),
        height_px=pixels_of(row.get("height")),
        content_type=_TYPES.get(kind.lower()),
    )


def _owner(provider: str, page: str | None, key: str) -> tuple[str, str]:
    """The source whose photo it is, and its key there. Wikimedia's page ids are in no address: those stay ours."""
    if provider in _OWNERS and page and (found := _OWNERS[provider](page)):
        return provider, found
    return Openverse.name, key


def _licence(row: Mapping[str, Any]) -> Licence:
    link, code = text_of(row.get("license_url")), text_of(row.get("license"))
    if code is not None:
        version = text_of(row.get("license_version"))
        code = "-".join((f"cc-{code}" if code.startswith("by") else code, *([version] if version else ())))
    by_link, by_code = licence(link), licence(code)
    if link and code and by_code.family not in ("unknown", by_link.family) and by_link.family != "unknown":
        return licence(f"{code}, but {link}")
    return licence(link, code)
