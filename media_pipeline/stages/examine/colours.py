"""Pictures of every colour mode as 8-bit sRGB: depth scaled, transparency on white, the embedded profile applied. Pure.

What is not here: the decode (pictures.py).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageCms, TiffImagePlugin

# What Pillow reduces without a conversion of the whole picture first.
_PLAIN: Final = frozenset({"L", "RGB", "CMYK", "YCbCr", "LAB"})
# Other modes are converted this many reduced rows at a time: at 48 megapixels one copy more is 190 MB.
_STRIP_ROWS: Final = 128

_BITS_PER_SAMPLE: Final = 258

# What a profile's colour space is called by lcms, and which mode holds it.
_MODE_OF: Final = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
# A transform that moves none of the colours of a coarse lattice by more than this is sRGB under one of its many names.
_SRGB_WITHIN: Final = 2


@dataclass(frozen=True, slots=True)
class Depth:
    """What is subtracted and then multiplied to get from samples of more than 8 bits to 0 … 255."""

    low: float
    scale: float


def depth(image: Image.Image) -> Depth | None:
    """None for 8 bits a sample. Looks at the whole picture, because a 32-bit file does not say what its white is."""
    if image.mode.startswith("I;16"):
        return Depth(0, 255 / (2 ** _bits(image) - 1))
    if image.mode not in ("I", "F"):
        return None
    samples = np.asarray(image)
    known = samples[np.isfinite(samples)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    if low >= 0:
        if image.mode == "F" and high <= 1:
            return Depth(0, 255)
        for white in (255, 65535):
            if high <= white:
                return Depth(0, 255 / white)
    return Depth(low, 255 / (high - low) if high > low else 0.0)


def _bits(image: Image.Image) -> int:
    """Pillow keeps TIFF's 12 bits as they are in the low end of 16."""
    told = image.tag_v2.get(_BITS_PER_SAMPLE) if isinstance(image, TiffImagePlugin.TiffImageFile) else None
    return 12 if told == (12,) else 16


def reduced(image: Image.Image, factor: int, depth: Depth | None) -> Image.Image:
    """Every `factor` x `factor` pixels as their mean, in 8 bits and without transparency."""
    if image.mode in _PLAIN and not image.has_transparency_data:
        return image.reduce(factor) if factor > 1 else image
    if factor == 1:
        return plain(image, depth)
    size = (-(-image.width // factor), -(-image.height // factor))
    made = Image.new("RGB", size)
    for top in range(0, size[1], _STRIP_ROWS):
        strip = image.crop((0, top * factor, image.width, min(image.height, (top + _STRIP_ROWS) * factor)))
        made.paste(plain(strip, depth).reduce(factor).convert("RGB"), (0, top))
    return made


def plain(image: Image.Image, depth: Depth | None) -> Image.Image:
    """8 bits a sample and no transparency: what is transparent shows white."""
    if depth is not None:
        samples = (np.asarray(image, np.float32) - depth.low) * depth.scale
        return Image.fromarray(np.nan_to_num(samples).round().clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    return image if image.mode in _PLAIN else image.convert("RGB")


class Profile:
    """From a picture's own colours to sRGB. Broken or unfit, it changes nothing and `note` says why."""

    def __init__(self, data: bytes | None, mode: str) -> None:
        self.note: str | None = None
        self._transform: ImageCms.ImageCmsTransform | None = None
        self._mode = "RGB"
        if mode == "LAB":
            self._build(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), "LAB")
        elif data is not None:
            self._read(data, mode)

    def to_srgb(self, image: Image.Image) -> Image.Image:
        """RGB, whatever plain mode the picture has."""
        if self._transform is None:
            return image.convert("RGB")
        out = ImageCms.applyTransform(image if image.mode == self._mode else image.convert(self._mode), self._transform)
        assert out is not None  # noqa: S101 - None only where the picture itself is changed
        return out

    def _read(self, data: bytes, mode: str) -> None:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
            space = profile.profile.xcolor_space.strip()
        except (OSError, ImageCms.PyCMSError, ValueError, TypeError):
            self.note = "broken ICC profile"
            return
        # CMYK must stay what it is, and a profile of greys says nothing of colours.
        base = mode if mode in ("CMYK", "LAB") else Image.getmodebase(mode)
        if _MODE_OF.get(space) != base:
            self.note = f"ICC profile for {space} in a picture of {mode}"
            return
        self._build(profile, base)

    def _build(self, profile: ImageCms.ImageCmsProfile, mode: str) -> None:
        try:
            transform = ImageCms.buildTransform(
                profile, ImageCms.createProfile("sRGB"), mode, "RGB", ImageCms.Intent.PERCEPTUAL
            )
        except (OSError, ImageCms.PyCMSError, ValueError):
            self.note = "broken ICC profile"
            return
        if mode == "RGB" and _changes_nothing(transform):
            return
        self._transform, self._mode = transform, mode


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    lattice = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    moved = ImageCms.applyTransform(Image.fromarray(lattice), transform)
    return int(np.abs(np.asarray(moved, np.int16) - lattice).max()) <= _SRGB_WITHIN
