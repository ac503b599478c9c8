"""What stage examine writes: facts about each file.

The exact place of a photo stands in `latitude`, `longitude`, `altitude_m` and `geohash`. Where `is_sensitive_place`, no
view and no export may show them: `geohash_4`, a cell of about 39 x 20 km, is what may be told.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, DateTime, Float, Integer, SmallInteger, false, text
from sqlalchemy.dialects.postgresql import JSONB

from media_pipeline.stores.catalog.tables.schema import facts_of_media, text_column

EMPTY_LIST = text("'[]'::jsonb")

media_metadata = facts_of_media(
    "metadata",
    text_column("format"),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("orientation", SmallInteger, nullable=False),
    text_column("color_mode"),
    Column("frame_count", Integer, nullable=False),
    # The camera's clock, in whatever zone it stood; the zone, where it is known, beside it.
    Column("taken_at", DateTime(timezone=False)),
    Column("taken_at_utc", DateTime(timezone=True)),
    Column("taken_at_offset_min", SmallInteger),
    Column("date_confidence_percent", SmallInteger, nullable=False, server_default=text("0")),
    text_column("date_provenance", nullable=True),
    Column("date_candidates", JSONB, nullable=False, server_default=EMPTY_LIST),
    text_column("date_suspicion", nullable=True),
    text_column("camera_make", nullable=True),
    text_column("camera_model", nullable=True),
    text_column("lens", nullable=True),
    text_column("software", nullable=True),
    Column("exposure_s", Float),
    Column("f_number", Float),
    Column("iso", Integer),
    Column("focal_length_mm", Float),
    Column("focal_length_35mm", Float),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("altitude_m", Float),
    text_column("geohash", nullable=True),
    text_column("geohash_8", nullable=True),
    text_column("geohash_6", nullable=True),
    text_column("geohash_4", nullable=True),
    Column("is_sensitive_place", Boolean, nullable=False, server_default=false()),
    text_column("title", nullable=True),
    text_column("creator", nullable=True),
    text_column("rights", nullable=True),
    Column("keywords", JSONB, nullable=False, server_default=EMPTY_LIST),
    Column("notes", JSONB, nullable=False, server_default=EMPTY_LIST),
)
hashes = facts_of_media(
    "hashes", text_column("phash"), text_column("dhash"), text_column("ahash"), text_column("whash")
)
quality = facts_of_media(
    "quality",
    Column("quality_points", Float, nullable=False),
    text_column("formula_version"),
    Column("components", JSONB, nullable=False),
    text_column("why"),
    Column("histogram", JSONB, nullable=False),
    Column("mean_brightness", Float, nullable=False),
    Column("aspect_ratio", Float, nullable=False),
    Column("flags", JSONB, nullable=False),
)
# Each rendition exists in several formats: `name` alone finds more than one row of a media.
derivatives = facts_of_media(
    "derivatives",
    text_column("name"),
    text_column("content_type"),
    text_column("blob_key"),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    text_column("sha256"),
    key=["name", "content_type"],
)
