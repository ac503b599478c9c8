"""Open a picture once: limits from the header, one decode, upright, sRGB-like RGB. Pure.

What is not here: what is then made of it (facts.py, hashes.py, renditions.py).
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Final

from PIL import ExifTags, Image, UnidentifiedImageError

from media_pipeline.errors import MediaProcessingError

# The limit is the setting's, checked on the header below; Pillow's own would warn first and refuse later.
Image.MAX_IMAGE_PIXELS = None

# The longest edge that anything made from the decoded picture has.
WORKING_EDGE_PX = 1280


# What turns a picture of each orientation upright. Not ImageOps.exif_transpose: it reads EXIF again, broken or not.
UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture. `upright` may be smaller than the original; the sizes are the original's, upright."""

    format: str
    width_px: int
    height_px: int
    orientation: int
    color_mode: str
    frame_count: int
    exif: Image.Exif
    upright: Image.Image


def opened(data: bytes, *, max_pixels: int) -> Picture:
    """The picture; a MediaProcessingError says why there is none."""
    try:
        image = Image.open(io.BytesIO(data))
    except UnidentifiedImageError as error:
        raise MediaProcessingError("undecodable", "no decoder knows it") from error
    except (OSError, SyntaxError, ValueError, LookupError, struct.error) as error:
        raise MediaProcessingError("undecodable", str(error)) from error
    with image:
        width, height = image.size
        if width * height > max_pixels:
            raise MediaProcessingError("too_many_pixels", f"{width} x {height}; MEDIA_MAX_PIXELS allows {max_pixels}")
        color_mode, kind = image.mode, str(image.format)
        frames = _decode(image)
        # Only now: Pillow decodes a PNG to see whether EXIF stands behind its pixels.
        exif = _exif(image)
        orientation = _orientation(exif)
        upright = image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image
        if orientation >= 5:
            width, height = height, width
        return Picture(kind, width, height, orientation, color_mode, frames, exif, _on_white(upright))


def _exif(image: Image.Image) -> Image.Exif:
    try:
        return image.getexif()
    except (OSError, SyntaxError, ValueError, LookupError, TypeError, struct.error):
        return Image.Exif()  # broken EXIF is a missing fact, the picture is whole


def _orientation(exif: Image.Exif) -> int:
    said = exif.get(ExifTags.Base.Orientation, 1)
    return said if isinstance(said, int) and 1 <= said <= 8 else 1


def _decode(image: Image.Image) -> int:
    """Load the pixels; how many frames there are."""
    try:
        frames = int(getattr(image, "n_frames", 1))
        if image.format == "JPEG":
            # The decoder's own reduction, to the smallest size that is still large enough.
            scale = WORKING_EDGE_PX / max(image.size)
            image.draft("RGB", (round(image.width * scale), round(image.height * scale)))
        image.load()
        return frames
    except OSError as error:
        reason = "truncated" if "truncated" in str(error) else "undecodable"
        raise MediaProcessingError(reason, str(error)) from error
    except (SyntaxError, ValueError, LookupError, EOFError, struct.error) as error:
        raise MediaProcessingError("undecodable", str(error)) from error


def _on_white(image: Image.Image) -> Image.Image:
    """RGB; what is transparent shows white."""
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I;16"):
        # Pillow's conversion to 8 bits cuts off instead of scaling.
        image = image.point(lambda value: value / 256, "L") if image.mode == "I;16" else image
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(white, clear).convert("RGB")
    return image.convert("RGB")
