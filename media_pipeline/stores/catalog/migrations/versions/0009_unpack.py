"""videos and sounds, and the pictures that are made of them

`media_offers`: which listings offer a media: those that link to it, and for a frame of a video or the waveform of a
sound those of the file that it was made of. Training views go by it, so that a frame stands under the licence of its
video; where several offer it, the least open one speaks. A waveform is a drawing of ours, and is trained on by nobody.

What is near, grouped or kept goes with a frame that is no longer chosen: those foreign keys cascade from now on.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MEDIA_OFFERS = """
create view media.media_offers as
select tenant, media_id, listing_id, hq_exception from media.media_links
union all
select distinct f.tenant, f.frame_media_id, l.listing_id, l.hq_exception
from media.video_frames f join media.media_links l using (tenant, media_id)
union all
select distinct w.tenant, w.waveform_media_id, l.listing_id, l.hq_exception
from media.audio_waveforms w join media.media_links l using (tenant, media_id)
"""

FIRST = import_module("media_pipeline.stores.catalog.migrations.versions.0002_training_views")
FORMER = import_module("media_pipeline.stores.catalog.migrations.versions.0006_vanished_and_changed")

TRAINING_GENERAL = (
    FORMER.TRAINING_GENERAL.replace("from media.media_links l", "from media.media_offers l")
    .replace("    o.licence_changed_at\n", "    o.licence_changed_at,\n    m.parent_media_id,\n    m.offset_s\n")
    .replace(
        "where m.kind = 'image'\n",
        "where m.kind = 'image'\n"
        "  and not exists (\n"
        "    select from media.audio_waveforms w where w.tenant = m.tenant and w.waveform_media_id = m.media_id\n"
        "  )\n",
    )
)

# (table, its foreign key, its column)
CASCADING = (
    ("similarities", "similarities_tenant_media_a_fkey", "media_a"),
    ("similarities", "similarities_tenant_media_b_fkey", "media_b"),
    ("duplicate_groups", "duplicate_groups_tenant_keeper_media_id_fkey", "keeper_media_id"),
    ("duplicate_members", "duplicate_members_tenant_media_id_fkey", "media_id"),
)


def upgrade() -> None:
    _facts(
        "videos",
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("start_s", sa.Float(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("rotation_degrees", sa.SmallInteger(), nullable=False),
        sa.Column("frame_count", sa.Integer(), nullable=False),
        sa.Column("keyframe_count", sa.Integer(), nullable=False),
        sa.Column("frames_per_s", sa.Float(), nullable=False),
        sa.Column("bits_per_s", sa.Float()),
        sa.Column("codec", sa.Text(), nullable=False),
        sa.Column("container", sa.Text(), nullable=False),
        sa.Column("audio_codec", sa.Text()),
        sa.Column("audio_channels", sa.SmallInteger()),
        sa.Column("audio_hz", sa.Integer()),
        sa.Column("taken_at_utc", sa.DateTime(timezone=True)),
        sa.Column("latitude", sa.Float()),
        sa.Column("longitude", sa.Float()),
        sa.Column("camera_make", sa.Text()),
        sa.Column("camera_model", sa.Text()),
        sa.Column("title", sa.Text()),
        sa.Column("notes", JSONB(), nullable=False),
    )
    _facts(
        "shots",
        sa.Column("shot", sa.Integer(), nullable=False),
        sa.Column("start_s", sa.Float(), nullable=False),
        sa.Column("end_s", sa.Float(), nullable=False),
        key=("shot",),
    )
    _facts(
        "video_frames",
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("frame_media_id", sa.Uuid(), nullable=False),
        sa.Column("offset_s", sa.Float(), nullable=False),
        sa.Column("shot", sa.Integer(), nullable=False),
        sa.Column("is_poster", sa.Boolean(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        key=("place",),
        made="frame_media_id",
    )
    op.create_index("video_frames_by_frame", "video_frames", ["tenant", "frame_media_id"], schema="media")
    _facts(
        "sounds",
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("codec", sa.Text(), nullable=False),
        sa.Column("container", sa.Text(), nullable=False),
        sa.Column("channels", sa.SmallInteger(), nullable=False),
        sa.Column("sample_rate_hz", sa.Integer(), nullable=False),
        sa.Column("bits_per_s", sa.Float()),
        sa.Column("peak_dbfs", sa.Float()),
        sa.Column("is_silent", sa.Boolean(), nullable=False),
        sa.Column("has_cover", sa.Boolean(), nullable=False),
        sa.Column("taken_at_utc", sa.DateTime(timezone=True)),
        sa.Column("title", sa.Text()),
        sa.Column("artist", sa.Text()),
        sa.Column("notes", JSONB(), nullable=False),
    )
    _facts(
        "audio_waveforms",
        sa.Column("waveform_media_id", sa.Uuid(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        made="waveform_media_id",
    )
    op.create_index("audio_waveforms_by_waveform", "audio_waveforms", ["tenant", "waveform_media_id"], schema="media")
    op.create_index(
        "media_by_parent",
        "media",
        ["tenant", "parent_media_id"],
        schema="media",
        postgresql_where=sa.text("parent_media_id is not null"),
    )
    _point_to_media(ondelete="CASCADE")
    op.execute(MEDIA_OFFERS)
    _drop_views()
    op.execute(TRAINING_GENERAL)
    op.execute(FIRST.TRAINING_HQ)


def downgrade() -> None:
    _drop_views()
    op.execute(FORMER.TRAINING_GENERAL)
    op.execute(FIRST.TRAINING_HQ)
    op.execute("drop view media.media_offers")
    _point_to_media(ondelete=None)
    op.drop_index("media_by_parent", "media", schema="media")
    for table in ("audio_waveforms", "sounds", "video_frames", "shots", "videos"):
        op.drop_table(table, schema="media")


def _facts(table: str, *columns: sa.Column[Any], key: tuple[str, ...] = (), made: str | None = None) -> None:
    """A table of facts about media: gone with its media. `made` is a media that was made of it."""
    to_media = ["media.media.tenant", "media.media.media_id"]
    others = (
        ()
        if made is None
        else (sa.ForeignKeyConstraint(["tenant", made], to_media, name=op.f(f"{table}_tenant_{made}_fkey")),)
    )
    op.create_table(
        table,
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["tenant", "media_id"], to_media, name=op.f(f"{table}_tenant_media_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant", "media_id", *key, name=op.f(f"{table}_pkey")),
        *others,
        schema="media",
    )


def _point_to_media(*, ondelete: str | None) -> None:
    for table, name, column in CASCADING:
        op.drop_constraint(name, table, schema="media", type_="foreignkey")
        op.create_foreign_key(
            name,
            table,
            "media",
            ["tenant", column],
            ["tenant", "media_id"],
            source_schema="media",
            referent_schema="media",
            ondelete=ondelete,
        )


def _drop_views() -> None:
    op.execute("drop view media.training_hq")
    op.execute("drop view media.training_general")
