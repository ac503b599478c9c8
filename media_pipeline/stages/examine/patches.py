"""The middle of an original as it is: noise and compression are read there, for a mean of neighbours hides them. Pure.

Of a JPEG that is decoded at half size it is decoded apart. libvips does it, which stops behind its last row and leaves
out most of the work on the rows above it; Pillow can only decode the whole.

What is not here: what is read from it (measures.py), the picture at its working size (pictures.py).
"""

from __future__ import annotations

import io
from typing import Final, TypeAlias

from PIL import Image

from media_pipeline.stages.examine.cascade import Size, libvips

Box: TypeAlias = tuple[int, int, int, int]

PATCH_PX: Final = 512

_MODES: Final = {1: "L", 3: "RGB"}


def middle(size: Size) -> Box:
    """Left, top, right, bottom of the patch."""
    left, top = (max(0, (edge - PATCH_PX) // 2) for edge in size)
    return left, top, min(size[0], left + PATCH_PX), min(size[1], top + PATCH_PX)


def patch_of_jpeg(data: bytes, box: Box) -> Image.Image:
    """Grey or RGB, in the colours of the file."""
    vips = libvips()
    width, height = box[2] - box[0], box[3] - box[1]
    try:
        part = vips.Image.new_from_buffer(data, "", access="sequential").crop(*box[:2], width, height)
        mode = _MODES[part.bands]
        return Image.frombuffer(mode, (width, height), part.write_to_memory(), "raw", mode, 0, 1)
    except (vips.Error, KeyError):
        # What Pillow has just decoded at half size it can decode in full.
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            return image.crop(box)
