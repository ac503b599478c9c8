"""One decode, all facts: what a pool worker does with one original. Pure.

What is not here: who calls it, and where its answers go (assets.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from PIL import Image

from media_pipeline.records import Made, NewBlob, NotApplicable, Result
from media_pipeline.stages.examine import facts, hashes, renditions
from media_pipeline.stages.examine.pictures import Picture, opened
from media_pipeline.stages.examine.renditions import RENDITIONS


@dataclass(frozen=True, slots=True)
class Task:
    """One original and the outputs that are due for it; `data` is None when it is no picture."""

    media_id: UUID
    data: bytes | None
    due: frozenset[str]
    max_pixels: int


def _metadata(picture: Picture, _working: Image.Image, _media: UUID) -> Made:
    return Made(rows=(facts.facts(picture),))


def _hashes(_picture: Picture, working: Image.Image, _media: UUID) -> Made | NotApplicable:
    phash = hashes.phash(working)
    if phash is None:
        return NotApplicable("flat_picture", "one grey all over")
    return Made(rows=({"phash": phash},))


def _derivatives(_picture: Picture, working: Image.Image, media: UUID) -> Made:
    rows, blobs = [], []
    for made in renditions.rendered(working):
        key = f"media/derived/{media}/{renditions.VERSION}/{made.rendition.name}.jpg"
        rows.append(
            {
                "name": made.rendition.name,
                "blob_key": key,
                "content_type": "image/jpeg",
                "width_px": made.width_px,
                "height_px": made.height_px,
                "size_bytes": len(made.data),
                "sha256": hashlib.sha256(made.data).hexdigest(),
            }
        )
        blobs.append(NewBlob(key, made.data, "image/jpeg"))
    return Made(tuple(rows), tuple(blobs))


MAKERS: Final[Mapping[str, Callable[[Picture, Image.Image, UUID], Made | NotApplicable]]] = {
    "metadata": _metadata,
    "hashes": _hashes,
    "derivatives": _derivatives,
}


def examined(task: Task) -> dict[str, Result]:
    """For each output that is due: rows and files, or why there are none."""
    if task.data is None:
        return dict.fromkeys(task.due, NotApplicable("not_a_picture"))
    picture = opened(task.data, max_pixels=task.max_pixels)
    working = renditions.reduced(picture.upright, RENDITIONS[0])
    return {name: MAKERS[name](picture, working, task.media_id) for name in sorted(task.due)}
