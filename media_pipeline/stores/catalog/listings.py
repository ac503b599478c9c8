"""Listings, written: many at once, whoever tells of them, and what changed since they were last seen.

They are copied into a temporary table first and merged from there, a page of twenty as well as a dump of millions. A
source's own word goes before another's, and a later answer before an earlier one, so that pages may be read again in
any order. What is not here: how an answer reads (sources/), and its pages (orchestration/walks.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import Copy
from sqlalchemy import Connection, and_, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from media_pipeline.records import Licence, Listing, listing_id
from media_pipeline.sources.protocol import Known
from media_pipeline.stores.catalog import lines, tables

# Those that a merge never writes: when it was first listed, that it is gone, when it was last looked up by itself.
_KEPT = ("listed_at", "vanished_at", "asked_at")
COLUMNS = tuple(column.name for column in tables.source_listings.columns if column.name not in _KEPT)
_OBSERVATIONS = "observation_ids"

_STAGED = f"""
create temporary table incoming on commit drop as
select {", ".join(COLUMNS)}, null::jsonb as {_OBSERVATIONS} from media.source_listings where false
"""  # noqa: S608
# Of two rows of one photo the one by its own source, then the one with more in it.
_ONE_EACH = """
create temporary table offered on commit drop as
select distinct on (listing_id) * from incoming
order by listing_id, (reported_by = source) desc, width_px desc nulls last, original_url, page_id, subject_id
"""
# Whoever tells of it: its own source at any time, and of equals the later answer.
_MAY_SPEAK = """
case when (i.reported_by = i.source) = (s.reported_by = s.source) then i.checked_at >= s.checked_at
     else i.reported_by = i.source end
"""
_CHANGES = f"""
insert into media.listing_changes (tenant, listing_id, what, former, latter, last_seen_at, noticed_at)
select s.tenant, s.listing_id, what, former, latter, s.checked_at, i.checked_at
from offered i join media.source_listings s using (tenant, listing_id)
cross join lateral (values
    ('licence', s.licence, i.licence, s.licence <> i.licence and s.reported_by = i.reported_by),
    ('returned', null, null, s.vanished_at <= i.checked_at)
) as told(what, former, latter, is_so)
where is_so and {_MAY_SPEAK} and i.checked_at > s.checked_at and i.page_id <> s.page_id
on conflict do nothing
"""  # noqa: S608
# What a fetch that failed may hope for: another address, licence or size, or that it is there again.
_HOPEFUL = f"""
select s.listing_id from offered i join media.source_listings s using (tenant, listing_id)
where {_MAY_SPEAK} and (
    s.vanished_at <= i.checked_at
    or (s.original_url, s.licence_family, s.width_px, s.height_px)
        is distinct from (i.original_url, i.licence_family, i.width_px, i.height_px)
)
"""  # noqa: S608
# A second look tells whether it is there and under which licence; of the file many a source then tells less.
_FILE = (
    "original_url",
    "fallback_urls",
    "thumbnail_url",
    "size_bytes",
    "width_px",
    "height_px",
    "content_type",
    "sha1",
    "prior_points",
)
_KEEP_FILES = f"""
update offered i set {", ".join(f"{name} = s.{name}" for name in _FILE)}
from media.source_listings s where s.tenant = i.tenant and s.listing_id = i.listing_id
"""  # noqa: S608
# An answer without an observation (iNaturalist's taxon pages) says nothing of where and when: what is known stays.
_PLACED = ("taxon_name", "observed_on", "observed_at", "latitude", "longitude", "coordinate_uncertainty_m")
_KEEP_PLACES = f"""
update offered i
set {", ".join(f"{name} = coalesce(i.{name}, s.{name})" for name in _PLACED)},
    is_obscured = i.is_obscured or s.is_obscured
from media.source_listings s
where s.tenant = i.tenant and s.listing_id = i.listing_id and i.observation_ids = '[]'
"""  # noqa: S608
_FRESH = ", ".join(
    f"{name} = excluded.{name}" for name in COLUMNS if name not in ("tenant", "listing_id", "subject_id")
)
# Most are new, and need none of the questions that are asked about the others: a dump of a million takes half as long.
_NEW = f"""
with new as (
    insert into media.source_listings ({", ".join(COLUMNS)}) select {", ".join(COLUMNS)} from offered
    order by listing_id
    on conflict (tenant, listing_id) do nothing
    returning listing_id
)
delete from offered i using new where new.listing_id = i.listing_id
"""  # noqa: S608
_MERGE = f"""
insert into media.source_listings as s ({", ".join(COLUMNS)}) select {", ".join(COLUMNS)} from offered
order by listing_id
on conflict (tenant, listing_id) do update
set {_FRESH}, subject_id = least(s.subject_id, excluded.subject_id),
    vanished_at = case when s.vanished_at > excluded.checked_at then s.vanished_at end
where {_MAY_SPEAK.replace("i.", "excluded.")}
"""  # noqa: S608
_SEEN = """
insert into media.source_observations (tenant, listing_id, observation_id, subject_id, reported_by, page_id)
select distinct on (i.tenant, i.listing_id, observation_id, subject_id)
    i.tenant, i.listing_id, observation_id, coalesce(i.subject_id, ''), i.reported_by, i.page_id
from incoming i cross join lateral jsonb_array_elements_text(i.observation_ids) as observation_id
on conflict do nothing
"""


def known_for_long(
    connection: Connection, tenant: str, *, partition: str, before: datetime, limit: int
) -> list[tuple[UUID, str, Known]]:
    """Listings of files in the library that nobody saw, or looked for, since then: (id, edition, what to ask about).
    Those that were left alone for longest come first."""
    listed, seen, links = tables.source_listings, tables.source_observations, tables.media_links
    own = and_(seen.c.tenant == listed.c.tenant, seen.c.listing_id == listed.c.listing_id)
    observations = (
        select(func.array_agg(seen.c.observation_id.distinct()))
        .where(own, seen.c.reported_by == listed.c.source)
        .scalar_subquery()
    )
    looked_at = func.greatest(listed.c.checked_at, listed.c.asked_at)
    query = (
        select(listed.c.listing_id, listed.c.edition, listed.c.source_key, listed.c.page_url, observations.label("ids"))
        .join(links, and_(links.c.tenant == listed.c.tenant, links.c.listing_id == listed.c.listing_id))
        .where(listed.c.tenant == tenant, listed.c.partition == partition, looked_at < before)
        .order_by(looked_at, listed.c.listing_id)
        .limit(limit)
    )
    return [
        (row.listing_id, row.edition, Known(row.source_key, row.page_url, tuple(row.ids or ())))
        for row in connection.execute(query)
    ]


def mark_asked(connection: Connection, tenant: str, asked: Sequence[UUID], *, now: datetime) -> None:
    """They were looked up, whatever came of it: the others' turn is next."""
    listed = tables.source_listings
    mine = and_(listed.c.tenant == tenant, listed.c.listing_id.in_(asked))
    connection.execute(update(listed).where(mine).values(asked_at=now))


def withdrawn(
    connection: Connection, tenant: str, *, page: UUID, told: Sequence[UUID], closed: Mapping[str, str], source: str
) -> dict[UUID, str]:
    """Listings that are not to be had by this page: those read from it before and told no more, and those of which the
    source now says (key -> word) that they are closed. With the reason."""
    listed = tables.source_listings
    still = select(listed.c.listing_id, listed.c.source_key).where(
        listed.c.tenant == tenant, listed.c.vanished_at.is_(None), listed.c.listing_id.not_in(told)
    )
    found = {row.listing_id: "told no more" for row in connection.execute(still.where(listed.c.page_id == page))}
    if closed:
        mine = still.where(listed.c.source == source, listed.c.source_key.in_(list(closed)))
        found |= {row.listing_id: closed[row.source_key] for row in connection.execute(mine)}
    return found


def mark_vanished(connection: Connection, tenant: str, gone: Mapping[UUID, str], *, now: datetime) -> None:
    """These (id -> why) were asked for and are not there any more."""
    listed = tables.source_listings
    mine = and_(listed.c.tenant == tenant, listed.c.listing_id.in_(list(gone)), listed.c.vanished_at.is_(None))
    rows = connection.execute(update(listed).where(mine).values(vanished_at=now).returning(listed)).mappings().all()
    if rows:
        connection.execute(
            insert(tables.listing_changes).on_conflict_do_nothing(),
            [
                {
                    "tenant": tenant,
                    "listing_id": row["listing_id"],
                    "what": "vanished",
                    "former": row["licence"],
                    "latter": gone[row["listing_id"]],
                    "last_seen_at": row["checked_at"],
                    "noticed_at": now,
                }
                for row in rows
            ],
        )


def row_of(
    listing: Listing,
    *,
    tenant: str,
    partition: str,
    page: UUID,
    reported_by: str,
    priority: int,
    received_at: datetime,
) -> dict[str, Any]:
    """One listing as a row to merge."""
    return {
        "tenant": tenant,
        "listing_id": listing_id(tenant, listing.source, listing.source_key, listing.edition),
        "page_id": page,
        "source": listing.source,
        "partition": partition,
        "source_key": listing.source_key,
        "edition": listing.edition,
        "original_url": listing.original_url,
        "fallback_urls": json.dumps(listing.fallback_urls),
        "thumbnail_url": listing.thumbnail_url,
        "page_url": listing.page_url,
        "reported_by": reported_by,
        **_licence_row(listing.licence),
        "attribution": listing.attribution,
        "creator": listing.creator,
        "title": listing.title,
        "subject_id": listing.subject_id,
        "taxon_name": listing.taxon_name,
        "species_confidence": listing.species_confidence,
        "observed_on": listing.observed_on,
        "observed_at": listing.observed_at,
        "latitude": listing.latitude,
        "longitude": listing.longitude,
        "coordinate_uncertainty_m": listing.coordinate_uncertainty_m,
        "is_obscured": listing.is_obscured,
        "size_bytes": listing.size_bytes,
        "width_px": listing.width_px,
        "height_px": listing.height_px,
        "content_type": listing.content_type,
        "sha1": listing.sha1,
        "priority": priority,
        "prior_points": listing.prior_points,
        "checked_at": received_at,
        _OBSERVATIONS: json.dumps(listing.observation_ids),
    }


def _licence_row(licence: Licence) -> dict[str, Any]:
    return {
        "licence": licence.name,
        "licence_family": licence.family,
        "licence_version": licence.version,
        "licence_jurisdiction": licence.jurisdiction,
        "licence_url": licence.url,
        "licence_is_open": licence.is_open,
        "allows_commercial": licence.allows_commercial,
        "allows_derivatives": licence.allows_derivatives,
        "needs_attribution": licence.needs_attribution,
        "licence_raw": licence.raw,
    }


def merge(
    connection: Connection, rows: Iterable[Mapping[str, Any]], *, telling: Literal["all", "licences"] = "all"
) -> Sequence[UUID]:
    """Write the rows (`row_of`) in the caller's transaction; the listings whose failed fetch may be tried again.

    Rows that tell of licences leave what is known of the files.
    """
    names = (*COLUMNS, _OBSERVATIONS)
    with _staging(connection, names) as staged:
        for row in rows:
            staged.write_row([row[name] for name in names])
    return _merge_staged(connection, telling)


def merge_lines(connection: Connection, packed: bytes) -> Sequence[UUID]:
    """`merge` of what `lines.lines_of` made."""
    with _staging(connection, lines.COLUMNS) as staged:
        staged.write(packed)
    return _merge_staged(connection, "all")


@contextmanager
def _staging(connection: Connection, names: Sequence[str]) -> Iterator[Copy]:
    connection.execute(text(_STAGED))
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("the connection is closed")
    with driver.cursor() as cursor, cursor.copy(f"copy incoming ({', '.join(names)}) from stdin") as staged:
        yield staged


def _merge_staged(connection: Connection, telling: Literal["all", "licences"]) -> Sequence[UUID]:
    # Ten thousand rows are sorted twice; on disk, where they are more than this.
    connection.execute(text("set local work_mem = '64MB'"))
    connection.execute(text(_ONE_EACH))
    connection.execute(text(_NEW))
    connection.execute(text("analyze offered"))
    connection.execute(text(_CHANGES))
    connection.execute(text(_KEEP_PLACES))
    if telling == "licences":
        connection.execute(text(_KEEP_FILES))
    hopeful = connection.scalars(text(_HOPEFUL)).all()
    connection.execute(text(_MERGE))
    connection.execute(text(_SEEN))
    # Another page of the same transaction makes them anew.
    connection.execute(text("drop table incoming, offered"))
    return hopeful
