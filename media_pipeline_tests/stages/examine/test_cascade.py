"""The sizes of one picture: never larger, in its own aspect, without a trace of its metadata."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.examine.cascade import cascade, fitted, resized

EDGES = st.one_of(st.integers(1, 2000), st.sampled_from([149, 150, 151, 319, 320, 639, 640, 641, 1279, 1280, 1281]))


@settings(max_examples=60, deadline=None)
@given(EDGES, EDGES)
def test_nothing_grows_and_the_aspect_stays_within_a_pixel(width: int, height: int) -> None:
    """Any size, also one pixel wide: the long edge is the frame's or the picture's own."""
    made = cascade(Image.new("RGB", (width, height), "blue"))
    for image, edge in ((made.large, 1280), (made.medium, 640), (made.small, 320)):
        scale = min(1.0, edge / max(width, height))
        assert max(image.size) == min(edge, max(width, height))
        assert abs(image.width - width * scale) <= 1
        assert abs(image.height - height * scale) <= 1
    assert made.poi.width <= min(800, width)
    assert made.poi.height <= min(600, height)
    scale = min(1.0, 800 / width, 600 / height)
    assert abs(made.poi.width - width * scale) <= 1
    assert abs(made.poi.height - height * scale) <= 1
    assert made.thumb.width == made.thumb.height <= 150


@pytest.mark.parametrize(
    ("size", "thumb", "poi"),
    [
        ((4000, 3000), 150, (800, 600)),
        ((3000, 4000), 150, (450, 600)),
        # 320 px of it would be 80 high, 640 px 160.
        ((4000, 1000), 150, (800, 200)),
        ((100, 70), 70, (100, 70)),
        ((1200, 40), 40, (800, 27)),
    ],
)
def test_sizes_by_hand(size: tuple[int, int], thumb: int, poi: tuple[int, int]) -> None:
    """A square is as large as the picture allows, also of a panorama."""
    made = cascade(Image.new("RGB", size))
    assert made.thumb.size == (thumb, thumb)
    assert made.poi.size == poi


def test_the_thumb_is_the_middle() -> None:
    """Left and right of a wide picture are cut off."""
    wide = Image.new("RGB", (300, 100), "red")
    wide.paste("white", (100, 0, 200, 100))
    assert cascade(wide).thumb.getcolors() == [(100 * 100, (255, 255, 255))]


def test_a_small_picture_is_its_own_rendition_without_what_pillow_remembers() -> None:
    """No copy grows out of nothing; the original in memory keeps its own."""
    given = photograph("coffee").resize((200, 133))
    given.info = {"comment": b"secret"}
    made = cascade(given)
    assert made.large is made.medium is made.small is made.poi
    assert made.large.info == made.thumb.info == {}
    assert made.large.tobytes() == given.tobytes()
    assert given.info == {"comment": b"secret"}


@pytest.mark.parametrize("factor", [1.2, 1.6, 2.9, 3.2, 6.3])
def test_it_is_the_picture_that_pillow_makes(factor: float) -> None:
    """Within 35 dB, whether Pillow took a plain step before or not, and neither mirrored nor moved by a pixel."""
    given = photograph("chelsea")
    size = (round(given.width / factor), round(given.height / factor))
    theirs = np.asarray(given.resize(size, Image.Resampling.LANCZOS), dtype=float)
    error = np.mean((np.asarray(resized(given, size), dtype=float) - theirs) ** 2)
    assert 10 * np.log10(255**2 / error) > 35


def test_what_fits_is_returned_as_it_is() -> None:
    """Not even a copy."""
    given = Image.new("RGB", (80, 60))
    assert fitted(given, (80, 60)) is given
