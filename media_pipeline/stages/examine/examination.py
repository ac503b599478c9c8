"""One decode, all facts: what a pool worker does with one original. Pure.

What is not here: who calls it, and where its answers go (assets.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from media_pipeline.records import DERIVED_PREFIX, Made, NewBlob, NotApplicable, Result
from media_pipeline.stages.examine import facts, hashes, quality, renditions
from media_pipeline.stages.examine.cascade import Cascade, cascade
from media_pipeline.stages.examine.facts import NOTHING_TOLD, Told
from media_pipeline.stages.examine.pictures import Picture, opened


@dataclass(frozen=True, slots=True)
class Task:
    """One original, what its listings tell of it, and the outputs that are due; `data` is None if it is no picture.
    `is_drawn`: it is the waveform of a sound."""

    media_id: UUID
    data: bytes | None
    due: frozenset[str]
    max_pixels: int
    told: Told = NOTHING_TOLD
    now: datetime | None = None
    is_drawn: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What the one decode shows."""

    task: Task
    picture: Picture
    cascade: Cascade


def _metadata(seen: Seen) -> Made:
    picture, task = seen.picture, seen.task
    row = facts.facts(
        picture, task.told, now=task.now, packet=picture.xmp, iptc_block=picture.iptc, notes=picture.notes
    )
    return Made(rows=(row,))


def _hashes(seen: Seen) -> Made | NotApplicable:
    found = hashes.hashes(seen.picture.upright)
    if found is None:
        return NotApplicable("flat_picture", "one grey all over")
    return Made(rows=(asdict(found),))


def _quality(seen: Seen) -> Made:
    picture = seen.picture
    found = quality.quality(
        quality.Seen(
            picture.width_px,
            picture.height_px,
            seen.cascade.medium,
            picture.patch,
            picture.quantization,
            len(seen.task.data or b""),
        )
    )
    row = {
        "quality_points": found.points,
        "formula_version": found.version,
        "components": dict(found.components),
        "why": found.why,
        "histogram": list(found.histogram),
        "mean_brightness": found.mean_brightness,
        "aspect_ratio": found.aspect_ratio,
        "flags": list(found.flags),
    }
    return Made(rows=(row,))


def _derivatives(seen: Seen) -> Made:
    rows, blobs, media = [], [], seen.task.media_id
    for made in renditions.rendered(seen.cascade, original_format=seen.picture.format):
        encoding = made.rendition.encoding
        key = f"{DERIVED_PREFIX}{media}/{renditions.VERSION}/{made.rendition.name}.{encoding.extension}"
        rows.append(
            {
                "name": made.rendition.name,
                "blob_key": key,
                "content_type": encoding.content_type,
                "width_px": made.width_px,
                "height_px": made.height_px,
                "size_bytes": len(made.data),
                "sha256": hashlib.sha256(made.data).hexdigest(),
            }
        )
        blobs.append(NewBlob(key, made.data, encoding.content_type))
    return Made(tuple(rows), tuple(blobs))


MAKERS: Final[Mapping[str, Callable[[Seen], Made | NotApplicable]]] = {
    "metadata": _metadata,
    "hashes": _hashes,
    "quality": _quality,
    "derivatives": _derivatives,
}

# All waveforms look alike: with hashes they would be duplicates of each other.
OF_PHOTOS: Final = frozenset({"hashes", "quality"})


def examined(task: Task) -> dict[str, Result]:
    """For each output that is due: rows and files, or why there are none."""
    if task.data is None:
        return dict.fromkeys(task.due, NotApplicable("not_a_picture"))
    picture = opened(task.data, max_pixels=task.max_pixels, patch="quality" in task.due and not task.is_drawn)
    seen = Seen(task, picture, cascade(picture.upright))
    return {name: _made(seen, name) for name in sorted(task.due)}


def _made(seen: Seen, name: str) -> Made | NotApplicable:
    if seen.task.is_drawn and name in OF_PHOTOS:
        return NotApplicable("sound_has_no_look")
    return MAKERS[name](seen)
