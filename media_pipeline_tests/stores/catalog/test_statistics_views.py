"""The views that count: numbers added up by hand from four uploads that a real run took in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from media_pipeline.config import Settings
from media_pipeline.records import Subject
from media_pipeline.samples.photographs import photograph
from media_pipeline.stores.catalog import subjects
from media_pipeline.stores.catalog.subjects import Standing
from media_pipeline.stores.library import Library
from media_pipeline_tests.walking import materialize

CEPE = Subject("cepe", "taxon", "Boletus edulis", rank="species", lists=("edible",), is_rare=True)
MARKET = Subject("market", "place", "Market", category="eat", city="Madrid")
MOREL = Subject("morel", "taxon", "Morchella")
GONE = Subject("gone", "taxon", "Gone")
# key: subject of its listing, its points, whether its licence is open
UPLOADS = {
    "a.jpg": ("cepe", 3.0, True),
    "a-again.jpg": ("morel", None, False),
    "b.png": ("cepe", 8.0, True),
    "broken.jpg": ("market", None, True),
}


@pytest.fixture
def sizes(settings: Settings, bucket: Path) -> dict[str, int]:
    """Two pictures, one of them twice, and a file that is none: what each weighs."""
    photograph("coffee").save(bucket / "a.jpg", quality=80)
    (bucket / "a-again.jpg").write_bytes((bucket / "a.jpg").read_bytes())
    photograph("astronaut").save(bucket / "b.png")
    (bucket / "broken.jpg").write_text("I am no picture")
    assert materialize(settings).success
    return {path.name: path.stat().st_size for path in bucket.iterdir()}


@pytest.fixture
def catalog(sizes: dict[str, int], library: Library) -> Iterator[Connection]:
    """The uploads, as if they had been found for subjects. The file that is there twice is not open: one says so."""
    with library.engine.connect() as connection, connection.begin():
        subjects.sync_file(connection, "public", [CEPE, MARKET, MOREL, GONE])
        subjects.sync_file(connection, "public", [CEPE, MARKET, MOREL])
        for key, (subject, points, is_open) in UPLOADS.items():
            connection.execute(
                text(
                    "update media.source_listings set subject_id = :subject, prior_points = :points,"
                    " licence_is_open = :open where source_key = :key"
                ),
                {"key": key, "subject": subject, "points": points, "open": is_open},
            )
        yield connection


def rows(catalog: Connection, view: str, order: str = "1, 2") -> list[dict[str, Any]]:
    return [dict(row) for row in catalog.execute(text(f"select * from media.{view} order by {order}")).mappings()]  # noqa: S608


def test_a_library_is_counted_in_one_row(catalog: Connection, sizes: dict[str, int]) -> None:
    """Files that were accepted, whatever was listed; open only where every listing of a file says so."""
    assert rows(catalog, "image_stats", "1") == [
        {
            "tenant": "public",
            "media_count": 2,
            "image_count": 2,
            "size_bytes": sizes["a.jpg"] + sizes["b.png"],
            "listing_count": 4,
            "open_image_count": 1,
            "open_share": 0.5,
            "subject_count": 3,
            "subjects_with_media_count": 2,
            "subjects_without_media_count": 1,
        }
    ]


def test_images_are_counted_by_source_and_by_type(catalog: Connection, sizes: dict[str, int]) -> None:
    """Each file once, at the source that it came from first."""
    both = sizes["a.jpg"] + sizes["b.png"]
    counts = {"image_count": 2, "size_bytes": both, "open_image_count": 1, "listing_count": 4}
    assert rows(catalog, "image_by_source") == [{"tenant": "public", "source": "uploads", **counts}]
    assert rows(catalog, "image_by_type") == [
        {"tenant": "public", "content_type": "image/jpeg", "image_count": 1, "size_bytes": sizes["a.jpg"]},
        {"tenant": "public", "content_type": "image/png", "image_count": 1, "size_bytes": sizes["b.png"]},
    ]


def test_subjects_without_photos_are_named(catalog: Connection) -> None:
    """Active ones; with how many were listed for them, which says whether to look elsewhere or at the failures."""
    market: dict[str, Any] = {
        "tenant": "public",
        "subject_id": "market",
        "kind": "place",
        "name": "Market",
        "rank": None,
        "category": "eat",
        "city": "Madrid",
        "lists": [],
        "is_rare": False,
        "listing_count": 1,
    }
    assert rows(catalog, "subjects_without_media") == [market]
    catalog.execute(text("update media.source_listings set subject_id = null"))
    found = rows(catalog, "subjects_without_media")
    assert [(row["subject_id"], row["listing_count"]) for row in found] == [("cepe", 0), ("market", 0), ("morel", 0)]


def test_a_photo_of_two_subjects_is_one_of_each(catalog: Connection) -> None:
    """Its listing names the first of them; an observation says the other, even twice."""
    catalog.execute(
        text(
            "insert into media.source_observations"
            " (tenant, listing_id, observation_id, subject_id, reported_by, page_id)"
            " select tenant, listing_id, number, 'market', 'inaturalist', page_id"
            " from media.source_listings, (values ('1'), ('2')) as given (number) where source_key = 'a.jpg'"
        )
    )
    assert rows(catalog, "subjects_without_media") == []
    assert subjects.standings(catalog, "public") == [
        Standing(CEPE, "file", 2),
        Standing(MARKET, "file", 1),
        Standing(MOREL, "file", 1),
    ]


def test_candidates_come_by_source_then_by_points(catalog: Connection) -> None:
    """The better source first; without points last; what has vanished is none; what was accepted is named."""
    catalog.execute(text("update media.source_listings set subject_id = 'cepe'"))
    catalog.execute(text("update media.source_listings set priority = 50 where source_key = 'b.png'"))
    keys = text(
        "select l.source_key, c.rank, c.media_id is not null as accepted from media.candidates c"
        " join media.source_listings l using (tenant, listing_id) where c.subject_id = 'cepe' order by c.rank"
    )
    found = [tuple(row) for row in catalog.execute(keys)]
    assert [rank for _key, rank, _accepted in found] == [1, 2, 3, 4]
    assert (found[0], found[3]) == (("a.jpg", 1, True), ("b.png", 4, True))
    assert {key: accepted for key, _rank, accepted in found[1:3]} == {"a-again.jpg": True, "broken.jpg": False}
    catalog.execute(text("update media.source_listings set vanished_at = now() where source_key = 'a.jpg'"))
    assert "a.jpg" not in [row.source_key for row in catalog.execute(keys)]


def test_a_tenant_that_only_has_subjects_has_a_row(catalog: Connection) -> None:
    """Nothing of anything is 0, and a share of nothing is none."""
    subjects.add(catalog, "other", MOREL)
    (other,) = [row for row in rows(catalog, "image_stats", "1") if row["tenant"] == "other"]
    assert (other["media_count"], other["size_bytes"], other["listing_count"]) == (0, 0, 0)
    assert (other["open_share"], other["subject_count"], other["subjects_without_media_count"]) == (None, 1, 1)
    assert [row["subject_id"] for row in rows(catalog, "subjects_without_media")] == ["morel", "market"]
