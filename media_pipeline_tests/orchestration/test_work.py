"""The loop: batches, failures, tries, what makes stale, and what happens when something else than an item breaks."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from media_pipeline.config import Settings
from media_pipeline.errors import BlobCorrupt, BlobError, BlobMissing, ItemError, MediaProcessingError, PutOff
from media_pipeline.orchestration.partitions import partition_for
from media_pipeline.orchestration.work import Desk, Report, Run, work_off
from media_pipeline.records import Made, NewBlob, NotApplicable
from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.discover.assets import read_pages, store_pages
from media_pipeline.stages.fetch.assets import fetch
from media_pipeline.stores import ledger
from media_pipeline.stores.blobs import Blobs
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.ledger import Due, Output
from media_pipeline.stores.library import Library, open_library
from media_pipeline_tests.orchestration.steps import HASHES, QUALITY, Clock, Step, add_media, hashes_row
from media_pipeline_tests.sweep.crashing import Plan, Trap, counts, walk, watched

HASHES_2 = Output("hashes", "2")


@dataclass(slots=True)
class Watcher:
    """Writes down what it is told."""

    told: list[tuple[str, str, int]] = field(default_factory=list)

    def begin(self, step: str, total: int) -> None:
        self.told.append(("begin", step, total))

    def advance(self, step: str, done: int) -> None:
        self.told.append(("advance", step, done))

    def end(self, step: str) -> None:
        self.told.append(("end", step, 0))


def with_settings(library: Library, **chosen: Any) -> Library:
    return replace(library, settings=library.settings.model_copy(update=chosen))


def work(step: Step, library: Library, run_id: str = "run-1", **more: Any) -> Report:
    return work_off(step.work(), Run(library, run_id, "uploads", **more))


def rows(library: Library, output: str = "hashes") -> dict[UUID, Any]:
    query = select(tables.ledger).where(tables.ledger.c.output == output)
    with library.engine.connect() as connection:
        return {row.item_id: row for row in connection.execute(query)}


def states(library: Library, output: str = "hashes") -> Counter[tuple[str, str | None]]:
    return Counter((row.status, row.reason) for row in rows(library, output).values())


def hashed(library: Library) -> dict[UUID, str]:
    with library.engine.connect() as connection:
        found = connection.execute(select(tables.hashes.c.media_id, tables.hashes.c.phash))
        return {row.media_id: row.phash for row in found}


# -------------------------------------------------------------------------------------------------- batches and items


def test_items_are_committed_batch_by_batch(library: Library) -> None:
    """Seven items, three at a time: three transactions, and whoever watches is told of each."""
    items = add_media(library, 7)
    watcher = Watcher()
    report = work(Step(HASHES), with_settings(library, batch_size=3), progress=watcher)

    assert watcher.told == [
        ("begin", "hashes", 7),
        ("advance", "hashes", 3),
        ("advance", "hashes", 3),
        ("advance", "hashes", 1),
        ("end", "hashes", 0),
    ]
    assert report.of("hashes") == {("done", ""): 7}
    assert report.touched == items
    assert hashed(library) == dict.fromkeys(items, "0f0f0f0f0f0f0f0f")
    with library.engine.connect() as connection:
        together = connection.scalars(
            text("select count(*) from media.ledger group by xmin::text order by min(item_id::text)")
        )
        assert list(together) == [3, 3, 1]
        in_one = text(
            "select count(*) from media.ledger join media.hashes h on item_id = media_id and h.xmin = ledger.xmin"
        )
        assert connection.scalar(in_one) == 7


def test_one_bad_item_is_a_row_and_the_others_go_on(library: Library) -> None:
    """Whatever an item raises or answers; its former rows are gone with its former success."""
    items = add_media(library, 8)
    outcomes: list[Any] = [
        MediaProcessingError("undecodable", "not a picture"),
        ValueError("strange"),
        NotApplicable("not_a_picture", "a sound"),
        SystemExit(3),
        Made(rows=(hashes_row(None),)),
        Made(rows=(hashes_row("a\0b"),)),
        Made(rows=(hashes_row("\ud800"),)),
    ]
    step = Step(HASHES, {item: [outcome] for item, outcome in zip(items, outcomes, strict=False)})
    report = work(step, library)

    found = rows(library)
    assert [(found[item].status, found[item].reason) for item in items] == [
        ("failed", "undecodable"),
        ("failed", "unexpected"),
        ("not_applicable", "not_a_picture"),
        ("failed", "unexpected"),
        ("failed", "unexpected"),
        ("failed", "unexpected"),
        ("failed", "unexpected"),
        ("done", None),
    ]
    assert found[items[0]].detail == "not a picture"
    assert found[items[1]].detail == "ValueError('strange')"
    assert found[items[3]].detail == "SystemExit(3)"
    assert found[items[4]].detail.startswith("the database refuses its rows: null value in column")
    assert hashed(library) == {items[7]: "0f0f0f0f0f0f0f0f"}
    assert sum(report.of("hashes").values()) == 8


def test_an_answer_without_the_output_is_a_bug_and_said_to_be(library: Library) -> None:
    """An output that is due and not answered for must not be due for ever."""
    (item,) = add_media(library, 1)
    silent = replace(Step(HASHES).work(), compute=lambda _: {})
    work_off(silent, Run(library, "run-1", "uploads"))
    assert rows(library)[item].detail == "the step gave no answer for hashes"


def test_a_lost_or_damaged_file_is_the_items_failure(library: Library) -> None:
    """The store works; it is this file that is not there, or not what it was."""
    items = add_media(library, 3)
    faults = {items[0]: BlobMissing("it is gone"), items[1]: BlobCorrupt("it is not what it was")}

    def load(_run: Run, due: Due) -> None:
        if fault := faults.get(due.item_id):
            raise fault

    work(Step(HASHES, loads=load), library)
    assert states(library) == {("failed", "blob_lost"): 2, ("done", None): 1}


# -------------------------------------------------------------------------------------------------------------- tries


def test_a_passing_failure_is_tried_again_in_a_later_pass(library: Library) -> None:
    """In the same run where nothing is to be waited for: behind all other items, until it is good or dead."""
    items = add_media(library, 4)
    slow = ItemError("too_slow", "60 s")
    step = Step(HASHES, {items[0]: [slow, slow], items[1]: [slow, slow, slow]})
    report = work(step, with_settings(library, batch_size=2))

    assert states(library) == {("done", None): 3, ("dead", "too_slow"): 1}
    assert [rows(library)[item].attempts for item in items] == [3, 3, 1, 1]
    assert step.worked_on.count(items[0]) == step.worked_on.count(items[1]) == 3
    assert {*step.worked_on[:4]} == {*items}
    assert report.of("hashes") == {("failed", "too_slow"): 4, ("done", ""): 3, ("dead", "too_slow"): 1}


def test_tries_wait_four_times_as_long_each_time(library: Library) -> None:
    """By the run's clock: a minute, four minutes, then dead, and left alone."""
    (item,) = add_media(library, 1)
    library, clock = with_settings(library, retry_backoff_s=60, max_attempts=3), Clock()
    step = Step(HASHES, {item: [ItemError("worker_died")] * 9})

    for wait, status, tries in (
        (0, "failed", 1),
        (59, "failed", 1),
        (1, "failed", 2),
        (239, "failed", 2),
        (1, "dead", 3),
    ):
        clock.forward(wait)
        work(step, library, clock=clock)
        assert (rows(library)[item].status, rows(library)[item].attempts) == (status, tries), wait
    clock.forward(10**6)
    work(step, library, clock=clock)
    assert len(step.worked_on) == 3
    assert rows(library)[item].retry_at is None


def test_a_lasting_failure_is_not_tried_again(library: Library) -> None:
    """The same bytes give the same answer."""
    (item,) = add_media(library, 1)
    step = Step(HASHES, {item: [ItemError("undecodable")]})
    work(step, library)
    work(step, library)
    assert (step.worked_on, states(library)) == ([item], {("failed", "undecodable"): 1})


def test_what_a_person_revives_is_tried_anew(library: Library) -> None:
    """The dead as well as the settled; with all its tries before it."""
    items = add_media(library, 2)
    slow = ItemError("too_slow")
    step = Step(HASHES, {items[0]: [slow] * 5, items[1]: [ItemError("undecodable")]})
    work(step, library)
    assert states(library) == {("dead", "too_slow"): 1, ("failed", "undecodable"): 1}

    run = Run(library, "run-2", "uploads")
    with library.engine.begin() as connection:
        assert ledger.revive(connection, library.tenant, outputs=["hashes"], reason=None, now=run.clock()) == 2
    work(step, library, "run-2")
    assert states(library) == {("done", None): 2}
    assert [rows(library)[item].attempts for item in items] == [3, 1]


def test_what_is_put_off_stays_due_without_a_row(library: Library) -> None:
    """The run ends, the others are done, and the next run comes back to it."""
    items = add_media(library, 5)
    is_late = True

    def load(_run: Run, due: Due) -> None:
        if is_late and due.item_id in items[1:3]:
            raise PutOff

    step = Step(HASHES, loads=load)
    assert work(step, with_settings(library, batch_size=2)).of("hashes") == {("done", ""): 3}
    assert sorted(rows(library)) == [items[0], *items[3:]]
    is_late = False
    assert work(step, library, "run-2").of("hashes") == {("done", ""): 2}


def test_an_item_is_tidied_up_whatever_came_of_it(library: Library) -> None:
    """After its blobs are put, after an error, and where it is put off."""
    items = add_media(library, 4)
    blob = NewBlob("media/derived/x.jpg", b"x", "image/jpeg")
    step = Step(HASHES, {items[0]: [Made((hashes_row("0" * 16),), (blob,))], items[1]: [ItemError("undecodable")]})
    tidied: list[UUID] = []

    def load(_run: Run, due: Due) -> UUID:
        if due.item_id == items[2]:
            raise PutOff
        return due.item_id

    def tidy(due: Due) -> None:
        assert due.item_id != items[0] or library.blobs.head(blob.key) is not None
        tidied.append(due.item_id)

    work_off(replace(step.work(), load=load, tidy=tidy), Run(library, "run-1", "uploads"))
    assert sorted(set(tidied)) == items


def test_when_nothing_is_due_a_step_may_make_more_due(library: Library) -> None:
    """It is asked at the end of every pass that found nothing, until it has no more."""
    items = add_media(library, 3)
    step, asked = Step(HASHES), []

    def more(place: Desk) -> bool:
        asked.append(len(step.worked_on))
        with place.connection.begin():
            if len(asked) < 3:
                ledger.forget(place.connection, library.tenant, "hashes", items[:1])
        return len(asked) < 3

    work_off(replace(step.work(), more=more), Run(library, "run-1", "uploads"))
    assert (asked, step.worked_on.count(items[0])) == ([3, 4, 5], 3)
    assert states(library) == {("done", None): 3}


# -------------------------------------------------------------------------------------------------------------- stale


def test_another_version_makes_everything_stale(library: Library) -> None:
    """Its rows are replaced; what had failed for good is tried again, since the code is another."""
    items = add_media(library, 3)
    work(Step(HASHES, {items[0]: [ItemError("undecodable")]}), library)
    new = Step(HASHES_2, {item: [Made(rows=(hashes_row("ffff000000000000"),))] for item in items})
    work(new, library, "run-2")

    assert sorted(new.worked_on) == items
    assert hashed(library) == dict.fromkeys(items, "ffff000000000000")
    assert {(row.version, row.run_id, row.attempts) for row in rows(library).values()} == {("2", "run-2", 1)}


def test_a_failure_under_a_new_version_takes_the_former_result_away(library: Library) -> None:
    """A row of facts that no version of today stands for is not kept beside a failure."""
    (item,) = add_media(library, 1)
    work(Step(HASHES), library)
    work(Step(HASHES_2, {item: [ItemError("undecodable")]}), library)
    assert (hashed(library), states(library)) == ({}, {("failed", "undecodable"): 1})


def test_a_change_above_makes_stale_what_was_made_of_it(library: Library) -> None:
    """And only that: an item whose upstream is as it was is not done again."""
    add_media(library, 3)
    below = Step(QUALITY)
    work(Step(HASHES), library)
    work(below, library)
    work(Step(HASHES), library)
    work(below, library)
    assert len(below.worked_on) == 3

    work(Step(HASHES_2), library)
    work(below, library)
    assert len(below.worked_on) == 6
    assert states(library, "quality") == {("done", None): 3}


def test_what_waits_for_an_upstream_heals_with_it(library: Library) -> None:
    """Failed above is `upstream_failed` below, not applicable stays not applicable; without any work below."""
    items = add_media(library, 3)
    above = Step(HASHES, {items[0]: [ItemError("undecodable", "x")], items[1]: [NotApplicable("not_a_picture")]})
    below = Step(QUALITY)
    work(above, library)
    work(below, library)

    found = rows(library, "quality")
    assert [(found[item].status, found[item].reason, found[item].detail) for item in items] == [
        ("failed", "upstream_failed", "hashes: undecodable"),
        ("not_applicable", "not_a_picture", "hashes: not_a_picture"),
        ("done", None, None),
    ]
    assert below.worked_on == [items[2]]

    work(Step(HASHES_2), library)
    work(below, library)
    assert states(library, "quality") == {("done", None): 3}


def test_what_is_still_tried_above_is_waited_for(library: Library) -> None:
    """A failure that may pass is no answer yet: the next output begins when it is good, or says so when it is dead."""
    items = add_media(library, 2)
    library, clock = with_settings(library, retry_backoff_s=60, max_attempts=2), Clock()
    slow = ItemError("too_slow")
    above, below = Step(HASHES, {items[0]: [slow], items[1]: [slow, slow]}), Step(QUALITY)
    work(above, library, clock=clock)
    work(below, library, clock=clock)
    assert (below.worked_on, rows(library, "quality")) == ([], {})

    clock.forward(60)
    work(above, library, clock=clock)
    work(below, library, clock=clock)
    assert states(library, "quality") == {("done", None): 1, ("failed", "upstream_failed"): 1}


# ---------------------------------------------------------------------------------------------- the run itself breaks


def test_a_store_that_fails_ends_the_run_and_nothing_of_the_batch_is_there(library: Library) -> None:
    """What was committed before stays, and the next run goes on behind it."""
    items = add_media(library, 7)
    library = with_settings(library, batch_size=3)
    broken = True

    def load(_run: Run, due: Due) -> None:
        if broken and due.item_id == items[4]:
            raise BlobError("the disk is gone")

    step = Step(HASHES, loads=load)
    with pytest.raises(BlobError, match="the disk is gone"):
        work(step, library)
    assert set(rows(library)) == set(hashed(library)) == set(items[:3])

    broken = False
    step.worked_on.clear()
    work(step, library, "run-2")
    assert sorted(step.worked_on) == items[3:]
    assert {item: row.run_id for item, row in rows(library).items()} == {
        item: "run-1" if item in items[:3] else "run-2" for item in items
    }


def test_a_blob_that_cannot_be_put_ends_the_run_before_its_rows_are_there(library: Library) -> None:
    """Blobs first: there is never a row of a file that is not there."""
    (item,) = add_media(library, 1)
    blob = NewBlob("media/derived/x.jpg", b"x", "image/jpeg")
    step = Step(HASHES, {item: [Made((hashes_row("0" * 16),), (blob,))] * 2})
    in_the_way = library.settings.home_path / "blobs" / "media"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file where a folder must be")

    with pytest.raises(BlobError):
        work(step, library)
    assert (rows(library), hashed(library)) == ({}, {})

    in_the_way.unlink()
    work(step, library)
    assert (states(library), library.blobs.get(blob.key)) == ({("done", None): 1}, b"x")


def test_a_connection_that_is_cut_in_mid_batch_ends_the_run(library: Library, database_url: str) -> None:
    """The batch under way is lost with the lock; the next run does it, and the ones behind it."""
    items = add_media(library, 7)
    library = with_settings(library, batch_size=3)

    def cut(item: UUID) -> None:
        if item == items[4]:
            _cut_connection_of(database_url, "run-1")

    with pytest.raises(OperationalError):
        work(Step(HASHES, meanwhile=cut), library)
    assert set(rows(library)) == set(hashed(library)) == set(items[:3])

    assert work(Step(HASHES), library, "run-2").of("hashes") == {("done", ""): 4}


def test_a_run_that_lost_its_lock_writes_nothing_over_its_successor(library: Library, database_url: str) -> None:
    """The lock went with the connection, another run has done the work since, and the first comes too late."""
    items = add_media(library, 3)

    def cut_and_be_overtaken(item: UUID) -> None:
        if item == items[1]:
            _cut_connection_of(database_url, "run-1")
            assert work(Step(HASHES), library, "run-2").held_by is None

    slow = Step(HASHES, {item: [ItemError("undecodable")] for item in items}, cut_and_be_overtaken)
    with pytest.raises(OperationalError):
        work(slow, library)
    assert {(row.status, row.run_id) for row in rows(library).values()} == {("done", "run-2")}


def _cut_connection_of(database_url: str, run_id: str) -> None:
    query = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = %s"
    with psycopg.connect(database_url, autocommit=True) as other:
        assert other.execute(query, [f"media-pipeline {run_id}"]).fetchall() == [(True,)]


# --------------------------------------------------------------------------------------------------- two runs at once


def test_of_two_runs_at_once_one_works_and_the_other_ends_well(library: Library, settings: Settings) -> None:
    """It says whose turn it is, and no item is worked on twice; in another partition it would not be held."""
    items = add_media(library, 4)
    begun, go_on = threading.Event(), threading.Event()

    def wait(_item: UUID) -> None:
        begun.set()
        assert go_on.wait(30)

    first, second = Step(HASHES, meanwhile=wait), Step(HASHES)
    reports: list[Report] = []
    thread = threading.Thread(target=lambda: reports.append(work(first, library, "run-1")))
    thread.start()
    try:
        assert begun.wait(30)
        with open_library(settings) as other:
            held = work(second, other, "run-2")
            elsewhere = work_off(second.work(), Run(other, "run-3", "elsewhere"))
    finally:
        go_on.set()
        thread.join()

    assert (held.held_by, held.of("hashes"), elsewhere.held_by) == ("run-1", {}, None)
    assert (sorted(first.worked_on), second.worked_on) == (items, [])
    assert reports[0].of("hashes") == {("done", ""): 4}
    assert {row.attempts for row in rows(library).values()} == {1}


def test_of_two_processes_one_works_and_after_kill_9_the_other_goes_on(library: Library, settings: Settings) -> None:
    """The lock is the database's: a process that is killed in mid batch leaves neither it nor half a batch."""
    items = add_media(library, 5)
    assert settings.database_url is not None
    script = f"""
import time
from media_pipeline.config import Settings
from media_pipeline.orchestration.work import Run, work_off
from media_pipeline.stores.library import open_library
from media_pipeline_tests.orchestration.steps import HASHES, Step
from uuid import UUID

def stop_at_the_third(item):
    if item == UUID({str(items[2])!r}):
        print("begun", flush=True)
        time.sleep(600)

chosen = Settings.load(
    home={str(settings.home)!r}, database_url={settings.database_url.get_secret_value()!r}, workers=1, batch_size=2
)
with open_library(chosen) as library:
    work_off(Step(HASHES, meanwhile=stop_at_the_third).work(), Run(library, "run-1", "uploads"))
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    step = Step(HASHES)
    assert work(step, library, "run-2").held_by == "run-1"

    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    until = time.monotonic() + 10
    while (report := work(step, library, "run-3")).held_by is not None:
        assert time.monotonic() < until
    assert report.of("hashes") == {("done", ""): 3}
    assert sorted(step.worked_on) == items[2:]
    assert {row.attempts for row in rows(library).values()} == {1}


def test_an_upload_behind_a_link_is_gone_and_ends_no_run(library: Library, bucket: Path) -> None:
    """Links are not followed: a folder that became one after it was listed takes its own files away, no others'."""
    for name in ("left", "right"):
        (bucket / name).mkdir()
        (bucket / name / "photo.jpg").write_bytes(b"\xff\xd8\xff" + name.encode())
    run = Run(library, "run-1", "uploads")
    store_pages(run)
    read_pages(run)
    (bucket / "left").rename(bucket.parent / "left")
    (bucket / "left").symlink_to(bucket.parent / "left")

    fetch(run)
    assert states(library, "originals") == {("failed", "gone"): 1, ("done", None): 1}


class _Together:
    """A bucket whose readers wait for each other, so that both store at the same moment."""

    def __init__(self, blobs: Blobs, readers: int) -> None:
        self._blobs = blobs
        self._barrier = threading.Barrier(readers)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def get_to_file(self, key: str, path: Path) -> str:
        sha256 = self._blobs.get_to_file(key, path)
        self._barrier.wait(30)
        return sha256


def test_two_partitions_that_store_the_same_bytes_at_once_leave_one_media(library: Library, bucket: Path) -> None:
    """Both have read the file before either claims it: one media, one blob under the winner's key, a link for each."""
    library = with_settings(library, shards={"uploads": 4}, workers=1)
    mine, yours = _keys("uploads/00", 8), _keys("uploads/01", 8)
    for number in range(8):
        data = b"\xff\xd8\xff" + bytes([number]) * 1000
        for key, partition in ((mine[number], "uploads/00"), (yours[number], "uploads/01")):
            (bucket / key).write_bytes(data)
            store_pages(Run(library, "run-0", partition))
            read_pages(Run(library, "run-0", partition))
        together = replace(library, bucket=cast(Blobs, _Together(library.bucket, 2)))
        threads = [
            threading.Thread(target=fetch, args=(Run(together, f"run-{partition}", partition),))
            for partition in ("uploads/00", "uploads/01")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with library.engine.connect() as connection:
        stored = connection.execute(select(tables.media)).all()
        links = connection.scalar(select(func.count()).select_from(tables.media_links))
    assert (len(stored), links) == (8, 16)
    assert {row.blob_key for row in stored} == {blob.key for blob in library.blobs.list_after("media/")}


def _keys(partition: str, count: int) -> list[str]:
    """File names that belong to this partition of four."""
    names = (f"{number}.jpg" for number in range(1000))
    found = [name for name in names if partition_for("uploads", name, {"uploads": 4}) == partition]
    return found[:count]


# ------------------------------------------------------------------------------------------------------ nothing to do


@contextmanager
def _files(bucket: Path) -> Iterator[None]:
    for name in ("coffee", "chelsea"):
        photograph(name).resize((160, 120)).save(bucket / f"{name}.jpg", quality=90)
    photograph("coffee").resize((80, 60)).save(bucket / "smaller.jpg", quality=90)
    (bucket / "twin.jpg").write_bytes((bucket / "coffee.jpg").read_bytes())
    (bucket / "text.jpg").write_text("no picture")
    (bucket / "cut.jpg").write_bytes((bucket / "coffee.jpg").read_bytes()[:1000])
    yield


def test_a_second_run_of_everything_touches_nothing(library: Library, bucket: Path, tmp_path: Path) -> None:
    """No blob is put, nothing written to the index, and no row of any table is even replaced by its like."""
    with _files(bucket):
        first, second = tmp_path / "first", tmp_path / "second"
        walk(watched(library, Trap(Plan("nobody"), diary=first, home=tmp_path)))
        before = _versions(library)
        walk(watched(library, Trap(Plan("nobody"), diary=second, home=tmp_path)))

    done = counts(first)
    assert (done["page put"], done["blob put"], done["point"], done["index append"]) == (1, 5 + 9 * 3, 3, 1)
    writes = ("page put", "blob put", "blob written", "index append", "point", "points upserted", "index published")
    assert {name: counts(second)[name] for name in writes} == dict.fromkeys(writes, 0)
    assert _versions(library) == before


def _versions(library: Library) -> dict[str, set[tuple[str, str]]]:
    """Where each row lies and who wrote it: an update that changes nothing changes these."""
    with library.engine.connect() as connection:
        return {
            name: {
                (row.ctid, row.xmin)
                for row in connection.execute(
                    text(f'select ctid::text, xmin::text from media."{name}"')  # noqa: S608
                )
            }
            for name in connection.scalars(
                text("select tablename from pg_tables where schemaname = 'media' order by tablename")
            ).all()
        }
