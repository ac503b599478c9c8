"""Examine: one decode of every original, and all facts that come of it.

What is not here: the decode and the facts (examination.py and the nouns it calls).
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import dagster as dg
from sqlalchemy import Table, and_, exists, select

from media_pipeline.config import Settings
from media_pipeline.orchestration.reports import results_of, run_of
from media_pipeline.orchestration.work import ItemWork, Progress, Run, work_off
from media_pipeline.sources.uploads import Uploads
from media_pipeline.sources.wikimedia_commons import WikimediaCommons
from media_pipeline.stages.examine import facts, hashes, quality, renditions
from media_pipeline.stages.examine.examination import Task, examined
from media_pipeline.stages.examine.facts import NOTHING_TOLD, Told
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.selections import (
    facts_told_of_media,
    linked_media,
    media_offers,
    shows_sensitive_subject,
)
from media_pipeline.stores.ledger import Due, Output
from media_pipeline.stores.library import Library

OUTPUTS = {
    # Another listing of the same file, or the same one later, may tell another name, date or place, or hide the place.
    Output("metadata", facts.VERSION, own_input="facts_told"): tables.media_metadata,
    Output("hashes", hashes.VERSION): tables.hashes,
    Output("quality", quality.VERSION): tables.quality,
    Output("derivatives", renditions.VERSION): tables.derivatives,
}

DESCRIPTIONS = {
    "metadata": "What a file says of itself, and its listings of it. One row is one media: size, format, orientation; "
    "when it was taken, how sure that is and what else was said; where, with what, by whom.",
    "hashes": "Perceptual hashes: pHash, dHash, aHash, wHash. One row is one media; pictures that look alike have "
    "hashes a few bits apart.",
    "quality": "How good a picture is for work. One row is one media: 0 to 100 points, their components, and why.",
    "derivatives": "Smaller pictures for people and models: upright, without metadata. One row is one rendition of one "
    "media.",
}


def outputs(_settings: Settings) -> tuple[Output, ...]:
    return tuple(OUTPUTS)


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            output.name,
            # What is unpacked is examined, too, in the same run.
            deps=["originals", "video_frames", "audio_waveforms"],
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
    yield from results_of(library, list(chosen), work_off(work(chosen), run_of(context, library, progress)))


def work(chosen: Mapping[Output, Table]) -> ItemWork:
    """What the loop is handed for these of its outputs."""
    return ItemWork(outputs=chosen, items=_originals, key="media_id", load=_task, compute=examined)


def _originals(run: Run) -> Any:
    media, drawn = tables.media, tables.audio_waveforms
    is_drawn = exists().where(drawn.c.tenant == media.c.tenant, drawn.c.waveform_media_id == media.c.media_id)
    linked = (
        linked_media(run.library.tenant)
        .add_columns(media.c.kind, media.c.blob_key, media.c.sha256, is_drawn.label("is_drawn"))
        .where(media.c.home_partition == run.partition)
        .subquery("linked")
    )
    told = facts_told_of_media(run.library.tenant).subquery("facts_told_of_media")
    return select(linked, told.c.facts_told).outerjoin(told, told.c.media_id == linked.c.item_id).subquery("items")


def _task(run: Run, due: Due) -> Task:
    wanted = frozenset(name for name in due.inputs if name not in due.blocked)
    is_image = due.row["kind"] == "image"
    data = run.library.blobs.get(due.row["blob_key"], sha256=due.row["sha256"]) if is_image else None
    told = _what_is_told(run, due.item_id) if is_image and "metadata" in wanted else NOTHING_TOLD
    return Task(due.item_id, data, wanted, run.library.settings.max_pixels, told, run.clock(), due.row["is_drawn"])


def _what_is_told(run: Run, media_id: UUID) -> Told:
    """What all listings of the file say of it, or of the video that it is a frame of; the most exact place first."""
    links, listed = media_offers.c, tables.source_listings.c
    query = (
        select(
            *(listed[name] for name in ("source", "source_key", "title", "observed_at", "observed_on", "listed_at")),
            *(listed[name] for name in ("latitude", "longitude", "is_obscured")),
            shows_sensitive_subject().label("is_sensitive"),
        )
        .join_from(
            media_offers,
            tables.source_listings,
            and_(links.tenant == listed.tenant, links.listing_id == listed.listing_id),
        )
        .where(links.tenant == run.library.tenant, links.media_id == media_id)
        .order_by(listed.is_obscured, listed.listing_id)
    )
    with run.library.engine.connect() as connection:
        rows = connection.execute(query).all()
    placed = next((row for row in rows if row.latitude is not None), None)
    return Told(
        # Commons' titles are file names; other sources' keys are numbers.
        file_names=tuple(row.source_key if row.source == Uploads.name else row.title for row in rows if _is_named(row)),
        observed_at=tuple(row.observed_at for row in rows if row.observed_at is not None),
        observed_on=tuple(row.observed_on for row in rows if row.observed_on is not None),
        listed_at=min((row.listed_at for row in rows), default=None),
        latitude=None if placed is None else placed.latitude,
        longitude=None if placed is None else placed.longitude,
        is_obscured=any(row.is_obscured for row in rows),
        is_sensitive=any(row.is_sensitive for row in rows),
    )


def _is_named(row: Any) -> bool:
    return row.source == Uploads.name or (row.source == WikimediaCommons.name and row.title is not None)
