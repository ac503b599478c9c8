"""Group: which media are one picture. Looks at the whole library at once, whenever anything in it changed.

What is not here: the comparison (pairs.py, groups.py); bursts and clusters.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

import dagster as dg
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, FromClause, Table, and_, delete, func, insert, select

from media_pipeline.config import Settings
from media_pipeline.models import EmbeddingModel, model_of
from media_pipeline.orchestration.reports import result_of, run_of
from media_pipeline.orchestration.work import Desk, Progress, Report, Run, desk, entry_of
from media_pipeline.records import NAMESPACE, Made, NotApplicable, Result
from media_pipeline.stages.group.bursts.assets import VERSION as BURSTS_VERSION
from media_pipeline.stages.group.bursts.assets import output_of as burst_output
from media_pipeline.stages.group.bursts.assets import rebuild_bursts
from media_pipeline.stages.group.clusters.assets import VERSION as CLUSTERS_VERSION
from media_pipeline.stages.group.clusters.assets import output_of as cluster_output
from media_pipeline.stages.group.clusters.assets import update_clusters
from media_pipeline.stages.group.groups import Alike, Standing, stars
from media_pipeline.stages.group.pairs import MAX_BITS, bits_of
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.selections import linked_media, same_media
from media_pipeline.stores.ledger import Entry, Output
from media_pipeline.stores.library import Library

VERSION = "2"
# 10 MB of vectors on their way, 5,000 rows of the ledger, of groups, of members.
ROWS_AT_A_TIME = 5_000


def outputs(settings: Settings) -> tuple[Output, ...]:
    model = model_of(settings)
    version = f"{VERSION}/{MAX_BITS}/{model.thresholds.near}/{model.version}"
    duplicates = Output("duplicate_groups", version, ("hashes", "embeddings"), "link_count")
    return (duplicates, burst_output(settings, model), cluster_output(settings, model))


@dg.asset(deps=["hashes", "embeddings"], kinds={"numpy", "postgres"}, code_version=VERSION)
def duplicate_groups(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """Files that are one picture. One row is one group: `exact` (one file under several listings) or `near` (another
    file of the same picture: pHash within 6 bits AND cosine at the model's threshold)."""
    return result_of(library, "duplicate_groups", regroup(run_of(context, library, progress)))


@dg.asset(
    deps=["metadata", "hashes", "quality", "embeddings", "duplicate_groups"],
    kinds={"numpy", "postgres"},
    code_version=BURSTS_VERSION,
)
def bursts(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """Shots that one camera took of one scene within seconds. One row is one burst, with its best shot and how sure
    it is; a file and its copy are none, and a burst may hold duplicates, and says so."""
    return result_of(library, "bursts", rebuild_bursts(run_of(context, library, progress)))


class ClusteringConfig(dg.Config):
    """How `clusters` is made: what is due joins the clusters that there are, or everything is clustered anew."""

    anew: bool = False


@dg.asset(deps=["embeddings"], kinds={"numpy", "scipy", "postgres"}, code_version=CLUSTERS_VERSION)
def clusters(
    context: dg.AssetExecutionContext,
    config: ClusteringConfig,
    library: dg.ResourceParam[Library],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """Pictures of one kind. One row is one cluster: its name, its centroid as an exact sum, and the pictures that stand
    for it. New pictures join the nearest; everything is clustered anew weekly, or by `media-pipeline clusters
    recluster`, and clusters keep their ids and names."""
    return result_of(library, "clusters", update_clusters(run_of(context, library, progress), anew=config.anew))


def regroup(run: Run) -> Report:
    """All groups anew when at least one media is due, in one transaction; else nothing."""
    output, *_ = outputs(run.library.settings)
    model = model_of(run.library.settings)
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
            with place.commit(_entries(place, items, output=output, result=result)) as connection:
                _replace(connection, run.library.tenant, model)
            run.progress.advance(output.name, total)
        run.progress.end(output.name)
    return report


def _entries(place: Desk, items: FromClause, *, output: Output, result: Result) -> list[Entry]:
    """What will be recorded of everything due, read by pages: an entry is a small part of what it is made of."""
    entries: list[Entry] = []
    after: UUID | None = None
    while batch := place.read_due(items, after=after, limit=ROWS_AT_A_TIME):
        entries += [entry_of(place.run, due, output=output, result=result) for due in batch]
        after = batch[-1].item_id
    return entries


def _replace(connection: Connection, tenant: str, model: EmbeddingModel) -> None:
    groups, members, similar = tables.duplicate_groups, tables.duplicate_members, tables.similarities
    for table in (members, groups, similar):
        connection.execute(delete(table).where(table.c.tenant == tenant))
    found = [_exact(connection, tenant)]
    if model.thresholds.near is not None:
        found.append(_near(connection, tenant, model, min_cosine=model.thresholds.near))
    for new_groups, new_members, new_pairs in found:
        for table, rows in ((groups, new_groups), (members, new_members), (similar, new_pairs)):
            _insert(connection, table, rows)


def _insert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        connection.execute(insert(table), rows[start : start + ROWS_AT_A_TIME])


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


def _near(connection: Connection, tenant: str, model: EmbeddingModel, *, min_cosine: float) -> Rows:
    """Several files of one picture. Of each member it is kept how near it is to the keeper, not to each other."""
    standings: list[Standing] = []
    phashes: list[str] = []
    files: list[int] = []
    query = _compared(tenant, model.version)
    for row in connection.execute(query, execution_options={"yield_per": ROWS_AT_A_TIME}):
        standings.append(Standing(row.width_px * row.height_px, row.size_bytes, row.media_id))
        phashes.append(row.phash)
        files.append(row.files)
    alike = Alike.of(bits_of(phashes))
    vectors = _vectors(connection, tenant, model, [standings[place].media_id for place in alike.candidates().tolist()])
    groups, members, similar = [], [], []
    for group in stars(alike, vectors, standings, min_cosine=min_cosine):
        keeper = standings[group.keeper].media_id
        group_id = uuid5(NAMESPACE, f"group\0{tenant}\0near\0{keeper}")
        places = [group.keeper, *(member.place for member in group.others)]
        groups.append(
            {
                "tenant": tenant,
                "group_id": group_id,
                "tier": "near",
                "keeper_media_id": keeper,
                "keeper_reason": group.keeper_reason,
                "media_count": len(places),
                "file_count": sum(files[place] for place in places),
            }
        )
        members += [{"tenant": tenant, "group_id": group_id, "media_id": standings[place].media_id} for place in places]
        for member in group.others:
            media_a, media_b = sorted((keeper, standings[member.place].media_id))
            similar.append(
                {
                    "tenant": tenant,
                    "media_a": media_a,
                    "media_b": media_b,
                    "tier": "near",
                    "phash_distance": member.bits,
                    "cosine": member.cosine,
                    "model_version": model.version,
                }
            )
    return groups, members, similar


def _compared(tenant: str, model_version: str) -> Any:
    """What can be near anything: it has a hash and a vector. The vectors themselves are most of it, and come later,
    for the few whose hash is not alone."""
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
            files.label("files"),
        )
        .join(facts, same_media(facts))
        .join(hashes, same_media(hashes))
        .join(vectors, and_(same_media(vectors), vectors.c.model_version == model_version))
        .where(media.c.tenant == tenant)
        .order_by(media.c.media_id)
    )


def _vectors(connection: Connection, tenant: str, model: EmbeddingModel, ids: Sequence[UUID]) -> NDArray[np.float32]:
    """One row for each, in this order; zeros, near nothing, where the embed step took it back since the hashes were
    read. Such a media is due here again."""
    embeddings = tables.embeddings
    found = np.zeros((len(ids), model.dims), dtype=np.float32)
    for start in range(0, len(ids), ROWS_AT_A_TIME):
        page = ids[start : start + ROWS_AT_A_TIME]
        places = {media_id: start + place for place, media_id in enumerate(page)}
        query = select(embeddings.c.media_id, embeddings.c.vector).where(
            embeddings.c.tenant == tenant,
            embeddings.c.model_version == model.version,
            embeddings.c.media_id.in_(page),
        )
        for media_id, vector in connection.execute(query):
            found[places[media_id]] = np.frombuffer(vector, dtype="<f4")
    return found
