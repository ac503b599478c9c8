"""Scores: neighbours that are exact, strangers that are found, and the reason for each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from media_pipeline.stages.flag.neighbours import NOBODY, Places, Vectors, neighbours
from media_pipeline.stages.flag.scores import PLACEHOLDER_SCORE, Kinds, Measures, Scores, measured, scored, spreads
from media_pipeline_tests.stages.vector_libraries import directions, near


def unit(rows: Any) -> Vectors:
    array = np.asarray(rows, np.float64)
    lengths: NDArray[np.float64] = np.linalg.norm(array, axis=1, keepdims=True)
    return (array / lengths).astype(np.float32)


def kinds(count: int, **given: Any) -> Kinds:
    nothing = np.full(count, -1)
    facts = {"kin": np.arange(count), "clusters": nothing, "subjects": nothing, "copies": np.ones(count, np.int64)}
    return Kinds(**{**facts, **{name: np.asarray(value) for name, value in given.items()}})


def all_of(vectors: Vectors, own: Kinds, *, most_copies: int = 20) -> tuple[Measures, Scores]:
    found = measured(vectors, own, targets=np.arange(len(vectors)))
    scores = scored(vectors, own, density=found.density, subject_density=found.subject_density, most_copies=most_copies)
    return found, scores


@settings(deadline=None)
@given(st.integers(0, 50), st.sampled_from([1, 3, 20]), st.sampled_from([3, 40, 700]))
def test_neighbours_are_those_of_all_pairs(seed: int, most: int, count: int) -> None:
    """Without its own kin; fewer where there are fewer."""
    vectors = unit(np.random.default_rng(seed).standard_normal((count, 8)))
    kin: Places = np.arange(count) // 2
    found = neighbours(vectors, kin=kin, targets=np.arange(count), most=most)
    for place in range(0, count, max(1, count // 20)):
        cosines = vectors @ vectors[place]
        others = np.flatnonzero(kin != kin[place])
        best = np.sort(cosines[others])[::-1][:most]
        there = found.places[place] != NOBODY
        assert there.sum() == min(most, len(others))
        assert found.cosines[place][there] == pytest.approx(best, abs=1e-5)
        assert not set(found.places[place][there].tolist()) - set(others.tolist())


def test_some_targets_are_measured_as_all_are() -> None:
    """A library that is too large for all is measured in parts."""
    vectors = near(directions(1, 1)[0], 2, 60)
    own = kinds(60, subjects=np.arange(60) % 2)
    whole = measured(vectors, own, targets=np.arange(60))
    some: Places = np.array([3, 7, 59])
    part = measured(vectors, own, targets=some)
    assert (part.around.places == whole.around.places[some]).all()
    for name in ("nearest", "density", "subject_density"):
        assert getattr(part, name) == pytest.approx(getattr(whole, name)[some], abs=1e-5)


def test_a_copy_or_a_shot_of_the_same_burst_is_no_neighbour() -> None:
    """Else a stranger that was uploaded twice would have company."""
    vectors = np.concatenate([near(directions(1, 1)[0], 2, 40), np.repeat(directions(9, 1), 2, axis=0)])
    alone, scores = all_of(vectors, kinds(42, kin=[*range(40), 40, 40]))
    assert alone.nearest[41] > 0.7
    assert scores.reasons[40:] == ("library", "library")
    assert set(np.argsort(-scores.score)[:2].tolist()) == {40, 41}


def test_a_stranger_among_its_subject_is_told_by_the_subject() -> None:
    """It looks like another subject, so that it is not far from everything."""
    a, b = directions(1, 2)
    vectors = np.concatenate([near(a, 2, 40), near(b, 3, 40)])
    own = kinds(80, subjects=[0] * 40 + [1] * 39 + [0])
    _, scores = all_of(vectors, own)
    assert scores.reasons[79] == "subject"
    assert scores.score.argmax() == 79
    assert scores.ood[79] < 3


def test_the_edge_of_a_cluster_and_a_placeholder() -> None:
    """The one is odd by half its spreads, the other by its number; the rest is ordinary."""
    a = directions(1, 1)[0]
    vectors = np.concatenate([near(a, 2, 40), near(a, 3, 1, far=1.2)])
    own = kinds(41, clusters=np.zeros(41, np.int64), copies=[1] * 40 + [21])
    _, scores = all_of(vectors, own)
    assert (scores.reasons[40], scores.score[40]) == ("placeholder", PLACEHOLDER_SCORE)
    _, scores = all_of(vectors, own, most_copies=21)
    assert scores.reasons[40] in ("cluster", "library")
    assert scores.cluster.argmax() == 40
    assert set(scores.reasons[:40]) == {"ordinary"}


def test_too_few_to_compare_with_are_nothing_odd() -> None:
    """One picture, and nine."""
    for count in (1, 9):
        _, scores = all_of(directions(1, count), kinds(count, subjects=np.zeros(count, np.int64)))
        assert set(scores.reasons) == {"ordinary"}
        assert scores.score.tolist() == [0.0] * count


def test_spreads_are_of_the_middle_and_few_strangers_do_not_move_them() -> None:
    """Twenty at 0 … 19 hundredths: middle .095, median deviation .05."""
    distances = np.arange(20) / 100
    found = spreads(distances)
    assert found[19] == pytest.approx(0.095 / (1.4826 * 0.05 + 0.01))
    assert spreads(np.append(distances, 50.0))[:20] == pytest.approx(found, abs=0.3)
    assert np.isnan(spreads(np.full(20, np.nan))).all()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 20), st.randoms(use_true_random=False))
def test_the_order_of_the_media_changes_no_score(seed: int, random: Any) -> None:
    """To four places: a sum of floats is not the same in any order, which is why the media come sorted."""
    vectors = np.concatenate([near(directions(seed, 1)[0], seed + 1, 30), directions(seed + 2, 2)])
    order = list(range(32))
    random.shuffle(order)
    own = kinds(32, clusters=[0] * 30 + [1, 1], subjects=[0] * 20 + [1] * 12)
    mixed = kinds(32, clusters=own.clusters[order], subjects=own.subjects[order])
    _, one = all_of(vectors, own)
    _, other = all_of(vectors[order], mixed)
    assert other.score == pytest.approx(one.score[order], abs=2e-3)
    assert other.reasons == tuple(one.reasons[place] for place in order)


def average_precision(score: NDArray[np.float64], odd: NDArray[np.bool_]) -> float:
    hits = odd[np.argsort(-score, kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


@pytest.mark.parametrize("known", ["subject", "nothing"])
def test_strangers_among_a_class_are_found(shared: Any, known: str) -> None:
    """5 % of foreign pictures in each of ten classes of real vectors, five times: .94 and .92 was measured."""
    folder = shared / "testdata" / "embeddings"
    clothing, others = np.load(folder / "clothing-mobilenet1024.npz"), np.load(folder / "testdata-mobilenet1024.npz")
    vectors, labels = unit(clothing["vectors"]), clothing["labels"]
    foreign = unit(others["vectors"])[[not path.startswith("clothing10") for path in others["paths"]]]
    found = []
    for seed in range(5):
        drawn = np.random.default_rng(seed)
        for label in np.unique(labels):
            own = vectors[labels == label]
            count = max(1, round(0.05 * len(own)))
            mixed = np.concatenate([own, foreign[drawn.choice(len(foreign), count, replace=False)]])
            subjects = np.zeros(len(mixed), np.int64) if known == "subject" else np.full(len(mixed), -1)
            _, scores = all_of(mixed, kinds(len(mixed), subjects=subjects))
            found.append(average_precision(scores.score, np.arange(len(mixed)) >= len(own)))
    assert np.mean(found) >= 0.9
