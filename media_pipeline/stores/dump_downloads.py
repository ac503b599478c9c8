"""Dumps that are named by a URL: fetched into the home folder whole, and again when they have grown old.

A connection that breaks is continued within a run, where the server can; of several files, those that came whole are
kept for the next run. They take the places of the former ones together, so that no two editions are ever joined. What
is not here: HTTP (http.py), what is in the files (dumps.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from media_pipeline.errors import FetchError, SourceError
from media_pipeline.stores.dumps import alone

# Dumps are made once a month, and nothing tells of a new one before it is asked for.
FRESH_FOR: Final = timedelta(days=30)
ARCHIVES: Final = (".tar.gz", ".tgz", ".tar")

Fetch = Callable[[str, Path], object]


def is_url(place: str) -> bool:
    return place.lower().startswith(("http://", "https://"))


def downloaded(url: str, tables: Collection[str], *, home: Path, fetch: Fetch, now: datetime) -> Path:
    """The archive that the URL names, or else the folder of the files below it."""
    ground = home / "dumps" / f"from-{hashlib.sha256(url.encode()).hexdigest()[:16]}"
    ground.mkdir(parents=True, exist_ok=True)
    name = PurePosixPath(urlsplit(url).path).name
    is_archive = name.lower().endswith(ARCHIVES)
    urls = {name: url} if is_archive else {f"{table}.csv.gz": f"{url.rstrip('/')}/{table}.csv.gz" for table in tables}
    if not _are_fresh(ground, urls, now):
        with alone(ground, what=f"downloading {url}"):
            # Whoever had the lock before may have brought them.
            if not _are_fresh(ground, urls, now):
                _fetch_all(fetch, urls, ground, now)
    return ground / name if is_archive else ground


def _fetch_all(fetch: Fetch, urls: Mapping[str, str], ground: Path, now: datetime) -> None:
    for file, address in urls.items():
        if not _is_fresh(ground / f"{file}.new", now):
            _fetch(fetch, address, ground / f"{file}.new")
    for file in urls:
        (ground / f"{file}.new").replace(ground / file)


def _fetch(fetch: Fetch, address: str, to: Path) -> None:
    part = to.with_name(f"{to.name}.part")
    try:
        fetch(address, part)
    except FetchError as error:
        raise SourceError(
            f"{address}: the dump does not come: {error}; run it again, or download it by hand"
        ) from error
    part.replace(to)


def _are_fresh(ground: Path, files: Collection[str], now: datetime) -> bool:
    return all(_is_fresh(ground / file, now) for file in files)


def _is_fresh(path: Path, now: datetime) -> bool:
    return path.is_file() and now.timestamp() - path.stat().st_mtime < FRESH_FOR.total_seconds()
