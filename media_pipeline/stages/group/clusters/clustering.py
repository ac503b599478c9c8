"""Clusters of everything anew: average linkage within what hangs together at all. Pure.

Two clusters are one where the mean cosine of all their pairs reaches the threshold: so some pair does, and each
connected component of the threshold graph can be clustered by itself, with the result of one linkage over everything.
The graph is exact, of blocked products; no list of its edges is kept: in a library of one subject that is all pairs.

Whoever calls it brings the vectors in an order that depends on nothing but what they are of (by media id): then the
result depends on nothing else either. What is not here: ids and names (../carrying.py, naming.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from media_pipeline.stages.group.clusters.centroids import Centroids, Labels, Vectors, cosines_to_own
from media_pipeline.stages.group.clusters.joining import joined

Linkage = Literal["average", "complete", "single"]
LINKAGES: Final[tuple[Linkage, ...]] = ("average", "complete", "single")

MOST_LINKED: Final = 12_000
"""Larger components are joined one by one: all distances of 12,000 are 0.6 GB, and the linkage copies them."""
MOST_COMPARED: Final = 300_000
"""Larger libraries are: all pairs of 300,000 vectors of 512 numbers are ten minutes of a core, of 1M two hours."""
BLOCK: Final = 2048


@dataclass(frozen=True, slots=True)
class Clustering:
    """The cluster of each vector, numbered by their first; how many were joined one by one, not linked."""

    labels: Labels
    count: int
    joined_count: int


def clustered(
    vectors: Vectors, *, min_cosine: float, most_linked: int = MOST_LINKED, most_compared: int = MOST_COMPARED
) -> Clustering:
    """All of it, each member within the threshold of the centroid of its cluster."""
    labels = np.full(len(vectors), -1, np.int64)
    one_by_one = 0
    if len(vectors) > most_compared:
        labels = joined(vectors, Centroids.none(vectors.shape[1]), min_cosine=min_cosine).labels
        one_by_one = len(vectors)
    else:
        count = 0
        for members in families(components(vectors, min_cosine=min_cosine)):
            own = vectors[members]
            if len(members) > most_linked:
                part = joined(own, Centroids.none(vectors.shape[1]), min_cosine=min_cosine).labels
                one_by_one += len(members)
            else:
                part = linked(own, min_cosine=min_cosine)
            labels[members] = part + count
            count += int(part.max()) + 1
    labels = numbered(_confirmed(vectors, labels, min_cosine=min_cosine))
    return Clustering(labels, int(labels.max(initial=-1)) + 1, one_by_one)


def agglomerated(vectors: Vectors, *, min_cosine: float, linkage: Linkage = "average") -> Labels:
    """A set that is small enough for all its distances at once, by any linkage."""
    return numbered(linked(vectors, min_cosine=min_cosine, linkage=linkage))


def components(vectors: Vectors, *, min_cosine: float, block: int = BLOCK) -> Labels:
    """What hangs together by pairs at the threshold: connected components of the exact graph, numbered in no order."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(vectors)
    labels = np.arange(count)
    parts = count
    for low in range(0, count, block):
        for high in range(low, count, block):
            near = np.flatnonzero((vectors[low : low + block] @ vectors[high : high + block].T) >= min_cosine)
            rows, columns = np.divmod(near, min(block, count - high))
            a, b = labels[low + rows], labels[high + columns]
            new = a != b
            if new.any():
                graph = coo_array((np.ones(int(new.sum()), np.int8), (a[new], b[new])), shape=(parts, parts))
                parts, merged = connected_components(graph, directed=False)
                labels = merged.astype(np.int64)[labels]
    return labels


def linked(vectors: Vectors, *, min_cosine: float, linkage: Linkage = "average") -> Labels:
    """Hierarchical clustering of all pairs, cut at the threshold."""
    if len(vectors) == 1:
        return np.zeros(1, np.int64)
    from scipy.cluster.hierarchy import fcluster
    from scipy.cluster.hierarchy import linkage as link

    tree = link(_distances(vectors), method=linkage)
    found: Labels = fcluster(tree, 1 - min_cosine, criterion="distance").astype(np.int64) - 1
    return found


def numbered(labels: Labels) -> Labels:
    """The same clusters, numbered by their first member."""
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[place]


def families(labels: Labels) -> list[NDArray[np.int64]]:
    """The places of each label's members, in order."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(labels) else []


def _distances(vectors: Vectors) -> NDArray[np.float64]:
    """1 - cosine of all pairs, as scipy wants them: the upper triangle, row by row."""
    count = len(vectors)
    found = np.empty(count * (count - 1) // 2)
    filled = 0
    for start in range(0, count, BLOCK):
        products = vectors[start : start + BLOCK] @ vectors[start:].T
        for row, cosines in enumerate(products):
            own = cosines[row + 1 :]
            # Rounding puts the cosine of equal vectors a little above 1.
            np.subtract(1, own, out=found[filled : filled + len(own)])
            filled += len(own)
    return np.maximum(found, 0, out=found)


def _confirmed(vectors: Vectors, labels: Labels, *, min_cosine: float) -> Labels:
    """Whoever is farther than the threshold from the centroid of its cluster is taken out, and joins another, or none.

    One by one: the first of them to be taken out may bring the centroid back to the second.
    """
    count = int(labels.max(initial=-1)) + 1
    out = cosines_to_own(vectors, labels, Centroids.of(vectors, labels, count)) < min_cosine
    if not out.any():
        return labels
    kept = np.where(out, -1, labels)
    places = np.flatnonzero(out)
    kept[places] = joined(vectors[places], Centroids.of(vectors, kept, count), min_cosine=min_cosine).labels
    return kept
