"""Which file of a group is kept, and why. Pure.

A person's choice, then more pixels, higher quality, richer metadata, the more open licence, the earlier file; then the
lower id, so that there is always an answer and always the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]

ONLY = "first by id among equals"


@dataclass(frozen=True, slots=True)
class Standings:
    """Columns with one row for each file, in the order of their ids."""

    chosen: NDArray[np.int64]
    """0: nobody chose it; the later of two choices is the greater number."""
    pixels: NDArray[np.int64]
    quality: NDArray[np.float64]
    """In points; -1 where nobody has scored it."""
    richness: NDArray[np.int64]
    """How many facts its metadata has."""
    openness: NDArray[np.int64]
    """How much its least open licence allows."""
    since: NDArray[np.int64]
    """When it came, in microseconds."""

    def __len__(self) -> int:
        return len(self.pixels)

    def ranked(self) -> Places:
        """All places, the best to keep first."""
        columns = (self.since, -self.openness, -self.richness, -self.quality, -self.pixels, -self.chosen)
        return np.lexsort((np.arange(len(self)), *columns)).astype(np.int64)

    def best(self, places: Sequence[int]) -> int:
        return min(places, key=self._key)

    def _key(self, place: int) -> tuple[float, ...]:
        return (*(-sign * float(column[place]) for _, column, sign in self._wanted()), float(place))

    def _wanted(self) -> tuple[tuple[str, NDArray[np.int64] | NDArray[np.float64], int], ...]:
        """What counts, the weightiest first; 1 where more is better. No column is copied: this is asked of every group,
        and a column is as long as the library."""
        return (
            ("chosen by a person", self.chosen, 1),
            ("most pixels", self.pixels, 1),
            ("best quality at the same size", self.quality, 1),
            ("richest metadata among equals", self.richness, 1),
            ("most open licence among equals", self.openness, 1),
            ("earliest among equals", self.since, -1),
        )

    def reason(self, keeper: int, others: Sequence[int]) -> str:
        """The first thing in which the keeper is before the best of the others."""
        second = self.best(others)
        wanted = self._wanted()
        return next((word for word, column, sign in wanted if sign * (column[keeper] - column[second]) > 0), ONLY)
