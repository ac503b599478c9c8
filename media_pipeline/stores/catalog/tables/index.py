"""What stage index writes: the generations of the index, one for each version of a model, and which of them is live."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, PrimaryKeyConstraint, Table, Text, false, text

from media_pipeline.stores.catalog.tables.schema import metadata, now_column, text_column

index_generations = Table(
    "index_generations",
    metadata,
    text_column("tenant"),
    text_column("model_version"),
    text_column("name"),
    Column("point_count", BigInteger, nullable=False),
    # How many points the graph covers, and what the vectors are quantised by: as of the last `index optimise`.
    Column("graph_count", BigInteger, nullable=False, server_default=text("0")),
    Column("quantisation", Text, nullable=False, server_default=text("'none'")),
    # Searches go to it.
    Column("is_live", Boolean, nullable=False, server_default=false()),
    now_column("published_at"),
    PrimaryKeyConstraint("tenant", "model_version"),
)
Index(
    "index_generations_live",
    index_generations.c.tenant,
    unique=True,
    postgresql_where=index_generations.c.is_live,
)
