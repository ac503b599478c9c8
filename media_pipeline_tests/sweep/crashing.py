"""A run of the whole pipeline that is killed where its plan says: what a process does that tests start.

The product has no places made for failing. The library that the run works on is wrapped: blobs, index and the engine's
events tell a `Trap` what happens, which counts it and strikes at the chosen time. The same wrapping, with nothing to
strike, counts what uninterrupted runs do. What is not here: which plans there are, and what must come of them
(test_crashes.py).
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast
from uuid import UUID

import dagster as dg
import psutil
from sqlalchemy import Connection, Engine, event

from media_pipeline.config import Settings
from media_pipeline.definitions import build_definitions
from media_pipeline.stores.blobs import Blobs
from media_pipeline.stores.index.interface import IndexStore, VectorIndex, VectorReader
from media_pipeline.stores.index.points import Point
from media_pipeline.stores.library import Library, open_library

BATCH_SIZE = 25
CLAIM = "INSERT INTO media.media "
UNPACKED = tuple(f"INSERT INTO media.{table} " for table in ("videos", "shots", "video_frames", "audio_waveforms"))

Victim = Literal["nobody", "worker", "step", "group", "house"]
"""Who is killed. step: the process of the run. group: it and its workers at once. house: the database as well."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to kill, at which times a point is reached (or how long after the start), and how much later."""

    victim: Victim
    point: str = ""
    times: tuple[int, ...] = ()
    delay_s: float = 0.0


def settings_of(home: Path, uploads: Path) -> Settings:
    """An installation with its own embedded database, which syncs to disk as it would for people."""
    return Settings.load(
        home=home,
        uploads_url=f"file:{uploads}",
        workers=2,
        batch_size=BATCH_SIZE,
        retry_backoff_s=0,
        embedded_fsync=True,
    )


class Trap:
    """Counts what happens, writes it down where it outlives the process, and strikes when the plan says."""

    def __init__(self, plan: Plan, *, diary: Path, home: Path) -> None:
        self._plan = plan
        self._home = home
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._owed = 0
        self._diary = os.open(diary, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        if plan.point == "time":
            self._strike_later()

    def reached(self, point: str) -> None:
        os.write(self._diary, f"{point}\n".encode())
        with self._lock:
            self._seen[point] += 1
            due = point == self._plan.point and self._seen[point] in self._plan.times
            if self._plan.victim == "worker":
                # No worker may be alive yet, or the last just have been killed: the next event finds one.
                self._owed += due
                if self._owed and _kill_a_worker(random.Random(self._seen[point])):
                    self._owed -= 1
                    os.write(self._diary, b"worker killed\n")
                return
        if due and self._plan.delay_s:
            self._strike_later()
        elif due:
            self._strike()

    def _strike_later(self) -> None:
        def wait() -> None:
            time.sleep(self._plan.delay_s)
            self._strike()

        threading.Thread(target=wait, daemon=True).start()

    def _strike(self) -> None:
        if self._plan.victim == "worker":
            with self._lock:
                self._owed += 1
        if self._plan.victim == "house":
            kill_database(self._home)
        if self._plan.victim in ("group", "house"):
            os.killpg(os.getpgid(0), signal.SIGKILL)
        if self._plan.victim == "step":
            os.kill(os.getpid(), signal.SIGKILL)


def _kill_a_worker(fate: random.Random) -> bool:
    with suppress(psutil.Error):
        workers = [child for child in psutil.Process().children() if "serve(**told)" in " ".join(child.cmdline())]
        if workers:
            fate.choice(workers).kill()
            return True
    return False


def kill_database(home: Path) -> None:
    """Its postmaster first, so that it sees nothing and tidies nothing up."""
    data = str((home / "postgres").resolve() / "data")
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() == "postgres" and data in process.cmdline():
                backends = process.children(recursive=True)
                process.kill()
                for backend in backends:
                    with suppress(psutil.Error):
                        backend.kill()


class _WatchedBlobs:
    def __init__(self, blobs: Blobs, trap: Trap, *, read: str) -> None:
        self._blobs, self._trap, self._read = blobs, trap, read

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def get(self, key: str, *, sha256: str | None = None) -> bytes:
        self._trap.reached(self._read.format(Path(key).stem))
        return self._blobs.get(key, sha256=sha256)

    def get_to_file(self, key: str, path: Path) -> str:
        self._trap.reached(self._read.format(Path(key).stem))
        return self._blobs.get_to_file(key, path)

    def put_file_if_absent(self, key: str, path: Path, *, content_type: str) -> bool:
        self._trap.reached("blob put")
        written = self._blobs.put_file_if_absent(key, path, content_type=content_type)
        if written:
            self._trap.reached("blob written")
        return written

    def put_if_absent(self, key: str, data: bytes, *, content_type: str) -> bool:
        # An original that is put from memory was unpacked; fetch puts files.
        kind = "page" if key.startswith("pages/") else "unpacked" if "/original." in key else "blob"
        self._trap.reached(f"{kind} put")
        written = self._blobs.put_if_absent(key, data, content_type=content_type)
        if written:
            self._trap.reached(f"{kind} written")
        return written


class _WatchedIndex:
    def __init__(self, index: VectorIndex, trap: Trap) -> None:
        self._index, self._trap = index, trap

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    def upsert(self, points: Iterable[Point]) -> None:
        self._index.upsert(self._told(points))
        self._trap.reached("points upserted")

    def delete(self, ids: Iterable[UUID]) -> None:
        self._index.delete(ids)
        self._trap.reached("points deleted")

    def flush(self) -> None:
        self._index.flush()
        self._trap.reached("index flushed")

    def _told(self, points: Iterable[Point]) -> Iterator[Point]:
        for point in points:
            self._trap.reached("point")
            yield point


class _WatchedStore:
    def __init__(self, store: IndexStore, trap: Trap) -> None:
        self._store, self._trap = store, trap

    @contextmanager
    def append(self, collection: str, live: str | None, *, dims: int) -> Iterator[VectorIndex]:
        self._trap.reached("index append")
        with self._store.append(collection, live, dims=dims) as index:
            yield cast(VectorIndex, _WatchedIndex(index, self._trap))
        self._trap.reached("index sealed")

    def open(self, collection: str, name: str) -> VectorReader:
        return self._store.open(collection, name)

    def sweep(self, collection: str, keep: Collection[str]) -> tuple[str, ...]:
        self._trap.reached("index published")
        return self._store.sweep(collection, keep)

    def drop(self, collection: str, tenant: str) -> None:
        self._store.drop(collection, tenant)

    def point_alias(self, alias: str, collection: str) -> None:
        self._store.point_alias(alias, collection)

    def close(self) -> None:
        self._store.close()


def watched(library: Library, trap: Trap) -> Library:
    """The same library; the trap is told of what is done with it."""
    _watch_transactions(library.engine, trap)
    return replace(
        library,
        blobs=cast(Blobs, _WatchedBlobs(library.blobs, trap, read="read {}")),
        bucket=cast(Blobs, _WatchedBlobs(library.bucket, trap, read="read upload")),
        index=_WatchedStore(library.index, trap),
    )


def _watch_transactions(engine: Engine, trap: Trap) -> None:
    """Tell of each claim of a file, or of a picture that was unpacked, when it is done: it is a transaction by itself,
    without a commit. Of each statement that writes a batch, and of each commit by what was written: a batch, one of
    what was unpacked, nothing."""

    def about_to_execute(connection: Connection, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")) and not statement.startswith(CLAIM):
            is_unpacked = statement.startswith(UNPACKED) or connection.info.get("written") == "unpacked"
            connection.info["written"] = "unpacked" if is_unpacked else "batch"
            trap.reached("unpacked statement" if is_unpacked else "statement")

    def executed(_connection: Connection, _cursor: object, statement: str, parameters: Any, *_more: object) -> None:
        if statement.startswith(CLAIM):
            trap.reached("claimed" if parameters["parent_media_id"] is None else "unpacked claimed")

    def about_to_commit(connection: Connection) -> None:
        trap.reached(f"{connection.info.pop('written', 'empty')} commit")

    event.listen(engine, "before_cursor_execute", about_to_execute)
    event.listen(engine, "after_cursor_execute", executed)
    event.listen(engine, "commit", about_to_commit)


def walk(library: Library) -> None:
    """Every stage, in one Dagster run."""
    definitions = build_definitions(settings=library.settings)
    resources: Mapping[str, Any] = {**(definitions.resources or {}), "library": library}
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize(
            list(cast(Iterable[dg.AssetsDefinition], definitions.assets)),
            resources=resources,
            partition_key="uploads",
            instance=instance,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    assert done.success


def counts(diary: Path) -> Counter[str]:
    """What was written down, by whatever processes; a last line that a kill cut short does not count."""
    return Counter(diary.read_text().split("\n")[:-1])


def main(home: Path, uploads: Path, plan: Plan) -> None:
    """What a process that is to be killed does: a session of its own, and in it one run."""
    os.setsid()
    with open_library(settings_of(home, uploads)) as library:
        walk(watched(library, Trap(plan, diary=home / "diary", home=home)))
