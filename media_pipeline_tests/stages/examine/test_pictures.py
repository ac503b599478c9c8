"""Pictures open upright, in RGB, within limits; or say why not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from media_pipeline.errors import MediaProcessingError
from media_pipeline.samples.files import bomb, jpeg, turned_jpeg
from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.examine.pictures import opened


def _encoded(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def _with_a_red_corner() -> Image.Image:
    image = Image.new("RGB", (120, 80), "white")
    ImageDraw.Draw(image).rectangle((0, 0, 29, 19), fill="red")
    return image


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(orientation: int) -> None:
    """The red corner is top left again, and the size is what a person sees."""
    picture = opened(turned_jpeg(_with_a_red_corner(), orientation), max_pixels=10_000)
    assert (picture.width_px, picture.height_px, picture.orientation) == (120, 80, orientation)
    assert picture.upright.size == (120, 80)
    red, green, blue = np.asarray(picture.upright)[10, 15]
    assert red > 200
    assert green < 60
    assert blue < 60


def test_transparency_shows_white() -> None:
    """Not black, which is what a plain conversion gives."""
    clear = Image.new("RGBA", (10, 10), (255, 0, 0, 0))
    picture = opened(_encoded(clear, "PNG"), max_pixels=1000)
    assert picture.upright.getpixel((5, 5)) == (255, 255, 255)
    palette = Image.new("P", (10, 10), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    assert opened(_encoded(palette, "PNG", transparency=0), max_pixels=1000).upright.getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "RGBA", "I;16", "I", "F"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    """A mid-grey stays a mid-grey in each, 16 bits too: cutting them off would give white."""
    if mode == "I;16":
        image = Image.fromarray(np.full((8, 8), 0x8000, np.uint16))
    else:
        image = Image.new("L", (8, 8), 128).convert(mode)
    form = "TIFF" if mode in ("CMYK", "I", "F", "I;16") else "PNG"
    upright = opened(_encoded(image, form), max_pixels=1000).upright
    assert upright.mode == "RGB"
    if mode != "1":
        assert all(abs(value - 128) <= 2 for value in np.asarray(upright).reshape(-1).tolist())


def test_a_large_jpeg_is_decoded_smaller_but_knows_its_size() -> None:
    """Half the decoding is saved; nothing made from it is larger than 1,280 px."""
    picture = opened(jpeg(photograph("retina").resize((3000, 2800)), 80), max_pixels=10_000_000)
    assert (picture.width_px, picture.height_px) == (3000, 2800)
    assert picture.upright.size == (1500, 1400)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bomb(), "too_many_pixels"),
        (jpeg(photograph("coffee"), 80)[:-2000], "truncated"),
        (_encoded(photograph("coffee"), "PNG")[:-2000], "truncated"),
        (b"\xff\xd8\xff\xe0 and then text", "undecodable"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "undecodable"),
        (b"", "undecodable"),
    ],
)
def test_a_file_that_is_no_picture_says_why(data: bytes, reason: str) -> None:
    """No half-grey pictures, and no decoding of what its header already refuses."""
    with pytest.raises(MediaProcessingError) as failed:
        opened(data, max_pixels=200_000_000)
    assert failed.value.reason == reason


def test_an_animation_is_its_first_frame() -> None:
    """And the number of frames is kept."""
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "green", "blue")]
    data = _encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    picture = opened(data, max_pixels=1000)
    assert picture.frame_count == 3
    assert picture.upright.getpixel((5, 5)) == (255, 0, 0)
