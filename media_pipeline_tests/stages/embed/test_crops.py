"""Crops: what stands out is found, and never the whole picture."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.embed.crops import MAX_OVERLAP, Box, crops, cut, overlap


def dotted(size: tuple[int, int], middle: tuple[int, int], radius: int) -> Image.Image:
    """A dot on a ground with a little noise."""
    rng = np.random.default_rng(3)
    ground = rng.integers(100, 110, (size[1], size[0], 3), np.uint8)
    picture = Image.fromarray(ground, "RGB")
    x, y = middle
    ImageDraw.Draw(picture).ellipse((x - radius, y - radius, x + radius, y + radius), "red")
    return picture


def test_the_thing_on_an_even_ground_is_in_the_first_crop() -> None:
    """A dot in a corner: the crop that stands out most holds its middle."""
    for x, y in ((500, 100), (80, 330), (320, 210)):
        first, *_ = crops(dotted((640, 427), (x, y), 40), 4)
        assert first.x * 640 <= x <= (first.x + first.width) * 640
        assert first.y * 427 <= y <= (first.y + first.height) * 427


def test_a_picture_that_is_the_same_all_over_has_none() -> None:
    """One colour; and nothing is invented of it."""
    assert crops(Image.new("RGB", (640, 427), "grey"), 4) == []


def test_photographs_have_up_to_four_and_always_the_same() -> None:
    """Each is inside, smaller than the picture, and no two are much over each other."""
    for name in ("coffee", "chelsea", "astronaut", "motorcycle-left"):
        found = crops(photograph(name), 4)
        assert 1 <= len(found) <= 4
        assert found == crops(photograph(name), 4)
        assert all(overlap(one, other) <= MAX_OVERLAP for one in found for other in found if one is not other)


@given(st.integers(1, 900), st.integers(1, 900), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_a_crop_is_a_part_of_its_picture(width: int, height: int, seed: int) -> None:
    """Whatever the shape, a strip of one pixel too: inside of it, never all of it, and it can be cut."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8), "RGB")
    picture = small.resize((width, height), Image.Resampling.BICUBIC)
    for box in crops(picture, 4):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= 1 + 1e-9
        assert box.y + box.height <= 1 + 1e-9
        assert box.width * box.height < 0.6
        assert min(cut(picture, box).size) >= 1


def test_overlap_is_the_shared_part_of_what_both_cover() -> None:
    """Two halves that share a quarter of the picture: a quarter of three quarters."""
    assert overlap(Box(0, 0, 0.5, 1), Box(0.25, 0, 0.5, 1)) == 0.25 / 0.75
    assert overlap(Box(0, 0, 0.5, 1), Box(0.5, 0, 0.5, 1)) == 0
