"""Who works on what: PostgreSQL advisory locks, held by the connection on which the work is committed.

A lock that is lost with its connection cannot commit, and `kill -9` of the holder frees it: no lock file or lease to
expire. What is not here: what a lock protects (orchestration/work.py names it).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

APPLICATION = "media-pipeline "


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody else works there: `by` is the run that does."""

    name: str
    by: str


@contextmanager
def holding(engine: Engine, names: Sequence[str], *, holder: str) -> Iterator[Connection | Held]:
    """All the locks, or none: yields the connection that holds them, or who holds the first that was taken.

    Locks are tried in order of name, so that two who want overlapping sets never wait for each other crosswise.
    """
    with engine.connect() as connection:
        # PostgreSQL cuts application names at 63 bytes.
        connection.execute(
            text("select set_config('application_name', :name, false)"), {"name": f"{APPLICATION}{holder}"[:63]}
        )
        try:
            yield _taken(connection, names) or connection
        finally:
            if not connection.invalidated:
                connection.rollback()
                connection.execute(text("select pg_advisory_unlock_all()"))
                connection.commit()


def _taken(connection: Connection, names: Sequence[str]) -> Held | None:
    for name in sorted(names):
        got = connection.scalar(text("select pg_try_advisory_lock(hashtextextended(:name, 0))"), {"name": name})
        if not got:
            by = _holder(connection, name)
            # Before anybody is told: locks of a session outlive a rollback, and others may want those it got.
            connection.execute(text("select pg_advisory_unlock_all()"))
            connection.commit()
            return Held(name, by)
    connection.commit()
    return None


def _holder(connection: Connection, name: str) -> str:
    found = connection.scalar(
        text(
            """
            select a.application_name
            from pg_locks l join pg_stat_activity a using (pid), hashtextextended(:name, 0) as key
            where l.locktype = 'advisory' and l.granted and l.objsubid = 1
              and l.database = (select oid from pg_database where datname = current_database())
              and l.classid = ((key >> 32) & 4294967295)::oid and l.objid = (key & 4294967295)::oid
            """
        ),
        {"name": name},
    )
    return str(found or "a run that has just ended").removeprefix(APPLICATION)
