"""How long clustering takes, how much memory, and how well it finds what belongs together, beside its alternatives.

`python -m media_pipeline_tests.benchmarks.bench_clusters` prints tables; each row is a process of its own, so that one
peak does not hide the next. `--large` adds 100,000 vectors, `--shared FOLDER` real vectors of ten classes of clothing.
HDBSCAN stands beside ours where scikit-learn is installed (`uv pip install scikit-learn`). It is no test: nothing here
depends on the clock of a shared machine.

The hard set: crowds of which ten are of one family, some of them close to each other (centres at a cosine of .61 to
.83) and each of its own spread, and a tenth of loners. ARI is the adjusted Rand
index to what was planted: 1 is the same, 0 is chance.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from media_pipeline.stages.flag.neighbours import neighbours
from media_pipeline.stages.group.bursts.runs import Shot, bursts, pairs_to_compare
from media_pipeline.stages.group.clusters.centroids import Centroids, Labels, Vectors
from media_pipeline.stages.group.clusters.clustering import clustered, components, numbered
from media_pipeline.stages.group.clusters.joining import joined

COSINE = 0.72
DIMS = 512


def of_length_1(rows: NDArray[np.float32]) -> Vectors:
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def planted(count: int, *, each: int = 20) -> tuple[Vectors, Labels]:
    """Vectors in an order that says nothing, and the crowd of each."""
    drawn = np.random.default_rng(1)
    crowds = max(1, count * 9 // 10 // each)
    families = of_length_1(drawn.standard_normal((max(1, crowds // 10), DIMS), dtype=np.float32))
    own = drawn.standard_normal((crowds, DIMS), dtype=np.float32) / DIMS**0.5
    close = drawn.uniform(0.45, 0.8, crowds).astype(np.float32)
    centres = of_length_1(families[drawn.integers(0, len(families), crowds)] + close[:, None] * own)
    truth = np.concatenate([drawn.integers(0, crowds, count * 9 // 10), crowds + np.arange(count - count * 9 // 10)])
    spread = drawn.uniform(0.25, 0.6, crowds).astype(np.float32)
    vectors = drawn.standard_normal((count, DIMS), dtype=np.float32) / np.float32(DIMS**0.5)
    for start in range(0, count, 4096):
        label = truth[start : start + 4096]
        inside = label < crowds
        vectors[start : start + 4096][inside] *= spread[label[inside], None]
        vectors[start : start + 4096][inside] += centres[label[inside]]
    order = drawn.permutation(count)
    return of_length_1(vectors[order]), truth[order]


def adjusted_rand(truth: Labels, found: Labels) -> float:
    """Of all pairs: together in both, or apart in both, beyond chance."""
    _, pairs = np.unique(np.stack([truth, found]), axis=1, return_counts=True)
    together, rows, columns, all_pairs = (
        float((counts * (counts - 1) // 2).sum())
        for counts in (pairs, np.bincount(truth), np.bincount(found), np.array([len(truth)]))
    )
    chance = rows * columns / all_pairs
    return (together - chance) / ((rows + columns) / 2 - chance)


def average(vectors: Vectors, cosine: float) -> Labels:
    return clustered(vectors, min_cosine=cosine).labels


def one_by_one(vectors: Vectors, cosine: float) -> Labels:
    return joined(vectors, Centroids.none(vectors.shape[1]), min_cosine=cosine).labels


def bare_components(vectors: Vectors, cosine: float) -> Labels:
    return numbered(components(vectors, min_cosine=cosine))


def hdbscan(vectors: Vectors, _cosine: float) -> Labels:
    """It has no threshold: it looks for what is denser than what is around it."""
    from importlib import import_module

    peer = import_module("sklearn.cluster")
    found: Labels = peer.HDBSCAN(min_cluster_size=5, copy=True).fit_predict(vectors)
    lone = np.flatnonzero(found < 0)
    found = found.astype(np.int64)
    found[lone] = found.max(initial=0) + 1 + np.arange(len(lone))
    return found


WAYS: dict[str, Callable[[Vectors, float], Labels]] = {
    "average linkage (ours, anew)": average,
    "one by one (ours, incremental)": one_by_one,
    "connected components": bare_components,
    "HDBSCAN": hdbscan,
}


def _clothing(shared: str) -> tuple[Vectors, Labels]:
    stored = np.load(Path(shared) / "testdata" / "embeddings" / "clothing-mobilenet1024.npz")
    return of_length_1(stored["vectors"].astype(np.float32)), np.unique(stored["labels"], return_inverse=True)[1]


def measure_way(name: str, count: int, shared: str, cosine: float) -> str:
    vectors, truth = _clothing(shared) if shared else planted(count)
    begun, burned = time.perf_counter(), time.process_time()
    try:
        labels = WAYS[name](vectors, cosine)
    except ImportError:
        return "not installed"
    seconds, cpu = time.perf_counter() - begun, time.process_time() - burned
    where = int(labels.max()) + 1
    return f"ARI {adjusted_rand(truth, labels):5.3f}  {where:7,} clusters  {seconds:7.1f} s  {cpu:7.1f} CPU-s"


def measure_decision(_name: str, count: int, _shared: str, cosine: float) -> str:
    """One picture against so many centroids."""
    vectors = of_length_1(np.random.default_rng(2).standard_normal((count, DIMS), dtype=np.float32))
    centroids = Centroids.of(vectors, np.arange(count), count)
    one = of_length_1(np.random.default_rng(3).standard_normal((256, DIMS), dtype=np.float32))
    # With the centroids as directions: a run reads and normalises them once.
    joined(one, centroids, min_cosine=cosine)
    begun = time.process_time()
    joined(one[:1], centroids, min_cosine=cosine)
    first = time.process_time() - begun
    begun = time.process_time()
    joined(one, centroids, min_cosine=cosine)
    each = (time.process_time() - begun - first) / (len(one) - 1)
    return f"{1000 * first:6.0f} ms for the first of a run (centroids read), {1000 * each:6.1f} ms each further one"


def measure_neighbours(_name: str, count: int, _shared: str, _cosine: float) -> str:
    vectors, _ = planted(count)
    begun = time.perf_counter()
    neighbours(vectors, kin=np.arange(count), targets=np.arange(count), most=20)
    return f"{time.perf_counter() - begun:7.1f} s"


def measure_bursts(_name: str, count: int, _shared: str, _cosine: float) -> str:
    """Days of one camera, a third of the shots in bursts of five."""
    drawn = np.random.default_rng(4)
    gaps = np.where(drawn.random(count) < 0.33, 0.4, drawn.uniform(3, 600, count))
    taken = np.cumsum(gaps)
    hashes = drawn.integers(0, 2**63, count, dtype=np.uint64)
    shots = [
        Shot(
            UUID(int=place),
            UUID(int=place),
            float(taken[place]),
            95,
            True,
            "A",
            "u33dc0cpke",
            int(hashes[place]),
            1,
            1,
            1,
        )
        for place in range(count)
    ]
    begun = time.perf_counter()
    pairs = pairs_to_compare(shots, gap_s=2.0)
    found = bursts(shots, dict.fromkeys(pairs, 0.9), gap_s=2.0, min_cosine=0.75)
    return f"{len(found):7,} bursts of {len(pairs):,} pairs that a cosine settled, {time.perf_counter() - begun:5.1f} s"


def _row(work: Callable[[str, int, str, float], str], *given: object) -> str:
    result = work(*given)  # type: ignore[arg-type]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{result}  {peak:7,.0f} MB"


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--large", action="store_true")
    asked.add_argument("--shared", default="")
    chosen = asked.parse_args()
    rows: list[tuple[str, tuple[object, ...]]] = []
    for count in (10_000, *([100_000] if chosen.large else [])):
        rows += [
            (f"{count:9,} planted, {name}", (measure_way, name, count, "", COSINE))
            for name in WAYS
            if name != "HDBSCAN" or count <= 10_000
        ]
    if chosen.shared:
        rows += [
            (f"    clothing at {cosine}, {name}", (measure_way, name, 0, chosen.shared, cosine))
            for cosine in (0.6, 0.65, 0.7)
            for name in WAYS
        ]
    rows.append(("   50,000 centroids, one decision", (measure_decision, "", 50_000, "", COSINE)))
    rows.append(("  100,000 shots, bursts", (measure_bursts, "", 100_000, "", COSINE)))
    for count in (20_000, *([100_000] if chosen.large else [])):
        rows.append((f"{count:9,} media, 20 neighbours of each", (measure_neighbours, "", count, "", COSINE)))
    processes = multiprocessing.get_context("spawn")
    for title, given in rows:
        with processes.Pool(1) as pool:
            print(f"{title:55} {pool.apply(_row, given)}", flush=True)


if __name__ == "__main__":
    main()
