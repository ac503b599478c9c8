"""What a file says of its own length and kind, where decoders do not: pictures that end early, and what is no picture.

What is not here: which types are fetched at all (stages/fetch/content_types.py), the decode (pictures.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

_JP2_HEAD: Final = b"\0\0\0\x0cjP  \r\n\x87\n"
_JPEG2000_STREAM: Final = b"\xff\x4f\xff\x51"
_JPEG2000_END: Final = b"\xff\xd9"

# StripOffsets and StripByteCounts, TileOffsets and TileByteCounts
_STRIPS: Final = ((273, 279), (324, 325))

# What people take for a photo, named in the ledger; Pillow would open some of them, slowly or by another program.
_OTHERS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"8BPS", "a Photoshop document"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript with a preview"),
    (b"%PDF", "a PDF document"),
    (b"icns", "an icon of macOS"),
    (b"\0\0\1\0", "an icon of Windows"),
    (b"DDS ", "a DirectDraw texture"),
    (b"qoif", "a QOI picture"),
    (b"\x01\xda", "an SGI picture"),
    (b"SIMPLE  =", "a FITS picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"P1", "a portable bitmap"),
    (b"P2", "a portable greymap"),
    (b"P3", "a portable pixmap"),
    (b"P4", "a portable bitmap"),
    (b"P5", "a portable greymap"),
    (b"P6", "a portable pixmap"),
    (b"\x0a\x05\x01", "a PCX picture"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile"),
)

_KNOWN: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG", "PNG"),
    (0, b"GIF8", "GIF"),
    (0, b"II", "TIFF"),
    (0, b"MM", "TIFF"),
    (0, b"BM", "BMP"),
    (8, b"WEBP", "WebP"),
    (0, _JP2_HEAD, "JPEG 2000"),
    (8, b"avi", "AVIF"),
    (4, b"ftyp", "HEIF"),
)


def named(data: bytes) -> str:
    """What it is instead of a picture that can be decoded here."""
    for magic, name in _OTHERS:
        if data.startswith(magic):
            return f"{name}: no format that is decoded here"
    for offset, magic, name in _KNOWN:
        if data.startswith(magic, offset):
            return f"begins as {name} does, but its header makes no sense, or it is of a kind that is not decoded here"
    return f"no decoder knows it; it begins with {data[:8]!r}"


def ends_early(data: bytes) -> bool:
    """Whether it says itself that there should be more of it. False where the format does not say."""
    if data[:4] == b"RIFF":
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    if data[4:8] == b"ftyp" or data.startswith(_JP2_HEAD):
        return _boxes_end_early(data)
    if data[:4] in (b"II*\0", b"MM\0*"):
        # Many writers put the directory behind the pixels.
        return int.from_bytes(data[4:8], "little" if data[0] == ord("I") else "big") >= len(data)
    return data.startswith(_JPEG2000_STREAM) and not _is_ended(data)


def strips_end_early(tags: Mapping[int, object], size: int) -> bool:
    """Whether a TIFF's strips or tiles should reach beyond its end. They may stand anywhere, so its header must be read
    first; and as some writers claim too much for the last of them, this explains a failure but is none."""
    for places, lengths in _STRIPS:
        starts, counts = tags.get(places), tags.get(lengths)
        if isinstance(starts, tuple) and isinstance(counts, tuple):
            return any(start + count > size for start, count in zip(starts, counts, strict=False))
    return False


def _boxes_end_early(data: bytes) -> bool:
    for kind, start, end in _boxes(data):
        if kind == b"jp2c":
            # Its own end counts: some writers get the length wrong.
            return not _is_ended(data[start:end][-64:])
        if end > len(data):
            return True
    return False


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each box at the top; the end is the one that it claims."""
    start = 0
    while len(data) - start >= 8:
        size = int.from_bytes(data[start : start + 4])
        kind = data[start + 4 : start + 8]
        if size == 1:
            size = int.from_bytes(data[start + 8 : start + 16])
        elif size == 0:
            size = len(data) - start
        if size < 8:
            return
        yield kind, start, start + size
        start += size


def _is_ended(stream: bytes) -> bool:
    # Some writers fill up with zeros.
    return stream.rstrip(b"\0").endswith(_JPEG2000_END)
