"""How long it takes to find near hashes and to group by them, how much memory, and how wide the groups are.

    python -m media_pipeline_tests.benchmarks.bench_duplicates            to a million
    python -m media_pipeline_tests.benchmarks.bench_duplicates 10000000   and so many once, if memory is free

Each row is a process of its own, so that one peak does not hide the next. Beside 20,000 hashes stand a BK-tree and the
look at all pairs, beside 100,000 the look at all pairs, and all must agree. It is no test: nothing here depends on the
clock of a shared machine.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterator
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from media_pipeline.stages.group.duplicates.constraints import Decisions
from media_pipeline.stages.group.duplicates.groups import Alike, Files, Limits, grouped
from media_pipeline.stages.group.duplicates.keepers import Standings
from media_pipeline.stages.group.duplicates.pairs import MAX_BITS, neighbours
from media_pipeline.stages.group.duplicates.scope import reached

Hashes = NDArray[np.uint64]
LIMITS = Limits(0.95)
BLOCK = 500
NEW = 1_000


def uniform(count: int) -> Hashes:
    return np.random.default_rng(1).integers(0, 2**64, count, dtype=np.uint64)


def skewed(count: int) -> Hashes:
    """As a library is: the low bits of photographs agree more often than not, one in two hundred belongs to a family of
    look-alikes, a third of one in ten are copies up to eight bits off."""
    drawn = np.random.default_rng(4)
    hashes = np.zeros(count, dtype=np.uint64)
    for bit in range(64):
        share = 0.5 + 0.25 * (bit < 16)
        hashes |= (drawn.random(count) < share).astype(np.uint64) << np.uint64(bit)
    family = drawn.choice(count, count // 200, replace=False)
    hashes[family] = np.uint64(0x5A5A_0FF0_1234_8888)
    copies = drawn.choice(count, count // 30, replace=False)
    hashes[copies] = hashes[drawn.integers(0, count, len(copies))]
    flipped = np.concatenate([copies, family])
    for _ in range(8):
        bits = drawn.integers(0, 64, len(flipped), dtype=np.uint64)
        hashes[flipped] ^= (drawn.random(len(flipped)) < 0.45).astype(np.uint64) << bits
    return hashes


def one_clip(count: int) -> Hashes:
    """Different hashes, nearly all near each other: the worst case, since even the true pairs are a square."""
    drawn = np.random.default_rng(3)
    hashes = np.full(count, 0x5A5A_0FF0_1234_8888, dtype=np.uint64)
    for _ in range(8):
        hashes ^= (drawn.random(count) < 0.35).astype(np.uint64) << drawn.integers(0, 64, count, dtype=np.uint64)
    return hashes


def by_all_pairs(hashes: Hashes) -> str:
    """How many pairs of different hashes are near, of all: the plain way."""
    hashes = np.unique(hashes)
    found = 0
    for start in range(0, len(hashes), BLOCK):
        near = np.bitwise_count(hashes[start : start + BLOCK, None] ^ hashes[None, start:]) <= MAX_BITS
        found += int(np.count_nonzero(np.triu(near, 1)))
    return f"{found:,} pairs"


def by_sorting(hashes: Hashes) -> str:
    """As the pipeline finds them; the neighbours of crowded hashes are looked for one by one, only here."""
    near = neighbours(np.unique(hashes))
    kept = len(near.others)
    crowded = np.flatnonzero(near.crowded).tolist()
    # Each pair of two that are not crowded is kept twice; one with a crowded one once, and seen from that one.
    seen = sum(len(near.of(place)) for place in crowded) if len(crowded) < 5_000 else None
    if seen is None:
        return f"{kept // 2:,} pairs or more ({len(crowded):,} crowded)"
    return f"{(kept + seen) // 2:,} pairs"


def search_alone(hashes: Hashes) -> str:
    near = neighbours(np.unique(hashes))
    return f"{int(near.may_have().sum()):,} hashes"


def by_tree(hashes: Hashes) -> str:
    """A BK-tree, the usual way in Python."""
    numbers = np.unique(hashes).tolist()
    root = (numbers[0], dict[int, object]())
    found = 0
    for number in numbers[1:]:
        waiting: list[tuple[int, dict[int, object]]] = [root]
        while waiting:
            own, below = waiting.pop()
            apart = (own ^ number).bit_count()
            found += apart <= MAX_BITS
            waiting += [child for edge, child in below.items() if abs(edge - apart) <= MAX_BITS]  # type: ignore[misc]
        node = root
        while (child := node[1].get((node[0] ^ number).bit_count())) is not None:
            node = child  # type: ignore[assignment]
        node[1][(node[0] ^ number).bit_count()] = (number, {})
    return f"{found:,} pairs"


def files_of(hashes: Hashes) -> Files:
    """With one vector for all: then hashes alone decide."""
    zeros = np.zeros(len(hashes), dtype=np.int64)
    vectors = np.broadcast_to(np.array([1, 0], dtype=np.float32), (len(hashes), 2))
    standings = Standings(zeros, zeros, zeros.astype(np.float64), zeros, zeros, zeros)
    ids = tuple(UUID(int=number) for number in range(len(hashes)))
    return Files(ids, hashes, np.ones(len(hashes), dtype=np.bool_), vectors, standings)


def by_groups(hashes: Hashes) -> str:
    """The widest of all groups, and how many are wider than the bound."""
    groups = grouped(files_of(hashes), Decisions(), LIMITS)
    widths = [_width(hashes[group.places()]) for group in groups]
    over = sum(width > LIMITS.widest_bits for width in widths)
    largest = max((len(group.places()) for group in groups), default=0)
    return f"{len(groups):,} groups, largest {largest:,}, widest {max(widths, default=0)} bits, {over} over the bound"


def by_components(hashes: Hashes) -> str:
    """What bare connected components make of the same hashes."""
    alike = Alike.of(hashes)
    count = len(alike.near.hashes)
    above = np.arange(count)

    def top(place: int) -> int:
        while above[place] != place:
            above[place] = above[above[place]]
            place = int(above[place])
        return place

    for place in np.flatnonzero(alike.near.may_have()).tolist():
        for other in alike.near.of(place).tolist():
            above[top(other)] = top(place)
    tops = np.array([top(place) for place in range(count)])[alike.classes]
    order = np.argsort(tops, kind="stable")
    parts = [part for part in np.split(order, np.flatnonzero(np.diff(tops[order])) + 1) if len(part) > 1]
    widths = [_width(hashes[part]) for part in parts]
    over = sum(width > LIMITS.widest_bits for width in widths)
    largest = max(map(len, parts))
    return f"{len(parts):,} components, largest {largest:,}, widest {max(widths)} bits, {over:,} over the bound"


def _width(hashes: Hashes) -> int:
    hashes = np.unique(hashes)
    blocks = (hashes[start : start + BLOCK] for start in range(0, len(hashes), BLOCK))
    return max(int(np.bitwise_count(block[:, None] ^ hashes[None, :]).max()) for block in blocks)


def by_part(hashes: Hashes) -> str:
    """What a thousand new files meet: the search of a run that is not whole, without the database."""
    everyone = np.ones(len(hashes), dtype=np.bool_)
    found = reached(
        range(len(hashes) - NEW, len(hashes)),
        hashes,
        everyone,
        limits=LIMITS,
        tied=lambda places: (),
        vectors_of=lambda places: np.ones((len(places), 1), dtype=np.float32),
    )
    return f"{len(found):,} files reached"


WAYS: dict[str, Callable[[Hashes], str]] = {
    "all pairs": by_all_pairs,
    "BK-tree": by_tree,
    "sort-join": by_sorting,
    "sort-join alone": search_alone,
    "groups": by_groups,
    "components": by_components,
    "1,000 new": by_part,
}
KINDS: dict[str, Callable[[int], Hashes]] = {"uniform": uniform, "skewed": skewed, "one clip": one_clip}
ROWS = (
    *((kind, 20_000, way) for kind in ("uniform", "skewed") for way in ("BK-tree", "all pairs", "sort-join")),
    *((kind, 100_000, way) for kind in ("uniform", "skewed") for way in ("all pairs", "sort-join")),
    *((kind, 100_000, "sort-join alone") for kind in ("uniform", "skewed")),
    *((kind, 1_000_000, "sort-join alone") for kind in ("uniform", "skewed")),
    ("skewed", 1_000_000, "groups"),
    ("skewed", 1_000_000, "components"),
    ("uniform", 1_000_000, "1,000 new"),
    ("one clip", 20_000, "groups"),
)


def planted() -> Iterator[str]:
    """Of pairs at each distance how many are found among uniform hashes."""
    drawn = np.random.default_rng(7)
    for distance in range(9):
        base = uniform(20_000)
        other = base[:2_000].copy()
        for row in range(2_000):
            for bit in drawn.choice(64, distance, replace=False).tolist():
                other[row] ^= np.uint64(1) << np.uint64(bit)
        alike = Alike.of(np.concatenate([base, other]))
        found = sum(20_000 + place in alike.around(place) for place in range(2_000))
        yield f"{distance}: {found / 2_000:.0%}"


def measured(row: tuple[str, int, str]) -> tuple[float, float, str]:
    """Seconds, MB that the peak grew by, what was found."""
    kind, count, way = row
    hashes = KINDS[kind](count)
    WAYS[way](hashes[: 2 * NEW])
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    found = WAYS[way](hashes)
    seconds = time.process_time() - begun
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, found


def main() -> None:
    print("| hashes | way | CPU s | MB more | found |\n|---|---|---|---|---|")
    counts: dict[tuple[str, int], set[str]] = {}
    context = multiprocessing.get_context("spawn")
    rows = [*ROWS, *(("uniform", int(count), "sort-join alone") for count in sys.argv[1:])]
    for row in rows:
        with context.Pool(1) as pool:
            seconds, grown, found = pool.apply(measured, (row,))
        kind, count, way = row
        print(f"| {count:,} {kind} | {way} | {seconds:.2f} | {grown:.0f} | {found} |", flush=True)
        if found.endswith(" pairs"):
            counts.setdefault((kind, count), set()).add(found)
    differing = [kind for kind, found_by in counts.items() if len(found_by) > 1]
    print("all ways agree" if not differing else f"THE WAYS DISAGREE: {differing}")
    print("planted pairs found by distance:", ", ".join(planted()))


if __name__ == "__main__":
    main()
