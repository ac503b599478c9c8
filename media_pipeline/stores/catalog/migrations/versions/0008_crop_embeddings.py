"""crop_embeddings: vectors of the parts of a picture that draw the eye"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "crop_embeddings",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("x", sa.Float(), nullable=False),
        sa.Column("y", sa.Float(), nullable=False),
        sa.Column("width", sa.Float(), nullable=False),
        sa.Column("height", sa.Float(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "media_id"],
            ["media.media.tenant", "media.media.media_id"],
            name=op.f("crop_embeddings_tenant_media_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "media_id", "model_version", "number", name=op.f("crop_embeddings_pkey")),
        schema="media",
    )


def downgrade() -> None:
    op.drop_table("crop_embeddings", schema="media")
