"""What a search or a count may ask of the payload: eight frozen words, the same for both back ends.

Here: the words and what each refuses. Not here: their translation (edge.py, server.py). What they mean:

- A payload value that is a list matches when any of its elements does.
- A field that a point does not have matches nothing, so `Not` of it matches.
- `And(())` holds for every point; `Or(())`, `In(field, ())` and `Ids(frozenset())` for none.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
INT64 = range(-(2**63), 2**63)


def rfc3339(moment: datetime) -> str:
    """How a moment stands in a payload and in a filter: UTC, with microseconds only where there are any."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone: the index cannot know which moment it is")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Eq:
    """The field is, or holds, this keyword or whole number."""

    field: str
    value: str | int

    def __post_init__(self) -> None:
        _check_field(self.field)
        _check_value(self.field, self.value)


@dataclass(frozen=True, slots=True)
class In:
    """The field is, or holds, one of these; all keywords or all whole numbers."""

    field: str
    values: tuple[str, ...] | tuple[int, ...]

    def __post_init__(self) -> None:
        _check_field(self.field)
        for value in self.values:
            _check_value(self.field, value)
        if len({type(value) for value in self.values}) > 1:
            raise ValueError(f"{self.field}: {self.values!r} mixes keywords and numbers; join two In by Or")


@dataclass(frozen=True, slots=True)
class Range:
    """The field lies between these numbers, or between these moments; one bound for each end at most."""

    field: str
    gte: float | datetime | None = None
    gt: float | datetime | None = None
    lte: float | datetime | None = None
    lt: float | datetime | None = None

    def __post_init__(self) -> None:
        _check_field(self.field)
        bounds = [bound for bound in (self.gte, self.gt, self.lte, self.lt) if bound is not None]
        if not bounds:
            raise ValueError(f"{self.field}: a range without a bound")
        # Of two lower or two upper bounds Edge heeds one only: {lte: 0, lt: 0.5} found 0.25.
        if None not in (self.gte, self.gt) or None not in (self.lte, self.lt):
            raise ValueError(f"{self.field}: {bounds!r} bounds one end twice; give the tighter bound")
        if len({isinstance(bound, datetime) for bound in bounds}) > 1:
            raise ValueError(f"{self.field}: {bounds!r} mixes numbers and moments")
        for bound in bounds:
            if isinstance(bound, datetime):
                rfc3339(bound)
            elif isinstance(bound, bool) or not math.isfinite(bound):
                raise ValueError(f"{self.field}: {bound!r} is no bound; leave an open end out")

    @property
    def is_of_moments(self) -> bool:
        return any(isinstance(bound, datetime) for bound in (self.gte, self.gt, self.lte, self.lt))


@dataclass(frozen=True, slots=True)
class GeoRadius:
    """The field is a place `{"lat": …, "lon": …}` at most so many metres from here."""

    field: str
    lat: float
    lon: float
    metres: float

    def __post_init__(self) -> None:
        _check_field(self.field)
        if not (-90 <= self.lat <= 90 and -180 <= self.lon <= 180):
            raise ValueError(f"{self.field}: latitude {self.lat}, longitude {self.lon} is no place on Earth")
        if not (math.isfinite(self.metres) and self.metres > 0):
            raise ValueError(f"{self.field}: a radius of {self.metres} metres")


@dataclass(frozen=True, slots=True)
class Ids:
    """The point is one of these."""

    ids: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Filter


Filter: TypeAlias = Eq | In | Range | GeoRadius | Ids | And | Or | Not

NOTHING = Ids(frozenset())
# Both engines read a `should` without conditions as «everything», the opposite of what an empty Or says: whatever
# can be empty is turned into NOTHING before it is translated.


def _check_field(field: str) -> None:
    # A dot or bracket would be read as a path into the payload.
    if not FIELD.fullmatch(field):
        raise ValueError(f"{field!r} is no payload field: letters, digits and underscores")


def _check_value(field: str, value: str | int) -> None:
    if isinstance(value, bool):
        raise ValueError(f"{field}: {value!r} is a boolean, which Qdrant Edge never matches; store a keyword instead")
    if isinstance(value, int) and value not in INT64:
        raise ValueError(f"{field}: {value} needs more than 64 bits")
    if not isinstance(value, str | int):
        raise ValueError(f"{field}: {value!r} is neither a keyword nor a whole number; use Range for others")
