"""Makes the mean of `descriptor-512` and prints the table behind its thresholds.

    python -m media_pipeline_tests.benchmarks.calibrate_descriptor          the table
    python -m media_pipeline_tests.benchmarks.calibrate_descriptor mean     descriptor_mean.py, to be redirected

MEDIA_TEST_SHARED names a folder with `testdata/` of real photographs (garments, nature, cameras); without it only the
photographs of scikit-image are measured, which are too few to judge precision by.
"""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import combinations
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from media_pipeline.models.descriptor import Descriptor, looks
from media_pipeline.samples.photographs import PHOTOGRAPHS, photograph

LONG_EDGE = 640
HASH_BITS = 6

FOLDERS = ("clothing10", "nature-photos", "exif-samples/jpg", "burst-berlin", "imagededup-fixtures/base_images")
# Pictures of which another stands in the same folder: they would be counted as strangers.
REPEATED = ("orientation/", "tflite-burger_crop", "tflite-burger-224", "_rotation180", "photoshop_import")


def derivative(picture: Image.Image) -> bytes:
    """What the pipeline embeds: at most 640 px, JPEG."""
    small = picture.copy()
    small.thumbnail((LONG_EDGE, LONG_EDGE), Image.Resampling.LANCZOS)
    return encoded(small, 85)


def encoded(picture: Image.Image, quality: int) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def scaled(picture: Image.Image, factor: float) -> Image.Image:
    width, height = picture.size
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def cropped(picture: Image.Image, share: float) -> Image.Image:
    """Without `share` of the width and height, half of it at each side."""
    width, height = picture.size
    left, top = round(width * share / 2), round(height * share / 2)
    return picture.crop((left, top, width - left, height - top))


def reencoded(picture: Image.Image, quality: int) -> Image.Image:
    return Image.open(BytesIO(encoded(picture, quality))).convert("RGB")


def panned(picture: Image.Image, share: float) -> Image.Image:
    width, height = picture.size
    return picture.crop((round(width * share), 0, width, height))


SAME: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "half size": lambda picture: scaled(picture, 0.5),
    "JPEG 40": lambda picture: reencoded(picture, 40),
    "JPEG 75": lambda picture: reencoded(picture, 75),
    "JPEG 95": lambda picture: reencoded(picture, 95),
    "crop 2 %": lambda picture: cropped(picture, 0.02),
    "8 % darker": lambda picture: ImageEnhance.Brightness(picture).enhance(0.92),
    "8 % brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.08),
}
OTHER: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "quarter size": lambda picture: scaled(picture, 0.25),
    "panned by 10 %": lambda picture: panned(picture, 0.1),
    "mirrored": ImageOps.mirror,
}
MEAN_OF = ("half size", "JPEG 75", "crop 2 %", "8 % darker", "8 % brighter")


def mean_looks() -> NDArray[np.float64]:
    """The mean of the sample photographs and of mild variants of them."""
    pictures = [photograph(name) for name in sorted(PHOTOGRAPHS)]
    variants = [made for picture in pictures for made in (picture, *(SAME[name](picture) for name in MEAN_OF))]
    mean: NDArray[np.float64] = np.mean([looks(derivative(made)).astype(np.float64) for made in variants], axis=0)
    return mean


def mean_module() -> str:
    words = " ".join(str(round(value * 1e5)) for value in mean_looks())
    lines = "\n".join(textwrap.wrap(words, 118))
    return (
        '"""The mean that descriptor.py takes away, in hundred-thousandths: that of the sample photographs and their\n'
        "mild variants, as media_pipeline_tests/benchmarks/calibrate_descriptor.py makes and prints it.\n"
        '"""\n\nfrom __future__ import annotations\n\nMEAN_E5 = """\n' + lines + '\n"""\n'
    )


@dataclass(frozen=True, slots=True)
class Photo:
    name: str
    kind: str
    picture: Image.Image


def photos() -> Iterator[Photo]:
    for name in PHOTOGRAPHS:
        yield Photo(name, "scikit-image", photograph(name))
    shared = os.environ.get("MEDIA_TEST_SHARED")
    if not shared:
        return
    root = Path(shared) / "testdata"
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.suffix.lower() not in (".jpg", ".png", ".bmp") or any(word in name for word in REPEATED):
                continue
            try:
                picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
            except (OSError, SyntaxError, ValueError) as wrong:
                print(f"left out {name}: {wrong}", file=sys.stderr)
                continue
            # Camera thumbnails: half of 100 px is no picture to find again.
            if min(picture.size) >= 120:
                picture.thumbnail((1600, 1600), Image.Resampling.LANCZOS)
                yield Photo(name, path.parent.name if folder == "clothing10" else folder, picture)


def bits(picture: Image.Image) -> NDArray[np.bool_]:
    return np.asarray(imagehash.phash(picture).hash).ravel()


def table() -> str:
    model, every = Descriptor(), list(photos())
    vectors = np.array([model.embed(derivative(photo.picture)) for photo in every])
    hashes = np.array([bits(photo.picture) for photo in every])
    near = model.thresholds.near or 1.0
    lines = [f"{model.version}, {len(every)} photographs", ""]
    lines.append("the same picture | lowest | 1 % | median | found as near | by the cosine alone")
    for name, make in (*SAME.items(), *OTHER.items()):
        made = [make(photo.picture) for photo in every]
        cosines = (vectors * np.array([model.embed(derivative(picture)) for picture in made])).sum(axis=1)
        apart = (hashes != np.array([bits(picture) for picture in made])).sum(axis=1)
        by_cosine = np.mean(cosines >= near)
        found = np.mean((cosines >= near) & (apart <= HASH_BITS))
        low, one, middle = np.quantile(cosines, (0, 0.01, 0.5))
        lines.append(f"{name} | {low:.3f} | {one:.3f} | {middle:.3f} | {found:.1%} | {by_cosine:.1%}")
    lines += ["", *_strangers(every, vectors, hashes), "", _speed(model, every)]
    return "\n".join(lines)


def _strangers(every: list[Photo], vectors: NDArray[np.float32], hashes: NDArray[np.bool_]) -> Iterator[str]:
    pairs = []
    for (one, first), (two, second) in combinations(enumerate(every), 2):
        cosine = float(vectors[one] @ vectors[two])
        distance = int((hashes[one] != hashes[two]).sum())
        if first.name == "motorcycle-left" and second.name == "motorcycle-right":
            yield f"stereo pair: cosine {cosine:.3f}, pHash {distance} bits apart"
        elif first.kind == second.kind == "burst-berlin":
            yield f"one portal from two places: cosine {cosine:.3f}, pHash {distance} bits apart"
        else:
            one_class = first.name.startswith("clothing10") and first.kind == second.kind
            pairs.append((cosine, distance <= HASH_BITS, one_class))
    cosines, hash_near, one_class_too = (np.array(column) for column in zip(*pairs, strict=True))
    yield f"{len(pairs)} pairs of strangers, {one_class_too.mean():.1%} of them garments of one class"
    yield "highest: " + ", ".join(f"{value:.3f}" for value in np.sort(cosines)[::-1][:5])
    yield "cosine >= | strangers | also pHash <= 6 | garments of one class"
    for level in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.88, 0.9, 0.95):
        over = cosines >= level
        share = f"{one_class_too[over].mean():.1%}" if over.any() else "-"
        yield f"{level:.2f} | {over.sum()} ({over.mean():.3%}) | {(over & hash_near).sum()} | {share}"


def _speed(model: Descriptor, every: list[Photo]) -> str:
    pictures = [derivative(photo.picture) for photo in every]
    start = time.process_time()
    for picture in pictures:
        model.embed(picture)
    return f"{(time.process_time() - start) / len(pictures) * 1e3:.1f} ms of one core per picture of {LONG_EDGE} px"


if __name__ == "__main__":
    print(mean_module() if sys.argv[1:] == ["mean"] else table(), end="" if sys.argv[1:] else "\n")
