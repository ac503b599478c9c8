"""Ids that stay: who inherits what, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.stages.group.carrying import Carried, Change, carried

A, B, C = UUID(int=100), UUID(int=200), UUID(int=300)


def told(former: Mapping[int, UUID], groups: Sequence[Sequence[int]]) -> Carried:
    return carried(
        {UUID(int=member): group for member, group in former.items()},
        [[UUID(int=member) for member in group] for group in groups],
        new_id=lambda lowest, number: UUID(int=1000 * lowest.int + number),
    )


def test_a_group_keeps_its_id_while_most_of_it_remains() -> None:
    """New members and lost ones change nothing."""
    found = told({1: A, 2: A, 3: A, 4: B}, [[4, 9], [1, 2, 8]])
    assert found.ids == (B, A)
    assert found.changes == ()


def test_a_merge_goes_to_the_larger_part_and_a_split_to_the_larger_half() -> None:
    """The other id is told of, with how many went there."""
    merged = told({1: A, 2: A, 3: B}, [[1, 2, 3]])
    assert (merged.ids, merged.changes) == ((A,), (Change("merged", B, A, 1),))
    split = told({1: A, 2: A, 3: A}, [[1], [2, 3]])
    assert (split.ids, split.changes) == ((UUID(int=1000), A), (Change("split", A, UUID(int=1000), 1),))


def test_a_group_of_which_nobody_is_left_has_ended() -> None:
    """Its members are in no group now."""
    assert told({1: A, 2: B}, [[2]]).changes == (Change("ended", A, None, 0),)


def test_a_new_group_never_takes_an_id_that_lives_on() -> None:
    """The id that member 1 makes is that of the group it was in, which lives on without it."""
    first = told({}, [[1, 2, 3]]).ids[0]
    again = told({1: first, 2: first, 3: first}, [[2, 3], [1, 9]])
    assert again.ids == (first, UUID(int=1001))


@given(
    st.dictionaries(st.integers(1, 12), st.sampled_from([A, B, C]), max_size=12),
    st.lists(st.integers(0, 3), min_size=12, max_size=12),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_groups_changes_nothing(former: dict[int, UUID], where: list[int], random: Any) -> None:
    """Each id is given once, and a second time the same groups change nothing."""
    groups = [[member for member in range(1, 13) if where[member - 1] == number] for number in range(4)]
    groups = [group for group in groups if group]
    found = told(former, groups)
    assert len(set(found.ids)) == len(groups)
    places = list(range(len(groups)))
    random.shuffle(places)
    mixed = told(dict(reversed(former.items())), [groups[place] for place in places])
    assert mixed.ids == tuple(found.ids[place] for place in places)
    assert mixed.changes == found.changes
    again = told({m: one for one, group in zip(found.ids, groups, strict=True) for m in group}, groups)
    assert (again.ids, again.changes) == (found.ids, ())
