"""Fetch: the bytes of every listing, stored once. A file that is there already gets one more link, no second blob.

What is not here: what may be fetched (stages/discover), what is in the picture (stages/examine).
"""

from typing import Any

import dagster as dg
from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert

from media_pipeline import records
from media_pipeline.config import Settings
from media_pipeline.errors import BadKey, BlobMissing, BlobUnreadable, CatalogError, FetchError
from media_pipeline.orchestration.partitions import source_of
from media_pipeline.orchestration.reports import result_of, run_of
from media_pipeline.orchestration.work import ItemWork, Progress, Run, work_off
from media_pipeline.records import Made, NewBlob, Results
from media_pipeline.stages.fetch.originals import VERSION, Original, accepted, blob_key
from media_pipeline.stores.catalog.tables import media, media_links, source_listings
from media_pipeline.stores.ledger import Due, Output
from media_pipeline.stores.library import Library

ORIGINALS = Output("originals", VERSION, of="listing")


def outputs(_settings: Settings) -> tuple[Output, ...]:
    return (ORIGINALS,)


@dg.asset(deps=["source_listings"], kinds={"s3", "postgres"}, code_version=VERSION)
def originals(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """Original files. One row of `media` is one distinct file of one tenant; one row of `media_links` is one listing
    that offers it."""
    return result_of(library, "originals", work_off(WORK, run_of(context, library, progress)))


def _listings(run: Run) -> Any:
    return (
        select(
            source_listings.c.listing_id.label("item_id"),
            source_listings.c.partition,
            source_listings.c.source_key,
            source_listings.c.edition,
            source_listings.c.size_bytes,
        )
        .where(source_listings.c.tenant == run.library.tenant, source_listings.c.partition == run.partition)
        .subquery("items")
    )


def _bytes_of(run: Run, due: Due) -> tuple[bytes, int]:
    key, edition, limit = due.row["source_key"], due.row["edition"], run.library.settings.max_bytes
    if (due.row["size_bytes"] or 0) > limit:
        raise FetchError("too_large", f"{due.row['size_bytes']} bytes; MEDIA_MAX_BYTES allows {limit}")
    try:
        data = run.library.bucket.get(key)
        # Looked at after reading: a file that was being written while it was read has changed by now.
        seen = run.library.bucket.head(key)
    except (BlobMissing, BadKey) as error:
        # BadKey: its folder has become a link since it was listed, and links are not followed.
        raise FetchError("gone", str(error)) from error
    except BlobUnreadable as error:
        # Of this file alone; a folder or bucket that cannot be reached at all is another error, and ends the run.
        raise FetchError("unreadable", str(error)) from error
    if seen is None:
        raise FetchError("gone", f"{key} was removed while it was read")
    if seen.etag != edition:
        raise FetchError("replaced", f"{key} was {edition}, and is now {seen.etag}")
    return data, limit


def _judged(argument: tuple[bytes, int]) -> Results:
    data, limit = argument
    original = accepted(data, max_bytes=limit)
    return {ORIGINALS.name: Made(rows=({"original": original},))}


def _claimed(run: Run, due: Due, results: Results) -> Results:
    """Claim the media row before its blob is put, and put the blob under the winner's key: two sources that store the
    same bytes at once leave one media, one blob and two links."""
    made = results[ORIGINALS.name]
    if not isinstance(made, Made):
        return results
    original: Original = made.rows[0]["original"]
    winner = _claim(run, original)
    blob = NewBlob(winner.blob_key, original.data, original.type.name)
    return {ORIGINALS.name: Made(rows=({"media_id": winner.media_id},), blobs=(blob,))}


def _claim(run: Run, original: Original) -> Row[Any]:
    tenant, source = run.library.tenant, source_of(run.partition)
    identity = records.media_id(tenant, original.sha256)
    found = select(media).where(media.c.tenant == tenant, media.c.media_id == identity)
    row = {
        "tenant": tenant,
        "media_id": identity,
        "sha256": original.sha256,
        "home_source": source,
        "home_partition": run.partition,
        "kind": original.type.kind,
        "content_type": original.type.name,
        "extension": original.type.extension,
        "size_bytes": len(original.data),
        "blob_key": blob_key(source, identity, original.type.extension),
    }
    codes = records.public_codes(identity, run.library.settings.code_prefix)
    with run.library.engine.begin() as connection:
        for code in codes:
            # No conflict target: either the file is known, or another file has this code and the next is tried.
            connection.execute(insert(media).values(**row, public_code=code).on_conflict_do_nothing())
            if winner := connection.execute(found).one_or_none():
                return winner
    raise CatalogError(f"media {identity}: each of its codes {codes} belongs to another file")


WORK = ItemWork(
    outputs={ORIGINALS: media_links},
    items=_listings,
    key="listing_id",
    load=_bytes_of,
    compute=_judged,
    place="threads",
    settle=_claimed,
)
