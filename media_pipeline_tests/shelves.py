"""Media as the stages before the index leave them, without a picture: rows of the catalog and a drawn vector."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5

import numpy as np
from sqlalchemy import insert, select

from media_pipeline.models import model_of
from media_pipeline.records import NAMESPACE
from media_pipeline.stores import ledger
from media_pipeline.stores.catalog import index_pointers, tables
from media_pipeline.stores.index.points import Point, Vector
from media_pipeline.stores.ledger import Entry, Output
from media_pipeline.stores.library import Library

PAGE = UUID(int=9)


def media_of(number: int) -> UUID:
    return uuid5(NAMESPACE, str(number))


def vector_of(number: int, dims: int = 512) -> Vector:
    drawn = np.random.default_rng(number).normal(size=dims).astype(np.float32)
    unit: Vector = drawn / np.linalg.norm(drawn)
    return unit


def shelve(library: Library, numbers: Sequence[int], *, version: str | None = None) -> None:
    """Media with a listing, facts and a vector, as the stages before leave them."""
    own = {"tenant": library.tenant}
    model = version or model_of(library.settings).version
    with library.engine.begin() as catalog:
        page = {**own, "page_id": PAGE, "source": "uploads", "partition": "uploads", "blob_key": "p", "sha256": "p"}
        if catalog.scalar(select(tables.source_pages.c.page_id)) is None:
            catalog.execute(insert(tables.source_pages).values(**page, entry_count=0))
        for number in numbers:
            media = {**own, "media_id": media_of(number)}
            listing = {**own, "listing_id": media_of(1000 + number)}
            catalog.execute(
                insert(tables.source_listings).values(
                    **listing,
                    page_id=PAGE,
                    source="uploads",
                    partition="uploads",
                    source_key=str(number),
                    edition="",
                    original_url="",
                    fallback_urls=[],
                    reported_by="uploads",
                    licence="CC-BY-4.0",
                    licence_family="cc-by",
                    licence_is_open=True,
                    priority=0,
                    allows_commercial=True,
                    allows_derivatives=True,
                    needs_attribution=True,
                    is_obscured=False,
                )
            )
            catalog.execute(
                insert(tables.media).values(
                    **media,
                    sha256=str(number),
                    public_code=f"CODE-{number}",
                    home_source="uploads",
                    home_partition="uploads",
                    kind="image",
                    content_type="image/jpeg",
                    extension="jpg",
                    size_bytes=1,
                    blob_key=f"media/{number}",
                )
            )
            catalog.execute(insert(tables.media_links).values(**media, listing_id=listing["listing_id"]))
            catalog.execute(
                insert(tables.media_metadata).values(
                    **media, format="JPEG", width_px=4, height_px=3, orientation=1, color_mode="RGB", frame_count=1
                )
            )
            catalog.execute(
                insert(tables.embeddings).values(**media, model_version=model, vector=vector_of(number).tobytes())
            )
        settle(library, numbers, "metadata")
        settle(library, numbers, "embeddings", version=model)


def settle(library: Library, numbers: Sequence[int], output: str, *, version: str = "1", reason: str = "") -> None:
    """Ledger rows, done or for this reason not applicable."""
    status, told = ("not_applicable", reason) if reason else ("done", None)
    done = [
        Entry(
            media_of(number),
            Output(output, version),
            "uploads",
            "",
            "not_applicable" if status != "done" else "done",
            told,
        )
        for number in numbers
    ]
    with library.engine.begin() as catalog:
        ledger.record(catalog, done, tenant=library.tenant, run_id="test", now=ledger.utc_now())


def held(library: Library, *, version: str | None = None) -> dict[int, Point]:
    """What the index holds, by the numbers of the media."""
    wanted = version or model_of(library.settings).version
    with library.engine.connect() as catalog:
        pointer = index_pointers.pointer_of(catalog, library.tenant, wanted)
    assert pointer is not None
    reader = library.index.open(wanted, pointer.name)
    numbers = {media_of(number): number for number in range(100)}
    try:
        assert reader.count() == pointer.point_count
        return {numbers[point.id]: point for point in reader.scroll(None, 1000)}
    finally:
        reader.close()
