"""The EXIF tags that facts are made of, read from a picture's EXIF within bounds. Pure.

Pillow's directory parser does the work, not `Image.Exif.get_ifd`: that decodes every value of a directory, and sixty
megabytes of fractions become two gigabytes of objects. Here a value is decoded when it is wanted and short. exifread
was measured and left out: over 990 odd files it found nothing more in any picture that opens, and raised on seven.

What is not here: what the tags mean (facts.py, places.py, dates.py, captions.py).
"""

from __future__ import annotations

import math
import struct
import unicodedata
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Final

from PIL import ExifTags, Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

# The longest value that is decoded. A JPEG segment, which most EXIF lives in, has no more.
MAX_VALUE_BYTES: Final = 65_536
# Those of numbers: the longest that is wanted has four fractions.
MAX_NUMBERS_BYTES: Final = 256
MAX_TEXT_LENGTH: Final = 2000

TEXT_TYPES: Final = frozenset({1, 2, 7})  # BYTE, ASCII, UNDEFINED

XMP_TAG: Final = 700
IPTC_TAG: Final = 33723

# Broken EXIF raises any of these in Pillow.
BROKEN: Final = (OSError, SyntaxError, ValueError, LookupError, TypeError, AttributeError, OverflowError, struct.error)


class Directory:
    """One directory: values by tag, None where there is none that can be read."""

    def __init__(self, parsed: ImageFileDirectory_v2 | None = None, notes: list[str] | None = None) -> None:
        self._parsed = parsed
        self._notes = notes if notes is not None else []

    def get(self, tag: int) -> object:
        if self._parsed is None:
            return None
        raw = self.raw(tag)
        limit = MAX_VALUE_BYTES if self._parsed.tagtype.get(tag) in TEXT_TYPES else MAX_NUMBERS_BYTES
        if raw is None:
            return None
        if len(raw) > limit:
            self._notes.append(f"exif_value_too_long: tag {tag} has {len(raw)} bytes")
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value: object = self._parsed[tag]
        except BROKEN:
            return None
        return value

    def raw(self, tag: int) -> bytes | None:
        """The value's bytes, of whatever type it says it is."""
        return None if self._parsed is None else self._parsed._tagdata.get(tag)


@dataclass(frozen=True, slots=True)
class Tags:
    """The directories that have facts; `notes` grows while they are read."""

    main: Directory = field(default_factory=Directory)
    exif: Directory = field(default_factory=Directory)
    gps: Directory = field(default_factory=Directory)
    notes: list[str] = field(default_factory=list)


def read(exif: Image.Exif) -> Tags:
    """The directories of a picture's EXIF; those that are broken are empty."""
    # Pillow keeps what it parsed, a block of its own or the TIFF itself; an Exif that was made empty has none.
    block: IO[bytes] | None = getattr(exif, "fp", None)
    if block is None:
        return Tags()
    notes: list[str] = []
    try:
        block.seek(0)
        head = block.read(16)
        parsed = ImageFileDirectory_v2(head if head[2:3] == b"\x2b" else head[:8])
    except BROKEN:
        return Tags(notes=["exif_unreadable"])
    main = _directory(block, head, parsed.next, notes)
    inner = _directory(block, head, main.get(ExifTags.IFD.Exif), notes)
    return Tags(main, inner, _directory(block, head, main.get(ExifTags.IFD.GPSInfo), notes), notes)


def _directory(block: IO[bytes], head: bytes, offset: object, notes: list[str]) -> Directory:
    if offset is None:
        return Directory()
    try:
        parsed = ImageFileDirectory_v2(head if head[2:3] == b"\x2b" else head[:8])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            block.seek(_whole(offset))
            parsed.load(block)
    except BROKEN:
        notes.append("exif_directory_unreadable")
        return Directory()
    if caught:
        notes.append("exif_damaged")
    return Directory(parsed, notes)


def _whole(offset: object) -> int:
    if not isinstance(offset, int):
        raise TypeError(offset)
    return offset


def words(value: object) -> str | None:
    """A tag's value as text, None where it has none."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return None
    # EXIF says ASCII and Pillow reads Latin-1; those who write more than ASCII mean UTF-8.
    with suppress(UnicodeError):
        value = value.encode("latin-1").decode("utf-8")
    return cleaned(value)


def wide_words(value: object) -> str | None:
    """The text of Windows' own tags, which is UTF-16."""
    return cleaned(value.decode("utf-16-le", "ignore")) if isinstance(value, bytes) else None


def cleaned(text: str) -> str | None:
    """Without what a database refuses or a reader cannot see; one line; None when nothing is left."""
    kept = (" " if sign.isspace() or sign == "\0" else sign for sign in text[: MAX_TEXT_LENGTH * 4])
    seen = "".join(sign for sign in kept if unicodedata.category(sign) not in {"Cc", "Cs"} and sign not in BIDI)
    return " ".join(seen.split())[:MAX_TEXT_LENGTH].strip() or None


# They turn the direction of what is written after them, also outside the text.
BIDI: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def number(value: object) -> float | None:
    """A tag's value as a finite number; the first of several."""
    numbers = floats(value)
    return numbers[0] if numbers else None


def floats(value: object) -> tuple[float, ...] | None:
    """A tag's value as finite numbers: fractions, floats or whole numbers, one or several. None where one is none."""
    parts = value if isinstance(value, tuple | list) else (value,)
    try:
        found = tuple(float(part) for part in parts)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return found if found and all(math.isfinite(part) for part in found) else None


def within(value: float | None, low: float, high: float) -> float | None:
    """The number where it is plausible: above `low`, which is excluded, and up to `high`."""
    return value if value is not None and low < value <= high else None
