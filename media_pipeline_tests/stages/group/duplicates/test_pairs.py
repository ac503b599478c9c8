"""Which hashes are near: every pair, as if all had been looked at."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.stages.group.duplicates.pairs import bits_of, neighbours


def _flipped(number: int, bits: set[int]) -> int:
    return number ^ sum(1 << bit for bit in bits)


def _by_hand(numbers: list[int], limit: int) -> list[list[int]]:
    """Counted one by one in plain Python."""
    return [
        [b for b, other in enumerate(numbers) if b != a and (one ^ other).bit_count() <= limit]
        for a, one in enumerate(numbers)
    ]


def _found(numbers: list[int], limit: int, *, long_run: int = 500) -> list[list[int]]:
    near = neighbours(np.array(numbers, dtype=np.uint64), limit, long_run=long_run)
    found = [near.of(place).tolist() for place in range(len(numbers))]
    # Whoever has neighbours may have some; without crowds the others surely have none.
    assert all(may or not others for may, others in zip(near.may_have().tolist(), found, strict=True))
    return found


# Any numbers are never near each other: so some of them a few bits beside others.
@st.composite
def _hashes(draw: st.DrawFn) -> list[int]:
    numbers = draw(st.lists(st.integers(0, 2**64 - 1), max_size=8))
    flips = draw(st.lists(st.tuples(st.integers(0, 7), st.sets(st.integers(0, 63), max_size=9)), max_size=30))
    numbers += [_flipped(numbers[which % len(numbers)], bits) for which, bits in flips if numbers]
    return draw(st.permutations(list(dict.fromkeys(numbers))))


def test_the_hex_of_imagehash_is_read_as_64_bits() -> None:
    """The highest bit too."""
    assert bits_of(["ffffffffffffffff", "0000000000000001"]).tolist() == [2**64 - 1, 1]


def test_six_bits_are_near_and_seven_are_not() -> None:
    """The limit itself belongs to it."""
    near = neighbours(bits_of(["0000000000000000", "000000000000003f", "000000000000007f"]), 6)
    assert [near.of(place).tolist() for place in range(3)] == [[1], [0, 2], [1]]
    assert near.may_have().tolist() == [True, True, True]


def test_of_no_hashes_and_of_one_nothing_is_near() -> None:
    """An empty library is grouped as well."""
    assert neighbours(bits_of([])).may_have().tolist() == []
    assert neighbours(bits_of(["0000000000000000"])).may_have().tolist() == [False]


@given(_hashes(), st.integers(0, 8), st.sampled_from([1, 2, 500]))
def test_every_neighbour_is_found(numbers: list[int], limit: int, long_run: int) -> None:
    """As counted one by one, also where runs count as crowds at once."""
    assert _found(numbers, limit, long_run=long_run) == _by_hand(numbers, limit)


@pytest.mark.parametrize("distance", range(1, 9))
def test_a_planted_pair_is_found_wherever_its_bits_are(distance: int) -> None:
    """Up to the limit, and none beyond it."""
    drawn = random.Random(distance)
    for _ in range(200):
        one = drawn.getrandbits(64)
        other = _flipped(one, set(drawn.sample(range(64), distance)))
        assert _found([one, other], 6) == ([[1], [0]] if distance <= 6 else [[], []])


@pytest.mark.parametrize("long_run", [20, 500])
def test_many_hashes_of_one_family_are_told_apart(long_run: int) -> None:
    """Frames of one clip share most keys: as one crowd or pair by pair, the answer is the same."""
    drawn = random.Random(5)
    scene = drawn.getrandbits(64)
    frames = {_flipped(scene, set(drawn.sample(range(64), drawn.randint(0, 5)))) for _ in range(300)}
    numbers = [*frames, *(drawn.getrandbits(64) for _ in range(100))]
    drawn.shuffle(numbers)
    assert _found(numbers, 6, long_run=long_run) == _by_hand(numbers, 6)


def test_a_crowd_keeps_no_pairs() -> None:
    """Ten thousand hashes that differ in 14 bits only are 24 million pairs, none of which is remembered."""
    near = neighbours(np.arange(10_000, dtype=np.uint64))
    assert near.crowded.all()
    assert len(near.others) == 0
    assert near.of(0).tolist() == [number for number in range(1, 10_000) if number.bit_count() <= 6]
