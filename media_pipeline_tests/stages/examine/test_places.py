"""Places that are certain, and geohashes as others compute them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL.TiffImagePlugin import IFDRational

from media_pipeline.stages.examine.places import BASE_32, Place, degrees, geohash, place


@pytest.mark.parametrize(
    ("latitude", "longitude", "length", "expected"),
    [
        # The example of the article that made the code known, and one each of its usual companions.
        (57.64911, 10.40744, 11, "u4pruydqqvj"),
        (42.605, -5.603, 5, "ezs42"),
        (0.0, 0.0, 4, "s000"),
        # All bits 0, all bits 1, and the two other corners of the map.
        (-90.0, -180.0, 12, "000000000000"),
        (90.0, 180.0, 12, "zzzzzzzzzzzz"),
        (90.0, -180.0, 6, "bpbpbp"),
        (-90.0, 180.0, 6, "pbpbpb"),
    ],
)
def test_a_geohash_is_that_of_everybody_else(latitude: float, longitude: float, length: int, expected: str) -> None:
    """Known values, the poles and both sides of the date line."""
    assert geohash(Place(latitude, longitude), length) == expected


@given(st.floats(-90, 90), st.floats(-180, 180), st.integers(1, 12))
def test_a_shorter_geohash_begins_the_longer_one(latitude: float, longitude: float, length: int) -> None:
    """Each letter narrows the cell of those before it."""
    full = geohash(Place(latitude, longitude))
    assert full.startswith(geohash(Place(latitude, longitude), length))
    assert len(full) == 12
    assert set(full) <= set(BASE_32)


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_the_cell_holds_the_place(latitude: float, longitude: float) -> None:
    """Read back bit by bit, the place lies within half a cell of the centre."""
    low, high = [-180.0, -90.0], [180.0, 90.0]
    bits = "".join(f"{BASE_32.index(letter):05b}" for letter in geohash(Place(latitude, longitude)))
    for at, bit in enumerate(bits):
        middle = (low[at % 2] + high[at % 2]) / 2
        (low if bit == "1" else high)[at % 2] = middle
    assert low[0] <= longitude <= high[0]
    assert low[1] <= latitude <= high[1]


@pytest.mark.parametrize(
    ("parts", "side", "expected"),
    [
        ((33.0, 52.0, 10.8), "S", -33.8696667),
        ((IFDRational(33), IFDRational(5217, 100), IFDRational(0)), b"n\0", 33.8695),
        ((33.8696,), "N", 33.8696),
        (33.8696, "N", 33.8696),
        ((33.0, 30.0), "N", 33.5),
        # The sign is written twice.
        ((-33.0, 30.0, 0.0), "S", -33.5),
    ],
)
def test_degrees_are_read_however_they_are_written(parts: object, side: object, expected: float) -> None:
    """Fractions, floats, one number; the letter in any case."""
    assert degrees(parts, side, "NS") == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("parts", "side"),
    [
        ((IFDRational(0, 0), 0.0, 0.0), "N"),
        ((1.0, 2.0, math.inf), "N"),
        ((1.0, 61.0, 0.0), "N"),
        ((1.0, -2.0, 0.0), "N"),
        ((1.0, 2.0, 3.0, 4.0), "N"),
        ((1.0, 2.0, 3.0), None),
        ((1.0, 2.0, 3.0), "E"),
        ((1.0, 2.0, 3.0), ""),
        ("33 52 10", "N"),
        (None, "N"),
        ((), "N"),
    ],
)
def test_degrees_that_are_none_are_refused(parts: object, side: object) -> None:
    """Also where only the hemisphere is missing: it would be a guess."""
    assert degrees(parts, side, "NS") is None


@pytest.mark.parametrize(
    ("latitude", "longitude", "reason"),
    [
        (90.1, 0.0, "gps_out_of_range"),
        (0.0, -180.5, "gps_out_of_range"),
        (math.nan, 1.0, "gps_out_of_range"),
        (0.0, 0.0, "gps_null_island"),
        (None, 1.0, "gps_incomplete"),
    ],
)
def test_a_place_that_is_none_has_its_reason(latitude: float | None, longitude: float, reason: str) -> None:
    """Out of range, not a number, where receivers without a fix put everything, half a place."""
    assert place(latitude, longitude) == (None, reason)


def test_the_equator_and_the_meridian_are_places() -> None:
    """Only both together are nowhere."""
    assert place(0.0, 9.45) == (Place(0.0, 9.45), None)
    assert place(51.48, 0.0) == (Place(51.48, 0.0), None)
