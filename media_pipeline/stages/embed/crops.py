"""The parts of a picture that draw the eye, found without a model: what stands out from its surroundings. Pure.

Spectral residual (Hou and Zhang, 2007): what a picture's spectrum has beyond its own smooth course is what is new in
it. Windows of two sizes are laid over that map, and those taken that hold more of it than the picture does on average,
no two of them much over each other. None is the whole picture: its vector is there already.

What is not here: the vectors (vectors.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Map = NDArray[np.float64]

VERSION = "1"
EDGE_PX: Final = 320
# The spectrum is that of a small picture: at 64 px a thing is salient, at 320 its texture is.
SPECTRUM_PX: Final = 64
SMOOTH = 5
SIDES: Final = (0.75, 0.5)
"""Sides of the square windows, in shares of the shorter edge. At 640 px these are more pixels than a model sees."""
STEPS = 16
MAX_OVERLAP = 0.3
MIN_LIFT: Final = 1.05
"""How much denser than the whole picture a window must be: below it the picture is the same all over."""
FLAT = 2.0


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a picture, in shares of its width and height."""

    x: float
    y: float
    width: float
    height: float


def crops(picture: Image.Image, count: int) -> list[Box]:
    """Up to `count` parts, the one that stands out most first; none of a picture that is the same all over."""
    grey = picture.convert("L")
    grey.thumbnail((EDGE_PX, EDGE_PX), Image.Resampling.BILINEAR, reducing_gap=2.0)
    if float(np.asarray(grey, np.float64).std()) < FLAT:
        return []
    found: list[tuple[float, Box]] = []
    sums = _sums(saliency(grey))
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    whole = sums[-1, -1] / (width * height)
    for share in SIDES:
        side = round(share * min(width, height))
        if side < 1 or (side >= width and side >= height):
            continue
        step = max(1, side // STEPS)
        tops, lefts = np.arange(0, height - side + 1, step), np.arange(0, width - side + 1, step)
        inside = _inside(sums, tops, lefts, side) / side**2 / whole
        best = inside >= MIN_LIFT
        found += [
            (float(inside[row, column]), Box(lefts[column] / width, tops[row] / height, side / width, side / height))
            for row, column in zip(*np.nonzero(best), strict=True)
        ]
    # The denser first; of two alike the one further up and left, so that the order is always the same.
    found.sort(key=lambda scored: (-scored[0], scored[1].y, scored[1].x))
    chosen: list[Box] = []
    for _, box in found:
        if len(chosen) == count:
            break
        if all(overlap(box, other) <= MAX_OVERLAP for other in chosen):
            chosen.append(Box(*(float(value) for value in (box.x, box.y, box.width, box.height))))
    return chosen


def saliency(grey: Image.Image) -> Map:
    """How much each place stands out: the size of the picture, never negative."""
    scale = SPECTRUM_PX / max(grey.size)
    size = max(8, round(grey.width * scale)), max(8, round(grey.height * scale))
    small = grey.resize(size, Image.Resampling.BOX)
    values = np.asarray(small, np.float64)
    spectrum = np.fft.fft2(values)
    logs = np.log(np.abs(spectrum) + 1e-9)
    residual = np.exp(logs - _smoothed(logs, 1) + 1j * np.angle(spectrum))
    found = _smoothed(np.abs(np.fft.ifft2(residual)) ** 2, SMOOTH)
    return np.asarray(
        Image.fromarray(found.astype(np.float32)).resize(grey.size, Image.Resampling.BILINEAR), np.float64
    )


def overlap(one: Box, other: Box) -> float:
    """What both share, of what either covers."""
    wide = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    high = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    both = max(0.0, wide) * max(0.0, high)
    return both / (one.width * one.height + other.width * other.height - both)


def cut(picture: Image.Image, box: Box) -> Image.Image:
    """That part of the picture, whatever its size."""
    left, top = round(box.x * picture.width), round(box.y * picture.height)
    right, bottom = round((box.x + box.width) * picture.width), round((box.y + box.height) * picture.height)
    return picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def _smoothed(values: Map, reach: int) -> Map:
    """The mean of each place and those around it; the edges are repeated."""
    padded = np.pad(values, reach, "edge")
    sums = _sums(padded)
    size = 2 * reach + 1
    rows, columns = np.arange(values.shape[0]), np.arange(values.shape[1])
    return _inside(sums, rows, columns, size) / size**2


def _sums(values: Map) -> Map:
    """Of everything above and to the left of each place."""
    return np.pad(values.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))


def _inside(sums: Map, tops: NDArray[np.intp], lefts: NDArray[np.intp], side: int) -> Map:
    rows, columns = tops[:, None], lefts[None, :]
    found: Map = sums[rows + side, columns + side] - sums[rows, columns + side] - sums[rows + side, columns]
    return found + sums[rows, columns]
