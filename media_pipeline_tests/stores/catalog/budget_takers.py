"""Processes that take turns of one budget, each with a clock of its own that nobody has to wait for.

They live apart from the tests because a spawned process imports the module of its function.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from multiprocessing.queues import SimpleQueue

from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from media_pipeline.stores.catalog.budgets import Claim, Refused, reserve


def take_until(
    url: str, claims: tuple[Claim, ...], begin: datetime, end: datetime, taken: SimpleQueue[list[datetime]]
) -> None:
    """Asks for one turn after the other, waits for each on its own clock, and stops at `end` or a refusal."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    now, turns = begin, []
    # A process that starts when others have taken everything finds turns ahead of its clock as far as `end`: with less
    # patience it would take them for those of a clock that had jumped, and begin anew.
    patience_s = 2 * (end - begin).total_seconds()
    while now < end:
        told = reserve(engine, claims, patience_s=patience_s, now=now)
        if isinstance(told, Refused):
            break
        now += timedelta(seconds=told.wait_s)
        turns.append(now)
    engine.dispose()
    taken.put(turns)
