"""What stage describe writes: scores, tags, sentences. What people say of a picture stands beside it.

Rows of `source` `auto` are the stage's; those of `manual` are people's, and no step touches them. Scores of two
methods are two scales: whoever ranks by `aesthetics.score` names one `method`.
"""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Float, Index
from sqlalchemy.dialects.postgresql import JSONB

from media_pipeline.stores.catalog.tables.schema import facts_of_media, text_column

SOURCES = "source in ('auto', 'manual')"

aesthetics = facts_of_media(
    "aesthetics",
    Column("score", Float, nullable=False),
    text_column("method"),
    text_column("model_version", nullable=True),
    Column("parts", JSONB(none_as_null=True)),
)
Index("aesthetics_by_method", aesthetics.c.tenant, aesthetics.c.method, aesthetics.c.score)
tags = facts_of_media(
    "tags",
    text_column("tag"),
    text_column("source"),
    text_column("tag_group", nullable=True),
    Column("score", Float),
    text_column("model_version", nullable=True),
    key=["tag", "source"],
)
tags.append_constraint(CheckConstraint(SOURCES, name="source"))
Index("tags_by_tag", tags.c.tenant, tags.c.tag)
moderation = facts_of_media(
    "moderation",
    Column("nsfw_score", Float, nullable=False),
    Column("is_above_threshold", Boolean, nullable=False),
    text_column("method"),
    text_column("model_version"),
)
descriptions = facts_of_media("descriptions", text_column("text"), text_column("source"), key=["source"])
descriptions.append_constraint(CheckConstraint(SOURCES, name="source"))
