"""What people decide of duplicates, and merges: the only code that writes those tables. Nothing is ever deleted.

A decision that is taken back gets a time, `undone_at`, and is as if it had never been. One that contradicts another is
refused, and the other is named: which of two people is right is not for a program to say. What is not here: what comes
of decisions in the groups (stages/group).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, func, insert, or_, select, text, update

from media_pipeline.errors import ConfigError
from media_pipeline.stores.catalog import tables

decisions, merges, merged, fields = (
    tables.duplicate_decisions,
    tables.media_merges,
    tables.merged_media,
    tables.merged_fields,
)


@dataclass(frozen=True, slots=True)
class Decided:
    """All that holds now."""

    same: tuple[tuple[UUID, UUID], ...]
    different: tuple[tuple[UUID, UUID], ...]
    keepers: Mapping[UUID, int]


def standing(connection: Connection, tenant: str) -> Decided:
    query = select(decisions).where(decisions.c.tenant == tenant, decisions.c.undone_at.is_(None))
    pairs: dict[str, list[tuple[UUID, UUID]]] = {"duplicate": [], "not_duplicate": []}
    keepers: dict[UUID, int] = {}
    for row in connection.execute(query.order_by(decisions.c.number)):
        if row.what == "keeper":
            keepers[row.media_a] = row.number
        else:
            pairs[row.what].append((row.media_a, row.media_b))
    return Decided(tuple(sorted(set(pairs["duplicate"]))), tuple(sorted(set(pairs["not_duplicate"]))), keepers)


def one_at_a_time(connection: Connection, tenant: str) -> None:
    """Until the transaction ends: two people who decide at once must not contradict each other unseen."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"{tenant}/duplicate_decisions"}
    )


def of_pair(connection: Connection, tenant: str, a: UUID, b: UUID) -> Any:
    """The decision of this very pair that holds now, if there is one."""
    low, high = sorted((a, b))
    query = select(decisions).where(
        decisions.c.tenant == tenant,
        decisions.c.media_a == low,
        decisions.c.media_b == high,
        decisions.c.undone_at.is_(None),
    )
    return connection.execute(query.order_by(decisions.c.number.desc())).first()


def decide(
    connection: Connection,
    tenant: str,
    what: str,
    a: UUID,
    b: UUID | None = None,
    *,
    by: str,
    merge_id: UUID | None = None,
) -> UUID:
    low, high = (a, None) if b is None else sorted((a, b))
    decision_id = uuid4()
    row = {"tenant": tenant, "decision_id": decision_id, "what": what, "media_a": low, "media_b": high}
    connection.execute(insert(decisions).values(**row, decided_by=by, merge_id=merge_id))
    return decision_id


def merge(
    connection: Connection,
    tenant: str,
    keeper: UUID,
    others: Sequence[UUID],
    *,
    by: str,
    union: Sequence[tuple[str, Any, Sequence[UUID]]],
) -> UUID:
    """The others stand behind the keeper from now on, and so does all that was merged into them before."""
    merge_id = uuid4()
    connection.execute(insert(merges).values(tenant=tenant, merge_id=merge_id, keeper_media_id=keeper, decided_by=by))
    all_others = sorted({*others, *_behind(connection, tenant, others)} - {keeper})
    own: dict[str, Any] = {"tenant": tenant, "merge_id": merge_id}
    connection.execute(insert(merged), [own | {"media_id": one, "merged_into": keeper} for one in all_others])
    if union:
        rows = [
            own | {"field": field, "place": place, "value": value, "from_media_ids": [str(one) for one in said_by]}
            for place, (field, value, said_by) in enumerate(union)
        ]
        connection.execute(insert(fields), rows)
    for one, other in pairwise([keeper, *all_others]):
        decide(connection, tenant, "duplicate", one, other, by=by, merge_id=merge_id)
    decide(connection, tenant, "keeper", keeper, by=by, merge_id=merge_id)
    return merge_id


def _behind(connection: Connection, tenant: str, keepers: Sequence[UUID]) -> set[UUID]:
    query = (
        select(merged.c.media_id)
        .join(merges, (merges.c.tenant == merged.c.tenant) & (merges.c.merge_id == merged.c.merge_id))
        .where(merged.c.tenant == tenant, merged.c.merged_into.in_(keepers), merges.c.undone_at.is_(None))
    )
    return set(connection.scalars(query))


def merged_into(connection: Connection, tenant: str) -> dict[UUID, UUID]:
    """Where every merged file stands now: what the latest merge says."""
    query = (
        select(merged.c.media_id, merged.c.merged_into)
        .join(merges, (merges.c.tenant == merged.c.tenant) & (merges.c.merge_id == merged.c.merge_id))
        .where(merged.c.tenant == tenant, merges.c.undone_at.is_(None))
        .order_by(merges.c.number)
    )
    return {media_id: keeper for media_id, keeper in connection.execute(query)}  # noqa: C416 — a Row is no pair to mypy


def undo_merge(connection: Connection, tenant: str, merge_id: UUID) -> set[UUID]:
    """As it was before; the files concerned. The latest of several merges of one file is taken back first."""
    media = set(
        connection.scalars(select(merged.c.media_id).where(merged.c.tenant == tenant, merged.c.merge_id == merge_id))
    )
    own = connection.execute(select(merges).where(merges.c.tenant == tenant, merges.c.merge_id == merge_id)).one()
    if own.undone_at is not None:
        raise ConfigError(f"merge {merge_id} was undone already")
    media.add(own.keeper_media_id)
    later = (
        select(merges.c.merge_id)
        .join(merged, (merges.c.tenant == merged.c.tenant) & (merges.c.merge_id == merged.c.merge_id))
        .where(
            merges.c.tenant == tenant,
            merges.c.undone_at.is_(None),
            merges.c.number > own.number,
            or_(merged.c.media_id.in_(media), merged.c.merged_into.in_(media)),
        )
        .order_by(merges.c.number.desc())
    )
    if (blocking := connection.scalars(later).first()) is not None:
        raise ConfigError(
            f"merge {merge_id}: a later one builds on it: media-pipeline duplicates undo {blocking} first"
        )
    for table in (merges, decisions):
        connection.execute(
            update(table)
            .where(table.c.tenant == tenant, table.c.merge_id == merge_id, table.c.undone_at.is_(None))
            .values(undone_at=func.now())
        )
    return media


def undo_decision(connection: Connection, tenant: str, decision_id: UUID) -> set[UUID]:
    row = connection.execute(
        select(decisions).where(decisions.c.tenant == tenant, decisions.c.decision_id == decision_id)
    ).one()
    if row.undone_at is not None:
        raise ConfigError(f"decision {decision_id} was undone already")
    if row.merge_id is not None:
        raise ConfigError(
            f"decision {decision_id} is part of a merge: media-pipeline duplicates undo {row.merge_id} undoes it whole"
        )
    connection.execute(
        update(decisions)
        .where(decisions.c.tenant == tenant, decisions.c.decision_id == decision_id)
        .values(undone_at=func.now())
    )
    return {media for media in (row.media_a, row.media_b) if media is not None}
