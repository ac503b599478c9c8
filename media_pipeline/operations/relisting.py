"""Ask the sources again, look up what the library holds, or read stored answers again: by hand.

What is not here: what the schedules do by themselves (orchestration/), and how it is done (stages/discover).
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from sqlalchemy import select

from media_pipeline.config import Settings
from media_pipeline.operations.running import partitions_of_sources, partitions_to_ask, run_and_show
from media_pipeline.pipeline import CHECK_LICENCES, RELIST, REPARSE
from media_pipeline.stores import ledger
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.library import Library, open_library


def ask_again(settings: Settings, sources: Sequence[str], console: Console) -> None:
    """Every active subject, at these sources or all that may be asked."""
    with open_library(settings) as library:
        partitions = partitions_to_ask(library, sources, console)
        run_and_show(library, [(RELIST, partition) for partition in partitions], console)


def check(settings: Settings, sources: Sequence[str], console: Console) -> None:
    """Every photo of the library, at its source; then what has changed, in this run and before."""
    with open_library(settings) as library:
        partitions = partitions_to_ask(library, sources, console)
        run_and_show(library, [(CHECK_LICENCES, partition) for partition in partitions], console)
        tell_of_changes(library, console)


def read_again(settings: Settings, sources: Sequence[str], console: Console) -> None:
    """Every stored answer of these sources."""
    partitions = partitions_of_sources(settings, sources)
    with open_library(settings) as library:
        with library.engine.begin() as connection:
            count = ledger.outdate(connection, library.tenant, "source_listings", partitions)
        console.print(f"{count} stored answers are read again")
        run_and_show(library, [(REPARSE, partition) for partition in partitions], console)


def tell_of_changes(library: Library, console: Console) -> None:
    """The latest changes of licence, photos that vanished, and photos that came back."""
    changes, listed = tables.listing_changes.c, tables.source_listings.c
    query = (
        select(changes.what, changes.former, changes.latter, changes.noticed_at, listed.source, listed.source_key)
        .join_from(tables.listing_changes, tables.source_listings)
        .where(changes.tenant == library.tenant)
        .order_by(changes.noticed_at.desc(), listed.source, listed.source_key)
        .limit(MOST_SHOWN)
    )
    with library.engine.connect() as connection:
        rows = connection.execute(query).all()
    if not rows:
        console.print("no licence has changed, and no photo has vanished")
    for row in rows:
        told = f"{row.former} -> {row.latter}" if row.what == "licence" else row.latter or ""
        console.print(f"{row.noticed_at:%Y-%m-%d} {row.what:<9}{row.source} {row.source_key}  {told}", highlight=False)


MOST_SHOWN = 50
