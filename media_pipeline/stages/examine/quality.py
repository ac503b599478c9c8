"""How good a picture is for work: 0 to 100 points of four components, and flags. Pure.

Points = resolution 0-30 + sharpness 0-30 + noise and compression 0-20 + colour 0-20. The constants are chosen by
`benchmarks/calibrate_quality.py`, which prints what blur, JPEG, noise and a smaller size do to real photos.
What is not here: how pixels are measured (measures.py), beauty (stages/describe).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from PIL import Image

from media_pipeline.stages.examine import measures

VERSION: Final = "2"

Component = Literal["resolution", "sharpness", "noise_compression", "colour"]
Flag = Literal["blurry", "dark", "overexposed", "low_information", "odd_aspect_ratio"]

MOST: Final[Mapping[Component, int]] = {"resolution": 30, "sharpness": 30, "noise_compression": 20, "colour": 20}
WORDS: Final[Mapping[Component, str]] = {
    "resolution": "resolution",
    "sharpness": "sharpness",
    "noise_compression": "noise and compression",
    "colour": "colour",
}

# Half the size costs 8.2 points. A gentler scale would not outweigh that a half-size copy is sharper and cleaner by
# the pixel: measured, sharpness rises by up to 6 and noise and compression by up to 5.
NO_RESOLUTION_PX: Final = 50_000
FULL_RESOLUTION_PX: Final = 8_000_000

# Detail of an octave is how much less neighbours differ than pixels twice as far apart: 0.25 on a ramp, which a blur
# makes of everything (0.28, 0.26, 0.26 at sigma 1, 2, 4 on the finest), and 0.40 there in the median photo.
SMOOTH: Final = 0.253
CRISP: Final = (0.375, 0.395, 0.405, 0.415)
# Each octave counts this much of the next finer: a blur of 8 must show as well as one of 1.
OCTAVE_WEIGHT: Final = 0.65
NATIVE_DISTANCES: Final = (1, 2, 4, 8, 16)
SMALL_DISTANCES: Final = (1, 2, 4, 8)
# Independent noise adds twice its variance to every distance. It is no detail, so the nearer loses all of it; the
# farther but half: where noise is most of what there is, detail is hardly seen.
NOISE_IN_NEARER: Final = 2.0
NOISE_IN_FARTHER: Final = 1.0
FAINTEST: Final = 0.3
# Sharpness that noise or compression hide is worth a quarter. JPEG 60 of a JPEG 70 is crisper than JPEG 75 of it (its
# steps round up, the median gains 3.5 points): without this one JPEG ladder in two would rise there.
HIDDEN: Final = 0.25

# Errors count as they are seen in the whole picture, at this size: else each half-size copy would be the cleaner one.
VIEWED_PX: Final = 300_000
NOISE_UNIT: Final = 1.0
NOISE_COST: Final = 0.10
STEP_UNIT: Final = 6.0
STEP_COST: Final = 0.18
# The table tells the last saving, pixels the coarsest: both count, so that quality 95 of a JPEG 70 is below it.
TABLE_WEIGHT: Final = 1.2

# The median photo's colourfulness is 34: 15 of 20 points.
VIVID: Final = 25.0

# As cleanvision: the brightest of a dark picture (99th percentile), the darkest of an overexposed one (5th), the
# shorter by the longer side, and bits of grey (its 0.3 of 10).
DARK_BELOW: Final = 0.32
OVEREXPOSED_ABOVE: Final = 0.95
ODD_BELOW: Final = 0.35
LOW_BITS: Final = 3.0
# Share of all detail that is there, before noise and compression hide it: 0.64 to 1 in photos as they were taken, at
# most 0.39 in 19 of 20 of them under a blur of sigma 2.
BLURRY_BELOW: Final = 0.4


@dataclass(frozen=True, slots=True)
class Seen:
    """What one decode shows of an original. Both pictures are RGB; the sizes are the original's, upright.

    `small` has a long edge of at most 640 px; `patch` is up to 512 x 512 native pixels of the centre, None if they were
    not decoded; `quantization` a JPEG's tables as Pillow orders them, brightness first, or nothing.
    """

    width_px: int
    height_px: int
    small: Image.Image
    patch: Image.Image | None
    quantization: tuple[tuple[int, ...], ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Quality:
    """`histogram`: pixels of `small` in 16 equal steps of red, then of green, then of blue."""

    points: float
    components: Mapping[Component, float]
    version: str
    why: str
    histogram: tuple[int, ...]
    mean_brightness: float
    aspect_ratio: float
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class _Errors:
    """In grey levels: noise, the step of the file's table, the step that pixels show."""

    noise: float
    table_step: float
    shown_step: float

    def clean(self, pixels: int) -> float:
        """1 for no error that is seen, 0 for nothing else."""
        view = math.sqrt(VIEWED_PX / pixels)
        step = math.hypot(TABLE_WEIGHT * self.table_step, self.shown_step)
        lost = NOISE_COST * math.log2(1 + self.noise * view / NOISE_UNIT)
        lost += STEP_COST * math.log2(1 + step * view / STEP_UNIT)
        return max(0.0, 1 - lost)


def quality(seen: Seen) -> Quality:
    """Points with their components and reasons. Deterministic; finite for any picture."""
    pixels = seen.width_px * seen.height_px
    native = _native(seen)
    brightness = seen.small.convert("L")
    small_grey = measures.grey(brightness)
    native_grey = small_grey if native is seen.small else measures.grey(native)
    cut_off = measures.clipped(native)
    measured = measures.noise(native_grey, cut_off)
    errors = _Errors(
        # Reducing has hidden noise by as much as it would have hidden independent noise.
        measured if native is not seen.small else measured * math.sqrt(max(1.0, pixels / math.prod(native.size))),
        measures.table_step(seen.quantization),
        measures.shown_step(native_grey, cut_off),
    )
    in_small = errors.noise * math.sqrt(min(1.0, math.prod(seen.small.size) / pixels))
    detail = _detail(native_grey, NATIVE_DISTANCES, noise=measured) / 2
    detail += _detail(small_grey, SMALL_DISTANCES, noise=in_small) / 2
    tiny = measures.tiny(seen.small)
    in_tiny = errors.noise * math.sqrt(min(1.0, math.prod(tiny.size) / pixels))
    clean = errors.clean(pixels)
    shares: dict[Component, float] = {
        "resolution": _resolution(pixels),
        "sharpness": detail * (HIDDEN + (1 - HIDDEN) * clean),
        "noise_compression": clean,
        "colour": 1 - math.exp(-measures.colourfulness(tiny, noise=in_tiny) / VIVID),
    }
    components = {name: round(MOST[name] * share, 2) for name, share in shares.items()}
    return Quality(
        points=round(sum(components.values()), 2),
        components=components,
        version=VERSION,
        why=_why(components, errors, pixels),
        histogram=_sixteenths(seen.small.histogram()),
        mean_brightness=round(float(small_grey.mean(dtype="float64")) / 255, 4),
        aspect_ratio=round(seen.width_px / seen.height_px, 4),
        flags=_flags(seen, detail, brightness.histogram()),
    )


def _native(seen: Seen) -> Image.Image:
    """Native pixels where there are any. Reduced ones are cleaner than the original, so they are the last resort."""
    if seen.patch is None or seen.small.size == (seen.width_px, seen.height_px):
        return seen.small
    return seen.patch


def _resolution(pixels: int) -> float:
    return min(1.0, max(0.0, math.log2(pixels / NO_RESOLUTION_PX) / math.log2(FULL_RESOLUTION_PX / NO_RESOLUTION_PX)))


def _detail(values: measures.Grey, distances: Sequence[int], *, noise: float) -> float:
    """0 for a ramp, 1 for a picture that is crisp in every octave."""
    found, possible = 0.0, 0.0
    for octave, (nearer, farther) in enumerate(pairwise(measures.structure(values, distances))):
        weight = OCTAVE_WEIGHT**octave
        possible += weight
        if nearer is None or farther is None:
            continue
        signal = max(0.0, nearer - NOISE_IN_NEARER * noise**2)
        around = max(0.0, farther - NOISE_IN_FARTHER * noise**2) + FAINTEST
        found += weight * min(1.0, max(0.0, (signal / around - SMOOTH) / (CRISP[octave] - SMOOTH)))
    return found / possible


def _sixteenths(histogram: list[int]) -> tuple[int, ...]:
    return tuple(sum(histogram[start : start + 16]) for start in range(0, len(histogram), 16))


def _flags(seen: Seen, detail: float, levels: list[int]) -> tuple[Flag, ...]:
    short, long = sorted((seen.width_px, seen.height_px))
    total = sum(levels)
    bits = -sum(count / total * math.log2(count / total) for count in levels if count)
    raised: dict[Flag, bool] = {
        "blurry": detail < BLURRY_BELOW,
        "dark": _percentile(levels, 0.99) < DARK_BELOW,
        "overexposed": _percentile(levels, 0.05) > OVEREXPOSED_ABOVE,
        "low_information": bits < LOW_BITS,
        "odd_aspect_ratio": short / long < ODD_BELOW,
    }
    return tuple(flag for flag, is_raised in raised.items() if is_raised)


def _percentile(levels: list[int], share: float) -> float:
    """The brightness, 0 to 1, that this share of the pixels does not exceed."""
    wanted, below = share * sum(levels), 0
    for level, count in enumerate(levels):
        below += count
        if below >= wanted:
            return level / 255
    return 1.0


def _why(components: Mapping[Component, float], errors: _Errors, pixels: int) -> str:
    """What costs the most, with what was measured."""
    weakest = max(MOST, key=lambda name: MOST[name] - components[name])
    step = max(errors.table_step, errors.shown_step)
    parts = ", ".join(f"{WORDS[name]} {components[name]:.0f} of {most}" for name, most in MOST.items())
    return (
        f"Loses most by {WORDS[weakest]}: {parts}, at {pixels / 1e6:.2f} megapixels with noise of {errors.noise:.1f} "
        f"and compression steps of {step:.0f} grey levels."
    )
