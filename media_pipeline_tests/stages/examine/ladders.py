"""Real photographs, and what is done to them step by step to see whether their quality falls.

What is not here: what must follow (test_quality.py), the tables (benchmarks/calibrate_quality.py).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from media_pipeline.stages.examine.quality import Quality, Seen, quality

Tables = tuple[tuple[int, ...], ...]

FOLDERS = ("exif-samples/jpg", "burst-berlin", "nature-photos", "imagededup-fixtures/base_images", "clothing10")
# Broken on purpose, no photograph (a drawing, a black frame), or another of the same folder turned.
LEFT_OUT = ("/invalid/", "photoshop_import", "tflite", "67-0_length_string", *(f"_{turn}.jpg" for turn in range(2, 9)))
LONG_EDGE_PX = 500
# Ladders of larger photos are of their centre: all native pixels, a tenth of the time.
LADDER_PX = 1400

BLUR_SIGMAS = (0, 1, 2, 4, 8)
JPEG_QUALITIES = (95, 85, 75, 60, 40, 25, 15, 5)
NOISE_SIGMAS = (0, 5, 10, 20, 40, 60)


@dataclass(frozen=True, slots=True)
class Photo:
    picture: Image.Image
    tables: Tables = ()

    def quality(self) -> Quality:
        """As the stage would see it."""
        width, height = self.picture.size
        small, scale = self.picture, 640 / max(width, height)
        if scale < 1:
            size = max(1, round(width * scale)), max(1, round(height * scale))
            small = self.picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2)
        left, top = max(0, (width - 512) // 2), max(0, (height - 512) // 2)
        patch = self.picture.crop((left, top, min(width, left + 512), min(height, top + 512)))
        return quality(Seen(width, height, small, patch, self.tables, width * height))

    def points(self) -> float:
        return self.quality().points


def photos(testdata: Path) -> list[Path]:
    """All real photographs of at least 500 px."""
    found = []
    for path in sorted(path for folder in FOLDERS for path in (testdata / folder).rglob("*.*")):
        if any(part in str(path) for part in LEFT_OUT) or path.suffix.lower() not in (".jpg", ".jpeg", ".png", ".bmp"):
            continue
        with Image.open(path) as image:
            if max(image.size) >= LONG_EDGE_PX:
                found.append(path)
    return found


def read(path: Path | io.BytesIO) -> Photo:
    with Image.open(path) as image:
        tables = getattr(image, "quantization", {})
        return Photo(image.convert("RGB"), tuple(tuple(table) for _, table in sorted(tables.items())))


def saved(picture: Image.Image, jpeg_quality: int) -> Photo:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=jpeg_quality)
    return read(file)


def centre(picture: Image.Image) -> Image.Image:
    width, height = min(picture.width, LADDER_PX), min(picture.height, LADDER_PX)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def _blurred(picture: Image.Image) -> Iterator[Photo]:
    for sigma in BLUR_SIGMAS:
        yield Photo(picture.filter(ImageFilter.GaussianBlur(sigma)) if sigma else picture)


def _compressed(picture: Image.Image) -> Iterator[Photo]:
    return (saved(picture, level) for level in JPEG_QUALITIES)


def _compressed_then_png(picture: Image.Image) -> Iterator[Photo]:
    return (Photo(saved(picture, level).picture) for level in JPEG_QUALITIES)


def _noisy(picture: Image.Image) -> Iterator[Photo]:
    pixels = np.asarray(picture, dtype=np.float32)
    drawn = np.random.default_rng(1).standard_normal(pixels.shape, dtype=np.float32)
    for sigma in NOISE_SIGMAS:
        yield Photo(Image.fromarray(np.clip(pixels + sigma * drawn + 0.5, 0, 255).astype(np.uint8)))


LADDERS: Mapping[str, Callable[[Image.Image], Iterator[Photo]]] = {
    "blur": _blurred,
    "jpeg": _compressed,
    "noise": _noisy,
}
RESAVED: Callable[[Image.Image], Iterator[Photo]] = _compressed_then_png


def _reduced(photo: Photo, factor: int) -> Image.Image:
    size = max(1, photo.picture.width // factor), max(1, photo.picture.height // factor)
    return photo.picture.resize(size, Image.Resampling.LANCZOS)


COPIES: Mapping[str, Callable[[Photo], Photo]] = {
    "JPEG 40": lambda photo: saved(photo.picture, 40),
    "JPEG 40, then PNG": lambda photo: Photo(saved(photo.picture, 40).picture),
    "half size, PNG": lambda photo: Photo(_reduced(photo, 2)),
    "half size, JPEG 92": lambda photo: saved(_reduced(photo, 2), 92),
    "quarter size, PNG": lambda photo: Photo(_reduced(photo, 4)),
    "quarter size, JPEG 92": lambda photo: saved(_reduced(photo, 4), 92),
}


def falls(points: Sequence[float]) -> bool:
    """Each rung is below the one before."""
    return all(later < earlier for earlier, later in pairwise(points))
