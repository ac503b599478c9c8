"""Small steps over the real tables, for tests of the loop: media without files, and work that does as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Table, insert, select

from media_pipeline.orchestration.work import ItemWork, Run
from media_pipeline.records import Made, Result, Results, media_id, public_codes
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.ledger import Due, Output
from media_pipeline.stores.library import Library

HASHES = Output("hashes", "1")
QUALITY = Output("quality", "1", ("hashes",))


def hashes_row(phash: str | None) -> dict[str, object]:
    """One row of the table `hashes`; the loop does not mind that all four are the same."""
    return dict.fromkeys(("phash", "dhash", "ahash", "whash"), phash)


def quality_row(points: float) -> dict[str, object]:
    """One row of the table `quality`."""
    words = {"formula_version": "1", "why": "as a test says"}
    numbers = {"quality_points": points, "mean_brightness": 0.5, "aspect_ratio": 1.5}
    return {**words, **numbers, "components": {}, "histogram": [], "flags": []}


GOOD = {
    "hashes": Made(rows=(hashes_row("0f0f0f0f0f0f0f0f"),)),
    "quality": Made(rows=(quality_row(50.0),)),
}
TABLES: dict[str, Table] = {"hashes": tables.hashes, "quality": tables.quality}


def add_media(library: Library, count: int, *, first: int = 0) -> list[UUID]:
    """So many media, as if they had been fetched; their ids in order."""
    rows, ids = [], []
    for number in range(first, first + count):
        sha256 = f"{number:064x}"
        identity = media_id(library.tenant, sha256)
        ids.append(identity)
        rows.append(
            {
                "tenant": library.tenant,
                "media_id": identity,
                "sha256": sha256,
                "public_code": public_codes(identity, "TEST-")[0],
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
        connection.execute(insert(tables.media), rows)
    return sorted(ids)


def stored_media(run: Run) -> Any:
    media = tables.media
    return (
        select(media.c.media_id.label("item_id"), media.c.home_partition.label("partition"), media.c.blob_key)
        .where(media.c.tenant == run.library.tenant, media.c.home_partition == run.partition)
        .subquery("items")
    )


@dataclass(slots=True)
class Step:
    """A stage of one output. `script` says what becomes of an item at its first, second, … try; then it is good.

    `meanwhile` is called with each item while it is worked on.
    """

    output: Output
    script: dict[UUID, Sequence[Result | BaseException]] = field(default_factory=dict)
    meanwhile: Callable[[UUID], None] = lambda _item: None
    loads: Callable[[Run, Due], Any] | None = None
    worked_on: list[UUID] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def work(self) -> ItemWork:
        return ItemWork(
            outputs={self.output: TABLES[self.output.name]},
            items=stored_media,
            key="media_id",
            load=self._load,
            compute=self._compute,
            place="threads",
        )

    def _load(self, run: Run, due: Due) -> UUID:
        if self.loads is not None:
            self.loads(run, due)
        return due.item_id

    def _compute(self, item: UUID) -> Results:
        with self._lock:
            tries = self.worked_on.count(item)
            self.worked_on.append(item)
        self.meanwhile(item)
        planned = self.script.get(item, ())
        outcome = planned[tries] if tries < len(planned) else GOOD[self.output.name]
        if isinstance(outcome, BaseException):
            raise outcome
        return {self.output.name: outcome}


@dataclass(slots=True)
class Clock:
    """Stands still until it is moved."""

    now: datetime = datetime(2024, 5, 4, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
