"""The files that the sweep's runs work on: small, drawn, and mixed as life mixes them."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from media_pipeline_tests.films import film, picture, tone

FILES = 220
PICTURES = 110
COPIES = 40
TWINS = 30
FLAT = 15
FILMS = 3
SOUNDS = 2
MADE_AT_NS = 1_700_000_000 * 10**9


def make_uploads(folder: Path) -> None:
    """220 files: pictures, copies of pictures in another size or quality, the same bytes again, one-coloured
    pictures, pictures that are cut off, texts, and files without bytes. Beside them videos and sounds."""
    for place, data in enumerate(_contents()):
        _write(folder / f"{place % 7}" / f"{place:03d}.jpg", data)
    for place in range(FILMS):
        # Two scenes that no other has.
        scenes = [picture(2 * place + scene, step) for scene in range(2) for step in range(25)]
        _write(folder / "films" / f"{place}.mp4", film(scenes))
    for place in range(SOUNDS):
        _write(folder / "sounds" / f"{place}.wav", tone(0.25, hz=300 + 100 * place))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, ns=(MADE_AT_NS, MADE_AT_NS))


def _contents() -> Iterator[bytes]:
    pictures = [_picture(seed) for seed in range(PICTURES)]
    yield from (_jpeg(picture) for picture in pictures)
    for place in range(COPIES):
        width, height = pictures[place].size
        smaller = pictures[place].resize((width * 3 // 4, height * 3 // 4), Image.Resampling.LANCZOS)
        yield _jpeg(smaller if place % 2 else ImageEnhance.Brightness(pictures[place]).enhance(1.05), quality=70)
    yield from (_jpeg(pictures[place * 3]) for place in range(TWINS))
    yield from (_jpeg(Image.new("RGB", (64, 48), (place * 16, 90, 120))) for place in range(FLAT))
    for place in range(FILES - PICTURES - COPIES - TWINS - FLAT):
        whole = _jpeg(pictures[place])
        yield (whole[: len(whole) // 2], b"This is a text.\n" * (place + 1), b"")[place % 3]


def _picture(seed: int) -> Image.Image:
    """Large soft shapes of a few colours, different for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((128, 96), Image.Resampling.BICUBIC)


def _jpeg(picture: Image.Image, quality: int = 90) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()
