"""A library as a value: what is in it, without what may differ between two ways that lead to the same place.

«Identical to an uninterrupted run» means: the same rows in all tables, but for times, run ids, tries and the names of
index generations; the same blobs under the same keys; the same points in the live index.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import inspect, select, text

from media_pipeline.models import model_of
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.tables import SCHEMA
from media_pipeline.stores.library import Library

TIMES = {
    *("finished_at", "retry_at", "received_at", "listed_at", "claimed_at", "linked_at", "published_at", "since"),
    *("checked_at", "vanished_at", "last_seen_at", "noticed_at", "began_at", "changed_at"),
    *("happened_at", "named_at", "reviewed_at"),
}
# When a file was listed is said of its date, where nothing better is.
DATES = {"taken_at", "taken_at_utc"}
LEFT_OUT = {("duplicate_runs", "run_id"), ("ledger", "run_id"), ("ledger", "attempts"), ("index_generations", "name")}

Dump = dict[str, dict[str, Any]]


def dump(library: Library) -> Dump:
    """Tables by name, blobs by key, points by id; all of it of types that compare."""
    return {
        **{f"table {name}": dict(_rows(library, name)) for name in _tables(library)},
        "blobs": dict(_blobs(library)),
        "points": dict(_points(library)),
    }


def differences(found: Dump, wanted: Dump, *, most: int = 12) -> list[str]:
    """What is missing, too much or different, in words."""
    lines = []
    for part in sorted(found.keys() | wanted.keys()):
        ours, theirs = found.get(part, {}), wanted.get(part, {})
        lines += [f"{part}: missing {key}: {theirs[key]}" for key in sorted(theirs.keys() - ours.keys())]
        lines += [f"{part}: too much {key}: {ours[key]}" for key in sorted(ours.keys() - theirs.keys())]
        both = sorted(ours.keys() & theirs.keys())
        lines += [f"{part}: {key} is {ours[key]}, not {theirs[key]}" for key in both if ours[key] != theirs[key]]
    return lines[:most]


def _tables(library: Library) -> list[str]:
    """What the database has, not what the code knows: a table that somebody adds is compared too."""
    return inspect(library.engine).get_table_names(SCHEMA)


def _rows(library: Library, table: str) -> Iterator[tuple[str, int]]:
    """Each row as text, and how often it is there."""
    counts: dict[str, int] = {}
    with library.engine.connect() as connection:
        for row in connection.execute(text(f'select * from {SCHEMA}."{table}"')).mappings():  # noqa: S608
            kept = {
                name: _plain(value)
                for name, value in row.items()
                if name not in TIMES
                and (table, name) not in LEFT_OUT
                and not (table == "metadata" and name in DATES and row["date_provenance"] == "listed_at")
                and not (table == "metadata" and name == "date_candidates")
            }
            told = ", ".join(f"{name}={kept[name]!r}" for name in sorted(kept))
            counts[told] = counts.get(told, 0) + 1
    yield from counts.items()


def _plain(value: object) -> object:
    if isinstance(value, UUID | date):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return hashlib.sha256(value).hexdigest()
    return value


def _blobs(library: Library) -> Iterator[tuple[str, str]]:
    after = ""
    while found := library.blobs.list_after(after=after):
        for blob in found:
            yield blob.key, hashlib.sha256(library.blobs.get(blob.key)).hexdigest()
        after = found[-1].key


def _points(library: Library) -> Iterator[tuple[str, Any]]:
    model = model_of(library.settings)
    pointer = tables.index_generations
    with library.engine.connect() as connection:
        name = connection.scalar(select(pointer.c.name).where(pointer.c.model_version == model.version))
    if name is None:
        return
    reader = library.index.open(model.version, name)
    try:
        for point in reader.scroll(None, 1_000_000):
            numbers = tuple(round(float(number), 6) for number in point.vector)
            said = [(name, value) for name, value in point.payload.items() if name != "created_at"]
            crops = () if point.crops is None else tuple(round(float(number), 6) for number in point.crops.flat)
            yield str(point.id), (sorted(said, key=str), numbers, crops)
    finally:
        reader.close()
