"""The tables of schema `media`, one paragraph per owner: the stage that alone writes them.

Every table carries `tenant`, and every foreign key too, so that no row of one tenant can point into another's.
What is not here: how they come to be (migrations/), the views people query (migrations/), how the ledger is read
(stores/ledger.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA = "media"

NAMING = {
    "ix": "%(table_name)s_%(column_0_N_name)s",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}

metadata = MetaData(schema=SCHEMA, naming_convention=NAMING)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _uuid(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, Uuid, nullable=nullable)


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def _to(table: str, columns: Sequence[str], *, own: Sequence[str] | None = None) -> ForeignKeyConstraint:
    """A foreign key that names the tenant too."""
    return ForeignKeyConstraint(
        ["tenant", *(own or columns)], [f"{SCHEMA}.{table}.{column}" for column in ("tenant", *columns)]
    )


def _of_media(table: str, *columns: Column[Any], key: Sequence[str] = ()) -> Table:
    """A table of facts about media: gone with its media."""
    return Table(
        table,
        metadata,
        _text("tenant"),
        _uuid("media_id"),
        *columns,
        PrimaryKeyConstraint("tenant", "media_id", *key),
        ForeignKeyConstraint(
            ["tenant", "media_id"], [f"{SCHEMA}.media.tenant", f"{SCHEMA}.media.media_id"], ondelete="CASCADE"
        ),
    )


# ---------------------------------------------------------------------------------------------- every item stage
ledger = Table(
    "ledger",
    metadata,
    _text("tenant"),
    _text("output"),
    _uuid("item_id"),
    _text("partition"),
    _text("version"),
    _text("inputs"),
    _text("status"),
    _text("reason", nullable=True),
    _text("detail", nullable=True),
    Column("attempts", SmallInteger, nullable=False),
    Column("retry_at", DateTime(timezone=True)),
    _text("run_id"),
    _now("finished_at"),
    PrimaryKeyConstraint("tenant", "output", "item_id"),
    CheckConstraint("status in ('done', 'not_applicable', 'failed', 'dead')", name="status"),
    CheckConstraint("(status = 'done') = (reason is null)", name="reason"),
)
Index("ledger_by_status", ledger.c.tenant, ledger.c.output, ledger.c.status, ledger.c.reason)

# ------------------------------------------------------------------------------------------------------- discover
source_pages = Table(
    "source_pages",
    metadata,
    _text("tenant"),
    _uuid("page_id"),
    _text("source"),
    _text("partition"),
    _text("blob_key"),
    _text("sha256"),
    Column("entry_count", Integer, nullable=False),
    _now("received_at"),
    PrimaryKeyConstraint("tenant", "page_id"),
)
source_listings = Table(
    "source_listings",
    metadata,
    _text("tenant"),
    _uuid("listing_id"),
    _uuid("page_id"),
    _text("source"),
    _text("partition"),
    _text("source_key"),
    _text("edition"),
    _text("original_url"),
    Column("fallback_urls", JSONB, nullable=False),
    _text("page_url", nullable=True),
    _text("licence"),
    _text("licence_family"),
    Column("licence_is_open", Boolean, nullable=False),
    _text("licence_raw", nullable=True),
    _text("attribution", nullable=True),
    _text("subject_id", nullable=True),
    Column("species_confidence", Float),
    Column("size_bytes", BigInteger),
    _now("listed_at"),
    PrimaryKeyConstraint("tenant", "listing_id"),
    UniqueConstraint("tenant", "source", "source_key", "edition"),
    _to("source_pages", ["page_id"]),
)
Index("source_listings_by_partition", source_listings.c.tenant, source_listings.c.partition)

# ---------------------------------------------------------------------------------------------------------- fetch
media = Table(
    "media",
    metadata,
    _text("tenant"),
    _uuid("media_id"),
    _text("sha256"),
    _text("public_code"),
    _text("home_source"),
    _text("home_partition"),
    _text("kind"),
    _text("content_type"),
    _text("extension"),
    Column("size_bytes", BigInteger, nullable=False),
    _text("blob_key"),
    _uuid("parent_media_id", nullable=True),
    Column("offset_s", Float),
    _now("claimed_at"),
    PrimaryKeyConstraint("tenant", "media_id"),
    UniqueConstraint("tenant", "sha256"),
    UniqueConstraint("public_code"),
    CheckConstraint("kind in ('image', 'video', 'audio')", name="kind"),
    _to("media", ["media_id"], own=["parent_media_id"]),
)
Index("media_by_partition", media.c.tenant, media.c.home_partition, media.c.media_id)
media_links = Table(
    "media_links",
    metadata,
    _text("tenant"),
    _uuid("listing_id"),
    _uuid("media_id"),
    _now("linked_at"),
    PrimaryKeyConstraint("tenant", "listing_id"),
    _to("source_listings", ["listing_id"]),
    _to("media", ["media_id"]),
)
Index("media_links_by_media", media_links.c.tenant, media_links.c.media_id)

# -------------------------------------------------------------------------------------------------------- examine
media_metadata = _of_media(
    "metadata",
    _text("format"),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("orientation", SmallInteger, nullable=False),
    _text("color_mode"),
    Column("frame_count", Integer, nullable=False),
    Column("taken_at", DateTime(timezone=False)),
    _text("camera_make", nullable=True),
    _text("camera_model", nullable=True),
    Column("latitude", Float),
    Column("longitude", Float),
)
hashes = _of_media("hashes", _text("phash"))
quality = _of_media(
    "quality", Column("quality_points", Float, nullable=False), Column("components", JSONB, nullable=False)
)
derivatives = _of_media(
    "derivatives",
    _text("name"),
    _text("blob_key"),
    _text("content_type"),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    _text("sha256"),
    key=["name"],
)

# ---------------------------------------------------------------------------------------------------------- embed
embeddings = _of_media(
    "embeddings",
    _text("model_version"),
    Column("vector", LargeBinary, nullable=False),
    key=["model_version"],
)

# ---------------------------------------------------------------------------------------------------------- index
index_generations = Table(
    "index_generations",
    metadata,
    _text("tenant"),
    _text("model_version"),
    _text("name"),
    Column("point_count", BigInteger, nullable=False),
    _now("published_at"),
    PrimaryKeyConstraint("tenant", "model_version"),
)

# ---------------------------------------------------------------------------------------------------------- group
similarities = Table(
    "similarities",
    metadata,
    _text("tenant"),
    _uuid("media_a"),
    _uuid("media_b"),
    _text("tier"),
    Column("phash_distance", SmallInteger, nullable=False),
    Column("cosine", Float, nullable=False),
    _text("model_version"),
    PrimaryKeyConstraint("tenant", "media_a", "media_b"),
    CheckConstraint("media_a < media_b", name="order"),
    _to("media", ["media_id"], own=["media_a"]),
    _to("media", ["media_id"], own=["media_b"]),
)
duplicate_groups = Table(
    "duplicate_groups",
    metadata,
    _text("tenant"),
    _uuid("group_id"),
    _text("tier"),
    _uuid("keeper_media_id"),
    _text("keeper_reason"),
    Column("media_count", Integer, nullable=False),
    Column("file_count", Integer, nullable=False),
    PrimaryKeyConstraint("tenant", "group_id"),
    CheckConstraint("tier in ('exact', 'near')", name="tier"),
    _to("media", ["media_id"], own=["keeper_media_id"]),
)
duplicate_members = Table(
    "duplicate_members",
    metadata,
    _text("tenant"),
    _uuid("group_id"),
    _uuid("media_id"),
    PrimaryKeyConstraint("tenant", "group_id", "media_id"),
    ForeignKeyConstraint(
        ["tenant", "group_id"],
        [f"{SCHEMA}.duplicate_groups.tenant", f"{SCHEMA}.duplicate_groups.group_id"],
        ondelete="CASCADE",
    ),
    _to("media", ["media_id"]),
)

# -------------------------------------------------------------------------------------------------------- publish
coverage = Table(
    "coverage",
    metadata,
    _text("tenant"),
    _text("source"),
    _text("field"),
    _text("status"),
    _text("reason"),
    Column("item_count", BigInteger, nullable=False),
    _text("closed_by"),
    _now("since"),
    PrimaryKeyConstraint("tenant", "source", "field", "status", "reason"),
    CheckConstraint("status in ('done', 'not_applicable', 'never_ran', 'failed', 'dead', 'stale')", name="status"),
)
