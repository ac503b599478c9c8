"""Hashes against their definition, `imagehash` on the upright original, over drawn pictures and every real photo."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import imagehash
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from media_pipeline.errors import MediaProcessingError
from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.examine import pictures
from media_pipeline.stages.examine.cascade import cascade
from media_pipeline.stages.examine.hashes import hashes
from media_pipeline.stages.examine.pictures import opened

DEFINITIONS = {
    "phash": imagehash.phash,
    "dhash": imagehash.dhash,
    "ahash": imagehash.average_hash,
    "whash": imagehash.whash,
}
PHOTOS = (
    *("burst-berlin", "clip-golden", "clothing10", "exif-orientation", "exif-samples"),
    *("imagededup-fixtures", "nature-photos"),
)
# Shorter edges: thumbnails of cameras and drawn icons, no photographs.
SMALLEST_PX = 64


def _of(picture: Image.Image) -> dict[str, str]:
    found = hashes(picture)
    assert found is not None
    return asdict(found)


def _distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


@pytest.mark.parametrize("name", ["coffee", "astronaut", "chelsea", "retina", "rocket"])
def test_a_picture_no_larger_than_the_greys_has_the_hashes_of_the_definition(name: str) -> None:
    """All four to the bit: up to 1,279 px nothing is reduced."""
    picture = photograph(name)
    if max(picture.size) > 640:
        picture.thumbnail((640, 640))
    assert _of(picture) == {kind: str(defined(picture)) for kind, defined in DEFINITIONS.items()}


@pytest.mark.parametrize("size", [(4000, 3000), (1, 900), (6000, 40), (9, 9)])
def test_any_shape_has_hashes(size: tuple[int, int]) -> None:
    """Also where the definition enlarges: within two bits of it."""
    rng = np.random.default_rng(1)
    drawn = Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    for kind, found in _of(drawn.convert("RGB")).items():
        assert _distance(found, str(DEFINITIONS[kind](drawn))) <= 2, kind


@pytest.mark.parametrize("grey", [0, 90, 255])
def test_one_grey_all_over_has_no_hash(grey: int) -> None:
    """Not in colour either: red and green of one brightness are one grey."""
    assert hashes(Image.new("RGB", (700, 500), (grey, grey, grey))) is None


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.randoms(use_true_random=False))
def test_the_distance_is_symmetric_and_nothing_to_itself(one: object, other: object) -> None:
    """And within 64 bits, of any two pictures."""
    pictures = [
        Image.frombytes("RGB", (24, 16), bytes(random.randbytes(24 * 16 * 3)))  # type: ignore[attr-defined]
        for random in (one, other)
    ]
    assume(all(hashes(picture) for picture in pictures))
    left, right = (_of(picture) for picture in pictures)
    for kind in DEFINITIONS:
        assert len(left[kind]) == 16
        assert _distance(left[kind], right[kind]) == _distance(right[kind], left[kind]) <= 64
        assert _distance(left[kind], _of(pictures[0])[kind]) == 0


def _photos(shared: Path) -> Iterator[tuple[Image.Image, Image.Image]]:
    """As the stage decodes it, and the whole original, upright."""
    for folder in PHOTOS:
        for path in sorted((shared / "testdata" / folder).rglob("*")):
            if path.suffix.lower() not in (".jpg", ".jpeg", ".png"):
                continue
            data = path.read_bytes()
            try:
                picture = opened(data, max_pixels=10**9)
            except MediaProcessingError:
                continue
            with Image.open(io.BytesIO(data)) as image:
                if min(image.size) < SMALLEST_PX or image.has_transparency_data:
                    continue
            # The original as it is to be seen: upright, in sRGB, nothing reduced.
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(pictures, "WORKING_EDGE_PX", 10**6)
                whole = opened(data, max_pixels=10**9).upright
            if hashes(whole) is None:
                assert hashes(picture.upright) is None
                continue
            yield picture.upright, whole


def test_every_real_photo_is_within_two_bits_of_the_definition(shared: Path) -> None:
    """pHash equal for 90 of 100 at least. Printed (`pytest -rP`): each hash from what the stage decodes, and for
    comparison from the 1,280 and 640 px pictures of the cascade."""
    apart: dict[tuple[str, str], list[int]] = defaultdict(list)
    for upright, whole in _photos(shared):
        sizes = cascade(upright)
        ways = {"decoded": _of(upright), "1280": _of(sizes.large), "640": _of(sizes.medium)}
        for kind, defined in DEFINITIONS.items():
            expected = str(defined(whole))
            for way, found in ways.items():
                apart[kind, way].append(_distance(found[kind], expected))
    print("hash   from     photos  equal %  <= 2 bits %  farthest")
    for (kind, way), bits in apart.items():
        equal, near = (100 * sum(one <= limit for one in bits) / len(bits) for limit in (0, 2))
        print(f"{kind:6} {way:8} {len(bits):6} {equal:8.1f} {near:12.1f} {max(bits):9}")

    phash = apart["phash", "decoded"]
    assert len(phash) >= 400
    assert max(phash) <= 2
    assert sum(bits == 0 for bits in phash) >= 0.9 * len(phash)
    assert max(apart["dhash", "decoded"]) <= 2
    assert max(apart["ahash", "decoded"]) <= 2
    # Of the rest, a plain background is most of the picture, and the definition's rounding draws its bits.
    assert sum(bits <= 2 for bits in apart["whash", "decoded"]) >= 0.99 * len(phash)
