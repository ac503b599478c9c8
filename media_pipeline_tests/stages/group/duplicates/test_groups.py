"""Groups: both tests, no chains, a bound, one keeper, people first, always the same answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any
from uuid import UUID

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from media_pipeline.stages.group.duplicates.constraints import Decisions, contradiction, units
from media_pipeline.stages.group.duplicates.groups import Alike, Files, Group, Limits, Member, grouped
from media_pipeline.stages.group.duplicates.keepers import Standings

EAST, NORTH = (1.0, 0.0), (0.0, 1.0)
LIMITS = Limits(0.9)
NOTHING = Decisions()


def _id(number: int) -> UUID:
    return UUID(int=number)


def _standings(count: int, columns: Mapping[str, Sequence[float]]) -> Standings:
    """All equal but for the columns that are named."""

    def column(name: str, kind: type[np.generic]) -> Any:
        return np.array(columns.get(name, [0] * count), dtype=kind)

    return Standings(
        column("chosen", np.int64),
        column("pixels", np.int64),
        column("quality", np.float64),
        column("richness", np.int64),
        column("openness", np.int64),
        column("since", np.int64),
    )


def _files(
    hashes: Sequence[int],
    *,
    vectors: Sequence[tuple[float, float]] | None = None,
    comparable: Sequence[bool] | None = None,
    **columns: Any,
) -> Files:
    """Without vectors of their own all have the same one."""
    rows = np.array(vectors or [EAST] * len(hashes), np.float32).reshape(-1, 2)
    return Files(
        tuple(_id(number) for number in range(len(hashes))),
        np.array(hashes, dtype=np.uint64),
        np.array(comparable if comparable is not None else [True] * len(hashes)),
        rows,
        _standings(len(hashes), columns),
    )


def _places(groups: list[Group]) -> list[tuple[int, list[int]]]:
    return [(group.keeper, [member.place for member in group.others]) for group in groups]


def test_the_best_file_is_kept_and_says_why() -> None:
    """A person's choice, pixels, quality, metadata, licence, age, id: each beats all that come after it."""
    order = (
        ("chosen", "chosen by a person"),
        ("pixels", "most pixels"),
        ("quality", "best quality at the same size"),
        ("richness", "richest metadata among equals"),
        ("openness", "most open licence among equals"),
        ("since", "earliest among equals"),
    )
    for place, (name, reason) in enumerate(order):
        better = (2, 1) if name == "since" else (1, 2)
        later = {other: (3, 9) if other == "since" else (9, 3) for other, _ in order[place + 1 :]}
        columns: dict[str, Any] = {name: better, **later}
        (group,) = grouped(_files([0, 0], **columns), NOTHING, LIMITS)
        assert (group.keeper, group.keeper_reason) == (1, reason)
    (group,) = grouped(_files([0, 0]), NOTHING, LIMITS)
    assert group == Group(0, (Member(1, 0, "scores", 0, 1.0),), "first by id among equals")


def test_both_tests_must_pass() -> None:
    """One bit apart with other colours is no copy; nor are the same colours in another shape."""
    assert grouped(_files([0, 1, 0xFF], vectors=[EAST, NORTH, EAST]), NOTHING, LIMITS) == []
    assert _places(grouped(_files([0, 1, 0xFF]), NOTHING, LIMITS)) == [(0, [1])]


def test_equal_hashes_of_other_pictures_stay_apart() -> None:
    """One class of hash, two groups of vectors, and each finds its own leader."""
    files = _files([7, 7, 7, 7], vectors=[EAST, NORTH, EAST, NORTH])
    assert _places(grouped(files, NOTHING, LIMITS)) == [(0, [2]), (1, [3])]


def test_a_chain_is_cut() -> None:
    """0-1-2-3 are each near the next only: the leader takes its own neighbours, the rest is another matter."""
    files = _files([0, 0xF, 0xFF, 0xFFF], pixels=[9, 8, 7, 6])
    assert _places(grouped(files, NOTHING, LIMITS)) == [(0, [1]), (2, [3])]


def test_two_members_on_opposite_sides_of_the_leader_are_too_far_apart() -> None:
    """Each is 6 bits from the leader, and they are 12 from each other: the lesser is left, and may lead."""
    files = _files([0, 0x3F, 0xFC0, 0xFC1], pixels=[9, 8, 7, 6])
    assert _places(grouped(files, NOTHING, LIMITS)) == [(0, [1]), (2, [3])]


def test_two_members_whose_vectors_are_too_far_apart_are_not_one_group() -> None:
    """Each is 20 degrees from the leader (.94), 40 from each other (.77)."""
    turned = [(1.0, 0.0), (0.9397, 0.342), (0.9397, -0.342)]
    assert _places(grouped(_files([0, 0, 0], vectors=turned, pixels=[3, 2, 1]), NOTHING, LIMITS)) == [(0, [1])]


def test_a_picture_alone_is_no_group() -> None:
    """Nor is its vector asked for."""
    assert grouped(_files([1]), NOTHING, LIMITS) == []
    assert grouped(_files([]), NOTHING, LIMITS) == []
    assert Alike.of(np.array([0, 2**64 - 1, 1], dtype=np.uint64)).candidates().tolist() == [0, 2]


def test_what_a_person_joined_is_one_group_whatever_the_scores_say() -> None:
    """Also where one of them has no hash; its distance is then unknown. Without a near tier too."""
    files = _files([0, 2**64 - 1, 5], comparable=[True, True, False])
    joined = Decisions(same=((_id(0), _id(1)), (_id(1), _id(2))))
    others = (Member(1, 0, "person", 64, 1.0), Member(2, 0, "person", None, None))
    assert grouped(files, joined, LIMITS) == [Group(0, others, "first by id among equals")]
    assert _places(grouped(files, joined, None)) == [(0, [1, 2])]


def test_a_person_parts_what_the_scores_would_join() -> None:
    """From the leader, and from each other within its star."""
    files = _files([0, 0, 0])
    assert _places(grouped(files, Decisions(different=((_id(0), _id(1)),)), LIMITS)) == [(0, [2])]
    assert _places(grouped(files, Decisions(different=((_id(1), _id(2)),)), LIMITS)) == [(0, [1])]


def test_who_was_joined_to_a_better_file_brings_it_along() -> None:
    """The small file is near the second; the large one that a person joined to the small one is kept for all."""
    files = _files([2**64 - 1, 0, 1], pixels=[100, 1, 50])
    joined = Decisions(same=((_id(0), _id(1)),))
    (group,) = grouped(files, joined, LIMITS)
    assert (group.keeper, [member.place for member in group.others]) == (0, [1, 2])
    assert [(member.of, member.by) for member in group.others] == [(0, "person"), (1, "scores")]


def test_the_later_choice_of_two_keepers_wins() -> None:
    """Both were chosen; the one with the greater number was chosen later."""
    (group,) = grouped(_files([0, 0, 0], chosen=[0, 1, 2], pixels=[9, 5, 1]), NOTHING, LIMITS)
    assert (group.keeper, group.keeper_reason) == (2, "chosen by a person")


def test_a_contradiction_is_found_through_others() -> None:
    """a is b and b is c: a cannot be other than c."""
    same = [(_id(1), _id(2)), (_id(2), _id(3))]
    assert units(same) == (frozenset(map(_id, (1, 2, 3))),)
    assert contradiction(same, [(_id(1), _id(4))]) is None
    assert contradiction(same, [(_id(4), _id(5)), (_id(1), _id(3))]) == (_id(1), _id(3))


ANGLES = st.sampled_from([0.0, 0.2, 0.4, 1.5])
PICTURES = st.lists(st.tuples(st.integers(0, 2**12 - 1), ANGLES, st.integers(0, 2)), max_size=24)
PAIRS = st.lists(st.tuples(st.integers(0, 23), st.integers(0, 23)), max_size=4)


def _decided(same: list[tuple[int, int]], different: list[tuple[int, int]], count: int) -> Decisions:
    """Of files that are there, without what contradicts."""
    joined = tuple((_id(a), _id(b)) for a, b in same if a != b and max(a, b) < count)
    parted = tuple((_id(a), _id(b)) for a, b in different if a != b and max(a, b) < count)
    return Decisions(joined, tuple(pair for pair in parted if contradiction(joined, [pair]) is None))


def _by_id(files: Files, groups: list[Group]) -> set[tuple[UUID, frozenset[UUID], str]]:
    return {
        (files.ids[group.keeper], frozenset(files.ids[place] for place in group.places()), group.keeper_reason)
        for group in groups
    }


def _pictured(pictures: list[tuple[int, float, int]]) -> Files:
    vectors = [(float(np.cos(angle)), float(np.sin(angle))) for _, angle, _ in pictures]
    return _files([one for one, _, _ in pictures], vectors=vectors, pixels=[pixels for _, _, pixels in pictures])


@settings(deadline=None)
@given(PICTURES, PAIRS, PAIRS)
def test_groups_keep_every_promise(
    pictures: list[tuple[int, float, int]], same: list[tuple[int, int]], different: list[tuple[int, int]]
) -> None:
    """No file is in two groups; each member is near whom it was compared with; no two that scores joined to one are
    farther apart than the bound; every decision holds; the keeper is the best."""
    files, decisions = _pictured(pictures), _decided(same, different, len(pictures))
    groups = grouped(files, decisions, LIMITS)
    group_of = {files.ids[place]: number for number, group in enumerate(groups) for place in group.places()}
    assert len(group_of) == sum(len(group.places()) for group in groups)
    assert all(group_of[a] == group_of[b] for a, b in decisions.same)
    assert all(group_of.get(a, -1) != group_of.get(b, -2) for a, b in decisions.different)
    joined = decisions.named()
    for group in groups:
        assert group.keeper == files.standings.best(group.places())
        assert all(member.bits is not None and member.bits <= 6 for member in group.others if member.by == "scores")
        by_scores = [member for member in group.others if member.by == "scores"]
        for first, second in combinations([member for member in by_scores if files.ids[member.place] not in joined], 2):
            a, b = first.place, second.place
            if first.of != second.of:
                continue
            assert (pictures[a][0] ^ pictures[b][0]).bit_count() <= LIMITS.widest_bits
            assert np.cos(pictures[a][1] - pictures[b][1]) >= LIMITS.widest_cosine - 1e-6


@settings(deadline=None)
@given(PICTURES, PAIRS, PAIRS, st.randoms(use_true_random=False))
def test_decisions_may_come_in_any_order(
    pictures: list[tuple[int, float, int]], same: list[tuple[int, int]], different: list[tuple[int, int]], drawn: object
) -> None:
    """And either way round: a pair is a pair."""
    files, decisions = _pictured(pictures), _decided(same, different, len(pictures))
    turned = Decisions(
        tuple((b, a) for a, b in reversed(decisions.same)), tuple((b, a) for a, b in reversed(decisions.different))
    )
    assert grouped(files, turned, LIMITS) == grouped(files, decisions, LIMITS)


@settings(deadline=None)
@given(PICTURES)
def test_strangers_beside_them_change_no_group(pictures: list[tuple[int, float, int]]) -> None:
    """A file that is near nobody leaves the groups as they were: what makes a part of the library enough to look at."""
    files = _pictured(pictures)
    more = _pictured([*pictures, (0xFFFF << 40, 1.0, 9)])
    assert _by_id(files, grouped(files, NOTHING, LIMITS)) == _by_id(more, grouped(more, NOTHING, LIMITS))
