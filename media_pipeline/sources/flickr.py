"""Flickr: photos of people who chose a Creative Commons licence, found by words, tags or place.

What it is  api.flickr.com, flickr.photos.search; needs MEDIA_FLICKR_KEY, which new customers get with a paid account
Terms       commercial use of the API needs Flickr's permission; an owner may take a photo back, which is to be honoured
Licence     a number per photo, 0 to 16; all but 0 (all rights reserved) are asked for, and what may be fetched is
            decided when it is fetched. The public feed without a key names no licence, so it is no source here
Limits      3,600 requests an hour; the image host refuses after some 20 originals, so one in 10 s
Paging      `page` of 500, or 250 near a place. Only the first 4,000 of a question are real: one with more is asked
            again for half of the time of upload, and so on; windows that are done grow again
Quirks      pages repeat photos, so the id is the key; errors come with HTTP 200 and `stat="fail"`, some as XML;
            numbers may be texts; 0/0 is no place; `datetaken` has no zone. Free accounts give files up to 1024 px
            only: larger addresses are not told, or are gone (410). Videos have pictures too
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Final, NoReturn
from urllib.parse import quote

from media_pipeline.errors import AnswerError
from media_pipeline.licences import credit, licence
from media_pipeline.records import Listing, Rejection, Subject
from media_pipeline.sources.options import ANY, NUMBER, chosen, list_of
from media_pipeline.sources.protocol import RECHECK, Answer, Known, Limits, Parsed, Request
from media_pipeline.sources.reading import (
    as_cursor,
    at,
    coordinates_of,
    cursor_of,
    day_of,
    json_of,
    looked_at_again,
    must_be_success,
    number_of,
    objects,
    pixels_of,
    read_cursor,
    text_of,
    url_of,
)

REST = "https://api.flickr.com/services/rest/"
REAL_RESULTS = 4000
PAGE_SIZE = 500
PAGE_SIZE_NEAR = 250
NEAR_KM = "2"
# Uploads from before Flickr began to after it can count: the whole of time.
FIRST_S: Final = 1_072_915_200
LAST_S: Final = 2**31 - 1
# Best first: `o` is the file as it was uploaded, `l` has 1024 px, which every account gives.
_SIZES: Final = ("o", "6k", "5k", "4k", "3k", "k", "h", "l")
_EXTRAS: Final = ",".join(
    (
        "license,owner_name,path_alias,date_taken,date_upload,last_update,tags,machine_tags,geo,o_dims,original_format",
        "media,description",
        *(f"url_{size}" for size in (*_SIZES, "c", "m")),
    )
)
_FIXED: Final = (
    ("license", ",".join(str(number) for number in range(1, 17))),
    ("media", "photos"),
    ("content_types", "0"),
    ("safe_search", "1"),
    ("sort", "date-posted-asc"),
    ("extras", _EXTRAS),
)
# What a subject may ask instead: `{"flickr": {"tags": "fungi,forest", "tag_mode": "all"}}`.
_WORDS: Final = ("text", "tags", "machine_tags", "user_id", "group_id")
_PLACE: Final = ("bbox", "lat", "lon", "radius")
_OPTIONS: Final = {
    **dict.fromkeys(_WORDS, ANY),
    **dict.fromkeys(_PLACE, NUMBER),
    "bbox": re.compile(rf"{NUMBER.pattern}(?:,{NUMBER.pattern}){{3}}"),
    "tag_mode": re.compile("any|all"),
    "license": list_of("[0-9]|1[0-6]"),
    "sort": re.compile(
        "date-posted-asc|date-posted-desc|date-taken-asc|date-taken-desc|interestingness-desc|relevance"
    ),
}
_ID = re.compile(r"[1-9][0-9]{0,17}")
_PHOTO = re.compile(
    r"https?://(?:(?:www\.)?flickr\.com/photos/[^/?#]+/(?P<page>[1-9][0-9]{0,17})(?:[/?#].*)?"
    r"|(?:live|farm[0-9]+|c[0-9]+)\.static\.?flickr\.com/(?:[0-9]+/)+(?P<file>[1-9][0-9]{0,17})_[0-9a-z]+(?:_[0-9a-z]+)?"
    r"\.[a-z]+(?:\?.*)?)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[0-9A-Za-z]{1,40}")
_TYPES: Final[Mapping[str, str]] = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif"}
# Codes of `stat="fail"`: not found, private, owner gone; our key or rights; the service itself.
_GONE: Final = ("1", "2", "5")
_REFUSED: Final = ("96", "97", "98", "99", "100")
_BROKEN: Final = ("0", "10", "105", "106", "201")


@dataclass(frozen=True, slots=True)
class Flickr:
    """The source `flickr`."""

    name: ClassVar[str] = "flickr"
    parser_version: ClassVar[str] = "1"
    key_parameter: ClassVar[str] = "api_key"
    recheck_batch: ClassVar[int] = 1
    limits: ClassVar[Limits] = Limits(
        priority=70,
        requests_per_s=1,
        fastest_per_s=1,
        downloads=1,
        downloads_per_s=0.1,
        hosts=("staticflickr.com", "static.flickr.com"),
        floor_px=1024,
    )

    def requests(self, subject: Subject, cursor: str) -> Request | None:
        """Photos whose title, words or tags name the subject; those near it, for a place that is on the map."""
        asked = chosen(subject, self.name, _OPTIONS)
        if not any(name in asked for name in _WORDS):
            asked["text"] = _words(subject)
        if subject.kind == "place" and subject.latitude is not None and not any(name in asked for name in _PLACE):
            asked |= {"lat": str(subject.latitude), "lon": str(subject.longitude), "radius": NEAR_KM}
        size = PAGE_SIZE_NEAR if any(name in asked for name in _PLACE) else PAGE_SIZE
        place = read_cursor(cursor)
        start, end = place.get("min", FIRST_S), place.get("max", LAST_S)
        window = {"min_upload_date": str(start)} if start > FIRST_S else {}
        window |= {"max_upload_date": str(end)} if end < LAST_S else {}
        paging = {"per_page": str(size), "page": str(place.get("page", 1))}
        return _question("search", {**dict(_FIXED), **asked, **window, **paging})

    def recheck(self, known: Sequence[Known]) -> Request:
        return _question("getInfo", {"photo_id": known[0].source_key})

    def parse(self, answer: Answer) -> Parsed:
        found = _object(answer)
        if found.get("stat") == "fail":
            code = text_of(found.get("code"))
            if answer.cursor == RECHECK and code in _GONE:
                return Parsed()
            _complain(code, text_of(found.get("message")))
        is_recheck = answer.cursor == RECHECK
        page = found.get("photo") if is_recheck else found.get("photos") or found.get("photoset")
        if found.get("stat") != "ok" or not isinstance(page, dict):
            raise AnswerError("unreadable_answer", "neither photos nor an error in it")
        if is_recheck:
            return looked_at_again(_parsed([_read(_as_searched(page), answer.subject)]))
        if not isinstance(page.get("photo"), list):
            raise AnswerError("unreadable_answer", "no list of photos in it")
        photos = {text_of(photo.get("id")): photo for photo in objects(page["photo"])}
        read = [_read(photo, answer.subject) for photo in photos.values()]
        return _parsed(read, next_cursor=_next(cursor_of(answer), page, is_empty=not read))


def photo_key_of(url: str) -> str | None:
    """The id of the photo that one of Flickr's addresses means, of its page or of a file in any size."""
    found = _PHOTO.fullmatch(url)
    return found and (found["page"] or found["file"])


def _words(subject: Subject) -> str:
    city = subject.city if subject.kind == "place" and subject.city and subject.city not in subject.name else None
    return " ".join(part for part in (subject.name, city) if part)


def _question(method: str, asked: Mapping[str, str]) -> Request:
    form = (("method", f"flickr.photos.{method}"), ("format", "json"), ("nojsoncallback", "1"))
    return Request(REST, (*form, *asked.items()))


def _next(place: Mapping[str, Any], page: Mapping[str, Any], *, is_empty: bool) -> str | None:
    """Half the window when it holds more than can be told; else its next page; else the window behind it.

    Windows meet in one second, because nobody says whether their ends belong to them.
    """
    start, end, number = place.get("min", FIRST_S), place.get("max", LAST_S), int(place.get("page", 1))
    total = number_of(page.get("total")) or 0
    if total > REAL_RESULTS and end - start >= 2:
        return as_cursor(min=start, max=start + (end - start) // 2, page=1)
    size = max(1.0, number_of(page.get("perpage")) or PAGE_SIZE)
    if not is_empty and number * size < min(total, REAL_RESULTS):
        return as_cursor(**{**place, "page": number + 1})
    if end < LAST_S:
        return as_cursor(min=end, max=min(LAST_S, end + 2 * (end - start)), page=1)
    return None


def _parsed(read: Sequence[Listing | Rejection], *, next_cursor: str | None = None) -> Parsed:
    return Parsed(
        tuple(item for item in read if isinstance(item, Listing)),
        tuple(item for item in read if isinstance(item, Rejection)),
        next_cursor,
    )


def _complain(code: str | None, message: str | None) -> NoReturn:
    told = f"Flickr's error {code}: {message}"
    if code in _REFUSED:
        raise AnswerError("source_refuses", f"{told}; look at MEDIA_FLICKR_KEY", then="stop")
    if code in _BROKEN:
        raise AnswerError("source_unavailable", told, then="retry")
    raise AnswerError("question_refused", told)


def _read(photo: Mapping[str, Any], subject: Subject | None) -> Listing | Rejection:
    key = text_of(photo.get("id")) or ""
    if not _ID.fullmatch(key):
        return Rejection(key, "malformed", "its id is no number")
    if (media := text_of(photo.get("media")) or "photo") != "photo":
        return Rejection(key, "not_a_photo", media)
    if text_of(photo.get("ispublic")) == "0":
        return Rejection(key, "hidden", "not public")
    urls = {size: url for size in _SIZES if (url := url_of(photo.get(f"url_{size}")))}
    if not urls:
        return Rejection(key, "no_url", "no file of the sizes o to l")
    best = next(iter(urls))
    said = text_of(photo.get("license"))
    terms = licence(f"flickr:{said}" if said else None)
    owner = text_of(photo.get("pathalias")) or text_of(photo.get("owner"))
    page = f"https://www.flickr.com/photos/{quote(owner, safe='@')}/{key}/" if owner else None
    creator, title = text_of(photo.get("ownername")), text_of(photo.get("title"))
    latitude, longitude = _place(photo)
    return Listing(
        source=Flickr.name,
        source_key=key,
        edition="",
        original_url=urls[best],
        fallback_urls=tuple(urls.values())[1:],
        licence=terms,
        page_url=page,
        attribution=credit(terms, creator=creator, title=title, where=page),
        creator=creator,
        title=title,
        thumbnail_url=url_of(photo.get("url_m")),
        subject_id=subject.subject_id if subject else None,
        width_px=pixels_of(photo.get(f"width_{best}")),
        height_px=pixels_of(photo.get(f"height_{best}")),
        content_type=_TYPES.get(urls[best].partition("?")[0].rpartition(".")[2].lower()),
        observed_on=_day(photo),
        latitude=latitude,
        longitude=longitude,
    )


def _place(photo: Mapping[str, Any]) -> tuple[float, float] | tuple[None, None]:
    """Nowhere is 0/0 with accuracy 0."""
    found = coordinates_of(photo.get("latitude"), photo.get("longitude"))
    return (None, None) if number_of(photo.get("accuracy")) == 0 or found == (0, 0) else found


def _day(photo: Mapping[str, Any]) -> date | None:
    """The day it was taken; None where that is the day of upload (unknown), or a month, a year, or about then."""
    if text_of(photo.get("datetakenunknown")) == "1" or text_of(photo.get("datetakengranularity")) != "0":
        return None
    return day_of(photo.get("datetaken"))


def _as_searched(info: Mapping[str, Any]) -> dict[str, Any]:
    """A photo of getInfo with the names that a search has for its fields.

    It tells no addresses, but what Flickr documents them to be made of.
    """
    server, key, secret = (text_of(info.get(name)) or "" for name in ("server", "id", "secret"))
    original, ending = (text_of(info.get(name)) or "" for name in ("originalsecret", "originalformat"))
    start = f"https://live.staticflickr.com/{server}/{key}_"
    urls = {
        "url_o": f"{start}{original}_o.{ending}" if all(map(_WORD.fullmatch, (server, original, ending))) else None,
        "url_l": f"{start}{secret}_b.jpg" if all(map(_WORD.fullmatch, (server, secret))) else None,
    }
    return {
        **urls,
        "id": key,
        "license": info.get("license"),
        "title": at(info, "title", "_content"),
        "owner": at(info, "owner", "nsid"),
        "ownername": at(info, "owner", "username"),
        "pathalias": at(info, "owner", "path_alias"),
        "media": info.get("media"),
        "ispublic": at(info, "visibility", "ispublic"),
        "datetaken": at(info, "dates", "taken"),
        "datetakengranularity": at(info, "dates", "takengranularity"),
        "datetakenunknown": at(info, "dates", "takenunknown"),
        "latitude": at(info, "location", "latitude"),
        "longitude": at(info, "location", "longitude"),
        "accuracy": at(info, "location", "accuracy"),
    }


def _object(answer: Answer) -> dict[str, Any]:
    """The answer's JSON object, or its XML in the same shape: errors come as XML even where JSON was asked for."""
    body = answer.body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not body.startswith(b"<"):
        return json_of(answer)
    must_be_success(answer)
    try:
        text = body.decode()
        if "<!DOCTYPE" in text:
            # Entities that are made of entities fill any memory, and Flickr's XML has none.
            raise AnswerError("unreadable_answer", "a page of HTML, or XML with a document type")
        root = ET.fromstring(text)  # noqa: S314 without a document type there is nothing to expand
    except (UnicodeDecodeError, ET.ParseError) as error:
        raise AnswerError("unreadable_answer", f"no XML: {error}; begins with {body[:40]!r}") from error
    wrong = root.find("err")
    if wrong is not None:
        return {"stat": root.get("stat"), "code": wrong.get("code"), "message": wrong.get("msg")}
    return {"stat": root.get("stat"), **{child.tag: _plain(child, 3) for child in root}} if root.tag == "rsp" else {}


def _plain(element: ET.Element, depth: int) -> dict[str, Any]:
    """Attributes and children by name, as the JSON of Flickr has them; no deeper than that goes."""
    plain: dict[str, Any] = {**element.attrib, **({"_content": element.text} if element.text else {})}
    if element.tag in ("photos", "photoset"):
        return {**plain, "photo": [_plain(child, 1) for child in element.iter("photo")]}
    return {**plain, **({child.tag: _plain(child, depth - 1) for child in element} if depth else {})}
