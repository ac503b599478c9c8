"""Discover: what is there to be had. Pages are stored as received, then read: a better parser needs no second request.

What is not here: how a page reads (sources/), the bytes of any photo (stages/fetch).
"""

import gzip
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from media_pipeline.config import Settings
from media_pipeline.errors import BlobCorrupt, BlobMissing, ItemError
from media_pipeline.orchestration.partitions import partition_for, source_of
from media_pipeline.orchestration.reports import result_of, run_of
from media_pipeline.orchestration.work import Progress, Report, Run, desk, entry_of
from media_pipeline.records import Licence, Listing, Made, Result, listing_id, page_id
from media_pipeline.sources import SOURCES
from media_pipeline.sources.protocol import Answer, Terms
from media_pipeline.sources.uploads import PAGE_SIZE, page_of
from media_pipeline.stores import ledger
from media_pipeline.stores.blobs import BlobInfo
from media_pipeline.stores.catalog.selections import unlisted
from media_pipeline.stores.catalog.tables import source_listings as listings_table
from media_pipeline.stores.catalog.tables import source_pages as pages_table
from media_pipeline.stores.ledger import Due, Entry, Output
from media_pipeline.stores.library import Library, require_uploads

PAGES = Output("source_pages", "1", of="page")


def outputs(settings: Settings) -> tuple[Output, ...]:
    return (PAGES, *(_listings_of(source, settings) for source in SOURCES))


def _listings_of(source: str, settings: Settings) -> Output:
    version = f"{SOURCES[source].parser_version}/{_terms(settings).digest}"
    return Output("source_listings", version, ("source_pages",), of="page")


def _terms(settings: Settings) -> Terms:
    return Terms(settings.uploads_licence, settings.uploads_attribution)


@dg.asset(kinds={"s3", "postgres"}, code_version=PAGES.version)
def source_pages(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """Answers of the sources, stored as received. One row is one page of keys that were not listed before."""
    return result_of(library, "source_pages", store_pages(run_of(context, library, progress)))


@dg.asset(deps=[source_pages], kinds={"postgres"}, code_version="1")
def source_listings(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """What the sources offer. One row is one photo at one source, in one edition of its bytes."""
    return result_of(library, "source_listings", read_pages(run_of(context, library, progress)))


def store_pages(run: Run) -> Report:
    """Keys of the bucket that are in no listing yet, page by page."""
    with desk(run, [PAGES]) as (report, place):
        if place is None:
            return report
        run.progress.begin(PAGES.name, 0)
        for entries in _new_pages(run):
            page = page_of((entry.key, entry.etag, entry.size_bytes) for entry in entries)
            packed = gzip.compress(page, mtime=0)
            digest = hashlib.sha256(page).hexdigest()
            page_key = page_id(run.library.tenant, run.partition, digest)
            blob_key = f"pages/{run.partition}/{page_key}.json.gz"
            run.library.blobs.put_if_absent(blob_key, packed, content_type="application/gzip")
            row = {
                "tenant": run.library.tenant,
                "page_id": page_key,
                "source": source_of(run.partition),
                "partition": run.partition,
                "blob_key": blob_key,
                "sha256": hashlib.sha256(packed).hexdigest(),
                "entry_count": len(entries),
            }
            with place.commit([Entry(page_key, PAGES, run.partition, "", "done")]) as connection:
                connection.execute(insert(pages_table).values(row).on_conflict_do_nothing())
            run.progress.advance(PAGES.name, 1)
        run.progress.end(PAGES.name)
    return report


def _new_pages(run: Run) -> Iterator[list[BlobInfo]]:
    """Pages are cut after the known keys are left out, so that a repeated run cuts the same ones."""
    require_uploads(run.library)
    waiting: list[BlobInfo] = []
    after = ""
    while seen := run.library.bucket.list_after(after=after, limit=PAGE_SIZE):
        waiting += _news(run, seen)
        after = seen[-1].key
        while len(waiting) >= PAGE_SIZE:
            yield waiting[:PAGE_SIZE]
            del waiting[:PAGE_SIZE]
    if waiting:
        yield waiting


def _news(run: Run, seen: Sequence[BlobInfo]) -> list[BlobInfo]:
    library, source = run.library, source_of(run.partition)
    mine = [entry for entry in seen if partition_for(source, entry.key, library.settings.shards) == run.partition]
    ids = [listing_id(library.tenant, source, entry.key, entry.etag) for entry in mine]
    with library.engine.begin() as connection:
        ledger.revive_seen(connection, library.tenant, ids, now=run.clock())
    return unlisted(library.engine, library.tenant, source=source, seen=mine)


def read_pages(run: Run) -> Report:
    """Listings of every page that is new, or that another version of the parser has read."""
    source = source_of(run.partition)
    terms = _terms(run.library.settings)
    output = _listings_of(source, run.library.settings)
    with desk(run, [output]) as (report, place):
        if place is None:
            return report
        pages = (
            select(
                pages_table.c.page_id.label("item_id"),
                pages_table.c.partition,
                pages_table.c.blob_key,
                pages_table.c.sha256,
            )
            .where(pages_table.c.tenant == run.library.tenant, pages_table.c.partition == run.partition)
            .subquery("items")
        )
        run.progress.begin(output.name, place.count_due(pages))
        for due in place.read_due(pages):
            result: Result = Made()
            rows: list[dict[str, Any]] = []
            try:
                page = gzip.decompress(run.library.blobs.get(due.row["blob_key"], sha256=due.row["sha256"]))
                answer = Answer(page, terms=terms)
                rows = [_row(run, due, listing) for listing in SOURCES[source].parse(answer).listings]
            except (BlobMissing, BlobCorrupt) as error:
                result = ItemError("blob_lost", str(error))
            with place.commit([entry_of(run, due, output=output, result=result)]) as connection:
                if rows:
                    statement = insert(listings_table)
                    fresh = {
                        column.name: statement.excluded[column.name]
                        for column in listings_table.columns
                        if not column.primary_key and column.name != "listed_at"
                    }
                    connection.execute(
                        statement.on_conflict_do_update(index_elements=["tenant", "listing_id"], set_=fresh), rows
                    )
            run.progress.advance(output.name, 1)
        run.progress.end(output.name)
    return report


def _row(run: Run, due: Due, listing: Listing) -> dict[str, Any]:
    return {
        "tenant": run.library.tenant,
        "listing_id": listing_id(run.library.tenant, listing.source, listing.source_key, listing.edition),
        "page_id": due.item_id,
        "source": listing.source,
        "partition": run.partition,
        "source_key": listing.source_key,
        "edition": listing.edition,
        "original_url": listing.original_url,
        "fallback_urls": list(listing.fallback_urls),
        "page_url": listing.page_url,
        "thumbnail_url": listing.thumbnail_url,
        "reported_by": source_of(run.partition),
        **_licence_row(listing.licence),
        "attribution": listing.attribution,
        "creator": listing.creator,
        "title": listing.title,
        "subject_id": listing.subject_id,
        "taxon_name": listing.taxon_name,
        "species_confidence": listing.species_confidence,
        "observed_on": listing.observed_on,
        "observed_at": listing.observed_at,
        "latitude": listing.latitude,
        "longitude": listing.longitude,
        "coordinate_uncertainty_m": listing.coordinate_uncertainty_m,
        "is_obscured": listing.is_obscured,
        "size_bytes": listing.size_bytes,
        "width_px": listing.width_px,
        "height_px": listing.height_px,
        "content_type": listing.content_type,
        "sha1": listing.sha1,
        "priority": SOURCES[listing.source].limits.priority,
        "prior_points": listing.prior_points,
    }


def _licence_row(licence: Licence) -> dict[str, Any]:
    return {
        "licence": licence.name,
        "licence_family": licence.family,
        "licence_version": licence.version,
        "licence_jurisdiction": licence.jurisdiction,
        "licence_url": licence.url,
        "licence_is_open": licence.is_open,
        "allows_commercial": licence.allows_commercial,
        "allows_derivatives": licence.allows_derivatives,
        "needs_attribution": licence.needs_attribution,
        "licence_raw": licence.raw,
    }
