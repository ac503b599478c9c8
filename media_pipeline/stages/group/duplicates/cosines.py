"""Cosines of unit vectors, the same number however many are asked at once. Pure.

A product of matrices adds in an order that depends on their shapes, and its last bit with it; a pair at the very
threshold would be near in one run and not in the next. So the fast product only sorts out, and who comes close to the
threshold is judged by the slow one: in double precision, rounded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
Vectors = NDArray[np.float32]

DECIMALS = 6
# What single precision may be off at 2,048 numbers, and some more.
SLACK = np.float32(1e-4)
BLOCK = 1024


def exact(vectors: Vectors, a: Places, b: Places) -> NDArray[np.float64]:
    """Of pairs of rows."""
    found = np.empty(len(a), dtype=np.float64)
    for start in range(0, len(a), BLOCK):
        part = slice(start, start + BLOCK)
        found[part] = np.einsum("ij,ij->i", vectors[a[part]].astype(np.float64), vectors[b[part]].astype(np.float64))
    return np.round(found, DECIMALS)


def reaching(vectors: Vectors, a: Places, b: Places, *, least: float) -> NDArray[np.bool_]:
    """For each row of `a` and each of `b` whether their cosine is at least this."""
    product = vectors[a] @ vectors[b].T
    found: NDArray[np.bool_] = product >= np.float32(least)
    rows, columns = np.nonzero(np.abs(product - np.float32(least)) < SLACK)
    if len(rows):
        found[rows, columns] = exact(vectors, a[rows], b[columns]) >= least
    return found
