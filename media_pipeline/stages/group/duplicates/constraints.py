"""What people have decided of pairs, as constraints on the groups: same, different, keep this one. Pure.

A decision beats every score, and survives every run. «Same» goes on: who says that a is b and b is c has said that a is
c. So a «different» may contradict several; whoever writes a decision refuses one that does (`contradiction`).

What is not here: how decisions are kept (stores/catalog/duplicate_decisions.py), and the scores (groups.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

Pair = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class Decisions:
    """`keepers`: files that somebody chose to keep; of two in one group the greater number, the later choice, wins."""

    same: tuple[Pair, ...] = ()
    different: tuple[Pair, ...] = ()
    keepers: Mapping[UUID, int] = field(default_factory=dict)

    def named(self) -> set[UUID]:
        """Every file that a decision joins or keeps apart."""
        return {media for pair in (*self.same, *self.different) for media in pair}


def units(same: Iterable[Pair]) -> tuple[frozenset[UUID], ...]:
    """The sets that people have joined, in the order of their lowest id."""
    parents: dict[UUID, UUID] = {}

    def top(media: UUID) -> UUID:
        while (above := parents.setdefault(media, media)) != media:
            parents[media] = parents[above]
            media = above
        return media

    for a, b in same:
        # The lower id stands above: the answer does not depend on the order of the pairs.
        low, high = sorted((top(a), top(b)))
        parents[high] = low
    members: dict[UUID, set[UUID]] = {}
    for media in parents:
        members.setdefault(top(media), set()).add(media)
    return tuple(frozenset(members[low]) for low in sorted(members))


def contradiction(same: Iterable[Pair], different: Iterable[Pair]) -> Pair | None:
    """The first pair that is said to be different although it is joined; None where there is none."""
    unit_of = {media: place for place, unit in enumerate(units(same)) for media in unit}
    return next((pair for pair in sorted(different) if unit_of.get(pair[0], -1) == unit_of.get(pair[1], -2)), None)
