"""The ledger's questions and answers, case by case: what is due, where each item stands, what a person revives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, FromClause, String, Uuid, column, select, values

from media_pipeline.errors import ItemError
from media_pipeline.stores import ledger
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.ledger import Due, Entry, Output, RetryPolicy
from media_pipeline.stores.library import Library

NOW = datetime(2024, 5, 4, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TENANT = "public"
HASHES = Output("hashes", "1")
GROUPS = Output("groups", "7", ("hashes",))
ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))
# What the digest of an upstream row is made of: version | inputs | status | reason, empty where there is none.
HASHES_DONE = md5(b"1||done|").hexdigest()  # noqa: S324


@pytest.fixture
def catalog(library: Library) -> Iterator[Connection]:
    with library.engine.begin() as connection:
        yield connection


def items(*ids: UUID, own: str | None = None) -> FromClause:
    """Items without a table of their own."""
    columns: list[Any] = [column("item_id", Uuid), column("partition", String)]
    if own is not None:
        columns.append(column("link_count", String))
    rows = [(item, "uploads", *(() if own is None else (own,))) for item in ids]
    return values(*columns, name="items").data(rows)


def entry(item: UUID = ONE, output: Output = HASHES, status: ledger.Status = "done", **more: Any) -> Entry:
    return replace(Entry(item, output, "uploads", "", status), **more)


def write(catalog: Connection, *entries: Entry, tenant: str = TENANT) -> None:
    ledger.record(catalog, entries, tenant=tenant, run_id="run-1", now=NOW)


def due(
    catalog: Connection, *outputs: Output, of: FromClause | None = None, now: datetime = NOW, **more: Any
) -> list[Due]:
    query = ledger.due(items(ONE) if of is None else of, outputs, tenant=TENANT, now=now)
    return ledger.read_due(catalog, query.limit(more.get("limit")), outputs)


@pytest.mark.parametrize(
    ("row", "is_due", "attempts"),
    [
        (None, True, 0),
        (entry(), False, None),
        (entry(status="not_applicable", reason="not_a_picture"), False, None),
        (entry(status="failed", reason="undecodable"), False, None),
        (entry(status="failed", reason="too_slow", attempts=2, retry_at=NOW - MINUTE), True, 2),
        (entry(status="failed", reason="too_slow", attempts=2, retry_at=NOW), True, 2),
        (entry(status="failed", reason="too_slow", attempts=2, retry_at=NOW + MINUTE), False, None),
        (entry(status="dead", reason="too_slow", attempts=3), False, None),
        (entry(output=Output("hashes", "0")), True, 0),
        (entry(output=Output("hashes", "0"), status="dead", reason="too_slow", attempts=3), True, 0),
        (entry(inputs="other", attempts=2), True, 0),
    ],
    ids=[
        "never ran",
        "done",
        "not applicable",
        "failed for good",
        "failed, its time long come",
        "failed, its time just come",
        "failed, its time to come",
        "dead",
        "another version",
        "dead at another version",
        "other inputs",
    ],
)
def test_what_is_due_by_its_own_row(catalog: Connection, row: Entry | None, is_due: bool, attempts: int | None) -> None:
    """Tries count on while version and inputs are the same, and from nothing when they changed."""
    if row is not None:
        write(catalog, row)
    found = due(catalog, HASHES)

    assert [each.attempts["hashes"] for each in found] == ([attempts] if is_due else [])


@pytest.mark.parametrize(
    ("above", "is_due", "blocked"),
    [
        (None, False, None),
        (entry(), True, None),
        (entry(status="failed", reason="too_slow", retry_at=NOW - MINUTE), False, None),
        (entry(status="failed", reason="undecodable"), True, ("failed", "hashes: undecodable")),
        (entry(status="dead", reason="too_slow"), True, ("failed", "hashes: too_slow")),
        (entry(status="not_applicable", reason="not_a_picture"), True, ("not_applicable", "hashes: not_a_picture")),
    ],
    ids=["never ran", "done", "to be tried again", "failed for good", "dead", "not applicable"],
)
def test_what_is_due_behind_an_upstream(
    catalog: Connection, above: Entry | None, is_due: bool, blocked: tuple[str, str] | None
) -> None:
    """Only what has an answer that will not change by itself lets the next output begin, or says that it cannot."""
    if above is not None:
        write(catalog, above)
    found = due(catalog, GROUPS)

    assert len(found) == is_due
    if found:
        assert found[0].blocked == ({} if blocked is None else {"groups": blocked})


def test_the_digest_of_the_upstream_decides(catalog: Connection) -> None:
    """A row written with today's digest is not due; it is when the upstream's version, status or reason changes."""
    write(catalog, entry())
    assert due(catalog, GROUPS)[0].inputs == {"groups": HASHES_DONE}
    write(catalog, entry(output=GROUPS, inputs=HASHES_DONE))
    assert due(catalog, GROUPS) == []

    for changed in (
        entry(output=Output("hashes", "2")),
        entry(inputs="x"),
        entry(status="dead", reason="too_slow"),
        entry(status="failed", reason="undecodable"),
    ):
        write(catalog, changed)
        assert len(due(catalog, GROUPS)) == 1
    write(catalog, entry(attempts=5))
    assert due(catalog, GROUPS) == []


def test_an_upstream_with_another_version_than_todays_still_counts(catalog: Connection) -> None:
    """Whether it is stale is its own stage's matter: what is there is what is worked with."""
    write(catalog, entry(output=Output("hashes", "0")))
    assert len(due(catalog, GROUPS)) == 1


def test_own_inputs_are_part_of_the_digest(catalog: Connection) -> None:
    """What comes of no upstream output, as the number of a media's listings, makes stale as well."""
    counted, grouped = replace(HASHES, own_input="link_count"), replace(GROUPS, own_input="link_count")
    assert due(catalog, counted, of=items(ONE, own="3"))[0].inputs == {"hashes": md5(b"3").hexdigest()}  # noqa: S324
    write(catalog, entry(inputs=md5(b"3").hexdigest()))  # noqa: S324
    assert due(catalog, counted, of=items(ONE, own="3")) == []
    assert len(due(catalog, counted, of=items(ONE, own="4"))) == 1

    both = md5(b"1||done||3").hexdigest()  # noqa: S324
    write(catalog, entry())
    assert due(catalog, grouped, of=items(ONE, own="3"))[0].inputs == {"groups": both}


def test_only_the_outputs_that_are_due_are_named(catalog: Connection) -> None:
    """One decode makes several outputs; an item comes up when one of them is due, with that one."""
    other = Output("metadata", "1")
    write(catalog, entry(), entry(TWO), entry(TWO, other), entry(THREE, other))
    found = due(catalog, HASHES, other, of=items(ONE, TWO, THREE))

    assert [(each.item_id, set(each.inputs)) for each in found] == [(ONE, {"metadata"}), (THREE, {"hashes"})]


def test_items_come_in_order_of_id_page_by_page(catalog: Connection) -> None:
    """Keyset paging: behind the last id of a page comes the next, none twice and none left out."""
    ids = [UUID(int=number << 64 | number) for number in (9, 3, 7, 1, 5)]
    of, seen, after = items(*ids), [], None
    while page := ledger.read_due(
        catalog, ledger.due(of, [HASHES], tenant=TENANT, now=NOW, after=after).limit(2), [HASHES]
    ):
        seen.append([each.item_id for each in page])
        after = page[-1].item_id

    first, second, third, fourth, fifth = sorted(ids)
    assert seen == [[first, second], [third, fourth], [fifth]]


def test_another_tenants_rows_do_not_count(catalog: Connection) -> None:
    """Neither as one's own nor as an upstream's, and no question or answer reaches over."""
    write(catalog, entry(), entry(output=GROUPS), entry(TWO, status="dead", reason="too_slow"), tenant="other")

    assert len(due(catalog, HASHES)) == 1
    assert due(catalog, GROUPS) == []
    assert ledger.counts(catalog, TENANT) == []
    assert ledger.revive(catalog, TENANT, outputs=None, reason=None, now=NOW) == 0
    ledger.forget(catalog, TENANT, "hashes", [ONE])
    assert len(ledger.counts(catalog, "other")) == 3


def test_record_replaces_the_row_of_the_same_item_and_output(catalog: Connection) -> None:
    """All of it: nothing of a former failure stays with a success."""
    write(catalog, entry(status="failed", reason="too_slow", detail="60 s", attempts=2, retry_at=NOW))
    write(catalog, entry(attempts=3))

    row = catalog.execute(select(tables.ledger)).one()
    assert (row.status, row.reason, row.detail, row.attempts, row.retry_at) == ("done", None, None, 3, None)
    assert (row.run_id, row.finished_at, row.partition) == ("run-1", NOW, "uploads")


def test_record_of_nothing_is_nothing(catalog: Connection) -> None:
    """An empty batch is no statement."""
    write(catalog)
    assert ledger.counts(catalog, TENANT) == []


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("", None),
        ("plain", "plain"),
        ("a\0b", "a\\0b"),
        ("half \ud800 of a character", "half \\ud800 of a character"),
        ("ä" * 600, "ä" * 500),
    ],
)
def test_any_detail_can_be_stored(catalog: Connection, said: str, stored: str | None) -> None:
    """Details quote strange files; the database takes neither NUL nor half a surrogate pair."""
    write(catalog, entry(status="failed", reason="unexpected", detail=said))
    assert catalog.scalar(select(tables.ledger.c.detail)) == stored


STANDINGS = [
    (None, ("never_ran", "")),
    (entry(), ("done", "")),
    (entry(status="failed", reason="too_slow", retry_at=NOW), ("failed", "too_slow")),
    (entry(status="dead", reason="too_slow"), ("dead", "too_slow")),
    (entry(status="not_applicable", reason="not_a_picture"), ("not_applicable", "not_a_picture")),
    (entry(output=Output("hashes", "0")), ("stale", "")),
    (entry(inputs="other", status="failed", reason="undecodable"), ("stale", "")),
]


@pytest.mark.parametrize(("row", "stands"), STANDINGS)
def test_where_an_item_stands(catalog: Connection, row: Entry | None, stands: tuple[str, str]) -> None:
    """What is not of today's version and inputs is stale, whatever it was."""
    if row is not None:
        write(catalog, row)
    (found,) = catalog.execute(ledger.standing(items(ONE), HASHES, TENANT)).all()
    assert tuple(found) == ("uploads", *stands, 1)


def test_standing_counts_every_item_once(catalog: Connection) -> None:
    """By state and reason, behind an upstream too: the numbers add up to the number of items."""
    write(catalog, entry(ONE), entry(TWO, status="dead", reason="too_slow"))
    write(catalog, entry(ONE, GROUPS, inputs=HASHES_DONE))
    write(catalog, entry(TWO, GROUPS, "failed", reason="upstream_failed", inputs="of before"))
    found = catalog.execute(ledger.standing(items(ONE, TWO, THREE), GROUPS, TENANT)).all()

    assert [tuple(row) for row in found] == [
        ("uploads", "done", "", 1),
        ("uploads", "never_ran", "", 1),
        ("uploads", "stale", "", 1),
    ]


@pytest.mark.parametrize(
    ("outputs", "reason", "revived"),
    [
        (None, None, {("hashes", ONE), ("hashes", TWO), ("groups", ONE)}),
        (["hashes"], None, {("hashes", ONE), ("hashes", TWO)}),
        (None, "too_slow", {("hashes", TWO)}),
        (["groups"], "too_slow", set()),
        ([], None, set()),
    ],
)
def test_reviving_makes_failures_due_again(
    catalog: Connection, outputs: list[str] | None, reason: str | None, revived: set[tuple[str, UUID]]
) -> None:
    """Failed and dead ones of these outputs and this reason, their tries forgotten; but not those that only wait for
    an upstream, and nothing that has a result."""
    before = [
        entry(ONE, status="failed", reason="undecodable", attempts=1),
        entry(TWO, status="dead", reason="too_slow", attempts=3),
        entry(THREE),
        entry(ONE, GROUPS, "failed", reason="not_calibrated", attempts=2),
        entry(TWO, GROUPS, "failed", reason="upstream_failed"),
        entry(THREE, GROUPS, "not_applicable", reason="not_a_picture"),
    ]
    write(catalog, *before)
    count = ledger.revive(catalog, TENANT, outputs=outputs, reason=reason, now=NOW)

    waiting = select(tables.ledger).where(tables.ledger.c.retry_at == NOW)
    rows = catalog.execute(waiting).all()
    assert count == len(revived)
    assert {(row.output, row.item_id) for row in rows} == revived
    assert all((row.status, row.attempts) == ("failed", 0) for row in rows)


def test_forgotten_items_are_as_if_they_never_ran(catalog: Connection) -> None:
    """Only those, and only at this output."""
    write(catalog, entry(ONE), entry(TWO), entry(ONE, GROUPS))
    ledger.forget(catalog, TENANT, "hashes", [ONE])
    left = catalog.execute(select(tables.ledger.c.output, tables.ledger.c.item_id)).all()
    assert {tuple(row) for row in left} == {("hashes", TWO), ("groups", ONE)}


@pytest.mark.parametrize(
    ("reason", "tries", "status", "wait"),
    [
        ("too_slow", 1, "failed", timedelta(minutes=1)),
        ("too_slow", 2, "failed", timedelta(minutes=4)),
        ("worker_died", 3, "failed", timedelta(minutes=16)),
        ("out_of_memory", 4, "dead", None),
        ("undecodable", 1, "failed", None),
        ("undecodable", 9, "failed", None),
        ("a reason that is in no table", 1, "failed", None),
    ],
)
def test_a_passing_failure_waits_and_then_dies(reason: str, tries: int, status: str, wait: timedelta | None) -> None:
    """Four times as long each time, and after `max_attempts` no more; a lasting one is settled at once."""
    before = Due(ONE, "uploads", {}, {"hashes": "x"}, {"hashes": tries - 1}, {})
    row = ledger.failure(
        ONE, HASHES, error=ItemError(reason), before=before, now=NOW, policy=RetryPolicy(4, timedelta(minutes=1))
    )

    assert (row.status, row.reason, row.attempts, row.inputs) == (status, reason, tries, "x")
    assert row.retry_at == (None if wait is None else NOW + wait)


@pytest.mark.parametrize(
    ("reason", "until", "status", "attempts", "retry_at"),
    [
        ("budget_used_up", NOW + timedelta(hours=7), "failed", 3, NOW + timedelta(hours=7)),
        ("host_down", NOW + MINUTE, "failed", 3, NOW + MINUTE),
        # A time that has come is none to wait for.
        ("host_down", NOW, "dead", 4, None),
    ],
)
def test_a_wait_that_is_asked_for_is_no_try(
    reason: str, until: datetime, status: str, attempts: int, retry_at: datetime | None
) -> None:
    """The item is tried again at that time, however often it had to wait before."""
    before = Due(ONE, "uploads", {}, {"hashes": "x"}, {"hashes": 3}, {})
    error = ItemError(reason, until=until)
    row = ledger.failure(ONE, HASHES, error=error, before=before, now=NOW, policy=RetryPolicy(4, MINUTE))
    assert (row.status, row.attempts, row.retry_at) == (status, attempts, retry_at)
