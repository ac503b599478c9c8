"""What is shown for review: groups with their members, pairs to look at, decisions that hold; as values and as tables.

What is not here: the decisions themselves (duplicates.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, and_, func, or_, select

from media_pipeline.operations import duplicates
from media_pipeline.stores.catalog import duplicate_decisions, tables
from media_pipeline.stores.library import Library

SHORT = 8


@dataclass(frozen=True, slots=True)
class File:
    """One file of a group: what it was compared with the keeper by, where it was."""

    media_id: UUID
    code: str
    names: tuple[str, ...]
    size: str
    bits: int | None
    cosine: float | None
    is_merged: bool


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One group, the keeper first."""

    group_id: UUID
    tier: str
    reason: str
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two files that a person should look at, and the tests that say so."""

    a: File
    b: File
    bits: int | None
    cosine: float | None
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A merge or a decision that holds now."""

    decision_id: UUID
    what: str
    codes: tuple[str, ...]
    by: str


def groups(library: Library, *, limit: int) -> list[Reviewed]:
    """The groups, the largest first; of each all its files."""
    table, members = tables.duplicate_groups, tables.duplicate_members
    with library.engine.connect() as connection:
        chosen = connection.execute(
            select(table)
            .where(table.c.tenant == library.tenant)
            .order_by(table.c.media_count.desc(), table.c.tier.desc(), table.c.group_id)
            .limit(limit)
        ).all()
        own = (members.c.tenant == library.tenant, members.c.group_id.in_([row.group_id for row in chosen]))
        media: dict[UUID, list[UUID]] = {}
        for group_id, media_id in connection.execute(select(members.c.group_id, members.c.media_id).where(*own)):
            media.setdefault(group_id, []).append(media_id)
        everyone = sorted({one for ones in media.values() for one in ones})
        known = _files(connection, library.tenant, everyone)
        measured = _measured(connection, library.tenant, everyone)
    found = []
    for row in chosen:
        keeper = row.keeper_media_id
        files = [known[keeper]]
        for one in sorted(set(media[row.group_id]) - {keeper}):
            bits, cosine = measured.get(frozenset((one, keeper)), (None, None))
            files.append(_with_distance(known[one], bits, cosine))
        found.append(Reviewed(row.group_id, row.tier, row.keeper_reason, tuple(files)))
    return found


def candidates(library: Library, *, limit: int) -> list[Pair]:
    """The pairs for review, the most alike first."""
    table = tables.similarities
    query = (
        select(table)
        .where(table.c.tenant == library.tenant, table.c.tier == "candidate")
        .order_by(table.c.cosine.desc(), table.c.media_a, table.c.media_b)
        .limit(limit)
    )
    with library.engine.connect() as connection:
        rows = connection.execute(query).all()
        known = _files(connection, library.tenant, sorted({one for row in rows for one in (row.media_a, row.media_b)}))
    return [
        Pair(
            known[row.media_a],
            known[row.media_b],
            row.phash_distance,
            row.cosine,
            tuple(f"{test['test']} by {test['by']:g}" for test in row.tests),
        )
        for row in rows
    ]


def held(library: Library) -> list[Held]:
    """What people decided and did not take back, the latest first; a merge is one line."""
    single, merges, merged = tables.duplicate_decisions, tables.media_merges, tables.merged_media
    found = []
    with library.engine.connect() as connection:
        tenant = library.tenant
        same = and_(merged.c.tenant == merges.c.tenant, merged.c.merge_id == merges.c.merge_id)
        rows = connection.execute(
            select(merges, func.array_agg(merged.c.media_id).label("others"))
            .join(merged, same)
            .where(merges.c.tenant == tenant, merges.c.undone_at.is_(None))
            .group_by(merges.c.tenant, merges.c.merge_id)
            .order_by(merges.c.number.desc())
        ).all()
        pairs = connection.execute(
            select(single)
            .where(single.c.tenant == tenant, single.c.undone_at.is_(None), single.c.merge_id.is_(None))
            .order_by(single.c.number.desc())
        ).all()
        named = {one for row in rows for one in (row.keeper_media_id, *row.others)}
        named |= {one for row in pairs for one in (row.media_a, row.media_b) if one is not None}
        known = _files(connection, tenant, sorted(named))
    for row in rows:
        codes = tuple(known[one].code for one in (row.keeper_media_id, *sorted(row.others)))
        found.append(Held(row.merge_id, "merge", codes, row.decided_by))
    for row in pairs:
        codes = tuple(known[one].code for one in (row.media_a, row.media_b) if one is not None)
        found.append(Held(row.decision_id, row.what.replace("_", " "), codes, row.decided_by))
    return found


def _with_distance(file: File, bits: int | None, cosine: float | None) -> File:
    return File(file.media_id, file.code, file.names, file.size, bits, cosine, file.is_merged)


def _measured(connection: Connection, tenant: str, media: Sequence[UUID]) -> dict[frozenset[UUID], tuple[Any, Any]]:
    table = tables.similarities
    inside = or_(table.c.media_a.in_(media), table.c.media_b.in_(media))
    rows = connection.execute(select(table).where(table.c.tenant == tenant, inside))
    return {frozenset((row.media_a, row.media_b)): (row.phash_distance, row.cosine) for row in rows}


def _files(connection: Connection, tenant: str, media: Sequence[UUID]) -> dict[UUID, File]:
    own, facts, links, listings = tables.media, tables.media_metadata, tables.media_links, tables.source_listings
    same = and_(facts.c.tenant == own.c.tenant, facts.c.media_id == own.c.media_id)
    query = select(own.c.media_id, own.c.public_code, facts.c.width_px, facts.c.height_px).outerjoin(facts, same)
    names: dict[UUID, list[str]] = {}
    listed = and_(listings.c.tenant == links.c.tenant, listings.c.listing_id == links.c.listing_id)
    named = select(links.c.media_id, listings.c.source_key).join(listings, listed)
    of_these = (links.c.tenant == tenant, links.c.media_id.in_(media))
    for media_id, name in connection.execute(named.where(*of_these).order_by(listings.c.source_key)):
        names.setdefault(media_id, []).append(name)
    into = duplicate_decisions.merged_into(connection, tenant)
    return {
        row.media_id: File(
            row.media_id,
            row.public_code,
            tuple(names.get(row.media_id, ())),
            f"{row.width_px} x {row.height_px}" if row.width_px else "",
            None,
            None,
            row.media_id in into,
        )
        for row in connection.execute(query.where(own.c.tenant == tenant, own.c.media_id.in_(media)))
    }


def show(library: Library, console: Console, *, limit: int, decided: bool) -> None:
    """How the search stands, the groups, the pairs to look at; or what was decided."""
    if decided:
        console.print(_decisions_table(held(library)))
        return
    standing = duplicates.standing(library)
    told = f"{standing.state}: {standing.detail}" if standing.detail else standing.state
    console.print(f"duplicates: {told}", markup=False, highlight=False, soft_wrap=True)
    if standing.groups or standing.candidates:
        console.print(_groups_table(groups(library, limit=limit), of=standing.groups))
        console.print(_candidates_table(candidates(library, limit=limit), of=standing.candidates))
    if standing.set_apart:
        console.print(f"{standing.set_apart} media share their hash with too many others, and are set apart")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _groups_table(found: Sequence[Reviewed], *, of: int) -> Table:
    title = "Groups" if len(found) == of else f"Groups: {len(found)} of {of}"
    table = _table(title, "group", "tier", "files", "bits", "cosine")
    for group in found:
        for place, file in enumerate(group.files):
            told = "" if file.cosine is None else f"{file.cosine:.3f}"
            words = f"{file.code} {file.size} {', '.join(file.names)}" + (" (merged)" if file.is_merged else "")
            kept = f"keeps {words}: {group.reason}" if place == 0 else f"      {words}"
            first = (str(group.group_id)[:SHORT], group.tier) if place == 0 else ("", "")
            table.add_row(*first, Text(kept), "" if file.bits is None else str(file.bits), told)
    return table


def _candidates_table(found: Sequence[Pair], *, of: int) -> Group | Table:
    title = "To look at" if len(found) == of else f"To look at: {len(found)} of {of}"
    table = _table(title, "one", "other", "bits", "cosine", "passed")
    for pair in found:
        one, other = (Text(f"{file.code} {', '.join(file.names)}") for file in (pair.a, pair.b))
        table.add_row(one, other, str(pair.bits), f"{pair.cosine:.3f}", "; ".join(pair.tests))
    return table


def _decisions_table(found: Sequence[Held]) -> Table:
    table = _table("Decisions", "id", "what", "files", "by")
    for one in found:
        table.add_row(str(one.decision_id)[:SHORT], one.what, Text(", ".join(one.codes)), Text(one.by))
    return table
