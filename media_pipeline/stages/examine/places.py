"""Where a picture was taken: coordinates from EXIF's GPS directory, and geohashes. Pure.

A place that is not certain is none: out of range, not a number, without its hemisphere, or 0° 0', where receivers
without a fix put everything. What is not here: the reading of tags (exif.py), the GPS clock (stamps.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PIL import ExifTags

from media_pipeline.stages.examine.exif import Directory, floats, number, words

BASE_32: Final = "0123456789bcdefghjkmnpqrstuvwxyz"
# What a sensitive place may show: a cell of 39 by 20 km.
COARSE_LENGTH: Final = 4
FULL_LENGTH: Final = 12


@dataclass(frozen=True, slots=True)
class Place:
    """Degrees, north and east positive."""

    latitude: float
    longitude: float


def place(latitude: float | None, longitude: float | None) -> tuple[Place | None, str | None]:
    """The place, or why it is none."""
    if latitude is None or longitude is None:
        return None, "gps_incomplete"
    # Written so that NaN is refused too.
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return None, "gps_out_of_range"
    if latitude == 0 and longitude == 0:
        return None, "gps_null_island"
    return Place(latitude, longitude), None


def place_of(gps: Directory) -> tuple[Place | None, str | None]:
    """What the GPS directory says; no place and no reason where it says nothing."""
    tags = ExifTags.GPS
    latitude, longitude = gps.get(tags.GPSLatitude), gps.get(tags.GPSLongitude)
    if latitude is None and longitude is None:
        return None, None
    return place(
        degrees(latitude, gps.get(tags.GPSLatitudeRef), "NS"), degrees(longitude, gps.get(tags.GPSLongitudeRef), "EW")
    )


def degrees(parts: object, side: object, sides: str) -> float | None:
    """Degrees, minutes and seconds as one number; `sides` are the letters of the positive and negative half."""
    letter = (words(side) or "")[:1].upper()
    found = floats(parts)
    # Without its letter half of the world is left to guess: cameras that mean north say so.
    if not letter or letter not in sides or found is None or len(found) > 3:
        return None
    whole, minutes, seconds = (*found, 0.0, 0.0)[:3]
    # Some write the sign as well as the letter.
    if not (0 <= minutes <= 60 and 0 <= seconds <= 60):
        return None
    total = abs(whole) + minutes / 60 + seconds / 3600
    return -total if letter == sides[1] else total


def altitude_m(gps: Directory) -> float | None:
    """Metres above the sea; below it when the reference says so."""
    height = number(gps.get(ExifTags.GPS.GPSAltitude))
    reference = gps.get(ExifTags.GPS.GPSAltitudeRef)
    below = reference in (b"\x01", 1, "\x01", "1", b"\x03", 3)
    # From below the Dead Sea's floor and the deepest trench to where balloons burst.
    if height is None or not -12_000 <= height <= 60_000:
        return None
    return -abs(height) if below else height


def geohash(where: Place, length: int = FULL_LENGTH) -> str:
    """The cell that holds the place; each further letter divides it by 32, longitude first."""
    halves = [[-180.0, 180.0, where.longitude], [-90.0, 90.0, where.latitude]]
    letters = []
    for letter in range(length):
        index = 0
        for bit in range(5):
            half = halves[(letter * 5 + bit) % 2]
            middle = (half[0] + half[1]) / 2
            above = half[2] >= middle
            half[0 if above else 1] = middle
            index = index * 2 + above
        letters.append(BASE_32[index])
    return "".join(letters)
