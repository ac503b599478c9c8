"""The nearest vectors of each, exactly, without those of its own picture or burst. Pure, in bounded memory.

Of every 32 cosines only the greatest is looked at first: the twenty best lie in the twenty groups with the greatest,
and to find those is a thirtieth of the work of sorting all.

What is not here: what follows of being far from everything (scores.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Places = NDArray[np.int64]
Cosines = NDArray[np.float32]

GROUP: Final = 32
ROWS: Final = 512
MOST_COSINES: Final = 2**25
"""Held at once: 128 MB."""
NOBODY: Final = -1
NEVER: Final = np.float32(-2.0)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """For each target its nearest, the nearest first; NOBODY where there are fewer."""

    places: Places
    cosines: Cosines

    def mean_cosine(self) -> NDArray[np.float64]:
        """How dense it is around each: the mean of those that there are; NaN where there is nobody."""
        there = self.places != NOBODY
        totals = np.where(there, self.cosines, 0).sum(axis=1, dtype=np.float64)
        counts = there.sum(axis=1)
        means = np.full(len(totals), np.nan)
        np.divide(totals, counts, out=means, where=counts > 0)
        return means

    def nearest_cosine(self) -> NDArray[np.float64]:
        there = self.places[:, 0] != NOBODY
        return np.where(there, self.cosines[:, 0].astype(np.float64), np.nan)


def neighbours(vectors: Vectors, *, kin: Places, targets: Places, most: int) -> Neighbours:
    """Of the rows `targets`. Who has one number in `kin` is no neighbour. Of equally near ones the first come first."""
    count = len(vectors)
    places = np.full((len(targets), most), NOBODY, np.int64)
    cosines = np.full((len(targets), most), NEVER, np.float32)
    if not count:
        return Neighbours(places, cosines)
    width = -(-count // GROUP) * GROUP
    order = np.argsort(kin, kind="stable")
    in_order = kin[order]
    rows = max(1, min(ROWS, MOST_COSINES // width))
    for start in range(0, len(targets), rows):
        own = targets[start : start + rows]
        near = np.full((len(own), width), NEVER, np.float32)
        near[:, :count] = vectors[own] @ vectors.T
        firsts = np.searchsorted(in_order, kin[own], side="left")
        lasts = np.searchsorted(in_order, kin[own], side="right")
        for row, (first, last) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True)):
            near[row, order[first:last]] = NEVER
        found = _best(near, most)
        kept = np.take_along_axis(near, found, axis=1)
        there = kept > NEVER
        stop = start + len(own)
        places[start:stop, : found.shape[1]] = np.where(there, found, NOBODY)
        cosines[start:stop, : found.shape[1]] = kept
    return Neighbours(places, cosines)


def _best(near: Cosines, most: int) -> Places:
    """The columns of the greatest of each row, in falling order; of equal ones the lower column first."""
    rows, width = near.shape
    groups = width // GROUP
    if groups > most:
        tops = near.reshape(rows, groups, GROUP).max(axis=2)
        # A group that ties with the last chosen one may be left out: an equal cosine is as near.
        chosen = np.sort(np.argpartition(tops, groups - most, axis=1)[:, groups - most :], axis=1)
        columns = (chosen[:, :, None] * GROUP + np.arange(GROUP)).reshape(rows, -1)
    else:
        columns = np.broadcast_to(np.arange(width), (rows, width))
    order = np.argsort(-np.take_along_axis(near, columns, axis=1), axis=1, kind="stable")[:, :most]
    found: Places = np.take_along_axis(columns, order, axis=1).astype(np.int64)
    return found
