"""What the HTTP client writes: how much was asked of whom, and who is left alone for now.

The one table without a tenant: whoever is asked sees one address and one contact behind all tenants of a catalog, so
that their requests count together. What is not here: how it is read and written (stores/catalog/budgets.py).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, DateTime, Integer, PrimaryKeyConstraint, Table

from media_pipeline.stores.catalog.tables.schema import metadata, text_column

request_budgets = Table(
    "request_budgets",
    metadata,
    # `source:NAME`, `files:NAME` or `host:NAME`.
    text_column("name"),
    # The next request may go then: each that is granted moves it on by one interval.
    Column("free_at", DateTime(timezone=True)),
    # Nothing before then: it asked for a pause, or it failed too often.
    Column("blocked_until", DateTime(timezone=True)),
    # One after the other, with no answer between them.
    Column("failures", Integer, nullable=False),
    # The two below count that day (UTC).
    Column("day", Date),
    Column("requests_today", Integer, nullable=False),
    Column("bytes_today", BigInteger, nullable=False),
    Column("hour", DateTime(timezone=True)),
    Column("bytes_this_hour", BigInteger, nullable=False),
    PrimaryKeyConstraint("name"),
)
