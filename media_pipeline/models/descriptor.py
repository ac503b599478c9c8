"""`descriptor-512`: the model without weights, there so that a first run needs no download and no torch.

It knows looks, not meaning: where the edges of a picture run, where its light and colours lie, and which colours it
has. It finds copies, re-encodings, slight crops and frames of one scene; two photographs of one species taken on two
days are strangers to it, and two different T-shirts laid on one wooden floor are not. For meaning choose a CLIP model.

512 numbers, all of the upright sRGB picture squeezed to 96 x 96:
- 6 x 6 x 8 gradient orientations, unsigned, each pixel shared between its neighbouring cells (288);
- 8 x 8 x 3 layout: mean Y, Cb, Cr, shared likewise (192);
- 2 x 4 x 4 histogram of Y, Cb, Cr jointly (32).
The mean of the sample photographs is taken away (descriptor_mean.py) and what is left is scaled to length 1. Without
that mean any two photographs are alike, since all of them have edges everywhere and muted colours.

Thresholds, measured by media_pipeline_tests/benchmarks/calibrate_descriptor.py on 370 photographs (19 of scikit-image,
280 garments, nature, 40 cameras) and 68,261 pairs of strangers among them, by cosine:

    the same picture   lowest   1 %    median        strangers    highest .904, .890, .889, .870
    half size          .989     .997   1.000         >= .50       2.7 %    23 % of them garments of one class
    JPEG 40            .974     .996   .999          >= .60       .91 %    34 %   (any pair: 5.5 %)
    JPEG 75            .995     .999   1.000         >= .70       .26 %    58 %
    crop 2 %           .982     .990   .997          >= .75       .12 %    73 %
    8 % darker         .978     .985   .994          >= .80       .054 %   84 %
    quarter size       .853     .981   .998          >= .88       .004 %
    panned by 10 %     .862     .872   .941          >= .95       none
    mirrored          -.030     .144   .807          the stereo pair of a motorcycle: .919 (pHash: 4 bits apart)

near .95 stands in the middle of what lies between copies and look-alikes: .93 would find 2 % more edited copies, but
two scenes that differ reach .929 and .919. Candidate .90 adds what a person should see: at .88 one pair of look-alikes,
edited in 21 ways, was most of 294 wrong pairs, at .90 nine are wrong (bench_duplicate_quality);
burst .75 keeps every panned frame and one stranger in a thousand, who must also be of the same camera and second;
above cluster .70 most pairs are of one kind.

What is not here: making the derivative that is embedded (stages/examine).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from media_pipeline.errors import EmbeddingError
from media_pipeline.models.descriptor_mean import MEAN_E5
from media_pipeline.models.protocol import Thresholds, Vector, Vectors, no_texts, one_by_one

Array = NDArray[np.float32]

NAME = "descriptor-512"
REVISION = 1
"""To be raised when the code below changes what it computes without changing a constant."""

SIDE = 96
EDGE_CELLS, ORIENTATIONS = 6, 8
LAYOUT_CELLS = 8
LUMA_BINS, CHROMA_BINS, CHROMA_RANGE = 2, 4, (0.3, 0.7)
DIMS = EDGE_CELLS**2 * ORIENTATIONS + LAYOUT_CELLS**2 * 3 + LUMA_BINS * CHROMA_BINS**2

# Weights of the three parts. More layout makes pictures on a white ground strangers no longer (unrelated pairs reach
# .95 at three times this weight); less of it lets a half-size copy of a fine texture fall under .98.
LAYOUT_WEIGHT, CHROMA_GAIN, COLOUR_WEIGHT = 0.1375, 2.0, 0.5
# Added to the length of the edge part, which is about 20 for a photograph and 1 for the JPEG noise of a blank one:
# noise must not be blown up into edges.
FAINT = 1.0
ZERO = 1e-6

CONSTANTS = (
    REVISION, SIDE, EDGE_CELLS, ORIENTATIONS, LAYOUT_CELLS, LUMA_BINS, CHROMA_BINS, CHROMA_RANGE,
    LAYOUT_WEIGHT, CHROMA_GAIN, COLOUR_WEIGHT, FAINT,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Descriptor:
    """The EmbeddingModel `descriptor-512`. It holds nothing, so it may be sent to a worker process."""

    @property
    def name(self) -> str:
        return NAME

    @property
    def version(self) -> str:
        return _version()

    @property
    def space(self) -> str:
        return NAME

    @property
    def dims(self) -> int:
        return DIMS

    @property
    def thresholds(self) -> Thresholds:
        return Thresholds(near=0.95, candidate=0.90, burst=0.75, cluster=0.70)

    @property
    def knows_text(self) -> bool:
        return False

    @property
    def text_scale(self) -> float:
        return 0.0

    def embed(self, picture: bytes) -> Vector:
        return direction(looks(picture))

    def embed_many(self, pictures: Sequence[bytes]) -> list[Vector | EmbeddingError]:
        return one_by_one(self, pictures)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        raise no_texts()


def looks(picture: bytes) -> Array:
    """The 512 numbers before the mean is taken away: what the mean itself is made from."""
    square = _square(picture)
    edges = np.sqrt(_edges(_numbers(square.convert("L")))).ravel()
    ycc = _numbers(square.convert("YCbCr"))
    colours = np.sqrt(_colours(ycc)).ravel()
    return np.concatenate(
        [edges / (np.linalg.norm(edges) + FAINT), LAYOUT_WEIGHT * _layout(ycc).ravel(), COLOUR_WEIGHT * colours]
    ).astype(np.float32)


def direction(raw: Array) -> Vector:
    """`raw` without the mean, of length 1."""
    rest = raw.astype(np.float64) - _mean()
    length = float(np.linalg.norm(rest))
    if length < ZERO:
        raise EmbeddingError("flat_picture", "nothing is left of it beside the mean of all pictures")
    return (rest / length).astype(np.float32)


def _square(picture: bytes) -> Image.Image:
    try:
        with Image.open(BytesIO(picture)) as stored:
            # Twice SIDE: at SIDE itself the JPEG decoder's own scaling aliases, and half-size copies drift away.
            stored.draft("RGB", (2 * SIDE, 2 * SIDE))
            upright = ImageOps.exif_transpose(stored)
            return _on_white(upright).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as wrong:
        raise EmbeddingError("unreadable_picture", f"{type(wrong).__name__}: {wrong}") from wrong


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _numbers(picture: Image.Image) -> Array:
    """Its samples as 0 to 1."""
    numbers: Array = np.asarray(picture, np.float32) / np.float32(255)
    return numbers


def _edges(luma: Array) -> Array:
    """Strength of the edges per cell and orientation; each is shared between the two nearest orientations."""
    framed = np.pad(luma, 1, "edge")
    across = framed[1:-1, 2:] - framed[1:-1, :-2]
    down = framed[2:, 1:-1] - framed[:-2, 1:-1]
    strength = np.hypot(across, down)
    turn = (np.arctan2(down, across) % np.pi) / np.pi * ORIENTATIONS
    below = np.floor(turn)
    share = turn - below
    first = below.astype(np.intp) % ORIENTATIONS
    planes = np.zeros((ORIENTATIONS, SIDE, SIDE), np.float32)
    rows, columns = np.indices((SIDE, SIDE), sparse=True)
    planes[first, rows, columns] = strength * (1 - share)
    planes[(first + 1) % ORIENTATIONS, rows, columns] = strength * share
    tents = _tents(EDGE_CELLS)
    cells = tents @ planes @ tents.T
    return np.ascontiguousarray(cells.transpose(1, 2, 0))


def _layout(ycc: Array) -> Array:
    tents = _tents(LAYOUT_CELLS)
    tents = tents / tents.sum(axis=1, keepdims=True)
    cells = tents @ ycc.transpose(2, 0, 1) @ tents.T - np.float32(0.5)
    cells[1:] *= CHROMA_GAIN
    return np.ascontiguousarray(cells.transpose(1, 2, 0))


def _colours(ycc: Array) -> Array:
    """The joint histogram. Each pixel is shared between neighbouring bins: a hard edge would split a slight change."""
    pixels = ycc.reshape(-1, 3)
    luma = _shares(pixels[:, 0], LUMA_BINS, (0.0, 1.0))
    blue = _shares(pixels[:, 1], CHROMA_BINS, CHROMA_RANGE)
    red = _shares(pixels[:, 2], CHROMA_BINS, CHROMA_RANGE)
    pairs = (blue[:, :, None] * red[:, None, :]).reshape(len(pixels), -1)
    # Rounding may leave a share just under 0, whose square root would be NaN.
    return np.maximum(luma.T @ pairs / len(pixels), 0).astype(np.float32)


def _shares(values: Array, bins: int, ends: tuple[float, float]) -> Array:
    low, high = ends
    place = np.clip((values - low) / (high - low), 0, 1) * (bins - 1)
    shares: Array = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(bins, dtype=np.float32))).astype(np.float32)
    return shares


@lru_cache(maxsize=4)
def _tents(cells: int) -> Array:
    """How much of each of SIDE pixels belongs to each cell: falls to 0 at the middle of the next cell."""
    middles = (np.arange(cells) + 0.5) * SIDE / cells - 0.5
    tents: Array = np.maximum(0, 1 - np.abs(np.arange(SIDE) - middles[:, None]) * cells / SIDE).astype(np.float32)
    return tents


@lru_cache(maxsize=1)
def _mean() -> NDArray[np.float64]:
    return np.array([int(word) for word in MEAN_E5.split()], np.float64) / 1e5


@lru_cache(maxsize=1)
def _version() -> str:
    facts = repr(CONSTANTS) + " ".join(MEAN_E5.split())
    return f"{NAME}-{hashlib.sha256(facts.encode()).hexdigest()[:8]}"
