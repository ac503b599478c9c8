"""Dates and times as people, cameras and programs write them, read into one value. Pure.

A zone is kept where it is written and never made up. What is not here: which of several is believed (dates.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal

from PIL import ExifTags

from media_pipeline.stages.examine.exif import Directory, floats, words

FileNameSource = Literal["file_name", "messenger_name"]


@dataclass(frozen=True, slots=True)
class Stamp:
    """A clock as it was written. `offset_min` is its distance from UTC where that was written too, 0 for a time in UTC;
    `is_day` says that only the day was."""

    clock: datetime
    offset_min: int | None = None
    is_day: bool = False

    @property
    def utc(self) -> datetime | None:
        """The instant, with its zone; None where the offset or the time of day is unknown."""
        if self.offset_min is None or self.is_day:
            return None
        try:
            return (self.clock - timedelta(minutes=self.offset_min)).replace(tzinfo=UTC)
        except OverflowError:
            return None

    @property
    def written(self) -> str:
        """As text: the day, or the day and the time."""
        return self.clock.date().isoformat() if self.is_day else self.clock.isoformat()


EXIF_CLOCK: Final = re.compile(r"(\d{4})[:\-/.](\d\d)[:\-/.](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?")
OFFSET: Final = re.compile(r"\s*(?:Z|([+-])(\d\d):?(\d\d))")
ISO_CLOCK: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?"
)
IPTC_CLOCK: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)([+-]\d{4})?)?")


def exif_stamp(clock: object, fraction: object = None, offset: object = None) -> Stamp | None:
    """EXIF's three tags of one date."""
    text = words(clock)
    found = EXIF_CLOCK.match(text) if text else None
    if found is None:
        return None
    *parts, own_fraction = found.groups()
    return _stamp(*parts, fraction=own_fraction or words(fraction), offset=words(offset))


def gps_stamp(gps: Directory) -> Stamp | None:
    """The receiver's date and time: UTC by definition."""
    text = words(gps.get(ExifTags.GPS.GPSDateStamp))
    found = re.match(r"(\d{4})[:\-/](\d\d)[:\-/](\d\d)", text) if text else None
    time = floats(gps.get(ExifTags.GPS.GPSTimeStamp))
    if found is None or time is None or len(time) != 3 or not all(0 <= part < 60 for part in time):
        return None
    day = _stamp(*found.groups(), "0", "0", "0", offset="Z")
    if day is None or time[0] >= 24:
        return None
    hours, minutes, seconds = time
    return _shifted(day, timedelta(hours=hours, minutes=minutes, seconds=round(seconds, 3)))


def iso_stamp(text: str | None) -> Stamp | None:
    """XMP's dates. A year or a month alone is no day, and none is made up."""
    found = ISO_CLOCK.fullmatch(text.strip()) if text else None
    if found is None:
        return None
    *parts, fraction, offset = found.groups()
    return _stamp(*parts, fraction=fraction, offset=offset)


def iptc_stamp(day: str | None, time: str | None) -> Stamp | None:
    """IPTC's two data sets: CCYYMMDD and HHMMSS±HHMM."""
    found = IPTC_CLOCK.fullmatch(f"{day}T{time}" if time else f"{day}") or IPTC_CLOCK.fullmatch(f"{day}")
    if found is None:
        return None
    *parts, offset = found.groups()
    return _stamp(*parts, offset=offset)


@dataclass(frozen=True, slots=True)
class NamePattern:
    """How one family of programs names its files."""

    source: FileNameSource
    shape: re.Pattern[str]
    is_utc: bool = False


_DAY = r"(?<!\d)((?:19|20)\d\d)([01]\d)([0-3]\d)"
_DASHED = r"(?<!\d)((?:19|20)\d\d)-([01]\d)-([0-3]\d)"
_TIME = r"([0-2]\d)([0-5]\d)([0-5]\d)"
# The first that fits is taken. A bare number of eight digits is no date: sources number their photos so.
NAME_PATTERNS: Final = (
    NamePattern("file_name", re.compile(rf"^PXL_{_DAY}_{_TIME}(\d{{3}})?(?!\d)"), is_utc=True),
    NamePattern("messenger_name", re.compile(rf"^WhatsApp .*?{_DASHED} at ([0-2]?\d)\.([0-5]\d)\.([0-5]\d)$")),
    NamePattern("messenger_name", re.compile(rf"^(?:IMG|VID|AUD)-{_DAY}-WA\d+")),
    NamePattern("file_name", re.compile(rf"{_DAY}[_\-T ]{_TIME}(\d{{3}})?(?!\d)")),
    NamePattern(
        "file_name", re.compile(rf"{_DASHED}[ _T\-]+(?:at )?([0-2]\d)[.:h\-_]([0-5]\d)[.:m\-_]([0-5]\d)(?!\d)")
    ),
    NamePattern("file_name", re.compile(rf"{_DASHED}(?!\d)")),
)
UNIX_MS: Final = re.compile(r"^(?:FB_IMG_|received_|mmexport)?(1\d{12})$")


def name_stamp(name: str) -> tuple[FileNameSource, Stamp] | None:
    """What a file's name says of its date, and what kind of program named it so."""
    stem = name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or name
    if found := UNIX_MS.match(stem):
        # Written when it was received or exported, which is not when it was taken.
        instant = datetime(1970, 1, 1) + timedelta(milliseconds=int(found[1]))  # noqa: DTZ001
        return "messenger_name", Stamp(instant, offset_min=0)
    for pattern in NAME_PATTERNS:
        if found := pattern.shape.search(stem):
            parts = [*found.groups(), None, None, None, None][:7]
            stamp = _stamp(*parts[:6], fraction=parts[6], offset="Z" if pattern.is_utc else None)
            if stamp is not None:
                return pattern.source, stamp
    return None


def day_stamp(day: date) -> Stamp:
    """A day of which no time is known."""
    return Stamp(datetime(day.year, day.month, day.day), is_day=True)  # noqa: DTZ001


def instant_stamp(instant: datetime) -> Stamp:
    """A time with or without its zone."""
    offset = instant.utcoffset()
    return Stamp(instant.replace(tzinfo=None), None if offset is None else round(offset.total_seconds() / 60))


def _stamp(*parts: str | None, fraction: str | None = None, offset: str | None = None) -> Stamp | None:
    year, month, day, *time = (int(part) if part is not None else None for part in parts)
    if year is None or month is None or day is None:
        return None
    hour, minute, second = ([part or 0 for part in time] + [0, 0, 0])[:3]
    is_day = not time or time[0] is None
    micro = int(fraction[:6].ljust(6, "0")) if fraction and fraction.isascii() and fraction.isdigit() else 0
    try:
        clock = datetime(year, month, day, hour, minute, second, micro)  # noqa: DTZ001
    except ValueError:
        return None
    return Stamp(clock, None if is_day else offset_min(offset), is_day)


def _shifted(day: Stamp, by: timedelta) -> Stamp | None:
    try:
        return Stamp(day.clock + by, day.offset_min)
    except OverflowError:
        return None


def offset_min(text: str | None) -> int | None:
    """`+02:00` in minutes; no more than the world has."""
    found = OFFSET.fullmatch(text) if text else None
    if found is None:
        return None
    if found[1] is None:
        return 0
    minutes = int(found[2]) * 60 + int(found[3])
    if minutes > 14 * 60 or int(found[3]) >= 60:
        return None
    return -minutes if found[1] == "-" else minutes


def quarter_hours_min(local: datetime, utc: datetime) -> int | None:
    """The offset that a local clock and UTC tell together, where it is one that the world has."""
    minutes = (local - utc) / timedelta(minutes=1)
    nearest = round(minutes / 15) * 15
    return nearest if abs(minutes - nearest) <= 1 and abs(nearest) <= 14 * 60 else None
