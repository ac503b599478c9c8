"""Examine in the pipeline: what listings say of a file, said anew, and what is shown of a place that is hidden."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image
from sqlalchemy import insert, inspect, select, text, update

from media_pipeline.config import Settings
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.selections import facts_told_of_media
from media_pipeline.stores.catalog.tables import SCHEMA
from media_pipeline.stores.library import Library, open_library
from media_pipeline_tests.films import clip, picture
from media_pipeline_tests.sweep.canonical import dump
from media_pipeline_tests.walking import materialize

# 57.64911, 10.40744 is u4pruydqqvj.
LATITUDE, LONGITUDE = 57.64911, 10.40744
COLUMNS = ("is_sensitive_place", "geohash_4", "geohash_6", "geohash_8", "geohash")


def photo(scene: int = 0, *, placed: bool = True) -> bytes:
    exif = Image.Exif()
    if placed:
        exif[ExifTags.Base.ImageDescription] = "By the hollow oak of Skagen"
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(
            {
                ExifTags.GPS.GPSLatitudeRef: "N",
                ExifTags.GPS.GPSLatitude: (LATITUDE, 0.0, 0.0),
                ExifTags.GPS.GPSLongitudeRef: "E",
                ExifTags.GPS.GPSLongitude: (LONGITUDE, 0.0, 0.0),
                ExifTags.GPS.GPSAltitude: 1234.5,
            }
        )
    out = io.BytesIO()
    Image.fromarray(picture(scene)).save(out, "JPEG", exif=exif)
    return out.getvalue()


def subject(library: Library, name: str, *lists: str) -> dict[str, Any]:
    row = {"tenant": library.tenant, "subject_id": name, "kind": "taxon", "name": name, "synonyms": [], "options": {}}
    return row | {"lists": list(lists), "is_rare": False, "source_ids": {}, "origin": "command", "is_active": True}


def obscured(library: Library) -> None:
    with library.engine.begin() as catalog:
        catalog.execute(update(tables.source_listings).values(is_obscured=True))


def of_a_sensitive_subject(library: Library) -> None:
    with library.engine.begin() as catalog:
        catalog.execute(insert(tables.subjects).values(subject(library, "orchid", "sensitive")))
        catalog.execute(update(tables.source_listings).values(subject_id="orchid"))


def showing_a_sensitive_subject_too(library: Library) -> None:
    """Its listing names another, as of a photo that several observations share."""
    listed = tables.source_listings.c
    with library.engine.begin() as catalog:
        for name, lists in (("oak", ()), ("orchid", ("sensitive",))):
            catalog.execute(insert(tables.subjects).values(subject(library, name, *lists)))
        catalog.execute(update(tables.source_listings).values(subject_id="oak"))
        for listing in catalog.execute(select(listed.listing_id, listed.page_id)).all():
            for number, name in enumerate(("oak", "orchid")):
                observation = {"observation_id": str(number), "subject_id": name, "reported_by": "uploads"}
                catalog.execute(
                    insert(tables.source_observations).values(
                        tenant=library.tenant, listing_id=listing.listing_id, page_id=listing.page_id, **observation
                    )
                )


HIDDEN_BY = (obscured, of_a_sensitive_subject, showing_a_sensitive_subject_too)


@pytest.mark.parametrize("hidden", HIDDEN_BY)
def test_a_place_that_is_hidden_later_is_shown_nowhere_after_the_next_run(
    settings: Settings, bucket: Path, hidden: Callable[[Library], None]
) -> None:
    """Facts are stale as soon as a listing says so: of a photo and of a video's frames only the coarse cell is left. No
    view, no description, nothing in the index tells the place, the height, or what somebody wrote about it."""
    (bucket / "photo.jpg").write_bytes(photo())
    (bucket / "clip.mp4").write_bytes(clip(words={"location": f"+{LATITUDE}+0{LONGITUDE}/", "title": "hollow oak"}))
    facts = select(*(tables.media_metadata.c[name] for name in COLUMNS)).distinct()
    with open_library(settings) as library:
        assert materialize(settings).success
        with library.engine.begin() as catalog:
            found = {tuple(row)[:4] for row in catalog.execute(facts)}
            assert found == {(False, "u4pr", "u4pruy", "u4pruydq"), (False, None, None, None)}
            catalog.execute(update(tables.source_listings).values(latitude=LATITUDE, longitude=LONGITUDE))
        hidden(library)
        assert materialize(settings).success
        with library.engine.connect() as catalog:
            assert {tuple(row) for row in catalog.execute(facts)} == {(True, "u4pr", None, None, None)}
            assert catalog.scalar(select(tables.videos.c.latitude)) == pytest.approx(LATITUDE, abs=1e-4)
            shown = {
                view: str(catalog.execute(text(f'select * from {SCHEMA}."{view}"')).all())  # noqa: S608
                for view in inspect(library.engine).get_view_names(SCHEMA)
            }
            shown["descriptions"] = str(catalog.execute(select(tables.descriptions)).all())
            shown["points"] = str(dump(library)["points"])
    assert {"training_general", "training_hq", "candidates", "image_stats"} < shown.keys()
    assert shown["training_general"] != "[]"
    assert "'place_precision', 'cell'" in shown["points"]
    for what, words in shown.items():
        for secret in ("57.64", "10.407", "1234.5", "u4pru", "hollow oak"):
            assert secret not in words, what


def test_only_what_changes_a_fact_makes_facts_stale(settings: Settings, bucket: Path) -> None:
    """Another title, date, place or listing does; another licence, another zone of whoever asks does not."""
    (bucket / "photo.jpg").write_bytes(photo(placed=False))
    listed = tables.source_listings
    with open_library(settings) as library:
        assert materialize(settings).success

        def told(zone: str = "UTC", **changes: object) -> str:
            with library.engine.begin() as catalog:
                if changes:
                    catalog.execute(update(listed).values(changes))
                catalog.execute(text(f"set local timezone to '{zone}'; set local datestyle to 'German'"))
                return str(catalog.execute(facts_told_of_media(library.tenant)).one().facts_told)

        told(observed_at="2024-05-04T10:30:00+02:00", observed_on="2024-05-04", latitude=1.0, longitude=2.0)
        first = told()
        assert told("Asia/Tokyo") == first
        assert told(licence="CC0-1.0", licence_is_open=True, attribution="somebody") == first
        seen = [
            first,
            told(title="another"),
            told(observed_at="2024-05-04T10:31:00+02:00"),
            told(observed_on="2024-05-05"),
            told(latitude=1.1),
            told(longitude=2.1),
            told(is_obscured=True),
        ]
    assert len(set(seen)) == len(seen)
