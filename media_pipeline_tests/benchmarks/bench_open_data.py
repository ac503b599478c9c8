"""How long a dump of iNaturalist takes to become listings, and how much memory.

`python -m media_pipeline_tests.benchmarks.bench_open_data [PHOTOS]` draws a dump (a million photos unless told), reads
it into an embedded catalog as a run does, and prints a table; each row is a process of its own, so that one peak does
not hide the next. Beside it stand the floor (DuckDB's join alone, of which nothing is kept) and the plain way (the csv
module, dicts for joins, one INSERT of many rows after the other), measured at a twentieth and multiplied. It is no
test: nothing here depends on the clock of a shared machine.
"""

from __future__ import annotations

import csv
import gzip
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from sqlalchemy import func, insert, select, text

from media_pipeline.config import Settings
from media_pipeline.orchestration.work import Run
from media_pipeline.records import Listing
from media_pipeline.sources.inaturalist_open_data import FILES, LICENCES, Row, photos_of
from media_pipeline.stages.discover.assets import read_pages, store_pages
from media_pipeline.stores import dumps, open_data
from media_pipeline.stores.catalog import embedded, listings, tables
from media_pipeline.stores.ledger import utc_now
from media_pipeline.stores.library import Library, embedded_options, open_library

PLAIN_SHARE = 20
INSERTED_AT_A_TIME = 1000
_AS_A_UUID = (
    "substr(md5({0}), 1, 8) || '-' || substr(md5({0}), 9, 4) || '-4' || substr(md5({0}), 14, 3) || '-8'"
    " || substr(md5({0}), 18, 3) || '-' || substr(md5({0}), 21, 12)"
)
# A few observers upload most photos, one observation in four has two; a third of the taxa is not below Fungi.
_DRAWN = {
    "photos": """
        select {p} as photo_uuid, 100000000 + i as photo_id, {o} as observation_uuid, {who} as observer_id,
            case when i % 10 < 7 then 'jpg' else 'jpeg' end as extension,
            ['CC-BY-NC', 'CC-BY-NC', 'CC-BY-NC', 'CC-BY-NC', 'CC-BY-NC', 'CC0', 'CC-BY', 'CC-BY-NC-SA', 'CC-BY-NC-ND',
             'CC-BY'][1 + i % 10] as license,
            1536 as width, 2048 as height, i % 5 as "position"
        from (select i, i * 4 // 5 as seen from range({count}) as drawn(i))
    """,
    "observations": """
        select {o} as observation_uuid, {who} as observer_id, printf('%.10f', seen % 170 - 85 + seen / 1e7) as latitude,
            printf('%.10f', seen % 350 - 175 + seen / 1e7) as longitude, seen % 500 as positional_accuracy,
            1000 + seen * 104729 % 40000 as taxon_id,
            case when seen % 3 = 0 then 'needs_id' else 'research' end as quality_grade,
            (date '2010-01-01' + (seen % 5000)::int)::text as observed_on
        from range({count} * 4 // 5) as drawn(seen)
    """,
    "taxa": """
        select 1000 + i as taxon_id, '48460/47170/' || (500 + i % 400) as ancestry, 10 as rank_level,
            'species' as rank, 'Genus' || i % 400 || ' species' || i as name, 'true' as active
        from range(40000) as drawn(i)
        union all select 500 + i, '48460/47170', 20, 'genus', 'Genus' || i, 'true' from range(400) as drawn(i)
        union all select 47170, '48460', 70, 'kingdom', 'Fungi', 'true'
    """,
    "observers": """
        select 1 + i as observer_id, 'login' || i as login,
            case when i % 3 = 0 then '' else 'Person Number ' || i end as name
        from range(100000) as drawn(i)
    """,
}


def draw(folder: Path, count: int) -> None:
    """A dump of so many photos, all of which are wanted: the dearest case."""
    import duckdb

    words = {
        "p": _AS_A_UUID.format("'p' || i"),
        "o": _AS_A_UUID.format("'o' || seen"),
        "who": "1 + floor(99999 * pow(seen * 7919 % 100000 / 100000, 4))::int",
        "count": count,
    }
    folder.mkdir()
    with duckdb.connect() as duck:
        for table, query in _DRAWN.items():
            path = folder / f"{table}.csv.gz"
            written = r"(format csv, delimiter '\t', header, quote '', escape '', compression gzip)"
            duck.execute(f"copy ({query.format(**words)}) to '{path}' {written}")


@contextmanager
def _library(ground: Path, dump: Path) -> Iterator[Library]:
    """An empty one that looks for fungi."""
    settings = Settings.load(home=ground / "home", inaturalist_dump=str(dump), workers=2)
    try:
        with open_library(settings) as library:
            subject: dict[str, Any] = {
                "tenant": "public",
                "subject_id": "fungi",
                "kind": "taxon",
                "name": "Fungi",
                "synonyms": [],
            }
            subject |= {"lists": [], "is_rare": False, "source_ids": {}, "options": {}, "origin": "file"}
            with library.engine.begin() as catalog:
                catalog.execute(insert(tables.subjects).values(subject | {"is_active": True}))
            yield library
    finally:
        embedded.stop(settings.home_path, options=embedded_options(settings))


def as_a_run(ground: Path, dump: Path) -> int:
    """Both steps of a run, into a catalog that is empty."""
    with _library(ground, dump) as library:
        _CLOCKS.begin(library)
        store_pages(Run(library, "bench", "inaturalist_open_data"))
        read_pages(Run(library, "bench", "inaturalist_open_data"))
        _CLOCKS.end()
        return _count(library)


def read_again(ground: Path, dump: Path) -> int:
    """The same after another parser: every listing is there. Only the second reading is measured."""
    with _library(ground, dump) as library:
        run = Run(library, "bench", "inaturalist_open_data")
        store_pages(run)
        read_pages(run)
        with library.engine.begin() as catalog:
            catalog.execute(
                tables.ledger.update().values(version="old").where(tables.ledger.c.output == "source_listings")
            )
        _CLOCKS.begin(library)
        read_pages(run)
        _CLOCKS.end()
        return _count(library)


def joined(ground: Path, dump: Path) -> int:
    """The floor: DuckDB's join, whose rows are fetched and dropped."""
    opened = dumps.opened(str(dump), FILES, home=ground)
    with open_data.reading(opened, home=ground, threads=2) as found:
        found.find({"fungi": 47170}, licences=LICENCES, known=LICENCES)
        count = sum(len(rows) for rows in found.rows())
        _CLOCKS.end()
        return count


def plainly(ground: Path, dump: Path) -> int:
    """csv, dicts and INSERTs, without a merge: into an empty catalog."""
    with _library(ground, dump) as library:
        run = Run(library, "bench", "inaturalist_open_data")
        store_pages(run)
        with library.engine.begin() as catalog:
            page = catalog.scalars(select(tables.source_pages.c.page_id)).one()
        _CLOCKS.begin(library)
        taxa = {row["taxon_id"]: row for row in _read(dump, "taxa") if "47170" in row["ancestry"].split("/")}
        seen = {row["observation_uuid"]: row for row in _read(dump, "observations") if row["taxon_id"] in taxa}
        people = {row["observer_id"]: row["name"] or row["login"] for row in _read(dump, "observers")}
        waiting: list[dict[str, Any]] = []
        for photo in _read(dump, "photos"):
            if (about := seen.get(photo["observation_uuid"])) is None:
                continue
            taxon = taxa[about["taxon_id"]]["name"]
            row = Row(
                *(photo["photo_id"], photo["observation_uuid"], "fungi", taxon, photo["extension"], photo["license"]),
                *(photo["width"], photo["height"], about["latitude"], about["longitude"]),
                *(about["positional_accuracy"], about["quality_grade"], about["observed_on"]),
                people.get(photo["observer_id"]),
            )
            waiting += [_as_row(found, page) for found in photos_of([row]) if isinstance(found, Listing)]
            if len(waiting) >= INSERTED_AT_A_TIME:
                _insert(library, waiting)
                waiting = []
        _insert(library, waiting)
        _CLOCKS.end()
        return _count(library)


def _read(dump: Path, table: str) -> Iterator[dict[str, str]]:
    with gzip.open(dump / f"{table}.csv.gz", "rt", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def _as_row(found: Listing, page: UUID) -> dict[str, Any]:
    row = listings.row_of(
        found,
        tenant="public",
        partition="inaturalist",
        page=page,
        reported_by="inaturalist_open_data",
        priority=100,
        received_at=utc_now(),
    )
    return {name: row[name] for name in listings.COLUMNS} | {"fallback_urls": list(found.fallback_urls)}


def _insert(library: Library, rows: list[dict[str, Any]]) -> None:
    if rows:
        with library.engine.begin() as catalog:
            catalog.execute(insert(tables.source_listings), rows)


def _count(library: Library) -> int:
    with library.engine.connect() as catalog:
        return catalog.scalar(select(func.count()).select_from(tables.source_listings)) or 0


class _Clocks:
    """Seconds since `begin`: of the wall, and of the CPU of this process and of PostgreSQL's."""

    def begin(self, library: Library | None = None) -> None:
        self._library = library
        self._since = self._now()

    def end(self) -> None:
        self.told = tuple(now - then for now, then in zip(self._now(), self._since, strict=True))

    def _now(self) -> tuple[float, ...]:
        return time.perf_counter(), time.process_time(), 0.0 if self._library is None else _server_s(self._library)


def _server_s(library: Library) -> float:
    """CPU of the server and of all that it started, also of those that have ended."""
    with library.engine.connect() as catalog:
        server = psutil.Process(catalog.scalar(text("select pg_backend_pid()")) or 0).parent()
    if server is None:
        raise RuntimeError("the server's processes cannot be seen")
    return sum(sum(process.cpu_times()[:4]) for process in (server, *server.children()))


_CLOCKS = _Clocks()


WAYS: dict[str, Callable[[Path, Path], int]] = {
    "as a run": as_a_run,
    "read again": read_again,
    "join alone": joined,
    "plainly": plainly,
}


def measured(task: tuple[str, str]) -> tuple[float, float, float, int, int]:
    """Seconds, CPU seconds of this process and of PostgreSQL, MB of this process at the peak, listings."""
    way, dump = task
    # Not below a folder that is closed to others: as root, PostgreSQL runs as somebody else.
    ground = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    ground.chmod(0o755)
    try:
        _CLOCKS.begin()
        count = WAYS[way](ground, Path(dump))
        seconds, own, server = _CLOCKS.told
        return seconds, own, server, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, count
    finally:
        shutil.rmtree(ground)


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    tasks = [("join alone", most), ("as a run", most // 10), ("as a run", most), ("read again", most // 10)]
    tasks.append(("plainly", most // PLAIN_SHARE))
    ground = Path(tempfile.mkdtemp(prefix="dumps-"))
    context = multiprocessing.get_context("spawn")
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("| way | rows | listings | s | own CPU s | PostgreSQL CPU s | peak MB | load |")
    print("|---|---|---|---|---|---|---|---|")
    try:
        for way, photos in tasks:
            dump = ground / str(photos)
            if not dump.is_dir():
                draw(dump, photos)
            with context.Pool(1) as pool:
                seconds, own, server, peak, count = pool.apply(measured, ((way, str(dump)),))
            cells = f"{seconds:.1f} | {own:.1f} | {server:.1f} | {peak} | {os.getloadavg()[0]:.1f}"
            print(f"| {way} | {photos:,} | {count:,} | {cells} |", flush=True)
    finally:
        shutil.rmtree(ground)


if __name__ == "__main__":
    main()
