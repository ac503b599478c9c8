"""How long it takes to find near hashes and to group by them, and how much memory.

`python -m media_pipeline_tests.benchmarks.bench_groups` prints a table; each row is a process of its own, so that one
peak does not hide the next. Beside 20,000 hashes stands the look at all pairs, in blocks, and both must agree. It is no
test: nothing here depends on the clock of a shared machine.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from media_pipeline.stages.group.groups import Alike, Standing, stars
from media_pipeline.stages.group.pairs import MAX_BITS

Hashes = NDArray[np.uint64]
NEAR = 0.95
DIMS = 512
BLOCK = 500


def uniform(count: int) -> Hashes:
    return np.random.default_rng(1).integers(0, 2**64, count, dtype=np.uint64)


def many_copies(count: int) -> Hashes:
    """A third are copies, up to eight bits off; one in fifty is a frame of one clip."""
    drawn = np.random.default_rng(2)
    hashes = uniform(count)
    copies = drawn.choice(count, count // 3, replace=False)
    hashes[copies] = hashes[drawn.integers(0, count, len(copies))]
    hashes[: count // 50] = hashes[0]
    flipped = np.concatenate([copies, np.arange(count // 50)])
    for _ in range(8):
        bits = drawn.integers(0, 64, len(flipped), dtype=np.uint64)
        hashes[flipped] ^= (drawn.random(len(flipped)) < 0.35).astype(np.uint64) << bits
    return hashes


def one_picture(count: int) -> Hashes:
    return np.full(count, 0x5A5A_0FF0_1234_8888, dtype=np.uint64)


def one_clip(count: int) -> Hashes:
    """Different hashes, nearly all near each other: the worst case, since even the true pairs are a square."""
    drawn = np.random.default_rng(3)
    hashes = one_picture(count)
    for _ in range(8):
        hashes ^= (drawn.random(count) < 0.35).astype(np.uint64) << drawn.integers(0, 64, count, dtype=np.uint64)
    return hashes


def by_all_pairs(hashes: Hashes) -> int:
    """How many pairs are near, of all: the plain way."""
    found = 0
    for start in range(0, len(hashes), BLOCK):
        near = np.bitwise_count(hashes[start : start + BLOCK, None] ^ hashes[None, start:]) <= MAX_BITS
        found += int(np.count_nonzero(np.triu(near, 1)))
    return found


def by_sorting(hashes: Hashes) -> int:
    """How many pairs are near, as the pipeline finds them; equal hashes are one class, of which all are pairs."""
    alike = Alike.of(hashes)
    sizes = np.diff(alike.starts)
    around = sum(int(size) * int(sizes[alike.near.of(place)].sum()) for place, size in enumerate(sizes))
    return (around + int((sizes * (sizes - 1)).sum())) // 2


def by_stars(hashes: Hashes) -> int:
    """How many rows grouping makes of them where all vectors agree: a member is one, whatever the number of pairs."""
    alike = Alike.of(hashes)
    vectors = np.zeros((len(alike.candidates()), DIMS), dtype=np.float32)
    vectors[:, 0] = 1
    standings = [Standing(1, 1, UUID(int=number)) for number in range(len(hashes))]
    return sum(len(group.others) for group in stars(alike, vectors, standings, min_cosine=NEAR))


WAYS: dict[str, Callable[[Hashes], int]] = {"all pairs": by_all_pairs, "sorting": by_sorting, "stars": by_stars}
KINDS: dict[str, Callable[[int], Hashes]] = {
    "uniform": uniform,
    "many copies": many_copies,
    "one picture": one_picture,
    "one clip": one_clip,
}
ROWS = (
    *((kind, 20_000, way) for kind in ("uniform", "many copies") for way in WAYS),
    *((kind, 100_000, way) for kind in ("uniform", "many copies") for way in ("sorting", "stars")),
    *((kind, 5_000, way) for kind in ("one picture", "one clip") for way in WAYS),
    ("one clip", 20_000, "stars"),
)


def measured(row: tuple[str, int, str]) -> tuple[float, float, int]:
    """Seconds, MB that the peak grew by, pairs or rows."""
    kind, count, way = row
    hashes = KINDS[kind](count)
    WAYS[way](hashes[:100])
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    found = WAYS[way](hashes)
    seconds = time.process_time() - begun
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, found


def main() -> None:
    print("| hashes | way | CPU s | MB more | pairs; rows of stars |\n|---|---|---|---|---|")
    counts: dict[tuple[str, int], set[int]] = {}
    context = multiprocessing.get_context("spawn")
    for row in ROWS:
        with context.Pool(1) as pool:
            seconds, grown, found = pool.apply(measured, (row,))
        kind, count, way = row
        print(f"| {count:,} {kind} | {way} | {seconds:.2f} | {grown:.0f} | {found:,} |", flush=True)
        if way != "stars":
            counts.setdefault((kind, count), set()).add(found)
    differing = [kind for kind, found in counts.items() if len(found) > 1]
    print("both ways agree" if not differing else f"THE WAYS DISAGREE: {differing}")


if __name__ == "__main__":
    main()
