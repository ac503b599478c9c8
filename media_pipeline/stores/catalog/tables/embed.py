"""What stage embed writes: vectors."""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary

from media_pipeline.stores.catalog.tables.schema import facts_of_media, text_column

embeddings = facts_of_media(
    "embeddings",
    text_column("model_version"),
    Column("vector", LargeBinary, nullable=False),
    key=["model_version"],
)
