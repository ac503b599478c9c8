"""What stage examine costs for one original, beside the plain way to do the same and the least that it could cost.

`python -m media_pipeline_tests.benchmarks.bench_examine [PHOTOS]` takes the largest photos of MEDIA_TEST_SHARED and
makes a JPEG of 2 megapixels, one of 12, and a PNG of 12 of each. Three contenders take turns over each file in one
process with one thread:

- naive: Pillow and imagehash, one whole decode, each hash and each rendition from the original;
- ours: `examined`, with every output that it makes, so that what the stage learns is in the table by itself;
- floor: sha256, one decode (of a JPEG at half size, of a PNG by libvips), and eight encodes of pictures made before.

CPU time is printed, which neighbours on the machine disturb less than the clock, and the ratios are of sums within one
run. Then the peak memory of one process for one picture. Not here: any assertion, for benchmarks are no tests; the
stage's way through ledger and blobs.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import imagehash
import numpy as np
from PIL import Image, ImageOps

from media_pipeline.errors import MediaProcessingError
from media_pipeline.stages.examine.cascade import cascade
from media_pipeline.stages.examine.examination import MAKERS, Task, examined
from media_pipeline.stages.examine.hashes import hashes
from media_pipeline.stages.examine.pictures import opened
from media_pipeline.stages.examine.renditions import JPEG, PNG, WEBP, Encoding, rendered

PHOTOS = 50
MEDIA = UUID(int=42)
SETS = ("burst-berlin", "exif-orientation", "exif-samples", "imagededup-fixtures", "nature-photos", "clothing10")
EDGES_PX = (1280, 640, 320)
MEGAPIXELS = {"2 MP JPEG": 2, "12 MP JPEG": 12, "12 MP PNG": 12}


@dataclass(slots=True)
class Spent:
    """CPU seconds of one contender over all files of one kind, and of each part of ours."""

    by: dict[str, float] = field(default_factory=dict)

    def measure(self, name: str, work: Callable[[], object]) -> None:
        begun = time.process_time()
        work()
        self.by[name] = self.by.get(name, 0.0) + time.process_time() - begun


def main(count: int) -> None:
    ours(_jpeg(Image.effect_mandelbrot((1600, 1200), (-3, -2.5, 2, 2.5), 100).convert("RGB")))  # the imports
    spent = {kind: Spent() for kind in MEGAPIXELS}
    done = 0
    for photo in _photos(count):
        done += 1
        for kind, megapixels in MEGAPIXELS.items():
            whole = _of_size(photo, megapixels)
            data = _png(whole) if "PNG" in kind else _jpeg(whole)
            ready = cascade(whole)
            of = spent[kind]
            of.measure("naive", lambda data=data: naive(data))  # type: ignore[misc]
            of.measure("ours", lambda data=data: ours(data))  # type: ignore[misc]
            of.measure("floor", lambda data=data, ready=ready: floor(data, ready))  # type: ignore[misc]
            _parts(of, data)
        print(f"\r{done} photos", end="", flush=True, file=sys.stderr)
    print(f"\n{done} photos; outputs of ours: {', '.join(sorted(MAKERS))}; CPU ms for one")
    print("| input | naive | ours | floor | naive / ours | ours / floor | of ours: decode, hashes, cascade, encodes |")
    print("|---|---|---|---|---|---|---|")
    for kind, of in spent.items():
        ms = {name: 1000 * seconds / done for name, seconds in of.by.items()}
        ratios = f"{ms['naive'] / ms['ours']:.1f} | {ms['ours'] / ms['floor']:.2f}"
        parts = ", ".join(f"{ms[part]:.0f}" for part in ("decode", "hashes", "cascade", "encodes"))
        print(f"| {kind} | {ms['naive']:.0f} | {ms['ours']:.0f} | {ms['floor']:.0f} | {ratios} | {parts} |")
    print("\n| one picture in a new process | peak MB |\n|---|---|")
    for megapixels in (0, 12, 48):
        for extension in ("jpg", "png"):
            print(f"| {megapixels} MP {extension} | {_peak_mb(megapixels, extension):.0f} |", flush=True)


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


def _parts(spent: Spent, data: bytes) -> None:
    """The same once more, a noun at a time."""
    kept = []
    spent.measure("decode", lambda: kept.append(opened(data, max_pixels=10**9)))
    picture = kept[0]
    spent.measure("hashes", lambda: hashes(picture.upright))
    spent.measure("cascade", lambda: cascade(picture.upright))
    sizes = cascade(picture.upright)
    spent.measure("encodes", lambda: rendered(sizes, original_format=picture.format))


def _written(picture: Image.Image, encoding: Encoding) -> bytes:
    out = io.BytesIO()
    picture.save(out, encoding.pillow_format, **encoding.options)
    return out.getvalue()


def _photos(count: int) -> Iterator[Image.Image]:
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


def _of_size(photo: Image.Image, megapixels: float) -> Image.Image:
    scale = (megapixels * 1e6 / (photo.width * photo.height)) ** 0.5
    return photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.BICUBIC)


def _jpeg(picture: Image.Image) -> bytes:
    return _written(picture, Encoding("JPEG", "image/jpeg", "jpg", {"quality": 90}))


def _png(picture: Image.Image) -> bytes:
    return _written(picture, Encoding("PNG", "image/png", "png", {"compress_level": 4}))


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


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PHOTOS)
