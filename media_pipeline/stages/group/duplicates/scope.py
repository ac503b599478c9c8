"""Which files have to be looked at again when some have changed; and which hashes say nothing. Pure.

A group depends on nothing but the files that can be reached from its own by pairs that pass both tests, by former
groups and by what people joined. So whoever groups all that can be reached from the changed ones gets what a run over
everything would get. What is not here: the grouping (groups.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from media_pipeline.stages.group.duplicates.cosines import Vectors, exact
from media_pipeline.stages.group.duplicates.groups import Alike, Limits
from media_pipeline.stages.group.duplicates.pairs import Places

# A hash that so many different files share is that of a blank page or a logo, and says nothing of any of them.
COMMON = 200
# Whose vectors are read at once: 40 MB of them at most.
PAIRS_AT_A_TIME = 10_000


def common(phashes: NDArray[np.uint64], most: int = COMMON) -> NDArray[np.bool_]:
    """The files whose hash more than so many share."""
    _, classes, counts = np.unique(phashes, return_inverse=True, return_counts=True)
    found: NDArray[np.bool_] = (counts > most)[classes]
    return found


def with_neighbours(phashes: NDArray[np.uint64], comparable: NDArray[np.bool_], limits: Limits) -> Places:
    """The files that may be near another: all others are alone, and nothing more of them need be read."""
    places = np.flatnonzero(comparable)
    return places[Alike.of(phashes[places], limits.bits).candidates()]


def reached(
    changed: Iterable[int],
    phashes: NDArray[np.uint64],
    comparable: NDArray[np.bool_],
    *,
    limits: Limits | None,
    tied: Callable[[Sequence[int]], Iterable[int]],
    vectors_of: Callable[[Places], Vectors],
) -> list[int]:
    """The changed files, and all that can be reached from them. `tied`: whom former groups and people join to these.

    Places behind the last hash are files without one.
    """
    found, waiting = set[int](), sorted(set(changed))
    # Whoever is reached already needs no second way: a clip of thousands of frames is compared once, not with itself.
    unseen = comparable.copy()
    while waiting:
        found.update(waiting)
        further = set(tied(waiting))
        if limits is not None:
            hashed = [place for place in waiting if place < len(phashes)]
            able = [place for place in hashed if comparable[place]]
            unseen[hashed] = False
            for pairs in _near(able, phashes, unseen, limits=limits):
                further.update(_passing(pairs, limits=limits, vectors_of=vectors_of))
        waiting = sorted(further - found)
    return sorted(found)


def _near(
    places: Sequence[int], phashes: NDArray[np.uint64], unseen: NDArray[np.bool_], *, limits: Limits
) -> Iterator[tuple[Places, Places]]:
    """Pairs of one of these and one that nobody has reached, some thousands at a time."""
    own, others, count = [], [], 0
    for place in places:
        near = np.flatnonzero(np.bitwise_count(phashes ^ phashes[place]) <= limits.bits)
        near = near[unseen[near]]
        if not len(near):
            continue
        own.append(np.full(len(near), place))
        others.append(near)
        count += len(near)
        if count >= PAIRS_AT_A_TIME:
            yield np.concatenate(own), np.concatenate(others)
            own, others, count = [], [], 0
    if count:
        yield np.concatenate(own), np.concatenate(others)


def _passing(pairs: tuple[Places, Places], *, limits: Limits, vectors_of: Callable[[Places], Vectors]) -> list[int]:
    """The others of those pairs whose vectors are near too."""
    own, others = pairs
    asked = np.unique(np.concatenate(pairs))
    cosines = exact(vectors_of(asked), np.searchsorted(asked, own), np.searchsorted(asked, others))
    found: list[int] = others[cosines >= limits.cosine].tolist()
    return found
