"""Which files have to be looked at again when some have changed; and which hashes say nothing. Pure.

A group depends on nothing but the files that can be reached from its own by pairs that pass both tests, by former
groups and by what people joined. So whoever groups all that can be reached from the changed ones gets what a run over
everything would get. What is not here: the grouping (groups.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from media_pipeline.stages.group.duplicates.cosines import Vectors, reaching
from media_pipeline.stages.group.duplicates.groups import Alike, Limits
from media_pipeline.stages.group.duplicates.pairs import Places

# A hash that so many different files share is that of a blank page or a logo, and says nothing of any of them.
COMMON = 200


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
    while waiting:
        found.update(waiting)
        further = set(tied(waiting))
        for place in waiting:
            if limits is not None and place < len(phashes) and comparable[place]:
                further.update(_near(place, phashes, comparable, limits=limits, vectors_of=vectors_of))
        waiting = sorted(further - found)
    return sorted(found)


def _near(
    place: int,
    phashes: NDArray[np.uint64],
    comparable: NDArray[np.bool_],
    *,
    limits: Limits,
    vectors_of: Callable[[Places], Vectors],
) -> list[int]:
    near = np.flatnonzero(np.bitwise_count(phashes ^ phashes[place]) <= limits.bits)
    near = near[comparable[near] & (near != place)]
    if not len(near):
        return []
    vectors = vectors_of(np.concatenate([[place], near]).astype(np.int64))
    passing = reaching(vectors, np.arange(1, len(vectors)), np.zeros(1, np.int64), least=limits.cosine)[:, 0]
    found: list[int] = near[passing].tolist()
    return found
