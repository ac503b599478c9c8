"""What a point says of a media."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.stages.examine.places import Place, geohash
from media_pipeline.stages.index.projection import cell_middle, payload
from media_pipeline.stores.index.points import checked_payload

# What every media has.
LEAST: dict[str, Any] = {
    "item_id": UUID(int=1),
    "home_source": "inaturalist",
    "kind": "image",
    "sha256": "ab" * 32,
    "public_code": "MYCO-IMG-00000001",
    "blob_key": "media/inaturalist/1/original.jpg",
    "claimed_at": datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
}
MOST: dict[str, Any] = {
    **LEAST,
    "width_px": 4000,
    "height_px": 3000,
    "phash": "00000000000001ff",
    "quality_points": 81.5,
    "licence": "CC-BY-4.0",
    "licence_family": "cc-by",
    "subject_ids": ["taxon:b", "taxon:a", "taxon:b"],
    "taxa": ["Amanita muscaria"],
    "latitude": 46.95,
    "longitude": 7.44,
    "geohash_4": "u0m7",
    "is_sensitive_place": False,
    "taken_at_utc": datetime(2023, 5, 6, 7, 8, 9, tzinfo=UTC),
    "date_provenance": "exif",
    "parent_media_id": UUID(int=7),
    "offset_s": 1.5,
    "model_name": "descriptor-512",
}


def said(**changed: Any) -> dict[str, Any]:
    return dict(payload({**MOST, **changed}, tenant="club", model="descriptor-512-1"))


def test_a_media_of_which_little_is_known_says_little() -> None:
    """And nothing is null."""
    assert payload(LEAST, tenant="club", model="m-1") == {
        "tenant": "club",
        "model_version": "m-1",
        "image_id": "00000000000000000000000001",
        "public_code": "MYCO-IMG-00000001",
        "key": "media/inaturalist/1/original.jpg",
        "sha256": "ab" * 32,
        "kind": "image",
        "source": "inaturalist",
        "ingest_channel": "batch",
        "created_at": "2024-01-02T03:04:05Z",
    }


def test_a_media_of_which_all_is_known_says_all() -> None:
    """Each field by hand; the index takes every one of them."""
    found = said()
    assert {name: value for name, value in found.items() if name not in payload(LEAST, tenant="x", model="y")} == {
        "width_px": 4000,
        "height_px": 3000,
        "phash": "00000000000001ff",
        # The lowest byte is ff, the next 1, and each band carries its number above its byte.
        "phash_bands": [0x0FF, 0x101, 0x200, 0x300, 0x400, 0x500, 0x600, 0x700],
        "quality_points": 81.5,
        "quality_score": 0.815,
        "licence": "CC-BY-4.0",
        "licence_family": "cc-by",
        "subject": ["taxon:a", "taxon:b"],
        "taxon": ["Amanita muscaria"],
        "place": {"lat": 46.95, "lon": 7.44},
        "taken_at": "2023-05-06T07:08:09Z",
        "parent_media_id": str(UUID(int=7)),
        "offset_s": 1.5,
        "model_name": "descriptor-512",
    }
    assert checked_payload(found, whose="it") == found


def test_an_upload_is_one() -> None:
    """Whatever else comes by itself is a batch."""
    assert said(home_source="uploads")["ingest_channel"] == "upload"


def test_a_sensitive_place_is_told_as_the_middle_of_its_cell() -> None:
    """u0m7 is 46.93 to 47.11 north and 7.38 to 7.73 east; the exact place is in no field."""
    found = said(is_sensitive_place=True)
    assert found["place"] == {"lat": pytest.approx(47.021484375), "lon": pytest.approx(7.55859375)}
    assert found["place_precision"] == "cell"
    assert "46.95" not in str(found)
    assert "7.44" not in str(found)


def test_a_sensitive_place_without_a_cell_is_not_told() -> None:
    """Nor that there is one."""
    found = said(is_sensitive_place=True, geohash_4=None)
    assert "place" not in found
    assert "place_precision" not in found


def test_when_a_source_listed_it_is_not_when_it_was_taken() -> None:
    """A date without another ground is left out."""
    assert "taken_at" not in said(date_provenance="listed_at")


@given(st.floats(-90, 90), st.floats(-180, 180), st.integers(1, 12))
def test_the_middle_of_a_cell_is_in_the_cell(latitude: float, longitude: float, length: int) -> None:
    """Whatever the place and the length."""
    cell = geohash(Place(latitude, longitude), length)
    middle = cell_middle(cell)
    assert geohash(Place(middle["lat"], middle["lon"]), length) == cell
