"""What stage group writes: pairs and groups of duplicates."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
)

from media_pipeline.stores.catalog.tables.schema import SCHEMA, metadata, text_column, to_table, uuid_column

similarities = Table(
    "similarities",
    metadata,
    text_column("tenant"),
    uuid_column("media_a"),
    uuid_column("media_b"),
    text_column("tier"),
    Column("phash_distance", SmallInteger, nullable=False),
    Column("cosine", Float, nullable=False),
    text_column("model_version"),
    PrimaryKeyConstraint("tenant", "media_a", "media_b"),
    CheckConstraint("media_a < media_b", name="order"),
    to_table("media", ["media_id"], own=["media_a"], ondelete="CASCADE"),
    to_table("media", ["media_id"], own=["media_b"], ondelete="CASCADE"),
)
duplicate_groups = Table(
    "duplicate_groups",
    metadata,
    text_column("tenant"),
    uuid_column("group_id"),
    text_column("tier"),
    uuid_column("keeper_media_id"),
    text_column("keeper_reason"),
    Column("media_count", Integer, nullable=False),
    Column("file_count", Integer, nullable=False),
    PrimaryKeyConstraint("tenant", "group_id"),
    CheckConstraint("tier in ('exact', 'near')", name="tier"),
    to_table("media", ["media_id"], own=["keeper_media_id"], ondelete="CASCADE"),
)
duplicate_members = Table(
    "duplicate_members",
    metadata,
    text_column("tenant"),
    uuid_column("group_id"),
    uuid_column("media_id"),
    PrimaryKeyConstraint("tenant", "group_id", "media_id"),
    ForeignKeyConstraint(
        ["tenant", "group_id"],
        [f"{SCHEMA}.duplicate_groups.tenant", f"{SCHEMA}.duplicate_groups.group_id"],
        ondelete="CASCADE",
    ),
    to_table("media", ["media_id"], ondelete="CASCADE"),
)
