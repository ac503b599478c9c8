"""What tests hand to pool workers: a function for each way in which a file may hurt the process that opens it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from typing import Any, NoReturn

from media_pipeline.errors import FetchError


class Unpicklable(Exception):
    """Neither it nor what it holds can be sent to another process."""

    def __init__(self, _one: object, _two: object) -> None:
        super().__init__("strange")
        self.held = lambda: None


class Unspeakable(Exception):
    """Its own description fails."""

    def __repr__(self) -> str:
        raise ValueError("no words")


class Unreadable:
    """Pickles, and cannot be unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return int, ("not a number",)


def doubled(number: int) -> int:
    return 2 * number


def length(data: bytes) -> int:
    return len(data)


def pid(_: object) -> int:
    return os.getpid()


def pid_and_sleep(_: object) -> NoReturn:
    # In one write: with print, the lines of two workers that share a pipe ran into each other.
    os.write(1, f"{os.getpid()}\n".encode())
    time.sleep(600)
    raise AssertionError


def modules(_: object) -> list[str]:
    """What this worker has imported so far."""
    return sorted({name.partition(".")[0] for name in sys.modules})


def address_space_limit(_: object) -> tuple[int, int]:
    import resource

    return resource.getrlimit(resource.RLIMIT_AS)


def segfault(_: object) -> None:
    ctypes.string_at(0)


def die_later(_: object) -> str:
    """Answers, and is dead a moment later: a heap that a file has broken may take effect when it is tidied up."""
    import threading

    threading.Timer(0.05, os._exit, args=[5]).start()
    return "all is well"


def leave_at_once(code: int) -> None:
    os._exit(code)


def leave_politely(code: int) -> None:
    sys.exit(code)


def be_killed(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def allocate(megabytes: int) -> int:
    return len(bytearray(megabytes << 20))


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def raise_value_error(_: object) -> None:
    raise ValueError("strange")


def raise_unpicklable(_: object) -> None:
    raise Unpicklable(1, 2)


def raise_unspeakable(_: object) -> None:
    raise Unspeakable


def raise_interrupt(_: object) -> None:
    raise KeyboardInterrupt


def raise_item_error(_: object) -> None:
    raise FetchError("gone", "it is not there")


def answer_unpicklable(_: object) -> object:
    return lambda: None


def answer_unreadable(_: object) -> object:
    return Unreadable()


def recurse(_: object) -> None:
    recurse(_)
