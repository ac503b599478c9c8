"""Groups: both tests, no chains, one keeper, always the same answer."""

from __future__ import annotations

from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.stages.group.groups import Alike, Group, Member, Standing, stars

EAST, NORTH = (1.0, 0.0), (0.0, 1.0)


def _standing(number: int, *, pixels: int = 100, size_bytes: int = 10) -> Standing:
    return Standing(pixels, size_bytes, UUID(int=number))


def _grouped(
    hashes: list[int], standings: list[Standing], *, vectors: list[tuple[float, float]] | None = None
) -> list[Group]:
    """Without vectors of their own all have the same one."""
    alike = Alike.of(np.array(hashes, dtype=np.uint64))
    rows = np.array(vectors or [EAST] * len(hashes), np.float32)[alike.candidates()]
    return list(stars(alike, rows, standings, min_cosine=0.9))


def test_the_largest_picture_is_kept_and_says_why() -> None:
    """Pixels before bytes before id."""
    other = (Member(0, 0, 1.0),)
    assert _grouped([0, 0], [_standing(1), _standing(2, pixels=101)]) == [Group(1, other, "most pixels")]
    more_bytes = [Group(1, other, "most bytes at the same size")]
    assert _grouped([0, 0], [_standing(1), _standing(2, size_bytes=11)]) == more_bytes
    assert _grouped([0, 0], [_standing(1), _standing(2)]) == [
        Group(0, (Member(1, 0, 1.0),), "first by id among equals")
    ]


def test_both_tests_must_pass() -> None:
    """One bit apart with other colours is no copy; nor are the same colours in another shape."""
    hashes, standings = [0, 1, 0xFF], [_standing(1), _standing(2), _standing(3)]
    assert _grouped(hashes, standings, vectors=[EAST, NORTH, EAST]) == []
    found = _grouped(hashes, standings, vectors=[EAST, EAST, EAST])
    assert found == [Group(0, (Member(1, 1, 1.0),), "first by id among equals")]


def test_equal_hashes_of_other_pictures_stay_apart() -> None:
    """One class of hash, two groups of vectors, and each finds its own leader."""
    found = _grouped([7, 7, 7, 7], [_standing(number) for number in range(4)], vectors=[EAST, NORTH, EAST, NORTH])
    assert [(group.keeper, [member.place for member in group.others]) for group in found] == [(0, [2]), (1, [3])]


def test_a_chain_is_cut() -> None:
    """0-1-2-3 are each near the next only: the leader takes its own neighbours, the rest is another matter."""
    chain = [0, 0xF, 0xFF, 0xFFF]
    standings = [_standing(number, pixels=100 - number) for number in range(4)]
    assert _grouped(chain, standings) == [
        Group(0, (Member(1, 4, 1.0),), "most pixels"),
        Group(2, (Member(3, 4, 1.0),), "most pixels"),
    ]


def test_a_picture_alone_is_no_group() -> None:
    """Nor is its vector asked for."""
    assert _grouped([1], [_standing(1)]) == []
    assert Alike.of(np.array([0, 2**64 - 1, 1], dtype=np.uint64)).candidates().tolist() == [0, 2]
    assert Alike.of(np.array([5, 5], dtype=np.uint64)).candidates().tolist() == [0, 1]


@given(st.lists(st.tuples(st.integers(0, 2**12 - 1), st.sampled_from([EAST, NORTH])), max_size=24))
def test_the_groups_are_those_of_a_walk_over_all_pairs(pictures: list[tuple[int, tuple[float, float]]]) -> None:
    """In plain Python: each in order of rank takes what is near it, and untaken."""
    standings = [_standing(number, pixels=number % 3) for number in range(len(pictures))]
    taken: set[int] = set()
    expected = []
    for leader in sorted(range(len(pictures)), key=lambda place: standings[place].rank):
        if leader in taken:
            continue
        taken.add(leader)
        own, direction = pictures[leader]
        others = [
            Member(place, (own ^ one).bit_count(), 1.0)
            for place, (one, along) in enumerate(pictures)
            if place not in taken and (own ^ one).bit_count() <= 6 and along == direction
        ]
        taken |= {member.place for member in others}
        if others:
            expected.append((leader, tuple(others)))
    found = _grouped([one for one, _ in pictures], standings, vectors=[along for _, along in pictures])
    assert [(group.keeper, group.others) for group in found] == expected
