"""Width and height of a picture by its header. Pure: reads from an open file, decodes nothing.

An own reader, because Pillow opens no HEIC, and because a header is read in the run's own process, where a hostile file
may cost neither memory nor time: every loop here is bounded. EXIF orientation is not looked at: the long edge is the
same. What is not here: whether the picture can be decoded (stages/examine).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Final

Size = tuple[int, int]

MAX_STEPS: Final = 1000
FARTHEST: Final = 1 << 40
# JPEG's frame headers: all of C0 to CF but Huffman tables (C4), a reserved one (C8) and arithmetic conditions (CC).
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers without a length.
_BARE: Final = frozenset((0x01, *range(0xD0, 0xD8)))
# Boxes that hold boxes on the way to a size, with what stands before those.
_BOXES_IN: Final[Mapping[bytes, int]] = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"jp2h": 0}


def long_edge(file: BinaryIO, content_type: str) -> int | None:
    """The longer side of a picture of this type; None where there is none, or the header is broken."""
    read = _READERS.get(content_type)
    if read is None:
        return None
    try:
        width, height = read(file) or (0, 0)
    except (struct.error, OverflowError, ValueError):
        return None
    return max(width, height) if width > 0 and height > 0 else None


def _unpack(form: str, file: BinaryIO, at: int) -> tuple[Any, ...]:
    """struct.error where the file ends before."""
    if at >= FARTHEST:  # not every file system lets one seek there
        raise ValueError(at)
    file.seek(at)
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _png(file: BinaryIO) -> Size:
    width, height = _unpack(">II", file, 16)
    return width, height


def _gif(file: BinaryIO) -> Size:
    width, height = _unpack("<HH", file, 6)
    return width, height


def _bmp(file: BinaryIO) -> Size:
    (header,) = _unpack("<I", file, 14)
    width, height = _unpack("<HH" if header == 12 else "<ii", file, 18)
    return width, abs(height)  # negative: its first line is the top one


def _jpeg(file: BinaryIO) -> Size | None:
    at = 2
    for _ in range(MAX_STEPS):
        lead, marker = _unpack(">BB", file, at)
        if lead != 0xFF:
            return None
        if marker == 0xFF:  # a filling byte
            at += 1
        elif marker in _BARE:
            at += 2
        elif marker in _FRAMES:
            height, width = _unpack(">HH", file, at + 5)
            return width, height
        else:
            (length,) = _unpack(">H", file, at + 2)
            at += 2 + length
    return None


def _webp(file: BinaryIO) -> Size | None:
    file.seek(12)
    match file.read(4):
        case b"VP8 ":
            width, height = _unpack("<HH", file, 26)
            return width & 0x3FFF, height & 0x3FFF  # above them: how to scale it
        case b"VP8L":
            (bits,) = _unpack("<I", file, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            low_width, high_width, low_height, high_height = _unpack("<HBHB", file, 24)
            return (low_width | high_width << 16) + 1, (low_height | high_height << 16) + 1
    return None


def _tiff(file: BinaryIO) -> Size | None:
    """The first picture of the file: the one that a decoder shows."""
    file.seek(0)
    order = "<" if file.read(2) == b"II" else ">"
    (version,) = _unpack(f"{order}H", file, 2)
    is_big = version == 43
    (at,) = _unpack(f"{order}Q" if is_big else f"{order}I", file, 8 if is_big else 4)
    (count,) = _unpack(f"{order}Q" if is_big else f"{order}H", file, at)
    at += 8 if is_big else 2
    found: dict[int, int] = {}
    for place in range(min(count, MAX_STEPS)):
        entry = at + place * (20 if is_big else 12)
        tag, kind = _unpack(f"{order}HH", file, entry)
        if tag in (256, 257):
            (found[tag],) = _unpack(order + ("H" if kind == 3 else "I"), file, entry + (12 if is_big else 8))
    return (found[256], found[257]) if len(found) == 2 else None


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and end of what is in each box, from the outside in."""
    open_spans, steps = [(start, end)], 0
    while open_spans:
        at, end = open_spans.pop()
        while at + 8 <= end and steps < MAX_STEPS:
            steps += 1
            size, name = _unpack(">I4s", file, at)
            body = at + 8
            if size == 1:
                (size,) = _unpack(">Q", file, at + 8)
                body = at + 16
            stop = end if size == 0 else at + size
            if stop < body or stop > end:
                break
            yield name, body, stop
            if (inner := _BOXES_IN.get(name)) is not None:
                open_spans.append((body + inner, stop))
            at = stop


def _sizes_in(file: BinaryIO, name: bytes, form: str, skip: int) -> list[tuple[int, ...]]:
    end = file.seek(0, 2)
    return [_unpack(form, file, body + skip) for found, body, _ in _boxes(file, 0, end) if found == name]


def _heif(file: BinaryIO) -> Size | None:
    """The largest of its pictures: the others are its thumbnails, and the tiles that it is laid of."""
    found = _sizes_in(file, b"ispe", ">II", 4)
    return max(((width, height) for width, height in found), key=lambda size: size[0] * size[1], default=None)


def _jp2(file: BinaryIO) -> Size | None:
    found = _sizes_in(file, b"ihdr", ">II", 0)
    return (found[0][1], found[0][0]) if found else None


_READERS: Final[Mapping[str, Callable[[BinaryIO], Size | None]]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/gif": _gif,
    "image/webp": _webp,
    "image/tiff": _tiff,
    "image/bmp": _bmp,
    "image/avif": _heif,
    "image/heic": _heif,
    "image/heif": _heif,
    "image/jp2": _jp2,
}
