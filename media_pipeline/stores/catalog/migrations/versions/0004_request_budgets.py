"""what was asked of whom"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "request_budgets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("requests_today", sa.Integer(), nullable=False),
        sa.Column("bytes_today", sa.BigInteger(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bytes_this_hour", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("request_budgets_pkey")),
        schema="media",
    )


def downgrade() -> None:
    op.drop_table("request_budgets", schema="media")
