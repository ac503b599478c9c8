"""Folders for files on their way into the library, or aside: one for each run, gone with it, also after `kill -9`.

A folder is locked by the run that made it as long as it lives; whoever comes next removes those that nobody locks. What
is not here: what is put there (stages/fetch, open_data.py), and how a file becomes a blob (blobs.py).
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from media_pipeline.errors import BlobError
from media_pipeline.stores.blobs import TEMP_FOLDER, Blobs
from media_pipeline.stores.catalog.flocks import opened, released, taken
from media_pipeline.stores.folder import LocalBlobs

LOCK = ".lock"

log = logging.getLogger(__name__)


@contextmanager
def scratch(blobs: Blobs, home: Path) -> Iterator[Path]:
    """A new folder: in the file system of the blobs where they are local, so that a file becomes one by a link."""
    root = (blobs.root / TEMP_FOLDER if isinstance(blobs, LocalBlobs) else home) / "scratch"
    try:
        folder, lock = _begun(root)
    except OSError as error:
        raise BlobError(
            f"cannot make a folder in {root}: look at the disk and its rights ({error.strerror})"
        ) from error
    with _ending(folder, lock):
        yield folder


@contextmanager
def passing(root: Path) -> Iterator[Path]:
    """A new folder below this one, which holds such folders alone."""
    folder, lock = _begun(root)
    with _ending(folder, lock):
        yield folder


def _begun(root: Path) -> tuple[Path, int]:
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    return _made(root)


@contextmanager
def _ending(folder: Path, lock: int) -> Iterator[None]:
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(LOCK).unlink(missing_ok=True)
        released(lock)


def _made(root: Path) -> tuple[Path, int]:
    while True:
        folder = root / uuid4().hex
        # A file beside it: network file systems lock no folders.
        lock = opened(folder.with_suffix(LOCK))
        # Between being made and being locked another run may have taken it for one that is left.
        if taken(lock, fcntl.LOCK_EX) and folder.with_suffix(LOCK).exists():
            folder.mkdir()
            return folder, lock
        os.close(lock)


def _sweep(root: Path) -> None:
    for path in root.glob(f"*{LOCK}"):
        try:
            lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            # Another run sweeps too, or another user left it: it costs room, nothing else.
            log.info("scratch folder of %s stays: %s", path, error)
            continue
        try:
            if taken(lock, fcntl.LOCK_EX):
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                path.unlink(missing_ok=True)
        finally:
            os.close(lock)
