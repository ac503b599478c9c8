"""What EXIF says, and what broken EXIF does not break."""

from __future__ import annotations

import io
import json
import statistics
import struct
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from media_pipeline.stages.examine.facts import NOTHING_TOLD, Told, facts
from media_pipeline.stages.examine.pictures import Picture, opened

ODD = ("exif-samples", "pillow-tests", "heif-fuzz", "avif", "exif-orientation", "nature-photos", "burst-berlin")
COLUMNS = {
    "format",
    "width_px",
    "height_px",
    "orientation",
    "color_mode",
    "frame_count",
    "taken_at",
    "camera_make",
    "camera_model",
    "latitude",
    "longitude",
    "lens",
    "exposure_s",
    "f_number",
    "iso",
    "focal_length_mm",
    "focal_length_35mm",
    "software",
    "altitude_m",
    "geohash_4",
    "geohash_6",
    "geohash_8",
    "geohash",
    "taken_at_utc",
    "taken_at_offset_min",
    "date_confidence_percent",
    "date_provenance",
    "date_candidates",
    "date_suspicion",
    "is_sensitive_place",
    "title",
    "creator",
    "rights",
    "keywords",
    "notes",
}


def _opened(exif: Image.Exif) -> Picture:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=exif)
    return opened(out.getvalue(), max_pixels=1000)


def _facts(exif: Image.Exif, told: Told = NOTHING_TOLD) -> dict[str, Any]:
    return facts(_opened(exif), told)


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


NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_a_place_has_its_geohashes() -> None:
    """57.64911, 10.40744 is u4pruydqqvj, cut at 4, 6 and 8."""
    found = _facts(_exif(gps=_gps((57.64911, 0.0, 0.0), (10.40744, 0.0, 0.0))))
    assert [found[name] for name in ("geohash_4", "geohash_6", "geohash_8")] == ["u4pr", "u4pruy", "u4pruydq"]
    assert str(found["geohash"]).startswith("u4pruydqqvj")
    assert found["is_sensitive_place"] is False


@pytest.mark.parametrize("told", [Told(is_obscured=True), Told(is_sensitive=True)])
def test_a_sensitive_place_shows_its_coarse_cell_alone(told: Told) -> None:
    """The exact coordinates stay, in columns that are not shown."""
    found = _facts(_exif(gps=_gps((57.64911, 0.0, 0.0), (10.40744, 0.0, 0.0))), told)
    assert [found[name] for name in ("geohash_4", "geohash_6", "geohash_8", "geohash")] == ["u4pr", None, None, None]
    assert (found["latitude"], found["longitude"]) == (57.64911, 10.40744)
    assert found["is_sensitive_place"] is True


def test_a_source_s_place_stands_in_for_one_in_the_file() -> None:
    """One that the source has moved gives the coarse cell only: it is not where the picture was taken."""
    open_place = _facts(_exif(), Told(latitude=57.64911, longitude=10.40744))
    assert (open_place["latitude"], open_place["geohash_6"]) == (57.64911, "u4pruy")
    assert open_place["notes"] == ["place_from_source"]
    moved = _facts(_exif(), Told(latitude=57.64911, longitude=10.40744, is_obscured=True))
    assert (moved["latitude"], moved["longitude"], moved["geohash_4"], moved["geohash_6"]) == (None, None, "u4pr", None)


def test_exposure_and_lens_are_read() -> None:
    """Fractions become numbers; a lens without a name is told by its figures; 65535 is «more than fits»."""
    exif = _exif()
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {
            ExifTags.Base.ExposureTime: IFDRational(1, 125),
            ExifTags.Base.FNumber: IFDRational(28, 10),
            ExifTags.Base.ISOSpeedRatings: 65535,
            ExifTags.Base.RecommendedExposureIndex: 102400,
            ExifTags.Base.FocalLength: IFDRational(50),
            ExifTags.Base.FocalLengthIn35mmFilm: 0,
            ExifTags.Base.LensSpecification: (24.0, 105.0, 4.0, 4.0),
        }
    )
    found = _facts(exif)
    assert (found["exposure_s"], found["f_number"], found["iso"]) == (0.008, 2.8, 102400)
    assert (found["focal_length_mm"], found["focal_length_35mm"], found["lens"]) == (50.0, None, "24-105mm f/4")


def test_a_tiff_s_directories_are_read_after_its_decode() -> None:
    """They stand in the picture's own file, not in a block."""
    out, exif = io.BytesIO(), Image.Exif()
    written = _exif()
    written.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FNumber] = IFDRational(28, 10)
    exif.load(written.tobytes())
    Image.new("RGB", (8, 8)).save(out, "TIFF", exif=exif)
    assert facts(opened(out.getvalue(), max_pixels=1000))["f_number"] == 2.8


def test_others_tell_the_date_when_the_file_does_not() -> None:
    """The name of the upload goes before the day of its upload."""
    told = Told(file_names=("DSC_1.jpg", "IMG_20240719_182220.jpg"), listed_at=datetime(2024, 8, 1, tzinfo=UTC))
    found = _facts(_exif(), told)
    assert found["taken_at"] == datetime(2024, 7, 19, 18, 22, 20)  # noqa: DTZ001
    assert (found["date_provenance"], found["date_confidence_percent"]) == ("file_name", 70)


def test_sixty_megabytes_of_fractions_are_a_note() -> None:
    """Decoded, they would be two gigabytes of objects."""
    count = 7_500_000
    head = b"II*\0" + (8).to_bytes(4, "little") + (1).to_bytes(2, "little")
    entry = struct.pack("<HHII", ExifTags.IFD.Exif, 4, 1, 26)
    inner = (1).to_bytes(2, "little") + struct.pack("<HHII", ExifTags.Base.FNumber, 5, count, 44) + bytes(4)
    exif = Image.Exif()
    exif.load(head + entry + bytes(4) + inner + b"\x01\0\0\0" * (2 * count))
    picture = replace(_opened(Image.Exif()), exif=exif)
    found = facts(picture)
    assert found["f_number"] is None
    assert found["notes"] == ["exif_value_too_long: tag 33437 has 60000000 bytes"]


@given(st.binary(max_size=300), st.binary(max_size=100), st.binary(max_size=100))
def test_no_bytes_of_any_block_are_a_failure(noise: bytes, packet: bytes, block: bytes) -> None:
    """Behind a head that is whole, so that the noise is read as directories; and the row can be stored as JSON."""
    for head in (b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b""):
        exif = Image.Exif()
        with suppress(SyntaxError, struct.error, UserWarning, OSError):
            exif.load(b"Exif\0\0" + head + noise)
        found = facts(replace(_opened(Image.Exif()), exif=exif), now=NOW, packet=packet, iptc_block=b"\x1c\x02" + block)
        assert set(found) == COLUMNS
        json.dumps(found, default=str, allow_nan=False)


def _clock(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


# What these files say: six were compared with another reader, the others read through by hand. Camera, lens, offset of
# the clock in minutes, and so on.
EXPECTED: dict[str, dict[str, object]] = {
    "jpg/Canon_40D.jpg": {
        "camera_make": "Canon", "camera_model": "Canon EOS 40D", "exposure_s": 0.00625, "f_number": 7.1, "iso": 100,
        "focal_length_mm": 135.0, "taken_at": _clock(2008, 5, 30, 15, 56, 1), "date_confidence_percent": 95,
    },
    "jpg/Nikon_D70.jpg": {
        "camera_make": "NIKON CORPORATION", "lens": "100.0 mm f/2.8", "focal_length_35mm": 150,
        "taken_at": _clock(2008, 3, 15, 9, 52, 1), "taken_at_offset_min": -240,
        "taken_at_utc": datetime(2008, 3, 15, 13, 52, 1, tzinfo=UTC),
    },
    "jpg/Pentax_K10D.jpg": {
        "camera_model": "PENTAX K10D", "f_number": 11.0, "taken_at": _clock(2008, 5, 4, 16, 47, 24),
        "taken_at_offset_min": 540,
    },
    "jpg/Fujifilm_FinePix6900ZOOM.jpg": {"camera_make": "FUJIFILM", "taken_at": _clock(2001, 2, 19, 6, 40, 5)},
    "jpg/Panasonic_DMC-FZ30.jpg": {"camera_model": "DMC-FZ30", "iso": 100, "focal_length_35mm": 82},
    "jpg/Olympus_C8080WZ.jpg": {"camera_make": "OLYMPUS CORPORATION", "title": None},
    "jpg/Sony_HDR-HC3.jpg": {"camera_make": "SONY", "taken_at": _clock(2007, 6, 15, 4, 42, 32)},
    "jpg/Ricoh_Caplio_RR330.jpg": {"camera_model": "RR330", "f_number": 2.88},
    "jpg/Konica_Minolta_DiMAGE_Z3.jpg": {"camera_model": "DiMAGE Z3", "iso": 200},
    "jpg/Kodak_CX7530.jpg": {"latitude": -0.3713, "longitude": 36.0564167, "geohash_6": "kzctuk", "altitude_m": None},
    "jpg/gps/DSCN0010.jpg": {
        # 43° 28' 2.814", 11° 53' 6.45599999"
        "latitude": 43.4674483, "longitude": 11.8851267, "geohash_4": "sr8r", "exposure_s": 0.0133333,
        "camera_model": "COOLPIX P6000", "taken_at": _clock(2008, 10, 22, 16, 28, 39),
    },
    "jpg/mobile/jolla.jpg": {"camera_make": "Jolla", "iso": 320, "f_number": 2.4, "exposure_s": 0.04},
    "jpg/exif-org/kodak-dc210.jpg": {
        "camera_make": "Eastman Kodak Company", "taken_at": _clock(2000, 10, 26, 16, 46, 51),
    },
    "jpg/exif-org/sanyo-vpcg250.jpg": {
        "taken_at": _clock(1998, 1, 1), "date_suspicion": "camera_default", "date_confidence_percent": 5,
        "title": None,
    },
    "jpg/tests/45-gps_ifd.jpg": {
        "camera_model": "Gran Turismo 5", "latitude": None,
        "rights": "TM&Copyright (C) 2010 Sony Computer Entertainment Inc.",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_real_cameras_say_what_people_read_in_them(shared: Path, name: str) -> None:
    """Of thirteen makers, from 1998 on."""
    data = (shared / "testdata" / "exif-samples" / name).read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        packet = image.info.get("xmp")
    found = facts(opened(data, max_pixels=200_000_000), now=NOW, packet=packet)
    for column, expected in EXPECTED[name].items():
        assert found[column] == (pytest.approx(expected, abs=1e-6) if isinstance(expected, float) else expected), column


def test_captions_are_read_from_the_blocks_that_are_handed_in(shared: Path) -> None:
    """XMP's, as the file has it."""
    data = (shared / "testdata/exif-samples/jpg/xmp/no_exif.jpg").read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        packet = image.info["xmp"]
    found = facts(opened(data, max_pixels=200_000_000), now=NOW, packet=packet)
    assert (found["title"], found["creator"], found["keywords"]) == ("Der Goalie bin ig", "CREDIT", ["tag"])


@pytest.mark.filterwarnings("ignore")
def test_odd_files_give_facts_or_notes(shared: Path) -> None:
    """Everything whose header Pillow reads, without a decode: what was found and how long it took is printed."""
    counts: Counter[str] = Counter()
    times_ms = []
    for path in sorted(path for name in ODD for path in (shared / "testdata" / name).rglob("*") if path.is_file()):
        counts["files"] += 1
        picture = _header(path.read_bytes())
        if picture is None:
            continue
        began = time.perf_counter()
        found = facts(picture, now=NOW)
        times_ms.append((time.perf_counter() - began) * 1000)
        assert set(found) == COLUMNS
        counts.update(
            name for name in ("camera_model", "lens", "latitude", "taken_at", "title") if found[name] is not None
        )
        counts.update(note.split(":")[0] for note in found["notes"])
    print(dict(counts))
    print(f"{len(times_ms)} read; ms: median {statistics.median(times_ms):.2f}, most {max(times_ms):.1f}")
    assert counts["files"] >= 900
    assert counts["camera_model"] >= 65
    assert counts["latitude"] >= 14


def _header(data: bytes) -> Picture | None:
    try:
        image = Image.open(io.BytesIO(data))
        # Pillow decodes a PNG to see whether EXIF stands behind its pixels.
        exif = image.getexif() if image.format != "PNG" or "exif" in image.info else Image.Exif()
    except (OSError, SyntaxError, ValueError, LookupError, TypeError, struct.error, Image.DecompressionBombError):
        return None
    return Picture(str(image.format), *image.size, 1, image.mode, 1, exif, image, image)
