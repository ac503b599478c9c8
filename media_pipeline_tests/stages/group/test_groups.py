"""From pairs to groups: no chains, one keeper, always the same answer."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.stages.group.groups import Group, Standing, stars
from media_pipeline.stages.group.pairs import Pair


def _standing(number: int, *, pixels: int = 100, size_bytes: int = 10) -> Standing:
    return Standing(pixels, size_bytes, UUID(int=number))


def _pair(a: int, b: int) -> Pair:
    return Pair(a, b, 0, 1.0)


def test_the_largest_picture_is_kept_and_says_why() -> None:
    """Pixels before bytes before id."""
    two = [_pair(0, 1)]
    assert stars(two, [_standing(1), _standing(2, pixels=101)]) == [Group(1, (0, 1), "most pixels")]
    assert stars(two, [_standing(1), _standing(2, size_bytes=11)]) == [Group(1, (0, 1), "most bytes at the same size")]
    assert stars(two, [_standing(1), _standing(2)]) == [Group(0, (0, 1), "first by id among equals")]


def test_a_chain_is_cut() -> None:
    """0-1-2-3 are each near the next only: the leader takes its own neighbours, the rest is another matter."""
    chain = [_pair(0, 1), _pair(1, 2), _pair(2, 3)]
    standings = [_standing(number, pixels=100 - number) for number in range(4)]
    assert stars(chain, standings) == [Group(0, (0, 1), "most pixels"), Group(2, (2, 3), "most pixels")]


def test_without_pairs_there_are_no_groups() -> None:
    """A picture alone is no group."""
    assert stars([], [_standing(1)]) == []


@given(st.sets(st.tuples(st.integers(0, 15), st.integers(0, 15)).filter(lambda pair: pair[0] < pair[1])))
def test_every_member_is_near_its_keeper_in_any_order(edges: set[tuple[int, int]]) -> None:
    """No member is in two groups, and the order of pairs does not matter."""
    standings = [_standing(number, pixels=number % 3) for number in range(16)]
    ordered = sorted(edges)
    groups = stars([_pair(a, b) for a, b in ordered], standings)
    assert stars([_pair(a, b) for a, b in reversed(ordered)], standings) == groups
    members = [member for group in groups for member in group.members]
    assert len(members) == len(set(members))
    for group in groups:
        for member in group.members:
            pair = tuple(sorted((group.keeper, member)))
            assert member == group.keeper or pair in edges
