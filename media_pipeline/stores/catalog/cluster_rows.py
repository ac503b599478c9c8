"""Rows of clusters: read and written, for the stage that makes them and the commands about them.

What is not here: how clusters come to be (stages/group/clusters).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Table, Text, Uuid, and_, column, delete, func, insert, select, table, text, union_all
from sqlalchemy import cast as sql_cast

from media_pipeline.stores.catalog.selections import media_offers, same_media
from media_pipeline.stores.catalog.tables import (
    SCHEMA,
    cluster_events,
    cluster_members,
    cluster_names,
    clusters,
    media_metadata,
    subjects,
)

ROWS_AT_A_TIME: Final = 5_000
# A view; and a table of stage describe, which a database of this version need not have.
subject_listings = table(
    "subject_listings", column("tenant", Text), column("subject_id", Text), column("listing_id", Uuid), schema=SCHEMA
)
tags = table("tags", column("tenant", Text), column("media_id", Uuid), column("tag", Text), schema=SCHEMA)


@dataclass(frozen=True, slots=True)
class Stored:
    """One cluster as it is written; `vector_sum` as its bytes."""

    cluster_id: UUID
    model_version: str
    name: str
    named_by: str
    is_provisional: bool
    vector_sum: bytes
    media_count: int
    mean_cosine: float
    representatives: Sequence[str]
    drift: float | None


def stored(connection: Connection, tenant: str) -> list[Stored]:
    """All of them, in order of id."""
    columns = [clusters.c[name] for name in Stored.__dataclass_fields__]
    query = select(*columns).where(clusters.c.tenant == tenant).order_by(clusters.c.cluster_id)
    rows = connection.execute(query, execution_options={"yield_per": ROWS_AT_A_TIME})
    return [Stored(*row) for row in rows]


def members(connection: Connection, tenant: str) -> dict[UUID, UUID]:
    """Media -> its cluster."""
    query = select(cluster_members.c.media_id, cluster_members.c.cluster_id).where(cluster_members.c.tenant == tenant)
    rows = connection.execute(query, execution_options={"yield_per": ROWS_AT_A_TIME})
    return {row.media_id: row.cluster_id for row in rows}


def human_names(connection: Connection, tenant: str) -> dict[UUID, str]:
    """What people called clusters, also such as are no more."""
    names = cluster_names
    rows = connection.execute(select(names.c.cluster_id, names.c.name).where(names.c.tenant == tenant))
    return {row.cluster_id: row.name for row in rows}


def words(connection: Connection, tenant: str) -> dict[UUID, Counter[str]]:
    """How many members of each cluster bear each word: names of subjects, tags, keywords that were in the file."""
    own = cluster_members
    links, facts = media_offers, media_metadata
    of_subject = (
        select(own.c.cluster_id, own.c.media_id, subjects.c.name.label("word"))
        .join(links, same_media(links, own))
        .join(
            subject_listings,
            and_(subject_listings.c.tenant == links.c.tenant, subject_listings.c.listing_id == links.c.listing_id),
        )
        .join(
            subjects,
            and_(subjects.c.tenant == own.c.tenant, subjects.c.subject_id == subject_listings.c.subject_id),
        )
        .where(own.c.tenant == tenant)
    )
    keywords = select(
        own.c.cluster_id,
        own.c.media_id,
        sql_cast(func.jsonb_array_elements_text(facts.c.keywords), Text).label("word"),
    ).join(facts, same_media(facts, own))
    found = [of_subject, keywords.where(own.c.tenant == tenant)]
    if connection.scalar(text(f"select to_regclass('{SCHEMA}.tags')")) is not None:
        of_tags = select(own.c.cluster_id, own.c.media_id, tags.c.tag.label("word")).join(tags, same_media(tags, own))
        found.append(of_tags.where(own.c.tenant == tenant))
    every = union_all(*found).subquery("words")
    query = select(every.c.cluster_id, every.c.word, func.count(every.c.media_id.distinct()).label("media")).group_by(
        every.c.cluster_id, every.c.word
    )
    told: dict[UUID, Counter[str]] = {}
    for row in connection.execute(query):
        if word := " ".join(row.word.split()):
            told.setdefault(row.cluster_id, Counter())[word] += row.media
    return told


def member_counts(connection: Connection, tenant: str) -> dict[UUID, int]:
    own = cluster_members
    query = select(own.c.cluster_id, func.count().label("media")).where(own.c.tenant == tenant)
    return {row.cluster_id: row.media for row in connection.execute(query.group_by(own.c.cluster_id))}


def members_of(connection: Connection, tenant: str, cluster_id: UUID) -> list[UUID]:
    """In order of id."""
    own = cluster_members
    query = select(own.c.media_id).where(own.c.tenant == tenant, own.c.cluster_id == cluster_id)
    return list(connection.scalars(query.order_by(own.c.media_id)))


def delete_all(connection: Connection, tenant: str) -> None:
    for rows in (cluster_members, clusters):
        connection.execute(delete(rows).where(rows.c.tenant == tenant))


def take_out(connection: Connection, tenant: str, ids: Sequence[UUID]) -> None:
    """These media are in no cluster any more."""
    own = cluster_members
    for start in range(0, len(ids), ROWS_AT_A_TIME):
        some = ids[start : start + ROWS_AT_A_TIME]
        connection.execute(delete(own).where(own.c.tenant == tenant, own.c.media_id.in_(some)))


def write(connection: Connection, tenant: str, rows: Iterable[Stored], *, instead_of: Sequence[UUID] = ()) -> None:
    """These clusters, in place of those that are named."""
    for start in range(0, len(instead_of), ROWS_AT_A_TIME):
        some = instead_of[start : start + ROWS_AT_A_TIME]
        connection.execute(delete(clusters).where(clusters.c.tenant == tenant, clusters.c.cluster_id.in_(some)))
    names = tuple(Stored.__dataclass_fields__)
    _insert(connection, clusters, [{"tenant": tenant} | {name: getattr(row, name) for name in names} for row in rows])


def place(connection: Connection, tenant: str, placed: Iterable[tuple[UUID, UUID, float]]) -> None:
    """(media, cluster, cosine) of new members."""
    _insert(
        connection,
        cluster_members,
        [{"tenant": tenant, "media_id": one, "cluster_id": other, "cosine": cosine} for one, other, cosine in placed],
    )


def record_events(connection: Connection, tenant: str, events: Sequence[Mapping[str, Any]]) -> None:
    _insert(connection, cluster_events, [{"tenant": tenant} | dict(event) for event in events])


def _insert(connection: Connection, into: Table, rows: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        connection.execute(insert(into), rows[start : start + ROWS_AT_A_TIME])
