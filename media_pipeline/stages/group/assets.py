"""Group: which media are one picture. Looks at the whole library at once, whenever anything in it changed.

What is not here: the comparison (pairs.py, groups.py); bursts and clusters.
"""

from typing import Any
from uuid import uuid5

import dagster as dg
import numpy as np
from sqlalchemy import Connection, and_, delete, func, insert, select

from media_pipeline.config import Settings
from media_pipeline.models import model_named
from media_pipeline.orchestration.reports import result_of, run_of
from media_pipeline.orchestration.work import Progress, Report, Run, desk, entry_of
from media_pipeline.records import NAMESPACE, Made, NotApplicable
from media_pipeline.stages.group.groups import Standing, stars
from media_pipeline.stages.group.pairs import MAX_BITS, bits_of, near_pairs
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.selections import linked_media, same_media
from media_pipeline.stores.ledger import Output
from media_pipeline.stores.library import Library

VERSION = "1"


def outputs(settings: Settings) -> tuple[Output, ...]:
    model = model_named(settings.model, weights=settings.model_weights)
    version = f"{VERSION}/{MAX_BITS}/{model.thresholds.near}/{model.version}"
    return (Output("duplicate_groups", version, ("hashes", "embeddings"), "link_count"),)


@dg.asset(deps=["hashes", "embeddings"], kinds={"numpy", "postgres"}, code_version=VERSION)
def duplicate_groups(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """Files that are one picture. One row is one group: `exact` (one file under several listings) or `near` (another
    file of the same picture: pHash within 6 bits AND cosine at the model's threshold)."""
    return result_of(library, "duplicate_groups", regroup(run_of(context, library, progress)))


def regroup(run: Run) -> Report:
    """All groups anew when at least one media is due, in one transaction; else nothing."""
    (output,) = outputs(run.library.settings)
    model = model_named(run.library.settings.model, weights=run.library.settings.model_weights)
    with desk(run, [output]) as (report, place):
        if place is None:
            return report
        # How many listings offer a media is an input of its own: it makes the exact groups.
        items = linked_media(run.library.tenant).subquery("items")
        run.progress.begin(output.name, place.count_due(items))
        # Again until nothing is due: what another run brought meanwhile found this step held, and counts on it.
        while total := place.count_due(items):
            # A model whose thresholds nobody has calibrated gives no near tier: its cosines mean nothing yet.
            uncalibrated = NotApplicable("not_calibrated", f"{model.name} has no near threshold")
            result = Made() if model.thresholds.near is not None else uncalibrated
            entries = [entry_of(run, due, output=output, result=result) for due in place.read_due(items)]
            with place.commit(entries) as connection:
                _replace(connection, run.library.tenant, model_version=model.version, near=model.thresholds.near)
            run.progress.advance(output.name, total)
        run.progress.end(output.name)
    return report


def _replace(connection: Connection, tenant: str, *, model_version: str, near: float | None) -> None:
    groups, members, similar = tables.duplicate_groups, tables.duplicate_members, tables.similarities
    for table in (members, groups, similar):
        connection.execute(delete(table).where(table.c.tenant == tenant))
    new_groups, new_members, new_pairs = _exact(connection, tenant)
    if near is not None:
        for new, found in zip(
            (new_groups, new_members, new_pairs),
            _near(connection, tenant, model_version=model_version, near=near),
            strict=True,
        ):
            new += found
    for table, rows in ((groups, new_groups), (members, new_members), (similar, new_pairs)):
        if rows:
            connection.execute(insert(table), rows)


Rows = tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]


def _exact(connection: Connection, tenant: str) -> Rows:
    """One media under several listings: its file is stored once already."""
    links = tables.media_links
    query = (
        select(links.c.media_id, func.count().label("files"))
        .where(links.c.tenant == tenant)
        .group_by(links.c.media_id)
        .having(func.count() > 1)
        .order_by(links.c.media_id)
    )
    groups, members = [], []
    for media_id, files in connection.execute(query):
        group_id = uuid5(NAMESPACE, f"group\0{tenant}\0exact\0{media_id}")
        groups.append(
            {
                "tenant": tenant,
                "group_id": group_id,
                "tier": "exact",
                "keeper_media_id": media_id,
                "keeper_reason": "the only file",
                "media_count": 1,
                "file_count": files,
            }
        )
        members.append({"tenant": tenant, "group_id": group_id, "media_id": media_id})
    return groups, members, []


def _near(connection: Connection, tenant: str, *, model_version: str, near: float) -> Rows:
    """Several files of one picture."""
    rows = connection.execute(_compared(tenant, model_version)).all()
    standings = [Standing(row.width_px * row.height_px, row.size_bytes, row.media_id) for row in rows]
    vectors = [np.frombuffer(row.vector, dtype="<f4") for row in rows]
    pairs = near_pairs(
        bits_of([row.phash for row in rows]),
        np.stack(vectors) if vectors else np.empty((0, 0), np.float32),
        min_cosine=near,
    )
    groups, members = [], []
    for group in stars(pairs, standings):
        keeper = standings[group.keeper].media_id
        group_id = uuid5(NAMESPACE, f"group\0{tenant}\0near\0{keeper}")
        groups.append(
            {
                "tenant": tenant,
                "group_id": group_id,
                "tier": "near",
                "keeper_media_id": keeper,
                "keeper_reason": group.keeper_reason,
                "media_count": len(group.members),
                "file_count": sum(rows[place].files for place in group.members),
            }
        )
        members += [
            {"tenant": tenant, "group_id": group_id, "media_id": standings[place].media_id} for place in group.members
        ]
    similar = [
        {
            "tenant": tenant,
            "media_a": rows[pair.a].media_id,
            "media_b": rows[pair.b].media_id,
            "tier": "near",
            "phash_distance": pair.bits,
            "cosine": pair.cosine,
            "model_version": model_version,
        }
        for pair in pairs
    ]
    return groups, members, similar


def _compared(tenant: str, model_version: str) -> Any:
    """In order of id, so that the lower place of a pair is the lower id."""
    media, links, facts = tables.media, tables.media_links, tables.media_metadata
    hashes, vectors = tables.hashes, tables.embeddings

    files = select(func.count()).where(same_media(links)).scalar_subquery()
    return (
        select(
            media.c.media_id,
            media.c.size_bytes,
            facts.c.width_px,
            facts.c.height_px,
            hashes.c.phash,
            vectors.c.vector,
            files.label("files"),
        )
        .join(facts, same_media(facts))
        .join(hashes, same_media(hashes))
        .join(vectors, and_(same_media(vectors), vectors.c.model_version == model_version))
        .where(media.c.tenant == tenant)
        .order_by(media.c.media_id)
    )
