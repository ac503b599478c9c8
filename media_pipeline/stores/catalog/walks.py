"""Walks: how far each source was asked about each subject, in the catalog.

A walk goes in rounds. In a round its cursor moves from page to page; a page and the cursor behind it are committed
together, so that a run that is killed asks no page twice. What is not here: the requests (orchestration/walks.py), what
an answer says (sources/), what is due (stores/ledger.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from media_pipeline.records import Subject, walk_id
from media_pipeline.stores.catalog.subjects import CONTENT, subject_of
from media_pipeline.stores.catalog.tables import source_pages, source_walks, subjects

BEGINNING = ""
_SUBJECT = [subjects.c[name] for name in CONTENT]


def question(subject: Subject, *, source: str) -> str:
    """What the source is asked about it, in short: another name, id or option at that source asks anew."""
    told = asdict(subject) | {
        "options": subject.options.get(source),
        "source_ids": dict(sorted(subject.source_ids.items())),
        "lists": None,
        "is_rare": None,
        "category": None,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def plan(
    connection: Connection,
    questions: Mapping[str, str],
    *,
    tenant: str,
    source: str,
    partition: str,
    share: int,
    now: datetime,
    relist_after: timedelta | None,
) -> None:
    """A walk for each subject (id -> question); one whose question changed, or whose last round is long ago, begins a
    new round. Another share goes on where the walk stands."""
    rows = [
        {
            "tenant": tenant,
            "walk_id": walk_id(tenant, partition, subject),
            "source": source,
            "partition": partition,
            "subject_id": subject,
            "question": asked,
            "round": 1,
            "share": share,
            "cursor": BEGINNING,
            "page_count": 0,
            "listing_count": 0,
            "began_at": now,
        }
        for subject, asked in questions.items()
    ]
    if not rows:
        return
    statement = insert(source_walks)
    new = statement.excluded
    again = [source_walks.c.question != new.question]
    if relist_after is not None:
        again.append(source_walks.c.finished_at <= now - relist_after)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant", "walk_id"],
            set_={**_anew(now), "question": new.question},
            where=or_(*again),
        ),
        rows,
    )
    mine = and_(source_walks.c.tenant == tenant, source_walks.c.partition == partition, source_walks.c.share != share)
    connection.execute(update(source_walks).where(mine).values(share=share))


def _anew(now: datetime) -> dict[str, Any]:
    return {
        "round": source_walks.c.round + 1,
        "cursor": BEGINNING,
        "page_count": 0,
        "listing_count": 0,
        "began_at": now,
        "finished_at": None,
    }


def read_walk(connection: Connection, tenant: str, walk: UUID) -> tuple[Mapping[str, Any], Subject]:
    """The walk as it stands, and its subject."""
    query = (
        select(source_walks, *(column.label(f"about_{column.name}") for column in _SUBJECT))
        .join(
            subjects,
            and_(subjects.c.tenant == source_walks.c.tenant, subjects.c.subject_id == source_walks.c.subject_id),
        )
        .where(source_walks.c.tenant == tenant, source_walks.c.walk_id == walk)
    )
    row = dict(connection.execute(query).mappings().one())
    return row, subject_of({column.name: row[f"about_{column.name}"] for column in _SUBJECT})


def cursors_of_round(connection: Connection, tenant: str, walk: Mapping[str, Any]) -> set[str]:
    """The cursors that were asked in this round already: to meet one again is to go round in a circle."""
    query = select(source_pages.c.cursor).where(
        source_pages.c.tenant == tenant,
        source_pages.c.partition == walk["partition"],
        source_pages.c.subject_id == walk["subject_id"],
        source_pages.c.round == walk["round"],
    )
    return {cursor for cursor in connection.scalars(query) if cursor is not None}


def step_on(
    connection: Connection,
    tenant: str,
    walk: UUID,
    *,
    cursor: str | None,
    pages: int,
    listings: int,
    finished_at: datetime | None,
) -> None:
    """The walk now stands at `cursor`; at none there is nothing more to ask."""
    connection.execute(
        update(source_walks)
        .where(source_walks.c.tenant == tenant, source_walks.c.walk_id == walk)
        .values(
            cursor=cursor,
            page_count=source_walks.c.page_count + pages,
            listing_count=source_walks.c.listing_count + listings,
            finished_at=finished_at,
        )
    )
