"""What unpacking a video costs, beside a full decode of it and the least that it could cost.

`python -m media_pipeline_tests.benchmarks.bench_keyframes [FILE]` makes three videos of 30 s in 1080p, which pan
over photographs with grain: of ten shots and of four, at whose cuts the encoder begins anew, and of ten with a keyframe
every second and none at a cut; or takes the file. In one process with one thread:

- full: PyAV decodes every picture;
- ours: `video_unpacked`, with everything that it makes: facts, shots, up to twelve frames as JPEG;
- looking: ours without the JPEGs;
- floor: PyAV decodes the keyframes alone, and does nothing with them.

CPU time is printed, the least of three rounds, and ratios within the run. Not here: any assertion, for benchmarks are
no tests.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import av
import numpy as np
from numpy.typing import NDArray

from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.fetch.content_types import content_type
from media_pipeline.stages.unpack.unpacking import Task, video_unpacked
from media_pipeline_tests.films import film

ROUNDS = 3
SIZE = (1920, 1080)
PICTURES = 900
SCENES = ("coffee", "chelsea", "rocket", "retina", "astronaut", "hubble", "tissue", "grass", "motorcycle-left", "page")
LONG, RHYTHM = {"preset": "veryfast"}, {"preset": "veryfast", "g": "30", "sc_threshold": "0"}


def main(chosen: str | None) -> None:
    if chosen:
        made = {Path(chosen).name: Path(chosen).read_bytes()}
    else:
        made = {
            "ten shots, keyframes at cuts": film(scenes(10), options=LONG),
            "four shots, keyframes at cuts": film(scenes(4), options=LONG),
            "ten shots, a keyframe a second": film(scenes(10), options=RHYTHM),
        }
    columns = ("video", "MB", "full", "ours", "looking", "floor", "full / ours", "/ looking", "/ floor", "ours / floor")
    print(f"| {' | '.join(columns)} | frames, shots |\n{'|---' * (len(columns) + 1)}|")
    for name, data in made.items():
        spent = {
            "full": cpu_s(lambda data=data: full(data)),  # type: ignore[misc]
            "ours": cpu_s(lambda data=data: ours(data)),  # type: ignore[misc]
            "looking": cpu_s(lambda data=data: ours(data, {"videos", "shots"})),  # type: ignore[misc]
            "floor": cpu_s(lambda data=data: full(data, "NONKEY")),  # type: ignore[misc]
        }
        told = " | ".join(f"{seconds:.2f}" for seconds in spent.values())
        pairs = (("full", "ours"), ("full", "looking"), ("full", "floor"), ("ours", "floor"))
        ratios = " | ".join(f"{spent[one] / spent[other]:.1f}" for one, other in pairs)
        print(f"| {name} | {len(data) / 1e6:.1f} | {told} | {ratios} | {ours(data)} |", flush=True)


def cpu_s(work: Callable[[], object]) -> float:
    found = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


def full(data: bytes, skip_frame: Literal["DEFAULT", "NONKEY"] = "DEFAULT") -> int:
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        stream.codec_context.skip_frame = skip_frame
        return len([frame.pts for frame in container.decode(stream)])


def ours(data: bytes, due: set[str] | None = None) -> str:
    known = content_type(data)
    assert known is not None
    outputs = frozenset(due or {"videos", "shots", "video_frames"})
    made = video_unpacked(Task(data, known.name, outputs, 10**9, 12, datetime.now(UTC)))
    return ", ".join(str(len(getattr(made.get(name), "rows", ()))) for name in ("video_frames", "shots"))


def scenes(shots: int) -> Iterator[NDArray[np.uint8]]:
    """So many shots in thirty seconds, each a slow pan over a photograph, with the grain of a camera."""
    width, height = SIZE
    grain = np.random.default_rng(1).integers(-4, 5, (height + 16, width + 16, 3), dtype=np.int16)
    for name in SCENES[:shots]:
        wide = np.asarray(photograph(name).resize((width + 300, height)), np.int16)
        for step in range(PICTURES // shots):
            dx, dy = (step * 7) % 16, (step * 5) % 16
            noisy = wide[:, step : step + width] + grain[dy : dy + height, dx : dx + width]
            yield np.clip(noisy, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
