"""What stage group writes: pairs and groups of duplicates, and what became of former groups.

And what people decide of them (`duplicate_decisions`, `media_merges`, `merged_media`, `merged_fields`), which only
stores/catalog/duplicate_decisions.py writes: no run changes it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
)
from sqlalchemy.dialects.postgresql import JSONB

from media_pipeline.stores.catalog.tables.schema import (
    SCHEMA,
    metadata,
    now_column,
    text_column,
    to_table,
    uuid_column,
)

similarities = Table(
    "similarities",
    metadata,
    text_column("tenant"),
    uuid_column("media_a"),
    uuid_column("media_b"),
    text_column("tier"),
    # Empty where a person joined files that cannot be compared.
    Column("phash_distance", SmallInteger),
    Column("cosine", Float),
    text_column("model_version"),
    # Which tests the pair passed, and by how much: [{"test": "phash <= 6", "by": 2}, …].
    Column("tests", JSONB, nullable=False),
    PrimaryKeyConstraint("tenant", "media_a", "media_b"),
    CheckConstraint("media_a < media_b", name="order"),
    to_table("media", ["media_id"], own=["media_a"], ondelete="CASCADE"),
    to_table("media", ["media_id"], own=["media_b"], ondelete="CASCADE"),
)
Index("similarities_by_second", similarities.c.tenant, similarities.c.media_b)
duplicate_groups = Table(
    "duplicate_groups",
    metadata,
    text_column("tenant"),
    uuid_column("group_id"),
    text_column("tier"),
    uuid_column("keeper_media_id"),
    text_column("keeper_reason"),
    Column("media_count", Integer, nullable=False),
    Column("file_count", Integer, nullable=False),
    PrimaryKeyConstraint("tenant", "group_id"),
    CheckConstraint("tier in ('exact', 'near')", name="tier"),
    to_table("media", ["media_id"], own=["keeper_media_id"], ondelete="CASCADE"),
)
duplicate_members = Table(
    "duplicate_members",
    metadata,
    text_column("tenant"),
    uuid_column("group_id"),
    uuid_column("media_id"),
    PrimaryKeyConstraint("tenant", "group_id", "media_id"),
    ForeignKeyConstraint(
        ["tenant", "group_id"],
        [f"{SCHEMA}.duplicate_groups.tenant", f"{SCHEMA}.duplicate_groups.group_id"],
        ondelete="CASCADE",
    ),
    to_table("media", ["media_id"], ondelete="CASCADE"),
)
Index("duplicate_members_by_media", duplicate_members.c.tenant, duplicate_members.c.media_id)
# Media that no hash can place: it is shared by too many.
duplicates_set_apart = Table(
    "duplicates_set_apart",
    metadata,
    text_column("tenant"),
    uuid_column("media_id"),
    text_column("reason"),
    text_column("phash"),
    PrimaryKeyConstraint("tenant", "media_id"),
    to_table("media", ["media_id"], ondelete="CASCADE"),
)
# What became of groups that are no more as they were. No foreign key: the groups of before are gone.
duplicate_events = Table(
    "duplicate_events",
    metadata,
    text_column("tenant"),
    Column("event_id", BigInteger, Identity()),
    text_column("what"),
    uuid_column("group_id"),
    Column("previous_group_ids", JSONB, nullable=False),
    now_column("happened_at"),
    PrimaryKeyConstraint("tenant", "event_id"),
    CheckConstraint("what in ('merged', 'split', 'new_keeper', 'dissolved')", name="what"),
)
# The last run, so that «not run», «none found» and «failed» are three answers.
duplicate_runs = Table(
    "duplicate_runs",
    metadata,
    text_column("tenant"),
    text_column("run_id"),
    text_column("status"),
    text_column("detail"),
    now_column("began_at"),
    Column("finished_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant"),
    CheckConstraint("status in ('running', 'done', 'failed')", name="status"),
)
media_merges = Table(
    "media_merges",
    metadata,
    text_column("tenant"),
    uuid_column("merge_id"),
    # The later of two merges is the greater.
    Column("number", BigInteger, Identity(), nullable=False),
    uuid_column("keeper_media_id"),
    text_column("decided_by"),
    now_column("decided_at"),
    Column("undone_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant", "merge_id"),
    to_table("media", ["media_id"], own=["keeper_media_id"], ondelete="CASCADE"),
)
merged_media = Table(
    "merged_media",
    metadata,
    text_column("tenant"),
    uuid_column("merge_id"),
    uuid_column("media_id"),
    uuid_column("merged_into"),
    PrimaryKeyConstraint("tenant", "merge_id", "media_id"),
    to_table("media_merges", ["merge_id"], ondelete="CASCADE"),
    to_table("media", ["media_id"], ondelete="CASCADE"),
    to_table("media", ["media_id"], own=["merged_into"], ondelete="CASCADE"),
)
Index("merged_media_by_media", merged_media.c.tenant, merged_media.c.media_id)
# The union of what was known of the files, and which of them said so.
merged_fields = Table(
    "merged_fields",
    metadata,
    text_column("tenant"),
    uuid_column("merge_id"),
    text_column("field"),
    Column("place", Integer, nullable=False),
    Column("value", JSONB, nullable=False),
    Column("from_media_ids", JSONB, nullable=False),
    PrimaryKeyConstraint("tenant", "merge_id", "field", "place"),
    to_table("media_merges", ["merge_id"], ondelete="CASCADE"),
)
duplicate_decisions = Table(
    "duplicate_decisions",
    metadata,
    text_column("tenant"),
    uuid_column("decision_id"),
    Column("number", BigInteger, Identity(), nullable=False),
    text_column("what"),
    uuid_column("media_a"),
    uuid_column("media_b", nullable=True),
    text_column("decided_by"),
    uuid_column("merge_id", nullable=True),
    now_column("decided_at"),
    Column("undone_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant", "decision_id"),
    CheckConstraint("what in ('duplicate', 'not_duplicate', 'keeper')", name="what"),
    CheckConstraint("(what = 'keeper') = (media_b is null) and media_a is distinct from media_b", name="pair"),
    to_table("media", ["media_id"], own=["media_a"], ondelete="CASCADE"),
    to_table("media", ["media_id"], own=["media_b"], ondelete="CASCADE"),
    to_table("media_merges", ["merge_id"], ondelete="CASCADE"),
)
