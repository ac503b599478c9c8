"""Mushroom Observer: photos of fungi, with the names that people agree on.

What it is  mushroomobserver.org, API 2: 1.7 million photos of 0.5 million observations; taxa only, no places
Terms       the API is for small live look-ups, not for scraping or image recognition: whole catalogues come from the
            nightly CSVs (`read_images_csv`). Volunteers run it, and may block without notice
Licence     a sentence per photo («Creative Commons Non-commercial v3.0» is CC-BY-NC-SA-3.0 by its own link); photos
            with `ok_for_export=false` are rejected
Limits      20 requests a minute, so one in 5 s; photos one at a time, the 1280 px file of each: originals lie in paid
            archive storage, and are asked for only where a subject says `{"mushroom_observer": {"size": "orig"}}`
Paging      `page`, 100 photos each, up to `number_of_pages`
Quirks      errors come with HTTP 200 and `fatal` is the text "true"; an unknown name is an error, and so is an unknown
            parameter; one missing id spoils a whole batch, so photos are rechecked one by one. Width and height are
            the original's. A photo does not tell which name its observation has, nor where it was taken
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, NoReturn

from media_pipeline.errors import AnswerError
from media_pipeline.licences import credit, licence
from media_pipeline.records import Listing, Rejection, Subject
from media_pipeline.sources.options import chosen
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
    objects,
    pixels_of,
    read_cursor,
    text_of,
    url_of,
)

SITE = "https://mushroomobserver.org"
IMAGES = f"{SITE}/api2/images"
SERVED_PX: Final = 1280
# Best first. `orig` is not among them: its reads cost the site money.
_SIZES: Final = ("1280", "960", "640")
_SIZE_IN_URL = re.compile(r"/(thumb|320|640|960|1280|orig)/\d+\.\w+(?:\?.*)?$", re.ASCII)
# The largest to take.
_OPTIONS: Final = {"size": re.compile("orig|1280")}
_ID = re.compile(r"[1-9][0-9]{0,17}")
# At these ranks people name the photo itself; above them it is named after one of the taxa below.
_NARROW_RANKS: Final = (None, "species", "subspecies", "variety", "form")
_UNKNOWN: Final = ("ObjectNotFoundByString", "ObjectNotFoundById", "NameDoesntParse", "AmbiguousName")
_REFUSED: Final = ("BadAPIKey", "APIKeyNotVerified", "UserNotVerified", "UserAccountBlocked", "MustAuthenticate")
_BROKEN: Final = ("RenderFailed", "QueryError")


@dataclass(frozen=True, slots=True)
class MushroomObserver:
    """The source `mushroom_observer`."""

    name: ClassVar[str] = "mushroom_observer"
    parser_version: ClassVar[str] = "1"
    key_parameter: ClassVar[str] = ""
    recheck_batch: ClassVar[int] = 1
    limits: ClassVar[Limits] = Limits(
        priority=90,
        requests_per_s=0.2,
        fastest_per_s=1 / 3,
        downloads=1,
        downloads_per_s=0.2,
        hosts=("mushroomobserver.org",),
        per_subject=100,
        floor_px=SERVED_PX,
    )

    def requests(self, subject: Subject, cursor: str) -> Request | None:
        """Photos of observations that are called so now, or by a synonym."""
        if subject.kind != "taxon":
            return None
        chosen(subject, self.name, _OPTIONS)
        name = subject.source_ids.get(self.name) or subject.name
        below = () if subject.rank in _NARROW_RANKS else (("include_subtaxa", "true"),)
        return _question(
            # A list to them: a comma would end the name, and a backslash hides it.
            ("name", re.sub(r"([\\,])", r"\\\1", name)),
            ("include_synonyms", "true"),
            *below,
            ("page", str(read_cursor(cursor).get("page", 1))),
        )

    def recheck(self, known: Sequence[Known]) -> Request:
        return _question(("id", ",".join(listing.source_key for listing in known)))

    def parse(self, answer: Answer) -> Parsed:
        found = json_of(answer)
        fatal = [error for error in objects(found.get("errors")) if str(error.get("fatal")).lower() == "true"]
        if fatal:
            if answer.cursor == RECHECK and _code(fatal[0]) == "ObjectNotFoundById":
                return Parsed()
            _complain(fatal[0])
        if not isinstance(found.get("results"), list):
            raise AnswerError("unreadable_answer", "neither `results` nor `errors` in it")
        read = [_read(image, answer.subject) for image in objects(found["results"])]
        parsed = Parsed(
            tuple(item for item in read if isinstance(item, Listing)),
            tuple(item for item in read if isinstance(item, Rejection)),
        )
        if answer.cursor == RECHECK:
            if len(read) < len(found["results"]):
                raise AnswerError("unreadable_answer", "images that are no objects")
            return looked_at_again(parsed)
        page = int(cursor_of(answer).get("page", 1))
        is_last = page >= (number_of(found.get("number_of_pages")) or 0)
        return parsed if is_last else replace(parsed, next_cursor=as_cursor(page=page + 1))


def _question(*params: tuple[str, str]) -> Request:
    return Request(IMAGES, (("format", "json"), ("detail", "high"), *params))


def _code(error: Mapping[str, Any]) -> str:
    """`API2::NameDoesntParse` without its module."""
    return (text_of(error.get("code")) or "").rpartition(":")[2]


def _complain(error: Mapping[str, Any]) -> NoReturn:
    code, told = _code(error), f"{text_of(error.get('code'))}: {text_of(error.get('details'))}"
    if code in _UNKNOWN:
        raise AnswerError("unknown_subject", told)
    if code in _REFUSED:
        raise AnswerError("source_refuses", told, then="stop")
    if code in _BROKEN:
        raise AnswerError("source_unavailable", told, then="retry")
    raise AnswerError("question_refused", told)


def _read(image: Mapping[str, Any], subject: Subject | None) -> Listing | Rejection:
    key = text_of(image.get("id")) or ""
    if not _ID.fullmatch(key):
        return Rejection(key, "malformed", "its id is no number")
    if image.get("ok_for_export") is not True:
        return Rejection(key, "not_for_export")
    kind = text_of(image.get("content_type"))
    if kind is not None and not kind.startswith("image/"):
        return Rejection(key, "not_a_photo", kind)
    sizes = _sizes(image)
    served = [sizes[size] for size in _SIZES if size in sizes]
    wants_original = subject is not None and at(subject.options, "mushroom_observer", "size") == "orig"
    original = url_of(image.get("original_url")) or sizes.get("orig") if wants_original else None
    urls = [original, *served] if original else served
    if not urls:
        return Rejection(key, "no_url", "none of 1280, 960, 640 among its files")
    width, height = pixels_of(image.get("width")), pixels_of(image.get("height"))
    if not original:
        width, height = _shrunk(width, height)
    observations = image.get("observation_ids")
    said = _listing(
        key,
        urls,
        said=text_of(image.get("license")),
        creator=text_of(image.get("copyright_holder"))
        or text_of(at(image, "owner", "legal_name"))
        or text_of(at(image, "owner", "login_name")),
    )
    return replace(
        said,
        subject_id=subject.subject_id if subject else None,
        thumbnail_url=sizes.get("320"),
        width_px=width,
        height_px=height,
        content_type=kind if original else "image/jpeg",
        observation_ids=tuple(
            one
            for one in map(text_of, observations if isinstance(observations, list) else ())
            if one and _ID.fullmatch(one)
        ),
        observed_on=day_of(image.get("date")),
        prior_points=_points(number_of(image.get("quality"))),
    )


def _listing(key: str, urls: Sequence[str], *, said: str | None, creator: str | None) -> Listing:
    page, terms = f"{SITE}/images/{key}", licence(said)
    return Listing(
        source=MushroomObserver.name,
        source_key=key,
        edition="",
        original_url=urls[0],
        fallback_urls=tuple(urls[1:]),
        page_url=page,
        licence=terms,
        creator=creator,
        attribution=credit(terms, creator=creator, where=page),
        content_type="image/jpeg",
    )


def _sizes(image: Mapping[str, Any]) -> dict[str, str]:
    """The addresses of its files, by size. With the `?time` behind them: a turned photo keeps its address."""
    files = image.get("files")
    urls = [url for url in map(url_of, files if isinstance(files, list) else ()) if url]
    return {found[1]: url for url in urls if (found := _SIZE_IN_URL.search(url))}


def _shrunk(width: int | None, height: int | None) -> tuple[int, int] | tuple[None, None]:
    """The size of the 1280 px file of an original: a smaller one is not enlarged."""
    if width is None or height is None:
        return None, None
    scale = min(1.0, SERVED_PX / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _points(quality: float | None) -> float:
    """80 to 95, from votes of 1 (useful) to 4 (great); a photo without votes is not thought better than a poor one."""
    return min(95.0, max(80.0, 75.0 + 5.0 * (quality or 0.0)))


def read_images_csv(images: bytes, observations: bytes = b"") -> Parsed:
    """Listings of the nightly images.csv, for whole catalogues; date, place and confidence of those photos that stand
    for their observation in observations.csv.

    The files have no addresses and no cache key: the 1280 px file is named by its id.
    """
    seen = {row.get("thumb_image_id", ""): row for row in _rows(observations)}
    read = [_read_row(row, seen.get(row.get("id", ""), {})) for row in _rows(images)]
    return Parsed(
        tuple(item for item in read if isinstance(item, Listing)),
        tuple(item for item in read if isinstance(item, Rejection)),
    )


def _rows(table: bytes) -> list[dict[str, str]]:
    """Rows by column. «NULL» is left out; ` alt` has lost its blank. No csv.reader: quotes are letters here."""
    header, *rows = [line.rstrip("\r").split("\t") for line in table.decode(errors="replace").split("\n")]
    columns = [column.strip() for column in header]
    return [
        {column: cell for column, cell in zip(columns, row, strict=False) if cell != "NULL"}
        for row in rows
        if row != [""]
    ]


def _read_row(row: Mapping[str, str], observation: Mapping[str, str]) -> Listing | Rejection:
    key = row.get("id", "")
    if not _ID.fullmatch(key):
        return Rejection(text_of(key) or "", "malformed", "its id is no number")
    if row.get("ok_for_export") != "1":
        return Rejection(key, "not_for_export")
    if not row.get("content_type", "image/").startswith("image/"):
        return Rejection(key, "not_a_photo", row["content_type"])
    urls = [f"{SITE}/images/{size}/{key}.jpg" for size in _SIZES]
    said = _listing(key, urls, said=text_of(row.get("license")), creator=text_of(row.get("copyright_holder")))
    latitude, longitude = coordinates_of(observation.get("lat"), observation.get("lng"))
    vote = number_of(observation.get("vote_cache"))
    return replace(
        said,
        thumbnail_url=f"{SITE}/images/320/{key}.jpg",
        observation_ids=(observation["id"],) if _ID.fullmatch(observation.get("id", "")) else (),
        observed_on=day_of(observation.get("when")),
        latitude=latitude,
        longitude=longitude,
        # What is hidden is rounded to whole degrees.
        is_obscured=latitude is not None and latitude.is_integer() and longitude is not None and longitude.is_integer(),
        # Votes go from -3, «as if!», to 3, «I'd call it that».
        species_confidence=None if vote is None else min(1.0, max(0.0, (vote + 3) / 6)),
    )
