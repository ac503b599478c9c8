"""Listings that a dump may tell of again: which they are, and that those which it told of are gone from it.

A dump is all there is of a source on its day: what it told of before and does not hold any more has vanished by then.
What is not here: what a dump tells (listings.py), its files and their join (stores/open_data.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from media_pipeline.records import listing_id
from media_pipeline.stores.catalog import listings, tables

# A source's own word goes before a dump's, whatever the dump holds; and who has vanished may be back.
_KEYS: Final = """
copy (
    select source_key, (reported_by = %(teller)s and vanished_at is null)::int from media.source_listings
    where tenant = %(tenant)s and source = %(source)s and edition = '' and reported_by <> source
) to stdout
"""


def known_keys(connection: Connection, tenant: str, *, source: str, teller: str) -> Iterator[bytes]:
    """Lines of (key, 1 where this teller was the last to tell of it, else 0), in pieces."""
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("the connection is closed")
    with (
        driver.cursor() as cursor,
        cursor.copy(_KEYS, {"tenant": tenant, "source": source, "teller": teller}) as told,
    ):
        for piece in told:
            yield bytes(piece)


def mark_missing(
    connection: Connection, tenant: str, keys: Sequence[str], *, source: str, teller: str, day: datetime
) -> int:
    """These are not in the dump of that day; how many of them nobody has told of since."""
    listed = tables.source_listings
    unseen = connection.scalars(
        select(listed.c.listing_id)
        .where(
            listed.c.tenant == tenant,
            listed.c.listing_id.in_([listing_id(tenant, source, key, "") for key in keys]),
            listed.c.reported_by == teller,
            listed.c.checked_at < day,
            listed.c.vanished_at.is_(None),
        )
        .with_for_update()
    ).all()
    listings.mark_vanished(connection, tenant, dict.fromkeys(unseen, "not in the dump"), now=day)
    return len(unseen)
