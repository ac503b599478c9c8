"""Dumps from a URL: whole, once, all of one edition."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from media_pipeline.errors import FetchError, SourceError
from media_pipeline.stores.dump_downloads import FRESH_FOR, downloaded
from media_pipeline.stores.ledger import utc_now


class Web:
    """Answers with a number that grows; some addresses fail."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failing: set[str] = set()

    def fetch(self, url: str, to: Path) -> None:
        self.asked.append(url)
        if url in self.failing:
            raise FetchError("unreachable", "nobody there")
        to.write_text(str(len(self.asked)))


def _downloaded(web: Web, url: str, home: Path) -> Path:
    return downloaded(url, ("photos", "taxa"), home=home, fetch=web.fetch, now=utc_now())


def _age(folder: Path) -> None:
    long_ago = (utc_now() - FRESH_FOR - timedelta(hours=1)).timestamp()
    for path in folder.iterdir():
        os.utime(path, (long_ago, long_ago))


def test_an_archive_is_fetched_once(tmp_path: Path) -> None:
    """Again only when it is old."""
    web, url = Web(), "https://example.org/metadata/latest.tar.gz?x=1"
    archive = _downloaded(web, url, tmp_path)
    assert (archive.name, archive.read_text()) == ("latest.tar.gz", "1")
    assert _downloaded(web, url, tmp_path) == archive
    assert web.asked == [url]
    _age(archive.parent)
    assert _downloaded(web, url, tmp_path).read_text() == "2"


def test_files_below_a_url_are_fetched_together(tmp_path: Path) -> None:
    """What came whole is kept for the next run, and takes its place when all of it is there."""
    web, url = Web(), "https://example.org/dump/"
    folder = _downloaded(web, url, tmp_path)
    assert web.asked == ["https://example.org/dump/photos.csv.gz", "https://example.org/dump/taxa.csv.gz"]
    _age(folder)
    web.failing = {"https://example.org/dump/taxa.csv.gz"}
    with pytest.raises(SourceError, match=r"dump/taxa\.csv\.gz: the dump does not come: unreachable: nobody there"):
        _downloaded(web, url, tmp_path)
    assert [(folder / name).read_text() for name in ("photos.csv.gz", "taxa.csv.gz")] == ["1", "2"]
    web.failing = set()
    _downloaded(web, url, tmp_path)
    assert [(folder / name).read_text() for name in ("photos.csv.gz", "taxa.csv.gz")] == ["3", "5"]
    assert sorted(path.name for path in folder.iterdir()) == ["photos.csv.gz", "taxa.csv.gz"]


def test_two_at_once_fetch_a_dump_once(tmp_path: Path) -> None:
    """The second waits for the first, and takes what it brought."""
    web, url, coming = Web(), "https://example.org/latest.tar.gz", Event()

    def fetch(url: str, to: Path) -> None:
        if web.asked:
            coming.set()
        web.fetch(url, to)
        if len(web.asked) == 1:
            second.append(others.submit(downloaded, url, (), home=tmp_path, fetch=fetch, now=utc_now()))
            # Not waited for where all is well; without a lock the second comes here at once.
            coming.wait(0.3)

    second: list[Future[Path]] = []
    with ThreadPoolExecutor(1) as others:
        first = downloaded(url, (), home=tmp_path, fetch=fetch, now=utc_now())
        assert second[0].result() == first
    assert web.asked == [url]
