"""anomalies: how odd each picture is, and what people said of it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "anomalies",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("nearest_distance", sa.Float(), nullable=True),
        sa.Column("density", sa.Float(), nullable=True),
        sa.Column("subject_density", sa.Float(), nullable=True),
        sa.Column("ood", sa.Float(), nullable=True),
        sa.Column("cluster_spreads", sa.Float(), nullable=True),
        sa.Column("subject_spreads", sa.Float(), nullable=True),
        sa.Column("neighbours", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "media_id"],
            ["media.media.tenant", "media.media.media_id"],
            name=op.f("anomalies_tenant_media_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "media_id", name=op.f("anomalies_pkey")),
        schema="media",
    )
    op.create_index("anomalies_by_score", "anomalies", ["tenant", "score"], schema="media")
    op.create_table(
        "anomaly_reviews",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state in ('open', 'reviewed', 'dismissed')", name=op.f("anomaly_reviews_state")),
        sa.ForeignKeyConstraint(
            ["tenant", "media_id"],
            ["media.media.tenant", "media.media.media_id"],
            name=op.f("anomaly_reviews_tenant_media_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "media_id", name=op.f("anomaly_reviews_pkey")),
        schema="media",
    )


def downgrade() -> None:
    op.drop_table("anomaly_reviews", schema="media")
    op.drop_table("anomalies", schema="media")
