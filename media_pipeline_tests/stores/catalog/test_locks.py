"""Locks: one run at a time works on an output of a partition, and what ends its connection ends its right to."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from media_pipeline.stores.catalog.embedded import Embedded
from media_pipeline.stores.catalog.locks import Held, holding
from media_pipeline.stores.library import Library


def is_free(library: Library, *names: str) -> bool:
    with holding(library.engine, names, holder="who asks") as held:
        return isinstance(held, Connection)


def test_a_lock_is_held_until_the_block_ends(library: Library) -> None:
    """Who comes meanwhile is told which run has it; afterwards it is free."""
    with holding(library.engine, ["a"], holder="run-1") as mine:
        assert isinstance(mine, Connection)
        with holding(library.engine, ["a"], holder="run-2") as theirs:
            assert theirs == Held("a", "run-1")
        assert not is_free(library, "a")
        assert is_free(library, "b")
    assert is_free(library, "a")


def test_a_lock_is_free_again_after_an_error(library: Library) -> None:
    """Although the connection goes back to the pool, and not away."""

    def fail() -> None:
        with holding(library.engine, ["a"], holder="run-1") as held:
            assert isinstance(held, Connection)
            held.execute(text("select 1"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert is_free(library, "a")


def test_all_locks_or_none(library: Library) -> None:
    """Who does not get the last keeps none of the first, and others may have them while it looks on."""
    with (
        holding(library.engine, ["c"], holder="run-1"),
        holding(library.engine, ["a", "b", "c"], holder="run-2") as refused,
    ):
        assert refused == Held("c", "run-1")
        assert is_free(library, "a", "b")


def test_overlapping_sets_never_meet_and_never_wait(library: Library) -> None:
    """Six runs want two of three outputs each, in any order: at no time do two of them hold the same one."""
    wanted = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "b"), ("a", "c"), ("c", "a")]
    held: list[str] = []
    faults: list[str] = []
    successes = [0] * len(wanted)
    until = time.monotonic() + 2

    def work(place: int) -> None:
        while time.monotonic() < until:
            with holding(library.engine, wanted[place], holder=f"run-{place}") as mine:
                if isinstance(mine, Held):
                    continue
                held.extend(wanted[place])
                faults.extend(name for name in wanted[place] if held.count(name) > 1)
                successes[place] += 1
                for name in wanted[place]:
                    held.remove(name)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(wanted))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert faults == []
    assert sum(successes) > 0


def test_a_holder_with_a_long_name_is_named_as_far_as_the_server_can(library: Library) -> None:
    """A run id of Dagster has 36 characters, and fits."""
    run_id = "0f6ea4a4-1d2b-4a55-9b1c-2f8d0f7c9f55"
    with holding(library.engine, ["a"], holder=run_id), holding(library.engine, ["a"], holder="other") as refused:
        assert refused == Held("a", run_id)
    with holding(library.engine, ["a"], holder="x" * 99), holding(library.engine, ["a"], holder="other") as refused:
        assert refused == Held("a", "x" * 48)


def test_the_holder_is_one_of_this_database(cluster: Embedded, library: Library) -> None:
    """Two libraries on one server hold locks of the same names; each is told of its own runs only."""
    elsewhere = create_engine(make_url(cluster.url).set(drivername="postgresql+psycopg"))
    try:
        with (
            holding(elsewhere, ["a"], holder="another library's"),
            holding(library.engine, ["a"], holder="run-1"),
            holding(library.engine, ["a"], holder="run-2") as refused,
        ):
            assert refused == Held("a", "run-1")
    finally:
        elsewhere.dispose()


def test_a_connection_that_is_cut_has_lost_its_lock_and_cannot_commit(library: Library, database_url: str) -> None:
    """Somebody else may have the lock by then, so that nothing may be written under it any more."""

    def write_under_a_lost_lock() -> None:
        with holding(library.engine, ["a"], holder="run-1") as mine:
            assert isinstance(mine, Connection)
            pid = mine.scalar(text("select pg_backend_pid()"))
            mine.commit()
            with psycopg.connect(database_url, autocommit=True) as other:
                other.execute("select pg_terminate_backend(%s, 5000)", [pid])
            assert is_free(library, "a")
            with mine.begin():
                mine.execute(text("create table media.written_without_a_lock ()"))

    with pytest.raises(OperationalError):
        write_under_a_lost_lock()
    with library.engine.connect() as fresh:
        assert fresh.scalar(text("select to_regclass('media.written_without_a_lock')")) is None


def test_kill_9_of_the_holder_frees_the_lock(library: Library, database_url: str, tmp_path: Path) -> None:
    """No lock file or lease is left behind that somebody would have to wait for or remove."""
    script = f"""
import time
from sqlalchemy import create_engine
from media_pipeline.stores.catalog.locks import holding
with holding(create_engine({database_url.replace("postgresql", "postgresql+psycopg", 1)!r}), ["a"], holder="killed"):
    print("held", flush=True)
    time.sleep(600)
"""
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with holding(library.engine, ["a"], holder="other") as refused:
        assert refused == Held("a", "killed")

    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    until = time.monotonic() + 10
    while not is_free(library, "a"):
        assert time.monotonic() < until
        time.sleep(0.01)
