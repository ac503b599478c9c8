"""iNaturalist's dump as a source: what it is asked, as a page, and its photos as listings, within bounded memory.

A page holds what was looked for (each subject's taxon, the families of licences) and the edition of the dump in which
it was: another edition, subject or family makes another page, and the latest page is the one that counts. Photos that
are known are read whatever their licence has become, and have vanished where the dump does not hold them any more. Its
rows are read from the dump itself and merged in the order of their photos, MERGED_AT_A_TIME in a transaction. A run
that is killed merges the same rows again, which changes nothing: an edition tells of one day, the day it was made.

What is not here: what a row means (sources/inaturalist_open_data.py), the files and their join (stores/dumps.py,
stores/open_data.py), how listings are merged (stores/catalog/listings.py).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import Connection, FromClause, delete, select
from sqlalchemy.dialects.postgresql import insert

from media_pipeline.errors import AnswerError, BlobCorrupt, BlobMissing, ItemError
from media_pipeline.orchestration.partitions import partition_for
from media_pipeline.orchestration.walks import stored_page
from media_pipeline.orchestration.work import Desk, Report, Run, desk, entry_of
from media_pipeline.records import Listing, Made, NotApplicable, Rejection, Result, Subject
from media_pipeline.sources.inaturalist import INaturalist
from media_pipeline.sources.inaturalist_open_data import (
    FILES,
    LICENCES,
    INaturalistOpenData,
    licence_codes,
    photos_of,
    wanted_of,
)
from media_pipeline.sources.protocol import Answer
from media_pipeline.stores import dumps, ledger, open_data
from media_pipeline.stores.catalog import dumped, listings, walks
from media_pipeline.stores.catalog.lines import Telling, lines_of
from media_pipeline.stores.catalog.selections import walks_of
from media_pipeline.stores.catalog.subjects import all_subjects
from media_pipeline.stores.catalog.tables import source_pages, source_rejections, source_walks
from media_pipeline.stores.dump_downloads import downloaded, is_url
from media_pipeline.stores.dumps import Dump
from media_pipeline.stores.exchanges import Pace
from media_pipeline.stores.http import Http
from media_pipeline.stores.ledger import Due, Entry, Output
from media_pipeline.stores.open_data import Tables

SOURCE: Final = INaturalistOpenData.name
# A COPY goes out in many small pieces; after each the thread that makes the next batch would keep the interpreter for
# the usual 5 ms. 200,000 photos took 13.0 s so, and 9.7 s with this.
SWITCH_S: Final = 0.0002
MERGED_AT_A_TIME: Final = 20_000
LARGEST_DUMP: Final = 500 * 10**9
LONGEST_DOWNLOAD_S: Final = 24 * 3600.0
_Batch = TypeVar("_Batch")
# Of one page: the rest is only counted.
MOST_REJECTIONS: Final = 1000


@dataclass(frozen=True, slots=True)
class Looking:
    """What is looked for, beside the subjects, and which outputs tell of it."""

    families: Collection[str]
    walked: Output
    paged: Output


def ask_dump(looking: Looking, run: Run) -> Report:
    """A page of what the dump is asked today, unless it was asked that last; a walk for each subject."""
    with desk(run, [looking.walked, looking.paged]) as (report, place):
        if place is None:
            return report
        dump = _dump(run)
        if dump is None:
            report.note(looking.paged.name, f"no dump: {dumps.SETTING} is not set")
            return report
        subjects = _mine(place)
        questions = {subject.subject_id: _question(subject, looking, dump) for subject in subjects}
        asked = _digest(dump.edition, sorted(looking.families), sorted(questions.items()))
        due = _walks(looking, place, questions)
        former = _latest(place)
        run.progress.begin(looking.walked.name, len(due))
        if due or former is None or former["cursor"] != asked:
            with open_data.reading(dump, home=run.library.settings.home_path, threads=_threads(run)) as tables:
                told = _told(subjects, tables)
            _store(
                looking, place, due, told=told, page=_page(looking, run, dump, told=told, asked=asked, former=former)
            )
        run.progress.advance(looking.walked.name, len(due))
        run.progress.end(looking.walked.name)
    return report


def _dump(run: Run) -> Dump | None:
    settings = run.library.settings
    if not settings.inaturalist_dump:
        return None
    place, home = settings.inaturalist_dump, settings.home_path
    if is_url(place):
        with closing(Http(settings, run.library.engine, pace=Pace(total_s=LONGEST_DOWNLOAD_S))) as http:
            fetch = partial(_fetch, http)
            place = str(downloaded(place, FILES, home=home, fetch=fetch, now=run.clock()))
    return dumps.opened(place, FILES, home=home)


def _fetch(http: Http, url: str, to: Path) -> None:
    # Not a file that somebody made: `noai` is said of such.
    limits = INaturalistOpenData.limits
    http.download(url, to=to, source=SOURCE, limits=limits, max_bytes=LARGEST_DUMP, honour_noai=False)


def _threads(run: Run) -> int:
    return run.library.settings.worker_count


def _mine(place: Desk) -> list[Subject]:
    library = place.run.library
    with place.connection.begin():
        return [
            subject
            for subject in all_subjects(place.connection, library.tenant)
            if partition_for(SOURCE, subject.subject_id, library.settings.shards) == place.run.partition
        ]


def _question(subject: Subject, looking: Looking, dump: Dump) -> str:
    return _digest(walks.question(subject, source=SOURCE), dump.edition, sorted(looking.families))


def _digest(*said: Any) -> str:
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _walks(looking: Looking, place: Desk, questions: Mapping[str, str]) -> list[Due]:
    """Those that are due: another edition of the dump asks about every subject again."""
    library, partition = place.run.library, place.run.partition
    with place.connection.begin():
        walks.plan(
            place.connection,
            questions,
            tenant=library.tenant,
            source=SOURCE,
            partition=partition,
            share=0,
            now=place.run.clock(),
            relist_after=None,
        )
    items = walks_of(library.tenant).add_columns(source_walks.c.subject_id)
    items = items.where(source_walks.c.partition == partition)
    walked = Desk(place.run, place.connection, (looking.walked,), place.report)
    return walked.read_due(items.subquery("items"))


def _latest(place: Desk) -> Mapping[str, Any] | None:
    query = (
        select(source_pages)
        .where(source_pages.c.tenant == place.run.library.tenant, source_pages.c.partition == place.run.partition)
        .order_by(source_pages.c.received_at.desc(), source_pages.c.page_id)
        .limit(1)
    )
    with place.connection.begin():
        found = place.connection.execute(query).mappings().one_or_none()
    return None if found is None else dict(found)


def _told(subjects: Sequence[Subject], tables: Tables) -> dict[str, int | NotApplicable | AnswerError]:
    """What each subject is in this dump: one taxon, or why none."""
    taxa = tables.taxa_of([subject for subject in subjects if subject.kind == "taxon"], source=INaturalist.name)
    told: dict[str, int | NotApplicable | AnswerError] = {}
    for subject in subjects:
        found = taxa.get(subject.subject_id, [])
        if subject.kind != "taxon":
            told[subject.subject_id] = NotApplicable("not_of_this_kind", subject.kind)
        elif len(found) == 1:
            told[subject.subject_id] = found[0]
        elif found:
            detail = f"{subject.name!r} is the name of several in the dump: {', '.join(map(str, found))}"
            told[subject.subject_id] = AnswerError("unknown_subject", detail)
        else:
            called = subject.source_ids.get(INaturalist.name) or " or ".join((subject.name, *subject.synonyms))
            told[subject.subject_id] = AnswerError("unknown_subject", f"no taxon of the dump is {called}")
    return told


def _page(
    looking: Looking,
    run: Run,
    dump: Dump,
    *,
    told: Mapping[str, int | NotApplicable | AnswerError],
    asked: str,
    former: Mapping[str, Any] | None,
) -> dict[str, Any] | None:
    """None where the former page asks the same."""
    if former is not None and former["cursor"] == asked:
        return None
    taxa = {subject: taxon for subject, taxon in told.items() if isinstance(taxon, int)}
    body = {
        "edition": dump.edition,
        "files": {table: str(path) for table, path in dump.files.items()},
        "families": sorted(looking.families),
        "taxa": dict(sorted(taxa.items())),
    }
    answer = Answer(json.dumps(body).encode(), cursor=asked)
    # The same may be asked again after something else was: that is another page.
    behind = "" if former is None else str(former["page_id"])
    page = stored_page(run, answer, asked=(SOURCE, asked, behind), url=run.library.settings.inaturalist_dump)
    return page | {"entry_count": len(taxa)}


def _store(
    looking: Looking,
    place: Desk,
    due: Sequence[Due],
    *,
    told: Mapping[str, int | NotApplicable | AnswerError],
    page: Mapping[str, Any] | None,
) -> None:
    """The page, and what became of each walk, together."""
    run = place.run
    entries = []
    for walk in due:
        found = told[walk.row["subject_id"]]
        result: Result = Made() if isinstance(found, int) else found
        entries.append(entry_of(run, walk, output=looking.walked, result=result))
    if page is not None:
        entries.append(Entry(page["page_id"], looking.paged, run.partition, "", "done"))
    now = run.clock()
    with place.commit(entries) as connection:
        if page is not None:
            connection.execute(insert(source_pages).values(page).on_conflict_do_nothing())
        for walk in due:
            walks.step_on(
                connection, run.library.tenant, walk.item_id, cursor=None, pages=1, listings=0, finished_at=now
            )


def read_dump(output: Output, run: Run) -> Report:
    """The listings of the latest page, where they are not read yet, or by another version."""
    with desk(run, [output]) as (report, place):
        if place is None:
            return report
        pages = _pages(run)
        due = place.read_due(pages)
        latest = _latest(place)
        for page in due:
            if latest is None or page.item_id != latest["page_id"]:
                result: Result = NotApplicable("superseded")
                rejections: list[Rejection] = []
            else:
                result, rejections = _read(output, place, page)
            with place.commit([entry_of(run, page, output=output, result=result)]) as connection:
                _replace_rejections(connection, run, page.item_id, rejections)
    return report


def _pages(run: Run) -> FromClause:
    pages = source_pages
    return (
        select(pages.c.page_id.label("item_id"), pages.c.partition, pages.c.blob_key, pages.c.sha256)
        .where(pages.c.tenant == run.library.tenant, pages.c.partition == run.partition)
        .subquery("items")
    )


def _read(output: Output, place: Desk, page: Due) -> tuple[Result, list[Rejection]]:
    """Merge what the page asks for; nothing, where the dump that it asks is no longer there."""
    run = place.run
    try:
        body = gzip.decompress(run.library.blobs.get(page.row["blob_key"], sha256=page.row["sha256"]))
    except (BlobMissing, BlobCorrupt) as error:
        return ItemError("blob_lost", str(error)), []
    asked = json.loads(body)
    dump = _dump(run)
    if dump is None or dump.edition != asked["edition"]:
        return NotApplicable("superseded", "another dump, or none, is in the place of the one that it asks"), []
    rejections: list[Rejection] = []
    with open_data.reading(dump, home=run.library.settings.home_path, threads=_threads(run)) as tables:
        families = frozenset(asked["families"])
        codes = licence_codes(families)
        tables.find(asked["taxa"], licences=codes, known=LICENCES)
        run.progress.begin(output.name, _find_known(place, tables, codes))
        told = photos_of(wanted_of(chain.from_iterable(tables.rows()), families))
        listed_ones = _listings(told, rejections, place.report, output)
        telling = Telling(
            run.library.tenant,
            page.item_id,
            SOURCE,
            INaturalistOpenData.limits.priority,
            min(dump.made_at, run.clock()),
        )
        for listed, packed in _ahead(_packed(listed_ones, telling, run.library.settings.shards)):
            with place.connection.begin():
                hopeful = listings.merge_lines(place.connection, packed)
                ledger.revive_listings(place.connection, run.library.tenant, hopeful, now=run.clock())
            place.report.note(output.name, "listings", listed)
            run.progress.advance(output.name, listed)
        _mark_missing(output, place, tables, telling)
        for table, broken in tables.broken().items():
            place.report.note(output.name, f"rejected/broken lines of {table}", broken)
        run.progress.end(output.name)
    return Made(), rejections


def _find_known(place: Desk, tables: Tables, codes: Sequence[str]) -> int:
    tenant = place.run.library.tenant
    with place.connection.begin():
        keys = dumped.known_keys(place.connection, tenant, source=INaturalist.name, teller=SOURCE)
        return tables.find_known(keys, licences=codes)


def _mark_missing(output: Output, place: Desk, tables: Tables, telling: Telling) -> None:
    """What another edition told of and this one does not hold: its photo is gone, or its licence."""
    if not tables.missing():
        return
    if tables.is_partial():
        place.report.note(output.name, "missing, but most are: a part of a dump?")
        return
    for keys in tables.missing_keys():
        with place.connection.begin():
            gone = dumped.mark_missing(
                place.connection,
                telling.tenant,
                keys,
                source=INaturalist.name,
                teller=SOURCE,
                day=telling.received_at,
            )
        if gone:
            place.report.note(output.name, "vanished", gone)


def _listings(
    told: Iterable[Listing | Rejection], rejections: list[Rejection], report: Report, output: Output
) -> Iterator[Listing]:
    for item in told:
        if isinstance(item, Rejection):
            report.note(output.name, f"rejected/{item.reason}")
            if len(rejections) < MOST_REJECTIONS:
                rejections.append(item)
        else:
            yield item


def _packed(found: Iterator[Listing], telling: Telling, shards: Mapping[str, int]) -> Iterator[tuple[int, bytes]]:
    """Lines to merge, and how many, a batch at a time."""
    while some := list(islice(found, MERGED_AT_A_TIME)):
        # A photo is iNaturalist's, and is fetched with those that its API tells of.
        yield len(some), lines_of(((one, partition_for(one.source, one.source_key, shards)) for one in some), telling)


def _ahead(batches: Iterator[_Batch]) -> Iterator[_Batch]:
    """The same, each made while the one before it is merged: the database is another process."""
    former_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        with ThreadPoolExecutor(1, "open-data") as beside:
            coming = beside.submit(next, batches, None)
            while (batch := coming.result()) is not None:
                coming = beside.submit(next, batches, None)
                yield batch
    finally:
        sys.setswitchinterval(former_s)


def _replace_rejections(connection: Connection, run: Run, page: UUID, rejections: Sequence[Rejection]) -> None:
    mine = (source_rejections.c.tenant == run.library.tenant, source_rejections.c.page_id == page)
    connection.execute(delete(source_rejections).where(*mine))
    if rejections:
        connection.execute(
            insert(source_rejections),
            [
                {"tenant": run.library.tenant, "page_id": page, "place": place, **asdict(rejection)}
                for place, rejection in enumerate(rejections)
            ],
        )
