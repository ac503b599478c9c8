"""scores, tags and sentences of media; what is not safe for work is no picture to train on

`training_general`, and with it `training_hq`, leaves out what a moderation head scored above the threshold. What has
no score is not above it.
`tag_counts`: how many media have which tag, by whom. `tag_stats`: the same, added up for the whole tenant.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

VERSIONS = "media_pipeline.stores.catalog.migrations.versions"
GENERAL = import_module(f"{VERSIONS}.0009_unpack").TRAINING_GENERAL
HQ = import_module(f"{VERSIONS}.0002_training_views").TRAINING_HQ

NOT_ABOVE = """  and not exists (
      select from media.moderation n
      where n.tenant = m.tenant and n.media_id = m.media_id and n.is_above_threshold
  )
"""

TRAINING_GENERAL = GENERAL + NOT_ABOVE

TAG_COUNTS = """
create view media.tag_counts as
select tenant, tag, source, count(*) as media_count
from media.tags
group by tenant, tag, source
"""

TAG_STATS = """
create view media.tag_stats as
select
    tenant,
    count(distinct media_id) as tagged_media_count,
    count(*) as assignment_count,
    count(*) filter (where source = 'auto') as auto_count,
    count(*) filter (where source = 'manual') as manual_count,
    count(distinct tag) as unique_tag_count
from media.tags
group by tenant
"""


def upgrade() -> None:
    _create(
        "aesthetics",
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Text()),
        sa.Column("parts", JSONB()),
    )
    op.create_index("aesthetics_by_method", "aesthetics", ["tenant", "method", "score"], schema="media")
    _create(
        "tags",
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("tag_group", sa.Text()),
        sa.Column("score", sa.Float()),
        sa.Column("model_version", sa.Text()),
        _source_of("tags"),
        key=("tag", "source"),
    )
    op.create_index("tags_by_tag", "tags", ["tenant", "tag"], schema="media")
    _create(
        "moderation",
        sa.Column("nsfw_score", sa.Float(), nullable=False),
        sa.Column("is_above_threshold", sa.Boolean(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
    )
    _create(
        "descriptions",
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        _source_of("descriptions"),
        key=("source",),
    )
    _drop_training_views()
    op.execute(TRAINING_GENERAL)
    op.execute(HQ)
    op.execute(TAG_COUNTS)
    op.execute(TAG_STATS)


def downgrade() -> None:
    op.execute("drop view media.tag_stats")
    op.execute("drop view media.tag_counts")
    _drop_training_views()
    op.execute(GENERAL)
    op.execute(HQ)
    for table in ("descriptions", "moderation", "tags", "aesthetics"):
        op.drop_table(table, schema="media")


def _create(table: str, *columns: Any, key: tuple[str, ...] = ()) -> None:
    op.create_table(
        table,
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["tenant", "media_id"],
            ["media.media.tenant", "media.media.media_id"],
            name=op.f(f"{table}_tenant_media_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "media_id", *key, name=op.f(f"{table}_pkey")),
        schema="media",
    )


def _source_of(table: str) -> sa.CheckConstraint:
    return sa.CheckConstraint("source in ('auto', 'manual')", name=op.f(f"{table}_source"))


def _drop_training_views() -> None:
    op.execute("drop view media.training_hq")
    op.execute("drop view media.training_general")
