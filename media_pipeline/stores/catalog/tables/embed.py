"""What stage embed writes: vectors of whole pictures, and of the parts of them that draw the eye."""

from __future__ import annotations

from sqlalchemy import Column, Float, LargeBinary, SmallInteger

from media_pipeline.stores.catalog.tables.schema import facts_of_media, text_column

embeddings = facts_of_media(
    "embeddings",
    text_column("model_version"),
    Column("vector", LargeBinary, nullable=False),
    key=["model_version"],
)

# Where a crop lies is told in shares of the upright picture's width and height: it holds for every size of it.
crop_embeddings = facts_of_media(
    "crop_embeddings",
    text_column("model_version"),
    Column("number", SmallInteger, nullable=False, autoincrement=False),
    Column("x", Float, nullable=False),
    Column("y", Float, nullable=False),
    Column("width", Float, nullable=False),
    Column("height", Float, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    key=["model_version", "number"],
)
