"""What stage fetch writes: files, and which listings offer them."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Float, Index, PrimaryKeyConstraint, Table, UniqueConstraint

from media_pipeline.stores.catalog.tables.schema import metadata, now_column, text_column, to_table, uuid_column

media = Table(
    "media",
    metadata,
    text_column("tenant"),
    uuid_column("media_id"),
    text_column("sha256"),
    text_column("public_code"),
    text_column("home_source"),
    text_column("home_partition"),
    text_column("kind"),
    text_column("content_type"),
    text_column("extension"),
    Column("size_bytes", BigInteger, nullable=False),
    text_column("blob_key"),
    uuid_column("parent_media_id", nullable=True),
    Column("offset_s", Float),
    now_column("claimed_at"),
    PrimaryKeyConstraint("tenant", "media_id"),
    UniqueConstraint("tenant", "sha256"),
    UniqueConstraint("public_code"),
    CheckConstraint("kind in ('image', 'video', 'audio')", name="kind"),
    to_table("media", ["media_id"], own=["parent_media_id"]),
)
Index("media_by_partition", media.c.tenant, media.c.home_partition, media.c.media_id)
# What is made of a media, as frames of a video; few media are.
Index(
    "media_by_parent",
    media.c.tenant,
    media.c.parent_media_id,
    postgresql_where=media.c.parent_media_id.is_not(None),
)
media_links = Table(
    "media_links",
    metadata,
    text_column("tenant"),
    uuid_column("listing_id"),
    uuid_column("media_id"),
    # Why a file below HQ was taken all the same.
    text_column("hq_exception", nullable=True),
    now_column("linked_at"),
    PrimaryKeyConstraint("tenant", "listing_id"),
    to_table("source_listings", ["listing_id"]),
    to_table("media", ["media_id"]),
)
Index("media_links_by_media", media_links.c.tenant, media_links.c.media_id)
