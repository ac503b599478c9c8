"""What stage group writes beside duplicates: bursts, and clusters of pictures of one kind.

`cluster_names` alone is written by people (operations/clusters.py): a name that somebody gave outlives every
clustering.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
)
from sqlalchemy.dialects.postgresql import JSONB

from media_pipeline.stores.catalog.tables.schema import (
    SCHEMA,
    facts_of_media,
    metadata,
    now_column,
    text_column,
    uuid_column,
)

bursts = Table(
    "bursts",
    metadata,
    text_column("tenant"),
    uuid_column("burst_id"),
    uuid_column("best_media_id"),
    text_column("best_reason"),
    Column("media_count", Integer, nullable=False),
    # Files of one picture count once: where it is less, some of these media are duplicates of each other.
    Column("picture_count", Integer, nullable=False),
    text_column("camera", nullable=True),
    Column("began_at", DateTime(timezone=False), nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("confidence_percent", SmallInteger, nullable=False),
    # What lowers the confidence, in words.
    Column("why", JSONB, nullable=False),
    PrimaryKeyConstraint("tenant", "burst_id"),
    ForeignKeyConstraint(
        ["tenant", "best_media_id"], [f"{SCHEMA}.media.tenant", f"{SCHEMA}.media.media_id"], ondelete="CASCADE"
    ),
)
burst_members = facts_of_media(
    "burst_members",
    uuid_column("burst_id"),
    Column("place", Integer, nullable=False),
    # How it follows the shot before it; all null of the first.
    Column("gap_s", Float),
    Column("phash_distance", SmallInteger),
    Column("cosine", Float),
)
burst_members.append_constraint(
    ForeignKeyConstraint(
        ["tenant", "burst_id"], [f"{SCHEMA}.bursts.tenant", f"{SCHEMA}.bursts.burst_id"], ondelete="CASCADE"
    )
)
Index("burst_members_by_burst", burst_members.c.tenant, burst_members.c.burst_id, burst_members.c.place)
clusters = Table(
    "clusters",
    metadata,
    text_column("tenant"),
    uuid_column("cluster_id"),
    text_column("model_version"),
    text_column("name"),
    text_column("named_by"),
    # Made since everything was last clustered anew.
    Column("is_provisional", Boolean, nullable=False),
    # The exact sum of all its vectors, whole numbers of 2^-36; the centroid is its direction.
    Column("vector_sum", LargeBinary, nullable=False),
    Column("media_count", BigInteger, nullable=False),
    Column("mean_cosine", Float, nullable=False),
    # The one nearest to the centroid first, then each the farthest from those before it.
    Column("representatives", JSONB, nullable=False),
    # How far, as 1 - cosine, the centroid moved when everything was last clustered anew.
    Column("drift", Float),
    PrimaryKeyConstraint("tenant", "cluster_id"),
    CheckConstraint("named_by in ('human', 'words', 'number')", name="named_by"),
)
cluster_members = facts_of_media("cluster_members", uuid_column("cluster_id"), Column("cosine", Float, nullable=False))
Index("cluster_members_by_cluster", cluster_members.c.tenant, cluster_members.c.cluster_id)
cluster_names = Table(
    "cluster_names",
    metadata,
    text_column("tenant"),
    uuid_column("cluster_id"),
    text_column("name"),
    now_column("named_at"),
    PrimaryKeyConstraint("tenant", "cluster_id"),
)
cluster_events = Table(
    "cluster_events",
    metadata,
    text_column("tenant"),
    uuid_column("event_id"),
    text_column("kind"),
    uuid_column("cluster_id"),
    uuid_column("other_id", nullable=True),
    Column("media_count", Integer, nullable=False),
    text_column("run_id"),
    now_column("happened_at"),
    PrimaryKeyConstraint("tenant", "event_id"),
    CheckConstraint("kind in ('merged', 'split', 'ended')", name="kind"),
)
Index("cluster_events_by_cluster", cluster_events.c.tenant, cluster_events.c.cluster_id)
