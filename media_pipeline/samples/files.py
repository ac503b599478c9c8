"""The bytes of sample files: pictures encoded, with the camera's words where they have any, and files that are broken.

What is not here: which samples there are (maker.py).
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

Turn = Image.Transpose

STORED_AS: dict[int, Turn | None] = {
    1: None,
    2: Turn.FLIP_LEFT_RIGHT,
    3: Turn.ROTATE_180,
    4: Turn.FLIP_TOP_BOTTOM,
    5: Turn.TRANSPOSE,
    6: Turn.ROTATE_90,
    7: Turn.TRANSVERSE,
    8: Turn.ROTATE_270,
}
"""EXIF orientation -> what is done to the upright pixels, so that a viewer who follows the tag undoes it."""

BURST_EVERY_MS = 400
BOMB_SIDE = 30_000


def jpeg(picture: Image.Image, quality: int, exif: Image.Exif | None = None) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=quality, exif=exif or Image.Exif())
    return out.getvalue()


FORMAT_OPTIONS: dict[str, dict[str, Any]] = {
    "WEBP": {"quality": 85},
    "TIFF": {"compression": "tiff_lzw"},
    # With several threads or tiles the bytes would depend on the machine's cores.
    "AVIF": {"quality": 75, "speed": 8, "max_threads": 1, "autotiling": False},
}


def in_format(picture: Image.Image, form: str) -> bytes:
    out = BytesIO()
    picture.save(out, form, **FORMAT_OPTIONS.get(form, {}))
    return out.getvalue()


def turned_jpeg(picture: Image.Image, orientation: int) -> bytes:
    """The picture stored turned or mirrored, with the tag that makes it upright again."""
    turn = STORED_AS[orientation]
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    return jpeg(picture if turn is None else picture.transpose(turn), 90, exif)


def camera_words(frame: int) -> Image.Exif:
    """What a camera writes into frame 0, 1, … of a burst: itself, the moment to the millisecond, the place."""
    seconds, milliseconds = divmod(frame * BURST_EVERY_MS, 1000)
    exif = Image.Exif()
    exif[Base.Make] = "Sample"
    exif[Base.Model] = "Pocket 1"
    exif[Base.Orientation] = 1
    moment = exif.get_ifd(IFD.Exif)
    moment[Base.DateTimeOriginal] = f"2024:05:04 12:30:{15 + seconds:02d}"
    moment[Base.SubsecTimeOriginal] = f"{milliseconds:03d}"
    moment[Base.OffsetTimeOriginal] = "+02:00"
    place = exif.get_ifd(IFD.GPSInfo)
    place[GPS.GPSLatitudeRef] = "N"
    place[GPS.GPSLatitude] = (52.0, 31.0, 15.0)
    place[GPS.GPSLongitudeRef] = "E"
    place[GPS.GPSLongitude] = (13.0, 23.0, 45.0)
    return exif


def bomb() -> bytes:
    """A valid PNG of 900 million black pixels in about 110 KB."""
    header = struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 1, 0, 0, 0, 0)
    row = bytes(1 + (BOMB_SIDE + 7) // 8)
    packer = zlib.compressobj(9)
    rows = b"".join([packer.compress(row * 100) for _ in range(BOMB_SIDE // 100)]) + packer.flush()
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
