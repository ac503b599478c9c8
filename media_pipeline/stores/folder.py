"""Blobs in a local folder: one back end of stores/blobs.py.

Here is everything that knows files. Not here: the rules for keys and the interface, which are in stores/blobs.py.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import heapify, heappop
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from media_pipeline.errors import BadKey, BlobError, BlobMissing, BlobUnreadable
from media_pipeline.stores.blobs import (
    TEMP_FOLDER,
    BlobInfo,
    checked_bytes,
    checked_key,
    checked_place,
    checked_seconds,
    copied,
    is_readable,
    readable_key,
)

log = logging.getLogger(__name__)

# No put lasts a day: what is older was left by a process that was killed.
TEMP_SECONDS = 86_400
_TEMP_NAME = os.fsencode(TEMP_FOLDER)
_PASSED_OVER = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ENOTDIR)


class LocalBlobs:
    """Blobs as files below one folder, which the first put creates.

    A put writes to a hidden folder of the same file system, syncs, then gives the file its name in one step: no reader
    sees half of it, whenever the process is killed. Links below the root are never followed. Unlike in a bucket, a
    blob `a` and a blob `a/b` exclude each other. The content type is not kept: the key's ending tells it.
    """

    def __init__(self, root: Path) -> None:
        # Resolved once: a later change of the working folder must not move the store.
        self.root = Path(os.path.realpath(root))
        self._swept = False

    def __repr__(self) -> str:
        return f"LocalBlobs({str(self.root)!r})"

    def put_if_absent(self, key: str, data: bytes, *, content_type: str) -> bool:
        path = self._path(checked_key(key))
        with _explained("write", path):
            written = False
            if _file_status(path) is None:
                with self._written(data) as temp:
                    written = _linked(path, temp)
            # Also when another wrote it: the answer False promises that it is there for good.
            _sync(path.parent)
            return written

    def put_file_if_absent(self, key: str, path: Path, *, content_type: str) -> bool:
        place = self._path(checked_key(key))
        with _explained("write", place):
            written = _file_status(place) is None and self._given(place, path)
            _sync(place.parent)
            return written

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        path = self._path(checked_key(key))
        with _explained("write", path), self._written(data) as temp:
            _make_folder(path.parent)
            temp.replace(path)
            _sync(path.parent)

    def get(self, key: str, *, sha256: str | None = None) -> bytes:
        path = self._path(readable_key(key))
        with _explained("read", path), _told_apart(path):
            data = _bytes(path)
        if data is None:
            raise BlobMissing(f"{path}: no such blob; fetch it again, or look whether the store has moved")
        return checked_bytes(data, place=str(path), sha256=sha256)

    def get_to_file(self, key: str, path: Path) -> str:
        place = self._path(readable_key(key))
        with _explained("read", place), _told_apart(place):
            source = _opened(place)
        if source is None:
            raise BlobMissing(f"{place}: no such blob; fetch it again, or look whether the store has moved")
        # What is wrong with the copy says nothing of the blob.
        with source, _explained(f"copy {place} to", path), path.open("xb") as copy:
            return copied(lambda count: _piece(source, count, place=place), copy)

    def head(self, key: str) -> BlobInfo | None:
        path = self._path(readable_key(key))
        with _explained("read", path):
            status = _file_status(path)
        return None if status is None else _info(key, status)

    def list_after(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> list[BlobInfo]:
        found: list[BlobInfo] = []
        if limit < 1:
            return found
        with _explained("list", self.root):
            for name in _names_after(self.root, checked_place(prefix), checked_place(after)):
                status = _file_status(self.root / os.fsdecode(name))
                if status is not None:
                    found.append(_info(name.decode(), status))
                    if len(found) == limit:
                        break
        return found

    def delete(self, key: str) -> None:
        path = self._path(readable_key(key))
        with _explained("delete", path):
            if _file_status(path) is not None:
                path.unlink(missing_ok=True)
                _sync(path.parent)

    def presigned_get(self, key: str, *, seconds: int) -> str:
        checked_seconds(seconds)
        return self._path(readable_key(key)).as_uri()

    def presigned_put(self, key: str, *, seconds: int, content_type: str) -> str:
        raise BlobError(
            f"{self.root}: a folder cannot sign an upload of {checked_key(key)!r}; "
            "use a bucket (MEDIA_BLOB_URL=s3://BUCKET/PREFIX), or send the bytes to put_if_absent"
        )

    def _path(self, key: str) -> Path:
        # Text, not Path: `root / "/etc/passwd"` is /etc/passwd, and `root / "a//b"` is another blob's place.
        place = _slashed(os.fspath(self.root)) + key
        if os.path.realpath(place) != place:
            raise BadKey(f"key {key!r} has a link or an empty segment on its way below {self.root}: not followed")
        return Path(place)

    def _given(self, place: Path, path: Path) -> bool:
        """Whether this call gave the file its place: by a link where both are in one file system, else by a copy."""
        _synced(path)
        try:
            return _linked(place, path)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        with self._temp() as temp:
            shutil.copyfile(path, temp)
            _synced(temp)
            return _linked(place, temp)

    @contextmanager
    def _written(self, data: bytes) -> Iterator[Path]:
        """A synced file in the hidden folder, gone afterwards unless it was moved."""
        with self._temp() as temp:
            with temp.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield temp

    @contextmanager
    def _temp(self) -> Iterator[Path]:
        folder = self.root / TEMP_FOLDER
        _make_folder(folder)
        if not self._swept:
            _sweep(folder)
            self._swept = True
        temp = folder / uuid4().hex
        try:
            yield temp
        finally:
            temp.unlink(missing_ok=True)


def _linked(path: Path, temp: Path) -> bool:
    """Whether this call gave the file its name. A link never replaces what is there; a rename would."""
    _make_folder(path.parent)
    try:
        path.hardlink_to(temp)
    except FileExistsError:
        if _file_status(path) is None:
            raise
        return False
    return True


def _file_status(path: Path) -> os.stat_result | None:
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _bytes(path: Path) -> bytes | None:
    # Asked first, because opening a pipe that somebody put there would wait for ever.
    if _file_status(path) is None:
        return None
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _opened(path: Path) -> BinaryIO | None:
    if _file_status(path) is None:
        return None
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


def _piece(file: BinaryIO, count: int, *, place: Path) -> bytes:
    with _told_apart(place):
        return file.read(count)


def _info(key: str, status: os.stat_result) -> BlobInfo:
    # Not the inode: a folder restored from a backup would look changed throughout.
    return BlobInfo(key, status.st_size, f"{status.st_size}-{status.st_mtime_ns}")


def _names_after(root: Path, prefix: str, after: str) -> Iterator[bytes]:
    """Keys behind `after` in byte order, as lazily as folders allow: one that holds none of them is not opened.

    A folder sorts as its name with the slash, because `a-b/x` comes before `a/x`. A folder's names are a heap, not a
    sorted list: a heap is made in linear time, and only the names asked for are sorted.
    """
    base = _slashed(os.fspath(root))
    start = prefix[: prefix.rfind("/") + 1]
    if start and (not is_readable(start + "x") or os.path.realpath(base + start) != base + start[:-1]):
        return
    span = _Span(os.fsencode(base), prefix.encode(), after.encode())
    # A list, not recursion: a folder of others may be deeper than Python's stack.
    opened = [_heap(span, start.encode())]
    while opened:
        if not opened[-1]:
            opened.pop()
            continue
        name = heappop(opened[-1])
        if name.endswith(b"/"):
            opened.append(_heap(span, name))
        elif _is_utf8(name) and is_readable(name.decode()):
            yield name
        else:
            log.warning("left out of the listing, rename it: %r", span.base + name)


@dataclass(frozen=True, slots=True)
class _Span:
    """Which keys are asked for. Bytes throughout: the order is theirs, and a name may not be UTF-8."""

    base: bytes
    prefix: bytes
    after: bytes

    def holds(self, name: bytes) -> bool:
        return name > self.after and name.startswith(self.prefix)

    def may_reach_into(self, folder: bytes) -> bool:
        behind = folder > self.after or self.after.startswith(folder)
        return behind and (folder.startswith(self.prefix) or self.prefix.startswith(folder))


def _heap(span: _Span, folder: bytes) -> list[bytes]:
    """The names in one folder that may matter; subfolders end with a slash."""
    names: list[bytes] = []
    try:
        with os.scandir(span.base + folder) as entries:
            for entry in entries:
                name = folder + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if name != _TEMP_NAME and span.may_reach_into(name + b"/"):
                        names.append(name + b"/")
                elif span.holds(name) and entry.is_file(follow_symlinks=False):
                    names.append(name)
    except FileNotFoundError:
        return []
    except OSError as error:
        # A volume's lost+found must not stop a watcher; a root that cannot be read must.
        if not folder or error.errno not in _PASSED_OVER:
            raise
        # A prefix may take a blob for a folder: there is nothing behind it, and nothing to say.
        if error.errno != errno.ENOTDIR:
            log.warning("left out of the listing, %s: %r", error.strerror, span.base + folder)
        return []
    heapify(names)
    return names


def _slashed(folder: str) -> str:
    return folder if folder.endswith("/") else folder + "/"


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync(folder.parent)


def _synced(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """A file's name is safe from a power cut only once its folder is on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    oldest = time.time() - TEMP_SECONDS
    for left in folder.iterdir():
        try:
            status = left.lstat()
            # The one folder is scratch, which sweeps itself (scratch.py).
            if status.st_mtime < oldest and not stat.S_ISDIR(status.st_mode):
                left.unlink()
        except OSError as error:
            # Another process sweeps too, or another user left it: it costs room, nothing else.
            log.info("temporary file %s stays: %s", left, error)


_OS_ADVICE: dict[int, tuple[type[BlobError], str]] = {
    errno.ENOSPC: (BlobError, "no room left: free some, then run again"),
    errno.EDQUOT: (BlobError, "no room left in this user's quota: free some, then run again"),
    errno.EFBIG: (BlobError, "no room left under this process's limit of file size (ulimit -f)"),
    errno.EROFS: (BlobError, "the file system is read-only"),
    errno.EACCES: (BlobError, "this user has no right to: change the owner or the mode of the folder"),
    errno.EPERM: (BlobError, "not permitted: change the owner, or choose a file system with hard links"),
    errno.EOPNOTSUPP: (BlobError, "the file system has no hard links: choose another folder"),
    errno.EXDEV: (BlobError, "the folder spans file systems: mount the whole store, not a part of it"),
    errno.EEXIST: (BadKey, "a blob lies where a folder is needed, or the reverse: choose another key"),
    errno.ENOTDIR: (BadKey, "a blob lies where a folder is needed: choose another key"),
    errno.EISDIR: (BadKey, "a folder lies where the blob should: choose another key"),
    errno.ENAMETOOLONG: (BadKey, "the path is too long for the file system: choose a shorter key or folder"),
}


# What says nothing of the folder as a whole: a file that others may not read, a bad sector.
_OF_ONE_FILE = frozenset({errno.EACCES, errno.EPERM, errno.EIO})


@contextmanager
def _told_apart(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_ONE_FILE:
            raise
        advice = "change its owner or mode, or put it there again"
        raise BlobUnreadable(f"cannot read {path}: {advice} ({error.strerror})") from error


@contextmanager
def _explained(doing: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind, advice = _OS_ADVICE.get(error.errno or 0, (BlobError, "look at the disk and its mount"))
        raise kind(f"cannot {doing} {path}: {advice} ({error.strerror})") from error
