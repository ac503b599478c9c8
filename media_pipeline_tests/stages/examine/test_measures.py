"""What pixels tell: detail, noise, steps, colour."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from media_pipeline.stages.examine import measures
from media_pipeline_tests.stages.examine.ladders import saved
from media_pipeline_tests.stages.examine.test_quality import scene


def _nothing(values: measures.Grey) -> measures.Mask:
    return np.zeros(values.shape, dtype=bool)


def _shown_step(picture: Image.Image) -> float:
    return measures.shown_step(measures.grey(picture), measures.clipped(picture))


def test_a_ramp_differs_four_times_as_much_twice_as_far_away() -> None:
    """Squares: 1, 4 and 16 across, nothing down, and as many pairs of both."""
    ramp = np.tile(np.arange(64, dtype=np.float32), (64, 1))
    assert measures.structure(ramp, (1, 2, 4)) == (0.5, 2.0, 8.0)


def test_pixels_farther_apart_than_the_picture_is_large_are_not_compared() -> None:
    """Two pixels beside each other have one distance."""
    assert measures.structure(np.array([[3, 7]], dtype=np.float32), (1, 2)) == (16.0, None)


@pytest.mark.parametrize("sigma", [2, 5, 10, 20])
def test_noise_is_measured_within_a_tenth(sigma: int) -> None:
    """Independent noise on a ramp from 60 to 180, which itself is none."""
    ramp = np.tile(np.linspace(60, 180, 256, dtype=np.float32), (256, 1))
    noisy = ramp + np.random.default_rng(3).normal(0, sigma, ramp.shape).astype(np.float32)
    assert measures.noise(noisy, _nothing(noisy)) == pytest.approx(sigma, rel=0.1)


def test_texture_in_half_of_the_picture_is_not_noise() -> None:
    """The calm half speaks."""
    values = np.full((128, 256), 128, dtype=np.float32)
    values[:, 128:] = np.random.default_rng(3).integers(60, 190, (128, 128))
    assert measures.noise(values, _nothing(values)) == 0.0


def test_a_picture_without_room_for_a_block_shows_no_noise() -> None:
    """17 pixels are too few for a block of 16 and its margin."""
    values = np.random.default_rng(3).random((17, 400)).astype(np.float32) * 255
    assert measures.noise(values, _nothing(values)) == 0.0


def test_a_white_ground_that_cuts_noise_off_does_not_hide_it() -> None:
    """Half is white, and half of its noise is missing; the object speaks."""
    drawn = np.full((128, 256, 3), 255.0)
    drawn[:, 128:] = 120
    drawn += np.random.default_rng(3).normal(0, 15, drawn.shape)
    picture = Image.fromarray(drawn.clip(0, 255).astype(np.uint8))
    expected = 15 * measures.GREY_SHARE_OF_NOISE
    assert measures.noise(measures.grey(picture), measures.clipped(picture)) == pytest.approx(expected, rel=0.15)


def test_black_and_white_of_any_channel_are_cut_off() -> None:
    """0 and 255 are, 1 and 254 are not."""
    picture = Image.new("RGB", (3, 1), (1, 254, 100))
    picture.putpixel((1, 0), (1, 255, 100))
    picture.putpixel((2, 0), (1, 254, 0))
    assert measures.clipped(picture).tolist() == [[False, True, True]]


def test_a_table_is_read_at_its_low_frequencies() -> None:
    """All of these nine are 8, the mean and all others are not."""
    table = [99] * 64
    for place in (1, 8, 16, 9, 2, 3, 10, 17, 24):
        table[place] = 8
    assert measures.table_step((tuple(table),)) == pytest.approx(8.0)


@pytest.mark.parametrize("tables", [(), ((1, 2, 3),), ((),)])
def test_a_table_of_another_size_is_none(tables: tuple[tuple[int, ...], ...]) -> None:
    """A hostile file's table is a missing fact."""
    assert measures.table_step(tables) == 0.0


@pytest.mark.parametrize("jpeg_quality", [75, 60, 40, 25])
@pytest.mark.parametrize("shift", [(0, 0), (3, 5)])
def test_pixels_still_show_the_step_of_a_jpeg_that_was_saved_again_without_loss(
    jpeg_quality: int, shift: tuple[int, int]
) -> None:
    """Wherever its grid begins."""
    photo = saved(scene(1), jpeg_quality)
    native = photo.picture.crop((*shift, *photo.picture.size))
    expected = measures.table_step(photo.tables)
    assert _shown_step(native) == pytest.approx(expected, rel=0.1)


def test_pixels_that_were_never_compressed_show_hardly_a_step() -> None:
    """About 2: the smallest that is not rounding."""
    picture = scene(2)
    assert _shown_step(picture) < 3


def test_a_second_gentle_saving_does_not_hide_the_first() -> None:
    """JPEG 30 saved again at 95 has a fine table and coarse pixels."""
    first = saved(scene(1), 30)
    second = saved(first.picture, 95)
    assert measures.table_step(second.tables) < 2
    shown = _shown_step(second.picture)
    assert shown == pytest.approx(measures.table_step(first.tables), rel=0.2)


def test_grey_has_no_colour_and_red_beside_green_has_much() -> None:
    """Half the differences are 255, half -255, so their spread is 255; yellow minus blue is 127.5 everywhere."""
    assert measures.colourfulness(Image.new("RGB", (8, 8), (90, 90, 90)), noise=0.0) == 0.0
    flag = Image.new("RGB", (8, 8), (255, 0, 0))
    flag.paste((0, 255, 0), (0, 0, 4, 8))
    assert measures.colourfulness(flag, noise=0.0) == pytest.approx(255 + 0.3 * 127.5)


def test_noise_is_no_colour() -> None:
    """Grey with independent noise in each channel stays grey, once its noise is known."""
    drawn = np.random.default_rng(3).normal(128, 20, (60, 80, 3))
    noisy = Image.fromarray(np.clip(drawn, 0, 255).astype(np.uint8))
    assert measures.colourfulness(noisy, noise=0.0) > 30
    assert measures.colourfulness(noisy, noise=20 * measures.GREY_SHARE_OF_NOISE) < 8
