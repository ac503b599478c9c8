"""iNaturalist's open-data dump: the photos that have a licence, with their observations, all at once.

What it is  four tables, a month old at most: photos, observations, taxa, observers. MEDIA_INATURALIST_DUMP names them
Terms       as iNaturalist's API: its terms forbid training commercial models on its data (as third parties quote them:
            read them yourself); a photo's own licence holds besides. This is what its bulk users are asked to take
Licence     of each photo, upper case (`CC-BY-NC`; `PD` and `GFDL` in old rows). Codes name no version: 4.0 is meant
Limits      nothing is asked but for the dump itself, where it is named by a URL: once in 30 days. The photos come from
            iNaturalist's bucket, within iNaturalist's limits on bytes
Paging      one page for each edition of the dump and each set of subjects: what was looked for, and in which files. The
            dump itself is not copied into the library, and is read where it lies
Quirks      its photos are listings of `inaturalist`, and what the API says of one goes before the dump; observations
            have a uuid here and a number there, so that one in both is known by two ids; a photo may be in several
            observations, and takes what it tells from one of research grade; whether coordinates are obscured is not
            said; rows and bucket drift apart: a photo may be gone; a photo whose licence was taken back is in no later
            edition; an original has at most 2048 px; files called csv are separated by tabs, and nothing in them is
            quoted

What is not here: the files (stores/dumps.py), their join (stores/open_data.py), the reading of a whole dump
(orchestration/open_data.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, ClassVar, Final, NamedTuple

from media_pipeline.errors import AnswerError
from media_pipeline.licences import credit, licence
from media_pipeline.records import Licence, Listing, Rejection
from media_pipeline.sources.inaturalist import INaturalist
from media_pipeline.sources.inaturalist_photos import ID, LONGEST_PX
from media_pipeline.sources.protocol import Answer, Limits, Parsed
from media_pipeline.sources.reading import coordinates_of, day_of, number_of, pixels_of, text_of

# The files, and the columns of each that are read; there may be more, in any order.
FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "photos": ("photo_id", "observation_uuid", "observer_id", "extension", "license", "width", "height"),
    "observations": (
        "observation_uuid",
        "latitude",
        "longitude",
        "positional_accuracy",
        "taxon_id",
        "quality_grade",
        "observed_on",
    ),
    "taxa": ("taxon_id", "ancestry", "rank", "name", "active"),
    "observers": ("observer_id", "login", "name"),
}
# What the dump calls licences; anything else that stands there is unknown.
LICENCES: Final = ("CC0", "CC-BY", "CC-BY-SA", "CC-BY-ND", "CC-BY-NC", "CC-BY-NC-SA", "CC-BY-NC-ND", "PD", "GFDL")

_BUCKET: Final = "https://inaturalist-open-data.s3.amazonaws.com/photos"
_PAGE: Final = "https://www.inaturalist.org/photos"
_EXTENSION = re.compile(r"[A-Za-z0-9]{1,5}")
_PRIOR: Final[Mapping[str | None, float]] = {"research": 95, "needs_id": 88, "casual": 80}


class Row(NamedTuple):
    """One photo in one observation, wanted for one subject; all as it stands in the dump.

    A known photo that is of no subject any more has neither observation nor subject.
    """

    photo_id: str
    observation_uuid: str | None
    subject_id: str | None
    taxon_name: str | None
    extension: str | None
    licence: str | None
    width: str | None
    height: str | None
    latitude: str | None
    longitude: str | None
    positional_accuracy: str | None
    quality_grade: str | None
    observed_on: str | None
    observer: str | None
    # Told of before: it counts whatever its licence is today.
    is_known: bool = False


_LICENCE, _IS_KNOWN = Row._fields.index("licence"), Row._fields.index("is_known")


@dataclass(frozen=True, slots=True)
class INaturalistOpenData:
    """The source `inaturalist_open_data`."""

    name: ClassVar[str] = "inaturalist_open_data"
    parser_version: ClassVar[str] = "1"
    # Of the dump, where it is named by a URL: Amazon serves it as open data.
    limits: ClassVar[Limits] = Limits(priority=INaturalist.limits.priority, requests_per_s=1, fastest_per_s=1)

    def parse(self, answer: Answer) -> Parsed:
        """Rows as JSON, those of one photo side by side. A whole dump is read by `photos_of`, in the same words."""
        try:
            rows = [Row(*row) for row in json.loads(answer.body)]
        except (ValueError, TypeError) as error:
            raise AnswerError("unreadable_answer", f"no rows of the dump: {error}") from error
        found = list(photos_of(rows))
        return Parsed(
            tuple(item for item in found if isinstance(item, Listing)),
            tuple(item for item in found if isinstance(item, Rejection)),
        )


def licence_codes(families: Iterable[str]) -> tuple[str, ...]:
    """What stands in the dump for licences of these families."""
    wanted = frozenset(families)
    return tuple(code for code in LICENCES if _licence(code).family in wanted)


def wanted_of(rows: Iterable[Sequence[Any]], families: Collection[str]) -> Iterator[Sequence[Any]]:
    """The rows under licences of these families, and those of known photos."""
    return (row for row in rows if row[_IS_KNOWN] or _licence(_text(row[_LICENCE]) or "").family in families)


def photos_of(rows: Iterable[Sequence[Any]]) -> Iterator[Listing | Rejection]:
    """What the rows (each a `Row`) say; those of one photo are side by side, and the one that speaks for it is first.

    A photo that is wanted for two subjects is told twice, the same but for the subject and its observations.
    """
    for _, group in groupby(rows, itemgetter(0)):
        first, *others = group
        told = _listing(Row(*first))
        if isinstance(told, Rejection) or not others:
            yield told
            continue
        seen: dict[str | None, dict[str, None]] = {}
        for row in (first, *others):
            seen.setdefault(row[2], {}).update({row[1]: None} if row[1] else {})
        for subject_id, observations in seen.items():
            yield replace(told, subject_id=subject_id, observation_ids=tuple(observations))


def _listing(row: Row) -> Listing | Rejection:
    key, extension = row.photo_id, row.extension
    if not ID.fullmatch(key):
        return Rejection(key[:80], "malformed", "its photo_id is no number")
    if extension and not _EXTENSION.fullmatch(extension):
        return Rejection(key, "malformed", f"its extension is {extension[:40]!r}")
    given = _licence(_text(row.licence) or "")
    creator = _text(row.observer)
    page_url = f"{_PAGE}/{key}"
    before, behind = _credit(given, creator)
    file, ending = f"{_BUCKET}/{key}/", f".{extension}" if extension else ""
    width, height = _served(row.width, row.height)
    latitude, longitude = coordinates_of(row.latitude, row.longitude)
    return Listing(
        source=INaturalist.name,
        source_key=key,
        edition="",
        original_url=f"{file}original{ending}",
        fallback_urls=(f"{file}large{ending}",),
        thumbnail_url=f"{file}small{ending}",
        page_url=page_url,
        licence=given,
        attribution=f"{before}{page_url}{behind}",
        creator=creator,
        subject_id=row.subject_id,
        width_px=width,
        height_px=height,
        taxon_name=_text(row.taxon_name),
        observation_ids=(row.observation_uuid,) if row.observation_uuid else (),
        observed_on=_day(row.observed_on),
        latitude=latitude,
        longitude=longitude,
        coordinate_uncertainty_m=_metres(row.positional_accuracy),
        prior_points=_PRIOR.get(row.quality_grade),
    )


# A dump tells the same few words, days and sizes millions of times: to read each once halves the time of a row.
_text = lru_cache(maxsize=10_000)(text_of)
_day = lru_cache(maxsize=10_000)(day_of)


@lru_cache(maxsize=10_000)
def _metres(said: str | None) -> float | None:
    found = number_of(said)
    return found if found and found > 0 else None


@lru_cache(maxsize=10_000)
def _credit(given: Licence, creator: str | None) -> tuple[str, str]:
    """The sentence to print beside each photo of a creator, before and behind the address of its page."""
    before, _, behind = credit(given, creator=creator, where=_PAGE).rpartition(_PAGE)
    return before, behind


@lru_cache(maxsize=256)
def _licence(code: str) -> Licence:
    """The GFDL has other versions than Creative Commons, and they are not said."""
    return licence(code, version="4.0")


@lru_cache(maxsize=10_000)
def _served(said_width: str | None, said_height: str | None) -> tuple[int, int] | tuple[None, None]:
    """The size of the file that `original` names: what was larger was made smaller."""
    width, height = pixels_of(said_width), pixels_of(said_height)
    if width is None or height is None:
        return None, None
    longest = max(width, height)
    if longest <= LONGEST_PX:
        return width, height
    return max(1, round(width * LONGEST_PX / longest)), max(1, round(height * LONGEST_PX / longest))
