"""subjects, walks, and what web sources say of a photo"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# What rows of before get; new ones are always told.
FORMER_ROWS = ("reported_by", "allows_commercial", "allows_derivatives", "needs_attribution", "is_obscured", "priority")


def upgrade() -> None:
    op.create_table(
        "subjects",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rank", sa.Text(), nullable=True),
        sa.Column("synonyms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("lists", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_rare", sa.Boolean(), nullable=False),
        sa.Column("source_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind in ('taxon', 'place')", name=op.f("subjects_kind")),
        sa.CheckConstraint("origin in ('file', 'command')", name=op.f("subjects_origin")),
        sa.PrimaryKeyConstraint("tenant", "subject_id", name=op.f("subjects_pkey")),
        schema="media",
    )
    op.create_table(
        "source_rejections",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("page_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "page_id"],
            ["media.source_pages.tenant", "media.source_pages.page_id"],
            name=op.f("source_rejections_tenant_page_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant", "page_id", "place", name=op.f("source_rejections_pkey")),
        schema="media",
    )
    op.create_table(
        "source_walks",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("walk_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("partition", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("page_count", sa.Integer(), nullable=False),
        sa.Column("listing_count", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "subject_id"],
            ["media.subjects.tenant", "media.subjects.subject_id"],
            name=op.f("source_walks_tenant_subject_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant", "walk_id", name=op.f("source_walks_pkey")),
        sa.UniqueConstraint(
            "tenant", "partition", "subject_id", name=op.f("source_walks_tenant_partition_subject_id_key")
        ),
        schema="media",
    )
    op.create_table(
        "listing_changes",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("former", sa.Text(), nullable=True),
        sa.Column("latter", sa.Text(), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("what in ('licence', 'vanished', 'returned')", name=op.f("listing_changes_what")),
        sa.ForeignKeyConstraint(
            ["tenant", "listing_id"],
            ["media.source_listings.tenant", "media.source_listings.listing_id"],
            name=op.f("listing_changes_tenant_listing_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant", "listing_id", "what", "noticed_at", name=op.f("listing_changes_pkey")),
        schema="media",
    )
    op.create_table(
        "source_observations",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("observation_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("reported_by", sa.Text(), nullable=False),
        sa.Column("page_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "listing_id"],
            ["media.source_listings.tenant", "media.source_listings.listing_id"],
            name=op.f("source_observations_tenant_listing_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant", "listing_id", "reported_by", "observation_id", "subject_id", name=op.f("source_observations_pkey")
        ),
        schema="media",
    )
    op.add_column("media_links", sa.Column("hq_exception", sa.Text(), nullable=True), schema="media")
    op.add_column("source_listings", sa.Column("thumbnail_url", sa.Text(), nullable=True), schema="media")
    op.add_column(
        "source_listings",
        sa.Column("reported_by", sa.Text(), nullable=False, server_default=sa.text("''")),
        schema="media",
    )
    op.add_column("source_listings", sa.Column("licence_version", sa.Text(), nullable=True), schema="media")
    op.add_column("source_listings", sa.Column("licence_jurisdiction", sa.Text(), nullable=True), schema="media")
    op.add_column("source_listings", sa.Column("licence_url", sa.Text(), nullable=True), schema="media")
    op.add_column(
        "source_listings",
        sa.Column("allows_commercial", sa.Boolean(), nullable=False, server_default=sa.false()),
        schema="media",
    )
    op.add_column(
        "source_listings",
        sa.Column("allows_derivatives", sa.Boolean(), nullable=False, server_default=sa.false()),
        schema="media",
    )
    op.add_column(
        "source_listings",
        sa.Column("needs_attribution", sa.Boolean(), nullable=False, server_default=sa.true()),
        schema="media",
    )
    op.add_column("source_listings", sa.Column("creator", sa.Text(), nullable=True), schema="media")
    op.add_column("source_listings", sa.Column("title", sa.Text(), nullable=True), schema="media")
    op.add_column("source_listings", sa.Column("taxon_name", sa.Text(), nullable=True), schema="media")
    op.add_column("source_listings", sa.Column("observed_on", sa.Date(), nullable=True), schema="media")
    op.add_column(
        "source_listings", sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True), schema="media"
    )
    op.add_column("source_listings", sa.Column("latitude", sa.Float(), nullable=True), schema="media")
    op.add_column("source_listings", sa.Column("longitude", sa.Float(), nullable=True), schema="media")
    op.add_column("source_listings", sa.Column("coordinate_uncertainty_m", sa.Float(), nullable=True), schema="media")
    op.add_column(
        "source_listings",
        sa.Column("is_obscured", sa.Boolean(), nullable=False, server_default=sa.false()),
        schema="media",
    )
    op.add_column("source_listings", sa.Column("width_px", sa.Integer(), nullable=True), schema="media")
    op.add_column("source_listings", sa.Column("height_px", sa.Integer(), nullable=True), schema="media")
    op.add_column("source_listings", sa.Column("content_type", sa.Text(), nullable=True), schema="media")
    op.add_column("source_listings", sa.Column("sha1", sa.Text(), nullable=True), schema="media")
    op.add_column(
        "source_listings",
        sa.Column("priority", sa.SmallInteger(), nullable=False, server_default=sa.text("0")),
        schema="media",
    )
    op.add_column("source_listings", sa.Column("prior_points", sa.Float(), nullable=True), schema="media")
    op.add_column(
        "source_listings",
        sa.Column("checked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        schema="media",
    )
    op.add_column(
        "source_listings", sa.Column("vanished_at", sa.DateTime(timezone=True), nullable=True), schema="media"
    )
    op.add_column("source_listings", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True), schema="media")
    op.create_index(
        "source_listings_by_subject", "source_listings", ["tenant", "subject_id"], unique=False, schema="media"
    )
    op.create_index("source_listings_by_page", "source_listings", ["tenant", "page_id"], unique=False, schema="media")
    op.add_column("source_pages", sa.Column("subject_id", sa.Text(), nullable=True), schema="media")
    op.add_column("source_pages", sa.Column("round", sa.Integer(), nullable=True), schema="media")
    op.add_column("source_pages", sa.Column("cursor", sa.Text(), nullable=True), schema="media")
    op.add_column("source_pages", sa.Column("request_url", sa.Text(), nullable=True), schema="media")
    op.add_column("source_pages", sa.Column("status_code", sa.SmallInteger(), nullable=True), schema="media")
    op.execute("update media.source_listings set reported_by = source")
    for column in FORMER_ROWS:
        op.alter_column("source_listings", column, server_default=None, schema="media")


def downgrade() -> None:
    op.drop_column("source_pages", "status_code", schema="media")
    op.drop_column("source_pages", "request_url", schema="media")
    op.drop_column("source_pages", "cursor", schema="media")
    op.drop_column("source_pages", "round", schema="media")
    op.drop_column("source_pages", "subject_id", schema="media")
    op.drop_index("source_listings_by_page", table_name="source_listings", schema="media")
    op.drop_index("source_listings_by_subject", table_name="source_listings", schema="media")
    op.drop_column("source_listings", "asked_at", schema="media")
    op.drop_column("source_listings", "vanished_at", schema="media")
    op.drop_column("source_listings", "checked_at", schema="media")
    op.drop_column("source_listings", "prior_points", schema="media")
    op.drop_column("source_listings", "priority", schema="media")
    op.drop_column("source_listings", "sha1", schema="media")
    op.drop_column("source_listings", "content_type", schema="media")
    op.drop_column("source_listings", "height_px", schema="media")
    op.drop_column("source_listings", "width_px", schema="media")
    op.drop_column("source_listings", "is_obscured", schema="media")
    op.drop_column("source_listings", "coordinate_uncertainty_m", schema="media")
    op.drop_column("source_listings", "longitude", schema="media")
    op.drop_column("source_listings", "latitude", schema="media")
    op.drop_column("source_listings", "observed_at", schema="media")
    op.drop_column("source_listings", "observed_on", schema="media")
    op.drop_column("source_listings", "taxon_name", schema="media")
    op.drop_column("source_listings", "title", schema="media")
    op.drop_column("source_listings", "creator", schema="media")
    op.drop_column("source_listings", "needs_attribution", schema="media")
    op.drop_column("source_listings", "allows_derivatives", schema="media")
    op.drop_column("source_listings", "allows_commercial", schema="media")
    op.drop_column("source_listings", "licence_url", schema="media")
    op.drop_column("source_listings", "licence_jurisdiction", schema="media")
    op.drop_column("source_listings", "licence_version", schema="media")
    op.drop_column("source_listings", "reported_by", schema="media")
    op.drop_column("source_listings", "thumbnail_url", schema="media")
    op.drop_column("media_links", "hq_exception", schema="media")
    op.drop_table("source_observations", schema="media")
    op.drop_table("listing_changes", schema="media")
    op.drop_table("source_walks", schema="media")
    op.drop_table("source_rejections", schema="media")
    op.drop_table("subjects", schema="media")
