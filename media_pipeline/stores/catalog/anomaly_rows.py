"""Rows of anomalies: what they are scored from, the scores, and what people said of them.

What is not here: how they are scored (stages/flag).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Connection, Select, and_, delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from media_pipeline.stores.catalog.cluster_rows import subject_listings
from media_pipeline.stores.catalog.selections import media_offers, same_media
from media_pipeline.stores.catalog.tables import (
    anomalies,
    anomaly_reviews,
    burst_members,
    cluster_members,
    clusters,
    duplicate_groups,
    duplicate_members,
    hashes,
    media,
    media_links,
    subjects,
)

ROWS_AT_A_TIME: Final = 5_000
State = Literal["open", "reviewed", "dismissed"]
ORDINARY: Final = "ordinary"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One picture in the queue of what to look at."""

    media_id: UUID
    public_code: str
    score: float
    kind: str
    reason: str
    state: State
    neighbours: Sequence[Mapping[str, Any]]


def kin(connection: Connection, tenant: str) -> list[tuple[UUID, UUID]]:
    """(media, group) of everything that is one picture or one burst."""
    same_group = and_(
        duplicate_groups.c.tenant == duplicate_members.c.tenant,
        duplicate_groups.c.group_id == duplicate_members.c.group_id,
    )
    pictures = (
        select(duplicate_members.c.media_id, duplicate_members.c.group_id)
        .join(duplicate_groups, same_group)
        .where(duplicate_members.c.tenant == tenant, duplicate_groups.c.tier == "near")
    )
    shots = select(burst_members.c.media_id, burst_members.c.burst_id).where(burst_members.c.tenant == tenant)
    return [(row[0], row[1]) for query in (pictures, shots) for row in connection.execute(query)]


def clusters_of(connection: Connection, tenant: str) -> dict[UUID, tuple[UUID, str]]:
    """Media -> its cluster and what that is called."""
    own = cluster_members
    same = and_(clusters.c.tenant == own.c.tenant, clusters.c.cluster_id == own.c.cluster_id)
    query = select(own.c.media_id, own.c.cluster_id, clusters.c.name).join(clusters, same).where(own.c.tenant == tenant)
    return {row.media_id: (row.cluster_id, row.name) for row in connection.execute(query)}


def subjects_of(connection: Connection, tenant: str) -> dict[UUID, tuple[str, str]]:
    """Media -> its subject and what that is called, a frame's as its video's; of several the first by id."""
    links = media_offers
    named = and_(subject_listings.c.tenant == links.c.tenant, subject_listings.c.listing_id == links.c.listing_id)
    known = and_(subjects.c.tenant == links.c.tenant, subjects.c.subject_id == subject_listings.c.subject_id)
    query = (
        select(links.c.media_id, subjects.c.subject_id, subjects.c.name)
        .join(subject_listings, named)
        .join(subjects, known)
        .where(links.c.tenant == tenant)
        .order_by(subjects.c.subject_id.desc())
    )
    return {row.media_id: (row.subject_id, row.name) for row in connection.execute(query)}


def copies_of(connection: Connection, tenant: str) -> dict[UUID, int]:
    """Media -> how many listings offer this picture: the same file, or another with the same hashes. No frames of
    videos: where nothing moves they are all alike."""
    links = (
        select(media.c.media_id, func.count(media_links.c.listing_id).label("listings"))
        .join(media_links, same_media(media_links))
        .where(media.c.tenant == tenant, media.c.parent_media_id.is_(None))
        .group_by(media.c.tenant, media.c.media_id)
        .subquery()
    )
    own = and_(hashes.c.tenant == tenant, hashes.c.media_id == links.c.media_id)
    # A picture of one colour has no hashes: it is alike to itself alone.
    looks = func.coalesce(hashes.c.phash + hashes.c.dhash, links.c.media_id.cast(hashes.c.phash.type))
    query = select(links.c.media_id, func.sum(links.c.listings).over(partition_by=looks).label("copies"))
    return {
        row.media_id: int(row.copies) for row in connection.execute(query.select_from(links.outerjoin(hashes, own)))
    }


def measures(connection: Connection, tenant: str, *, model_version: str) -> dict[UUID, tuple[Any, Any, Any]]:
    """Media -> (nearest_distance, density, subject_density) as it was measured last."""
    own = anomalies
    query = select(own.c.media_id, own.c.nearest_distance, own.c.density, own.c.subject_density).where(
        own.c.tenant == tenant, own.c.model_version == model_version
    )
    return {row[0]: (row[1], row[2], row[3]) for row in connection.execute(query)}


def write(connection: Connection, tenant: str, rows: Sequence[Mapping[str, Any]], *, of: Sequence[UUID] | None) -> None:
    """These rows in place of those of the media `of`; None: of all."""
    if of is None:
        connection.execute(delete(anomalies).where(anomalies.c.tenant == tenant))
    for start in range(0, len(of or ()), ROWS_AT_A_TIME):
        some = (of or ())[start : start + ROWS_AT_A_TIME]
        connection.execute(delete(anomalies).where(anomalies.c.tenant == tenant, anomalies.c.media_id.in_(some)))
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        connection.execute(
            insert(anomalies), [{"tenant": tenant} | dict(row) for row in rows[start : start + ROWS_AT_A_TIME]]
        )


def queue(connection: Connection, tenant: str, *, state: State = "open", limit: int = 20) -> list[Anomaly]:
    """The oddest first: open is what is worth a look, the others all of which somebody said so, odd or not any more."""
    query = _queue(tenant).where(_state() == state).order_by(anomalies.c.score.desc(), anomalies.c.media_id)
    query = query.where(anomalies.c.kind != ORDINARY) if state == "open" else query
    return [Anomaly(*row) for row in connection.execute(query.limit(limit))]


def review(connection: Connection, tenant: str, media_id: UUID, *, state: State, note: str | None = None) -> None:
    """What somebody said of it; it stays said when everything is scored again."""
    said = {"state": state, "note": note}
    connection.execute(
        upsert(anomaly_reviews)
        .values(tenant=tenant, media_id=media_id, **said)
        .on_conflict_do_update(index_elements=["tenant", "media_id"], set_={**said, "reviewed_at": func.now()})
    )


def _state() -> Any:
    return func.coalesce(anomaly_reviews.c.state, "open")


def _queue(tenant: str) -> Select[Any]:
    return (
        select(
            anomalies.c.media_id,
            media.c.public_code,
            anomalies.c.score,
            anomalies.c.kind,
            anomalies.c.reason,
            _state(),
            anomalies.c.neighbours,
        )
        .join(media, same_media(anomalies))
        .outerjoin(anomaly_reviews, same_media(anomaly_reviews, anomalies))
        .where(anomalies.c.tenant == tenant)
    )
