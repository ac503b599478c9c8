"""The loop over the ledger for steps whose answer is cheap, and cheapest for thousands of items at once: arrays.

As `work_off`, without worker processes: lock (output, partition) -> next page of items that are due -> one answer for
the whole page -> rows and ledger of it in ONE transaction -> next. What is not here: items that may end a process, or
have blobs (work.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Table, and_, delete, insert, true

from media_pipeline.errors import ItemError
from media_pipeline.orchestration.work import Desk, Report, Run, desk, entry_of
from media_pipeline.records import Made, Result
from media_pipeline.stores.ledger import Due, Output

# 4 MB of vectors on their way, and a page is committed every second.
ITEMS_AT_A_TIME: Final = 2_000


@dataclass(frozen=True, slots=True)
class BatchWork:
    """What a stage hands to the loop. `answer` has a result for each item, in their order; an ItemError that it raises
    is the result of all of them. `ours`: the rows of the table that the step may replace, where others' are in it."""

    output: Output
    table: Table
    items: Callable[[Run], FromClause]
    answer: Callable[[Run, Sequence[Due]], Sequence[Result]]
    ours: ColumnElement[bool] | None = None


def work_off_batches(work: BatchWork, run: Run) -> Report:
    """Everything that is due, page by page, until a whole pass finds nothing."""
    with desk(run, [work.output]) as (report, place):
        if place is None:
            return report
        items = work.items(run)
        run.progress.begin(work.output.name, place.count_due(items))
        while _one_pass(work, place, items):
            pass
        run.progress.end(work.output.name)
    return report


def _one_pass(work: BatchWork, place: Desk, items: FromClause) -> int:
    worked = 0
    after: UUID | None = None
    while page := place.read_due(items, after=after, limit=ITEMS_AT_A_TIME):
        _commit(work, place, page, _answered(work, place.run, page))
        place.run.progress.advance(work.output.name, len(page))
        worked += len(page)
        after = page[-1].item_id
    return worked


def _answered(work: BatchWork, run: Run, page: Sequence[Due]) -> dict[UUID, Result]:
    # Of the others the loop knows the answer: what they wait for has none.
    open_items = [due for due in page if not due.blocked]
    if not open_items:
        return {}
    try:
        results = work.answer(run, open_items)
    except ItemError as error:
        return {due.item_id: error for due in open_items}
    return {due.item_id: result for due, result in zip(open_items, results, strict=True)}


def _commit(work: BatchWork, place: Desk, page: Sequence[Due], results: dict[UUID, Result]) -> None:
    tenant = place.run.library.tenant
    entries = [entry_of(place.run, due, output=work.output, result=results.get(due.item_id)) for due in page]
    rows: list[dict[str, Any]] = [
        {"tenant": tenant, "media_id": item, **row}
        for item, result in results.items()
        if isinstance(result, Made)
        for row in result.rows
    ]
    former = and_(work.table.c.tenant == tenant, work.table.c.media_id.in_([due.item_id for due in page]))
    with place.commit(entries) as connection:
        connection.execute(delete(work.table).where(former, true() if work.ours is None else work.ours))
        if rows:
            connection.execute(insert(work.table), rows)
