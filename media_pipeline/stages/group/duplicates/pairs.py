"""Which hashes are near each other: Hamming distance of 64 bits, exact, without looking at all pairs. Pure.

The bits are cut into blocks, three more than may differ, so that at least three blocks of a near pair are equal. For
every three blocks the hashes are sorted by those alone, and only equal neighbours are compared. The usual recipe, four
bands of 16 bits of which one must be equal, loses 39 % of the pairs at distance 6.

What is not here: vectors, and how neighbours become groups (groups.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

MAX_BITS = 6
# Fewer blocks are wider: three of nine are 22 bits at most, which leaves room for the place in the same number.
MIN_BLOCKS = 9
PLACE_BITS = 40
# So many different hashes with one key are a family (frames of one clip, skies): its pairs grow with the square, and
# comparing it at each of 84 keys costs more than one look at all hashes for those few that come to lead a group.
LONG_RUN = 500

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What is near each of some different hashes. The neighbours of crowded ones are not kept, but looked for."""

    hashes: NDArray[np.uint64]
    max_bits: int
    crowded: NDArray[np.bool_]
    starts: Places
    others: NDArray[np.int32]

    def of(self, place: int) -> Places:
        """The places of all hashes near this one, itself not among them, in order."""
        if not self.crowded[place]:
            return self.others[self.starts[place] : self.starts[place + 1]].astype(np.int64)
        found: Places = np.flatnonzero(np.bitwise_count(self.hashes ^ self.hashes[place]) <= self.max_bits)
        return np.delete(found, np.searchsorted(found, place))

    def may_have(self) -> NDArray[np.bool_]:
        """False for hashes that surely have no neighbour; of the crowded ones nobody knows without looking."""
        return self.crowded | (np.diff(self.starts) > 0)


def bits_of(phashes: list[str]) -> NDArray[np.uint64]:
    """The hex of `imagehash` as numbers."""
    return np.array([int(phash, 16) for phash in phashes], dtype=np.uint64)


def neighbours(hashes: NDArray[np.uint64], max_bits: int = MAX_BITS, *, long_run: int = LONG_RUN) -> Neighbours:
    """Of hashes that are all different: a thousand equal ones would be half a million pairs that say nothing."""
    masks = _blocks(max(max_bits + 3, MIN_BLOCKS))
    crowded = np.zeros(len(hashes), dtype=np.bool_)
    empty = np.empty(0, np.int32)
    lower, higher = [empty], [empty]
    for key in combinations(range(len(masks)), 3):
        order, ends = _runs(hashes, [masks[block] for block in key])
        begun = np.flatnonzero(np.diff(ends, prepend=-1))
        long = np.repeat(ends[begun] - begun > long_run, ends[begun] - begun)
        crowded[order[long]] = True
        # Only equality of the first three equal blocks counts: so each pair is met once, and none is remembered.
        earlier = [masks[block] for block in range(key[2]) if block not in key]
        places = np.flatnonzero(~long)
        offset = 1
        while len(places := places[places + offset < ends[places]]):
            a, b = order[places], order[places + offset]
            differing = hashes[a] ^ hashes[b]
            near = np.bitwise_count(differing) <= max_bits
            # Where both are crowded neither will ask.
            near &= ~(crowded[a] & crowded[b])
            for mask in earlier:
                near &= (differing & mask) != 0
            lower.append(a[near].astype(np.int32))
            higher.append(b[near].astype(np.int32))
            offset += 1
    starts, others = _both_ways(np.concatenate(lower), np.concatenate(higher), crowded)
    return Neighbours(hashes, max_bits, crowded, starts, others)


def _blocks(count: int) -> list[np.uint64]:
    """Masks that cut 64 bits into so many parts of nearly the same width."""
    edges = [64 * block // count for block in range(count + 1)]
    return [np.uint64((1 << high) - (1 << low)) for low, high in pairwise(edges)]


def _runs(hashes: NDArray[np.uint64], masks: list[np.uint64]) -> tuple[Places, Places]:
    """The places in order of the masked bits, and for each where the run of those equal to it ends."""
    keyed = np.zeros(len(hashes), dtype=np.uint64)
    width = PLACE_BITS
    for mask in masks:
        low, bits = (int(mask) & -int(mask)).bit_length() - 1, int(mask).bit_count()
        keyed |= ((hashes & mask) >> np.uint64(low)) << np.uint64(width)
        width += bits
    # Key and place in one number: a million sort in 0.05 s, where `argsort` of the keys needs 0.07 to 0.11 s.
    keyed |= np.arange(len(hashes), dtype=np.uint64)
    keyed.sort()
    order = (keyed & np.uint64((1 << PLACE_BITS) - 1)).astype(np.int64)
    keyed >>= np.uint64(PLACE_BITS)
    ends = np.append(np.flatnonzero(keyed[1:] != keyed[:-1]) + 1, len(keyed)) if len(keyed) else np.empty(0, np.int64)
    return order, np.repeat(ends, np.diff(ends, prepend=0))


def _both_ways(
    a: NDArray[np.int32], b: NDArray[np.int32], crowded: NDArray[np.bool_]
) -> tuple[Places, NDArray[np.int32]]:
    """Each pair under both its hashes, unless that one is crowded: where the others of each begin, and the others."""
    own, other = np.concatenate([a, b]), np.concatenate([b, a])
    kept = ~crowded[own]
    own, other = own[kept], other[kept]
    starts = np.concatenate([[0], np.cumsum(np.bincount(own, minlength=len(crowded)))]).astype(np.int64)
    return starts, other[np.lexsort((other, own))]
