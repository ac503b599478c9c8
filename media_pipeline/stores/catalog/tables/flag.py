"""What stage flag writes: how odd each picture is.

`anomaly_reviews` alone is written by people (operations/anomalies.py): what somebody said of an anomaly outlives every
scoring. A media without a row there is open.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Float, Index
from sqlalchemy.dialects.postgresql import JSONB

from media_pipeline.stores.catalog.tables.schema import facts_of_media, now_column, text_column

anomalies = facts_of_media(
    "anomalies",
    text_column("model_version"),
    Column("score", Float, nullable=False),
    text_column("kind"),
    text_column("reason"),
    # 1 - cosine of the nearest that is neither a copy nor of the same burst, and the mean cosine of the twenty nearest.
    Column("nearest_distance", Float),
    Column("density", Float),
    Column("subject_density", Float),
    # In usual spreads of everything, of its cluster, of its subject.
    Column("ood", Float),
    Column("cluster_spreads", Float),
    Column("subject_spreads", Float),
    # To show beside it: ids and cosines, the nearest first.
    Column("neighbours", JSONB, nullable=False),
)
Index("anomalies_by_score", anomalies.c.tenant, anomalies.c.score)
anomaly_reviews = facts_of_media(
    "anomaly_reviews",
    text_column("state"),
    text_column("note", nullable=True),
    now_column("reviewed_at"),
)
anomaly_reviews.append_constraint(CheckConstraint("state in ('open', 'reviewed', 'dismissed')", name="state"))
