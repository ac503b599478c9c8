"""bursts and clusters: what one camera took within seconds, and pictures of one kind with their names"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bursts",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("burst_id", sa.Uuid(), nullable=False),
        sa.Column("best_media_id", sa.Uuid(), nullable=False),
        sa.Column("best_reason", sa.Text(), nullable=False),
        sa.Column("media_count", sa.Integer(), nullable=False),
        sa.Column("picture_count", sa.Integer(), nullable=False),
        sa.Column("camera", sa.Text(), nullable=True),
        sa.Column("began_at", sa.DateTime(), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("confidence_percent", sa.SmallInteger(), nullable=False),
        sa.Column("why", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "best_media_id"],
            ["media.media.tenant", "media.media.media_id"],
            name=op.f("bursts_tenant_best_media_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "burst_id", name=op.f("bursts_pkey")),
        schema="media",
    )
    op.create_table(
        "burst_members",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("burst_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("gap_s", sa.Float(), nullable=True),
        sa.Column("phash_distance", sa.SmallInteger(), nullable=True),
        sa.Column("cosine", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "burst_id"],
            ["media.bursts.tenant", "media.bursts.burst_id"],
            name=op.f("burst_members_tenant_burst_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "media_id"],
            ["media.media.tenant", "media.media.media_id"],
            name=op.f("burst_members_tenant_media_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "media_id", name=op.f("burst_members_pkey")),
        schema="media",
    )
    op.create_index("burst_members_by_burst", "burst_members", ["tenant", "burst_id", "place"], schema="media")
    op.create_table(
        "clusters",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("cluster_id", sa.Uuid(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("named_by", sa.Text(), nullable=False),
        sa.Column("is_provisional", sa.Boolean(), nullable=False),
        sa.Column("vector_sum", sa.LargeBinary(), nullable=False),
        sa.Column("media_count", sa.BigInteger(), nullable=False),
        sa.Column("mean_cosine", sa.Float(), nullable=False),
        sa.Column("representatives", JSONB(), nullable=False),
        sa.Column("drift", sa.Float(), nullable=True),
        sa.CheckConstraint("named_by in ('human', 'words', 'number')", name=op.f("clusters_named_by")),
        sa.PrimaryKeyConstraint("tenant", "cluster_id", name=op.f("clusters_pkey")),
        schema="media",
    )
    op.create_table(
        "cluster_members",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("cluster_id", sa.Uuid(), nullable=False),
        sa.Column("cosine", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "media_id"],
            ["media.media.tenant", "media.media.media_id"],
            name=op.f("cluster_members_tenant_media_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "media_id", name=op.f("cluster_members_pkey")),
        schema="media",
    )
    op.create_index("cluster_members_by_cluster", "cluster_members", ["tenant", "cluster_id"], schema="media")
    op.create_table(
        "cluster_names",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("cluster_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("named_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "cluster_id", name=op.f("cluster_names_pkey")),
        schema="media",
    )
    op.create_table(
        "cluster_events",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cluster_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=True),
        sa.Column("media_count", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind in ('merged', 'split', 'ended')", name=op.f("cluster_events_kind")),
        sa.PrimaryKeyConstraint("tenant", "event_id", name=op.f("cluster_events_pkey")),
        schema="media",
    )
    op.create_index("cluster_events_by_cluster", "cluster_events", ["tenant", "cluster_id"], schema="media")


def downgrade() -> None:
    op.drop_table("cluster_events", schema="media")
    op.drop_table("cluster_names", schema="media")
    op.drop_table("cluster_members", schema="media")
    op.drop_table("clusters", schema="media")
    op.drop_table("burst_members", schema="media")
    op.drop_table("bursts", schema="media")
