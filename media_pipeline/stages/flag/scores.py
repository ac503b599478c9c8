"""How odd each picture is, and why: far from its subject's others, from its cluster, from everything. Pure.

Every distance is told in spreads: how far above the middle of its own kind it is, in units of how far kinds differ
usually (median and median deviation, which a few strangers do not move). So a sparse cluster and a dense one are judged
alike, and the numbers of any model. The score of a picture is the greatest of them, and its reason says which that was.

What is not here: the search for neighbours (neighbours.py), what people said of an anomaly (operations).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from media_pipeline.stages.flag.neighbours import Neighbours, Places, Vectors, neighbours

Kind = Literal["subject", "cluster", "library", "placeholder", "ordinary"]
Numbers = NDArray[np.float64]

NEIGHBOURS: Final = 20
LEAST_PEERS: Final = 10
"""Fewer of a subject or cluster have no usual spread."""
LEAST_SPREAD: Final = 0.01
"""Of a kind whose members are all alike: a cosine that differs by less is not odd, however alike the others are."""
NORMAL: Final = 1.4826
"""Median deviations in a standard deviation."""
CLUSTER_SHARE: Final = 0.5
"""Who is in a cluster is within the threshold of its centroid already: to be at its edge is half as odd."""
ODD: Final = 3.0
"""Spreads above which a picture is worth a look; below it is ranked, but called ordinary."""
PLACEHOLDER_SCORE: Final = 100.0
"""Above every other: a picture that says that there is no picture is no matter of degree."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """What each vector belongs to, as numbers; below 0 is none. `kin`: files of one picture and shots of one burst;
    `copies`: how many listings or files show this very picture."""

    kin: Places
    clusters: Places
    subjects: Places
    copies: Places


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured of each target: NaN where there is nothing to measure against."""

    nearest: Numbers
    density: Numbers
    subject_density: Numbers
    around: Neighbours


@dataclass(frozen=True, slots=True)
class Scores:
    """In spreads, NaN where not known. `ood`: how far from everything; `reasons` names the greatest of the others."""

    cluster: Numbers
    subject: Numbers
    ood: Numbers
    score: Numbers
    reasons: tuple[Kind, ...]


def measured(vectors: Vectors, kinds: Kinds, *, targets: Places, most: int = NEIGHBOURS) -> Measures:
    """Of these rows, against all."""
    around = neighbours(vectors, kin=kinds.kin, targets=targets, most=most)
    within = np.full(len(vectors), np.nan)
    wanted = np.zeros(len(vectors), np.bool_)
    wanted[targets] = True
    for members in _peers(kinds.subjects):
        if (asked := np.flatnonzero(wanted[members])).size:
            own = neighbours(vectors[members], kin=kinds.kin[members], targets=asked, most=most)
            within[members[asked]] = own.mean_cosine()
    return Measures(1 - around.nearest_cosine(), around.mean_cosine(), within[targets], around)


def scored(vectors: Vectors, kinds: Kinds, *, density: Numbers, subject_density: Numbers, most_copies: int) -> Scores:
    """All of them, from what was measured of all."""
    cluster, subject = np.full(len(vectors), np.nan), np.full(len(vectors), np.nan)
    for members in _peers(kinds.clusters):
        cluster[members] = spreads(_from_centre(vectors[members]))
    for members in _peers(kinds.subjects):
        lone = spreads(1 - subject_density[members])
        apart = spreads(_from_centre(vectors[members]))
        subject[members] = (lone + apart) / 2
    # The mean of twenty alone: together with the nearest one it found fewer strangers (.82 of them, not .94).
    ood = spreads(1 - density)
    placeholder = np.where(kinds.copies > most_copies, PLACEHOLDER_SCORE, np.nan)
    told = np.stack([placeholder, subject, CLUSTER_SHARE * cluster, ood])
    # Nothing to compare with is nothing odd.
    told = np.where(np.isnan(told), 0, told)
    best = told.argmax(axis=0)
    score = np.round(told.max(axis=0), 4)
    names: Sequence[Kind] = ("placeholder", "subject", "cluster", "library")
    ordinary: Kind = "ordinary"
    reasons = tuple(
        names[place] if most >= ODD else ordinary for place, most in zip(best.tolist(), score.tolist(), strict=True)
    )
    return Scores(cluster, subject, ood, score, reasons)


def spreads(distances: Numbers) -> Numbers:
    """How many usual deviations each is above the middle of those that are known."""
    known = distances[~np.isnan(distances)]
    if len(known) < LEAST_PEERS:
        return np.full(len(distances), np.nan)
    middle = np.median(known)
    spread = NORMAL * np.median(np.abs(known - middle)) + LEAST_SPREAD
    found: Numbers = (distances - middle) / spread
    return found


def _peers(labels: Places) -> list[Places]:
    """The members of each label of enough members."""
    order = np.argsort(labels, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(labels) else []
    return [part for part in parts if len(part) >= LEAST_PEERS and labels[part[0]] >= 0]


def _from_centre(vectors: Vectors) -> Numbers:
    """1 - cosine of each to the mean of the others: among ten its own share would draw the mean to itself."""
    exact = vectors.astype(np.float64)
    others = exact.sum(axis=0) - exact
    lengths = np.linalg.norm(others, axis=1)
    cosines = np.divide((others * exact).sum(axis=1), lengths, out=np.zeros(len(exact)), where=lengths > 0)
    found: Numbers = 1 - cosines
    return found
