"""Worker processes for work that a hostile file may crash: each item runs with a memory limit and a time limit.

`spawn` only: a fork after libraries have started threads hangs. Workers import nothing but the module of the function
they are handed, and die with their parent. What is not here: what they work on (orchestration/work.py).
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from concurrent.futures import TimeoutError as TooSlow
from types import TracebackType
from typing import Any, Self

from pebble import ProcessExpired, ProcessPool

from media_pipeline.errors import ItemError

PR_SET_PDEATHSIG = 1


class Workers:
    """A pool that starts with its first item and is ended on leaving."""

    def __init__(self, count: int, *, memory_mb: int, item_seconds: float) -> None:
        self.count = count
        self._memory_mb = memory_mb
        self._item_seconds = item_seconds
        self._pool: ProcessPool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            # stop, not close: on an error nobody waits for what is still queued.
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()

    def start(self) -> None:
        """Must be called by a thread that outlives the workers: PR_SET_PDEATHSIG follows threads."""
        if self._pool is None:
            self._pool = ProcessPool(
                max_workers=self.count,
                context=multiprocessing.get_context("spawn"),
                initializer=_limit,
                initargs=(os.getpid(), self._memory_mb),
            )

    def run(self, function: Callable[[Any], Any], argument: Any) -> Any:
        """The function's answer; what kills its worker is an ItemError with the reason."""
        if self._pool is None:
            raise RuntimeError("start() the workers before the first item")
        future = self._pool.schedule(guarded, args=[function, argument], timeout=self._item_seconds)
        try:
            return future.result()
        except TooSlow as error:
            raise ItemError("too_slow", f"ended after {self._item_seconds:g} s") from error
        except ProcessExpired as error:
            raise ItemError("worker_died", _last_words(error.exitcode)) from error
        except MemoryError as error:
            raise ItemError("out_of_memory", f"more than {self._memory_mb} MB") from error


def guarded(function: Callable[[Any], Any], argument: Any) -> Any:
    """The function's answer. This is the border of one item: whatever a strange file raises here becomes its row."""
    try:
        return function(argument)
    except (ItemError, MemoryError):
        raise
    except Exception as error:
        raise ItemError("unexpected", repr(error)) from error


def _last_words(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"


def _limit(parent: int, memory_mb: int) -> None:
    """Runs first in every worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it ends its workers
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # macOS has neither: there a worker notices its parent's death at the next item.
        resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
