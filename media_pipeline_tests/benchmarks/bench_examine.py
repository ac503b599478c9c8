"""What stage examine costs for one original, beside the plain way to do the same and the least that it could cost.

`python -m media_pipeline_tests.benchmarks.bench_examine [PHOTOS]` takes the largest photos of MEDIA_TEST_SHARED and
makes a JPEG of 2 megapixels, one of 12, and a PNG of 12 of each; fifty take some minutes. Three contenders
take turns over each file in one process with one thread, which keeps its memory as a worker does:

- naive, for one photo in five: Pillow and imagehash, one whole decode, each hash and each rendition from the original;
- ours: `examined`, with every output that it makes, so that what the stage learns is in the table by itself;
- floor: sha256, one decode (of a JPEG at half size, of a PNG by libvips), and eight encodes of pictures made before.

CPU time is printed, which neighbours on the machine disturb less than the clock, the better of two turns, as the median
over the photos; ratios are medians of each photo's own. Photos that must be made much larger are smooth, so that their
floor is low: those that need not are told apart. Then the peak memory of one process for one picture. Not here: any
assertion, for benchmarks are no tests; the stage's way through ledger and blobs (bench_examine_stage.py).
"""

from __future__ import annotations

import hashlib
import io
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import imagehash
import numpy as np
from PIL import Image, ImageOps

from media_pipeline.errors import MediaProcessingError
from media_pipeline.orchestration.pool import keep_memory
from media_pipeline.stages.examine.cascade import Cascade, cascade
from media_pipeline.stages.examine.examination import MAKERS, Seen, Task, examined
from media_pipeline.stages.examine.hashes import hashes
from media_pipeline.stages.examine.pictures import Picture, opened
from media_pipeline.stages.examine.renditions import JPEG, PNG, WEBP, Encoding, rendered

PHOTOS = 50
NAIVE_EVERY = 5
LARGE_PIXELS = 7_900_000
PARTS = ("decode", "patch", "hashes", "resizes", "quality", "encodes")
MEDIA = UUID(int=42)
SETS = ("burst-berlin", "exif-orientation", "exif-samples", "imagededup-fixtures", "nature-photos", "clothing10")
EDGES_PX = (1280, 640, 320)


@dataclass(slots=True)
class Spent:
    """CPU milliseconds of each contender, and of each part of ours, for each photo."""

    by: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))

    def measure(self, name: str, photo: int, work: Callable[[], object]) -> None:
        begun = time.process_time()
        work()
        spent = 1000 * (time.process_time() - begun)
        self.by[name][photo] = min(spent, self.by[name].get(photo, spent))

    def median(self, name: str, photos: Collection[int]) -> float:
        return statistics.median(spent for photo, spent in self.by[name].items() if photo in photos)

    def ratio(self, name: str, other: str, photos: Collection[int]) -> float:
        of, to = self.by[name], self.by[other]
        return statistics.median(of[photo] / to[photo] for photo in photos if photo in of and photo in to)


def main(count: int) -> None:
    keep_memory()
    ours(jpeg(Image.effect_mandelbrot((1600, 1200), (-3, -2.5, 2, 2.5), 100).convert("RGB")))  # the imports
    spent = {kind: Spent() for kinds in KINDS.values() for kind in kinds}
    large, all_of_them = set(), set()
    for number, photo in enumerate(photos(count)):
        all_of_them.add(number)
        if photo.width * photo.height >= LARGE_PIXELS:
            large.add(number)
        for megapixels, kinds in KINDS.items():
            whole = of_size(photo, megapixels)
            ready = cascade(whole)
            for kind, encoded in kinds.items():
                _contend(spent[kind], number, encoded(whole), ready)
        print(f"\r{number + 1} photos", end="", flush=True, file=sys.stderr)
    print(f"\n{len(all_of_them)} photos, {len(large)} of them of 8 MP and more; outputs: {', '.join(sorted(MAKERS))}")
    print(f"| input | naive | ours | floor | naive / ours | ours / floor | of ours: {', '.join(PARTS)} |")
    print("|---|---|---|---|---|---|---|")
    for kind, of in spent.items():
        for name, some in (
            (kind, all_of_them),
            (f"{kind}, of 8 MP and more", large),
            (f"{kind}, enlarged", all_of_them - large),
        ):
            if not some or not any(photo in some for photo in of.by["naive"]):
                continue
            ms = " | ".join(f"{of.median(who, some):.0f}" for who in ("naive", "ours", "floor"))
            ratios = f"{of.ratio('naive', 'ours', some):.1f} | {of.ratio('ours', 'floor', some):.2f}"
            parts = ", ".join(f"{of.median(part, some):.0f}" for part in PARTS)
            print(f"| {name} | {ms} | {ratios} | {parts} |")
    print("\n| one picture in a new process | peak MB |\n|---|---|")
    for megapixels in (0, 12, 48):
        for extension in ("jpg", "png"):
            print(f"| {megapixels} MP {extension} | {_peak_mb(megapixels, extension):.0f} |", flush=True)


def _contend(spent: Spent, number: int, data: bytes, ready: Cascade) -> None:
    # A PNG takes long, and its decoder most of that: once.
    for _ in range(1 if data.startswith(b"\x89PNG") else 2):
        spent.measure("ours", number, lambda: ours(data))
        spent.measure("floor", number, lambda: floor(data, ready))
    if number % NAIVE_EVERY == 0:
        _parts(spent, number, data)
        spent.measure("naive", number, lambda: naive(data))


def ours(data: bytes) -> None:
    examined(Task(MEDIA, data, frozenset(MAKERS), 10**9))


def naive(data: bytes) -> None:
    """As one would write it."""
    with Image.open(io.BytesIO(data)) as image:
        image.getexif()
        original = image.format or ""
        picture = ImageOps.exif_transpose(image.convert("RGB"))
    for of in (imagehash.phash, imagehash.dhash, imagehash.average_hash, imagehash.whash):
        of(picture)
    made = [picture.copy() for _ in (*EDGES_PX, 800)]
    for smaller, frame in zip(made, (*((edge, edge) for edge in EDGES_PX), (800, 600)), strict=True):
        smaller.thumbnail(frame, Image.Resampling.LANCZOS, reducing_gap=None)
    made.insert(3, ImageOps.fit(picture, (150, 150), Image.Resampling.LANCZOS))
    for smaller in made[:4]:
        _written(smaller, JPEG)
        _written(smaller, WEBP)
    _written(made[4], PNG if original == "PNG" else JPEG)
    if "quality" in MAKERS:
        _naive_quality(picture)


def _naive_quality(picture: Image.Image) -> None:
    """Sharpness, brightness, colour of every pixel."""
    colours = np.asarray(picture, dtype=float)
    greys = colours @ (0.299, 0.587, 0.114)
    edges = greys[:-2, 1:-1] + greys[2:, 1:-1] + greys[1:-1, :-2] + greys[1:-1, 2:] - 4 * greys[1:-1, 1:-1]
    edges.var(), greys.mean(), colours.std(axis=(0, 1)), [np.histogram(colours[..., one], 32) for one in range(3)]


def floor(data: bytes, ready: object) -> None:
    """Nothing but what nobody can leave out."""
    import pyvips

    hashlib.sha256(data).digest()
    if data.startswith(b"\x89PNG"):
        pyvips.Image.new_from_buffer(data, "").write_to_memory()
    else:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (image.width // 2, image.height // 2))
            image.load()
    for name in ("large", "medium", "small", "thumb"):
        for encoding in (JPEG, WEBP):
            _written(getattr(ready, name), encoding)


def _parts(spent: Spent, number: int, data: bytes) -> None:
    """The same once more, a noun at a time."""
    kept: list[Picture] = []
    spent.measure("decode", number, lambda: kept.append(opened(data, max_pixels=10**9, patch=False)))
    spent.measure("and patch", number, lambda: kept.append(opened(data, max_pixels=10**9)))
    without = spent.by["decode"][number]
    spent.by["patch"][number] = max(0.0, spent.by["and patch"][number] - without)
    picture, task = kept[-1], Task(MEDIA, data, frozenset(MAKERS), 10**9)
    spent.measure("hashes", number, lambda: hashes(picture.upright))
    spent.measure("resizes", number, lambda: cascade(picture.upright))
    sizes = cascade(picture.upright)
    spent.measure("quality", number, lambda: MAKERS["quality"](Seen(task, picture, sizes)))
    spent.measure("encodes", number, lambda: rendered(sizes, original_format=picture.format))


def _written(picture: Image.Image, encoding: Encoding) -> bytes:
    out = io.BytesIO()
    picture.save(out, encoding.pillow_format, **encoding.options)
    return out.getvalue()


def photos(count: int) -> Iterator[Image.Image]:
    """The largest, each picture once."""
    folder = Path(os.environ["MEDIA_TEST_SHARED"]) / "testdata"
    files = {
        hashlib.sha256(path.read_bytes()).digest(): path
        for name in SETS
        for path in sorted((folder / name).rglob("*.jp*g"))
    }
    sized = []
    for path in files.values():
        try:
            with Image.open(path) as image:
                sized.append((image.width * image.height, str(path)))
        except OSError:
            continue
    for _, name in sorted(sized, reverse=True):
        path = Path(name)
        try:
            picture = opened(path.read_bytes(), max_pixels=10**9)
        except MediaProcessingError:
            continue
        with Image.open(path) as image:
            yield image.convert("RGB") if picture.orientation == 1 else picture.upright
        count -= 1
        if not count:
            return


def of_size(photo: Image.Image, megapixels: float) -> Image.Image:
    scale = (megapixels * 1e6 / (photo.width * photo.height)) ** 0.5
    return photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.BICUBIC)


def jpeg(picture: Image.Image) -> bytes:
    return _written(picture, Encoding("JPEG", "image/jpeg", "jpg", {"quality": 90}))


def png(picture: Image.Image) -> bytes:
    return _written(picture, Encoding("PNG", "image/png", "png", {"compress_level": 1}))


def _peak_mb(megapixels: int, extension: str) -> float:
    """Of a process that does nothing else; 0 megapixels are its imports and a picture of 64 x 48."""
    script = f"from {__spec__.name if __spec__ else __name__} import peak; peak({megapixels}, {extension!r})"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return float(told.stdout)


def peak(megapixels: int, extension: str) -> None:
    """Prints what this process needed at most; the file is made in another."""
    size = (64, 48) if not megapixels else (round((megapixels * 1e6 * 4 / 3) ** 0.5), round((megapixels * 75e4) ** 0.5))
    script = (
        "import io, sys; from PIL import Image; out = io.BytesIO();"
        f"Image.effect_noise((80, 60), 90).convert('RGB').resize({size}).save(out, {PNG.pillow_format!r} if "
        f"{extension!r} == 'png' else 'JPEG'); sys.stdout.buffer.write(out.getvalue())"
    )
    data = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
    ours(data)
    # Not getrusage: its peak is that of the parent before this program began.
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(int(line.split()[1]) / 1024)


KINDS: Mapping[float, Mapping[str, Callable[[Image.Image], bytes]]] = {
    2: {"2 MP JPEG": jpeg},
    12: {"12 MP JPEG": jpeg, "12 MP PNG": png},
}

if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PHOTOS)
