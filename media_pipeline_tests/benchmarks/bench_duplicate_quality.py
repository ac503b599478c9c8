"""How right the groups are: real photographs, edited in known ways, beside imagededup's PHash on the same files.

    uv sync --group bench
    MEDIA_TEST_SHARED=… python -m media_pipeline_tests.benchmarks.bench_duplicate_quality

Every photograph is stored once as JPEG, and once for each edit; look-alikes (garments of one class, series of one
scene) are other photographs. A pair is right when both come of one photograph. Judged are the pairs of an original with
its own edits (recall), and all pairs that are found (precision). Not a test.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import combinations, islice
from pathlib import Path
from uuid import UUID

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from media_pipeline.models.descriptor import Descriptor
from media_pipeline.stages.examine.hashes import hashes
from media_pipeline.stages.group.duplicates.candidates import candidates
from media_pipeline.stages.group.duplicates.constraints import Decisions
from media_pipeline.stages.group.duplicates.groups import Files, Limits, grouped
from media_pipeline.stages.group.duplicates.keepers import Standings
from media_pipeline.stages.group.duplicates.pairs import bits_of
from media_pipeline_tests.benchmarks.calibrate_descriptor import FOLDERS, REPEATED, cropped, derivative, scaled

PHOTOGRAPHS = 200
LONG_EDGE = 512


def _jpeg(picture: Image.Image, quality: int = 90) -> tuple[bytes, str]:
    return _encoded(picture, "JPEG", quality=quality), "jpg"


def _encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _turned(picture: Image.Image, degrees: float) -> Image.Image:
    return picture.rotate(degrees, Image.Resampling.BICUBIC, expand=False, fillcolor=(0, 0, 0))


def _marked(picture: Image.Image) -> Image.Image:
    marked = picture.copy()
    width, height = picture.size
    drawn = ImageDraw.Draw(marked, "RGBA")
    drawn.text(
        (width // 20, height - height // 8), "(c) a photographer", fill=(255, 255, 255, 160), font_size=height // 14
    )
    return marked


EDITS: Mapping[str, Callable[[Image.Image], tuple[bytes, str]]] = {
    "half size": lambda one: _jpeg(scaled(one, 0.5)),
    "half size, q60": lambda one: _jpeg(scaled(one, 0.5), 60),
    "quarter size": lambda one: _jpeg(scaled(one, 0.25)),
    "JPEG q40": lambda one: _jpeg(one, 40),
    "JPEG q75": lambda one: _jpeg(one, 75),
    "JPEG q95": lambda one: _jpeg(one, 95),
    "PNG": lambda one: (_encoded(one, "PNG"), "png"),
    "WebP q80": lambda one: (_encoded(one, "WEBP", quality=80), "webp"),
    "crop 2 %": lambda one: _jpeg(cropped(one, 0.02)),
    "crop 5 %": lambda one: _jpeg(cropped(one, 0.05)),
    "crop 10 %": lambda one: _jpeg(cropped(one, 0.10)),
    "crop 20 %": lambda one: _jpeg(cropped(one, 0.20)),
    "rotation 1°": lambda one: _jpeg(_turned(one, 1)),
    "rotation 3°": lambda one: _jpeg(_turned(one, 3)),
    "mirrored": lambda one: _jpeg(ImageOps.mirror(one)),
    "20 % brighter": lambda one: _jpeg(ImageEnhance.Brightness(one).enhance(1.2)),
    "20 % darker": lambda one: _jpeg(ImageEnhance.Brightness(one).enhance(0.8)),
    "colour 1.4": lambda one: _jpeg(ImageEnhance.Color(one).enhance(1.4)),
    "grey": lambda one: _jpeg(one.convert("L").convert("RGB")),
    "watermark": lambda one: _jpeg(_marked(one)),
    "border 3 %": lambda one: _jpeg(ImageOps.expand(one, max(one.size) * 3 // 100, (255, 255, 255))),
}

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Made:
    """Files in order: of which photograph, edited how, of how many pixels."""

    names: list[str]
    photo: list[int]
    edit: list[str]
    pixels: list[int]


def photographs() -> Iterator[Image.Image]:
    """Of all folders but the burst, in an order by chance; none of which another stands in the same folder."""
    root = Path(os.environ["MEDIA_TEST_SHARED"]) / "testdata"
    paths = [path for folder in FOLDERS if folder != "burst-berlin" for path in sorted((root / folder).rglob("*"))]
    known = (".jpg", ".png", ".bmp")
    paths = [path for path in paths if path.suffix.lower() in known and not any(word in str(path) for word in REPEATED)]
    random.Random(1).shuffle(paths)
    for path in paths:
        try:
            with Image.open(path) as stored:
                stored.draft("RGB", (LONG_EDGE, LONG_EDGE))
                picture = ImageOps.exif_transpose(stored).convert("RGB")
        except (OSError, SyntaxError, ValueError):
            continue
        if min(picture.size) >= 120:
            picture.thumbnail((LONG_EDGE, LONG_EDGE), Image.Resampling.LANCZOS)
            yield picture


def make(folder: Path) -> Made:
    made = Made([], [], [], [])
    for number, picture in enumerate(islice(photographs(), PHOTOGRAPHS)):
        versions = {"original": _jpeg(picture, 92), **{name: edit(picture) for name, edit in EDITS.items()}}
        for place, (edit, (data, ending)) in enumerate(versions.items()):
            name = f"{number:04d}-{place:02d}.{ending}"
            (folder / name).write_bytes(data)
            with Image.open(BytesIO(data)) as opened:
                made.pixels.append(opened.width * opened.height)
            made.names.append(name)
            made.photo.append(number)
            made.edit.append(edit)
    return made


@dataclass(frozen=True, slots=True)
class Found:
    near: set[Pair]
    candidate: set[Pair]
    phash_s: float
    vector_s: float
    search_s: float


def ours(folder: Path, made: Made) -> Found:
    model = Descriptor()
    begun = time.process_time()
    pictures = [ImageOps.exif_transpose(Image.open(folder / name)).convert("RGB") for name in made.names]
    phashes = [told.phash if (told := hashes(picture)) else "0" * 16 for picture in pictures]
    hashed = time.process_time()
    small = [derivative(picture) for picture in pictures]
    encoded = time.process_time()
    vectors = np.array([model.embed(picture) for picture in small])
    embedded = time.process_time()
    count = len(made.names)
    zeros = np.zeros(count, dtype=np.int64)
    pixels = np.array(made.pixels, dtype=np.int64)
    standings = Standings(zeros, pixels, zeros.astype(np.float64), zeros, zeros, zeros)
    ids = tuple(UUID(int=number) for number in range(count))
    near = model.thresholds.near or 1.0
    files = Files(ids, bits_of(phashes), np.ones(count, dtype=np.bool_), vectors, standings)
    groups = grouped(files, Decisions(), Limits(near))
    in_groups = {pair for group in groups for pair in combinations(sorted(group.places()), 2)}
    lesser = {member.place for group in groups for member in group.others}
    shown = np.array([place for place in range(count) if place not in lesser], dtype=np.int64)
    pairs = candidates(
        vectors[shown], files.phashes[shown], limits=Limits(near), cosine=model.thresholds.candidate or 1.0
    )
    # A pair of keepers is a pair of their groups: who looks at it sees all of both.
    members = {group.keeper: group.places() for group in groups}
    looked_at = {
        (min(a, b), max(a, b))
        for one, other in zip(shown[pairs.a].tolist(), shown[pairs.b].tolist(), strict=True)
        for a in members.get(one, [one])
        for b in members.get(other, [other])
    }
    ended = time.process_time()
    return Found(in_groups, looked_at, hashed - begun, embedded - encoded, ended - embedded)


def theirs(folder: Path, made: Made) -> Iterator[tuple[int, set[Pair], float, float]]:
    """At equal threshold, and at its default."""
    from imagededup.methods import PHash

    begun = time.process_time()
    method = PHash(verbose=False)
    encodings = method.encode_images(image_dir=str(folder), num_enc_workers=0)
    encode_s = time.process_time() - begun
    place = {name: number for number, name in enumerate(made.names)}
    for most in (6, 10):
        begun = time.process_time()
        told = method.find_duplicates(encoding_map=encodings, max_distance_threshold=most, num_dist_workers=0)
        searched_s = time.process_time() - begun
        pairs = {(place[name], place[other]) for name in told for other in told[name]}
        yield most, {(min(pair), max(pair)) for pair in pairs}, encode_s, searched_s


def judged(pairs: set[Pair], made: Made) -> tuple[float, float, Counter[str]]:
    """Precision of all pairs; recall of original and edit, in all and by edit."""
    right = sum(made.photo[a] == made.photo[b] for a, b in pairs)
    by_edit: Counter[str] = Counter()
    for number, edit in enumerate(made.edit):
        original = number - number % (len(EDITS) + 1)
        if number != original and (original, number) in pairs:
            by_edit[edit] += 1
    wanted = len(made.names) - len(set(made.photo))
    return right / max(len(pairs), 1), by_edit.total() / wanted, by_edit


def main() -> None:
    if "MEDIA_TEST_SHARED" not in os.environ:
        sys.exit("MEDIA_TEST_SHARED names no folder of photographs")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = make(folder)
        found = ours(folder, made)
        count = len(set(made.photo))
        print(f"{count} photographs, {len(made.names)} files\n")
        ways = {"near": found.near, "near + candidate": found.near | found.candidate}
        seconds = {
            "near": f"{found.phash_s:.1f} + {found.vector_s:.1f} + {found.search_s:.1f}",
            "near + candidate": "the same",
        }
        for most, pairs, encode_s, search_s in theirs(folder, made):
            ways[f"imagededup PHash <= {most}"] = pairs
            seconds[f"imagededup PHash <= {most}"] = f"{encode_s:.1f} + {search_s:.1f}"
        results = {way: judged(pairs, made) for way, pairs in ways.items()}
        print("| | precision | recall | pairs | wrong | CPU s |\n|---|---|---|---|---|---|")
        for way, (precision, recall, _) in results.items():
            wrong = sum(made.photo[a] != made.photo[b] for a, b in ways[way])
            print(f"| {way} | {precision:.4f} | {recall:.3f} | {len(ways[way]):,} | {wrong:,} | {seconds[way]} |")
        print("\n| edit | " + " | ".join(results) + " |\n|---" * 1 + "|---" * len(results) + "|")
        for edit in EDITS:
            print(f"| {edit} | " + " | ".join(f"{by[edit] / count:.2f}" for _, _, by in results.values()) + " |")


if __name__ == "__main__":
    main()
