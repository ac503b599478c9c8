"""From pairs to groups: stars around a leader, never chains. Pure.

Bare connected components chained a million hashes to a group of 2,956, up to 25 bits apart; in a star every member
passes the tests against the leader itself. What is not here: the pairs (pairs.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from media_pipeline.stages.group.pairs import Pair


@dataclass(frozen=True, slots=True, order=True)
class Standing:
    """What makes a file the keeper of its group: more pixels, then more bytes, then the lower id, so that there is
    always an answer and always the same."""

    pixels: int
    size_bytes: int
    media_id: UUID

    @property
    def rank(self) -> tuple[int, int, int]:
        return (-self.pixels, -self.size_bytes, self.media_id.int)


@dataclass(frozen=True, slots=True)
class Group:
    """Places in the arrays: the keeper, and all members with it."""

    keeper: int
    members: tuple[int, ...]
    keeper_reason: str


def stars(pairs: Iterable[Pair], standings: Sequence[Standing]) -> list[Group]:
    """Each file in order of rank takes its neighbours that nobody has taken yet."""
    neighbours: dict[int, set[int]] = defaultdict(set)
    for pair in pairs:
        neighbours[pair.a].add(pair.b)
        neighbours[pair.b].add(pair.a)
    taken: set[int] = set()
    groups = []
    for leader in sorted(neighbours, key=lambda place: standings[place].rank):
        if leader in taken:
            continue
        others = sorted(neighbours[leader] - taken)
        if others:
            taken |= {leader, *others}
            groups.append(Group(leader, tuple(sorted((leader, *others))), _reason(leader, others, standings)))
    return groups


def _reason(leader: int, others: Sequence[int], standings: Sequence[Standing]) -> str:
    best = max((standings[other] for other in others), key=lambda standing: (standing.pixels, standing.size_bytes))
    own = standings[leader]
    if own.pixels > best.pixels:
        return "most pixels"
    return "most bytes at the same size" if own.size_bytes > best.size_bytes else "first by id among equals"
