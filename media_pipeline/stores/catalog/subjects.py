"""The table `subjects`: the only code that writes it. A row is the file's or a command's, and none is ever deleted.

A subject that is looked for no longer is inactive: its walks and photos stay, and so does what is known of it. What is
not here: how subjects are written by people (stages/discover/subjects.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from sqlalchemy import Connection, func, select, text, union, update
from sqlalchemy.dialects.postgresql import insert

from media_pipeline.errors import ConfigError
from media_pipeline.records import Subject
from media_pipeline.stores.catalog.tables import media_links, source_listings, source_observations
from media_pipeline.stores.catalog.tables import subjects as table

Origin = Literal["file", "command"]
CONTENT = tuple(field.name for field in fields(Subject))
OWNED_BY_FILE = "is a row of the file of subjects (MEDIA_SUBJECTS_PATH): change it there"


@dataclass(frozen=True, slots=True)
class Written:
    """How many rows are new, how many have changed, how many are no longer looked for; and which belong to the file."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    refused: tuple[str, ...] = ()

    @property
    def items(self) -> int:
        return self.added + self.changed + self.removed


@dataclass(frozen=True, slots=True)
class Standing:
    """One subject, whose row it is, and how many distinct files were accepted for it."""

    subject: Subject
    origin: str
    media_count: int


def sync_file(
    connection: Connection, tenant: str, subjects: Iterable[Subject], *, kept: Collection[str] = ()
) -> Written:
    """The file's rows are these from now on; what is as it was is not written. `kept` are rows that cannot be read
    today, and stay as they were. A row of a command that the file names too is the file's."""
    former = _locked(connection, tenant)
    wanted = {subject.subject_id: _row(tenant, subject, origin="file") for subject in subjects}
    added, changed = _put(connection, former, wanted)
    gone = [
        name
        for name, row in former.items()
        if row["origin"] == "file" and row["is_active"] and name not in wanted and name not in kept
    ]
    _deactivate(connection, tenant, gone)
    return Written(added, changed, len(gone))


def add_all(connection: Connection, tenant: str, subjects: Iterable[Subject]) -> Written:
    """Rows of a command, new or changed; those that the file owns are refused, and the others are written."""
    former = _locked(connection, tenant)
    wanted = {subject.subject_id: _row(tenant, subject, origin="command") for subject in subjects}
    refused = tuple(name for name in wanted if _is_of_file(former.get(name)))
    added, changed = _put(connection, former, {name: row for name, row in wanted.items() if name not in refused})
    return Written(added, changed, refused=refused)


def add(connection: Connection, tenant: str, subject: Subject) -> Written:
    """One row of a command; a ConfigError for one that the file owns."""
    written = add_all(connection, tenant, [subject])
    if written.refused:
        raise ConfigError(f"subject {subject.subject_id} {OWNED_BY_FILE}")
    return written


def deactivate(connection: Connection, tenant: str, subject_id: str) -> bool:
    """Look for it no longer; whether it was looked for. A ConfigError for one that is unknown, or the file's."""
    row = _locked(connection, tenant).get(subject_id)
    if row is None:
        raise ConfigError(f"there is no subject {subject_id}: `media-pipeline subjects list` shows them")
    if _is_of_file(row):
        raise ConfigError(f"subject {subject_id} {OWNED_BY_FILE}")
    _deactivate(connection, tenant, [subject_id] if row["is_active"] else [])
    return bool(row["is_active"])


def all_subjects(connection: Connection, tenant: str, *, only_active: bool = True) -> list[Subject]:
    """In the order of their ids."""
    query = select(*(table.c[name] for name in CONTENT)).where(table.c.tenant == tenant).order_by(table.c.subject_id)
    return [_subject(row) for row in connection.execute(query.where(table.c.is_active) if only_active else query)]


def standings(connection: Connection, tenant: str) -> list[Standing]:
    """The active subjects, each with its accepted files, which may be none."""
    listed, observed = (
        select(found.c.tenant, found.c.listing_id, found.c.subject_id).where(found.c.tenant == tenant)
        for found in (source_listings, source_observations)
    )
    shown = union(listed, observed).subquery()
    counted = (
        select(shown.c.subject_id, func.count(media_links.c.media_id.distinct()).label("media_count"))
        .join(media_links, (media_links.c.tenant == shown.c.tenant) & (media_links.c.listing_id == shown.c.listing_id))
        .group_by(shown.c.subject_id)
        .subquery()
    )
    query = (
        select(*(table.c[name] for name in CONTENT), table.c.origin, func.coalesce(counted.c.media_count, 0).label("n"))
        .outerjoin(counted, counted.c.subject_id == table.c.subject_id)
        .where(table.c.tenant == tenant, table.c.is_active)
        .order_by(table.c.subject_id)
    )
    return [Standing(_subject(row), row.origin, row.n) for row in connection.execute(query)]


def _locked(connection: Connection, tenant: str) -> dict[str, Mapping[str, Any]]:
    """All rows, until the end of the transaction nobody else's to change: two runs may read one file at once."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"{tenant}/rows of subjects"}
    )
    query = select(*(table.c[name] for name in ("tenant", *CONTENT, "origin", "is_active")))
    rows = connection.execute(query.where(table.c.tenant == tenant)).mappings()
    return {row["subject_id"]: dict(row) for row in rows}


def _is_of_file(row: Mapping[str, Any] | None) -> bool:
    """One that left the file is nobody's."""
    return row is not None and row["origin"] == "file" and row["is_active"]


def _row(tenant: str, subject: Subject, *, origin: Origin) -> dict[str, Any]:
    content = {name: getattr(subject, name) for name in CONTENT}
    lists = {name: list(value) for name, value in content.items() if isinstance(value, tuple)}
    return {"tenant": tenant, **content, **lists, "origin": origin, "is_active": True}


def _subject(row: Any) -> Subject:
    content: dict[str, Any] = {name: getattr(row, name) for name in CONTENT}
    return Subject(**content | {name: tuple(value) for name, value in content.items() if isinstance(value, list)})


def _put(
    connection: Connection, former: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]
) -> tuple[int, int]:
    """How many are new, how many were otherwise; the rest is not touched, and keeps the time of its change."""
    different = [dict(row) for name, row in wanted.items() if former.get(name) != row]
    if different:
        statement = insert(table)
        fresh = {name: statement.excluded[name] for name in (*CONTENT, "origin", "is_active") if name != "subject_id"}
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["tenant", "subject_id"], set_=fresh | {"changed_at": func.now()}
            ),
            different,
        )
    added = sum(row["subject_id"] not in former for row in different)
    return added, len(different) - added


def _deactivate(connection: Connection, tenant: str, names: Collection[str]) -> None:
    if names:
        these = (table.c.tenant == tenant) & (table.c.subject_id == func.any(list(names)))
        connection.execute(update(table).where(these).values(is_active=False, changed_at=func.now()))
