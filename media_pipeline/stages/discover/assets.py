"""Discover: what is there to be had. Pages are stored as received, then read: a better parser needs no second request.

What is not here: how a page reads (sources/), the bytes of any photo (stages/fetch).
"""

import gzip
import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from functools import partial

import dagster as dg
from pydantic import Field
from sqlalchemy import Connection, FromClause, and_, delete, select
from sqlalchemy.dialects.postgresql import insert

from media_pipeline.config import Settings
from media_pipeline.errors import AnswerError, BlobCorrupt, BlobMissing, ItemError
from media_pipeline.orchestration import open_data
from media_pipeline.orchestration.partitions import partition_for, source_of
from media_pipeline.orchestration.rechecks import recheck
from media_pipeline.orchestration.reports import result_of, results_of, run_of
from media_pipeline.orchestration.walks import Asking, walk_all
from media_pipeline.orchestration.work import Progress, Report, Run, desk, entry_of
from media_pipeline.records import Made, Result, listing_id, page_id
from media_pipeline.sources import SOURCES, WEB_SOURCES, about_sources
from media_pipeline.sources.chosen import key_of, limits_of, require_contact
from media_pipeline.sources.protocol import CLOSING, RECHECK, Answer, Parsed, Terms, WebSource
from media_pipeline.sources.uploads import PAGE_SIZE, page_of
from media_pipeline.stages.discover.subject_rows import Fault, as_table
from media_pipeline.stages.discover.subjects import read_yaml
from media_pipeline.stores import ledger
from media_pipeline.stores.blobs import BlobInfo
from media_pipeline.stores.catalog import listings, tables
from media_pipeline.stores.catalog.selections import unlisted
from media_pipeline.stores.catalog.subjects import CONTENT, Written, all_subjects, subject_of, sync_file, without_media
from media_pipeline.stores.ledger import Due, Entry, Output
from media_pipeline.stores.library import Library, require_uploads
from media_pipeline.stores.texts import text_of_file

WALKS = Output("source_walks", "1", own_input="asked", of="walk")
ANSWERS = "the_source_answers"
PAGES = Output("source_pages", "1", of="page")
# What is looked at again by the way must not use up the day of what is new.
RECHECKS_A_RUN = 200
# More of them are one mistake, made again and again.
FAULTS_TOLD = 100


def outputs(settings: Settings) -> tuple[Output, ...]:
    return (WALKS, PAGES, listings_output(settings))


def listings_output(settings: Settings) -> Output:
    """Each source's parser has its own version; what an operator says of uploads is read with them."""
    versions = {name: source.parser_version for name, source in SOURCES.items()}
    versions["uploads"] += f"/{_terms(settings).digest}"
    return Output("source_listings", "1", ("source_pages",), of="page", of_sources=tuple(versions.items()))


def _terms(settings: Settings) -> Terms:
    return Terms(settings.uploads_licence, settings.uploads_attribution)


@dg.asset(kinds={"yaml", "postgres"}, code_version="1")
def subjects(context: dg.AssetExecutionContext, library: dg.ResourceParam[Library]) -> dg.MaterializeResult[None]:
    """What to look for. One row is one taxon or place, of the file of subjects or of a command; a row of the file that
    is wrong is told with its line and field, and stays what it was."""
    begun = time.monotonic()
    written, faults = load_subjects(library)
    for fault in faults[:FAULTS_TOLD]:
        context.log.warning("the file of subjects, %s", fault)
    with library.engine.connect() as connection:
        count = len(all_subjects(connection, library.tenant))
    return dg.MaterializeResult(
        metadata={
            "outcome": f"{len(faults)} faults" if faults else "worked" if written.items else "nothing was due",
            "items": written.items,
            "seconds": round(time.monotonic() - begun, 3),
            "added": written.added,
            "changed": written.changed,
            "removed": written.removed,
            "fault_count": len(faults),
            "faults": dg.MetadataValue.md(as_table(faults[:FAULTS_TOLD])),
            "dagster/row_count": count,
        }
    )


class Asked(dg.Config):
    """How a web source is asked in this run; what is not chosen here, the settings say."""

    without_media_only: bool = Field(False, description="only subjects that no accepted photo is of, and those anew")
    relist_days: int | None = Field(None, ge=0, description="every subject that was asked about so long ago; 0: all")
    recheck_days: int | None = Field(
        None, ge=0, description="no subject, but photos of the library that nobody saw for so long; 0: all"
    )


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "source_walks",
            deps=["subjects"],
            description="What each source was asked. One row is one subject at one source: how far its answers were "
            "read, and in which round.",
            kinds={"postgres"},
            code_version=WALKS.version,
        ),
        dg.AssetSpec(
            "source_pages",
            deps=["subjects"],
            description="Answers of the sources, stored as received before anything is read from them. One row is one "
            "answer, or one page of uploaded files that were not listed before.\n\n" + about_sources(),
            kinds={"s3", "postgres"},
            code_version=PAGES.version,
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            ANSWERS,
            asset="source_walks",
            description="Red when a source refuses us or answers nobody. What is stored goes on all the same.",
        )
    ],
)
def source_pages(
    context: dg.AssetExecutionContext,
    config: Asked,
    library: dg.ResourceParam[Library],
    progress: dg.ResourceParam[Progress],
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    run = run_of(context, library, progress)
    source = WEB_SOURCES.get(source_of(run.partition))
    report = store_pages(run) if source is None else ask(run, source, config)
    yield from results_of(library, (WALKS, PAGES), report)
    yield dg.AssetCheckResult(
        check_name=ANSWERS,
        asset_key="source_walks",
        passed=report.trouble is None,
        severity=dg.AssetCheckSeverity.ERROR,
        description=report.trouble,
    )


@dg.asset(deps=["source_pages"], kinds={"postgres"}, code_version="1")
def source_listings(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """What the sources offer. One row is one photo at one source, in one edition of its bytes."""
    return result_of(library, "source_listings", read_pages(run_of(context, library, progress)))


def load_subjects(library: Library) -> tuple[Written, list[Fault]]:
    """The table as the file says, where there is a file; without one, what a former file said stays."""
    path = library.settings.subjects_file
    if path is None:
        return Written(), []
    found, faults = read_yaml(text_of_file(path), name=str(path))
    kept = {fault.subject_id for fault in faults if fault.subject_id}
    with library.engine.begin() as connection:
        return sync_file(connection, library.tenant, found, kept=kept), faults


def ask(run: Run, source: WebSource, asked: Asked) -> Report:
    """Ask a web source about the subjects that are due, and then about photos that nobody saw for long."""
    library, settings = run.library, run.library.settings
    limits = limits_of(source, settings)
    require_contact(source.name, limits, settings)
    asking = Asking(
        source,
        limits,
        partial(library.http.get, source=source.name, limits=limits, key=key_of(source, settings)),
        WALKS,
        PAGES,
        relist_after=_days(settings.relist_days, asked.relist_days),
    )
    if asked.recheck_days is not None:
        return recheck(asking, run, unseen_for=timedelta(days=asked.recheck_days))
    if asked.without_media_only:
        with library.engine.connect() as connection:
            asking = replace(asking, only=without_media(connection, library.tenant), relist_after=timedelta(0))
        return walk_all(asking, run)
    report = walk_all(asking, run)
    if settings.recheck_days and report.held_by is None:
        days = timedelta(days=settings.recheck_days)
        report.add(recheck(asking, run, unseen_for=days, most=RECHECKS_A_RUN))
    return report


def _days(standing: int, chosen: int | None) -> timedelta | None:
    """After how long something is asked again; None: never. Whoever chooses 0 means now, the setting 0 means never."""
    if chosen is not None:
        return timedelta(days=chosen)
    return timedelta(days=standing) if standing else None


def store_pages(run: Run) -> Report:
    """Keys of the bucket that are in no listing yet, page by page; of a dump, what it is asked."""
    if source_of(run.partition) == open_data.SOURCE:
        # Of a dump of millions only what may be fetched is listed.
        settings = run.library.settings
        return open_data.ask_dump(open_data.Looking(frozenset(settings.fetch_licences), WALKS, PAGES), run)
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
                "received_at": run.clock(),
            }
            with place.commit([Entry(page_key, PAGES, run.partition, "", "done")]) as connection:
                connection.execute(insert(tables.source_pages).values(row).on_conflict_do_nothing())
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
    output = listings_output(run.library.settings)
    if source_of(run.partition) == open_data.SOURCE:
        return open_data.read_dump(output, run)
    with desk(run, [output]) as (report, place):
        if place is None:
            return report
        pages = _pages(run)
        run.progress.begin(output.name, place.count_due(pages))
        for due in place.read_due(pages):
            parsed, result = _parsed(run, due)
            report.note(output.name, "listings", len(parsed.listings))
            for rejection in parsed.rejections:
                report.note(output.name, f"rejected/{rejection.reason}")
            with place.commit([entry_of(run, due, output=output, result=result)]) as connection:
                if isinstance(result, Made):
                    _write(connection, run, due, parsed)
            run.progress.advance(output.name, 1)
        run.progress.end(output.name)
    return report


def _pages(run: Run) -> FromClause:
    pages, about = tables.source_pages, tables.subjects
    same = and_(about.c.tenant == pages.c.tenant, about.c.subject_id == pages.c.subject_id)
    return (
        select(
            pages.c.page_id.label("item_id"),
            *(pages.c[name] for name in ("partition", "blob_key", "sha256", "cursor", "status_code", "received_at")),
            *(about.c[name].label(f"about_{name}") for name in CONTENT),
        )
        .select_from(pages.outerjoin(about, same))
        .where(pages.c.tenant == run.library.tenant, pages.c.partition == run.partition)
        .subquery("items")
    )


def _parsed(run: Run, due: Due) -> tuple[Parsed, Result]:
    """What a stored page says; nothing, and why, where it says nothing."""
    row = due.row
    try:
        body = gzip.decompress(run.library.blobs.get(row["blob_key"], sha256=row["sha256"]))
    except (BlobMissing, BlobCorrupt) as error:
        return Parsed(), ItemError("blob_lost", str(error))
    subject = None
    if row["about_subject_id"] is not None:
        subject = subject_of({name: row[f"about_{name}"] for name in CONTENT})
    answer = Answer(
        body,
        status=row["status_code"] or 200,
        subject=subject,
        cursor=row["cursor"] or "",
        terms=_terms(run.library.settings),
    )
    try:
        return SOURCES[source_of(due.partition)].parse(answer), Made()
    except AnswerError as error:
        return Parsed(), error


def _write(connection: Connection, run: Run, due: Due, parsed: Parsed) -> None:
    """The page's listings and rejections, in place of what another parser read from it: what is told no more is
    withdrawn, and keeps its row, because a file may hang on it."""
    library, reporter = run.library, source_of(due.partition)
    rows = [
        listings.row_of(
            listing,
            tenant=library.tenant,
            # A photo belongs to where it lives: GBIF tells of iNaturalist's.
            partition=partition_for(listing.source, listing.source_key, library.settings.shards),
            page=due.item_id,
            reported_by=reporter,
            priority=SOURCES[listing.source].limits.priority,
            received_at=due.row["received_at"],
        )
        for listing in parsed.listings
    ]
    if rows:
        hopeful = listings.merge(connection, rows, telling="licences" if due.row["cursor"] == RECHECK else "all")
        ledger.revive_listings(connection, library.tenant, hopeful, now=run.clock())
    closed = {item.source_key: item.reason for item in parsed.rejections if item.reason in CLOSING}
    told = [row["listing_id"] for row in rows]
    gone = listings.withdrawn(connection, library.tenant, page=due.item_id, told=told, closed=closed, source=reporter)
    listings.mark_vanished(connection, library.tenant, gone, now=due.row["received_at"])
    rejections = tables.source_rejections
    connection.execute(
        delete(rejections).where(rejections.c.tenant == library.tenant, rejections.c.page_id == due.item_id)
    )
    if parsed.rejections:
        connection.execute(
            insert(rejections),
            [
                {"tenant": library.tenant, "page_id": due.item_id, "place": place, **asdict(rejection)}
                for place, rejection in enumerate(parsed.rejections)
            ],
        )
