"""Bursts: shots that one camera took of one scene within seconds. Pure.

A shot follows an earlier one when camera, time, place and look agree; a burst is what follows each other, since a
camera that is moved shows at the end another view than at the beginning. Two cameras of one model in one street take
turns in the list: so a shot may follow one that is not the last. A file and its copy have one moment too, and are no
burst.

What is not here: where shots and cosines come from (assets.py), groups of one picture (../groups.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from uuid import UUID

MAX_BITS: Final = 20
"""Bits of a pHash that may differ between two views of one scene: of two random ones 32 do."""
LOOK_BACK: Final = 8
"""Earlier shots that one is compared with. More are within the gap where clocks say the same of a whole import."""
PLACE_CHARACTERS: Final = 7
"""Of a geohash: cells of 153 m, of which neighbours pass. A first fix may be off by more than a cell of 8."""
LEAST_DATE_PERCENT: Final = 45
"""Below stands when a file was sent or listed: a thousand files of one minute are an import, no burst."""
SURE_DATE_PERCENT: Final = 70

NO_CAMERA: Final = "no camera is known"
NO_SECOND: Final = "the time may lack its second"
NO_LOOK: Final = "their looks could not be compared"
UNSURE_DATE: Final = "the date is not sure"
LOWERED_PERCENT: Final[Mapping[str, int]] = {NO_CAMERA: 25, NO_SECOND: 25, NO_LOOK: 20, UNSURE_DATE: 10}

BASE_32: Final = "0123456789bcdefghjkmnpqrstuvwxyz"
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture as its camera saw it. `picture` is the same of all files of one picture."""

    media_id: UUID
    picture: UUID
    taken_s: float
    date_percent: int
    has_second: bool
    camera: str | None
    geohash: str | None
    phash: int
    sharpness: float
    quality: float
    pixels: int


@dataclass(frozen=True, slots=True)
class Follower:
    """The place of a shot in the list, and how it follows the one before it; the first follows nobody."""

    shot: int
    gap_s: float | None = None
    bits: int | None = None
    cosine: float | None = None


@dataclass(frozen=True, slots=True)
class Burst:
    """Shots in order of time; `why` is what lowers the confidence."""

    followers: tuple[Follower, ...]
    best: int
    best_reason: str
    picture_count: int
    confidence_percent: int
    why: tuple[str, ...]


def pairs_to_compare(shots: Sequence[Shot], *, gap_s: float) -> list[Pair]:
    """Pairs whose hashes do not settle it: a cosine must."""
    return [
        (earlier, later)
        for earlier, later in _near_in_time(shots, gap_s=gap_s)
        if _bits(shots[earlier], shots[later]) > MAX_BITS
    ]


def bursts(
    shots: Sequence[Shot], cosines: Mapping[Pair, float], *, gap_s: float, min_cosine: float | None
) -> list[Burst]:
    """All bursts of at least two pictures, in order of their first shot. `cosines` of `pairs_to_compare`; one that is
    missing, or a model whose `min_cosine` is not known, is a look that could not be compared."""
    links: dict[int, tuple[Follower, int, tuple[str, ...]]] = {}
    root = list(range(len(shots)))
    for earlier, later in _near_in_time(shots, gap_s=gap_s):
        # Nearest first: the first that it may follow is the one that it follows.
        if later in links:
            continue
        link = _link(shots, earlier, later, cosine=cosines.get((earlier, later)), min_cosine=min_cosine)
        if link is not None:
            links[later] = link
            root[later] = earlier
    families: dict[int, list[int]] = {}
    for place in _in_order(shots):
        # An earlier shot has its root already: what it followed came before it.
        root[place] = root[root[place]]
        families.setdefault(root[place], []).append(place)
    return [found for family in families.values() if (found := _burst(shots, family, links)) is not None]


def _in_order(shots: Sequence[Shot]) -> list[int]:
    """By time; shots of one moment by id, so that the list may come in any order."""
    return sorted(range(len(shots)), key=lambda place: (shots[place].taken_s, shots[place].media_id.int))


def _near_in_time(shots: Sequence[Shot], *, gap_s: float) -> list[Pair]:
    """(earlier, later) of one camera and neighbourhood, the later in order of time, the nearest earlier first."""
    pairs: list[Pair] = []
    lanes: dict[str | None, list[int]] = {}
    for place in _in_order(shots):
        shot = shots[place]
        if shot.date_percent < LEAST_DATE_PERCENT:
            continue
        lane = lanes.setdefault(shot.camera, [])
        for earlier in reversed(lane[-LOOK_BACK:]):
            if shot.taken_s - shots[earlier].taken_s > gap_s:
                break
            if _same_place(shots[earlier].geohash, shot.geohash):
                pairs.append((earlier, place))
        lane.append(place)
    return pairs


def _link(
    shots: Sequence[Shot], earlier: int, later: int, *, cosine: float | None, min_cosine: float | None
) -> tuple[Follower, int, tuple[str, ...]] | None:
    one, other = shots[earlier], shots[later]
    bits = _bits(one, other)
    date_percent = min(one.date_percent, other.date_percent)
    why = []
    if one.camera is None:
        why.append(NO_CAMERA)
    if not (one.has_second and other.has_second):
        why.append(NO_SECOND)
    if date_percent < SURE_DATE_PERCENT:
        why.append(UNSURE_DATE)
    if bits > MAX_BITS:
        if cosine is None or min_cosine is None:
            if why:
                return None
            why.append(NO_LOOK)
        elif cosine < min_cosine:
            return None
    percent = date_percent - sum(LOWERED_PERCENT[reason] for reason in why)
    return Follower(later, other.taken_s - one.taken_s, bits, cosine), max(percent, 1), tuple(why)


def _burst(
    shots: Sequence[Shot], family: Sequence[int], links: Mapping[int, tuple[Follower, int, tuple[str, ...]]]
) -> Burst | None:
    pictures = {shots[place].picture for place in family}
    if len(pictures) < 2:
        return None
    first, *others = family
    reasons = [reason for place in others for reason in links[place][2]]
    best = min(family, key=lambda place: _rank(shots[place]))
    return Burst(
        followers=(Follower(first), *(links[place][0] for place in others)),
        best=best,
        best_reason=_best_reason(shots, best, family),
        picture_count=len(pictures),
        confidence_percent=min(links[place][1] for place in others),
        why=tuple(dict.fromkeys(sorted(reasons))),
    )


def _rank(shot: Shot) -> tuple[float, float, int, float, int]:
    return (-shot.sharpness, -shot.quality, -shot.pixels, shot.taken_s, shot.media_id.int)


def _best_reason(shots: Sequence[Shot], best: int, family: Sequence[int]) -> str:
    own, others = shots[best], [shots[place] for place in family if place != best]
    if own.sharpness > max(other.sharpness for other in others):
        return "sharpest"
    equals = [other for other in others if other.sharpness == own.sharpness]
    if own.quality > max(other.quality for other in equals):
        return "best quality of the sharpest"
    equals = [other for other in equals if other.quality == own.quality]
    if own.pixels > max(other.pixels for other in equals):
        return "most pixels of the sharpest"
    return "first of equals"


def _bits(one: Shot, other: Shot) -> int:
    return (one.phash ^ other.phash).bit_count()


def _same_place(one: str | None, other: str | None) -> bool:
    """In the same cell or one beside it; an unknown place speaks against nothing."""
    if one is None or other is None:
        return True
    (x, y), (u, v) = _cell(one[:PLACE_CHARACTERS]), _cell(other[:PLACE_CHARACTERS])
    columns = 1 << _column_bits(PLACE_CHARACTERS)
    return (x - u + 1) % columns <= 2 and abs(y - v) <= 1


@lru_cache(maxsize=4096)
def _cell(geohash: str) -> tuple[int, int]:
    """Column and row of the cell: the bits of a geohash belong to longitude and latitude in turn."""
    column = row = 0
    bits = "".join(f"{BASE_32.index(character):05b}" for character in geohash.ljust(PLACE_CHARACTERS, "0"))
    for place, bit in enumerate(bits):
        if place % 2:
            row = 2 * row + int(bit)
        else:
            column = 2 * column + int(bit)
    return column, row


def _column_bits(characters: int) -> int:
    return (5 * characters + 1) // 2
