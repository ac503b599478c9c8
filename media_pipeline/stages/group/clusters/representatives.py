"""The pictures that stand for a cluster: the most central one, then those that show how wide it is. Pure.

What is not here: clusters (clustering.py), what they are called (naming.py).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from media_pipeline.stages.group.clusters.centroids import Centroids, Vectors, cosines_to_own

DIVERSE: Final = 8
ALIKE: Final = 0.999


def representatives(vectors: Vectors, *, diverse: int = DIVERSE) -> list[int]:
    """Places of the members: the medoid first (nearest to the centroid has the greatest mean cosine to all), then each
    the farthest from all before it. Of equal ones the first; a copy of one that is there shows nothing new."""
    labels = np.zeros(len(vectors), np.int64)
    medoid = int(cosines_to_own(vectors, labels, Centroids.of(vectors, labels, 1)).argmax())
    chosen = [medoid]
    nearest = vectors @ vectors[medoid]
    while len(chosen) <= diverse and nearest.min() < ALIKE:
        chosen.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, vectors @ vectors[chosen[-1]])
    return chosen
