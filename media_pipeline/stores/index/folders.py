"""Folders that are copied, made durable and claimed: what generations.py and edge.py need from the file system.

Not here: what is in the folders.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from media_pipeline.errors import VectorIndexError

COPY_BYTES = 1 << 20
MIB = 1 << 20
# What `st_blocks` counts in, whatever the file system's own blocks are.
BLOCK_BYTES = 512


def copy_folder(source: Path, target: Path) -> None:
    """A copy that keeps the holes of sparse files.

    The engine reserves space ahead: an index of ten points is 0.3 MB on disk and 163 MB by its file sizes, which is
    what `shutil.copytree` would write, for every append and every reader.
    """
    target.mkdir()
    for entry in sorted(source.iterdir()):
        if entry.is_dir():
            copy_folder(entry, target / entry.name)
        else:
            _copy_file(entry, target / entry.name)


def allocated_bytes(folder: Path) -> int:
    """What the files below take on disk, which with their holes is far less than their sizes; 0 without the folder."""
    places = (Path(parent) / name for parent, _, names in os.walk(folder) for name in names)
    return sum(place.stat().st_blocks * BLOCK_BYTES for place in places)


def require_room(folder: Path, needed: int) -> None:
    """VectorIndexError when the file system of this folder has less free than `needed`.

    Asked ahead, because afterwards is too late: where no block is left for a page that the engine has mapped, the
    kernel ends the process by SIGBUS, which nothing can catch.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise VectorIndexError(
            f"{folder}: {free // MIB} MiB free on its file system, writing the index needs {-(-needed // MIB)} MiB: "
            "free some room there, or set MEDIA_HOME to another disk or MEDIA_QDRANT_URL to a Qdrant server"
        )


def sync_folder(folder: Path) -> None:
    """Everything below is on disk, names included."""
    for entry in folder.iterdir():
        if entry.is_dir():
            sync_folder(entry)
        else:
            sync(entry)
    sync(folder)


def sync(path: Path) -> None:
    """This file, or the names in this folder, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_folder(folder: Path) -> None:
    """Removed as far as it can be; what stays is a leftover for the next sweep."""
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def claim(lock: Path) -> Iterator[str | None]:
    """Hold the lock file for the block: None when it is ours, else the pid that holds it.

    A flock, not a pid file: the kernel frees it with the process, however that ends.
    """
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if try_lock(handle):
            os.truncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
            yield None
        else:
            yield os.pread(handle, 32, 0).decode("ascii", "replace") or "unknown"
    finally:
        os.close(handle)


@contextmanager
def claimed_folder(parent: Path) -> Iterator[Path]:
    """A new folder that is removed after the block; after a kill, by the next `remove_unclaimed`."""
    name = secrets.token_hex(8)
    hidden = parent / f".{name}"
    hidden.mkdir()
    handle = os.open(hidden, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Locked before it has its name, else it could be taken for one whose process was killed.
        try_lock(handle)
        hidden.rename(parent / name)
        yield parent / name
    finally:
        remove_folder(parent / name)
        os.close(handle)


def remove_unclaimed(parent: Path) -> None:
    """Remove the folders of processes that were killed."""
    for folder in parent.glob("[!.]*"):
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # its process has just removed it
        try:
            if try_lock(handle):
                remove_folder(folder)
        finally:
            os.close(handle)


def try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb", buffering=0) as reader, target.open("wb", buffering=0) as writer:
        size = os.fstat(reader.fileno()).st_size
        for start, end in _extents(reader.fileno(), size):
            place = start
            while place < end:
                chunk = os.pread(reader.fileno(), min(COPY_BYTES, end - place), place)
                if not chunk:
                    raise VectorIndexError(f"{source}: became shorter while it was copied; is another process writing?")
                place += os.pwrite(writer.fileno(), chunk, place)
        writer.truncate(size)


def _extents(handle: int, size: int) -> Iterator[tuple[int, int]]:
    """The parts of a file that are not holes."""
    end = 0
    while end < size:
        try:
            start = os.lseek(handle, end, os.SEEK_DATA)
        except OSError:
            return  # ENXIO: only a hole is left
        end = os.lseek(handle, start, os.SEEK_HOLE)
        yield start, end
