"""Which pictures are near each other: Hamming distance of their hashes and cosine of their vectors. Pure, exact.

What is not here: how pairs become groups (groups.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_BITS = 6
# 2,000 x 100,000 distances are 200 MB of uint8 at most while a block is compared.
BLOCK = 2000


@dataclass(frozen=True, slots=True)
class Pair:
    """Two places in the arrays (the lower first), and by how much they pass both tests."""

    a: int
    b: int
    bits: int
    cosine: float


def bits_of(phashes: list[str]) -> NDArray[np.uint64]:
    """The hex of `imagehash` as numbers."""
    return np.array([int(phash, 16) for phash in phashes], dtype=np.uint64)


def within_bits(hashes: NDArray[np.uint64], max_bits: int, *, block: int = BLOCK) -> Iterator[tuple[int, int, int]]:
    """Every pair at most so many bits apart: (lower place, higher place, bits). All pairs are looked at."""
    for start in range(0, len(hashes), block):
        rows = hashes[start : start + block]
        bits = np.bitwise_count(rows[:, None] ^ hashes[None, start:])
        for row, column in np.argwhere(bits <= max_bits):
            if row < column:
                yield start + int(row), start + int(column), int(bits[row, column])


def near_pairs(
    hashes: NDArray[np.uint64], vectors: NDArray[np.float32], *, min_cosine: float, max_bits: int = MAX_BITS
) -> list[Pair]:
    """The pairs that pass both tests. A hash knows shapes, a vector more: neither is trusted alone."""
    close = [Pair(a, b, bits, float(np.dot(vectors[a], vectors[b]))) for a, b, bits in within_bits(hashes, max_bits)]
    return [pair for pair in close if pair.cosine >= min_cosine]
