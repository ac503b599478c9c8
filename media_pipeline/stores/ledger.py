"""The ledger: what happened to every item at every output, and so what is left to do.

One row per (item, output): no row means never ran; another version or another digest of inputs than today's means
stale. What is not here: the loop that works it off (orchestration/work.py) and the table itself
(stores/catalog/tables/).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Text,
    and_,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import insert

from media_pipeline.errors import ItemError
from media_pipeline.records import ItemKind
from media_pipeline.stores.catalog.tables import ledger
from media_pipeline.stores.reasons import REASONS

Status = Literal["done", "not_applicable", "failed", "dead"]

MAX_DETAIL = 500
ROWS_AT_A_TIME = 2000


# A file that was listed and not found, but is in the folder or bucket now, was only away.
AWAY: Final = ("gone", "replaced", "unreadable")


@dataclass(frozen=True, slots=True)
class Output:
    """One asset's claim on items: its rows are stale when `version` or the rows of `upstream` change, or the column
    `own_input` of the items, for what comes of no upstream output. `of` says what its items are. `of_sources` are
    versions that hold in one source only: each source's parser has its own."""

    name: str
    version: str
    upstream: tuple[str, ...] = ()
    own_input: str | None = None
    of: ItemKind = "media"
    of_sources: tuple[tuple[str, str], ...] = ()

    def version_in(self, partition: str) -> str:
        """The version that rows of this partition have today."""
        return dict(self.of_sources).get(partition.partition("/")[0], self.version)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row to write."""

    item_id: UUID
    output: Output
    partition: str
    inputs: str
    status: Status
    reason: str | None = None
    detail: str | None = None
    attempts: int = 1
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """A passing failure is tried again after a wait that grows fourfold; after `max_attempts` the item is dead."""

    max_attempts: int
    backoff: timedelta


@dataclass(frozen=True, slots=True)
class Due:
    """One item and what is due for it. `blocked` names, per output, the upstream that failed or does not apply."""

    item_id: UUID
    partition: str
    row: Mapping[str, Any]
    inputs: Mapping[str, str]
    attempts: Mapping[str, int]
    blocked: Mapping[str, tuple[Status, str]]


def utc_now() -> datetime:
    """The clock that everybody uses who is not handed another."""
    return datetime.now(UTC)


def failure(item: UUID, output: Output, *, error: ItemError, before: Due, now: datetime, policy: RetryPolicy) -> Entry:
    """The row of an item that failed: settled, to be tried again, or dead."""
    tried = before.attempts[output.name]
    status: Status = "failed"
    # A moment that has come is none to wait for: it would be tried without end.
    retry_at = error.until if error.until is not None and error.until > now else None
    if retry_at is None:
        # With an `until` nobody tried: the source, or its budget, said when to come again.
        tried += 1
        if (known := REASONS.get(error.reason)) is not None and known.passing:
            status = "dead" if tried >= policy.max_attempts else "failed"
            retry_at = None if status == "dead" else now + policy.backoff * 4 ** (tried - 1)
    return Entry(
        item,
        output,
        before.partition,
        before.inputs[output.name],
        status,
        error.reason,
        error.detail or None,
        tried,
        retry_at,
    )


def due(
    items: FromClause, outputs: Sequence[Output], *, tenant: str, now: datetime, after: UUID | None = None
) -> Select[Any]:
    """The items (columns `item_id`, `partition`, …) for which at least one output is due, in order of id.

    Due is: every upstream row is settled, and there is no row yet, or one of another version or other inputs, or one
    whose time to be tried again has come.
    """
    source: FromClause = items
    wanted: list[ColumnElement[bool]] = []
    shown: list[ColumnElement[Any]] = []
    seen: dict[str, FromClause] = {}
    for name in dict.fromkeys(name for output in outputs for name in output.upstream):
        above = ledger.alias(f"above_{name}")
        seen[name] = above
        source = source.outerjoin(above, _row_of(above, items, tenant, name))
    for place, output in enumerate(outputs):
        own = ledger.alias(f"own_{output.name}")
        source = source.outerjoin(own, _row_of(own, items, tenant, output.name))
        rows = [seen[name] for name in output.upstream]
        digest = _digest(output, items, rows)
        is_due = and_(
            *(_settled(row) for row in rows),
            or_(
                own.c.item_id.is_(None),
                own.c.version != _version(output, items),
                own.c.inputs != digest,
                and_(own.c.status == "failed", own.c.retry_at <= now),
            ),
        )
        same = and_(own.c.version == _version(output, items), own.c.inputs == digest)
        wanted.append(is_due)
        shown += [
            is_due.label(f"due_{place}"),
            digest.label(f"inputs_{place}"),
            case((same, own.c.attempts), else_=0).label(f"attempts_{place}"),
            _blocked(output, rows).label(f"blocked_{place}"),
        ]
    query = select(items, *shown).select_from(source).where(or_(*wanted)).order_by(items.c.item_id)
    return query if after is None else query.where(items.c.item_id > after)


def read_due(connection: Connection, query: Select[Any], outputs: Sequence[Output]) -> list[Due]:
    """The rows of a `due` query."""
    found = []
    for row in connection.execute(query).mappings():
        places = {output.name: place for place, output in enumerate(outputs) if row[f"due_{place}"]}
        blocked: dict[str, tuple[Status, str]] = {}
        for name, place in places.items():
            if told := row[f"blocked_{place}"]:
                status, _, reason = told.partition("|")
                blocked[name] = ("not_applicable" if status == "not_applicable" else "failed", reason)
        found.append(
            Due(
                item_id=row["item_id"],
                partition=row["partition"],
                row=dict(row),
                inputs={name: row[f"inputs_{place}"] for name, place in places.items()},
                attempts={name: row[f"attempts_{place}"] for name, place in places.items()},
                blocked=blocked,
            )
        )
    return found


def standing(items: FromClause, output: Output, tenant: str) -> Select[Any]:
    """(partition, status, reason, items) of all items at one output: a status of the ledger, `never_ran` or `stale`."""
    source: FromClause = items
    rows = [ledger.alias(f"above_{name}") for name in output.upstream]
    for name, above in zip(output.upstream, rows, strict=True):
        source = source.outerjoin(above, _row_of(above, items, tenant, name))
    own = ledger.alias("own")
    source = source.outerjoin(own, _row_of(own, items, tenant, output.name))
    stale = or_(own.c.version != _version(output, items), own.c.inputs != _digest(output, items, rows))
    status = case((own.c.item_id.is_(None), "never_ran"), (stale, "stale"), else_=own.c.status).label("status")
    reason = case((or_(own.c.item_id.is_(None), stale), ""), else_=func.coalesce(own.c.reason, "")).label("reason")
    return (
        select(items.c.partition, status, reason, func.count().label("items"))
        .select_from(source)
        .group_by(items.c.partition, status, reason)
        .order_by(items.c.partition, status, reason)
    )


def _row_of(alias: FromClause, items: FromClause, tenant: str, output: str) -> ColumnElement[bool]:
    return and_(alias.c.tenant == tenant, alias.c.output == output, alias.c.item_id == items.c.item_id)


def _version(output: Output, items: FromClause) -> ColumnElement[str]:
    """Today's version, of the item's source where that has one of its own."""
    if not output.of_sources:
        return literal(output.version)
    source = func.split_part(items.c.partition, "/", 1)
    return case(*((source == name, version) for name, version in output.of_sources), else_=output.version)


def _settled(row: FromClause) -> ColumnElement[bool]:
    """There is an answer that will not change by itself."""
    return and_(row.c.item_id.is_not(None), or_(row.c.status != "failed", row.c.retry_at.is_(None)))


def _digest(output: Output, items: FromClause, rows: Sequence[FromClause]) -> ColumnElement[str]:
    parts: list[ColumnElement[str]] = [
        part for row in rows for part in (row.c.version, row.c.inputs, row.c.status, row.c.reason)
    ]
    if output.own_input is not None:
        parts.append(sql_cast(items.c[output.own_input], Text))
    if not parts:
        return literal("")
    return func.md5(func.concat_ws("|", *(func.coalesce(part, "") for part in parts)))


def _blocked(output: Output, rows: Sequence[FromClause]) -> ColumnElement[str]:
    """`status|name: reason` of the first upstream without a result, or an empty string."""
    whens = [
        (row.c.status != "done", func.concat(row.c.status, "|", name, ": ", row.c.reason))
        for name, row in zip(output.upstream, rows, strict=True)
    ]
    return case(*whens, else_="") if whens else literal("")


def record(connection: Connection, entries: Iterable[Entry], *, tenant: str, run_id: str, now: datetime) -> None:
    """Write the rows, replacing those of the same item and output."""
    statement = insert(ledger)
    fresh = {column.name: statement.excluded[column.name] for column in ledger.columns if not column.primary_key}
    upsert = statement.on_conflict_do_update(index_elements=["tenant", "output", "item_id"], set_=fresh)
    waiting = iter(entries)
    # A stage that looks at the whole library records all of it in one transaction, but not in one statement.
    while some := list(islice(waiting, ROWS_AT_A_TIME)):
        connection.execute(upsert, [_row(entry, tenant=tenant, run_id=run_id, now=now) for entry in some])


def _row(entry: Entry, *, tenant: str, run_id: str, now: datetime) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "output": entry.output.name,
        "item_id": entry.item_id,
        "partition": entry.partition,
        "version": entry.output.version_in(entry.partition),
        "inputs": entry.inputs,
        "status": entry.status,
        "reason": entry.reason,
        "detail": _storable(entry.detail),
        "attempts": entry.attempts,
        "retry_at": entry.retry_at,
        "run_id": run_id,
        "finished_at": now,
    }


def _storable(detail: str | None) -> str | None:
    """What the database takes: details quote strange files, whose names and texts hold NULs and half characters."""
    if not detail:
        return None
    return detail.replace("\0", "\\0").encode(errors="backslashreplace").decode()[:MAX_DETAIL]


def counts(connection: Connection, tenant: str) -> Sequence[Any]:
    """(output, partition, status, reason, items) of everything recorded."""
    columns = (ledger.c.output, ledger.c.partition, ledger.c.status, ledger.c.reason)
    query = (
        select(*columns, func.count().label("items"))
        .where(ledger.c.tenant == tenant)
        .group_by(*columns)
        .order_by(*columns)
    )
    return connection.execute(query).all()


def revive(
    connection: Connection, tenant: str, *, outputs: Sequence[str] | None, reason: str | None, now: datetime
) -> int:
    """Make failed and dead items due again, their tries forgotten; how many.

    Items that failed because of an upstream are left: they become due by themselves when that upstream changes.
    """
    chosen = and_(
        ledger.c.tenant == tenant,
        ledger.c.status.in_(["failed", "dead"]),
        ledger.c.reason != "upstream_failed",
        ledger.c.output.in_(outputs) if outputs is not None else true(),
        ledger.c.reason == reason if reason is not None else true(),
    )
    return connection.execute(update(ledger).where(chosen).values(status="failed", attempts=0, retry_at=now)).rowcount


def revive_seen(connection: Connection, tenant: str, listings: Sequence[UUID], *, now: datetime) -> int:
    """Originals that were away, and are among these that are there now: due again; how many."""
    chosen = and_(
        ledger.c.tenant == tenant,
        ledger.c.output == "originals",
        ledger.c.reason.in_(AWAY),
        ledger.c.item_id.in_(listings),
    )
    return connection.execute(update(ledger).where(chosen).values(status="failed", attempts=0, retry_at=now)).rowcount


def revive_listings(connection: Connection, tenant: str, listings: Sequence[UUID], *, now: datetime) -> int:
    """Originals that failed, and whose listing has changed since: due again; how many."""
    chosen = and_(
        ledger.c.tenant == tenant,
        ledger.c.output == "originals",
        ledger.c.status.in_(["failed", "dead"]),
        ledger.c.item_id.in_(listings),
    )
    return connection.execute(update(ledger).where(chosen).values(status="failed", attempts=0, retry_at=now)).rowcount


def outdate(connection: Connection, tenant: str, output: str, partitions: Sequence[str]) -> int:
    """Everything of this output in these partitions is stale: to be made anew; how many."""
    chosen = and_(ledger.c.tenant == tenant, ledger.c.output == output, ledger.c.partition.in_(partitions))
    return connection.execute(update(ledger).where(chosen).values(version="")).rowcount


def forget_media(connection: Connection, tenant: str, media: Sequence[UUID]) -> None:
    """Drop all rows of media that are removed, but for the index's: by that row it knows what to take out."""
    connection.execute(
        delete(ledger).where(ledger.c.tenant == tenant, ledger.c.item_id.in_(media), ledger.c.output != "vector_index")
    )


def forget(connection: Connection, tenant: str, output: str, items: Sequence[UUID]) -> None:
    """Drop the rows of items that are no longer there."""
    connection.execute(
        delete(ledger).where(ledger.c.tenant == tenant, ledger.c.output == output, ledger.c.item_id.in_(items))
    )
