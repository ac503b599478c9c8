"""The one loop that asks a web source: subject by subject, page by page, never the same page twice.

Ask -> store the answer as it came -> read where it goes on -> commit page and next cursor together -> ask again.
A run that is killed goes on at the cursor; at most the one answer that was under way is asked again. A subject that
the source does not know is a row of the ledger; a source that refuses us, or answers nobody, ends the asking.

What is not here: how a source asks and reads (sources/), politeness (stores/http.py), how the walks stand
(stores/catalog/walks.py), what becomes of the pages (stages/discover).
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol

from sqlalchemy import FromClause
from sqlalchemy.dialects.postgresql import insert

from media_pipeline.errors import AnswerError
from media_pipeline.orchestration.partitions import partition_for, source_of
from media_pipeline.orchestration.work import Desk, Report, Run, desk, entry_of
from media_pipeline.records import Made, NotApplicable, Result, page_id
from media_pipeline.sources.protocol import Answer, Limits, Request, WebSource
from media_pipeline.stores.catalog import walks
from media_pipeline.stores.catalog.selections import walks_of
from media_pipeline.stores.catalog.subjects import all_subjects
from media_pipeline.stores.catalog.tables import source_pages, source_walks
from media_pipeline.stores.ledger import Due, Entry, Output

# So many subjects in a row without an answer are no accident of one subject: the source is away.
AWAY_AFTER: Final = 3
WALKS_AT_A_TIME: Final = 100


class Reply(Protocol):
    """What came back over the network."""

    @property
    def body(self) -> bytes: ...

    @property
    def status(self) -> int: ...

    @property
    def url(self) -> str:
        """Where it came from, without the source's key."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A source, and how it is asked in this run: about which subjects (all, unless `only` some), and after how long
    again."""

    source: WebSource
    limits: Limits
    get: Callable[[Request], Reply]
    walked: Output
    paged: Output
    relist_after: timedelta | None = None
    only: frozenset[str] | None = None


@dataclass(slots=True)
class _Standing:
    """How the source did in this run so far, and why nothing more is asked of it."""

    answered: bool = False
    unanswered: int = 0
    # Who was refused since the last answer: by the next answer it is known that it was because of the question.
    refused: list[tuple[Due, AnswerError, str]] = field(default_factory=list)
    stopped: AnswerError | None = None


def walk_all(asking: Asking, run: Run) -> Report:
    """Every walk of this partition that is due. What kept the source from answering is told by `report.trouble`: what
    is stored already must be read and fetched all the same."""
    with desk(run, [asking.walked, asking.paged]) as (report, place):
        if place is None:
            return report
        items = _planned(asking, place)
        walked = Desk(run, place.connection, (asking.walked,), report)
        run.progress.begin(asking.walked.name, walked.count_due(items))
        standing, after = _Standing(), None
        while standing.stopped is None and (batch := walked.read_due(items, after=after, limit=WALKS_AT_A_TIME)):
            for due in batch:
                _walk(asking, place, due, standing)
                run.progress.advance(asking.walked.name, 1)
                if standing.stopped is not None:
                    break
            after = batch[-1].item_id
        if standing.answered and standing.stopped is None:
            _settle_refused(asking, place, standing)
        elif standing.refused:
            # Nobody was answered: a wrong key or an address that is shut out. No subject is to blame.
            standing.stopped = standing.refused[-1][1]
        if standing.stopped is not None and standing.stopped.until is None:
            report.trouble = f"{asking.source.name}: {standing.stopped}"
        run.progress.end(asking.walked.name)
    return report


def _settle_refused(asking: Asking, place: Desk, standing: _Standing) -> None:
    """Others were answered: these were refused for what they ask, and are tried again later."""
    for due, error, cursor in standing.refused:
        _end(asking, place, due, result=error, cursor=cursor)
    standing.refused.clear()


def _planned(asking: Asking, place: Desk) -> FromClause:
    """The walks of this partition, with one for every subject."""
    library, source, partition = place.run.library, asking.source.name, place.run.partition
    with place.connection.begin():
        mine = {
            subject.subject_id: walks.question(subject, source=source)
            for subject in all_subjects(place.connection, library.tenant)
            if partition_for(source, subject.subject_id, library.settings.shards) == partition
            and (asking.only is None or subject.subject_id in asking.only)
        }
        walks.plan(
            place.connection,
            mine,
            tenant=library.tenant,
            source=source,
            partition=partition,
            share=asking.limits.per_subject,
            now=place.run.clock(),
            relist_after=asking.relist_after,
        )
    items = walks_of(library.tenant).where(source_walks.c.partition == partition)
    if asking.only is not None:
        items = items.where(source_walks.c.subject_id.in_(mine))
    return items.subquery("items")


def _walk(asking: Asking, place: Desk, due: Due, standing: _Standing) -> None:
    """One subject, until there is no next page, its share is listed, or the source says no."""
    tenant = place.run.library.tenant
    with place.connection.begin():
        walk, subject = walks.read_walk(place.connection, tenant, due.item_id)
        known = walks.cursors_of_round(place.connection, tenant, walk)
    cursor: str | None = walk["cursor"]
    if cursor == walks.BEGINNING:
        known.clear()  # a walk that went round in a circle, and is tried once more
    left = asking.limits.per_subject - walk["listing_count"]
    if cursor is None or left <= 0:
        _end(asking, place, due, result=Made(), cursor=cursor)
        return
    while True:
        try:
            request = asking.source.requests(subject, cursor)
        except AnswerError as error:
            # An option of the subject that the source does not understand.
            _end(asking, place, due, result=error, cursor=cursor)
            return
        if request is None:
            _end(asking, place, due, result=NotApplicable("not_of_this_kind", subject.kind), cursor=cursor)
            return
        try:
            reply = asking.get(request)
        except AnswerError as error:
            _unanswered(asking, place, due, error=error, cursor=cursor, standing=standing)
            return
        answer = Answer(reply.body, status=reply.status, subject=subject, cursor=cursor)
        asked = (str(walk["walk_id"]), str(walk["round"]), cursor)
        page = stored_page(place.run, answer, asked=asked, url=reply.url, of_round=walk["round"])
        try:
            parsed = asking.source.parse(answer)
        except AnswerError as error:
            if error.then == "skip":
                _end(asking, place, due, result=error, cursor=cursor, page=page)
            else:
                # «Come again later» is no answer; nothing names it, so nothing would ever remove it.
                place.run.library.blobs.delete(page["blob_key"])
                _unanswered(asking, place, due, error=error, cursor=cursor, standing=standing)
            return
        standing.unanswered, standing.answered = 0, True
        _settle_refused(asking, place, standing)
        known.add(cursor)
        left -= len(parsed.listings)
        page["entry_count"] = len(parsed.listings)
        cursor = parsed.next_cursor
        if cursor is None or left <= 0:
            _end(asking, place, due, result=Made(), cursor=cursor, page=page)
            return
        if cursor in known:
            told = f"page {len(known)} leads to a page that was read already: {cursor}"
            _end(asking, place, due, result=AnswerError("cursor_repeats", told), cursor=walks.BEGINNING, page=page)
            return
        _commit(asking, place, due, page=page, cursor=cursor)


def _unanswered(asking: Asking, place: Desk, due: Due, *, error: AnswerError, cursor: str, standing: _Standing) -> None:
    """The walk stands still; whether others are tried depends on whose fault it is."""
    if error.until is not None:
        _end(asking, place, due, result=error, cursor=cursor)
        if error.then == "stop":
            standing.stopped = error
    elif error.then == "stop":
        # Nothing is written yet: it may be nobody's fault but the key's.
        standing.refused.append((due, error, cursor))
        if len(standing.refused) >= AWAY_AFTER:
            standing.stopped = error
    else:
        _end(asking, place, due, result=error, cursor=cursor)
        standing.unanswered += 1
        if standing.unanswered >= AWAY_AFTER:
            standing.stopped = AnswerError(error.reason, f"{standing.unanswered} subjects in a row: {error.detail}")


def stored_page(
    run: Run, answer: Answer, *, asked: Sequence[str], url: str, of_round: int | None = None
) -> dict[str, Any]:
    """The answer as it came, put into the blobs before anybody reads it; its row. `asked` makes it the page it is."""
    packed = gzip.compress(answer.body, mtime=0)
    identity = hashlib.sha256("\0".join(asked).encode() + b"\0" + answer.body).hexdigest()
    key = page_id(run.library.tenant, run.partition, identity)
    blob_key = f"pages/{run.partition}/{key}.gz"
    run.library.blobs.put_if_absent(blob_key, packed, content_type="application/gzip")
    return {
        "tenant": run.library.tenant,
        "page_id": key,
        "source": source_of(run.partition),
        "partition": run.partition,
        "subject_id": None if answer.subject is None else answer.subject.subject_id,
        "round": of_round,
        "cursor": answer.cursor,
        "request_url": url,
        "status_code": answer.status,
        "blob_key": blob_key,
        "sha256": hashlib.sha256(packed).hexdigest(),
        "entry_count": 0,
        "received_at": run.clock(),
    }


def _end(
    asking: Asking, place: Desk, due: Due, *, result: Result, cursor: str | None, page: dict[str, Any] | None = None
) -> None:
    """What became of the walk in this round. One that failed stays at its cursor, for the next try."""
    _commit(
        asking,
        place,
        due,
        page=page,
        cursor=cursor,
        entry=entry_of(place.run, due, output=asking.walked, result=result),
    )


def _commit(
    asking: Asking,
    place: Desk,
    due: Due,
    *,
    page: dict[str, Any] | None,
    cursor: str | None,
    entry: Entry | None = None,
) -> None:
    """The page, where the walk stands behind it, and what became of the walk: together."""
    entries = [] if entry is None else [entry]
    if page is not None:
        entries.append(Entry(page["page_id"], asking.paged, due.partition, "", "done"))
    now = place.run.clock()
    with place.commit(entries) as connection:
        if page is not None:
            connection.execute(insert(source_pages).values(page).on_conflict_do_nothing())
        walks.step_on(
            connection,
            place.run.library.tenant,
            due.item_id,
            cursor=cursor,
            pages=0 if page is None else 1,
            listings=0 if page is None else page["entry_count"],
            # Passing failures are tried again in the same round.
            finished_at=now if entry is not None and entry.retry_at is None else None,
        )
