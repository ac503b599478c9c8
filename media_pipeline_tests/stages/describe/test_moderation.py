"""Moderation: a share of 0 to 1, and whether it is above the threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.errors import ItemError
from media_pipeline.models.heads import Head
from media_pipeline.models.heads_files import read_head
from media_pipeline.records import Made
from media_pipeline.stages.describe.moderation import judged, untold
from media_pipeline_tests.models.head_files import linear, npz

TWO = {"1.weight": np.eye(4), "1.bias": np.zeros(4), "2.weight": np.ones((1, 4)), "2.bias": np.zeros(1)}


def head(tensors: Any, **words: str) -> Head:
    found = read_head(npz(tensors, **words), "b32.npz")
    assert isinstance(found, Head)
    return found


def rows(found: Head, vectors: list[list[float]], threshold: float = 0.5) -> list[tuple[float, bool]]:
    results = judged(found, np.array(vectors, np.float32), threshold=threshold, model_version="x")
    assert all(isinstance(result, Made) for result in results)
    made = [result.rows[0] for result in results if isinstance(result, Made)]
    return [(row["nsfw_score"], row["is_above_threshold"]) for row in made]


def test_a_head_that_says_nothing_has_a_sigmoid_behind_it() -> None:
    """0 is a half, 2 is .8808; and what equals the threshold is not above it."""
    found = rows(head(linear(last=2)), [[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, -1]])
    assert found == [(0.5, False), (0.8808, True), (0.1192, False)]


def test_a_head_that_gives_shares_itself_is_only_cut_off() -> None:
    """`output` none: 2, .5 and -1 are 1, .5 and 0."""
    found = head(linear(last=1.5, bias=0.5), output="none")
    assert rows(found, [[0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, -1]], 0.4) == [(1, True), (0.5, True), (0, False)]


def test_of_several_layers_it_must_be_said_what_stands_between_them() -> None:
    """A number made without the right function would be a wrong one, and nobody would see it."""
    why = untold(head(TWO))
    assert why is not None
    assert why.reason == "head_unfit"
    assert untold(head(TWO, activation="relu")) is None
    assert untold(head(linear())) is None
    assert rows(head(TWO, activation="relu"), [[0.6, -0.8, 0, 0]]) == [(0.6457, True)]


def test_a_vector_of_no_numbers_is_no_score() -> None:
    """It is neither above the threshold nor below it."""
    (found,) = judged(head(linear()), np.full((1, 4), np.nan, np.float32), threshold=0.5, model_version="x")
    assert isinstance(found, ItemError)
    assert found.reason == "bad_vector"


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=4, max_size=4), st.floats(0, 1), st.floats(-1e4, 1e4))
def test_scores_stay_in_bounds(vector: list[float], threshold: float, weight: float) -> None:
    """0 to 1, and above the threshold exactly where the number says so."""
    ((score, is_above),) = rows(head(linear(last=weight)), [vector], threshold)
    assert 0 <= score <= 1
    assert is_above == (score > threshold)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_each_vector_has_its_row(count: int) -> None:
    """Also none of none."""
    assert len(rows(head(linear()), [[1, 0, 0, 0]] * count) if count else []) == count
