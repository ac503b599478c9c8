"""A picture's vectors, as rows: of the whole, and of its parts. Pure but for the model.

A model without weights sees one picture at a time, in a worker process (`embedded`). One that runs on torch is shown
many at once, in the main process: torch does not fit beside the memory limit of a worker, and would be loaded in each.
There pictures are decoded and prepared in threads (`shown`), and then answered in groups (`embedded_together`).

What is not here: the models (models/), where parts are cut (crops.py), what vectors are compared with (stages/group,
stages/index).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from media_pipeline.errors import EmbeddingError
from media_pipeline.models import EmbeddingModel, OpenClip, Vector, packed
from media_pipeline.models.preparation import Pixels, Preparation, prepared, upright
from media_pipeline.records import Made, NotApplicable, Result, Results
from media_pipeline.stages.embed.crops import Box, crops, cut

VERSION = "1"
WHOLE, PARTS = "embeddings", "crop_embeddings"
EDGE_PX = 640


@dataclass(frozen=True, slots=True)
class Task:
    """One encoded picture, which rows are wanted of it, and the model that is to see it in a worker process."""

    picture: bytes
    wanted: frozenset[str]
    model: EmbeddingModel
    crops: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """What a model is shown of one picture: the whole where its row is wanted, and its parts."""

    wanted: frozenset[str]
    crops: int
    whole: Pixels | None
    parts: tuple[tuple[Box, Pixels], ...]


def embedded(task: Task) -> dict[str, Result]:
    """The rows of one picture, by a model that sees one at a time."""
    model = task.model
    results: dict[str, Result] = {}
    if WHOLE in task.wanted:
        results[WHOLE] = _whole(model.version, *model.embed_many([task.picture]))
    if PARTS in task.wanted:
        boxes: list[Box] = []
        pictures: list[bytes] = []
        if task.crops:
            picture = upright(task.picture, short_edge_px=EDGE_PX)
            boxes = crops(picture, task.crops)
            pictures = [_as_png(cut(picture, box)) for box in boxes]
        results[PARTS] = _parts(model.version, boxes, found=model.embed_many(pictures), wanted=task.crops)
    return results


def shown(task: Task, how: Preparation) -> Shown:
    """The picture decoded once, and prepared as the model wants it."""
    if not task.picture:
        return Shown(task.wanted, task.crops, None, ())
    picture = upright(task.picture, short_edge_px=how.side_px)
    boxes = crops(picture, task.crops) if PARTS in task.wanted else []
    return Shown(
        task.wanted,
        task.crops,
        prepared(picture, how) if WHOLE in task.wanted else None,
        tuple((box, prepared(cut(picture, box), how)) for box in boxes),
    )


def embedded_together(model: OpenClip, many: Sequence[Shown]) -> list[Results]:
    """The rows of each."""
    pixels = [one for of in many for one in (of.whole, *(part for _, part in of.parts)) if one is not None]
    found = iter(model.embed_prepared(pixels) if pixels else ())
    answers: list[Results] = []
    for of in many:
        results: dict[str, Result] = {}
        if WHOLE in of.wanted:
            results[WHOLE] = _whole(model.version, next(found))
        if PARTS in of.wanted:
            boxes = [box for box, _ in of.parts]
            results[PARTS] = _parts(model.version, boxes, found=[next(found) for _ in boxes], wanted=of.crops)
        answers.append(results)
    return answers


def _whole(version: str, found: Vector | EmbeddingError) -> Result:
    if isinstance(found, EmbeddingError):
        # That a picture has no looks is no failure.
        return NotApplicable(found.reason, found.detail) if found.reason == "flat_picture" else found
    return Made(rows=({"model_version": version, "vector": packed(found)},))


def _parts(version: str, boxes: Sequence[Box], *, found: Sequence[Vector | EmbeddingError], wanted: int) -> Result:
    if not wanted:
        return NotApplicable("crops_off")
    rows = []
    for number, (box, vector) in enumerate(zip(boxes, found, strict=True)):
        # One colour all over stands out too, and has no looks.
        if isinstance(vector, np.ndarray):
            place = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
            rows.append({"model_version": version, "number": number, **place, "vector": packed(vector)})
    return Made(rows=tuple(rows)) if rows else NotApplicable("nothing_stands_out")


def _as_png(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()
