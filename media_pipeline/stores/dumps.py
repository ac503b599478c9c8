"""Dumps: tables that a provider hands out as files, found in a folder or unpacked from an archive, and what they are.

A dump is known by the names, sizes and times of its files: reading all of it only to learn whether it is new would take
as long as reading it. What is not here: what its tables mean (sources/), and their join (open_data.py).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final

from media_pipeline.errors import ConfigError, EmbeddedError, SourceError
from media_pipeline.stores.catalog.flocks import exclusive

SETTING: Final = "MEDIA_INATURALIST_DUMP"
# The first is what a provider packs; the second is what people unpack it to.
ENDINGS: Final = (".csv.gz", ".csv")
LONGEST_HEADER: Final = 10_000
# For another process that downloads or unpacks the same: the longest download is as long.
LONGEST_WAIT_S: Final = 24 * 3600.0
_AGAIN: Final = "it is damaged or cut off: download the dump again"


@dataclass(frozen=True, slots=True)
class Dump:
    """The files of a dump by the names of their tables, and the columns of each in the order in which they stand."""

    files: Mapping[str, Path]
    columns: Mapping[str, tuple[str, ...]]
    # The latest time of its files: what the dump says it says of then.
    made_at: datetime
    edition: str


def opened(place: str, tables: Mapping[str, Sequence[str]], *, home: Path) -> Dump:
    """The dump at this place; an archive is unpacked first, once. ConfigError or SourceError for what is none."""
    path = Path(place).expanduser().absolute()
    if not path.exists():
        raise ConfigError(f"{SETTING}={place}: there is no such folder or file: mount it, or correct the name")
    folder = path if path.is_dir() else _unpacked(path, tables, home=home)
    files = {table: _file_of(folder, table, place) for table in tables}
    told = [(path.name, status.st_size, status.st_mtime_ns) for path in files.values() if (status := path.stat())]
    return Dump(
        files,
        {table: _columns_of(path, needed=tables[table]) for table, path in files.items()},
        datetime.fromtimestamp(max(time for _, _, time in told) / 1e9, UTC),
        hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16],
    )


def _file_of(folder: Path, table: str, place: str) -> Path:
    for ending in ENDINGS:
        if (path := folder / f"{table}{ending}").is_file():
            return path
    raise ConfigError(f"{SETTING}={place}: no {table}.csv.gz in it: a dump has all of its files in one folder")


def _columns_of(path: Path, *, needed: Sequence[str]) -> tuple[str, ...]:
    """Those of the first line."""
    try:
        with gzip.open(path) if is_packed(path) else path.open("rb") as file:
            line = file.readline(LONGEST_HEADER)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path}: {error}; {_AGAIN}") from error
    columns = tuple(line.decode(errors="replace").removeprefix("\ufeff").rstrip("\r\n").split("\t"))
    if lacking := [name for name in needed if columns.count(name) != 1]:
        raise SourceError(
            f"{path}: no column {', '.join(lacking)}, but {', '.join(columns)[:200]}: this is another file, or the "
            "dump has another form than this version reads"
        )
    return columns


def is_packed(path: Path) -> bool:
    """By its bytes: a server may unpack what it sends, and leave the name."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _unpacked(archive: Path, tables: Mapping[str, Sequence[str]], *, home: Path) -> Path:
    """The folder with the archive's files; its former edition is removed."""
    status = archive.stat()
    ground = home / "dumps" / hashlib.sha256(str(archive).encode()).hexdigest()[:16]
    folder = ground / f"{status.st_size}-{status.st_mtime_ns}"
    if not folder.is_dir():
        with alone(ground, what=f"unpacking {archive}"):
            # Whoever had the lock before may have done it.
            if not folder.is_dir():
                shutil.rmtree(ground, ignore_errors=True)
                part = ground / f"{folder.name}.part"
                part.mkdir(parents=True)
                _unpack(archive, {f"{table}{ending}" for table in tables for ending in ENDINGS}, part)
                part.rename(folder)
    return folder


@contextmanager
def alone(ground: Path, *, what: str) -> Iterator[None]:
    """Nobody else writes to this folder, which need not be there; after `kill -9` its lock is free."""
    ground.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Beside it: what is in it is removed.
        with exclusive(ground.with_name(f"{ground.name}.lock"), wait_s=LONGEST_WAIT_S):
            yield
    except EmbeddedError as error:
        raise SourceError(f"{what}: {error}") from error


def _unpack(archive: Path, names: set[str], folder: Path) -> None:
    """The files of these names, wherever in the archive they are: no other name from it is ever used as a path."""
    try:
        with tarfile.open(archive, "r:*") as packed:
            for member in packed:
                name = PurePosixPath(member.name).name
                content = packed.extractfile(member) if member.isreg() and name in names else None
                if content is None or (folder / name).exists():
                    continue
                with content, (folder / name).open("wb") as file:
                    shutil.copyfileobj(content, file, 1 << 20)
                # Of the day on which it was made, and not of today.
                os.utime(folder / name, (member.mtime, member.mtime))
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        said = str(error).partition("\n")[0].removesuffix(":")
        raise SourceError(f"{archive}: {said}; {_AGAIN}") from error
    except OSError as error:
        raise SourceError(f"{archive}: it cannot be unpacked to {folder}: {error}") from error
