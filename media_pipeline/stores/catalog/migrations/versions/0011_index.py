"""the live version of the index, its graph and its quantisation

The vectors of an index have names now, so what was written without them is forgotten: the next run makes it anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _forget()
    op.add_column(
        "index_generations",
        sa.Column("graph_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        schema="media",
    )
    op.add_column(
        "index_generations",
        sa.Column("quantisation", sa.Text(), server_default=sa.text("'none'"), nullable=False),
        schema="media",
    )
    op.add_column(
        "index_generations",
        sa.Column("is_live", sa.Boolean(), server_default=sa.false(), nullable=False),
        schema="media",
    )
    op.create_index(
        "index_generations_live",
        "index_generations",
        ["tenant"],
        unique=True,
        schema="media",
        postgresql_where=sa.text("is_live"),
    )


def downgrade() -> None:
    _forget()
    op.drop_index("index_generations_live", table_name="index_generations", schema="media")
    op.drop_column("index_generations", "is_live", schema="media")
    op.drop_column("index_generations", "quantisation", schema="media")
    op.drop_column("index_generations", "graph_count", schema="media")


def _forget() -> None:
    op.execute("delete from media.index_generations")
    op.execute("delete from media.ledger where output = 'vector_index'")
