"""What pixels tell of a picture: detail by octaves, noise, the steps of a JPEG, colour. Pure.

What is not here: what these are worth in points, and when they are a flaw (quality.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Blocks in which noise is measured; large enough that chance moves their mean by 5 % only.
NOISE_BLOCK_PX: Final = 16
# The calmest tenth of the blocks shows noise, the rest texture. Against noise drawn into 124 photos (sigma 5 to 60 in
# each channel, 3.3 to 40 in grey) it gives 3.1 and 30: what clips at black and white is missing.
CALM_PERCENTILE: Final = 10
# 0.299, 0.587 and 0.114 squared, summed, rooted: what independent noise of the channels is in grey.
GREY_SHARE_OF_NOISE: Final = 0.668
# Blocks of which more is cut off at black or white show less noise than there is.
CLIPPED_SHARE: Final = 0.02
# Coefficients below are rounding: the errors of three channels and of grey give a deviation of 0.35.
ROUNDING: Final = 1.5
BLOCK_PX: Final = 8
# The first nine of a block's zigzag after its mean: (row, column).
LOW_FREQUENCIES: Final = ((0, 1), (1, 0), (2, 0), (1, 1), (0, 2), (0, 3), (1, 2), (2, 1), (3, 0))
TINY_EDGE_PX: Final = 80

_u = np.arange(BLOCK_PX)
_COSINES: Final[Grey] = (
    np.cos((2 * _u[None, :] + 1) * _u[:4, None] * np.pi / 16) * np.where(_u[:4, None] == 0, math.sqrt(1 / 8), 0.5)
).astype(np.float32)


def grey(picture: Image.Image) -> Grey:
    return np.asarray(picture.convert("L"), dtype=np.float32)


def clipped(picture: Image.Image) -> Mask:
    """Where a channel is cut off at black or white."""
    # One comparison for both: 255 becomes 0 and 0 becomes 1.
    channels = np.asarray(picture) + np.uint8(1) < 2
    found: Mask = channels[..., 0] | channels[..., 1] | channels[..., 2]
    return found


def structure(values: Grey, distances: Sequence[int]) -> tuple[float | None, ...]:
    """For each distance: the mean square difference of pixels so far apart, across and down; None if none are."""
    return tuple(_mean_square(values, distance) for distance in distances)


def _mean_square(values: Grey, distance: int) -> float | None:
    total, pairs = 0.0, 0
    for one, other in ((values[:, distance:], values[:, :-distance]), (values[distance:], values[:-distance])):
        if one.size:
            apart = (one - other).ravel()
            total += float(np.dot(apart, apart))
            pairs += apart.size
    return total / pairs if pairs else None


def noise(values: Grey, cut_off: Mask) -> float:
    """The standard deviation of noise in grey levels, after Immerkær, in the calm parts; 0.0 where there are none.

    His mean over the whole picture takes leaves for noise.
    """
    if min(values.shape) < NOISE_BLOCK_PX + 2:
        return 0.0
    rows = values[2:] + values[:-2] - 2 * values[1:-1]
    response = np.abs(rows[:, 2:] + rows[:, :-2] - 2 * rows[:, 1:-1])
    blocks, shares = _block_means(response), _block_means(cut_off[1:-1, 1:-1])
    # Where a white ground is cut off, noise is too. Under much noise something is everywhere: then the least quarter.
    kept = blocks[shares <= max(CLIPPED_SHARE, float(np.percentile(shares, 25)))]
    calm = np.percentile(kept, CALM_PERCENTILE)
    return float(calm) * math.sqrt(math.pi / 2) / 6


def _block_means(values: Grey | Mask) -> Grey:
    down, across = (side // NOISE_BLOCK_PX for side in values.shape)
    whole = values[: down * NOISE_BLOCK_PX, : across * NOISE_BLOCK_PX]
    means: Grey = whole.reshape(down, NOISE_BLOCK_PX, across, NOISE_BLOCK_PX).mean(axis=(1, 3), dtype=np.float32)
    return means.ravel()


def table_step(quantization: Sequence[Sequence[int]]) -> float:
    """The step of the low frequencies by a JPEG's own table of brightness, in Pillow's order; 0.0 without one."""
    if not quantization or len(quantization[0]) != BLOCK_PX**2:
        return 0.0
    return _geometric_mean([max(1, quantization[0][row * BLOCK_PX + column]) for row, column in LOW_FREQUENCIES])


def shown_step(values: Grey, cut_off: Mask) -> float:
    """The step of the low frequencies by the pixels, whatever file they are in now; about 2 where none ever was.

    Coefficients of what was once a JPEG lie on multiples of its step, so that the smallest that are not zero are the
    step: over 38 photos saved as JPEG and again without loss, the median is within 3 % of the table's from quality 75
    down to 15. It stays with the coarser of two savings.
    """
    if min(values.shape) < 5 * BLOCK_PX:
        return 0.0
    left, top = _grid(values), _grid(values.T)
    down, across = (values.shape[0] - top) // BLOCK_PX, (values.shape[1] - left) // BLOCK_PX
    rows, columns = slice(top, top + down * BLOCK_PX), slice(left, left + across * BLOCK_PX)
    # What was cut off at black or white is on no multiple: at quality 5 nine blocks in ten of a white ground are.
    whole = ~np.any(cut_off[rows, columns].reshape(down, BLOCK_PX, across, BLOCK_PX), axis=(1, 3)).ravel()
    # A product for each row of blocks: one for each block takes four times as long, and one for all lets BLAS start
    # threads, which doubles the CPU time.
    by_column = values[rows, columns].reshape(down, BLOCK_PX * across, BLOCK_PX) @ _COSINES.T
    by_row = _COSINES @ by_column.reshape(down, BLOCK_PX, -1)
    by_frequency = np.abs(by_row).reshape(down, len(_COSINES), across, -1).transpose(1, 3, 0, 2)
    coefficients = by_frequency.reshape(len(_COSINES), len(_COSINES), -1)
    if whole.sum() >= 64:
        coefficients = coefficients[..., whole]
    steps = [_smallest_step(coefficients[row, column]) for row, column in LOW_FREQUENCIES]
    found = [step for step in steps if step]
    return _geometric_mean(found) if len(found) >= 3 else 0.0


def _grid(values: Grey) -> int:
    """The column at which blocks begin: there neighbours differ more than on either side."""
    apart = np.abs(values[:, 1:] - values[:, :-1])
    jump = np.maximum(apart[:, 1:-1] - np.maximum(apart[:, :-2], apart[:, 2:]), 0).mean(axis=0)
    folded = jump[: jump.size // BLOCK_PX * BLOCK_PX].reshape(-1, BLOCK_PX).mean(axis=0)
    return (int(folded.argmax()) + 2) % BLOCK_PX


def _smallest_step(sizes: NDArray[np.floating[Any]]) -> float:
    """The step, where sizes gather at its multiples; else the smallest size but a few. 0.0 for too few."""
    nonzero = np.sort(sizes[sizes > ROUNDING])
    if nonzero.size < 20:
        return 0.0
    few, first = (float(nonzero[int(nonzero.size * share)]) for share in (0.06, 0.3))
    between, within_first = np.searchsorted(nonzero, (0.6 * first, 1.4 * first))
    return first if between < 0.15 * within_first else few


def _geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(math.log(value) for value in values) / len(values))


def tiny(picture: Image.Image) -> Image.Image:
    """So small that noise is averaged away and colours stay."""
    factor = max(picture.size) // TINY_EDGE_PX
    return picture.reduce(factor) if factor > 1 else picture


def colourfulness(picture: Image.Image, *, noise: float) -> float:
    """After Hasler and Süsstrunk: 0 for grey, 33 for a photo as many, above 80 for a very colourful one.

    Noise is colourful: what `noise` (grey levels, in this picture) adds to the spread is taken away again.
    """
    pixels = np.asarray(picture, dtype=np.float32)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    # Variances of red - green and of (red + green) / 2 - blue under independent noise: 2 and 1.5 times its own.
    drawn = 3.5 * (noise / GREY_SHARE_OF_NOISE) ** 2
    spread = max(0.0, float(red_green.var(dtype=np.float64)) + float(yellow_blue.var(dtype=np.float64)) - drawn)
    means = math.hypot(float(red_green.mean(dtype=np.float64)), float(yellow_blue.mean(dtype=np.float64)))
    return math.sqrt(spread) + 0.3 * means
