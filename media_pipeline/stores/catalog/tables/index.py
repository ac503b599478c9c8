"""What stage index writes: which generation of the index is live."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, Table

from media_pipeline.stores.catalog.tables.schema import metadata, now_column, text_column

index_generations = Table(
    "index_generations",
    metadata,
    text_column("tenant"),
    text_column("model_version"),
    text_column("name"),
    Column("point_count", BigInteger, nullable=False),
    now_column("published_at"),
    PrimaryKeyConstraint("tenant", "model_version"),
)
