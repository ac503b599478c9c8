"""What there is to know of a media or listing, and which output answers it. Pure.

A field without an output is named all the same: «never ran» is the truth about it, and a bare zero is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the coverage report. `output` is None where no step of this version makes it."""

    name: str
    of: Literal["listing", "media"]
    output: str | None


FIELDS: Final = (
    Field("original", "listing", "originals"),
    Field("metadata", "media", "metadata"),
    Field("perceptual_hash", "media", "hashes"),
    Field("thumbnail", "media", "derivatives"),
    Field("quality", "media", "quality"),
    Field("embedding", "media", "embeddings"),
    Field("searchable", "media", "vector_index"),
    Field("duplicate_group", "media", "duplicate_groups"),
    Field("burst", "media", None),
    Field("cluster", "media", None),
)

NO_STEP = "no step of this version makes it"


def closed_by(field: Field, status: str, reason: str, *, first: str = "") -> str:
    """The command that closes such a gap, and what must be done `first`; empty where there is none to close."""
    if status in ("done", "not_applicable"):
        return ""
    if field.output is None:
        return NO_STEP
    if status in ("never_ran", "stale"):
        return "media-pipeline run"
    if reason == "upstream_failed":
        return "closes with the field it waits for"
    command = f"media-pipeline retry --stage {field.output} --reason {reason}"
    return f"{first}, then {command}" if first else command
