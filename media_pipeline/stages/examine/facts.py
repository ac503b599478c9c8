"""What a picture says of itself: size, format, when, where and with what it was taken, and by whom. Pure.

Broken EXIF, XMP or IPTC is a missing fact and a note, never a failure. What others say of the picture (its name, its
source) is handed in. What is not here: pixels (hashes.py, renditions.py), and the nouns this page is put together from:
exif.py, places.py, dates.py, stamps.py, captions.py, xmp.py, iptc.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from PIL import ExifTags

from media_pipeline.stages.examine import exif, iptc, places, stamps, xmp
from media_pipeline.stages.examine.captions import captions
from media_pipeline.stages.examine.dates import Candidate, DateSource, dates
from media_pipeline.stages.examine.exif import Directory, Tags, floats, number, within, words
from media_pipeline.stages.examine.pictures import Picture
from media_pipeline.stages.examine.places import COARSE_LENGTH, FULL_LENGTH, geohash
from media_pipeline.stages.examine.stamps import Stamp
from media_pipeline.stages.examine.xmp import Properties

VERSION = "3"

GEOHASH_LENGTHS: Final = {"geohash_4": COARSE_LENGTH, "geohash_6": 6, "geohash_8": 8, "geohash": FULL_LENGTH}


@dataclass(frozen=True, slots=True)
class Told:
    """What others say of one file, by all of its listings together.

    `listed_at` is when it was first seen or uploaded: it was taken before. Coordinates are a source's; where it has
    obscured them they are not where the picture was taken, and where it was taken is not to be shown.
    """

    file_names: tuple[str, ...] = ()
    observed_at: tuple[datetime, ...] = ()
    observed_on: tuple[date, ...] = ()
    listed_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    is_obscured: bool = False
    is_sensitive: bool = False


NOTHING_TOLD: Final = Told()


def facts(
    picture: Picture,
    told: Told = NOTHING_TOLD,
    *,
    now: datetime | None = None,
    packet: bytes | None = None,
    iptc_block: bytes | None = None,
    notes: Iterable[str] = (),
) -> dict[str, Any]:
    """One row of the table `metadata`.

    `now` has its zone; without it nothing is called future. `packet` is the XMP and `iptc_block` the IIM data of the
    file; a TIFF has both among its tags.
    """
    tags = exif.read(picture.exif)
    properties, xmp_note = xmp.properties(packet or tags.main.raw(exif.XMP_TAG))
    sets, iptc_note = iptc.data_sets(iptc_block or tags.main.raw(exif.IPTC_TAG))
    where, place_notes = _where(tags.gps, told)
    when, date_notes = dates(list(_candidates(tags, properties, sets, told)), now=now)
    row = {
        "format": picture.format,
        "width_px": picture.width_px,
        "height_px": picture.height_px,
        "orientation": picture.orientation,
        "color_mode": picture.color_mode,
        "frame_count": picture.frame_count,
        **_camera(tags, properties),
        **where,
        **when,
        **captions(tags.main, properties, sets),
    }
    said = (xmp_note, iptc_note, *_unread_dates(tags), *place_notes, *date_notes)
    # Last: reading the tags above makes notes of its own.
    row["notes"] = list(dict.fromkeys([*notes, *tags.notes, *(note for note in said if note)]))
    return row


def _camera(tags: Tags, properties: Properties) -> dict[str, Any]:
    base = ExifTags.Base
    iso = within(number(tags.exif.get(base.ISOSpeedRatings)), 0, 10_000_000)
    if iso is None or iso == 65_535:
        # The tag's 16 bits are used up: the true value stands in one of those with 32.
        larger = (tags.exif.get(base.RecommendedExposureIndex), tags.exif.get(base.ISOSpeed))
        iso = next((said for said in (within(number(each), 0, 10_000_000) for each in larger) if said), iso)
    focal_35mm = within(number(tags.exif.get(base.FocalLengthIn35mmFilm)), 0, 20_000)
    return {
        "camera_make": words(tags.main.get(base.Make)) or _said(properties, "tiff:Make"),
        "camera_model": words(tags.main.get(base.Model)) or _said(properties, "tiff:Model"),
        "lens": words(tags.exif.get(base.LensModel))
        or _said(properties, "exifEX:LensModel", "aux:Lens")
        or _lens_in_figures(tags.exif.get(base.LensSpecification)),
        "software": words(tags.main.get(base.Software)),
        "exposure_s": within(number(tags.exif.get(base.ExposureTime)), 0, 100_000),
        "f_number": within(number(tags.exif.get(base.FNumber)), 0, 1000),
        "iso": None if iso is None else round(iso),
        "focal_length_mm": within(number(tags.exif.get(base.FocalLength)), 0, 20_000),
        "focal_length_35mm": None if focal_35mm is None else round(focal_35mm),
    }


def _said(properties: Properties, *names: str) -> str | None:
    return next((properties[name][0] for name in names if name in properties), None)


def _lens_in_figures(value: object) -> str | None:
    """`24-105mm f/4`, from the shortest and longest focal length and the widest aperture at each."""
    said = floats(value)
    if said is None or len(said) != 4 or not 0 < said[0] <= said[1] <= 20_000:
        return None
    short, long, wide, wide_at_long = said
    focal = f"{short:g}mm" if short == long else f"{short:g}-{long:g}mm"
    if wide <= 0:
        return focal
    return f"{focal} f/{wide:g}" if wide_at_long in (wide, 0) else f"{focal} f/{wide:g}-{wide_at_long:g}"


def _where(gps: Directory, told: Told) -> tuple[dict[str, Any], list[str]]:
    is_sensitive = told.is_obscured or told.is_sensitive
    exact, refused = places.place_of(gps)
    notes = [refused] if refused else []
    near = exact
    if exact is None and not (told.latitude is None and told.longitude is None):
        near, refused = places.place(told.latitude, told.longitude)
        notes.append(f"source_{refused}" if refused else "place_from_source")
        # What a source has moved is good for the coarse cell and for nothing else.
        exact = None if told.is_obscured else near
    columns: dict[str, Any] = {
        "latitude": exact.latitude if exact else None,
        "longitude": exact.longitude if exact else None,
        "altitude_m": places.altitude_m(gps),
        "is_sensitive_place": is_sensitive,
    }
    for name, length in GEOHASH_LENGTHS.items():
        is_shown = not is_sensitive or length <= COARSE_LENGTH
        columns[name] = geohash(near, length) if near and is_shown else None
    return columns, notes


def _candidates(tags: Tags, properties: Properties, sets: iptc.Sets, told: Told) -> Iterator[Candidate]:
    for source, stamp in _all_stamps(tags, properties, sets, told):
        if stamp is not None:
            yield Candidate(source, stamp)


def _all_stamps(
    tags: Tags, properties: Properties, sets: iptc.Sets, told: Told
) -> Iterator[tuple[DateSource, Stamp | None]]:
    base = ExifTags.Base
    directory = tags.exif
    yield (
        "exif_original",
        stamps.exif_stamp(
            directory.get(base.DateTimeOriginal),
            directory.get(base.SubsecTimeOriginal),
            directory.get(base.OffsetTimeOriginal),
        ),
    )
    yield (
        "exif_digitized",
        stamps.exif_stamp(
            directory.get(base.DateTimeDigitized),
            directory.get(base.SubsecTimeDigitized),
            directory.get(base.OffsetTimeDigitized),
        ),
    )
    yield (
        "exif_modified",
        stamps.exif_stamp(tags.main.get(base.DateTime), directory.get(base.SubsecTime), directory.get(base.OffsetTime)),
    )
    yield "gps", stamps.gps_stamp(tags.gps)
    yield "xmp_original", stamps.iso_stamp(_said(properties, "exif:DateTimeOriginal"))
    yield "xmp_created", stamps.iso_stamp(_said(properties, "photoshop:DateCreated"))
    yield "xmp_file_created", stamps.iso_stamp(_said(properties, "xmp:CreateDate"))
    day, time = ((sets.get(key) or (None,))[0] for key in (iptc.CREATED_ON, iptc.CREATED_AT))
    yield "iptc_created", stamps.iptc_stamp(day, time)
    for name in told.file_names:
        found = stamps.name_stamp(name)
        if found is not None:
            yield found
    for instant in told.observed_at:
        yield "source_observed_at", stamps.instant_stamp(instant)
    for observed in told.observed_on:
        yield "source_observed_on", stamps.day_stamp(observed)
    yield "listed_at", stamps.instant_stamp(told.listed_at) if told.listed_at else None


def _unread_dates(tags: Tags) -> Iterator[str]:
    """Cameras without a clock write zeros or blanks."""
    said = words(tags.exif.get(ExifTags.Base.DateTimeOriginal))
    if said and stamps.exif_stamp(said) is None:
        yield f"exif_original_is_no_date: {said[:40]}"
