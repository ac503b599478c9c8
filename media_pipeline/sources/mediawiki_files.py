"""Files of Wikimedia's wikis: whose they are, under which licence, by whom, and when and where they were taken.

What is not here: how the pages come that tell of them (mediawiki.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from media_pipeline import licences
from media_pipeline.errors import AnswerError
from media_pipeline.records import Licence, Listing, Rejection, Subject
from media_pipeline.sources.mediawiki import (
    COMMONS,
    WIKIPEDIA,
    Batch,
    Place,
    batch_of,
    file_name,
    is_flagged,
    label_of,
    photo_name,
)
from media_pipeline.sources.protocol import Answer, Parsed
from media_pipeline.sources.reading import (
    at,
    bytes_of,
    coordinates_of,
    day_of,
    looked_at_again,
    objects,
    pixels_of,
    plain_text,
    text_of,
    url_of,
)

# Longer HTML than any credit is: what follows is left out before it is searched for tags.
MOST_HTML = 8000
# A rendered file that can stand for an original that decoders may not know.
LARGE_PX = 1280

_PLAIN_MIMES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_SHORT_URL = re.compile(r"(?:https?:)?//commons\.wikimedia\.org/w/index\.php\?curid=([1-9][0-9]{0,14})")
_PAGE_ID = re.compile(r"[1-9][0-9]{0,14}")
_WIKIPEDIA_HOST = re.compile(r"([a-z][a-z0-9-]{0,30})\.wikipedia\.org")
_UNSEEN = re.compile(r"<(div|span)\b[^<>]*display:\s*none[^<>]*>.*?</\1>", re.DOTALL | re.IGNORECASE)
# What a whole day looks like to machines: a time element alone, or Wikidata's notation with precision 11 and no doubt.
_TIME = re.compile(r"<time\b[^<>]*\bdatetime=\"([^\"<>]*)\"[^<>]*>[^<>]*</time>", re.IGNORECASE)
_STATEMENT = re.compile(r">date QS:P(?:571)?,\+(\d{4}-\d\d-\d\d)T00:00:00Z/11\s*<")


def files_of(
    batch: Batch, place: Place, *, subject: Subject | None, taxon_name: str | None = None
) -> tuple[tuple[Listing, ...], tuple[Rejection, ...]]:
    """The files of a batch. One without imageinfo is left out while the batch goes on: it may come in the next part, or
    it came in an earlier one."""
    read = [
        file_of(page, subject=subject, taxon_name=taxon_name)
        for page in batch.pages
        if "imageinfo" in page or (batch.is_complete and label_of(page) not in place.given)
    ]
    return (
        tuple(found for found in read if isinstance(found, Listing)),
        tuple(found for found in read if isinstance(found, Rejection)),
    )


def files_known(answer: Answer) -> tuple[tuple[Listing, ...], tuple[Rejection, ...]]:
    """The files of a recheck; AnswerError for a part of them, which would make the others look gone."""
    batch = batch_of(answer)
    if not batch.is_complete or not batch.pages:
        raise AnswerError("unreadable_answer", "a part of what was asked about, or nothing")
    found = looked_at_again(Parsed(*files_of(batch, Place("recheck"), subject=None)))
    return found.listings, found.rejections


def file_of(page: Mapping[str, Any], *, subject: Subject | None, taxon_name: str | None = None) -> Listing | Rejection:
    """One file: where it lives, under which licence, and by whom."""
    label = label_of(page)
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
    if at(said, "NonFree") is not None and (_words(said, "NonFree") or "").lower() != "false":
        return Rejection(source_key, "unfree", "NonFree")
    # A Wikipedia keeps at home what Commons may not have; free files there are the exception.
    if source == WIKIPEDIA and not terms.is_open:
        return Rejection(source_key, "unfree", terms.name)
    title, creator, page_url = file_name(page.get("title")), _words(said, "Artist"), url_of(info.get("descriptionurl"))
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
    unclosed = kept.find("<", kept.rfind(">") + 1)
    return kept if unclosed < 0 else kept[:unclosed]


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
