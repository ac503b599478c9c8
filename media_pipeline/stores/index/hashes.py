"""A perceptual hash in the index: the bits in which two differ, and bands by which near ones are found. Pure.

Eight bands of eight bits: hashes at most seven bits apart have a band in common (the pigeonhole), so that «near» can be
a filter. Not here: how hashes are made (stages/examine), and pairs of them (stages/group).
"""

from __future__ import annotations

BANDS = 8
BAND_BITS = 8
# Up to here a filter by bands misses nothing.
MAX_BANDED_BITS = BANDS - 1


def bands(phash: str) -> tuple[int, ...]:
    """One number for each band: which band it is, and its bits."""
    bits = int(phash, 16)
    return tuple((place << BAND_BITS) | (bits >> (BAND_BITS * place) & 0xFF) for place in range(BANDS))


def bits_apart(one: str, other: str) -> int:
    """In how many bits two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()
