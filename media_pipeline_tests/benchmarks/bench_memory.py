"""How much memory the loop over the ledger needs, and how fast it is when the items cost nothing.

`python -m media_pipeline_tests.benchmarks.bench_memory [ITEMS]` makes a library of so many media on an embedded
database, lets two stages of trivial work run over them, one behind the other, and prints the process's memory on the
way. The second stage has the first as its upstream, so that its queries join the ledger twice. It is no test: nothing
here depends on the clock of a shared machine.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from sqlalchemy import insert, select

from media_pipeline.config import Settings
from media_pipeline.orchestration.work import ItemWork, Run, work_off
from media_pipeline.records import Made, Results, media_id, public_codes
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.ledger import Due, Output
from media_pipeline.stores.library import Library, open_library
from media_pipeline_tests.orchestration.steps import hashes_row, quality_row

ITEMS = 20_000
FIRST = 1_000
LEAVE_MB = 50
HASHES = Output("hashes", "bench")
QUALITY = Output("quality", "bench", ("hashes",))


@dataclass(slots=True)
class Watch:
    """Notes memory and speed after the first thousand items, and then whenever their number has doubled."""

    items: int = 0
    next: int = FIRST
    begun: float = field(default_factory=time.monotonic)
    rows: list[tuple[int, float, float]] = field(default_factory=list)

    def begin(self, step: str, total: int) -> None:
        print(f"{step}: {total} items\n   items   RSS MB   items/s so far")

    def advance(self, _step: str, done: int) -> None:
        self.items += done
        if self.items >= self.next:
            self.next *= 2
            self.note()

    def end(self, _step: str) -> None:
        self.note()

    def note(self) -> None:
        memory = psutil.Process().memory_info().rss / 2**20
        speed = self.items / (time.monotonic() - self.begun)
        self.rows.append((self.items, memory, speed))
        print(f"{self.items:8} {memory:8.1f} {speed:9.0f}", flush=True)


def _media(run: Run) -> Any:
    media = tables.media
    return (
        select(media.c.media_id.label("item_id"), media.c.home_partition.label("partition"), media.c.sha256)
        .where(media.c.tenant == run.library.tenant, media.c.home_partition == run.partition)
        .subquery("items")
    )


def _load(_run: Run, due: Due) -> UUID:
    return due.item_id


def hashed(item: UUID) -> Results:
    return {HASHES.name: Made(rows=(hashes_row(item.hex[:16]),))}


def scored(item: UUID) -> Results:
    return {QUALITY.name: Made(rows=(quality_row(item.int % 100),))}


def fill(library: Library, count: int) -> None:
    """So many media, as if they had been fetched."""
    rows = []
    for number in range(count):
        sha256 = f"{number:064x}"
        identity = media_id(library.tenant, sha256)
        rows.append(
            {
                "tenant": library.tenant,
                "media_id": identity,
                "sha256": sha256,
                "public_code": public_codes(identity, "BENCH-")[0],
                "home_source": "uploads",
                "home_partition": "uploads",
                "kind": "image",
                "content_type": "image/jpeg",
                "extension": "jpg",
                "size_bytes": 1,
                "blob_key": f"media/uploads/{identity}/original.jpg",
            }
        )
    with library.engine.begin() as connection:
        for start in range(0, count, 5_000):
            connection.execute(insert(tables.media), rows[start : start + 5_000])


def main(count: int) -> None:
    ground = Path(tempfile.mkdtemp(prefix="mp-bench-", dir="/tmp"))
    ground.chmod(0o755)
    try:
        with open_library(Settings.load(home=ground / "home", workers=2)) as library:
            fill(library, count)
            grown = []
            for output, table, compute in ((HASHES, tables.hashes, hashed), (QUALITY, tables.quality, scored)):
                watch = Watch()
                work = ItemWork({output: table}, _media, "media_id", _load, compute, place="threads")
                work_off(work, Run(library, f"bench-{output.name}", "uploads", watch))
                grown.append(watch.rows[-1][1] - watch.rows[0][1])
            verdict = "good" if max(grown) < LEAVE_MB else "TOO MUCH"
            print(f"grown by {max(grown):.1f} MB from the first {FIRST} items to the last: {verdict}")
    finally:
        shutil.rmtree(ground)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS)
