"""The checks before a point goes in, and the order in which hits come out."""

from __future__ import annotations

import math
from uuid import UUID

import numpy as np
import pytest

from media_pipeline.errors import VectorIndexError
from media_pipeline.stores.index.points import Hit, Point, batches, checked, in_stable_order

ONE = UUID(int=1)


def test_a_vector_is_brought_to_length_one() -> None:
    """(3, 4) has length 5; a vector whose squares vanish in float32 still has its direction."""
    assert checked(Point(ONE, np.array([3, 4], np.float32), {}), 2).vector.tolist() == pytest.approx([0.6, 0.8])
    tiny = checked(Point(ONE, np.array([3e-30, 4e-30], np.float32), {}), 2).vector
    assert tiny.dtype == np.float32
    assert tiny.tolist() == pytest.approx([0.6, 0.8])


@pytest.mark.parametrize(
    ("vector", "fault"),
    [
        ([1.0], r"shape \(1,\).*2 numbers"),
        ([[1.0, 2.0]], r"shape \(1, 2\)"),
        ([1.0, math.nan], "NaN"),
        ([1.0, math.inf], "infinite"),
        ([0.0, 0.0], "no direction"),
    ],
)
def test_a_bad_vector_is_refused_by_name(vector: list[float], fault: str) -> None:
    """The engines would take it and rank it anywhere."""
    with pytest.raises(VectorIndexError, match=f"point {ONE}: .*{fault}"):
        checked(Point(ONE, np.array(vector, np.float32), {}), 2)


@pytest.mark.parametrize(
    "payload",
    [
        {"is_open": True},
        {"x": None},
        {"x": math.nan},
        {"x": 2**63},
        {"x": {"lat": 1.0}},
        {"x": {"lat": 1.0, "lon": "8"}},
        {"x": {"lat": 91.0, "lon": 8.0}},
        {"x": {"lat": math.nan, "lon": 8.0}},
        {"x": [None]},
        {"x": [["a"]]},
        {"x": b"a"},
        {"a.b": "c"},
    ],
)
def test_a_payload_that_could_not_be_found_again_is_refused(payload: dict[str, object]) -> None:
    """Booleans, nulls, NaN, what needs more than 64 bits, nested things, names that read as paths."""
    with pytest.raises(VectorIndexError, match=f"point {ONE}"):
        checked(Point(ONE, np.ones(2, np.float32), payload), 2)  # type: ignore[arg-type]


def test_batches_take_no_more_than_they_give() -> None:
    """The iterable may be longer than the memory: after the first batch of two, two have been taken."""
    taken: list[int] = []

    def endless() -> object:
        number = 0
        while True:
            number += 1
            taken.append(number)
            yield Point(UUID(int=number), np.ones(2, np.float32), {})

    first = next(batches(endless(), 2, dims=2))  # type: ignore[arg-type]
    assert [point.id.int for point in first] == [1, 2]
    assert taken == [1, 2]


def test_ties_at_the_cut_are_broken_by_id() -> None:
    """Nine equal scores given in falling order of id: the three smallest ids are the answer."""
    hits = [Hit(UUID(int=100), 0.9, {}), *(Hit(UUID(int=number), 0.5, {}) for number in range(9, 0, -1))]
    best = in_stable_order(lambda count: hits[:count], 4)
    assert [hit.id.int for hit in best] == [100, 1, 2, 3]


def test_a_limit_is_at_least_one() -> None:
    """Zero hits is no question."""
    with pytest.raises(ValueError, match="limit 0"):
        in_stable_order(lambda count: [], 0)
