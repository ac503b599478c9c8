"""What a library needs, one function each, that really tries it: writes and reads back, starts and asks.

Each answers what it saw; one that cannot says so by raising. What is not here: the order of trying, and what becomes
of an error (doctor.py).
"""

from __future__ import annotations

import hashlib
import io
import os
import pwd
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from uuid import uuid4

import numpy as np
from pydantic import SecretStr
from sqlalchemy import Engine, inspect, select, text, union
from sqlalchemy.engine import make_url

from media_pipeline.config import Settings
from media_pipeline.environment import unknown_settings
from media_pipeline.errors import BlobCorrupt, BlobError, ConfigError, ItemError, VectorIndexError
from media_pipeline.licences import licence
from media_pipeline.models import model_of, notice
from media_pipeline.operations.trials import count_points, search_two
from media_pipeline.orchestration.partitions import all_partitions
from media_pipeline.orchestration.pool import Workers
from media_pipeline.records import Made
from media_pipeline.stages.discover.subjects import read_yaml
from media_pipeline.stages.examine.examination import Task, examined
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.migrate import current, newest, revisions
from media_pipeline.stores.folder import LocalBlobs
from media_pipeline.stores.index.filters import Eq
from media_pipeline.stores.library import open_catalog, open_index, open_library_blobs, open_uploads
from media_pipeline.stores.texts import text_of_file

GIB: Final = 2**30
BLOCKED_BELOW_GIB: Final = 1
WARNED_BELOW_GIB: Final = 10
# psycopg waits 130 s for a host that drops packets; who asks a doctor is waiting.
CONNECT_S: Final = 5
# The engine maps whole files: its address space is no measure of its memory. Opening copies a generation.
EDGE_MB: Final = 2**20
EDGE_S: Final = 600.0
# A worker is up in .1 s, and in a few on a machine that is busy.
START_S: Final = 20.0
MIGRATE: Final = "media-pipeline migrate"
REBUILD: Final = "media-pipeline index rebuild"
MODEL: Final = "set MEDIA_MODEL to a name of the registry, and MEDIA_MODEL_WEIGHTS to its weights, or unset both"
ABOUT: Final = {"descriptor-512": "no weights: knows looks, not meaning"}
DATABASE_REMEDY: Final = "set MEDIA_DATABASE_URL to a PostgreSQL that answers, or unset it for the embedded one"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was seen."""

    said: str
    state: Literal["ok", "warning", "blocked"] = "ok"
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """The library that is looked at: without an engine where the database does not answer."""

    settings: Settings
    engine: Engine | None = None
    has_tables: bool = False

    @property
    def database(self) -> Engine:
        if self.engine is None:
            raise RuntimeError("asked before the database was opened")
        return self.engine


@dataclass(frozen=True, slots=True)
class Need:
    """One need: how it is tried, what it stands on, and what mends it when trying raises."""

    look: Callable[[Subject], Answer]
    remedy: str
    stands_on: Literal["settings", "database", "tables"] = "settings"


def _settings(_subject: Subject) -> Answer:
    unknown = unknown_settings()
    if not unknown:
        return Answer("loaded")
    said = [f"{name} is no setting" + (f"; {near} is" if near else "") for name, near in unknown.items()]
    renamed = [f"rename {name} to {near}" if near else f"unset {name}" for name, near in unknown.items()]
    return Answer("\n".join(said), "warning", "; ".join(renamed))


def open_database(settings: Settings, stack: ExitStack) -> tuple[Answer, Subject]:
    """Connect, and for the embedded one start it where it does not run; it is left when the stack is closed."""
    begun = time.monotonic()
    engine = stack.enter_context(open_catalog(_impatient(settings)))
    with engine.connect() as connection:
        version = connection.scalar(text("show server_version"))
        has_tables = inspect(connection).has_table(tables.media.name, schema=tables.SCHEMA)
    where = "embedded" if settings.database_url is None else f"at {engine.url.host or 'a socket'}"
    said = f"PostgreSQL {str(version).split()[0]}, {where}, {time.monotonic() - begun:.1f} s"
    return Answer(said), Subject(settings, engine, has_tables)


def _impatient(settings: Settings) -> Settings:
    if settings.database_url is None:
        return settings
    url = make_url(settings.database_url.get_secret_value())
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(CONNECT_S)})
    return settings.model_copy(update={"database_url": SecretStr(url.render_as_string(hide_password=False))})


def database_remedy(settings: Settings) -> str:
    """What to do about a database that does not answer."""
    if settings.database_url is not None:
        return DATABASE_REMEDY
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0 and settings.embedded_user not in {account.pw_name for account in pwd.getpwall()}:
        return "set MEDIA_EMBEDDED_USER to an account of this machine that is not root"
    try:
        pwd.getpwuid(uid)
    except KeyError:  # initdb asks for the name of its user; containers are often run as a number
        line = f"media:x:{uid}:{gid}::/tmp:/bin/sh"
        return f"echo {shlex.quote(line)} >> /etc/passwd, or set MEDIA_DATABASE_URL"
    return "set MEDIA_HOME to a folder on a local disk that can be written, or set MEDIA_DATABASE_URL"


def _migrations(subject: Subject) -> Answer:
    with subject.database.connect() as connection:
        at, needed = current(connection), newest()
    if at == needed:
        return Answer(f"at revision {at}, the newest")
    if at is not None and at not in revisions():
        return Answer(f"at revision {at}, which this version does not know", "blocked", "pip install -U media-pipeline")
    if subject.settings.database_url is None:
        return Answer(f"at revision {at or 'none'}; the next run brings it to {needed}")
    return Answer(f"at revision {at or 'none'}, this version needs {needed}", "blocked", MIGRATE)


def _partitions(subject: Subject) -> Answer:
    columns = (tables.source_pages.c.partition, tables.source_listings.c.partition, tables.media.c.home_partition)
    used = [select(column).where(column.table.c.tenant == subject.settings.tenant) for column in columns]
    with subject.database.connect() as connection:
        found = set(connection.scalars(union(*used)))
    configured = set(all_partitions(subject.settings.shards))
    if lost := sorted(found - configured):
        shown = ", ".join(lost[:8]) + (f" and {len(lost) - 8} more" if len(lost) > 8 else "")
        return Answer(
            f"the catalog holds items of {shown}, which no run would reach: shards were changed afterwards",
            "blocked",
            f"set MEDIA_SHARDS back to what it was when they were listed ({_shards_of(found)})",
        )
    return Answer(f"{len(found)} in the catalog, {len(configured)} configured")


def _shards_of(partitions: set[str]) -> str:
    counts: dict[str, int] = {}
    for partition in partitions:
        source, _, shard = partition.partition("/")
        counts[source] = max(counts.get(source, 1), int(shard) + 1 if shard.isdecimal() else 1)
    return ", ".join(f"{source}: at least {count}" for source, count in sorted(counts.items()))


def _disk_room(subject: Subject) -> Answer:
    home = subject.settings.home_path
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(there).free / GIB
    said = f"{free:.1f} GiB free for {home}"
    remedy = "free some room, or set MEDIA_HOME to a folder on another disk"
    if free < BLOCKED_BELOW_GIB:
        return Answer(said, "blocked", remedy)
    return Answer(said, "warning", remedy) if free < WARNED_BELOW_GIB else Answer(said)


def _blobs(subject: Subject) -> Answer:
    store = open_library_blobs(subject.settings)
    key, data = f"doctor/{uuid4().hex}.txt", os.urandom(64)
    sha256 = hashlib.sha256(data).hexdigest()
    begun = time.monotonic()
    store.put(key, data, content_type="text/plain")
    try:
        if store.get(key, sha256=sha256) != data:
            raise BlobCorrupt(f"{store}: other bytes came back than were written")
    finally:
        store.delete(key)
    if store.head(key) is not None:
        raise BlobError(f"{store}: {key} is still there after it was deleted")
    return Answer(f"{_place(store)}: written, read back and deleted in {time.monotonic() - begun:.2f} s")


def _uploads(subject: Subject) -> Answer:
    store = open_uploads(subject.settings)
    if isinstance(store, LocalBlobs):
        if not store.root.exists():
            make = f"mkdir -p {shlex.quote(str(store.root))}"
            if subject.settings.uploads_url:
                # Somebody named it, so pictures are believed to be there: a misspelt path looks like nothing to do.
                return Answer(f"{store.root} is missing", "blocked", f"correct MEDIA_UPLOADS_URL, or {make}")
            return Answer(f"{store.root} is missing", "warning", make)
        next(store.root.iterdir(), None)  # a listing passes over a folder that cannot be read; this does not
    some = store.list_after(limit=2)
    return Answer(f"{_place(store)}: can be listed" + ("" if some else ", empty so far"))


def _licence(subject: Subject) -> Answer:
    said = subject.settings.uploads_licence
    if not said:
        return Answer("none: everything uploaded counts as not open")
    found = licence(said)
    if found.family == "unknown":
        remedy = "MEDIA_UPLOADS_LICENCE=CC-BY-4.0, or another licence as docs/configuration.md writes them"
        return Answer(f"{said!r} is no licence known here: everything uploaded counts as not open", "warning", remedy)
    return Answer(f"{found.name}, which is {'' if found.is_open else 'not '}open")


def _place(store: object) -> str:
    return str(store.root) if isinstance(store, LocalBlobs) else repr(store)


def _index(subject: Subject) -> Answer:
    settings = subject.settings
    if settings.qdrant_url is not None:
        from qdrant_client.http.exceptions import ApiException

        from media_pipeline.stores.index.server import connect

        key = settings.qdrant_api_key
        with closing(connect(settings.qdrant_url, None if key is None else key.get_secret_value())) as client:
            try:
                return Answer(f"Qdrant {client.info().version} at {settings.qdrant_url}")
            except (ApiException, OSError, ValueError) as error:
                raise VectorIndexError(f"{settings.qdrant_url} does not answer as a Qdrant server: {error}") from error
    folder = settings.home_path / "index"
    folder.mkdir(parents=True, exist_ok=True)
    # Beside the tenants' folders, whose names never begin with a dot.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".doctor-") as scratch:
        try:
            _in_process(search_two, Path(scratch), memory_mb=EDGE_MB, seconds=EDGE_S)
        except (ItemError, VectorIndexError) as error:
            return Answer(str(error).replace(scratch, str(folder)), "blocked", _room_remedy(settings))
    return Answer("Qdrant Edge: two points written, found and removed")


def _room_remedy(settings: Settings) -> str:
    """A full disk is what ends the engine's process, and most often what it complains of when it does not."""
    return f"free room on the disk of {settings.home_path}, or set MEDIA_QDRANT_URL to a Qdrant server that answers"


def _in_process(function: Callable[[Any], Any], argument: Any, *, memory_mb: int, seconds: float) -> Any:
    """What the function answers in a worker; a death of its process becomes an error that says how it died.

    In a thread, because a pool whose workers die while they start is not ended by any time limit of an item.
    """
    with (
        ThreadPoolExecutor(1) as waiting,
        Workers(1, memory_mb=memory_mb, item_seconds=seconds) as workers,
    ):
        workers.start(1)
        try:
            answer = waiting.submit(workers.run, function, argument).result(seconds + START_S)
        except (TimeoutError, BrokenExecutor) as error:
            raise ItemError("worker_died", "no worker process came up; standard error says why") from error
    if isinstance(answer, VectorIndexError):
        raise answer
    return answer


def _generation(subject: Subject) -> Answer:
    settings, pointer = subject.settings, tables.index_generations
    try:
        model = model_of(settings)
    except ConfigError as error:
        return Answer(str(error), "blocked", MODEL)
    query = select(pointer.c.name, pointer.c.point_count).where(
        pointer.c.tenant == settings.tenant, pointer.c.model_version == model.version
    )
    with subject.database.connect() as connection:
        live = connection.execute(query).one_or_none()
    if live is None:
        return Answer(f"{model.version}: nothing is indexed yet")
    if settings.qdrant_url is None:
        root = settings.home_path / "index" / settings.tenant
        try:
            count = _in_process(count_points, (root, model.version, live.name), memory_mb=EDGE_MB, seconds=EDGE_S)
        except ItemError as died:
            return Answer(str(died), "blocked", _room_remedy(settings))
    else:
        with closing(open_index(settings)) as store, closing(store.open(model.version, live.name)) as reader:
            count = reader.count(Eq("tenant", settings.tenant))
    if count != live.point_count:
        return Answer(f"{live.name} holds {count} points, the catalog says {live.point_count}", "blocked", REBUILD)
    return Answer(f"{live.name}: {count} points, as the catalog says")


def _model(subject: Subject) -> Answer:
    settings = subject.settings
    model = model_of(settings)
    length = float(np.linalg.norm(model.embed(_picture())))
    if abs(length - 1) > 1e-3:
        return Answer(f"{model.version} makes vectors of length {length:.3f}", "blocked", "unset MEDIA_MODEL_WEIGHTS")
    return Answer(f"{model.version}: {notice(settings) or ABOUT.get(model.name, model.space)}")


def _workers(subject: Subject) -> Answer:
    settings = subject.settings
    task = Task(uuid4(), _picture(), frozenset({"metadata"}), settings.max_pixels)
    begun = time.monotonic()
    memory_mb, seconds = settings.item_memory_mb, settings.item_seconds
    answer = _in_process(examined, task, memory_mb=memory_mb, seconds=seconds)["metadata"]
    if not isinstance(answer, Made):
        raise RuntimeError(f"a worker could not read a small picture: {answer}")
    spent = time.monotonic() - begun
    return Answer(f"{settings.worker_count} at once; one picture read by one in {spent:.1f} s")


def _picture() -> bytes:
    """A small photograph as good as any: two colours, so that it has looks."""
    from PIL import Image

    picture = Image.new("RGB", (96, 64), "seagreen")
    picture.paste("sienna", (24, 16, 72, 48))
    out = io.BytesIO()
    picture.save(out, "JPEG")
    return out.getvalue()


def _subjects(subject: Subject) -> Answer:
    path = subject.settings.subjects_file
    if path is None:
        return Answer("no file: what `media-pipeline subjects add` says is looked for, and nothing else")
    found, faults = read_yaml(text_of_file(path), name=str(path))
    if faults:
        said = f"{path}: {len(found)} can be read; {len(faults)} faults, the first: {faults[0]}"
        return Answer(said, "warning", SUBJECTS)
    return Answer(f"{path}: {len(found)}")


def _contact(subject: Subject) -> Answer:
    contact = subject.settings.contact.strip()
    if contact:
        return Answer(contact)
    return Answer("none: public sources refuse requests that do not say whose they are", "warning", CONTACT)


SUBJECTS: Final = "mend what media-pipeline subjects list shows"
CONTACT: Final = "MEDIA_CONTACT=an e-mail address or URL of yours"
SETTINGS: Final = Need(_settings, "correct .env, which must be text in UTF-8")
NEEDS: Final[Mapping[str, Need]] = {
    "migrations": Need(_migrations, MIGRATE, "database"),
    "partitions": Need(_partitions, MIGRATE, "tables"),
    "disk room": Need(_disk_room, "set MEDIA_HOME to a folder that can be written"),
    "blobs": Need(_blobs, "set MEDIA_BLOB_URL to a folder or bucket that can be written, and MEDIA_S3_* to its keys"),
    "uploads": Need(_uploads, "set MEDIA_UPLOADS_URL to a folder or bucket that can be listed"),
    "licence": Need(_licence, "unset MEDIA_UPLOADS_LICENCE"),
    "index": Need(_index, "set MEDIA_QDRANT_URL to a Qdrant that answers, or unset it and make MEDIA_HOME writable"),
    "generation": Need(_generation, REBUILD, "tables"),
    "model": Need(_model, MODEL),
    "workers": Need(_workers, "raise MEDIA_ITEM_MEMORY_MB or MEDIA_ITEM_SECONDS"),
    "subjects": Need(_subjects, "mend the file of subjects as docs/subjects.md says"),
    "contact": Need(_contact, CONTACT),
}
"""In the order in which they are shown, behind the settings and the database."""
