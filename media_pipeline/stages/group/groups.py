"""Groups: stars around a leader, never chains. Pure.

Bare connected components chained a million hashes to a group of 2,956, up to 25 bits apart; in a star every member
passes both tests against the leader itself: a hash knows shapes, a vector more, and neither is trusted alone. No list
of pairs is made: 2,000 files of one picture are 1,999 members, but 1,999,000 pairs.

What is not here: which hashes are near (pairs.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from media_pipeline.stages.group.pairs import MAX_BITS, Neighbours, Places, neighbours

# Vectors compared with a leader at once: 8 MB of them at 512 numbers.
BLOCK = 4096


@dataclass(frozen=True, slots=True, order=True)
class Standing:
    """What makes a file the keeper of its group: more pixels, then more bytes, then the lower id, so that there is
    always an answer and always the same."""

    pixels: int
    size_bytes: int
    media_id: UUID

    @property
    def rank(self) -> tuple[int, int, int]:
        return (-self.pixels, -self.size_bytes, self.media_id.int)


@dataclass(frozen=True, slots=True)
class Member:
    """A place in the arrays, and by how much it passes both tests against the keeper."""

    place: int
    bits: int
    cosine: float


@dataclass(frozen=True, slots=True)
class Group:
    """The place of the keeper, and the others in order of place."""

    keeper: int
    others: tuple[Member, ...]
    keeper_reason: str


@dataclass(frozen=True, slots=True)
class Alike:
    """The hashes of all files, equal ones as one class, and which classes are near each other."""

    classes: Places
    near: Neighbours
    by_class: Places
    starts: Places

    @classmethod
    def of(cls, hashes: NDArray[np.uint64], max_bits: int = MAX_BITS) -> Alike:
        different, classes, counts = np.unique(hashes, return_inverse=True, return_counts=True)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(classes, neighbours(different, max_bits), np.argsort(classes, kind="stable"), starts)

    def candidates(self) -> Places:
        """All places but those whose hash surely nobody shares or comes near: no vector of those is needed."""
        return np.flatnonzero((self.near.may_have() | (np.diff(self.starts) > 1))[self.classes])

    def around(self, place: int) -> Places:
        """Every place whose hash is the same or near, this one among them."""
        own = int(self.classes[place])
        classes = np.append(self.near.of(own), own)
        starts, counts = self.starts[classes], self.starts[classes + 1] - self.starts[classes]
        skipped = np.repeat(starts - np.cumsum(counts) + counts, counts)
        return self.by_class[skipped + np.arange(len(skipped))]

    def bits(self, place: int, others: Places) -> NDArray[np.uint8]:
        hashes = self.near.hashes
        found: NDArray[np.uint8] = np.bitwise_count(hashes[self.classes[others]] ^ hashes[self.classes[place]])
        return found


def stars(
    alike: Alike, vectors: NDArray[np.float32], standings: Sequence[Standing], *, min_cosine: float
) -> Iterator[Group]:
    """Each file in order of rank takes what is near it and nobody has taken yet.

    `vectors` has one row for each of `alike.candidates()`.
    """
    candidates = alike.candidates()
    rows = np.full(len(standings), -1, dtype=np.int64)
    rows[candidates] = np.arange(len(candidates))
    taken = np.zeros(len(standings), dtype=np.bool_)
    for leader in sorted(candidates.tolist(), key=lambda place: standings[place].rank):
        if taken[leader]:
            continue
        # Also when it finds nobody: rounding must not let a later, smaller file take it.
        taken[leader] = True
        around = alike.around(leader)
        around = np.sort(around[~taken[around]])
        cosines = _cosines(vectors, rows[leader], rows[around])
        passing = cosines >= min_cosine
        members = around[passing]
        if len(members):
            taken[members] = True
            found = zip(members.tolist(), alike.bits(leader, members).tolist(), cosines[passing].tolist(), strict=True)
            yield Group(leader, tuple(Member(*one) for one in found), _reason(leader, members.tolist(), standings))


def _cosines(vectors: NDArray[np.float32], own: int, others: Places) -> NDArray[np.float32]:
    found = np.empty(len(others), dtype=np.float32)
    for start in range(0, len(others), BLOCK):
        found[start : start + BLOCK] = vectors[others[start : start + BLOCK]] @ vectors[own]
    return found


def _reason(leader: int, others: Sequence[int], standings: Sequence[Standing]) -> str:
    best = max((standings[other] for other in others), key=lambda standing: (standing.pixels, standing.size_bytes))
    own = standings[leader]
    if own.pixels > best.pixels:
        return "most pixels"
    return "most bytes at the same size" if own.size_bytes > best.size_bytes else "first by id among equals"
