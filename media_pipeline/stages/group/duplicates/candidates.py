"""Pairs that a person should look at: alike, but not near enough to be one group by themselves. Never merged. Pure.

All pairs are compared, in blocks of the upper triangle: nothing is lost, and the cost is known (100,000 vectors of 512
numbers take about a minute of one core). What is not here: more media than MAX_MEDIA, of which no candidates are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from media_pipeline.stages.group.duplicates.cosines import SLACK, Places, Vectors, exact
from media_pipeline.stages.group.duplicates.groups import Limits

MAX_MEDIA = 300_000
ROWS, COLUMNS = 1024, 8192
# A series of a thousand look-alikes is half a million pairs that nobody reviews: of each file its strongest.
STRONGEST = 20
PRUNED_AT = 4_000_000
HASH_BITS, HASH_COSINE = 10, 0.97


@dataclass(frozen=True, slots=True)
class Pairs:
    """Columns, one row for each pair, `a` before `b`."""

    a: Places
    b: Places
    bits: NDArray[np.int64]
    cosine: NDArray[np.float64]


def candidates(
    vectors: Vectors,
    phashes: NDArray[np.uint64],
    *,
    limits: Limits,
    cosine: float,
    asking: NDArray[np.bool_] | None = None,
    strongest: int = STRONGEST,
) -> Pairs:
    """The pairs with a cosine of at least this, or with hashes within 10 bits and .97, or which pass the tests for near
    and stand in two groups all the same. `asking`: only pairs with at least one of these.

    A pair is kept where it is among the strongest of either of the two.
    """
    floor = min(cosine, HASH_COSINE, limits.cosine)
    found = _no_pairs()
    for a, b in _reaching(vectors, floor, asking):
        bits = np.bitwise_count(phashes[a] ^ phashes[b]).astype(np.int64)
        exactly = exact(vectors, a, b)
        passing = (exactly >= cosine) | ((bits <= HASH_BITS) & (exactly >= HASH_COSINE))
        passing |= (bits <= limits.bits) & (exactly >= limits.cosine)
        found = Pairs(
            np.concatenate([found.a, a[passing]]),
            np.concatenate([found.b, b[passing]]),
            np.concatenate([found.bits, bits[passing]]),
            np.concatenate([found.cosine, exactly[passing]]),
        )
        if len(found.a) > PRUNED_AT:
            found = _pruned(found, strongest)
    return _pruned(found, strongest)


def _no_pairs() -> Pairs:
    places = np.empty(0, np.int64)
    return Pairs(places, places, places, np.empty(0, np.float64))


def _reaching(vectors: Vectors, floor: float, asking: NDArray[np.bool_] | None) -> Iterator[tuple[Places, Places]]:
    least = np.float32(floor) - SLACK
    rows = np.arange(len(vectors)) if asking is None else np.flatnonzero(asking)
    for start in range(0, len(rows), ROWS):
        some = rows[start : start + ROWS]
        block = vectors[some]
        # Of all pairs each is met once, above the diagonal; of some, all their columns are looked at.
        first = start if asking is None else 0
        for column in range(first, len(vectors), COLUMNS):
            near, far = np.nonzero(block @ vectors[column : column + COLUMNS].T >= least)
            a, b = some[near], far + column
            # Two who both ask would meet twice.
            once = a < b if asking is None else (a < b) | ((a > b) & ~asking[b])
            a, b = a[once], b[once]
            yield np.minimum(a, b), np.maximum(a, b)


def _pruned(found: Pairs, strongest: int) -> Pairs:
    """Only what is among the strongest of one of both; whatever is dropped could not come back. In order."""
    count = len(found.a)
    own, other = np.concatenate([found.a, found.b]), np.concatenate([found.b, found.a])
    order = np.lexsort((other, -np.concatenate([found.cosine, found.cosine]), own))
    places = np.arange(len(order))
    begun = np.flatnonzero(np.diff(own[order], prepend=-1))
    within = places - np.repeat(begun, np.diff(np.append(begun, len(order))))
    kept = np.zeros(count, dtype=np.bool_)
    kept[order[within < strongest] % max(count, 1)] = True
    chosen = np.flatnonzero(kept)
    chosen = chosen[np.lexsort((found.b[chosen], found.a[chosen]))]
    return Pairs(found.a[chosen], found.b[chosen], found.bits[chosen], found.cosine[chosen])
