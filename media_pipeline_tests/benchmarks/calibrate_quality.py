"""Prints the tables by which the constants of the quality score are chosen.

    python -m media_pipeline_tests.benchmarks.calibrate_quality [EVERY]

MEDIA_TEST_SHARED names a folder with `testdata/` of real photographs; EVERY takes but each so many-th. Ladders: in how
many photos each rung is below the one before, and the mean points of each rung. Copies: how many are below their
original. Then deciles of the points and of their components, and the CPU time of one call.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

from media_pipeline.stages.examine.quality import MOST, Quality, Seen, quality
from media_pipeline_tests.stages.examine.ladders import COPIES, LADDERS, RESAVED, centre, falls, photos, read


def _deciles(values: list[float]) -> str:
    return " ".join(f"{value:5.1f}" for value in np.percentile(values, range(0, 101, 10)))


def calibrate(testdata: Path, *, every: int) -> None:
    rungs: dict[str, list[list[float]]] = defaultdict(list)
    below: dict[str, list[bool]] = defaultdict(list)
    found: dict[str, list[Quality]] = defaultdict(list)
    paths = photos(testdata)[::every]
    for path in paths:
        photo = read(path)
        original = photo.quality()
        found["all"].append(original)
        found[path.relative_to(testdata).parts[0]].append(original)
        if photo.picture.width * photo.picture.height > 1e6:
            found["above 1 megapixel"].append(original)
        for name, ladder in {**LADDERS, "jpeg, then png": RESAVED}.items():
            rungs[name].append([rung.points() for rung in ladder(centre(photo.picture))])
            if name in LADDERS and not falls(rungs[name][-1]):
                print(f"{name:5} rises in {path.relative_to(testdata)}: {rungs[name][-1]}")
        for name, copy in COPIES.items():
            below[name].append(copy(photo).points() < original.points)
            if not below[name][-1]:
                print(f"{name} is not below {path.relative_to(testdata)}")
    print(f"\n{len(paths)} photos\nladder           falls  mean points by rung")
    for name, ladders in rungs.items():
        share = np.mean([falls(ladder) for ladder in ladders])
        print(f"{name:16} {share:.3f}  " + " ".join(f"{mean:5.1f}" for mean in np.mean(ladders, axis=0)))
    print("\ncopy                    below its original")
    for name, are_below in below.items():
        print(f"{name:24} {np.mean(are_below):.3f}")
    print("\ndeciles of points")
    for name, qualities in found.items():
        print(f"{name:20} {len(qualities):4} " + _deciles([one.points for one in qualities]))
    for component in MOST:
        print(f"{component:25} " + _deciles([one.components[component] for one in found["all"]]))
    print("flags", dict(Counter(flag for one in found["all"] for flag in one.flags)))


def cost() -> None:
    """Of a picture of 12 megapixels, of which the stage has both pictures already.

    The large one was there before, as in a worker: a process that has freed no large memory yet asks the system for
    each array anew, which doubles the time.
    """
    drawn = np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    large = np.asarray(Image.fromarray(drawn).resize((4000, 3000), Image.Resampling.BICUBIC)).copy()
    small = Image.fromarray(large).resize((640, 480), Image.Resampling.LANCZOS)
    patch = Image.fromarray(large[1244:1756, 1744:2256])
    del large
    seen = Seen(4000, 3000, small, patch, ((8,) * 64,), 5_000_000)
    spent = []
    for _ in range(60):
        begun = time.process_time()
        quality(seen)
        spent.append(time.process_time() - begun)
    print(f"\nCPU of one call, 12 megapixels: {np.median(spent) * 1000:.1f} ms, at best {min(spent) * 1000:.1f}")


if __name__ == "__main__":
    cost()
    calibrate(Path(os.environ["MEDIA_TEST_SHARED"]) / "testdata", every=int(sys.argv[1]) if sys.argv[1:] else 1)
