"""Centroids: the exact sum of a cluster's vectors and how many they are, made a direction only when it is read. Pure.

A centroid that is made a unit vector again at each step weighs every member by when it came. The sum does not, and as
whole numbers it is the same in any order: a sum of floats is not.

What is not here: which vector joins which centroid (joining.py, clustering.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

UNIT: Final = 2.0**36
"""Steps of a component of 1: finer than float32, and 130 million vectors of one direction still fit."""
ROWS_AT_A_TIME: Final = 4096

Vectors = NDArray[np.float32]
Sums = NDArray[np.int64]
Counts = NDArray[np.int64]
Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Centroids:
    """One row for each cluster."""

    sums: Sums
    counts: Counts

    @classmethod
    def none(cls, dims: int) -> Centroids:
        return cls(np.zeros((0, dims), np.int64), np.zeros(0, np.int64))

    @classmethod
    def of(cls, vectors: Vectors, labels: Labels, count: int) -> Centroids:
        """Of clusters 0 to `count` - 1; a label below 0 is in none."""
        sums = np.zeros((count, vectors.shape[1]), np.int64)
        for start in range(0, len(vectors), ROWS_AT_A_TIME):
            own = labels[start : start + ROWS_AT_A_TIME]
            np.add.at(sums, own[own >= 0], summands(vectors[start : start + ROWS_AT_A_TIME][own >= 0]))
        return cls(sums, np.bincount(labels[labels >= 0], minlength=count).astype(np.int64))


def summands(vectors: Vectors) -> Sums:
    """What each vector adds to a sum."""
    return np.rint(vectors.astype(np.float64) * UNIT).astype(np.int64)


def directions(sums: Sums) -> Vectors:
    """The centroids as vectors of length 1; one of no members, or whose members cancel each other, is zero."""
    found = np.empty(sums.shape, np.float32)
    for start in range(0, len(sums), ROWS_AT_A_TIME):
        exact = sums[start : start + ROWS_AT_A_TIME] / UNIT
        lengths = np.linalg.norm(exact, axis=1, keepdims=True)
        found[start : start + ROWS_AT_A_TIME] = np.divide(exact, lengths, out=np.zeros_like(exact), where=lengths > 0)
    return found


def cosines_to_own(vectors: Vectors, labels: Labels, centroids: Centroids) -> NDArray[np.float32]:
    """Of each vector to the centroid of its cluster."""
    of = directions(centroids.sums)
    found = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), ROWS_AT_A_TIME):
        stop = start + ROWS_AT_A_TIME
        found[start:stop] = np.einsum("ij,ij->i", vectors[start:stop], of[labels[start:stop]])
    return found
