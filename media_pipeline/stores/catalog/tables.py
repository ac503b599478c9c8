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
    Date,
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
subjects = Table(
    "subjects",
    metadata,
    _text("tenant"),
    _text("subject_id"),
    _text("kind"),
    _text("name"),
    _text("rank", nullable=True),
    Column("synonyms", JSONB, nullable=False),
    _text("category", nullable=True),
    _text("city", nullable=True),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("lists", JSONB, nullable=False),
    Column("is_rare", Boolean, nullable=False),
    Column("source_ids", JSONB, nullable=False),
    Column("options", JSONB, nullable=False),
    _text("origin"),
    Column("is_active", Boolean, nullable=False),
    _now("changed_at"),
    PrimaryKeyConstraint("tenant", "subject_id"),
    CheckConstraint("kind in ('taxon', 'place')", name="kind"),
    CheckConstraint("origin in ('file', 'command')", name="origin"),
)
source_walks = Table(
    "source_walks",
    metadata,
    _text("tenant"),
    _uuid("walk_id"),
    _text("source"),
    _text("partition"),
    _text("subject_id"),
    # What is asked, and for which time: another question or round makes the walk due again.
    _text("question"),
    Column("round", Integer, nullable=False),
    # Where it stands: the cursor of the next request; null when the round is finished.
    _text("cursor", nullable=True),
    Column("page_count", Integer, nullable=False),
    Column("listing_count", Integer, nullable=False),
    _now("began_at"),
    Column("finished_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant", "walk_id"),
    UniqueConstraint("tenant", "partition", "subject_id"),
    _to("subjects", ["subject_id"]),
)
source_pages = Table(
    "source_pages",
    metadata,
    _text("tenant"),
    _uuid("page_id"),
    _text("source"),
    _text("partition"),
    # What was asked; all null where a page is no answer to a question about a subject.
    _text("subject_id", nullable=True),
    Column("round", Integer),
    _text("cursor", nullable=True),
    _text("request_url", nullable=True),
    Column("status_code", SmallInteger),
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
    _text("thumbnail_url", nullable=True),
    _text("page_url", nullable=True),
    # Whose answer it was read from: a source's own word goes before another's.
    _text("reported_by"),
    _text("licence"),
    _text("licence_family"),
    _text("licence_version", nullable=True),
    _text("licence_jurisdiction", nullable=True),
    _text("licence_url", nullable=True),
    Column("licence_is_open", Boolean, nullable=False),
    Column("allows_commercial", Boolean, nullable=False),
    Column("allows_derivatives", Boolean, nullable=False),
    Column("needs_attribution", Boolean, nullable=False),
    _text("licence_raw", nullable=True),
    _text("attribution", nullable=True),
    _text("creator", nullable=True),
    _text("title", nullable=True),
    _text("subject_id", nullable=True),
    _text("taxon_name", nullable=True),
    Column("species_confidence", Float),
    Column("observed_on", Date),
    Column("observed_at", DateTime(timezone=True)),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("coordinate_uncertainty_m", Float),
    Column("is_obscured", Boolean, nullable=False),
    Column("size_bytes", BigInteger),
    Column("width_px", Integer),
    Column("height_px", Integer),
    _text("content_type", nullable=True),
    _text("sha1", nullable=True),
    Column("priority", SmallInteger, nullable=False),
    Column("prior_points", Float),
    _now("listed_at"),
    _now("checked_at"),
    Column("vanished_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant", "listing_id"),
    UniqueConstraint("tenant", "source", "source_key", "edition"),
    _to("source_pages", ["page_id"]),
)
Index("source_listings_by_partition", source_listings.c.tenant, source_listings.c.partition)
Index("source_listings_by_subject", source_listings.c.tenant, source_listings.c.subject_id)
source_observations = Table(
    "source_observations",
    metadata,
    _text("tenant"),
    _uuid("listing_id"),
    _text("observation_id"),
    _text("subject_id"),
    _text("reported_by"),
    _uuid("page_id"),
    PrimaryKeyConstraint("tenant", "listing_id", "reported_by", "observation_id", "subject_id"),
    _to("source_listings", ["listing_id"]),
    _to("source_pages", ["page_id"]),
)
source_rejections = Table(
    "source_rejections",
    metadata,
    _text("tenant"),
    _uuid("page_id"),
    Column("place", Integer, nullable=False),
    _text("source_key"),
    _text("reason"),
    _text("detail", nullable=True),
    PrimaryKeyConstraint("tenant", "page_id", "place"),
    _to("source_pages", ["page_id"]),
)
listing_changes = Table(
    "listing_changes",
    metadata,
    _text("tenant"),
    _uuid("listing_id"),
    _text("what"),
    _text("former", nullable=True),
    _text("latter", nullable=True),
    # Between these two it happened.
    Column("last_seen_at", DateTime(timezone=True), nullable=False),
    Column("noticed_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant", "listing_id", "what", "noticed_at"),
    CheckConstraint("what in ('licence', 'vanished', 'returned')", name="what"),
    _to("source_listings", ["listing_id"]),
)

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
    # Why a file below HQ was taken all the same.
    _text("hq_exception", nullable=True),
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
