"""Which pictures are near: both tests, all pairs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.stages.group.pairs import Pair, bits_of, near_pairs, within_bits


def test_the_hex_of_imagehash_is_read_as_64_bits() -> None:
    """The highest bit too."""
    assert bits_of(["ffffffffffffffff", "0000000000000001"]).tolist() == [2**64 - 1, 1]


def test_both_tests_must_pass() -> None:
    """One bit apart with other colours is no copy; nor are the same colours in another shape."""
    hashes = bits_of(["0000000000000000", "0000000000000001", "00000000000000ff"])
    east, north = [1.0, 0.0], [0.0, 1.0]
    assert near_pairs(hashes, np.array([east, north, east], np.float32), min_cosine=0.9) == []
    assert near_pairs(hashes, np.array([east, east, east], np.float32), min_cosine=0.9) == [Pair(0, 1, 1, 1.0)]


def test_six_bits_are_near_and_seven_are_not() -> None:
    """The limit itself belongs to it."""
    hashes = bits_of(["0000000000000000", "000000000000003f", "000000000000007f"])
    assert list(within_bits(hashes, 6)) == [(0, 1, 6), (1, 2, 1)]


@given(st.lists(st.integers(0, 2**64 - 1), max_size=40), st.integers(0, 64))
def test_every_pair_is_found_across_blocks(numbers: list[int], limit: int) -> None:
    """As counted one by one in plain Python."""
    hashes = np.array(numbers, dtype=np.uint64)
    expected = {
        (a, b, (numbers[a] ^ numbers[b]).bit_count())
        for b in range(len(numbers))
        for a in range(b)
        if (numbers[a] ^ numbers[b]).bit_count() <= limit
    }
    small_blocks = set(within_bits(hashes, limit, block=7))
    assert small_blocks == set(within_bits(hashes, limit)) == expected
