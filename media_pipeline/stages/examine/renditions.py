"""The smaller pictures made from an original: upright, RGB, no metadata, never larger than the original. Pure.

What is not here: the decode (pictures.py) and where they are stored (assets.py).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final, Literal

from PIL import Image, ImageOps

VERSION = "1"
JPEG_QUALITY = 82


@dataclass(frozen=True, slots=True)
class Rendition:
    """`fit` keeps the aspect within `edge_px`; `square` cuts the centre out."""

    name: str
    edge_px: int
    shape: Literal["fit", "square"]


# Largest first: each is made from the one before, which is several times cheaper than from the original.
RENDITIONS: Final = (Rendition("medium", 640, "fit"), Rendition("thumb", 150, "square"))


@dataclass(frozen=True, slots=True)
class Rendered:
    """One encoded rendition."""

    rendition: Rendition
    width_px: int
    height_px: int
    data: bytes


def rendered(upright: Image.Image) -> tuple[Rendered, ...]:
    """Every rendition of the table."""
    made, larger = [], upright
    for rendition in RENDITIONS:
        larger = reduced(larger, rendition)
        out = io.BytesIO()
        # Nothing of the original's `info` (EXIF, GPS, ICC) goes along unless it is named here.
        larger.save(out, "JPEG", quality=JPEG_QUALITY)
        made.append(Rendered(rendition, larger.width, larger.height, out.getvalue()))
    return tuple(made)


def reduced(image: Image.Image, rendition: Rendition) -> Image.Image:
    """The picture at the rendition's size; a smaller one keeps its own."""
    edge = rendition.edge_px
    if rendition.shape == "square":
        side = min(edge, *image.size)
        return ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS)
    scale = min(1.0, edge / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)
