"""The smaller pictures made from an original: upright, sRGB, no metadata, never larger than the original. Pure.

The same original gives the same bytes, so that a key with the version in it never changes its content: whatever
changes a byte (a size, a quality, the encoders of Pillow, libvips) wants a new VERSION.

What is not here: the decode (pictures.py), the resizing (cascade.py), and where they are stored (examination.py).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from PIL import Image

from media_pipeline.stages.examine.cascade import Cascade

VERSION = "3"

Name = Literal["large", "medium", "small", "thumb", "poi"]


@dataclass(frozen=True, slots=True)
class Encoding:
    """A file format and how Pillow is to write it."""

    pillow_format: str
    content_type: str
    extension: str
    options: Mapping[str, Any] = field(default_factory=dict)


JPEG: Final = Encoding("JPEG", "image/jpeg", "jpg", {"quality": 82})
# Method 2 costs 43 % of the default 4, for 4 % more bytes.
WEBP: Final = Encoding("WEBP", "image/webp", "webp", {"quality": 80, "method": 2})
# Of photographs, Pillow's default 6 takes four times as long and saves no byte.
PNG: Final = Encoding("PNG", "image/png", "png", {"compress_level": 1})
GIF: Final = Encoding("GIF", "image/gif", "gif")


@dataclass(frozen=True, slots=True)
class Rendition:
    """One size in one format."""

    name: Name
    encoding: Encoding


RENDITIONS: Final = tuple(
    Rendition(name, encoding) for name in ("large", "medium", "small", "thumb") for encoding in (JPEG, WEBP)
)
# The picture of a place stays what it was; by Pillow's word for the original's format. MPO is JPEG with more behind it.
POI_ENCODINGS: Final = {"JPEG": JPEG, "MPO": JPEG, "PNG": PNG, "GIF": GIF}


@dataclass(frozen=True, slots=True)
class Rendered:
    """One encoded rendition."""

    rendition: Rendition
    width_px: int
    height_px: int
    data: bytes


def rendered(sizes: Cascade, *, original_format: str) -> tuple[Rendered, ...]:
    """Every rendition that an original of this format has."""
    poi = POI_ENCODINGS.get(original_format)
    wanted = (*RENDITIONS, Rendition("poi", poi)) if poi else RENDITIONS
    # Of an original below 640 px, large and medium are one picture: encoded once.
    files: dict[tuple[int, str], bytes] = {}
    made = []
    for rendition in wanted:
        image: Image.Image = getattr(sizes, rendition.name)
        same = id(image), rendition.encoding.pillow_format
        if same not in files:
            files[same] = _encoded(image, rendition.encoding)
        made.append(Rendered(rendition, image.width, image.height, files[same]))
    return tuple(made)


def _encoded(image: Image.Image, encoding: Encoding) -> bytes:
    out = io.BytesIO()
    image.save(out, encoding.pillow_format, **encoding.options)
    return out.getvalue()
