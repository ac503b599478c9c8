"""Duplicates in the catalog: what is compared, and the groups, pairs and events that come of it.

What is not here: what people decide (duplicate_decisions.py), and which files are alike (stages/group).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, Table, and_, delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.arrays import vectors_of

# 10 MB of vectors on their way, 5,000 rows of groups, of members, ids in one question.
ROWS_AT_A_TIME = 5_000

Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Hashed:
    """Every file that has a hash and a vector, in the order of ids."""

    ids: NDArray[np.uint64]
    phashes: NDArray[np.uint64]

    def id_at(self, place: int) -> UUID:
        high, low = self.ids[place].tolist()
        return UUID(int=(high << 64) | low)

    def ids_at(self, places: Sequence[int]) -> list[UUID]:
        return [UUID(int=(high << 64) | low) for high, low in self.ids[np.asarray(places, dtype=np.int64)].tolist()]

    def places_of(self, media: Collection[UUID]) -> dict[UUID, int]:
        """Of those that are here."""
        halves = {(one.int >> 64, one.int & (2**64 - 1)): one for one in media}
        near = np.isin(self.ids[:, 0], np.array([high for high, _ in halves], dtype=np.uint64))
        places = np.flatnonzero(near).tolist()
        pairs = zip(places, map(tuple, self.ids[places].tolist()), strict=True)
        return {halves[pair]: place for place, pair in pairs if pair in halves}


def read_hashes(connection: Connection, tenant: str, model_version: str) -> Hashed:
    """As bytes put together by the database: a million rows one by one take ten seconds, and this takes one."""
    # In slices of the first byte of the id, so that no answer comes near PostgreSQL's gigabyte.
    query = text(
        """
        select string_agg(uuid_send(h.media_id) || decode(h.phash, 'hex'), ''::bytea order by h.media_id)
        from media.hashes h
        where h.tenant = :tenant and h.media_id >= :low and h.media_id <= :high and length(h.phash) = 16
          and exists (
            select from media.embeddings e
            where e.tenant = h.tenant and e.media_id = h.media_id and e.model_version = :model
          )
        """
    )
    parts = []
    for slice_ in range(16):
        low, high = UUID(int=slice_ << 124), UUID(int=((slice_ + 1) << 124) - 1)
        found = connection.scalar(query, {"tenant": tenant, "model": model_version, "low": low, "high": high})
        if found:
            parts.append(np.frombuffer(bytes(found), dtype=">u8").astype(np.uint64).reshape(-1, 3))
    rows = np.concatenate(parts) if parts else np.empty((0, 3), dtype=np.uint64)
    return Hashed(rows[:, :2], np.ascontiguousarray(rows[:, 2]))


def read_vectors(
    connection: Connection, tenant: str, model_version: str, ids: Sequence[UUID], *, dims: int
) -> NDArray[np.float32]:
    """One row for each, in this order; zeros, near nothing, where there is none (any more)."""
    return vectors_of(connection, tenant, ids, model_version=model_version, dims=dims)


STANDINGS = text(
    """
    select
        m.media_id,
        coalesce(d.width_px::bigint * d.height_px, 0) as pixels,
        coalesce(q.quality_points, -1) as quality,
        num_nonnulls(
            d.taken_at, d.taken_at_utc, d.camera_make, d.camera_model, d.lens, d.software, d.exposure_s, d.f_number,
            d.iso, d.focal_length_mm, d.latitude, d.altitude_m, d.title, d.creator, d.rights
        ) + coalesce(jsonb_array_length(d.keywords), 0) as richness,
        coalesce(o.openness, -1) as openness,
        coalesce(o.files, 0) as files,
        (extract(epoch from m.claimed_at) * 1000000)::bigint as since
    from media.media m
    left join media.metadata d using (tenant, media_id)
    left join media.quality q using (tenant, media_id)
    left join lateral (
        select
            count(*) as files,
            min(
                8 * (s.licence_is_open and s.vanished_at is null)::int + 4 * s.allows_commercial::int
                + 2 * s.allows_derivatives::int + (not s.needs_attribution)::int
            ) as openness
        from media.media_offers l
        join media.source_listings s using (tenant, listing_id)
        where l.tenant = m.tenant and l.media_id = m.media_id
    ) o on true
    where m.tenant = :tenant and m.media_id = any(:ids)
    """
)


def read_standings(connection: Connection, tenant: str, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """What decides which file is kept, and how many listings offer it."""
    found: dict[UUID, Any] = {}
    for start in range(0, len(ids), ROWS_AT_A_TIME):
        page = list(ids[start : start + ROWS_AT_A_TIME])
        found |= {row.media_id: row for row in connection.execute(STANDINGS, {"tenant": tenant, "ids": page})}
    return found


def near_groups(connection: Connection, tenant: str, *, among: Collection[UUID] | None) -> dict[UUID, list[UUID]]:
    """The stored groups of tier near, and their members; `among`: those that have one of these."""
    groups, members = tables.duplicate_groups, tables.duplicate_members
    same = and_(groups.c.tenant == members.c.tenant, groups.c.group_id == members.c.group_id)
    query = (
        select(members.c.group_id, members.c.media_id)
        .join(groups, same)
        .where(members.c.tenant == tenant, groups.c.tier == "near")
        .order_by(members.c.group_id, members.c.media_id)
    )
    found: dict[UUID, list[UUID]] = {}
    if among is None:
        for group_id, media_id in connection.execute(query):
            found.setdefault(group_id, []).append(media_id)
        return found
    for page in _pages(sorted(among)):
        touched = select(members.c.group_id).where(members.c.tenant == tenant, members.c.media_id.in_(page))
        for group_id, media_id in connection.execute(query.where(members.c.group_id.in_(touched))):
            found.setdefault(group_id, []).append(media_id)
    return {group_id: sorted(set(media)) for group_id, media in found.items()}


def keepers(connection: Connection, tenant: str) -> dict[UUID, UUID]:
    """Of every media in a group of tier near the one that is kept."""
    groups, members = tables.duplicate_groups, tables.duplicate_members
    same = and_(groups.c.tenant == members.c.tenant, groups.c.group_id == members.c.group_id)
    query = select(members.c.media_id, groups.c.keeper_media_id).join(groups, same)
    rows = connection.execute(query.where(members.c.tenant == tenant, groups.c.tier == "near"))
    return {media_id: keeper for media_id, keeper in rows}  # noqa: C416 — a Row is no pair to mypy


def set_apart(connection: Connection, tenant: str) -> dict[UUID, str]:
    """Whom no hash can place, and the hash."""
    table = tables.duplicates_set_apart
    rows = connection.execute(select(table.c.media_id, table.c.phash).where(table.c.tenant == tenant))
    return {media_id: phash for media_id, phash in rows}  # noqa: C416 — a Row is no pair to mypy


def exact_groups(tenant: str, *, among: Sequence[UUID] | None) -> Select[Any]:
    """(media_id, files) of media that several listings offer: their file is stored once already."""
    links = tables.media_links
    query = select(links.c.media_id, func.count().label("files")).where(links.c.tenant == tenant)
    query = query if among is None else query.where(links.c.media_id.in_(among))
    return query.group_by(links.c.media_id).having(func.count() > 1).order_by(links.c.media_id)


@dataclass(frozen=True, slots=True)
class Written:
    """Rows to put, and the media whose former rows they replace (None: all)."""

    groups: Sequence[Row]
    members: Sequence[Row]
    pairs: Sequence[Row]
    scope: Collection[UUID] | None


def replace(connection: Connection, tenant: str, *, tier: str, written: Written, former: Collection[UUID]) -> None:
    """The `former` groups of a tier give way to these; of tier near also the pairs of everything in the scope."""
    groups, pairs = tables.duplicate_groups, tables.similarities
    if written.scope is None:
        connection.execute(
            delete(tables.duplicate_members).where(
                tables.duplicate_members.c.tenant == tenant,
                tables.duplicate_members.c.group_id.in_(
                    select(groups.c.group_id).where(groups.c.tenant == tenant, groups.c.tier == tier)
                ),
            )
        )
        connection.execute(delete(groups).where(groups.c.tenant == tenant, groups.c.tier == tier))
    for page in _pages(sorted(former)) if written.scope is not None else ():
        connection.execute(delete(groups).where(groups.c.tenant == tenant, groups.c.group_id.in_(page)))
    if tier == "near":
        if written.scope is None:
            connection.execute(delete(pairs).where(pairs.c.tenant == tenant))
        for page in _pages(sorted(written.scope)) if written.scope is not None else ():
            for column in (pairs.c.media_a, pairs.c.media_b):
                connection.execute(delete(pairs).where(pairs.c.tenant == tenant, column.in_(page)))
    for table, rows in ((groups, written.groups), (tables.duplicate_members, written.members), (pairs, written.pairs)):
        insert_all(connection, table, rows)


def replace_set_apart(connection: Connection, tenant: str, rows: Mapping[UUID, str], *, reason: str) -> None:
    """Only what is different is written."""
    table, former = tables.duplicates_set_apart, set_apart(connection, tenant)
    for page in _pages(sorted(media for media in former if rows.get(media) != former[media])):
        connection.execute(delete(table).where(table.c.tenant == tenant, table.c.media_id.in_(page)))
    new = [media for media in sorted(rows) if former.get(media) != rows[media]]
    own = {"tenant": tenant, "reason": reason}
    insert_all(connection, table, [own | {"media_id": media, "phash": rows[media]} for media in new])


def record_events(
    connection: Connection, tenant: str, former: Mapping[UUID, Sequence[UUID]], latter: Mapping[UUID, Sequence[UUID]]
) -> None:
    """What became of the former groups: merged, split, under a new keeper, gone."""
    rows = [
        {"tenant": tenant, "what": what, "group_id": group_id, "previous_group_ids": [str(one) for one in previous]}
        for what, group_id, previous in changes(former, latter)
    ]
    insert_all(connection, tables.duplicate_events, rows)


def changes(
    former: Mapping[UUID, Sequence[UUID]], latter: Mapping[UUID, Sequence[UUID]]
) -> Iterator[tuple[str, UUID, list[UUID]]]:
    """(what, group, groups before) by the members that they share; a group that only grew or shrank is none."""
    group_of = {media: group for group, members in latter.items() for media in members}
    came_from: dict[UUID, set[UUID]] = {}
    parted = set[UUID]()
    for before, members in sorted(former.items()):
        places = {group_of.get(media) for media in members}
        after = sorted(place for place in places if place is not None)
        for group in after:
            came_from.setdefault(group, set()).add(before)
        if not after:
            yield "dissolved", before, [before]
        elif len(after) > 1 or (after != [before] and before in latter):
            parted.add(before)
            for group in after:
                yield "split", group, [before]
    for group, before_all in sorted(came_from.items()):
        if len(before_all) > 1:
            yield "merged", group, sorted(before_all)
        elif group not in before_all and not before_all & parted:
            yield "new_keeper", group, sorted(before_all)


def insert_all(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    for page in _pages(rows):
        connection.execute(insert(table), page)


def put_pairs(connection: Connection, rows: Sequence[Row]) -> None:
    """Pairs for review, of which one may stand there already under a better tier."""
    for page in _pages(rows):
        connection.execute(upsert(tables.similarities).on_conflict_do_nothing(), page)


def tell_run(connection: Connection, tenant: str, *, run_id: str, status: str, detail: str = "") -> None:
    """The last run: begun (`running`), or how it ended."""
    table = tables.duplicate_runs
    row: Row = {"tenant": tenant, "run_id": run_id, "status": status, "detail": detail}
    ended = {"finished_at": func.now()} if status != "running" else {"finished_at": None, "began_at": func.now()}
    statement = upsert(table).values(**row, **ended)
    fresh = {name: statement.excluded[name] for name in ("run_id", "status", "detail", *ended)}
    connection.execute(statement.on_conflict_do_update(index_elements=["tenant"], set_=fresh))


def last_run(connection: Connection, tenant: str) -> Any:
    return connection.execute(select(tables.duplicate_runs).where(tables.duplicate_runs.c.tenant == tenant)).first()


def _pages(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        yield rows[start : start + ROWS_AT_A_TIME]
