"""What people do with clusters: list them, name one, have everything clustered anew, cluster a selection.

What is not here: how clusters are made (stages/group/clusters), their rows (stores/catalog/cluster_rows.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID, uuid4

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError
from media_pipeline.models import model_of
from media_pipeline.orchestration.work import Run
from media_pipeline.stages.group.clusters.assets import NAME, threshold, update_clusters
from media_pipeline.stages.group.clusters.clustering import LINKAGES, Linkage, agglomerated, families
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.arrays import vectors_of
from media_pipeline.stores.library import Library, open_library

MOST_SELECTED: Final = 10_000
MOST_CHARACTERS: Final = 200


def list_clusters(settings: Settings, console: Console, *, limit: int) -> None:
    """The largest first."""
    clusters, names = tables.clusters, tables.cluster_names
    with open_library(settings) as library, library.engine.connect() as connection:
        name = func.coalesce(names.c.name, clusters.c.name).label("shown")
        by = case((names.c.name.is_not(None), "human"), else_=clusters.c.named_by).label("shown_by")
        same = (names.c.tenant == clusters.c.tenant) & (names.c.cluster_id == clusters.c.cluster_id)
        query = (
            select(clusters, name, by)
            .outerjoin(names, same)
            .where(clusters.c.tenant == library.tenant)
            .order_by(clusters.c.media_count.desc(), clusters.c.cluster_id)
        )
        rows = connection.execute(query.limit(limit)).mappings().all()
        count = connection.scalar(select(func.count()).select_from(clusters).where(clusters.c.tenant == library.tenant))
    if not rows:
        console.print("no clusters yet: media-pipeline run")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("id", "name", "named by"):
        table.add_column(column, no_wrap=column == "id", overflow="fold")
    for column in ("media", "mean cosine", "drift"):
        table.add_column(column, justify="right")
    for row in rows:
        drift = "" if row["drift"] is None else f"{row['drift']:.3f}"
        words = (str(row["cluster_id"]), row["shown"], row["shown_by"] + (", new" if row["is_provisional"] else ""))
        table.add_row(*map(Text, words), str(row["media_count"]), f"{row['mean_cosine']:.3f}", drift)
    console.print(table)
    if count and count > len(rows):
        console.print(f"{count} clusters; --limit shows more of them", highlight=False)


def rename(settings: Settings, cluster: str, name: str) -> str:
    """Give a cluster a name that outlives every clustering; an empty one takes it back. Says what was done."""
    text = " ".join(name.split())
    if len(text) > MOST_CHARACTERS or not text.isprintable():
        raise ConfigError(f"a name has at most {MOST_CHARACTERS} characters, and all of them can be printed")
    names = tables.cluster_names
    with open_library(settings) as library, library.engine.begin() as connection:
        one = _cluster(connection, library.tenant, cluster)
        if not text:
            connection.execute(delete(names).where(names.c.tenant == library.tenant, names.c.cluster_id == one))
            # What the last clustering wrote of it is nobody's word any more.
            own = tables.clusters
            bears = (own.c.tenant == library.tenant, own.c.cluster_id == one, own.c.named_by == "human")
            connection.execute(update(own).where(*bears).values(named_by="number"))
            return f"{one}: has no name of yours any more; the next clustering names it"
        if (other := _bearer(connection, library.tenant, text)) not in (None, one):
            raise ConfigError(f"{text!r} is the name of cluster {other}: two clusters of one name are not told apart")
        said = insert(names).values(tenant=library.tenant, cluster_id=one, name=text)
        connection.execute(
            said.on_conflict_do_update(
                index_elements=["tenant", "cluster_id"], set_={"name": text, "named_at": func.now()}
            )
        )
    return f"{one}: is called {text}"


def _cluster(connection: Connection, tenant: str, told: str) -> UUID:
    """By its id, or the name that it bears."""
    clusters = tables.clusters
    try:
        wanted = clusters.c.cluster_id == UUID(told)
    except ValueError:
        one = _bearer(connection, tenant, told)
        if one is None:
            raise ConfigError(f"no cluster {told!r}: `media-pipeline clusters list` shows ids and names") from None
        return one
    one = connection.scalar(select(clusters.c.cluster_id).where(clusters.c.tenant == tenant, wanted))
    if one is None:
        raise ConfigError(f"no cluster {told}: `media-pipeline clusters list` shows those that there are")
    return UUID(str(one))


def _bearer(connection: Connection, tenant: str, name: str) -> UUID | None:
    clusters, names = tables.clusters, tables.cluster_names
    same = (names.c.tenant == clusters.c.tenant) & (names.c.cluster_id == clusters.c.cluster_id)
    query = (
        select(clusters.c.cluster_id)
        .outerjoin(names, same)
        .where(clusters.c.tenant == tenant, func.coalesce(names.c.name, clusters.c.name) == name)
    )
    return connection.scalar(query.order_by(clusters.c.cluster_id).limit(1))


def recluster(settings: Settings, console: Console) -> None:
    """Everything anew, and what that changed."""
    with open_library(settings) as library:
        report = update_clusters(Run(library, f"clusters recluster {uuid4()}"), anew=True)
    if report.held_by:
        console.print(f"clusters: held by {report.held_by}: try again when it has ended")
        return
    for what, count in sorted(report.noted.get(NAME, {}).items()):
        console.print(f"{what}: {count}" if not what.startswith("greatest") else what, highlight=False)
    console.print(f"{report.seconds:.1f} s", highlight=False)


def cluster_selection(
    library: Library, ids: Sequence[UUID], *, min_cosine: float | None = None, linkage: Linkage = "average"
) -> list[list[UUID]]:
    """These media by what is alike among them, the largest cluster first. Nothing is written; a media without a vector
    of the model is left out."""
    if linkage not in LINKAGES:
        raise ConfigError(f"linkage={linkage!r}: there are {', '.join(LINKAGES)}")
    chosen = sorted(set(ids))
    if len(chosen) > MOST_SELECTED:
        raise ConfigError(f"{len(chosen)} media are too many to cluster at once: at most {MOST_SELECTED}")
    model = model_of(library.settings)
    least = threshold(library.settings, model) if min_cosine is None else min_cosine
    if least is None:
        raise ConfigError(f"{model.name} has no threshold for clusters: name a cosine")
    if not -1 < least < 1:
        raise ConfigError(f"min_cosine={least}: a cosine between -1 and 1")
    with library.engine.connect() as connection:
        vectors = vectors_of(connection, library.tenant, chosen, model_version=model.version, dims=model.dims)
    usable = np.flatnonzero(vectors.any(axis=1))
    there = [chosen[place] for place in usable.tolist()]
    if not there:
        return []
    groups = families(agglomerated(vectors[usable], min_cosine=least, linkage=linkage))
    return sorted(([there[place] for place in group] for group in groups), key=lambda group: (-len(group), group[0]))
