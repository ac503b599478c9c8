"""What people do with anomalies: look at the queue, say of one that it was seen, or that it is none.

What is not here: how they are scored (stages/flag), their rows (stores/catalog/anomaly_rows.py).
"""

from __future__ import annotations

from typing import get_args
from uuid import UUID

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, or_, select

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError
from media_pipeline.stores.catalog import anomaly_rows, tables
from media_pipeline.stores.catalog.anomaly_rows import State
from media_pipeline.stores.library import open_library


def list_anomalies(settings: Settings, console: Console, *, state: str, limit: int) -> None:
    """The oddest first, each with its reason and what is nearest to it."""
    with open_library(settings) as library, library.engine.connect() as connection:
        found = anomaly_rows.queue(connection, library.tenant, state=_state(state), limit=limit)
        near = {UUID(one["media_id"]): "" for anomaly in found for one in anomaly.neighbours[:2]}
        codes = _codes(connection, library.tenant, list(near))
        scored = connection.scalar(
            select(tables.anomalies.c.media_id).where(tables.anomalies.c.tenant == library.tenant)
        )
    if not found:
        told = f"no {state} anomalies" if scored is not None else "nothing was scored yet: media-pipeline run"
        console.print(told, highlight=False)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("media", no_wrap=True)
    table.add_column("score", justify="right")
    table.add_column("why", overflow="fold")
    table.add_column("nearest", overflow="fold")
    for anomaly in found:
        nearest = ", ".join(
            f"{codes.get(UUID(one['media_id']), one['media_id'])} {one['cosine']:.2f}" for one in anomaly.neighbours[:2]
        )
        table.add_row(Text(anomaly.public_code), f"{anomaly.score:.1f}", Text(anomaly.reason), Text(nearest))
    console.print(table)


def mark(settings: Settings, media: str, *, state: str, note: str | None) -> str:
    """Say of one, by its id or public code, what it is; it stays said when everything is scored again."""
    wanted = _state(state)
    with open_library(settings) as library, library.engine.begin() as connection:
        one = _media(connection, library.tenant, media)
        anomaly_rows.review(connection, library.tenant, one, state=wanted, note=note)
    return f"{media}: {wanted}"


def _state(told: str) -> State:
    for state in get_args(State):
        if told == state:
            found: State = state
            return found
    raise ConfigError(f"state {told!r}: there are {', '.join(get_args(State))}")


def _media(connection: Connection, tenant: str, told: str) -> UUID:
    media = tables.media
    try:
        wanted = or_(media.c.public_code == told, media.c.media_id == UUID(told))
    except ValueError:
        wanted = media.c.public_code == told
    found = connection.scalar(select(media.c.media_id).where(media.c.tenant == tenant, wanted))
    if found is None:
        raise ConfigError(f"no media {told!r}: `media-pipeline anomalies list` shows public codes")
    return UUID(str(found))


def _codes(connection: Connection, tenant: str, ids: list[UUID]) -> dict[UUID, str]:
    media = tables.media
    query = select(media.c.media_id, media.c.public_code).where(media.c.tenant == tenant, media.c.media_id.in_(ids))
    return {row.media_id: row.public_code for row in connection.execute(query)}
