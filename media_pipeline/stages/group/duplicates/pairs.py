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
# Fewer blocks are wider: of nine each has 8 bits at most, and three of them leave room for the place in one number.
MIN_BLOCKS = 9
PART_BITS, PLACE_BITS = 8, 40
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
    parts = [_part(hashes, mask) for mask in masks]
    crowded = np.zeros(len(hashes), dtype=np.bool_)
    empty = np.empty(0, np.int32)
    lower, higher = [empty], [empty]
    own = np.arange(len(hashes), dtype=np.uint64)
    for first, second in combinations(range(len(masks) - 1), 2):
        two = own | _shifted(parts[first], 2) | _shifted(parts[second], 1)
        for third in range(second + 1, len(masks)):
            key = (first, second, third)
            # Key and place in one number: a million sort in 0.05 s, where `argsort` of the keys needs 0.07 to 0.11 s.
            keyed = two | _shifted(parts[third], 0)
            keyed.sort()
            places, ends = _runs(keyed, long_run, crowded)
            # Only equality of the first three equal blocks counts: so each pair is met once, and none is remembered.
            earlier = [masks[block] for block in range(third) if block not in key]
            offset = 1
            while len(places):
                a, b = _places(keyed[places]), _places(keyed[places + offset])
                differing = hashes[a] ^ hashes[b]
                near = np.bitwise_count(differing) <= max_bits
                # Where both are crowded neither will ask.
                near &= ~(crowded[a] & crowded[b])
                for mask in earlier:
                    near &= (differing & mask) != 0
                lower.append(a[near].astype(np.int32))
                higher.append(b[near].astype(np.int32))
                offset += 1
                going_on = places + offset < ends
                places, ends = places[going_on], ends[going_on]
    starts, others = _both_ways(np.concatenate(lower), np.concatenate(higher), crowded)
    return Neighbours(hashes, max_bits, crowded, starts, others)


def _blocks(count: int) -> list[np.uint64]:
    """Masks that cut 64 bits into so many parts of nearly the same width."""
    edges = [64 * block // count for block in range(count + 1)]
    return [np.uint64((1 << high) - (1 << low)) for low, high in pairwise(edges)]


def _part(hashes: NDArray[np.uint64], mask: np.uint64) -> NDArray[np.uint8]:
    """The bits of one block, as small numbers."""
    low = (int(mask) & -int(mask)).bit_length() - 1
    return ((hashes & mask) >> np.uint64(low)).astype(np.uint8)


def _shifted(part: NDArray[np.uint8], place: int) -> NDArray[np.uint64]:
    """Where the third, the second, the first of three blocks stands in a key."""
    shifted: NDArray[np.uint64] = part.astype(np.uint64) << np.uint64(PLACE_BITS + PART_BITS * place)
    return shifted


def _places(keyed: NDArray[np.uint64]) -> Places:
    return (keyed & np.uint64((1 << PLACE_BITS) - 1)).astype(np.int64)


def _runs(keyed: NDArray[np.uint64], long_run: int, crowded: NDArray[np.bool_]) -> tuple[Places, Places]:
    """Of sorted numbers those whose key the next one has too, and for each where its run ends. Long runs are left out,
    and all that are in them are crowded."""
    places = np.flatnonzero((keyed[1:] ^ keyed[:-1]) < np.uint64(1 << PLACE_BITS))
    last = np.flatnonzero(np.diff(places, append=-1) != 1)
    lengths = np.diff(last, prepend=-1)
    ends = np.repeat(places[last] + 2, lengths)
    long = np.repeat(lengths >= long_run, lengths)
    if long.any():
        crowded[_places(keyed[places[long]])] = True
        crowded[_places(keyed[ends[long] - 1])] = True
        places, ends = places[~long], ends[~long]
    return places, ends


def _both_ways(
    a: NDArray[np.int32], b: NDArray[np.int32], crowded: NDArray[np.bool_]
) -> tuple[Places, NDArray[np.int32]]:
    """Each pair under both its hashes, unless that one is crowded: where the others of each begin, and the others."""
    own, other = np.concatenate([a, b]), np.concatenate([b, a])
    kept = ~crowded[own]
    own, other = own[kept], other[kept]
    starts = np.concatenate([[0], np.cumsum(np.bincount(own, minlength=len(crowded)))]).astype(np.int64)
    return starts, other[np.lexsort((other, own))]
