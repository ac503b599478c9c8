"""What there is to know of a walk, listing or media, and which output answers it. Pure.

A field without an output is named all the same: «never ran» is the truth about it, and a bare zero is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from media_pipeline.records import ItemKind

Command = Literal["retry", "run", "nothing"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the coverage report. `output` is None where no step of this version makes it."""

    name: str
    of: ItemKind
    output: str | None


FIELDS: Final = (
    Field("asked", "walk", "source_walks"),
    Field("original", "listing", "originals"),
    Field("video_facts", "video", "videos"),
    Field("shots", "video", "shots"),
    Field("frames", "video", "video_frames"),
    Field("sound_facts", "audio", "sounds"),
    Field("waveform", "audio", "audio_waveforms"),
    Field("metadata", "media", "metadata"),
    Field("perceptual_hash", "media", "hashes"),
    Field("thumbnail", "media", "derivatives"),
    Field("quality", "media", "quality"),
    Field("embedding", "media", "embeddings"),
    Field("crop_embedding", "media", "crop_embeddings"),
    Field("aesthetic_score", "media", "aesthetics"),
    Field("tags", "media", "tags"),
    Field("nsfw_score", "media", "moderation"),
    Field("description", "media", "descriptions"),
    Field("searchable", "media", "vector_index"),
    Field("duplicate_group", "media", "duplicate_groups"),
    Field("burst", "media", "bursts"),
    Field("cluster", "media", "clusters"),
    Field("anomaly_score", "media", "anomalies"),
)

NO_STEP = "no step of this version makes it"
RUN = "media-pipeline run"


def closed_by(field: Field, status: str, reason: str, *, first: str = "", by: Command = "retry") -> str:
    """What closes such a gap: what must be done `first`, and the commands behind it (stores/reasons.py says which);
    empty where there is none to close."""
    if status in ("done", "not_applicable"):
        return ""
    if field.output is None:
        return NO_STEP
    if status in ("never_ran", "stale"):
        return RUN
    if reason == "upstream_failed":
        return "closes with the field it waits for"
    if by == "nothing":
        return f"no command: {first}"
    # `retry` alone makes it due, and no more.
    command = RUN if by == "run" else f"media-pipeline retry --stage {field.output} --reason {reason} && {RUN}"
    return f"{first}, then {command}" if first else command
