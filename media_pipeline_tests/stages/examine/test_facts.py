"""What EXIF says, and what broken EXIF does not break."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from media_pipeline.errors import MediaProcessingError
from media_pipeline.stages.examine.facts import facts
from media_pipeline.stages.examine.pictures import opened


def _facts(exif: Image.Exif) -> dict[str, object]:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=exif)
    return facts(opened(out.getvalue(), max_pixels=1000))


def _exif(*, gps: dict[int, object] | None = None, taken: str | None = None) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Acme\0 "
    exif[ExifTags.Base.Model] = "One"
    if taken is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken
    if gps is not None:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps)
    return exif


def _gps(latitude: object, longitude: object, *, north: str = "N", east: str = "E") -> dict[int, object]:
    return {1: north, 2: latitude, 3: east, 4: longitude}


def test_the_camera_the_time_and_the_place_are_read() -> None:
    """33° 52' 10.8" S is -33.8697 degrees; names lose their padding."""
    south = _gps((33.0, 52.0, 10.8), (151.0, 12.0, 30.0), north="S")
    found = _facts(_exif(gps=south, taken="2021:07:15 09:21:05"))
    assert found["camera_make"] == "Acme"
    assert found["camera_model"] == "One"
    assert found["taken_at"] == datetime(2021, 7, 15, 9, 21, 5)  # noqa: DTZ001
    assert found["latitude"] == pytest.approx(-33.8697, abs=1e-4)
    assert found["longitude"] == pytest.approx(151.2083, abs=1e-4)


@pytest.mark.parametrize("taken", ["0000:00:00 00:00:00", "    :  :     :  :  ", "2021-07-15", "", "yesterday"])
def test_a_date_that_is_none_is_left_out(taken: str) -> None:
    """Cameras without a clock write all of these."""
    assert _facts(_exif(taken=taken))["taken_at"] is None


@pytest.mark.parametrize(
    "gps",
    [
        _gps((91.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        _gps((10.0, 0.0, 0.0), (181.0, 0.0, 0.0)),
        {1: "N", 2: (10.0, 0.0, 0.0)},
        _gps((IFDRational(0, 0), 0.0, 0.0), (10.0, 0.0, 0.0)),
    ],
)
def test_a_place_that_is_none_is_left_out(gps: dict[int, object]) -> None:
    """Out of range, half a place, 0/0."""
    found = _facts(_exif(gps=gps))
    assert (found["latitude"], found["longitude"]) == (None, None)


@given(st.binary(max_size=300))
def test_broken_exif_is_a_missing_fact(noise: bytes) -> None:
    """Whatever stands in the segment, the picture itself is read."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=b"Exif\0\0" + noise)
    found = facts(opened(out.getvalue(), max_pixels=1000))
    assert (found["width_px"], found["height_px"]) == (8, 8)


def test_real_cameras_are_read_without_an_error(shared: Path) -> None:
    """Each file gives facts, or one of the known reasons."""
    folder = shared / "testdata" / "exif-samples"
    reasons = set()
    read = 0
    for path in sorted(folder.rglob("*.jp*g")):
        try:
            facts(opened(path.read_bytes(), max_pixels=200_000_000))
            read += 1
        except MediaProcessingError as error:
            reasons.add(error.reason)
    assert read >= 30
    assert reasons <= {"undecodable", "truncated"}
