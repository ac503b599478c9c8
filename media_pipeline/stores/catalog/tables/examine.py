"""What stage examine writes: facts about each file."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Float, Integer, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB

from media_pipeline.stores.catalog.tables.schema import facts_of_media, text_column

media_metadata = facts_of_media(
    "metadata",
    text_column("format"),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("orientation", SmallInteger, nullable=False),
    text_column("color_mode"),
    Column("frame_count", Integer, nullable=False),
    Column("taken_at", DateTime(timezone=False)),
    text_column("camera_make", nullable=True),
    text_column("camera_model", nullable=True),
    Column("latitude", Float),
    Column("longitude", Float),
)
hashes = facts_of_media("hashes", text_column("phash"))
quality = facts_of_media(
    "quality", Column("quality_points", Float, nullable=False), Column("components", JSONB, nullable=False)
)
derivatives = facts_of_media(
    "derivatives",
    text_column("name"),
    text_column("blob_key"),
    text_column("content_type"),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    text_column("sha256"),
    key=["name"],
)
