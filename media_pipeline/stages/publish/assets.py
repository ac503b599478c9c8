"""Publish: what people and training jobs read, and how complete it is.

The views themselves are migrations (stores/catalog/migrations): they are always current, and this stage says what they
hold. What is not here: exports to files.
"""

import time
from collections.abc import Sequence
from typing import Any

import dagster as dg
from sqlalchemy import Connection, and_, delete, exists, func, insert, select, text

from media_pipeline.orchestration.partitions import source_of
from media_pipeline.orchestration.reports import run_of
from media_pipeline.orchestration.work import Desk, Progress, Report, Run, desk
from media_pipeline.stages.publish.fields import FIELDS, Field, closed_by
from media_pipeline.stores import ledger
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.selections import items_of
from media_pipeline.stores.ledger import Output
from media_pipeline.stores.library import Library
from media_pipeline.stores.reasons import REASONS

VERSION = "1"
VIEWS = ("training_general", "training_hq")


@dg.asset(
    deps=["originals", "metadata", "hashes", "quality", "moderation", "duplicate_groups"],
    kinds={"postgres", "sql"},
    code_version=VERSION,
)
def training_views(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """The views `media.training_general` and `media.training_hq`. One row is one picture that may be trained on:
    every image that is not a lesser copy, and of these the ones of high quality under an open licence."""
    begun = time.monotonic()
    watcher = run_of(context, library, progress).progress
    watcher.begin("training_views", len(VIEWS))
    sizes = view_sizes(library)
    watcher.advance("training_views", len(VIEWS))
    watcher.end("training_views")
    return dg.MaterializeResult(
        metadata={**sizes, "items": sizes["training_general"], "seconds": round(time.monotonic() - begun, 3)}
    )


@dg.asset(
    deps=[
        "originals",
        "videos",
        "shots",
        "video_frames",
        "sounds",
        "audio_waveforms",
        "metadata",
        "hashes",
        "quality",
        "derivatives",
        "embeddings",
        "crop_embeddings",
        "aesthetics",
        "tags",
        "moderation",
        "descriptions",
        "vector_index",
        "duplicate_groups",
        "bursts",
        "clusters",
        "anomalies",
    ],
    kinds={"postgres"},
    code_version=VERSION,
)
def coverage(
    context: dg.AssetExecutionContext,
    library: dg.ResourceParam[Library],
    progress: dg.ResourceParam[Progress],
    outputs: dg.ResourceParam[tuple[Output, ...]],
) -> dg.MaterializeResult[None]:
    """How complete the library is. One row is one field of one source in one state: done, not applicable, never ran,
    failed with a reason, dead, or stale; each gap names the command that closes it."""
    report, rows = refresh_coverage(run_of(context, library, progress), outputs)
    if report.held_by:
        return dg.MaterializeResult(metadata={"outcome": f"held by {report.held_by}"})
    gaps = dg.MetadataValue.md(_as_table(rows))
    return dg.MaterializeResult(
        metadata={
            "outcome": "worked",
            "coverage": gaps,
            "dagster/row_count": len(rows),
            "items": len(rows),
            "seconds": round(report.seconds, 3),
        }
    )


def view_sizes(library: Library) -> dict[str, int | str]:
    """Rows per view; «never ran» for one that waits for quality scores that nobody has made yet."""
    with library.engine.connect() as connection:
        sizes: dict[str, int | str] = {
            view: connection.scalar(
                text(f"select count(*) from media.{view} where tenant = :tenant"),  # noqa: S608
                {"tenant": library.tenant},
            )
            or 0
            for view in VIEWS
        }
        scored = connection.scalar(select(exists().where(tables.quality.c.tenant == library.tenant)))
    return sizes if scored else {**sizes, "training_hq": "never ran: no picture has a quality score"}


def refresh_coverage(run: Run, outputs: Sequence[Output]) -> tuple[Report, list[dict[str, Any]]]:
    """Count, and write what is different from last time: `since` then says how long it has been so."""
    with desk(run, [Output("coverage", VERSION)]) as (report, place):
        if place is None:
            return report, []
        run.progress.begin("coverage", len(FIELDS))
        with place.connection.begin():
            rows = measured(place.connection, run.library.tenant, outputs)
            _write(place, rows)
        run.progress.advance("coverage", len(FIELDS))
        run.progress.end("coverage")
    return report, rows


def measured(connection: Connection, tenant: str, outputs: Sequence[Output]) -> list[dict[str, Any]]:
    """The rows of table `coverage` as they are now."""
    versions = {output.name: output for output in outputs}
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for field in FIELDS:
        items = items_of(field.of, tenant).subquery("items")
        for partition, status, reason, count in connection.execute(_counted(field, items, versions, tenant)):
            row = {
                "tenant": tenant,
                "source": source_of(partition),
                "field": field.name,
                "status": status,
                "reason": reason,
                "item_count": count,
                "closed_by": _closed_by(field, status, reason),
            }
            key = (row["source"], field.name, status, reason)
            if key in rows:
                rows[key]["item_count"] += count
            else:
                rows[key] = row
    return list(rows.values())


def _closed_by(field: Field, status: str, reason: str) -> str:
    known = REASONS.get(reason)
    if known is None:
        return closed_by(field, status, reason)
    return closed_by(field, status, reason, first=known.first, by=known.closed_by)


def _counted(field: Field, items: Any, versions: dict[str, Output], tenant: str) -> Any:
    if field.output is None:
        return select(items.c.partition, text("'never_ran'"), text("''"), func.count()).group_by(items.c.partition)
    return ledger.standing(items, versions[field.output], tenant)


def _write(place: Desk, rows: Sequence[dict[str, Any]]) -> None:
    table, tenant = tables.coverage, place.run.library.tenant
    columns = [name for name in table.c.keys() if name != "since"]  # noqa: SIM118
    stored = {
        tuple(row)
        for row in place.connection.execute(
            select(*(table.c[name] for name in columns)).where(table.c.tenant == tenant)
        )
    }
    wanted = {tuple(row[name] for name in columns): row for row in rows}
    key = ("tenant", "source", "field", "status", "reason")
    for former in stored - wanted.keys():
        named = dict(zip(columns, former, strict=True))
        place.connection.execute(delete(table).where(and_(*(table.c[name] == named[name] for name in key))))
    if new := [row for identity, row in wanted.items() if identity not in stored]:
        place.connection.execute(insert(table), new)


def _as_table(rows: Sequence[dict[str, Any]]) -> str:
    lines = ["| source | field | state | items | closed by |", "|---|---|---|---|---|"]
    for row in rows:
        state = f"{row['status']} ({row['reason']})" if row["reason"] else row["status"]
        lines.append(f"| {row['source']} | {row['field']} | {state} | {row['item_count']} | {row['closed_by']} |")
    return "\n".join(lines)
