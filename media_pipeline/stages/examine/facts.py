"""What a picture says of itself: size, format, and from EXIF when, where and with what it was taken. Pure.

Broken EXIF is a missing fact, never a failure. What is not here: pixels (hashes.py, renditions.py).
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image

from media_pipeline.stages.examine.pictures import Picture

VERSION = "1"


def facts(picture: Picture) -> dict[str, Any]:
    """One row of the table `metadata`."""
    latitude, longitude = _place(picture.exif)
    return {
        "format": picture.format,
        "width_px": picture.width_px,
        "height_px": picture.height_px,
        "orientation": picture.orientation,
        "color_mode": picture.color_mode,
        "frame_count": picture.frame_count,
        "taken_at": _taken_at(picture.exif),
        "camera_make": _words(picture.exif.get(ExifTags.Base.Make)),
        "camera_model": _words(picture.exif.get(ExifTags.Base.Model)),
        "latitude": latitude,
        "longitude": longitude,
    }


def _words(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return None
    return value.replace("\0", " ").strip() or None


def _taken_at(exif: Image.Exif) -> datetime | None:
    """The camera's clock, with no zone: EXIF seldom says which, and none is invented."""
    said = _words(_directory(exif, ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal))
    try:
        return datetime.strptime(said, "%Y:%m:%d %H:%M:%S") if said else None  # noqa: DTZ007
    except ValueError:
        return None


def _place(exif: Image.Exif) -> tuple[float, float] | tuple[None, None]:
    gps = _directory(exif, ExifTags.IFD.GPSInfo)
    latitude = _degrees(gps.get(ExifTags.GPS.GPSLatitude), gps.get(ExifTags.GPS.GPSLatitudeRef), "S")
    longitude = _degrees(gps.get(ExifTags.GPS.GPSLongitude), gps.get(ExifTags.GPS.GPSLongitudeRef), "W")
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None, None
    return latitude, longitude


def _directory(exif: Image.Exif, which: ExifTags.IFD) -> dict[int, Any]:
    try:
        return dict(exif.get_ifd(which))
    except (OSError, SyntaxError, ValueError, KeyError, TypeError):
        return {}


def _degrees(parts: object, side: object, negative: str) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in parts)  # type: ignore[attr-defined]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    total = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(total):
        return None
    return -total if _words(side) == negative else total
