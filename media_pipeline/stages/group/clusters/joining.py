"""Incremental clustering: each vector joins the nearest centroid, or is the first of a new cluster. Pure.

As if one vector came after the other, and exactly so; but the product of many with all centroids is one matrix product,
and only the few centroids that moved meanwhile are looked at again. It depends on the order, as every way does that
never looks back; clustering.py does not.

What is not here: centroids (centroids.py), clustering of everything anew (clustering.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from media_pipeline.stages.group.clusters.centroids import Centroids, Labels, Vectors, directions, summands

MOST_ROWS: Final = 256
MOST_COSINES: Final = 2**24
"""Cosines held at once: 64 MB."""
NEVER: Final = np.float32(-2.0)


@dataclass(frozen=True, slots=True)
class Joined:
    """The cluster of each vector, how near it was when it came, and all centroids afterwards, new ones at the end."""

    labels: Labels
    cosines: NDArray[np.float32]
    centroids: Centroids


def joined(vectors: Vectors, centroids: Centroids, *, min_cosine: float) -> Joined:
    """In the order of the rows. Of equally near clusters the first takes it."""
    known, dims = len(centroids.counts), vectors.shape[1]
    sums, counts, of = centroids.sums.copy(), centroids.counts.copy(), directions(centroids.sums)
    labels, cosines = np.empty(len(vectors), np.int64), np.empty(len(vectors), np.float32)
    start = 0
    while start < len(vectors):
        stop = min(len(vectors), start + max(1, min(MOST_ROWS, MOST_COSINES // max(known, 1))))
        if len(sums) < known + stop - start:
            room = max(len(sums) // 4, stop - start)
            sums = np.concatenate([sums, np.zeros((room, dims), np.int64)])
            of = np.concatenate([of, np.zeros((room, dims), np.float32)])
            counts = np.concatenate([counts, np.zeros(room, np.int64)])
        block = vectors[start:stop]
        near = block @ of[:known].T
        # Those that moved: their cosines in `near` are of where they were.
        moved = np.empty((len(block), dims), np.float32)
        places: list[int] = []
        slots: dict[int, int] = {}
        for row, vector in enumerate(block):
            label, cosine = _nearest(near[row], moved[: len(places)] @ vector, places)
            if cosine < min_cosine:
                label, cosine = known, np.float32(1.0)
                known += 1
            sums[label] += summands(vector)
            counts[label] += 1
            of[label] = directions(sums[label][None])[0]
            if label not in slots:
                slots[label] = len(places)
                places.append(label)
                if label < near.shape[1]:
                    near[:, label] = NEVER
            moved[slots[label]] = of[label]
            labels[start + row], cosines[start + row] = label, cosine
        start = stop
    return Joined(labels, cosines, Centroids(sums[:known], counts[:known]))


def _nearest(near: NDArray[np.float32], moved: NDArray[np.float32], places: list[int]) -> tuple[int, np.float32]:
    """(label, cosine) of the best of both; NEVER where there is no cluster at all."""
    found = [(NEVER, 0)]
    if len(near):
        place = int(near.argmax())
        found.append((near[place], place))
    if len(moved):
        most = moved.max()
        found.append((most, min(places[slot] for slot in np.flatnonzero(moved == most).tolist())))
    cosine, label = max(found, key=lambda one: (one[0], -one[1]))
    return label, cosine
