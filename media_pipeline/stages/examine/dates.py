"""When a picture was taken: all that say so, weighed; one chosen, and what makes it doubtful. Pure.

No zone is made up. `taken_at` is the clock as the chosen one wrote it. Its offset is known only where it was written; a
time in UTC has offset 0 and no local clock. What the GPS clock tells about the zone is a note: a camera that is set to
the wrong hour looks the same. What is not here: how dates are written (stamps.py), who said them (facts.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal

from media_pipeline.stages.examine.stamps import Stamp, quarter_hours_min

DateSource = Literal[
    "exif_original",
    "exif_digitized",
    "exif_modified",
    "gps",
    "xmp_original",
    "xmp_created",
    "xmp_file_created",
    "iptc_created",
    "file_name",
    "messenger_name",
    "source_observed_at",
    "source_observed_on",
    "listed_at",
]
Suspicion = Literal["future", "before_photography", "camera_default", "after_listing", "candidates_apart"]


@dataclass(frozen=True, slots=True)
class Rank:
    """How far one kind of date is believed when nothing speaks for or against it.

    A witness knows when the shutter opened; the others know of a scan, an edit, a message, an upload, and being later
    is no contradiction. Those of one family copy each other: that they agree says nothing.
    """

    source: DateSource
    confidence_percent: int
    family: Literal["camera", "receiver", "caption", "name", "source", "listing"]
    is_witness: bool = False


# In the order in which equals are preferred.
RANKS: Final = (
    Rank("exif_original", 95, "camera", is_witness=True),
    Rank("gps", 85, "receiver", is_witness=True),
    Rank("xmp_original", 85, "camera", is_witness=True),
    Rank("exif_digitized", 80, "camera"),
    Rank("source_observed_at", 75, "source", is_witness=True),
    Rank("iptc_created", 75, "caption", is_witness=True),
    Rank("xmp_created", 75, "caption", is_witness=True),
    Rank("source_observed_on", 70, "source", is_witness=True),
    Rank("file_name", 70, "name", is_witness=True),
    Rank("xmp_file_created", 60, "camera"),
    Rank("exif_modified", 45, "camera"),
    Rank("messenger_name", 40, "name"),
    Rank("listed_at", 10, "listing"),
)
BY_SOURCE: Final = {rank.source: rank for rank in RANKS}

AGREES_POINTS: Final = 2
CONTRADICTS_POINTS: Final = -25
MOST_PERCENT: Final = 99
# From 95 on people call a date certain: that is for a camera's own, with nothing against it.
MOST_PERCENT_OF_OTHERS: Final = 94
IMPLAUSIBLE_PERCENT: Final = 5

DAY: Final = timedelta(days=1)
# Clocks of cameras and receivers drift; more than this is no agreement.
SAME: Final = timedelta(minutes=10)
# Where a day begins first its clocks are so far before UTC.
EARLIEST_ZONE: Final = timedelta(hours=14)
FIRST_PHOTOGRAPH: Final = date(1826, 1, 1)
# Where the clocks of cameras start when their battery was empty. On the others' first day only midnight is suspicious.
DEFAULT_DAYS: Final = frozenset({date(1970, 1, 1), date(1980, 1, 1), date(2000, 1, 1)})
CLOCKS_WITH_DEFAULTS: Final = frozenset({"camera", "receiver"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One date, and who says it."""

    source: DateSource
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Judged:
    """One candidate weighed; `doubt` is why it cannot be."""

    candidate: Candidate
    confidence_percent: int
    doubt: Suspicion | None
    is_contradicted: bool

    @property
    def rank(self) -> Rank:
        return BY_SOURCE[self.candidate.source]


def dates(candidates: Sequence[Candidate], *, now: datetime | None) -> tuple[dict[str, Any], list[str]]:
    """The date columns of a row of `metadata`, and notes. Without `now` nothing is called future."""
    doubts = {each: _doubt(each, candidates, now=now) for each in candidates}
    if not doubts:
        return dict.fromkeys(COLUMNS) | {"date_candidates": [], "date_confidence_percent": 0}, []
    # What cannot be is no evidence against the others.
    plausible = [each for each, doubt in doubts.items() if doubt is None]
    judged = [_judged(each, plausible, doubt=doubt) for each, doubt in doubts.items()]
    judged.sort(key=lambda each: (-each.confidence_percent, RANKS.index(each.rank)))
    chosen = judged[0]
    known = _with_offset(chosen.candidate.stamp, candidates)
    columns = {
        "taken_at": known.clock,
        "taken_at_utc": known.utc,
        "taken_at_offset_min": known.offset_min,
        "date_confidence_percent": chosen.confidence_percent,
        "date_provenance": chosen.candidate.source,
        "date_candidates": [_as_json(each) for each in judged],
        "date_suspicion": _suspicion(judged),
    }
    return columns, _notes(known, candidates)


COLUMNS: Final = (
    "taken_at",
    "taken_at_utc",
    "taken_at_offset_min",
    "date_confidence_percent",
    "date_provenance",
    "date_candidates",
    "date_suspicion",
)


def _judged(candidate: Candidate, plausible: Sequence[Candidate], *, doubt: Suspicion | None) -> Judged:
    rank = BY_SOURCE[candidate.source]
    if doubt:
        return Judged(candidate, IMPLAUSIBLE_PERCENT, doubt, is_contradicted=False)
    agreeing = {BY_SOURCE[each.source].family for each in plausible if _agree(candidate.stamp, each.stamp)}
    contradicting = {
        BY_SOURCE[each.source].family
        for each in plausible
        if rank.is_witness and BY_SOURCE[each.source].is_witness and _apart(candidate.stamp, each.stamp)
    }
    points = rank.confidence_percent + AGREES_POINTS * len(agreeing - {rank.family})
    points += CONTRADICTS_POINTS * len(contradicting)
    most = MOST_PERCENT if rank.source == "exif_original" else MOST_PERCENT_OF_OTHERS
    return Judged(candidate, max(IMPLAUSIBLE_PERCENT, min(points, most)), None, bool(contradicting))


def _doubt(candidate: Candidate, candidates: Sequence[Candidate], *, now: datetime | None) -> Suspicion | None:
    stamp = candidate.stamp
    if now is not None and _is_future(_with_offset(stamp, candidates), now):
        return "future"
    if stamp.clock.date() < FIRST_PHOTOGRAPH:
        return "before_photography"
    rank = BY_SOURCE[candidate.source]
    if rank.family in CLOCKS_WITH_DEFAULTS and _is_default(stamp.clock):
        return "camera_default"
    listed = [each.stamp for each in candidates if each.source == "listed_at"]
    if rank.is_witness and any(each.utc is not None and _after(stamp, each.utc) for each in listed):
        return "after_listing"
    return None


def _is_future(stamp: Stamp, now: datetime) -> bool:
    """Later than it is anywhere on Earth; where the zone is known, than it is there."""
    ahead = (stamp.utc or stamp.clock.replace(tzinfo=UTC)) - now.astimezone(UTC)
    return ahead > (EARLIEST_ZONE if stamp.utc is None else SAME)


def _after(stamp: Stamp, instant: datetime) -> bool:
    """More than a day later: sources tell their days in zones of their own."""
    return (stamp.utc or stamp.clock.replace(tzinfo=UTC)) - instant.astimezone(UTC) > DAY


def _is_default(clock: datetime) -> bool:
    new_year = (clock.month, clock.day) == (1, 1)
    return clock.date() in DEFAULT_DAYS or (new_year and (clock.hour, clock.minute, clock.second) == (0, 0, 0))


def _agree(one: Stamp, other: Stamp) -> bool:
    if one.is_day or other.is_day:
        return one.clock.date() == other.clock.date()
    if one.utc is not None and other.utc is not None:
        return abs(one.utc - other.utc) <= SAME
    if one.offset_min == other.offset_min or abs(one.clock - other.clock) <= SAME:
        return abs(one.clock - other.clock) <= SAME
    local, zoned = (one, other) if one.offset_min is None else (other, one)
    return zoned.utc is not None and quarter_hours_min(local.clock, zoned.utc.replace(tzinfo=None)) is not None


def _apart(one: Stamp, other: Stamp) -> bool:
    if one.is_day or other.is_day:
        return abs(one.clock.date() - other.clock.date()) > DAY
    if one.utc is not None and other.utc is not None:
        return abs(one.utc - other.utc) > DAY
    return abs(one.clock - other.clock) > DAY


def _with_offset(stamp: Stamp, candidates: Sequence[Candidate]) -> Stamp:
    """The same, with the offset that it lacks where another tells it."""
    return Stamp(stamp.clock, _offset_said_elsewhere(stamp, candidates), stamp.is_day) if stamp.utc is None else stamp


def _offset_said_elsewhere(stamp: Stamp, candidates: Sequence[Candidate]) -> int | None:
    """The same clock written again, with its offset. Not 0: programs write `Z` behind local clocks."""
    if stamp.is_day:
        return None
    clock = stamp.clock.replace(microsecond=0)
    said = {
        each.stamp.offset_min
        for each in candidates
        if each.stamp.offset_min and not each.stamp.is_day and each.stamp.clock.replace(microsecond=0) == clock
    }
    return said.pop() if len(said) == 1 else None


def _suspicion(judged: Sequence[Judged]) -> Suspicion | None:
    """The chosen one's; else that of the one which would have been chosen; else that they are apart."""
    likeliest = min(judged, key=lambda each: RANKS.index(each.rank))
    return judged[0].doubt or likeliest.doubt or ("candidates_apart" if judged[0].is_contradicted else None)


def _notes(chosen: Stamp, candidates: Sequence[Candidate]) -> list[str]:
    notes = ["date_is_a_day"] if chosen.is_day else []
    if chosen.offset_min is None and not chosen.is_day:
        for each in candidates:
            utc = each.stamp.utc if each.source == "gps" else None
            told = quarter_hours_min(chosen.clock, utc.replace(tzinfo=None)) if utc else None
            if told is not None:
                notes.append(f"offset_told_by_gps: {told:+d} min")
    return notes


def _as_json(judged: Judged) -> dict[str, Any]:
    return {
        "source": judged.candidate.source,
        "value": judged.candidate.stamp.written,
        "offset_min": judged.candidate.stamp.offset_min,
        "confidence": judged.confidence_percent,
    }
