"""Locks between processes that `kill -9` cannot leave behind: flock, polled so that nobody waits for ever.

Not here: locks in the database (advisory locks, in orchestration/work.py), and what the embedded server's locks mean
(embedded.py).
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from media_pipeline.errors import EmbeddedError

POLL_S = 0.02


def opened(path: Path) -> int:
    """A descriptor of its own for each caller: a flock belongs to the opening, so threads exclude each other too."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def released(file: int) -> None:
    """Unlock, then close: a process forked meanwhile holds a copy, which closing alone would leave locked."""
    fcntl.flock(file, fcntl.LOCK_UN)
    os.close(file)


def taken(file: int, how: int) -> bool:
    """Take the lock if that needs no waiting."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def awaited(file: int, how: int, *, wait_s: float, path: Path) -> None:
    """Take the lock, but do not wait for ever: its holder may be suspended (Ctrl-Z)."""
    until = time.monotonic() + wait_s
    while not taken(file, how):
        if time.monotonic() > until:
            raise EmbeddedError(f"another process has held {path} for {wait_s:g} s: see `lsof {path}`, and end it")
        time.sleep(POLL_S)


@contextmanager
def exclusive(path: Path, *, wait_s: float) -> Iterator[None]:
    file = opened(path)
    try:
        awaited(file, fcntl.LOCK_EX, wait_s=wait_s, path=path)
        yield
    finally:
        released(file)
