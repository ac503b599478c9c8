"""One upright picture at the sizes that everything else is made from: each from the next larger. Pure.

libvips makes them, Pillow decodes and encodes. Of 12 megapixels to 1280 px Pillow's own LANCZOS takes 128 ms, this 25;
the picture differs from Pillow's by less than a JPEG's own decoder does when it decodes at half size. There is no
second way without libvips: other bytes under the same key would be the price.

What is not here: the decode (pictures.py), the formats (renditions.py), the greys of hashes (hashes.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias

from PIL import Image

if TYPE_CHECKING:
    from types import ModuleType

Size: TypeAlias = tuple[int, int]

LARGE_PX: Final = 1280
MEDIUM_PX: Final = 640
SMALL_PX: Final = 320
THUMB_PX: Final = 150
POI: Final[Size] = (800, 600)

# Above this Pillow halves (thirds, …) by plain means before libvips does the rest: 12 megapixels cost half, and a
# second whole picture in memory is saved.
PLAIN_ABOVE: Final = 1.5


@dataclass(frozen=True, slots=True)
class Cascade:
    """RGB without any metadata. Where the original is small, several are one and the same picture."""

    large: Image.Image
    medium: Image.Image
    small: Image.Image
    thumb: Image.Image
    poi: Image.Image


def cascade(upright: Image.Image) -> Cascade:
    """All sizes of an upright sRGB picture in mode RGB."""
    large = fitted(upright, (LARGE_PX, LARGE_PX))
    if large.info:
        # What Pillow keeps there (EXIF, ICC, a comment) its encoders write out again, each by rules of its own.
        large = large.copy()
        large.info = {}
    medium = fitted(large, (MEDIUM_PX, MEDIUM_PX))
    small = fitted(medium, (SMALL_PX, SMALL_PX))
    # Of a panorama the smaller ones are too low for a square.
    square_of = next((image for image in (small, medium, large) if min(image.size) >= THUMB_PX), large)
    return Cascade(large, medium, small, _square(square_of, THUMB_PX), fitted(large, POI))


def fitted(image: Image.Image, within: Size) -> Image.Image:
    """The picture within a frame, in its own aspect; one that fits already is returned as it is."""
    scale = min(1.0, within[0] / image.width, within[1] / image.height)
    return resized(image, (max(1, round(image.width * scale)), max(1, round(image.height * scale))))


def resized(image: Image.Image, size: Size) -> Image.Image:
    """A picture in mode RGB at a size that is no larger than its own in either direction."""
    if size == image.size:
        return image
    steps = int(min(image.width / size[0], image.height / size[1]) / PLAIN_ABOVE)
    whole = image.reduce(steps) if steps > 1 else image
    vips = libvips()
    source = vips.Image.new_from_memory(whole.tobytes(), whole.width, whole.height, 3, "uchar")
    smaller = source.resize(size[0] / whole.width, vscale=size[1] / whole.height, kernel="lanczos3")
    return Image.frombuffer("RGB", size, smaller.write_to_memory(), "raw", "RGB", 0, 1)


def _square(image: Image.Image, edge_px: int) -> Image.Image:
    """The middle of the picture, at most so large."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    middle = image if image.width == image.height else image.crop((left, top, left + side, top + side))
    return resized(middle, (min(side, edge_px),) * 2)


@cache
def libvips() -> ModuleType:
    """libvips with one thread, for a step has one worker for each core. Loaded on use: only workers need it."""
    import pyvips

    pyvips.vips_lib.vips_concurrency_set(1)
    # Its cache of operations would keep the last hundred pictures alive.
    pyvips.cache_set_max(0)
    vips: ModuleType = pyvips
    return vips
