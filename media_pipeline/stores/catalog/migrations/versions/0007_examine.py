"""all facts of examine: four hashes, renditions in two formats, quality with its reasons, dates with their provenance

Rows made before are kept, for training views show them until they are made anew: each output of the stage has a new
version with which they are stale. What they lack is empty. The new columns of places are shown by no view.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

HASHES = ("dhash", "ahash", "whash")
EMPTY_LIST = sa.text("'[]'::jsonb")

# What rows of the former table get: no score of it was ever made by a stage.
QUALITY: tuple[tuple[str, sa.types.TypeEngine[Any], str], ...] = (
    ("formula_version", sa.Text(), "''"),
    ("why", sa.Text(), "''"),
    ("histogram", JSONB(), "'[]'::jsonb"),
    ("mean_brightness", sa.Float(), "0"),
    ("aspect_ratio", sa.Float(), "1"),
    ("flags", JSONB(), "'[]'::jsonb"),
)


def _metadata() -> tuple[sa.Column[Any], ...]:
    """New each time: a column belongs to the table it was added to."""
    return (
        sa.Column("taken_at_utc", sa.DateTime(timezone=True)),
        sa.Column("taken_at_offset_min", sa.SmallInteger()),
        sa.Column("date_confidence_percent", sa.SmallInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("date_provenance", sa.Text()),
        sa.Column("date_candidates", JSONB(), nullable=False, server_default=EMPTY_LIST),
        sa.Column("date_suspicion", sa.Text()),
        sa.Column("lens", sa.Text()),
        sa.Column("software", sa.Text()),
        sa.Column("exposure_s", sa.Float()),
        sa.Column("f_number", sa.Float()),
        sa.Column("iso", sa.Integer()),
        sa.Column("focal_length_mm", sa.Float()),
        sa.Column("focal_length_35mm", sa.Float()),
        sa.Column("altitude_m", sa.Float()),
        sa.Column("geohash", sa.Text()),
        sa.Column("geohash_8", sa.Text()),
        sa.Column("geohash_6", sa.Text()),
        sa.Column("geohash_4", sa.Text()),
        sa.Column("is_sensitive_place", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("title", sa.Text()),
        sa.Column("creator", sa.Text()),
        sa.Column("rights", sa.Text()),
        sa.Column("keywords", JSONB(), nullable=False, server_default=EMPTY_LIST),
        sa.Column("notes", JSONB(), nullable=False, server_default=EMPTY_LIST),
    )


def upgrade() -> None:
    for column in _metadata():
        op.add_column("metadata", column, schema="media")
    for name in HASHES:
        _add("hashes", name, sa.Text(), "''")
    for name, kind, value in QUALITY:
        _add("quality", name, kind, value)
    _key_of_derivatives("name", "content_type")


def downgrade() -> None:
    # One row of each name, as there was before.
    op.execute("delete from media.derivatives where content_type <> 'image/jpeg'")
    _key_of_derivatives("name")
    for name, _, _ in reversed(QUALITY):
        op.drop_column("quality", name, schema="media")
    for name in reversed(HASHES):
        op.drop_column("hashes", name, schema="media")
    for column in reversed(_metadata()):
        op.drop_column("metadata", column.name, schema="media")


def _add(table: str, name: str, kind: sa.types.TypeEngine[Any], value: str) -> None:
    """A column that must be told from now on."""
    op.add_column(table, sa.Column(name, kind, nullable=False, server_default=sa.text(value)), schema="media")
    op.alter_column(table, name, server_default=None, schema="media")


def _key_of_derivatives(*columns: str) -> None:
    op.drop_constraint("derivatives_pkey", "derivatives", schema="media")
    op.create_primary_key("derivatives_pkey", "derivatives", ["tenant", "media_id", *columns], schema="media")
