"""What stage publish writes: how complete the library is."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, PrimaryKeyConstraint, Table

from media_pipeline.stores.catalog.tables.schema import metadata, now_column, text_column

coverage = Table(
    "coverage",
    metadata,
    text_column("tenant"),
    text_column("source"),
    text_column("field"),
    text_column("status"),
    text_column("reason"),
    Column("item_count", BigInteger, nullable=False),
    text_column("closed_by"),
    now_column("since"),
    PrimaryKeyConstraint("tenant", "source", "field", "status", "reason"),
    CheckConstraint("status in ('done', 'not_applicable', 'never_ran', 'failed', 'dead', 'stale')", name="status"),
)
