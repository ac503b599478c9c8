"""What embedding one picture costs with each runtime, beside the plain way and the least that it could cost.

`python -m media_pipeline_tests.benchmarks.bench_embed [PHOTOS]` takes the largest photos of MEDIA_TEST_SHARED, or those
of scikit-image, makes of each a JPEG of 12 megapixels and the 640 px derivative that the stage reads, and lets these
take turns on one core, in batches of 16, with a ViT-B/32 of random weights:

- plain: open_clip's own preprocessing and eager float32 on the 12 MP file, as clip-retrieval does it;
- plain, 640 px: the same on the derivative, so that only the model and its preparation are compared;
- ours: the stage's own functions on the derivative, with each runtime that runs here.

CPU time is printed, and ratios within one run. The limit is the core's own speed in multiplying matrices, measured
here, by the 8.8 GFLOP of one picture. Not here: any assertion; reading blobs and writing rows, a millisecond in all.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from media_pipeline.config import Settings
from media_pipeline.errors import EmbeddingError
from media_pipeline.models import OpenClip, open_clip
from media_pipeline.models.runtimes import RUNTIMES
from media_pipeline.samples.photographs import PHOTOGRAPHS, photograph
from media_pipeline.stages.embed.vectors import WHOLE, Task, embedded_together, shown

ARCHITECTURE = "ViT-B-32-quickgelu"
GFLOP = 8.8
PHOTOS = 32
BATCH = 16
REPEATS = 3
MATRIX = 1536


def main(count: int) -> None:
    # One core: two would share their caches, and onnxruntime's idle threads spin.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    import torch

    torch.set_num_threads(1)
    originals, mediums = _photos(count)
    with tempfile.TemporaryDirectory() as folder:
        weights = _random_weights(Path(folder))
        contenders: dict[str, Callable[[], object]] = {}
        model, preprocess = _plain(weights)
        contenders["plain"] = partial(_plainly, model, preprocess, originals)
        contenders["plain, 640 px"] = partial(_plainly, model, preprocess, mediums)
        for runtime in RUNTIMES:
            settings = Settings.load(
                home=folder, model="open_clip", model_weights=f"file:{weights}", model_runtime=runtime
            )
            ours = open_clip(settings)
            try:
                ours.load()
            except EmbeddingError as error:
                print(f"{runtime}: not here ({error.detail.partition('. ')[0]})")
                continue
            contenders[f"ours, {runtime}"] = partial(_ours, ours, mediums)
        spent = dict.fromkeys(contenders, float("inf"))
        for turn in range(REPEATS):
            for name, work in contenders.items():
                begun = time.process_time()
                work()
                spent[name] = min(spent[name], time.process_time() - begun)
                print(f"\r{turn + 1} of {REPEATS}: {name:<20}", end="", flush=True, file=sys.stderr)
        how = ours.preparation()
        preparing = _time(lambda: [shown(Task(one, frozenset({WHOLE}), ours), how) for one in mediums])
    _tell(spent, count, preparing)


def _tell(spent: dict[str, float], count: int, preparing: float) -> None:
    peaks = _peaks()
    limits = {"torch-fp32": peaks["float32"], "torch-bf16": peaks["bfloat16"]}
    print(
        f"\n{count} photos, batches of {BATCH}, least of {REPEATS} turns; preparing one takes {1000 * preparing:.1f} ms"
    )
    print("peaks: " + ", ".join(f"{name} {peak:.0f} GFLOP/s" for name, peak in peaks.items()))
    print("| | images/s of one core | of plain | of plain on 640 px | of the FLOP limit |\n|---|---|---|---|---|")
    for name, seconds in spent.items():
        speed = count / seconds
        limit = limits.get(name.rpartition(" ")[2])
        share = f"{100 * speed * GFLOP / limit:.0f} %" if limit else ""
        ratios = f"{spent['plain'] / seconds:.2f} | {spent['plain, 640 px'] / seconds:.2f}"
        print(f"| {name} | {speed:.1f} | {ratios} | {share} |")


def _ours(model: OpenClip, pictures: Sequence[bytes]) -> None:
    how = model.preparation()
    for at in range(0, len(pictures), BATCH):
        some = [shown(Task(one, frozenset({WHOLE}), model), how) for one in pictures[at : at + BATCH]]
        embedded_together(model, some)


def _plainly(model: Any, preprocess: Any, pictures: Sequence[bytes]) -> None:
    import torch

    for at in range(0, len(pictures), BATCH):
        some = torch.stack([preprocess(Image.open(io.BytesIO(one))) for one in pictures[at : at + BATCH]])
        with torch.inference_mode():
            model.encode_image(some, normalize=True).numpy()


def _plain(weights: Path) -> tuple[Any, Any]:
    import open_clip as library

    model, _, preprocess = library.create_model_and_transforms(ARCHITECTURE, pretrained=str(weights))
    return model.eval(), preprocess


def _random_weights(folder: Path) -> Path:
    import open_clip as library
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    path = folder / "random.safetensors"
    save_file(library.create_model(ARCHITECTURE).state_dict(), path)
    return path


def _peaks() -> dict[str, float]:
    """What this core multiplies, in GFLOP/s."""
    import torch

    found = {}
    for name in ("float32", "bfloat16"):
        one = torch.randn(MATRIX, MATRIX).to(getattr(torch, name))
        found[name] = 2 * MATRIX**3 / 1e9 / min(_time(lambda one=one: one @ one) for _ in range(8))  # type: ignore[misc]
    return found


def _time(work: Callable[[], object]) -> float:
    """CPU seconds; for a list of things, of one of them."""
    begun = time.process_time()
    done = work()
    return (time.process_time() - begun) / (len(done) if isinstance(done, list) else 1)


def _photos(count: int) -> tuple[list[bytes], list[bytes]]:
    """Each at 12 megapixels, and as the derivative `medium`."""
    from media_pipeline_tests.benchmarks.bench_examine import of_size
    from media_pipeline_tests.benchmarks.bench_examine import photos as largest

    if os.environ.get("MEDIA_TEST_SHARED"):
        found = [photo for photo, _ in zip(largest(count), range(count), strict=False)]
    else:
        found = [photograph(name) for name in list(PHOTOGRAPHS)[:count]]
    found = [found[at % len(found)] for at in range(count)]
    whole, medium = [], []
    for photo in found:
        whole.append(_jpeg(of_size(photo, 12), 90))
        small = photo.copy()
        small.thumbnail((640, 640), Image.Resampling.LANCZOS)
        medium.append(_jpeg(small, 82))
    return whole, medium


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


if __name__ == "__main__":
    np.seterr(all="raise")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PHOTOS)
