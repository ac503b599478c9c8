"""Clustering: centroids that depend on no order, joining one by one, everything anew, ids, names, representatives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from media_pipeline.stages.group.clusters.centroids import Centroids, Labels, Vectors, directions
from media_pipeline.stages.group.clusters.clustering import (
    agglomerated,
    clustered,
    components,
    families,
    linked,
    numbered,
)
from media_pipeline.stages.group.clusters.joining import joined
from media_pipeline.stages.group.clusters.representatives import representatives


def unit(rows: Any) -> Vectors:
    array = np.asarray(rows, np.float64)
    lengths: NDArray[np.float64] = np.linalg.norm(array, axis=1, keepdims=True)
    return (array / lengths).astype(np.float32)


def at(*degrees: float) -> Vectors:
    """Vectors of a circle: their cosines can be computed by hand."""
    turns = np.radians(degrees)
    return unit(np.stack([np.cos(turns), np.sin(turns)], axis=1))


def crowds(seed: int, *, of: int = 6, each: int = 12, dims: int = 16) -> Vectors:
    """Crowds around centres, some of which lie close to each other."""
    drawn = np.random.default_rng(seed)
    centres = drawn.standard_normal((of, dims))
    return unit(np.repeat(centres, each, axis=0) + 0.6 * drawn.standard_normal((of * each, dims)))


def sets(labels: Labels, names: Sequence[int]) -> set[frozenset[int]]:
    return {frozenset(names[place] for place in group.tolist()) for group in families(labels)}


@given(st.integers(0, 100), st.randoms(use_true_random=False))
def test_a_centroid_is_the_same_in_any_order(seed: int, random: Any) -> None:
    """To the last bit: a sum of floats would not be."""
    vectors = crowds(seed)
    order = list(range(len(vectors)))
    random.shuffle(order)
    one = Centroids.of(vectors, np.zeros(len(vectors), np.int64), 1)
    other = Centroids.of(vectors[order], np.zeros(len(vectors), np.int64), 1)
    assert (one.sums == other.sums).all()
    assert directions(one.sums).tobytes() == directions(other.sums).tobytes()


def test_a_centroid_weighs_each_member_once() -> None:
    """Normalised at each step, that of 0, 0 and 90 degrees in this order would stand at 22.5 and then at 56."""
    found = joined(at(0, 0, 90), Centroids.none(2), min_cosine=-1.0)
    (centre,) = directions(found.centroids.sums)
    assert np.degrees(np.arctan2(centre[1], centre[0])) == pytest.approx(np.degrees(np.arctan2(1, 2)), abs=1e-5)
    assert found.centroids.counts.tolist() == [3]


def test_whoever_reaches_the_threshold_joins_and_the_others_found_their_own() -> None:
    """cos 40° is .766, cos 50° is .643; the centroid moves on with each member."""
    found = joined(at(0, 40, 60, 180), Centroids.none(2), min_cosine=0.72)
    # The centre of 0 and 40 is 20, from which 60 is 40 away again.
    assert found.labels.tolist() == [0, 0, 0, 1]
    assert found.cosines.tolist() == pytest.approx([1, 0.766, 0.766, 1], abs=1e-3)


@pytest.mark.parametrize("known", [0, 3])
def test_many_at_once_join_as_one_after_the_other(known: int) -> None:
    """More than one block of them; the product with all centroids is corrected for those that moved."""
    vectors = crowds(7, of=30, each=20)
    former = Centroids.of(vectors[:known], np.arange(known), known) if known else Centroids.none(16)
    whole = joined(vectors, former, min_cosine=0.6)
    centroids, labels = former, []
    for vector in vectors:
        step = joined(vector[None], centroids, min_cosine=0.6)
        labels.append(int(step.labels[0]))
        centroids = step.centroids
    assert whole.labels.tolist() == labels
    assert (whole.centroids.sums == centroids.sums).all()
    assert (whole.centroids.counts == centroids.counts).all()


@settings(deadline=None)
@given(st.integers(0, 30), st.randoms(use_true_random=False))
def test_clustering_anew_depends_on_no_order(seed: int, random: Any) -> None:
    """Whoever calls it sorts by id; mixed before that, it is the same."""
    vectors = crowds(seed)
    ids = list(range(len(vectors)))
    random.shuffle(ids)
    order = np.argsort(ids)
    mixed = vectors[ids]
    assert sets(clustered(mixed[order], min_cosine=0.6).labels, np.array(ids)[order].tolist()) == sets(
        clustered(vectors, min_cosine=0.6).labels, range(len(vectors))
    )


SCRIPT = """
import hashlib
from media_pipeline.stages.group.clusters.clustering import clustered
from media_pipeline_tests.stages.group.clusters.test_clustering import crowds
found = clustered(crowds(3, of=60, each=40, dims=128), min_cosine=0.6)
print(hashlib.sha256(found.labels.tobytes()).hexdigest())
"""


def test_the_number_of_threads_changes_nothing() -> None:
    """Of a matrix product one core or eight cut the sums differently."""
    told = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={"OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        for threads in ("1", "8")
    }
    assert len(told) == 1


def test_linkage_within_components_is_linkage_of_everything() -> None:
    """Two clusters are joined only where some pair reaches the threshold."""
    vectors = crowds(5)
    parts = components(vectors, min_cosine=0.55, block=7)
    labels, count = np.empty(len(vectors), np.int64), 0
    for members in families(parts):
        own = linked(vectors[members], min_cosine=0.55)
        labels[members] = own + count
        count += int(own.max()) + 1
    assert len(families(parts)) > 1
    assert numbered(labels).tolist() == agglomerated(vectors, min_cosine=0.55).tolist()


def test_components_are_those_of_all_pairs() -> None:
    """A chain of near pairs is one, whatever the blocks."""
    vectors = at(*range(0, 100, 10), 200, 205)
    for block in (1, 3, 100):
        assert numbered(components(vectors, min_cosine=0.98, block=block)).tolist() == [0] * 10 + [1] * 2


def test_a_chain_is_cut() -> None:
    """Neighbours of 10 degrees reach .98, the ends do not; average linkage makes clusters of what is alike as a whole,
    and each member is within the threshold of its centroid."""
    vectors = at(*range(0, 100, 10))
    found = clustered(vectors, min_cosine=0.98)
    assert found.count > 1
    centres = directions(Centroids.of(vectors, found.labels, found.count).sums)
    assert np.einsum("ij,ij->i", vectors, centres[found.labels]).min() >= 0.98


@pytest.mark.parametrize("limit", [{"most_linked": 10}, {"most_compared": 10}])
def test_what_is_too_large_is_joined_one_by_one_and_says_so(limit: dict[str, int]) -> None:
    """In the order that it comes in, which is that of the ids."""
    vectors = crowds(2, of=2, each=30)
    found = clustered(vectors, min_cosine=0.5, **limit)
    assert found.joined_count > 0
    assert clustered(vectors, min_cosine=0.5).joined_count == 0


def test_nothing_and_one_are_clustered_too() -> None:
    """An empty library, a single picture."""
    assert clustered(np.zeros((0, 4), np.float32), min_cosine=0.7).count == 0
    assert clustered(at(0), min_cosine=0.7).labels.tolist() == [0]


@pytest.mark.parametrize(
    ("linkage", "clusters"), [("single", [0, 0, 0]), ("average", [0, 0, 1]), ("complete", [0, 0, 1])]
)
def test_a_small_set_may_choose_its_linkage(linkage: Any, clusters: list[int]) -> None:
    """0, 30 and 65 degrees at cos 40°: single chains, the others do not."""
    assert agglomerated(at(0, 30, 65), min_cosine=0.766, linkage=linkage).tolist() == clusters


def test_the_medoid_stands_first_and_then_what_is_farthest() -> None:
    """Of 0, 20, 40 and 90 degrees the centre is at 37: 40, then 90, then 0, then 20; copies are left out."""
    assert representatives(at(0, 20, 40, 90, 40, 90)) == [2, 3, 0, 1]
    assert representatives(at(*range(0, 90, 5)), diverse=2) == [8, 17, 0]


def test_real_vectors_cluster_better_than_they_chain(shared: Any) -> None:
    """Ten classes of clothing: bare components chain nearly all of them to one, average linkage does not."""
    stored = np.load(shared / "testdata" / "embeddings" / "clothing-mobilenet1024.npz")
    vectors = unit(stored["vectors"])
    by_size = [
        max(map(len, families(labels)))
        for labels in (components(vectors, min_cosine=0.6), clustered(vectors, min_cosine=0.6).labels)
    ]
    assert by_size[0] > 3_700
    assert by_size[1] < 1_000
