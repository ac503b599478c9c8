"""Worker processes for work that a hostile file may crash: each item runs with a memory limit and a time limit.

Each worker has a pipe of its own and one item at a time. Pools whose workers share one queue and its locks (pebble,
concurrent.futures) were tried, and one death broke them all: an idle worker that was killed, or an item that could not
be received under the memory limit, ended the whole run.

A worker is a fresh interpreter, neither forked (a fork after libraries have started threads hangs) nor spawned by
multiprocessing (that runs the program's main script again, and so imports all of Dagster): it imports nothing but the
module of the function it is handed, and dies with its parent. What is not here: what is worked on (work.py).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection, Pipe
from queue import LifoQueue
from types import TracebackType
from typing import Any, Self

from media_pipeline.errors import ConfigError, ItemError

PR_SET_PDEATHSIG = 1
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
# glibc takes no more than the first. A photo of 12 megapixels leaves less than the second.
LARGEST_KEPT_BYTES = 32 << 20
MOST_KEPT_BYTES = 128 << 20
OUT_OF_MEMORY = 77  # exit code: a worker that has no memory left cannot say so in words
# To the first sign of life, and to the import of an item's function: torch takes 4 s, on a busy machine much longer.
START_S = 120.0
# The import path is the parent's: a worker finds the same modules, however the parent came by them.
BOOT = (
    "import json, sys; told = json.loads(sys.argv[1]); sys.path[:] = told.pop('path');"
    "from media_pipeline.orchestration.pool import serve; serve(**told)"
)


class Workers:
    """Up to `count` processes, each started with the first item that needs it, all ended on leaving."""

    def __init__(self, count: int, *, memory_mb: int, item_seconds: float) -> None:
        self.count = count
        self._memory_mb = memory_mb
        self._item_seconds = item_seconds
        self._workers: list[_Worker | None] = [None] * count
        # Last in, first out: a worker that has its imports behind it is taken before one that has not.
        self._free: LifoQueue[int] = LifoQueue()
        for place in reversed(range(count)):
            self._free.put(place)
        # PR_SET_PDEATHSIG follows the thread that started a process: one thread starts all, and outlives them.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="worker-starter")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in filter(None, self._workers):
            worker.end()
        self._starter.shutdown()

    def start(self, items: int) -> None:
        """Start as many as so many items need, side by side, before the first of them."""
        for place in range(min(self.count, items)):
            self._at(place)

    def run(self, function: Callable[[Any], Any], argument: Any) -> Any:
        """The function's answer; what kills its worker is an ItemError with the reason."""
        place = self._free.get()
        try:
            worker = self._at(place)
            try:
                kind, *rest = worker.ask(function, argument, seconds=self._item_seconds)
            except TimeoutError as error:
                worker.end()
                raise ItemError("too_slow", f"ended after {self._item_seconds:g} s") from error
            except (EOFError, OSError) as error:
                code = worker.exit_code()
                if code == OUT_OF_MEMORY:
                    raise ItemError("out_of_memory", f"more than {self._memory_mb} MB") from error
                raise ItemError("worker_died", _last_words(code)) from error
        finally:
            self._free.put(place)
        if kind == "failed":
            raise ItemError(*rest)
        return rest[0]

    def _at(self, place: int) -> _Worker:
        """The worker of this place, a new one where it has died, be it of an item or of what came after it."""
        worker = self._workers[place]
        if worker is None or not worker.is_alive():
            worker = self._starter.submit(_Worker, self._memory_mb).result()
            self._workers[place] = worker
        return worker


class _Worker:
    """One process and our end of its pipe."""

    def __init__(self, memory_mb: int) -> None:
        self._pipe, theirs = Pipe()
        self._has_started = False
        told = {"path": sys.path, "pipe": theirs.fileno(), "parent": os.getpid(), "memory_mb": memory_mb}
        with theirs:
            self._process = subprocess.Popen(
                # -P: before the path is set, `json` must not be a file of the working folder.
                [sys.executable, "-P", "-c", BOOT, json.dumps(told)],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, function: Callable[[Any], Any], argument: Any, *, seconds: float) -> tuple[Any, ...]:
        """Its reply; EOFError or OSError when it died, TimeoutError when it needs longer."""
        task = pickle.dumps((function, argument), pickle.HIGHEST_PROTOCOL)
        if not self._has_started:
            self._wait_for_start()
        self._pipe.send_bytes(task)
        # First an empty message when it has taken the item in: how long imports take is not the item's fault.
        reply = self._received(START_S) or self._received(seconds)
        try:
            return pickle.loads(reply)  # type: ignore[no-any-return]  # noqa: S301 - from our own worker
        except Exception as error:
            # The border of one item: what pickles there need not unpickle here.
            raise ItemError("unexpected", f"the answer cannot be read: {_told(error)}") from error

    def exit_code(self) -> int:
        """What its process ended with. The pipe may end a moment earlier, so that a kill at once would hide it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=0.2)
        return self.end()

    def end(self) -> int:
        """Kill it where it still runs: it holds nothing that could be lost."""
        self._process.kill()
        code = self._process.wait()
        self._pipe.close()
        return code

    def _wait_for_start(self) -> None:
        try:
            self._received(START_S)
        except (EOFError, OSError):
            code = self.exit_code()
            if code < 0:  # a kill from outside may hit any process, and says nothing of the settings
                raise
            raise ConfigError(
                f"{sys.executable} cannot start worker processes ({_last_words(code)}; what it said is in the log):"
                " install media-pipeline again"
            ) from None
        self._has_started = True

    def _received(self, seconds: float) -> bytes:
        if not self._pipe.poll(seconds):
            raise TimeoutError
        return self._pipe.recv_bytes()


def serve(pipe: int, parent: int, memory_mb: int) -> None:
    """What a worker does all its life: take an item in, say so, answer."""
    _limit(parent, memory_mb)
    connection = Connection(pipe)
    connection.send_bytes(b"")
    try:
        while True:
            connection.send_bytes(_reply(connection))
    except (EOFError, BrokenPipeError):
        return  # the parent has left
    except MemoryError:
        os._exit(OUT_OF_MEMORY)


def _reply(connection: Connection) -> bytes:
    task = connection.recv_bytes()
    try:
        function, argument = pickle.loads(task)  # noqa: S301 - from our own parent
        connection.send_bytes(b"")
        return pickle.dumps(("answer", guarded(function, argument)), pickle.HIGHEST_PROTOCOL)
    except ItemError as error:
        return pickle.dumps(("failed", error.reason, error.detail))
    except (MemoryError, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001 - the border of one item: its answer does not pickle, or its module does not import
        return pickle.dumps(("failed", "unexpected", _told(error)))


def guarded(function: Callable[[Any], Any], argument: Any) -> Any:
    """The function's answer. This is the border of one item: whatever a strange file raises here becomes its row."""
    try:
        return function(argument)
    except (ItemError, MemoryError):
        raise
    except BaseException as error:
        # BaseException: a library that calls sys.exit, or panics in Rust, must not end the run.
        raise ItemError("unexpected", _told(error)) from error


def _told(error: BaseException) -> str:
    try:
        return repr(error)
    except Exception as worse:  # noqa: BLE001 - the border of one item: its exception may be as broken as itself
        return f"{type(error).__name__}, of which repr() raises {type(worse).__name__}"


def _last_words(exit_code: int) -> str:
    if exit_code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"


def _limit(parent: int, memory_mb: int) -> None:
    """Runs first in every worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it ends its workers
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # macOS has neither: there a worker notices its parent's death at the next item.
        _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        size = memory_mb << 20 if hard == resource.RLIM_INFINITY else min(memory_mb << 20, hard)
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    keep_memory()


def keep_memory() -> None:
    """What an item leaves is used for the next, not given back to the system and cleared by it again: of a photo that
    was an eighth of its CPU time. glibc alone can be told so."""
    with contextlib.suppress(AttributeError, OSError):
        allocator = ctypes.CDLL(None)
        # Setting one of them fixes both, which else follow what was freed last.
        allocator.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES)
        allocator.mallopt(M_TRIM_THRESHOLD, MOST_KEPT_BYTES)
