"""Unpack: pictures that are in videos, and a picture of every sound; each becomes a media of its own.

Such a media has a parent, and goes the way of any photo. Its row is claimed and its blob put before the rows here are
committed, as with originals; what then names it is a row of `video_frames` or `audio_waveforms`. One that nothing names
any more, because other frames are chosen today, is removed when all else is done.

What is not here: how a file is unpacked (unpacking.py and the nouns it calls).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal
from uuid import UUID

import dagster as dg
from sqlalchemy import Connection, Float, Table, and_, cast, delete, exists, func, null, or_, select, update

from media_pipeline import records
from media_pipeline.config import Settings
from media_pipeline.orchestration.partitions import source_of
from media_pipeline.orchestration.reports import results_of, run_of
from media_pipeline.orchestration.work import ItemWork, Progress, Run, desk, work_off
from media_pipeline.records import Made, NewBlob, Results
from media_pipeline.stages.unpack import keyframes, shots, sounds, videos, waveforms
from media_pipeline.stages.unpack.unpacking import MADE, NewMedia, Task, sound_unpacked, video_unpacked
from media_pipeline.stores import ledger
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.claims import blob_key, claimed
from media_pipeline.stores.catalog.selections import items_of
from media_pipeline.stores.ledger import Due, Output
from media_pipeline.stores.library import Library

Kind = Literal["video", "audio"]
# The outputs whose rows name a media that was made, and the column that does.
MAKERS: dict[str, tuple[Table, str]] = {
    "video_frames": (tables.video_frames, "frame_media_id"),
    "audio_waveforms": (tables.audio_waveforms, "waveform_media_id"),
}
DESCRIPTIONS = {
    "videos": "What a video says of itself. One row is one video: length, size, codec, date, place, and what is odd.",
    "shots": "Where a video is cut. One row is one shot of one video: from when to when.",
    "video_frames": "Pictures that stand for a video, chosen over its shots. One row is one frame of one video, at its "
    "true time; each is a media of its own.",
    "sounds": "What a sound file says of itself. One row is one sound: length, codec, channels, how loud.",
    "audio_waveforms": "The picture of a sound: how loud it is along its way. One row is one sound; the picture is a "
    "media of its own, and all by which the sound is found.",
}


def outputs(settings: Settings) -> tuple[Output, ...]:
    return (*_of_videos(settings), *_of_sounds())


def _of_videos(settings: Settings) -> dict[Output, Table]:
    frames = f"{shots.VERSION}.{keyframes.VERSION}/{settings.max_keyframes}"
    return {
        Output("videos", videos.VERSION, of="video"): tables.videos,
        Output("shots", shots.VERSION, of="video"): tables.shots,
        Output("video_frames", frames, of="video"): tables.video_frames,
    }


def _of_sounds() -> dict[Output, Table]:
    return {
        Output("sounds", sounds.VERSION, of="audio"): tables.sounds,
        Output("audio_waveforms", f"{sounds.VERSION}.{waveforms.VERSION}", of="audio"): tables.audio_waveforms,
    }


def _specs(*names: str, version: str) -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            name,
            deps=["originals"],
            description=DESCRIPTIONS[name],
            code_version=version,
            kinds={"ffmpeg", "postgres"},
            skippable=True,
        )
        for name in names
    ]


@dg.multi_asset(
    specs=_specs("videos", "shots", "video_frames", version=f"{videos.VERSION}.{shots.VERSION}.{keyframes.VERSION}"),
    can_subset=True,
)
def unpack_videos(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> Iterator[dg.MaterializeResult[None]]:
    """One look at a video, all that is unpacked from it."""
    yield from _unpacked(context, library, progress, outputs=_of_videos(library.settings), kind="video")


@dg.multi_asset(
    specs=_specs("sounds", "audio_waveforms", version=f"{sounds.VERSION}.{waveforms.VERSION}"), can_subset=True
)
def unpack_sounds(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> Iterator[dg.MaterializeResult[None]]:
    """One hearing of a sound, and the picture of it."""
    yield from _unpacked(context, library, progress, outputs=_of_sounds(), kind="audio")


def _unpacked(
    context: dg.AssetExecutionContext,
    library: Library,
    progress: Progress,
    *,
    outputs: Mapping[Output, Table],
    kind: Kind,
) -> Iterator[dg.MaterializeResult[None]]:
    chosen = {
        output: table for output, table in outputs.items() if dg.AssetKey(output.name) in context.selected_asset_keys
    }
    run = run_of(context, library, progress)
    work = ItemWork(
        outputs=chosen,
        items=lambda run: _files(run, kind),
        key="media_id",
        load=_task,
        compute=video_unpacked if kind == "video" else sound_unpacked,
        settle=_claimed,
    )
    report = work_off(work, run)
    for output in chosen:
        if output.name in MAKERS and not report.held_by:
            tidy(run, output)
    yield from results_of(library, list(chosen), report)


def _files(run: Run, kind: Kind) -> Any:
    media = tables.media
    return (
        items_of(kind, run.library.tenant)
        .add_columns(media.c.blob_key, media.c.sha256, media.c.content_type)
        .where(media.c.home_partition == run.partition)
        .subquery("items")
    )


def _task(run: Run, due: Due) -> Task:
    settings = run.library.settings
    return Task(
        run.library.blobs.get(due.row["blob_key"], sha256=due.row["sha256"]),
        due.row["content_type"],
        frozenset(name for name in due.inputs if name not in due.blocked),
        settings.max_pixels,
        settings.max_keyframes,
        run.clock(),
    )


def _claimed(run: Run, due: Due, results: Results) -> Results:
    """Each picture that was made becomes a media; the rows name it."""
    settled = dict(results)
    for name, (_, column) in MAKERS.items():
        made = results.get(name)
        if not isinstance(made, Made):
            continue
        rows, blobs = [], []
        for row in made.rows:
            new: NewMedia = row[MADE]
            media_id, key = _claim(run, new, parent=due.item_id)
            rows.append({**{field: value for field, value in row.items() if field != MADE}, column: media_id})
            blobs.append(NewBlob(key, new.data, new.content_type))
        settled[name] = Made(tuple(rows), tuple(blobs))
    return settled


def _claim(run: Run, new: NewMedia, *, parent: UUID) -> tuple[UUID, str]:
    tenant, source = run.library.tenant, source_of(run.partition)
    identity = records.media_id(tenant, new.sha256)
    row = {
        "tenant": tenant,
        "media_id": identity,
        "sha256": new.sha256,
        "home_source": source,
        "home_partition": run.partition,
        "kind": "image",
        "content_type": new.content_type,
        "extension": new.extension,
        "size_bytes": len(new.data),
        "blob_key": blob_key(source, identity, new.extension),
        "parent_media_id": parent,
        "offset_s": new.offset_s,
    }
    codes = records.public_codes(identity, run.library.settings.code_prefix)
    winner = claimed(run.library.engine, row, codes=codes)
    return winner.media_id, winner.blob_key


def tidy(run: Run, output: Output) -> int:
    """A picture of several files has the first of them as its parent, whichever was unpacked first. One that nothing
    names any more is removed with all that is known of it; how many.

    Under the lock of the output, so that no claim of a run that is still at work is taken for one that is left.
    """
    table, column = MAKERS[output.name]
    with desk(run, [output]) as (_, place):
        if place is None:
            return 0
        with place.connection.begin():
            _put_in_order(place.connection, run, table, column)
            gone = _unnamed(place.connection, run, output.name)
            if gone:
                tenant = run.library.tenant
                ledger.forget_media(place.connection, tenant, gone)
                # Its groups go with it, and what was in them is compared again.
                ledger.outdate(place.connection, tenant, "duplicate_groups", [run.partition])
                media = tables.media
                place.connection.execute(delete(media).where(media.c.tenant == tenant, media.c.media_id.in_(gone)))
    return len(gone)


def _put_in_order(connection: Connection, run: Run, table: Table, column: str) -> None:
    media, made = tables.media, table.c[column]
    offset = table.c.offset_s if "offset_s" in table.c else cast(null(), Float)
    order = func.row_number().over(partition_by=made, order_by=(table.c.media_id, offset))
    rows = select(made.label("made"), table.c.media_id.label("parent"), offset.label("offset_s"), order.label("n"))
    first = rows.where(table.c.tenant == run.library.tenant).subquery("first")
    connection.execute(
        update(media)
        .where(
            media.c.tenant == run.library.tenant,
            media.c.home_partition == run.partition,
            media.c.media_id == first.c.made,
            first.c.n == 1,
            media.c.parent_media_id.is_not(None),
            or_(media.c.parent_media_id != first.c.parent, media.c.offset_s.is_distinct_from(first.c.offset_s)),
        )
        .values(parent_media_id=first.c.parent, offset_s=first.c.offset_s)
    )


def _unnamed(connection: Connection, run: Run, output: str) -> list[UUID]:
    """Made of a file that is done with for now, and named by no file, no listing."""
    media, links, rows = tables.media, tables.media_links, tables.ledger
    is_named = [
        exists().where(table.c.tenant == media.c.tenant, table.c[column] == media.c.media_id)
        for table, column in MAKERS.values()
    ]
    is_linked = exists().where(links.c.tenant == media.c.tenant, links.c.media_id == media.c.media_id)
    # What failed for a passing reason comes again, with the same pictures.
    of_parent = and_(
        rows.c.tenant == media.c.tenant, rows.c.output == output, rows.c.item_id == media.c.parent_media_id
    )
    query = (
        select(media.c.media_id)
        .join(rows, of_parent)
        .where(
            media.c.tenant == run.library.tenant,
            media.c.home_partition == run.partition,
            rows.c.retry_at.is_(None),
            ~or_(is_linked, *is_named),
        )
        .order_by(media.c.media_id)
    )
    return list(connection.scalars(query))
