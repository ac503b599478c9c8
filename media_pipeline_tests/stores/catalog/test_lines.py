"""Lines of COPY: what they bring into the catalog is what rows bring."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select

from media_pipeline.licences import licence
from media_pipeline.records import Listing
from media_pipeline.stores.catalog import listings, tables
from media_pipeline.stores.catalog.lines import COLUMNS, Telling, lines_of
from media_pipeline.stores.library import Library

MONDAY = datetime(2026, 5, 4, 12, tzinfo=UTC)
PAGE = UUID(int=7)
TELLING = Telling("public", PAGE, "inaturalist_open_data", 100, MONDAY)
# What PostgreSQL takes, without the three signs that stand between cells, which no text of a listing holds.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\x1d\x1e\x1f"), max_size=20)
LISTINGS = st.builds(
    Listing,
    source=st.just("inaturalist"),
    source_key=TEXT,
    edition=TEXT,
    original_url=TEXT,
    licence=st.builds(licence, TEXT) | st.just(licence("cc-by-sa-3.0-de")),
    page_url=st.none() | TEXT,
    attribution=st.none() | TEXT,
    creator=st.none() | TEXT,
    title=st.none() | TEXT,
    fallback_urls=st.lists(TEXT, max_size=2).map(tuple),
    thumbnail_url=st.none() | TEXT,
    subject_id=st.none() | TEXT,
    size_bytes=st.none() | st.integers(0, 2**40),
    width_px=st.none() | st.integers(0, 2**20),
    height_px=st.none() | st.integers(0, 2**20),
    content_type=st.none() | TEXT,
    sha1=st.none() | TEXT,
    taxon_name=st.none() | TEXT,
    species_confidence=st.none() | st.floats(0, 1),
    observation_ids=st.lists(TEXT, max_size=2).map(tuple),
    observed_on=st.none() | st.dates(date(1800, 1, 1)),
    observed_at=st.none() | st.datetimes(datetime(1800, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    latitude=st.none() | st.floats(-90, 90),
    longitude=st.none() | st.floats(-180, 180),
    coordinate_uncertainty_m=st.none() | st.floats(0, 1e9),
    is_obscured=st.booleans(),
    prior_points=st.none() | st.floats(0, 100),
)


@pytest.fixture
def catalog(library: Library) -> Iterator[Connection]:
    with library.engine.connect() as connection:
        page = {"tenant": "public", "page_id": PAGE, "source": "s", "partition": "s", "blob_key": "", "sha256": ""}
        connection.execute(insert(tables.source_pages).values(page | {"entry_count": 1, "received_at": MONDAY}))
        connection.commit()
        yield connection


def _listed(catalog: Connection) -> list[Any]:
    listed = tables.source_listings
    columns = [column for column in listed.columns if column.name != "listed_at"]
    return [
        *catalog.execute(select(*columns).order_by(listed.c.listing_id)),
        *catalog.execute(select(tables.source_observations).order_by("listing_id", "observation_id")),
    ]


def test_every_column_of_a_row_is_in_a_line() -> None:
    """A new column is put into both."""
    assert sorted(COLUMNS) == sorted((*listings.COLUMNS, "observation_ids"))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=st.lists(LISTINGS, max_size=4, unique_by=lambda one: (one.source_key, one.edition)))
def test_lines_bring_what_rows_bring(catalog: Connection, found: list[Listing]) -> None:
    """Tabs, line ends, backslashes, nulls, quotes, identities."""
    with catalog.begin() as transaction:
        rows = [
            listings.row_of(
                one,
                tenant="public",
                partition="p",
                page=PAGE,
                reported_by="inaturalist_open_data",
                priority=100,
                received_at=MONDAY,
            )
            for one in found
        ]
        listings.merge(catalog, rows)
        by_rows = _listed(catalog)
        transaction.rollback()
    with catalog.begin() as transaction:
        listings.merge_lines(catalog, lines_of(((one, "p") for one in found), TELLING))
        by_lines = _listed(catalog)
        transaction.rollback()
    assert by_lines == by_rows
