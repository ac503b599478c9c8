"""Questions that several stages ask of the catalog, asked in one way.

What is not here: what is due (stores/ledger.py), and questions of one stage alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, FromClause, Select, and_, func, select, tuple_

from media_pipeline.stores.blobs import BlobInfo
from media_pipeline.stores.catalog.tables import (
    media,
    media_links,
    source_listings,
    source_pages,
    source_walks,
    subjects,
)


def same_media(table: FromClause, other: FromClause = media) -> ColumnElement[bool]:
    """The join of facts about media: of one tenant, always."""
    return and_(table.c.tenant == other.c.tenant, table.c.media_id == other.c.media_id)


def linked_media(tenant: str) -> Select[Any]:
    """(item_id, partition, link_count) of media that some listing offers.

    The others are claims: of a run that was killed before it put their blob, or is about to.
    """
    return (
        select(
            media.c.media_id.label("item_id"),
            media.c.home_partition.label("partition"),
            func.count(media_links.c.listing_id).label("link_count"),
        )
        .join(media_links, same_media(media_links))
        .where(media.c.tenant == tenant)
        .group_by(media.c.tenant, media.c.media_id)
    )


def walks_of(tenant: str) -> Select[Any]:
    """(item_id, partition, asked) of the walks of active subjects. Another question, or another round, is to be asked
    again."""
    walks = source_walks
    return (
        select(
            walks.c.walk_id.label("item_id"),
            walks.c.partition,
            func.concat(walks.c.question, "/", walks.c.round).label("asked"),
        )
        .join(subjects, and_(subjects.c.tenant == walks.c.tenant, subjects.c.subject_id == walks.c.subject_id))
        .where(walks.c.tenant == tenant, subjects.c.is_active)
    )


def items_of(kind: Literal["walk", "page", "listing", "media"], tenant: str) -> Select[Any]:
    """(item_id, partition) of all items of a kind, link_count of media and what is asked on a walk: what an output may
    have a row for."""
    if kind == "media":
        return linked_media(tenant)
    if kind == "walk":
        return walks_of(tenant)
    table, key = {
        "page": (source_pages, source_pages.c.page_id),
        "listing": (source_listings, source_listings.c.listing_id),
    }[kind]
    return select(key.label("item_id"), table.c.partition).where(table.c.tenant == tenant)


def subjects_without_media(connection: Connection, tenant: str) -> list[str]:
    """Active subjects that no accepted photo is of."""
    offers = (
        select(media_links.c.listing_id)
        .join(
            source_listings,
            and_(
                source_listings.c.tenant == media_links.c.tenant,
                source_listings.c.listing_id == media_links.c.listing_id,
            ),
        )
        .where(media_links.c.tenant == tenant, source_listings.c.subject_id == subjects.c.subject_id)
    )
    query = select(subjects.c.subject_id).where(subjects.c.tenant == tenant, subjects.c.is_active, ~offers.exists())
    return list(connection.scalars(query.order_by(subjects.c.subject_id)))


def unlisted(engine: Engine, tenant: str, *, source: str, seen: Sequence[BlobInfo]) -> list[BlobInfo]:
    """Those of the files that are in no listing of the source, in this edition."""
    columns = (source_listings.c.source_key, source_listings.c.edition)
    known = select(*columns).where(
        source_listings.c.tenant == tenant,
        source_listings.c.source == source,
        tuple_(*columns).in_([(entry.key, entry.etag) for entry in seen]),
    )
    with engine.connect() as connection:
        listed = {tuple(row) for row in connection.execute(known)}
    return [entry for entry in seen if (entry.key, entry.etag) not in listed]
