"""Every colour mode ends as 8-bit sRGB that looks as the file means it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.examine.pictures import Picture, opened


def _opened(image: Image.Image, form: str, **options: object) -> Picture:
    out = io.BytesIO()
    image.save(out, form, **options)
    return opened(out.getvalue(), max_pixels=10_000_000)


def _rgb(picture: Picture) -> tuple[int, ...]:
    return tuple(int(value) for value in np.asarray(picture.upright)[0, 0])


def _profile(name: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()  # type: ignore[arg-type]


def _swapped() -> bytes:
    """A profile whose red is sRGB's green, and the other way round: it stands for any gamut that is not sRGB's."""
    data = bytearray(_profile("sRGB"))
    count = int.from_bytes(data[128:132])
    tags = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    data[red + 4 : red + 12], data[green + 4 : green + 12] = data[green + 4 : green + 12], data[red + 4 : red + 12]
    return bytes(data)


@pytest.mark.parametrize(("value", "grey"), [(0, 0), (0x101, 1), (0x8080, 128), (0xFF00, 254), (0xFFFF, 255)])
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled(value: int, grey: int, form: str) -> None:
    """257 steps of 16 bits are one of 8."""
    image = Image.fromarray(np.full((4, 4), value, np.uint16))
    assert _rgb(_opened(image, form)) == (grey, grey, grey)


@pytest.mark.parametrize(("value", "brightest", "grey"), [(128, 255, 128), (0x8080, 0xFFFF, 128), (255, 0xFFFF, 1)])
def test_thirty_two_bits_are_scaled_by_what_they_hold(value: int, brightest: int, grey: int) -> None:
    """Up to 255 it is 8 bits in a wide coat, up to 65,535 it is 16."""
    image = Image.fromarray(np.array([[value, 0], [0, brightest]], np.int32))
    assert _rgb(_opened(image, "TIFF")) == (grey, grey, grey)


@pytest.mark.parametrize(("value", "grey"), [(0.0, 0), (0.5, 128), (1.0, 255)])
def test_a_float_picture_from_zero_to_one_is_scaled(value: float, grey: int) -> None:
    """One of floats says nowhere what its white is: up to 1 it is 1."""
    assert _rgb(_opened(Image.fromarray(np.full((4, 4), value, np.float32)), "TIFF")) == (grey, grey, grey)


def test_floats_beyond_all_scales_are_stretched_and_nan_is_black() -> None:
    """Heights of a map: from the lowest to the highest."""
    heights = np.array([[-100.0, 0.0], [100.0, np.nan]], np.float32)
    assert np.asarray(_opened(Image.fromarray(heights), "TIFF").upright)[..., 0].tolist() == [[0, 128], [255, 0]]


@pytest.mark.parametrize(
    ("image", "form"),
    [
        (Image.new("RGBA", (4, 4), (255, 0, 0, 128)), "PNG"),
        (Image.new("RGBA", (3000, 3000), (255, 0, 0, 128)), "PNG"),
        (Image.new("RGBA", (4, 4), (255, 0, 0, 128)), "TIFF"),
    ],
)
def test_half_transparent_red_on_white_is_pink(image: Image.Image, form: str) -> None:
    """127 / 255 of white shine through; large pictures are flattened strip by strip."""
    assert _rgb(_opened(image, form)) == (255, 127, 127)


def test_transparent_grey_is_on_white() -> None:
    """LA, as PNG knows it."""
    assert _rgb(_opened(Image.new("LA", (4, 4), (0, 0)), "PNG")) == (255, 255, 255)


@pytest.mark.parametrize(("ink", "rgb"), [((0, 0, 0, 0), (255, 255, 255)), ((0, 255, 255, 0), (255, 0, 0))])
@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_inks_are_not_inverted(ink: tuple[int, ...], rgb: tuple[int, ...], form: str) -> None:
    """No ink is white: in Adobe's JPEG too, where numbers stand the other way round."""
    found = _rgb(_opened(Image.new("CMYK", (16, 16), ink), form))
    assert max(abs(a - b) for a, b in zip(found, rgb, strict=True)) <= 3


def test_the_profile_changes_colours_as_it_says() -> None:
    """Red and green change places, where the profile says that they stand for each other."""
    picture = _opened(Image.new("RGB", (16, 16), (200, 40, 90)), "PNG", icc_profile=_swapped())
    assert max(abs(a - b) for a, b in zip(_rgb(picture), (40, 200, 90), strict=True)) <= 2
    assert picture.has_profile
    assert picture.notes == ()
    assert np.asarray(picture.patch)[0, 0].tolist() == list(_rgb(picture))


def test_srgb_itself_changes_nothing() -> None:
    """Not by one level: nine photos of ten carry it."""
    photo = photograph("coffee").convert("RGB")
    assert _opened(photo, "PNG", icc_profile=_profile("sRGB")).upright.tobytes() == photo.tobytes()


@pytest.mark.parametrize(
    ("profile", "mode", "note"),
    [
        (b"no profile at all", "RGB", "broken ICC profile"),
        (_profile("sRGB")[:200], "RGB", "broken ICC profile"),
        (_profile("sRGB"), "L", "ICC profile for RGB in a picture of L"),
        (_profile("LAB"), "RGB", "ICC profile for Lab in a picture of RGB"),
    ],
)
def test_a_profile_that_does_not_fit_is_a_note(profile: bytes, mode: str, note: str) -> None:
    """The picture is shown as if it had none."""
    picture = _opened(Image.new("RGB", (4, 4), (90, 90, 90)).convert(mode), "PNG", icc_profile=profile)
    assert picture.notes == (note,)
    assert _rgb(picture) == (90, 90, 90)


def test_pages_after_the_first_are_counted_only() -> None:
    """TIFF, WebP and AVIF too."""
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "green", "blue")]
    for form in ("TIFF", "WEBP", "AVIF"):
        picture = _opened(frames[0], form, save_all=True, append_images=frames[1:])
        assert picture.frame_count == 3
        assert max(abs(a - b) for a, b in zip(_rgb(picture), (255, 0, 0), strict=True)) <= 4
