"""Groups: stars around a leader, bounded, never chains; what people decided comes first. Pure.

Bare connected components chained a million hashes to a group of 2,956, up to 25 bits apart. In a star every member
passes both tests against the leader itself: a hash knows shapes, a vector more, and neither is trusted alone. And no
two members may be farther apart than a bound, or the one that ranks lower is left for a star of its own. No list of
pairs is made: 2,000 files of one picture are 1,999 members, but 1,999,000 pairs.

What people joined is never taken apart, and the bound does not judge it: each of them has a star of its own, and all
of these are one group. What is not here: which hashes are near (pairs.py), who is kept (keepers.py), pairs for a
person's review (candidates.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from media_pipeline.stages.group.duplicates.constraints import Decisions, units
from media_pipeline.stages.group.duplicates.cosines import Vectors, exact, reaching
from media_pipeline.stages.group.duplicates.keepers import Standings
from media_pipeline.stages.group.duplicates.pairs import MAX_BITS, Neighbours, Places, neighbours

# Members that are held to the bound at once, and vectors that are compared with a leader: 4 MB at 512 numbers.
BLOCK, ROWS = 256, 2048
COSINE_BELOW_NEAR = 0.02

By = Literal["scores", "person"]


@dataclass(frozen=True, slots=True)
class Limits:
    """When two files are near, and how far apart two of one group may be."""

    cosine: float
    bits: int = MAX_BITS

    @property
    def widest_bits(self) -> int:
        return self.bits * 3 // 2

    @property
    def widest_cosine(self) -> float:
        return round(self.cosine - COSINE_BELOW_NEAR, 6)


@dataclass(frozen=True, slots=True)
class Files:
    """Columns with one row for each file, in the order of their ids. One that is not `comparable` has no hash or no
    vector, or shares its hash with too many: only a person may join it to another."""

    ids: tuple[UUID, ...]
    phashes: NDArray[np.uint64]
    comparable: NDArray[np.bool_]
    vectors: Vectors
    standings: Standings


@dataclass(frozen=True, slots=True)
class Member:
    """A place in the arrays, and how far it is from the file `of` that it was compared with; nothing is known of the
    distance of files that cannot be compared, which a person joined."""

    place: int
    of: int
    by: By
    bits: int | None
    cosine: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """The place of the keeper, and the others in order of place."""

    keeper: int
    others: tuple[Member, ...]
    keeper_reason: str

    def places(self) -> list[int]:
        return [self.keeper, *(member.place for member in self.others)]


@dataclass(frozen=True, slots=True)
class Alike:
    """The hashes of all files, equal ones as one class, and which classes are near each other."""

    classes: Places
    near: Neighbours
    by_class: Places
    starts: Places

    @classmethod
    def of(cls, hashes: NDArray[np.uint64], max_bits: int = MAX_BITS) -> Alike:
        different, classes, counts = np.unique(hashes, return_inverse=True, return_counts=True)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(classes, neighbours(different, max_bits), np.argsort(classes, kind="stable"), starts)

    def candidates(self) -> Places:
        """All places but those whose hash surely nobody shares or comes near: no vector of those is needed."""
        return np.flatnonzero((self.near.may_have() | (np.diff(self.starts) > 1))[self.classes])

    def around(self, place: int) -> Places:
        """Every place whose hash is the same or near, this one among them."""
        own = int(self.classes[place])
        classes = np.append(self.near.of(own), own)
        starts, counts = self.starts[classes], self.starts[classes + 1] - self.starts[classes]
        skipped = np.repeat(starts - np.cumsum(counts) + counts, counts)
        return self.by_class[skipped + np.arange(len(skipped))]


def grouped(files: Files, decisions: Decisions, limits: Limits | None) -> list[Group]:
    """Every group of two or more, in the order of their keepers' places. Without limits only what people joined."""
    people = _People.of(files, decisions)
    stars = [] if limits is None else list(_stars(files, limits, people))
    taken = {place for star in stars for place in star}
    stars += [_joined(unit, files) for unit in people.joined if taken.isdisjoint(unit)]
    groups = [_group(files, star) for star in stars]
    return sorted((group for group in groups if group.others), key=lambda group: group.keeper)


# Of each member but the first with whom it was compared, and who says that it belongs there.
Star = dict[int, tuple[int, By]]


@dataclass(frozen=True, slots=True)
class _People:
    """What people decided, by place: who is joined, and whom each may not meet. What is said of one of a unit is said
    of all."""

    joined: list[list[int]]
    unit_of: Mapping[int, int]
    apart: Mapping[int, set[int]]

    @classmethod
    def of(cls, files: Files, decisions: Decisions) -> _People:
        places = {media: place for place, media in enumerate(files.ids)}
        here = [sorted(places[media] for media in unit if media in places) for unit in units(decisions.same)]
        joined = [unit for unit in here if len(unit) > 1]
        unit_of = {place: number for number, unit in enumerate(joined) for place in unit}
        apart: dict[int, set[int]] = {}
        for a, b in decisions.different:
            if a in places and b in places:
                one, other = (
                    joined[unit_of[place]] if place in unit_of else [place] for place in (places[a], places[b])
                )
                for first, second in product(one, other):
                    apart.setdefault(first, set()).add(second)
                    apart.setdefault(second, set()).add(first)
        return cls(joined, unit_of, apart)

    def with_unit(self, place: int) -> list[int]:
        """This one, then those that people joined to it."""
        if place not in self.unit_of:
            return [place]
        return [place, *(other for other in self.joined[self.unit_of[place]] if other != place)]


def _joined(unit: list[int], files: Files) -> Star:
    first = files.standings.best(unit)
    return dict.fromkeys([first, *(other for other in unit if other != first)], (first, "person"))


def _stars(files: Files, limits: Limits, people: _People) -> Iterator[Star]:
    """Each file in order of rank takes what is near it, within the bound, and nobody has taken yet; and so does each
    that people joined to it."""
    rank = np.empty(len(files.ids), dtype=np.int64)
    rank[files.standings.ranked()] = np.arange(len(files.ids))
    items = np.flatnonzero(files.comparable)
    alike = Alike.of(files.phashes[items], limits.bits)
    candidates = alike.candidates()
    item_of = dict(zip(items[candidates].tolist(), candidates.tolist(), strict=True))
    for unit in people.joined:
        # The best of them may be one that nobody comes near, or that cannot be compared.
        if able := [place for place in unit if place in item_of]:
            rank[min(able, key=lambda place: int(rank[place]))] = rank[unit].min()
    taken = np.zeros(len(files.ids), dtype=np.bool_)
    for leader in items[candidates[np.argsort(rank[items[candidates]])]].tolist():
        if taken[leader]:
            continue
        star: Star = dict.fromkeys(people.with_unit(leader), (leader, "person"))
        # Also when it finds nobody: a later, smaller file must not take it.
        taken[list(star)] = True
        for centre in [place for place in star if place in item_of]:
            around = items[alike.around(item_of[centre])]
            around = _allowed(around[~taken[around]], star, people)
            around = around[_near(files, centre, around, least=limits.cosine)]
            around = around[np.argsort(rank[around])]
            for place in around[_within_bound(files, around, limits, people.apart)].tolist():
                if star.get(place, (0, "person"))[1] == "person":
                    star[place] = (centre, "scores")
                for other in people.with_unit(place)[1:]:
                    star.setdefault(other, (place, "person"))
            taken[list(star)] = True
        if len(star) > 1:
            yield star


def _allowed(places: Places, star: Star, people: _People) -> Places:
    """Without those that a person parted from somebody in the star."""
    if not people.apart:
        return places
    barred = {other for place in star for other in people.apart.get(place, ())}
    return places[~np.isin(places, list(barred))] if barred else places


def _near(files: Files, own: int, others: Places, *, least: float) -> NDArray[np.bool_]:
    one = np.array([own], dtype=np.int64)
    found = np.empty(len(others), dtype=np.bool_)
    for start in range(0, len(others), ROWS):
        part = slice(start, start + ROWS)
        found[part] = reaching(files.vectors, others[part], one, least=least)[:, 0]
    return found


def _within_bound(files: Files, places: Places, limits: Limits, apart: Mapping[int, set[int]]) -> NDArray[np.bool_]:
    """Which of these, one after another, are near enough to all that were let in before them."""
    kept: NDArray[np.bool_] = np.zeros(len(places), dtype=np.bool_)
    for start in range(0, len(places), BLOCK):
        block, inside = places[start : start + BLOCK], places[:start][kept[:start]]
        alive: NDArray[np.bool_] = np.asarray(_fit(files, block, inside, limits, apart).all(axis=1))
        fit = _fit(files, block, block, limits, apart)
        for place in range(len(block)):
            if alive[place]:
                kept[start + place] = True
                alive &= fit[place]
    return kept


def _fit(files: Files, a: Places, b: Places, limits: Limits, apart: Mapping[int, set[int]]) -> NDArray[np.bool_]:
    if not len(b):
        return np.ones((len(a), 0), dtype=np.bool_)
    fit: NDArray[np.bool_] = (
        np.bitwise_count(files.phashes[a][:, None] ^ files.phashes[b][None, :]) <= limits.widest_bits
    )
    fit &= reaching(files.vectors, a, b, least=limits.widest_cosine)
    if apart:
        for row, place in enumerate(a.tolist()):
            if barred := apart.get(place):
                fit[row] &= ~np.isin(b, list(barred))
    return fit


def _group(files: Files, star: Star) -> Group:
    places = list(star)
    keeper = files.standings.best(places)
    first = places[0]
    if keeper != first:
        # Somebody whom a person joined to the leader, and who is better to keep: told the other way round.
        star = {place: said for place, said in star.items() if place != keeper} | {first: (keeper, "person")}
    others = tuple(_member(files, place, of, by) for place, (of, by) in sorted(star.items()) if place != keeper)
    reason = files.standings.reason(keeper, [member.place for member in others]) if others else ""
    return Group(keeper, others, reason)


def _member(files: Files, place: int, of: int, by: By) -> Member:
    if not (files.comparable[place] and files.comparable[of]):
        return Member(place, of, by, None, None)
    bits = int(np.bitwise_count(files.phashes[place] ^ files.phashes[of]))
    return Member(place, of, by, bits, float(exact(files.vectors, np.array([place]), np.array([of]))[0]))
