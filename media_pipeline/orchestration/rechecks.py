"""Known listings, looked at again: is the photo still there, and under which licence?

Only photos that are in the library are asked about. What is there is read from the stored answer like any other page,
so that a changed licence gets its dates; what was asked for and is not in the answer has vanished. What is not here:
walks (walks.py), what the catalog does with a change (stores/catalog/listings.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from media_pipeline.errors import AnswerError
from media_pipeline.orchestration.walks import AWAY_AFTER, Asking, stored_page
from media_pipeline.orchestration.work import Desk, Report, Run, desk
from media_pipeline.sources.protocol import CLOSING, RECHECK, Answer, Known, Parsed
from media_pipeline.stores.catalog import listings
from media_pipeline.stores.catalog.tables import source_pages
from media_pipeline.stores.ledger import Entry

READ_AT_A_TIME: Final = 1000

Batch = Mapping[UUID, tuple[str, Known]]


def recheck(asking: Asking, run: Run, *, unseen_for: timedelta, most: int | None = None) -> Report:
    """Ask about the library's photos that nobody saw for so long; `most` questions in this run."""
    with desk(run, [asking.paged]) as (report, place):
        if place is None:
            return report
        before, asked, unanswered = run.clock() - unseen_for, 0, 0
        while found := _known(place, before):
            askable = [item for item in found if asking.source.recheck((item[2],)) is not None]
            if others := [identity for identity, _, known in found if asking.source.recheck((known,)) is None]:
                # Told, and not met again in this run.
                _mark_asked(place, others)
                report.note(asking.paged.name, "cannot be asked about", len(others))
            for start in range(0, len(askable), asking.source.recheck_batch):
                if most is not None and asked >= most:
                    return report
                some = askable[start : start + asking.source.recheck_batch]
                asked += 1
                error = _ask(asking, place, {identity: (edition, known) for identity, edition, known in some})
                unanswered = unanswered + 1 if error else 0
                if error and (error.until or unanswered >= AWAY_AFTER):
                    report.trouble = None if error.until else f"{asking.source.name}: {error}"
                    return report
    return report


def _known(place: Desk, before: datetime) -> list[tuple[UUID, str, Known]]:
    run = place.run
    with place.connection.begin():
        return listings.known_for_long(
            place.connection, run.library.tenant, partition=run.partition, before=before, limit=READ_AT_A_TIME
        )


def _mark_asked(place: Desk, asked: Sequence[UUID]) -> None:
    with place.connection.begin():
        listings.mark_asked(place.connection, place.run.library.tenant, asked, now=place.run.clock())


def _ask(asking: Asking, place: Desk, batch: Batch) -> AnswerError | None:
    """One question; what was wrong with its answer."""
    request = asking.source.recheck(tuple(known for _, known in batch.values()))
    if request is None:
        return None
    try:
        reply = asking.get(request)
        answer = Answer(reply.body, status=reply.status, cursor=RECHECK)
        parsed = asking.source.parse(answer)
    except AnswerError as error:
        place.report.note(asking.paged.name, f"recheck/{error.reason}")
        if error.until is None:
            _mark_asked(place, list(batch))
        return error
    asked = (RECHECK, place.run.clock().isoformat(), *map(str, batch))
    page = stored_page(place.run, answer, asked=asked, url=reply.url)
    gone = _gone(batch, parsed)
    now = place.run.clock()
    with place.commit([Entry(page["page_id"], asking.paged, place.run.partition, "", "done")]) as connection:
        page["entry_count"] = len(parsed.listings)
        connection.execute(insert(source_pages).values(page).on_conflict_do_nothing())
        listings.mark_asked(connection, place.run.library.tenant, list(batch), now=now)
        listings.mark_vanished(connection, place.run.library.tenant, gone, now=now)
    place.report.note(asking.paged.name, "rechecked", len(batch))
    if gone:
        place.report.note(asking.paged.name, "vanished", len(gone))
    return None


def _gone(batch: Batch, parsed: Parsed) -> dict[UUID, str]:
    """Those asked for that the answer does not hold, or holds no more as a photo, or in other bytes; and why."""
    editions: dict[str, set[str]] = {}
    for listing in parsed.listings:
        editions.setdefault(listing.source_key, set()).add(listing.edition)
    refused = {rejection.source_key: rejection.reason for rejection in parsed.rejections}
    # What is there and cannot be read is not gone.
    unclear = {key for key, reason in refused.items() if reason not in CLOSING}
    return {
        identity: "replaced" if known.source_key in editions else refused.get(known.source_key, "not there")
        for identity, (edition, known) in batch.items()
        if edition not in editions.get(known.source_key, ()) and known.source_key not in unclear
    }
