"""What stage unpack writes: facts of videos and sounds, and which pictures were made of them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, DateTime, Float, Index, Integer, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB

from media_pipeline.stores.catalog.tables.schema import facts_of_media, text_column, to_table, uuid_column

videos = facts_of_media(
    "videos",
    Column("duration_s", Float, nullable=False),
    # The container's own clock, in which shots and frames are told, need not begin at 0.
    Column("start_s", Float, nullable=False),
    # As people see it, turned upright.
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("rotation_degrees", SmallInteger, nullable=False),
    Column("frame_count", Integer, nullable=False),
    Column("keyframe_count", Integer, nullable=False),
    Column("frames_per_s", Float, nullable=False),
    Column("bits_per_s", Float),
    text_column("codec"),
    text_column("container"),
    text_column("audio_codec", nullable=True),
    Column("audio_channels", SmallInteger),
    Column("audio_hz", Integer),
    Column("taken_at_utc", DateTime(timezone=True)),
    Column("latitude", Float),
    Column("longitude", Float),
    text_column("camera_make", nullable=True),
    text_column("camera_model", nullable=True),
    text_column("title", nullable=True),
    Column("notes", JSONB, nullable=False),
)
shots = facts_of_media(
    "shots",
    Column("shot", Integer, nullable=False),
    Column("start_s", Float, nullable=False),
    Column("end_s", Float, nullable=False),
    key=["shot"],
)
# One picture may be a frame twice, of one video or of two.
video_frames = facts_of_media(
    "video_frames",
    Column("place", Integer, nullable=False),
    uuid_column("frame_media_id"),
    Column("offset_s", Float, nullable=False),
    Column("shot", Integer, nullable=False),
    Column("is_poster", Boolean, nullable=False),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    key=["place"],
)
video_frames.append_constraint(to_table("media", ["media_id"], own=["frame_media_id"]))
Index("video_frames_by_frame", video_frames.c.tenant, video_frames.c.frame_media_id)
sounds = facts_of_media(
    "sounds",
    Column("duration_s", Float, nullable=False),
    text_column("codec"),
    text_column("container"),
    Column("channels", SmallInteger, nullable=False),
    Column("sample_rate_hz", Integer, nullable=False),
    Column("bits_per_s", Float),
    Column("peak_dbfs", Float),
    Column("is_silent", Boolean, nullable=False),
    Column("has_cover", Boolean, nullable=False),
    Column("taken_at_utc", DateTime(timezone=True)),
    text_column("title", nullable=True),
    text_column("artist", nullable=True),
    Column("notes", JSONB, nullable=False),
)
audio_waveforms = facts_of_media(
    "audio_waveforms",
    uuid_column("waveform_media_id"),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
)
audio_waveforms.append_constraint(to_table("media", ["media_id"], own=["waveform_media_id"]))
Index("audio_waveforms_by_waveform", audio_waveforms.c.tenant, audio_waveforms.c.waveform_media_id)
