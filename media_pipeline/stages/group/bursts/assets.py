"""Bursts of the whole library: read, compared, written anew. The asset itself is in ../assets.py.

What is not here: who follows whom (runs.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, delete, func, insert, select

from media_pipeline.config import Settings
from media_pipeline.models import EmbeddingModel, model_of
from media_pipeline.orchestration.work import Desk, Report, Run, desk, entry_of
from media_pipeline.records import NAMESPACE, Made
from media_pipeline.stages.group.bursts.runs import Burst, Pair, Shot, bursts, pairs_to_compare
from media_pipeline.stages.group.carrying import carried
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.arrays import vectors_of
from media_pipeline.stores.catalog.selections import linked_media, same_media
from media_pipeline.stores.ledger import Entry, Output

NAME: Final = "bursts"
VERSION: Final = "1"
ROWS_AT_A_TIME: Final = 5_000
NO_LOOK_TEST: Final = "no test of looks: nobody has measured which cosine of this model means «the same scene»"


def output_of(settings: Settings, model: EmbeddingModel) -> Output:
    version = f"{VERSION}/{settings.burst_gap_s:g}/{model.thresholds.burst}/{model.version}"
    return Output(NAME, version, ("metadata", "hashes", "quality", "embeddings"))


def rebuild_bursts(run: Run) -> Report:
    """All bursts anew when at least one media is due, in one transaction; else nothing."""
    settings = run.library.settings
    model = model_of(settings)
    output = output_of(settings, model)
    with desk(run, [output]) as (report, place):
        if place is None:
            return report
        items = linked_media(run.library.tenant).subquery("items")
        run.progress.begin(NAME, place.count_due(items))
        while total := place.count_due(items):
            with place.commit(_entries(place, items, output)) as connection:
                _replace(connection, run, model=model, report=report)
            run.progress.advance(NAME, total)
        run.progress.end(NAME)
    return report


def _entries(place: Desk, items: Any, output: Output) -> list[Entry]:
    entries: list[Entry] = []
    after: UUID | None = None
    while batch := place.read_due(items, after=after, limit=ROWS_AT_A_TIME):
        entries += [entry_of(place.run, due, output=output, result=Made()) for due in batch]
        after = batch[-1].item_id
    return entries


def _replace(connection: Connection, run: Run, *, model: EmbeddingModel, report: Report) -> None:
    tenant, gap_s = run.library.tenant, run.library.settings.burst_gap_s
    members = tables.burst_members
    of_former = select(members.c.media_id, members.c.burst_id).where(members.c.tenant == tenant)
    former: dict[UUID, UUID] = {row.media_id: row.burst_id for row in connection.execute(of_former)}
    shots = _shots(connection, tenant)
    min_cosine = model.thresholds.burst
    pairs = pairs_to_compare(shots, gap_s=gap_s) if min_cosine is not None else []
    cosines = _cosines(connection, tenant, shots, pairs, model=model)
    found = bursts(shots, cosines, gap_s=gap_s, min_cosine=min_cosine)
    groups = [[shots[one.shot].media_id for one in burst.followers] for burst in found]
    ids = carried(
        former, groups, new_id=lambda lowest, number: uuid5(NAMESPACE, f"burst\0{tenant}\0{lowest}\0{number}")
    ).ids
    for table in (members, tables.bursts):
        connection.execute(delete(table).where(table.c.tenant == tenant))
    own: dict[str, Any] = {"tenant": tenant}
    rows = [own | _row(burst, shots) | {"burst_id": one} for burst, one in zip(found, ids, strict=True)]
    placed = [
        own
        | {"burst_id": one, "media_id": shots[follower.shot].media_id, "place": number, "gap_s": follower.gap_s}
        | {"phash_distance": follower.bits, "cosine": follower.cosine}
        for burst, one in zip(found, ids, strict=True)
        for number, follower in enumerate(burst.followers)
    ]
    for table, new in ((tables.bursts, rows), (members, placed)):
        for start in range(0, len(new), ROWS_AT_A_TIME):
            connection.execute(insert(table), new[start : start + ROWS_AT_A_TIME])
    report.note(NAME, "bursts", len(found))
    report.note(NAME, "bursts that hold duplicates, too", sum(len(b.followers) > b.picture_count for b in found))
    if min_cosine is None:
        report.note(NAME, NO_LOOK_TEST)


def _row(burst: Burst, shots: Sequence[Shot]) -> dict[str, Any]:
    first, last = shots[burst.followers[0].shot], shots[burst.followers[-1].shot]
    return {
        "best_media_id": shots[burst.best].media_id,
        "best_reason": burst.best_reason,
        "media_count": len(burst.followers),
        "picture_count": burst.picture_count,
        "camera": first.camera,
        "began_at": datetime.fromtimestamp(first.taken_s, UTC).replace(tzinfo=None),
        "duration_s": last.taken_s - first.taken_s,
        "confidence_percent": burst.confidence_percent,
        "why": list(burst.why),
    }


def _shots(connection: Connection, tenant: str) -> list[Shot]:
    """Photos with a time and a hash; no frames of videos, which are of one second by nature."""
    media, facts, hashes, quality = tables.media, tables.media_metadata, tables.hashes, tables.quality
    clock = func.coalesce(facts.c.taken_at, func.timezone("UTC", facts.c.taken_at_utc))
    query = (
        select(
            media.c.media_id,
            func.extract("epoch", clock).label("taken_s"),
            facts.c.date_confidence_percent,
            facts.c.notes,
            facts.c.camera_make,
            facts.c.camera_model,
            facts.c.geohash,
            hashes.c.phash,
            quality.c.components["sharpness"].as_float().label("sharpness"),
            quality.c.quality_points,
            (facts.c.width_px * facts.c.height_px).label("pixels"),
        )
        .join(facts, same_media(facts))
        .join(hashes, same_media(hashes))
        .outerjoin(quality, same_media(quality))
        .where(media.c.tenant == tenant, media.c.parent_media_id.is_(None), clock.is_not(None))
        .where(~facts.c.notes.contains(["date_is_a_day"]))
        .order_by(media.c.media_id)
    )
    pictures = _pictures(connection, tenant)
    found = []
    for row in connection.execute(query, execution_options={"yield_per": ROWS_AT_A_TIME}):
        taken_s = float(row.taken_s)
        found.append(
            Shot(
                media_id=row.media_id,
                picture=pictures.get(row.media_id, row.media_id),
                taken_s=taken_s,
                date_percent=row.date_confidence_percent,
                # Whoever writes hours and minutes alone leaves a whole minute behind; so does one shot of sixty.
                has_second=taken_s % 60 != 0,
                camera=" ".join(filter(None, (row.camera_make, row.camera_model))) or None,
                geohash=row.geohash,
                phash=int(row.phash, 16),
                sharpness=row.sharpness or 0.0,
                quality=row.quality_points or 0.0,
                pixels=row.pixels,
            )
        )
    return found


def _pictures(connection: Connection, tenant: str) -> dict[UUID, UUID]:
    """Media of which there are more files -> their group."""
    members, groups = tables.duplicate_members, tables.duplicate_groups
    same_group = and_(groups.c.tenant == members.c.tenant, groups.c.group_id == members.c.group_id)
    query = (
        select(members.c.media_id, members.c.group_id)
        .join(groups, same_group)
        .where(members.c.tenant == tenant, groups.c.tier == "near")
    )
    return {row.media_id: row.group_id for row in connection.execute(query)}


def _cosines(
    connection: Connection, tenant: str, shots: Sequence[Shot], pairs: Sequence[Pair], *, model: EmbeddingModel
) -> Mapping[Pair, float]:
    """Of these pairs, without those that have no vector; read by pages, since pairs lie side by side in time."""
    found: dict[Pair, float] = {}
    for start in range(0, len(pairs), ROWS_AT_A_TIME):
        page = pairs[start : start + ROWS_AT_A_TIME]
        asked = sorted({place for pair in page for place in pair})
        rows = {place: row for row, place in enumerate(asked)}
        ids = [shots[place].media_id for place in asked]
        vectors = vectors_of(connection, tenant, ids, model_version=model.version, dims=model.dims)
        there: NDArray[np.bool_] = np.asarray(vectors.any(axis=1))
        left = np.array([rows[one] for one, _ in page])
        right = np.array([rows[other] for _, other in page])
        cosines = np.einsum("ij,ij->i", vectors[left], vectors[right])
        known = there[left] & there[right]
        found |= {pair: round(float(cosine), 6) for pair, cosine, ok in zip(page, cosines, known, strict=True) if ok}
    return found
