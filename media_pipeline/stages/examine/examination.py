"""One decode, all facts: what a pool worker does with one original. Pure.

What is not here: who calls it, and where its answers go (assets.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Final
from uuid import UUID

from media_pipeline.records import DERIVED_PREFIX, Made, NewBlob, NotApplicable, Result
from media_pipeline.stages.examine import facts, hashes, renditions
from media_pipeline.stages.examine.cascade import cascade
from media_pipeline.stages.examine.pictures import Picture, opened


@dataclass(frozen=True, slots=True)
class Task:
    """One original and the outputs that are due for it; `data` is None when it is no picture."""

    media_id: UUID
    data: bytes | None
    due: frozenset[str]
    max_pixels: int


def _metadata(picture: Picture, _media: UUID) -> Made:
    return Made(rows=(facts.facts(picture),))


def _hashes(picture: Picture, _media: UUID) -> Made | NotApplicable:
    found = hashes.hashes(picture.upright)
    if found is None:
        return NotApplicable("flat_picture", "one grey all over")
    return Made(rows=(asdict(found),))


def _derivatives(picture: Picture, media: UUID) -> Made:
    rows, blobs = [], []
    for made in renditions.rendered(cascade(picture.upright), original_format=picture.format):
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


MAKERS: Final[Mapping[str, Callable[[Picture, UUID], Made | NotApplicable]]] = {
    "metadata": _metadata,
    "hashes": _hashes,
    "derivatives": _derivatives,
}


def examined(task: Task) -> dict[str, Result]:
    """For each output that is due: rows and files, or why there are none."""
    if task.data is None:
        return dict.fromkeys(task.due, NotApplicable("not_a_picture"))
    picture = opened(task.data, max_pixels=task.max_pixels)
    return {name: MAKERS[name](picture, task.media_id) for name in sorted(task.due)}
