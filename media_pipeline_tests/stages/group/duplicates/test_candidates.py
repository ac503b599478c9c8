"""Candidates: every pair that a person should see, once; in part as in whole."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from media_pipeline.stages.group.duplicates.candidates import Pairs, candidates
from media_pipeline.stages.group.duplicates.groups import Limits

LIMITS = Limits(0.95)


def _found(
    pictures: list[tuple[int, float]], *, cosine: float = 0.98, strongest: int = 20, asking: list[bool] | None = None
) -> Pairs:
    vectors = np.array([(math.cos(angle), math.sin(angle)) for _, angle in pictures], np.float32).reshape(-1, 2)
    hashes = np.array([one for one, _ in pictures], dtype=np.uint64)
    asked = None if asking is None else np.array(asking, dtype=np.bool_)
    return candidates(vectors, hashes, limits=LIMITS, cosine=cosine, strongest=strongest, asking=asked)


def _pairs(found: Pairs) -> list[tuple[int, int]]:
    return list(zip(found.a.tolist(), found.b.tolist(), strict=True))


def test_each_of_three_reasons_is_enough() -> None:
    """The vector alone at .98; 10 bits and .97; and what passes for near, but was left out of the group."""
    assert _pairs(_found([(0, 0.0), (2**64 - 1, 0.19)])) == [(0, 1)]  # cosine .982
    assert _pairs(_found([(0, 0.0), (0x3FF, 0.24)])) == [(0, 1)]  # 10 bits, .971
    assert _pairs(_found([(0, 0.0), (0x7FF, 0.24)])) == []  # 11 bits
    assert _pairs(_found([(0, 0.0), (0x3F, 0.3)])) == [(0, 1)]  # 6 bits, .955
    assert _pairs(_found([(0, 0.0), (0x7F, 0.3)])) == []  # 7 bits


def test_of_a_series_each_keeps_its_strongest() -> None:
    """Five in a row, a little apart: with one of each, neighbours only."""
    row = [(0, 0.01 * number) for number in range(5)]
    assert len(_pairs(_found(row))) == 10
    assert _pairs(_found(row, strongest=1)) == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_of_nothing_come_no_candidates() -> None:
    """An empty library, and one picture."""
    assert _pairs(_found([])) == []
    assert _pairs(_found([(1, 0.0)])) == []


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2**12 - 1), st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.3, 1.0])), max_size=30),
    st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_every_pair_is_found_and_only_those_of_whoever_asks(pictures: list[tuple[int, float]], ask: list[bool]) -> None:
    """As counted one by one."""
    expected = []
    for (a, (one, first)), (b, (other, second)) in combinations(enumerate(pictures), 2):
        bits, cosine = (one ^ other).bit_count(), math.cos(first - second)
        if cosine >= 0.98 or (bits <= 10 and cosine >= 0.97) or (bits <= 6 and cosine >= 0.95):
            expected.append((a, b))
    assert _pairs(_found(pictures, strongest=99)) == expected
    asked = [(a, b) for a, b in expected if ask[a] or ask[b]]
    assert _pairs(_found(pictures, strongest=99, asking=ask[: len(pictures)])) == asked
