"""Listings, merged: one row for one photo, its own source's word first, the later answer first, changes dated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID, uuid5

import pytest
from sqlalchemy import Connection, insert, select

from media_pipeline.licences import licence
from media_pipeline.records import NAMESPACE, Listing, listing_id
from media_pipeline.stores.catalog import listings, tables
from media_pipeline.stores.library import Library

MONDAY = datetime(2026, 5, 4, 12, tzinfo=UTC)
TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
PHOTO = Listing(
    "inaturalist",
    "7",
    "",
    "https://photos.example/7/original.jpg",
    licence("cc-by-nc", version="4.0"),
    subject_id="morel",
    observation_ids=("100",),
    width_px=2048,
    height_px=1536,
)
SEVEN = listing_id("public", "inaturalist", "7", "")


@pytest.fixture
def catalog(library: Library) -> Iterator[Connection]:
    with library.engine.connect() as connection:
        yield connection


def _page(catalog: Connection, name: str, received_at: datetime) -> UUID:
    page = uuid5(NAMESPACE, name)
    row = {
        "tenant": "public",
        "page_id": page,
        "source": name,
        "partition": name,
        "blob_key": name,
        "sha256": name,
        "entry_count": 1,
        "received_at": received_at,
    }
    with catalog.begin():
        catalog.execute(insert(tables.source_pages).values(row))
    return page


def _merge(
    catalog: Connection,
    page: UUID,
    *photos: Listing,
    at: datetime = MONDAY,
    reported_by: str = "inaturalist",
    telling: Literal["all", "licences"] = "all",
) -> list[UUID]:
    rows = [
        listings.row_of(
            photo,
            tenant="public",
            partition="inaturalist",
            page=page,
            reported_by=reported_by,
            priority=100,
            received_at=at,
        )
        for photo in photos
    ]
    with catalog.begin():
        return list(listings.merge(catalog, rows, telling=telling))


def _row(catalog: Connection) -> dict[str, object]:
    with catalog.begin():
        return dict(catalog.execute(select(tables.source_listings)).mappings().one())


def _changes(catalog: Connection) -> list[tuple[object, ...]]:
    columns = tables.listing_changes.c
    with catalog.begin():
        rows = catalog.execute(
            select(columns.what, columns.former, columns.latter, columns.last_seen_at, columns.noticed_at)
        )
        return [tuple(row) for row in rows]


def test_one_photo_in_two_observations_is_one_listing(catalog: Connection) -> None:
    """Even on one page; both observations and both subjects are kept."""
    page = _page(catalog, "one", MONDAY)
    _merge(catalog, page, PHOTO, replace(PHOTO, observation_ids=("101",), subject_id="fungi"))
    assert _row(catalog)["subject_id"] == "fungi"
    seen = tables.source_observations.c
    with catalog.begin():
        rows = catalog.execute(select(seen.observation_id, seen.subject_id).order_by(seen.observation_id)).all()
    assert [tuple(row) for row in rows] == [("100", "morel"), ("101", "fungi")]


def test_the_same_page_read_again_changes_nothing(catalog: Connection) -> None:
    """But what another parser reads from it is written, and is no change at the source."""
    page = _page(catalog, "one", MONDAY)
    _merge(catalog, page, PHOTO)
    _merge(catalog, page, PHOTO)
    assert _changes(catalog) == []
    _merge(catalog, page, replace(PHOTO, licence=licence("CC0-1.0"), title="better read"))
    assert (_row(catalog)["licence"], _row(catalog)["title"]) == ("CC0-1.0", "better read")
    assert _changes(catalog) == []


def test_a_licence_that_changed_is_recorded_with_both_dates(catalog: Connection) -> None:
    """When the former one was last seen, and when the new one was noticed."""
    _merge(catalog, _page(catalog, "one", MONDAY), PHOTO)
    closed = replace(PHOTO, licence=licence(None))
    hopeful = _merge(catalog, _page(catalog, "two", TUESDAY), closed, at=TUESDAY)
    assert _row(catalog)["licence_family"] == "all-rights-reserved"
    assert hopeful == [SEVEN]
    assert _changes(catalog) == [("licence", PHOTO.licence.name, closed.licence.name, MONDAY, TUESDAY)]


def test_an_earlier_answer_read_later_does_not_go_before_a_later_one(catalog: Connection) -> None:
    """Pages may be read again in any order."""
    early, late = _page(catalog, "one", MONDAY), _page(catalog, "two", TUESDAY)
    _merge(catalog, late, replace(PHOTO, title="late"), at=TUESDAY)
    _merge(catalog, early, replace(PHOTO, title="early"), at=MONDAY)
    assert (_row(catalog)["title"], _row(catalog)["checked_at"]) == ("late", TUESDAY)
    assert _changes(catalog) == []


def test_a_sources_own_word_goes_before_anothers(catalog: Connection) -> None:
    """GBIF tells of iNaturalist's photos, later or earlier: iNaturalist knows better, and is not called changed."""
    told = replace(PHOTO, licence=licence("CC-BY-4.0"), observation_ids=("gbif-1",), width_px=None)
    own, other = _page(catalog, "inaturalist", MONDAY), _page(catalog, "gbif", TUESDAY)
    _merge(catalog, other, told, at=TUESDAY, reported_by="gbif")
    assert _row(catalog)["reported_by"] == "gbif"
    _merge(catalog, own, PHOTO, at=MONDAY)
    assert (_row(catalog)["reported_by"], _row(catalog)["licence"]) == ("inaturalist", PHOTO.licence.name)
    _merge(catalog, other, told, at=WEDNESDAY, reported_by="gbif")
    assert (_row(catalog)["reported_by"], _row(catalog)["width_px"]) == ("inaturalist", 2048)
    assert _changes(catalog) == []
    with catalog.begin():
        assert len(catalog.execute(select(tables.source_observations)).all()) == 2


def test_an_answer_without_an_observation_does_not_forget_where_and_when(catalog: Connection) -> None:
    """A taxon page shows the same photo without its place; an observation without one has lost it."""
    placed = replace(PHOTO, latitude=60.0, longitude=25.0, is_obscured=True)
    _merge(catalog, _page(catalog, "one", MONDAY), placed)
    bare = replace(PHOTO, observation_ids=(), title="of the taxon")
    _merge(catalog, _page(catalog, "two", TUESDAY), bare, at=TUESDAY)
    row = _row(catalog)
    assert (row["latitude"], row["is_obscured"], row["title"]) == (60.0, True, "of the taxon")
    _merge(catalog, _page(catalog, "three", WEDNESDAY), PHOTO, at=WEDNESDAY)
    row = _row(catalog)
    assert (row["latitude"], row["is_obscured"]) == (None, False)


def test_a_second_look_tells_of_the_licence_alone(catalog: Connection) -> None:
    """What is known of the file stays: many a source tells less of a single photo."""
    _merge(catalog, _page(catalog, "one", MONDAY), PHOTO)
    bare = replace(PHOTO, licence=licence(None), original_url="https://photos.example/7/other.jpg", width_px=None)
    _merge(catalog, _page(catalog, "two", TUESDAY), bare, at=TUESDAY, telling="licences")
    row = _row(catalog)
    assert (row["original_url"], row["width_px"]) == (PHOTO.original_url, 2048)
    assert (row["licence_family"], row["checked_at"]) == ("all-rights-reserved", TUESDAY)


def test_a_photo_that_is_there_again_is_recorded_and_may_be_fetched(catalog: Connection) -> None:
    """It had vanished; no failed fetch of before is the last word."""
    _merge(catalog, _page(catalog, "one", MONDAY), PHOTO)
    with catalog.begin():
        catalog.execute(tables.source_listings.update().values(vanished_at=TUESDAY))
    # The former answer, read again, does not bring it back.
    assert _merge(catalog, _page(catalog, "one again", MONDAY), PHOTO) == []
    assert _row(catalog)["vanished_at"] == TUESDAY
    hopeful = _merge(catalog, _page(catalog, "two", WEDNESDAY), PHOTO, at=WEDNESDAY)
    assert hopeful == [SEVEN]
    assert _row(catalog)["vanished_at"] is None
    assert _changes(catalog) == [("returned", None, None, MONDAY, WEDNESDAY)]
