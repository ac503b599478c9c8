"""The one loop over the ledger that every item stage runs.

Lock (output, partition) -> next batch of items that are due -> load, compute (pure), settle, put blobs, per item and in
parallel -> rows and ledger of the whole batch in ONE transaction, on the connection that holds the lock -> next. A run
that is killed leaves whole batches only; the next run goes on behind them, and what it repeats it writes identically.

What is not here: which items are due (stores/ledger.py), many at once in no order (window.py) or in groups (groups.py),
what a reason means (stores/reasons.py), the worker processes (pool.py), how a report is shown in Dagster (reports.py),
stages that need all items at once (they use `Desk` alone).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Literal, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Connection, FromClause, Table, delete, func, insert, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from media_pipeline.errors import BlobCorrupt, BlobMissing, ItemError, PutOff
from media_pipeline.orchestration import groups, window
from media_pipeline.orchestration.groups import Loaded
from media_pipeline.orchestration.pool import Workers, guarded
from media_pipeline.orchestration.window import Window
from media_pipeline.records import Made, NotApplicable, Result, Results
from media_pipeline.stores import ledger
from media_pipeline.stores.catalog import statistics
from media_pipeline.stores.catalog.locks import Held, holding
from media_pipeline.stores.ledger import Due, Entry, Output
from media_pipeline.stores.library import Library

T = TypeVar("T")
Together = Callable[[Sequence[Any]], Sequence[Results | ItemError]]
MAX_REMEMBERED = 12
EVERYWHERE = "*"


class Progress(Protocol):
    """Who watches a run: a progress bar, a log."""

    def begin(self, step: str, total: int) -> None: ...

    def advance(self, step: str, done: int) -> None: ...

    def end(self, step: str) -> None: ...


class Unwatched:
    """Nobody watches."""

    def begin(self, step: str, total: int) -> None:
        """Nobody is told."""

    def advance(self, step: str, done: int) -> None:
        """Nobody is told."""

    def end(self, step: str) -> None:
        """Nobody is told."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run in one partition: on which library, under which id, watched by whom, by which clock."""

    library: Library
    run_id: str
    partition: str = EVERYWHERE
    progress: Progress = field(default_factory=Unwatched)
    clock: Callable[[], datetime] = ledger.utc_now


@dataclass(slots=True)
class Report:
    """What a run did: counts by outcome per output, and who held the work if it was held."""

    outcomes: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    # What else there is to tell of an output: «rejected/no_url»: 3.
    noted: dict[str, Counter[str]] = field(default_factory=dict)
    touched: list[UUID] = field(default_factory=list)
    seconds: float = 0.0
    # What kept the work from going on, where that is no error of the run: a source that refuses to be asked.
    trouble: str | None = None
    held_by: str | None = None

    def count(self, entry: Entry) -> None:
        self.outcomes.setdefault(entry.output.name, Counter())[entry.status, entry.reason or ""] += 1
        if len(self.touched) < MAX_REMEMBERED and entry.status == "done" and entry.item_id not in self.touched:
            self.touched.append(entry.item_id)

    def note(self, output: str, what: str, count: int = 1) -> None:
        self.noted.setdefault(output, Counter())[what] += count

    def add(self, other: Report) -> None:
        """What came of more work of the same run."""
        for output, counts in other.outcomes.items():
            self.outcomes.setdefault(output, Counter()).update(counts)
        for output, notes in other.noted.items():
            self.noted.setdefault(output, Counter()).update(notes)
        self.seconds += other.seconds
        self.trouble = self.trouble or other.trouble

    def of(self, output: str) -> Counter[tuple[str, str]]:
        return self.outcomes.get(output, Counter())


@dataclass(frozen=True, slots=True)
class ItemWork:
    """What a stage hands to the loop.

    `load` reads what `compute` needs (disk, bucket, network); `compute` is a pure module-level function that answers
    for each output that is due; `settle` may look at the answer before anything is stored; `tidy` is told when an item
    is over, whatever came of it. `window`: items are committed as they are done, and not in the order of their ids.
    `together`, where it is given, answers for a group of what `load` gave, in this process, in place of `compute`: a
    model sees many pictures at once. The next groups are loaded meanwhile.
    `more` is asked when a whole pass found nothing, and says whether it has made anything due.
    """

    outputs: Mapping[Output, Table]
    items: Callable[[Run], FromClause]
    key: Literal["listing_id", "media_id", "page_id"]
    load: Callable[[Run, Due], Any]
    compute: Callable[[Any], Results]
    place: Literal["processes", "threads"] = "processes"
    settle: Callable[[Run, Due, Results], Results] | None = None
    tidy: Callable[[Due], None] | None = None
    window: Window[Due] | None = None
    more: Callable[[Desk], bool] | None = None
    together: Together | None = None
    group: int = 16


@dataclass(frozen=True, slots=True)
class Desk:
    """The place of one run at some outputs of one partition: the only way to read what is due and to write results."""

    run: Run
    connection: Connection
    outputs: tuple[Output, ...]
    report: Report

    def count_due(self, items: FromClause) -> int:
        query = self._due(items).order_by(None).subquery()
        with self.connection.begin():
            return self.connection.scalar(select(func.count()).select_from(query)) or 0

    def read_due(self, items: FromClause, *, after: UUID | None = None, limit: int | None = None) -> list[Due]:
        statistics.refresh(self.connection)
        with self.connection.begin():
            return ledger.read_due(self.connection, self._due(items, after=after).limit(limit), self.outputs)

    def _due(self, items: FromClause, *, after: UUID | None = None) -> Any:
        return ledger.due(items, self.outputs, tenant=self.run.library.tenant, now=self.run.clock(), after=after)

    @contextmanager
    def commit(self, entries: Sequence[Entry]) -> Iterator[Connection]:
        """One transaction: the caller's rows and these ledger entries, or neither."""
        with self.connection.begin():
            yield self.connection
            ledger.record(
                self.connection,
                entries,
                tenant=self.run.library.tenant,
                run_id=self.run.run_id,
                now=self.run.clock(),
            )
        for entry in entries:
            self.report.count(entry)


@contextmanager
def desk(run: Run, outputs: Sequence[Output]) -> Iterator[tuple[Report, Desk | None]]:
    """Sit down at the outputs of a partition; no desk when somebody else works there (`report.held_by`)."""
    report = Report(outcomes={output.name: Counter() for output in outputs})
    begun = time.monotonic()
    names = [f"{run.library.tenant}/{output.name}/{run.partition}" for output in outputs]
    try:
        with holding(run.library.engine, names, holder=run.run_id) as held:
            if isinstance(held, Held):
                report.held_by = held.by
                yield report, None
            else:
                statistics.refresh(held)
                yield report, Desk(run, held, tuple(outputs), report)
    finally:
        report.seconds = time.monotonic() - begun


def work_off(work: ItemWork, run: Run) -> Report:
    """Everything that is due, batch by batch, until a whole pass finds nothing."""
    with desk(run, list(work.outputs)) as (report, place):
        if place is None:
            return report
        items = work.items(run)
        total = place.count_due(items)
        step = ", ".join(output.name for output in work.outputs)
        run.progress.begin(step, total)
        if total or work.more is not None:
            settings = run.library.settings
            with (
                Workers(
                    settings.worker_count, memory_mb=settings.item_memory_mb, item_seconds=settings.item_seconds
                ) as workers,
                _threads(work.window.places if work.window else 2 * settings.worker_count) as threads,
            ):
                if work.place == "processes" and work.together is None:
                    workers.start(total)
                while _one_pass(work, place, workers=workers, threads=threads, step=step) or (
                    work.more is not None and work.more(place)
                ):
                    pass
        run.progress.end(step)
    return report


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """What is queued when a run breaks is dropped, not waited for."""
    threads = ThreadPoolExecutor(max_workers=count)
    try:
        yield threads
    finally:
        threads.shutdown(cancel_futures=True)


def _one_pass(work: ItemWork, place: Desk, *, workers: Workers, threads: ThreadPoolExecutor, step: str) -> int:
    worked = 0
    for some in _answered(work, place, lambda due: _answer(work, place.run, workers, due), threads=threads):
        batch = [(due, results) for due, results in some if results is not None]
        _commit(work, place, batch)
        place.run.progress.advance(step, len(batch))
        worked += len(batch)
    return worked


def _answered(
    work: ItemWork, place: Desk, answer: Callable[[Due], Results | None], *, threads: ThreadPoolExecutor
) -> Iterator[list[tuple[Due, Results | None]]]:
    """Everything that is due, with what came of it, as much at a time as is committed together."""
    batches = _batches(work, place)
    if (together := work.together) is not None:
        size = place.run.library.settings.batch_size
        yield from groups.answered(
            chain.from_iterable(batches),
            lambda due: _loaded(work, place.run, due),
            lambda loaded: _answers(work, place.run, loaded, together=together),
            sizes=groups.Sizes(work.group, batch=size),
            threads=threads,
        )
    elif work.window is None:
        for batch in batches:
            # `map` keeps the order; the number of threads bounds what is in memory at once.
            yield list(zip(batch, threads.map(answer, batch), strict=True))
    else:
        size = place.run.library.settings.batch_size
        items = chain.from_iterable(batches)
        yield from window.answered(items, answer, window=work.window, threads=threads, batch=size)


def _batches(work: ItemWork, place: Desk) -> Iterator[list[Due]]:
    size = place.run.library.settings.batch_size
    after = None
    # Which items there are is asked each time: what the step gives up on meanwhile is not even read.
    while batch := place.read_due(work.items(place.run), after=after, limit=size):
        yield batch
        after = batch[-1].item_id


def _answer(work: ItemWork, run: Run, workers: Workers, due: Due) -> Results | None:
    """The results of one item, its blobs already stored; none where it is put off."""
    try:
        return _bordered(due, lambda: _stored(run, _worked(work, run, workers, due)))
    finally:
        if work.tidy is not None:
            work.tidy(due)


def _bordered(due: Due, produce: Callable[[], T]) -> T | Results | None:
    """The border behind which an error of one item is its rows; none where it is put off."""
    open_outputs = [name for name in due.inputs if name not in due.blocked]
    if not open_outputs:
        return {}
    try:
        return produce()
    except PutOff:
        return None
    except ItemError as error:
        return dict.fromkeys(open_outputs, error)
    except (BlobMissing, BlobCorrupt) as error:
        return dict.fromkeys(open_outputs, ItemError("blob_lost", str(error)))


def _loaded(work: ItemWork, run: Run, due: Due) -> Loaded | Results | None:
    return _bordered(due, lambda: Loaded(work.load(run, due)))


def _answers(
    work: ItemWork, run: Run, loaded: Sequence[tuple[Due, Any]], *, together: Together
) -> list[Results | None]:
    """Of a group, each item's results: one that breaks the group is found by asking for each alone."""
    answers = groups.each(together, [value for _, value in loaded])
    found: list[Results | None] = []
    for (due, _), answer in zip(loaded, answers, strict=True):

        def settled(due: Due = due, answer: Results | ItemError = answer) -> Results:
            if isinstance(answer, ItemError):
                raise answer
            return _stored(run, answer if work.settle is None else work.settle(run, due, answer))

        found.append(_bordered(due, settled))
        if work.tidy is not None:
            work.tidy(due)
    return found


def _worked(work: ItemWork, run: Run, workers: Workers, due: Due) -> Results:
    answer = workers.run if work.place == "processes" else guarded
    results: Results = answer(work.compute, work.load(run, due))
    return results if work.settle is None else work.settle(run, due, results)


def _stored(run: Run, results: Results) -> Results:
    stored: dict[str, Result] = {}
    for name, result in results.items():
        if isinstance(result, Made):
            for blob in result.blobs:
                run.library.blobs.put_if_absent(blob.key, blob.data, content_type=blob.content_type)
            for file in result.files:
                run.library.blobs.put_file_if_absent(file.key, file.path, content_type=file.content_type)
            stored[name] = Made(rows=result.rows)
        else:
            stored[name] = result
    return stored


def _commit(work: ItemWork, place: Desk, batch: Sequence[tuple[Due, Results]]) -> None:
    """The whole batch; where the database refuses the content of a row, each item by itself, so that one is a row."""
    try:
        _write(work, place, batch)
    except (DataError, IntegrityError, UnicodeEncodeError) as error:
        if len(batch) > 1:
            for one in batch:
                _commit(work, place, [one])
            return
        told = str(error.orig if isinstance(error, DBAPIError) else error).partition("\n")[0]
        refused = ItemError("unexpected", f"the database refuses its rows: {told}")
        due = batch[0][0]
        _write(work, place, [(due, dict.fromkeys(due.inputs, refused))])


def _write(work: ItemWork, place: Desk, batch: Sequence[tuple[Due, Results]]) -> None:
    entries: list[Entry] = []
    rows: dict[str, list[dict[str, Any]]] = {output.name: [] for output in work.outputs}
    settled: dict[str, list[UUID]] = {output.name: [] for output in work.outputs}
    for due, results in batch:
        for output in work.outputs:
            if output.name not in due.inputs:
                continue
            settled[output.name].append(due.item_id)
            result = results.get(output.name)
            entries.append(entry_of(place.run, due, output=output, result=result))
            if isinstance(result, Made):
                own = {"tenant": place.run.library.tenant, work.key: due.item_id}
                rows[output.name] += [{**own, **row} for row in result.rows]
    with place.commit(entries) as connection:
        for output, table in work.outputs.items():
            if ids := settled[output.name]:
                connection.execute(
                    delete(table).where(table.c.tenant == place.run.library.tenant, table.c[work.key].in_(ids))
                )
            if new := rows[output.name]:
                connection.execute(insert(table), new)


def entry_of(run: Run, due: Due, *, output: Output, result: Result | None) -> Entry:
    """The ledger row of one result; none means that an upstream has none either."""
    settings = run.library.settings
    inputs, attempts = due.inputs[output.name], due.attempts[output.name] + 1
    if output.name in due.blocked:
        status, detail = due.blocked[output.name]
        reason = "upstream_failed" if status == "failed" else detail.rpartition(": ")[2]
        return Entry(due.item_id, output, due.partition, inputs, status, reason, detail, attempts)
    match result:
        case Made():
            return Entry(due.item_id, output, due.partition, inputs, "done", attempts=attempts)
        case NotApplicable(reason, detail):
            return Entry(due.item_id, output, due.partition, inputs, "not_applicable", reason, detail, attempts)
        case _:
            error = result or ItemError("unexpected", f"the step gave no answer for {output.name}")
            policy = ledger.RetryPolicy(settings.max_attempts, timedelta(seconds=settings.retry_backoff_s))
            return ledger.failure(due.item_id, output, error=error, before=due, now=run.clock(), policy=policy)
