"""The ledger: one row for each item at each output. What is not here: how it is read (stores/ledger.py)."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, DateTime, Index, PrimaryKeyConstraint, SmallInteger, Table

from media_pipeline.stores.catalog.tables.schema import metadata, now_column, text_column, uuid_column

ledger = Table(
    "ledger",
    metadata,
    text_column("tenant"),
    text_column("output"),
    uuid_column("item_id"),
    text_column("partition"),
    text_column("version"),
    text_column("inputs"),
    text_column("status"),
    text_column("reason", nullable=True),
    text_column("detail", nullable=True),
    Column("attempts", SmallInteger, nullable=False),
    Column("retry_at", DateTime(timezone=True)),
    text_column("run_id"),
    now_column("finished_at"),
    PrimaryKeyConstraint("tenant", "output", "item_id"),
    CheckConstraint("status in ('done', 'not_applicable', 'failed', 'dead')", name="status"),
    CheckConstraint("(status = 'done') = (reason is null)", name="reason"),
)
Index("ledger_by_status", ledger.c.tenant, ledger.c.output, ledger.c.status, ledger.c.reason)
