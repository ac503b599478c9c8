"""What ledger and blobs cost stage examine: photos a second on two cores, end to end and without them.

`python -m media_pipeline_tests.benchmarks.bench_examine_stage [PHOTOS] [TURNS]` makes JPEGs of 2 megapixels of the
photos of MEDIA_TEST_SHARED, each with other bytes, and puts them into a library with an embedded catalog and local
blobs, all of it synced. Then two contenders take turns, each with two new workers:

- pure: `examined` in the pool for bytes that are in memory; what it answers is dropped;
- stage: the loop from its first look at what is due to its last commit, on a library that knows nothing of them yet.

What is lost is told by the clock and by the CPU time of all processes; beside other work only the latter means much.

Not here: Dagster, what the parts of `examined` cost (bench_examine.py), any assertion.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import psutil
from sqlalchemy import delete, insert, text

from media_pipeline.config import Settings
from media_pipeline.orchestration.pool import Workers
from media_pipeline.orchestration.work import Run, work_off
from media_pipeline.records import DERIVED_PREFIX, media_id, public_codes
from media_pipeline.stages.examine.assets import OUTPUTS, work
from media_pipeline.stages.examine.examination import MAKERS, Task, examined
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.library import Library, open_library
from media_pipeline_tests.benchmarks.bench_examine import jpeg, of_size, photos
from media_pipeline_tests.stages.fetch.web import SOURCE, add_rows, listing_row

PHOTOS = 200
DISTINCT = 50
MEGAPIXELS = 2
TURNS = 3
WORKERS = 2

Files = Mapping[UUID, bytes]


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of the clock, and of the CPU: of this process, of its workers, of PostgreSQL."""

    clock: float
    own: float
    workers: float
    server: float

    @property
    def cpu(self) -> float:
        return self.own + self.workers + self.server


def main(count: int, turns: int) -> None:
    ground = Path(tempfile.mkdtemp(prefix="mp-bench-", dir="/tmp"))
    ground.chmod(0o755)
    contenders: dict[str, Callable[[Library, Files], None]] = {"pure": pure, "stage": stage}
    spent: dict[str, list[Spent]] = {name: [] for name in contenders}
    try:
        with open_library(Settings.load(home=ground / "home", workers=WORKERS)) as library:
            files = _filled(library, count)
            for turn in range(turns):
                for name, contender in contenders.items():
                    spent[name].append(_measured(library, files, contender))
                _forget(library)
                print(f"\r{turn + 1} of {turns} turns", end="", flush=True, file=sys.stderr)
    finally:
        shutil.rmtree(ground)
    print(
        f"\n{count} photos of {MEGAPIXELS} MP, {turns} turns; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    print("| way | images/s, best and median | CPU ms for one: workers, this process, PostgreSQL |\n|---|---|---|")
    for name, each in spent.items():
        speeds = [count / turn.clock for turn in each]
        cpu = [1000 * min(getattr(turn, part) for turn in each) / count for part in ("workers", "own", "server")]
        print(
            f"| {name} | {max(speeds):.1f}, {statistics.median(speeds):.1f} | {', '.join(f'{ms:.1f}' for ms in cpu)} |"
        )
    for what in ("clock", "cpu"):
        pairs = zip(spent["pure"], spent["stage"], strict=True)
        lost = ", ".join(f"{100 * (1 - getattr(one, what) / getattr(other, what)):.1f} %" for one, other in pairs)
        print(f"lost to ledger and blobs by the {what}: {lost}")


def pure(library: Library, files: Files) -> None:
    settings = library.settings
    tasks = [Task(item, data, frozenset(MAKERS), settings.max_pixels) for item, data in sorted(files.items())]
    with (
        Workers(WORKERS, memory_mb=settings.item_memory_mb, item_seconds=settings.item_seconds) as workers,
        ThreadPoolExecutor(2 * WORKERS) as threads,
    ):
        workers.start(WORKERS)
        for _ in threads.map(lambda task: workers.run(examined, task), tasks):
            pass


def stage(library: Library, files: Files) -> None:
    report = work_off(work(OUTPUTS), Run(library, "bench", SOURCE))
    assert report.of("derivatives") == {("done", ""): len(files)}, report.outcomes


def _measured(library: Library, files: Files, contender: Callable[[Library, Files], None]) -> Spent:
    before, workers, server, begun = os.times(), _workers_s(), _server_s(library), time.perf_counter()
    contender(library, files)
    clock, after = time.perf_counter() - begun, os.times()
    own = after.user + after.system - before.user - before.system
    return Spent(clock, own, _workers_s() - workers, _server_s(library) - server)


def _workers_s() -> float:
    """Of those that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def _server_s(library: Library) -> float:
    """CPU of the server and of all that it started, also of those that have ended."""
    with library.engine.connect() as catalog:
        server = psutil.Process(catalog.scalar(text("select pg_backend_pid()")) or 0).parent()
    if server is None:
        raise RuntimeError("the server's processes cannot be seen")
    return sum(sum(process.cpu_times()[:4]) for process in (server, *server.children()))


def _filled(library: Library, count: int) -> Files:
    """Originals as if they had been fetched."""
    sources = [jpeg(of_size(photo, MEGAPIXELS)) for photo in photos(min(count, DISTINCT))]
    files, rows = {}, []
    for number in range(count):
        # A comment of its own behind the first marker makes each another file.
        data = sources[number % len(sources)]
        data = data[:2] + b"\xff\xfe\x00\x0a%08d" % number + data[2:]
        digest = sha256(data).hexdigest()
        item = media_id(library.tenant, digest)
        key = f"media/{SOURCE}/{item}/original.jpg"
        library.blobs.put(key, data, content_type="image/jpeg")
        files[item] = data
        rows.append(
            {
                "tenant": library.tenant,
                "media_id": item,
                "sha256": digest,
                "public_code": public_codes(item, "BENCH-")[0],
                "home_source": SOURCE,
                "home_partition": SOURCE,
                "kind": "image",
                "content_type": "image/jpeg",
                "extension": "jpg",
                "size_bytes": len(data),
                "blob_key": key,
            }
        )
    listings = [listing_row(library, f"{number}.jpg") for number in range(count)]
    add_rows(library, listings)
    links = [
        {"tenant": library.tenant, "listing_id": listing["listing_id"], "media_id": row["media_id"]}
        for listing, row in zip(listings, rows, strict=True)
    ]
    with library.engine.begin() as connection:
        connection.execute(insert(tables.media), rows)
        connection.execute(insert(tables.media_links), links)
    return files


def _forget(library: Library) -> None:
    """All that the stage has made."""
    with library.engine.begin() as connection:
        for table in (*OUTPUTS.values(), tables.ledger):
            connection.execute(delete(table))
    for info in library.blobs.list_after(DERIVED_PREFIX, limit=10**9):
        library.blobs.delete(info.key)


if __name__ == "__main__":
    told = [int(number) for number in sys.argv[1:]]
    main(*told, *(PHOTOS, TURNS)[len(told) :])
