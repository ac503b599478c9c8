"""Workers: what one item does to its process is that item's failure, and nobody else's."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any
from uuid import UUID

import psutil
import pytest
from PIL import Image

from media_pipeline.errors import ItemError
from media_pipeline.models.descriptor import Descriptor
from media_pipeline.orchestration.pool import Workers
from media_pipeline.records import Made
from media_pipeline.stages.embed import vectors
from media_pipeline.stages.examine import examination
from media_pipeline_tests.orchestration import hostile

MEMORY_MB = 512


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers(2, memory_mb=MEMORY_MB, item_seconds=30) as pool:
        yield pool


def refusal(pool: Workers, function: Callable[[Any], Any], argument: Any = None) -> ItemError:
    with pytest.raises(ItemError) as caught:
        pool.run(function, argument)
    return caught.value


@pytest.mark.parametrize(
    ("function", "argument", "reason", "detail"),
    [
        (hostile.segfault, None, "worker_died", "killed by SIGSEGV"),
        (hostile.leave_at_once, 3, "worker_died", "exit code 3"),
        (hostile.leave_at_once, 0, "worker_died", "exit code 0"),
        (hostile.be_killed, None, "worker_died", "killed by SIGKILL"),
        (hostile.allocate, 2 * MEMORY_MB, "out_of_memory", "more than 512 MB"),
        (hostile.leave_politely, 3, "unexpected", "SystemExit(3)"),
        (hostile.raise_interrupt, None, "unexpected", "KeyboardInterrupt()"),
        (hostile.raise_value_error, None, "unexpected", "ValueError('strange')"),
        (hostile.raise_unpicklable, None, "unexpected", "Unpicklable('strange')"),
        (hostile.raise_unspeakable, None, "unexpected", "Unspeakable, of which repr() raises ValueError"),
        (hostile.raise_item_error, None, "gone", "it is not there"),
    ],
)
def test_what_an_item_does_to_its_worker_is_its_failure(
    workers: Workers, function: Callable[[Any], Any], argument: Any, reason: str, detail: str
) -> None:
    """The reason says what happened, and the pool goes on with the next items."""
    told = refusal(workers, function, argument)

    assert (told.reason, told.detail) == (reason, detail)
    assert [workers.run(hostile.doubled, number) for number in range(4)] == [0, 2, 4, 6]


@pytest.mark.parametrize("function", [hostile.answer_unpicklable, hostile.answer_unreadable, hostile.recurse])
def test_an_answer_that_cannot_be_brought_home_is_unexpected(workers: Workers, function: Callable[[Any], Any]) -> None:
    """Be it that it does not pickle there or does not unpickle here."""
    assert refusal(workers, function).reason == "unexpected"
    assert workers.run(hostile.doubled, 21) == 42


def test_an_item_that_needs_too_long_is_ended() -> None:
    """Its worker is killed, and the next item has a new one."""
    with Workers(1, memory_mb=MEMORY_MB, item_seconds=0.3) as pool:
        before = pool.run(hostile.pid, None)
        told = refusal(pool, hostile.sleep, 60.0)

        assert (told.reason, told.detail) == ("too_slow", "ended after 0.3 s")
        assert not psutil.pid_exists(before)
        assert pool.run(hostile.pid, None) != before


def test_an_item_too_large_to_be_received_is_out_of_memory(workers: Workers) -> None:
    """The limit holds for the item's bytes too, before its function has begun."""
    assert refusal(workers, hostile.length, bytes((MEMORY_MB + 1) << 20)).reason == "out_of_memory"
    assert workers.run(hostile.length, bytes(1 << 20)) == 1 << 20


def test_every_kind_of_hostile_item_at_once(workers: Workers) -> None:
    """Deaths side by side hit nobody else: every good item among them has its answer."""
    bad = [hostile.segfault, hostile.be_killed, hostile.raise_value_error, hostile.raise_unspeakable]

    def outcome(place: int) -> int | str:
        try:
            if place % 5:
                return int(workers.run(hostile.doubled, place))
            return str(workers.run(bad[place // 5 % len(bad)], None))
        except ItemError as error:
            return error.reason

    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(outcome, range(60)))

    reasons = ["worker_died", "worker_died", "unexpected", "unexpected"]
    assert outcomes == [2 * place if place % 5 else reasons[place // 5 % 4] for place in range(60)]


def test_a_worker_that_dies_while_idle_is_replaced(workers: Workers) -> None:
    """Whether something killed it between two items, or a file whose answer was good had broken its heap."""
    for worker in _children_after(workers):
        worker.kill()
        worker.wait()
    assert workers.run(hostile.doubled, 1) == 2
    assert workers.run(hostile.die_later, None) == "all is well"
    time.sleep(0.5)
    assert workers.run(hostile.doubled, 2) == 4


def _children_after(workers: Workers) -> list[psutil.Process]:
    """The processes of the workers, once each has answered."""
    workers.start(workers.count)
    with ThreadPoolExecutor(2) as threads:
        pids = set(threads.map(lambda _: workers.run(hostile.pid, None), range(8)))
    return [psutil.Process(pid) for pid in pids]


def test_one_item_starts_one_worker() -> None:
    """Each costs the start of an interpreter; the others come when there is work for them."""
    with Workers(3, memory_mb=MEMORY_MB, item_seconds=30) as pool:
        before = set(psutil.Process().children())
        pool.start(1)
        (started,) = set(psutil.Process().children()) - before
        assert pool.run(hostile.pid, None) == started.pid


def test_workers_end_with_the_pool() -> None:
    """On leaving, none of them is left, busy or not."""
    with Workers(2, memory_mb=MEMORY_MB, item_seconds=30) as pool:
        processes = _children_after(pool)
        assert all(process.is_running() for process in processes)
    assert not any(process.is_running() for process in processes)


def test_a_worker_has_the_memory_limit_and_no_more_than_the_system_allows(workers: Workers) -> None:
    """RLIMIT_AS, hard and soft; where the system's own hard limit is lower, that one."""
    assert workers.run(hostile.address_space_limit, None) == (MEMORY_MB << 20, MEMORY_MB << 20)

    below = 300 << 20
    script = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, ({below}, {below}))
from media_pipeline.orchestration.pool import Workers
from media_pipeline_tests.orchestration import hostile
with Workers(1, memory_mb=4096, item_seconds=30) as pool:
    print(pool.run(hostile.address_space_limit, None))
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=_env())
    assert said.stdout.strip() == f"({below}, {below})"
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != below


def test_workers_that_cannot_start_end_the_run() -> None:
    """Else every item of the library would be called dead, of an installation that is broken."""
    script = """
import sys
from media_pipeline.errors import ConfigError
from media_pipeline.orchestration.pool import Workers
from media_pipeline_tests.orchestration import hostile
sys.path[:] = []
with Workers(1, memory_mb=512, item_seconds=30) as pool:
    try:
        pool.run(hostile.doubled, 1)
    except ConfigError as error:
        print(error)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=_env())
    assert "cannot start worker processes (exit code 1;" in said.stdout


def test_workers_die_with_their_parent() -> None:
    """`kill -9` of the parent leaves no orphan, not even one that is at work."""
    script = """
import threading, time
from media_pipeline.orchestration.pool import Workers
from media_pipeline_tests.orchestration import hostile
with Workers(2, memory_mb=512, item_seconds=600) as pool:
    for _ in range(2):
        threading.Thread(target=pool.run, args=(hostile.pid_and_sleep, None)).start()
    time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=_env())
    assert parent.stdout is not None
    workers = [psutil.Process(int(parent.stdout.readline())) for _ in range(2)]
    assert all(worker.ppid() == parent.pid for worker in workers)

    parent.send_signal(signal.SIGKILL)
    parent.wait()
    gone, alive = psutil.wait_procs(workers, timeout=10)
    parent.stdout.close()
    assert (len(gone), alive) == (2, [])


def test_workers_outlive_the_thread_that_asked_for_them(workers: Workers) -> None:
    """PR_SET_PDEATHSIG follows threads, so that a worker started by a passing thread would die with it."""
    with ThreadPoolExecutor(1) as passing:
        first = passing.submit(workers.run, hostile.pid, None).result()
    time.sleep(0.2)
    assert workers.run(hostile.pid, None) == first


def test_a_worker_of_the_stages_imports_neither_dagster_nor_torch_nor_the_database(workers: Workers) -> None:
    """A noun of stages/ and what it needs: else each worker would take seconds and hundreds of MB to start."""
    out = BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, "JPEG")
    task = examination.Task(UUID(int=1), out.getvalue(), frozenset({"hashes"}), 10**6)
    with Workers(1, memory_mb=4096, item_seconds=60) as pool:
        assert isinstance(pool.run(examination.examined, task)["hashes"], Made)
        made = pool.run(vectors.embedded, vectors.Task(out.getvalue(), frozenset({"embeddings"}), Descriptor()))
        assert isinstance(made["embeddings"], Made)
        imported = pool.run(hostile.modules, None)

    assert {"PIL", "numpy"} <= set(imported)
    assert not {"dagster", "torch", "sqlalchemy", "psycopg", "qdrant_client", "typer"} & set(imported)


def test_a_script_without_a_guarded_main_can_have_workers(tmp_path: Any) -> None:
    """Workers do not run the program's main script again, as those of multiprocessing do."""
    script = tmp_path / "script.py"
    script.write_text(
        "from media_pipeline.orchestration.pool import Workers\n"
        "from media_pipeline_tests.orchestration import hostile\n"
        "print('main')\n"
        "with Workers(1, memory_mb=512, item_seconds=30) as pool:\n"
        "    print(pool.run(hostile.doubled, 4))\n"
    )
    said = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, env=_env())
    assert said.stdout.split() == ["main", "8"]


def _env() -> dict[str, str]:
    """Other processes of a test find its modules."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
