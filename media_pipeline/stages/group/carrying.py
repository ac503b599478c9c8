"""Ids that stay while groups change: a new group takes the id of the former one that it shares most members with. Pure.

What is not here: how groups come to be (bursts/runs.py, clusters/clustering.py), what they are called
(clusters/naming.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Change:
    """`merged`: the members of `group` went to `other`, which lives on. `split`: members of `group`, which lives on,
    are now `other`. `ended`: nobody is left of it."""

    kind: Literal["merged", "split", "ended"]
    group: UUID
    other: UUID | None
    member_count: int


@dataclass(frozen=True, slots=True)
class Carried:
    """The id of each new group, in their order, and what changed between the former groups and these."""

    ids: tuple[UUID, ...]
    changes: tuple[Change, ...]


def carried(
    former: Mapping[UUID, UUID], groups: Sequence[Sequence[UUID]], *, new_id: Callable[[UUID, int], UUID]
) -> Carried:
    """`former`: member -> id of the group that it was in. `groups`: no member twice. `new_id`: makes the id of a group
    that is new of its lowest member, and a number that grows while the id is taken: the group that it was made for may
    live on without that member.
    """
    shared = [Counter(former[member] for member in group if member in former) for group in groups]
    lowest = [min(group) for group in groups]
    # Ties by the lower former id, then by the lowest member: never by the order of the lists.
    wishes = sorted(
        (-count, one.int, lowest[place].int, place)
        for place, counts in enumerate(shared)
        for one, count in counts.items()
    )
    ids: dict[int, UUID] = {}
    heirs: dict[UUID, int] = {}
    for _count, number, _lowest, place in wishes:
        one = UUID(int=number)
        if place not in ids and one not in heirs:
            ids[place], heirs[one] = one, place
    taken = set(former.values())
    for place in sorted(set(range(len(groups))) - ids.keys(), key=lambda place: lowest[place].int):
        number = 0
        while (one := new_id(lowest[place], number)) in taken:
            number += 1
        ids[place] = one
        taken.add(one)
    return Carried(tuple(ids[place] for place in range(len(groups))), tuple(_changes(former, shared, ids, heirs)))


def _changes(
    former: Mapping[UUID, UUID],
    shared: Sequence[Counter[UUID]],
    ids: Mapping[int, UUID],
    heirs: Mapping[UUID, int],
) -> list[Change]:
    met: dict[UUID, list[tuple[int, UUID]]] = {one: [] for one in former.values()}
    for place, counts in enumerate(shared):
        for one, count in counts.items():
            met[one].append((count, ids[place]))
    changes = []
    for one in sorted(met):
        # A group that lost members to several ended in the one that has most of them.
        parts = sorted(met[one], key=lambda part: (-part[0], part[1]))
        if not parts:
            changes.append(Change("ended", one, None, 0))
        elif one not in heirs:
            changes.append(Change("merged", one, parts[0][1], parts[0][0]))
        else:
            changes += [Change("split", one, other, count) for count, other in parts if other not in (one, *met)]
    return changes
