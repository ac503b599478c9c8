"""Examine: one decode of every original, and all facts that come of it.

What is not here: the decode and the facts (examination.py and the nouns it calls).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from media_pipeline.config import Settings
from media_pipeline.orchestration.reports import results_of, run_of
from media_pipeline.orchestration.work import ItemWork, Progress, Run, work_off
from media_pipeline.stages.examine import facts, hashes, renditions
from media_pipeline.stages.examine.examination import Task, examined
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.selections import linked_media
from media_pipeline.stores.ledger import Due, Output
from media_pipeline.stores.library import Library

OUTPUTS = {
    Output("metadata", facts.VERSION): tables.media_metadata,
    Output("hashes", hashes.VERSION): tables.hashes,
    Output("derivatives", renditions.VERSION): tables.derivatives,
}

DESCRIPTIONS = {
    "metadata": "What a file says of itself. One row is one media: size, format, orientation, and from EXIF when, "
    "where and with what it was taken.",
    "hashes": "Perceptual hashes. One row is one media; pictures that look alike have hashes a few bits apart.",
    "derivatives": "Smaller pictures for people and models: upright, without metadata. One row is one rendition of one "
    "media.",
}


def outputs(_settings: Settings) -> tuple[Output, ...]:
    return tuple(OUTPUTS)


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            output.name,
            deps=["originals"],
            description=DESCRIPTIONS[output.name],
            code_version=output.version,
            kinds={"pillow", "postgres"},
            skippable=True,
        )
        for output in OUTPUTS
    ],
    can_subset=True,
)
def examine(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> Iterator[dg.MaterializeResult[None]]:
    """One decode, all facts."""
    chosen = {
        output: table for output, table in OUTPUTS.items() if dg.AssetKey(output.name) in context.selected_asset_keys
    }
    work = ItemWork(outputs=chosen, items=_originals, key="media_id", load=_task, compute=examined)
    yield from results_of(library, list(chosen), work_off(work, run_of(context, library, progress)))


def _originals(run: Run) -> Any:
    media = tables.media
    return (
        linked_media(run.library.tenant)
        .add_columns(media.c.kind, media.c.blob_key, media.c.sha256)
        .where(media.c.home_partition == run.partition)
        .subquery("items")
    )


def _task(run: Run, due: Due) -> Task:
    wanted = frozenset(name for name in due.inputs if name not in due.blocked)
    is_image = due.row["kind"] == "image"
    data = run.library.blobs.get(due.row["blob_key"], sha256=due.row["sha256"]) if is_image else None
    return Task(due.item_id, data, wanted, run.library.settings.max_pixels)
