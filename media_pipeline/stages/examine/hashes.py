"""Perceptual hashes of the upright picture, 64 bits each, in the hex that `imagehash` prints. Pure.

`imagehash` is the definition: its hex is used, and the tests compare with its hashes. Its functions are not: each
begins anew with the whole original. Here greys are made once, by plain means down to a long edge of 640 px, and resized
by Pillow as `imagehash` does. The cosine transform is scipy's: a product of matrices is faster and not the same on
pictures that are nearly flat.

What is not here: how hashes are compared (stages/group).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

VERSION = "3"

SIDE: Final = 8
# pHash: 8 x 8 of the lowest frequencies of so many times as many.
FINER: Final = 4
# Half of it loses bits, twice of it gains none.
GREYS_PX: Final = 640

Bits: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Hashes:
    """16 hex digits each."""

    phash: str
    dhash: str
    ahash: str
    whash: str


def hashes(upright: Image.Image) -> Hashes | None:
    """One grey all over has none: it would be the twin of every other such picture."""
    whole = upright.convert("L")
    # Of a panorama the height must stay more than a hash needs.
    most = min(whole.size) // (2 * SIDE * FINER)
    greys = whole.reduce(max(1, min(max(whole.size) // GREYS_PX, most)))
    low, high = greys.getextrema()
    if low == high:
        return None
    # The others ask for a quarter of its rows. What was small stays as the definition has it, to the bit.
    coarse = greys if greys.size == whole.size else greys.reduce(max(1, min(2, most // 2)))
    return Hashes(_hex(_phash(greys)), _hex(_dhash(coarse)), _hex(_ahash(coarse)), _hex(_whash(coarse)))


def _phash(greys: Image.Image) -> Bits:
    """Frequencies above their median."""
    from scipy.fft import dct

    pixels = _resized(greys, SIDE * FINER, SIDE * FINER)
    low = dct(dct(pixels, axis=0), axis=1)[:SIDE, :SIDE]
    return np.asarray(low > np.median(low))


def _dhash(greys: Image.Image) -> Bits:
    """Brighter than the neighbour on the left."""
    pixels = _resized(greys, SIDE + 1, SIDE)
    return np.asarray(pixels[:, 1:] > pixels[:, :-1])


def _ahash(greys: Image.Image) -> Bits:
    """Brighter than the mean."""
    pixels = _resized(greys, SIDE, SIDE)
    return np.asarray(pixels > pixels.mean())


def _whash(greys: Image.Image) -> Bits:
    """Haar's wavelet down to 8 x 8 are the sums of squares of pixels, above their median. They are whole numbers here:
    the wavelet's own rounding decides ties of `imagehash`, and does so by chance."""
    side = max(SIDE, 1 << (min(greys.size).bit_length() - 1))
    pixels = _resized(greys, side, side)
    block = side // SIDE
    sums = pixels.reshape(SIDE, block, SIDE, block).sum(axis=(1, 3), dtype=np.int64)
    return np.asarray(sums > np.median(sums))


def _resized(greys: Image.Image, width: int, height: int) -> NDArray[Any]:
    return np.asarray(greys.resize((width, height), Image.Resampling.LANCZOS))


def _hex(bits: Bits) -> str:
    return str(imagehash.ImageHash(bits))
