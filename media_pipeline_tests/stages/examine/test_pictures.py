"""Pictures open upright, in RGB, within limits; or say why not."""

from __future__ import annotations

import io
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from media_pipeline.errors import MediaProcessingError
from media_pipeline.samples.files import bomb, jpeg, turned_jpeg
from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.examine.patches import patch_of_jpeg
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
        (b"\xff\xd8\xff\xe0 and then text", "truncated"),  # where its length should be it says 8,289 bytes
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


def test_the_patch_is_the_middle_of_the_original_not_reduced() -> None:
    """A large photo is made smaller, which hides noise and compression; its patch is not."""
    original = photograph("retina").convert("RGB").resize((2600, 1300))
    picture = opened(_encoded(original, "PNG", compress_level=1), max_pixels=10_000_000)
    assert picture.patch is not None
    assert picture.patch.tobytes() == original.crop((1044, 394, 1556, 906)).tobytes()
    small = opened(_encoded(original.resize((600, 100)), "PNG"), max_pixels=10_000_000)
    assert small.patch is not None
    assert small.patch.size == (512, 100)
    assert small.upright.size == (600, 100)


@pytest.mark.parametrize(
    ("colours", "options"),
    [("RGB", {}), ("RGB", {"subsampling": 0}), ("RGB", {"progressive": True}), ("L", {}), ("CMYK", {})],
)
def test_the_patch_of_a_jpeg_is_that_of_its_whole_decode(colours: str, options: dict[str, object]) -> None:
    """To the bit, though most of them are decoded at half size and their patch apart."""
    data = _encoded(photograph("retina").resize((2600, 600)).convert(colours), "JPEG", **options)
    with Image.open(io.BytesIO(data)) as image:
        whole = image.crop((1044, 44, 1556, 556)).convert("RGB")
    picture = opened(data, max_pixels=10_000_000)
    assert picture.upright.size == (1300, 300)
    assert picture.patch is not None
    assert picture.patch.tobytes() == whole.tobytes()


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_without_the_patch_nothing_else_differs(form: str) -> None:
    """Hashes and derivatives are the same whether or not quality is due."""
    data = _encoded(photograph("retina").resize((2600, 200)), form)
    picture, without = opened(data, max_pixels=10_000_000), opened(data, max_pixels=10_000_000, patch=False)
    assert without.patch is None
    assert picture.upright.tobytes() == without.upright.tobytes()
    assert (picture.width_px, picture.height_px) == (without.width_px, without.height_px) == (2600, 200)


@pytest.mark.parametrize("size", [(2560, 3), (3, 2561), (5121, 1), (20481, 31), (2561, 1999)])
def test_a_jpeg_of_any_shape_is_halved_as_other_formats_are(size: tuple[int, int]) -> None:
    """The decoder rounds as the means do."""
    drawn = Image.new("RGB", size, (90, 120, 60))
    jpeg_of, png_of = (opened(_encoded(drawn, form), max_pixels=10**8) for form in ("JPEG", "PNG"))
    assert jpeg_of.upright.size == png_of.upright.size
    assert jpeg_of.patch is not None
    assert png_of.patch is not None
    assert jpeg_of.patch.size == png_of.patch.size


def test_the_patch_is_decoded_by_pillow_where_libvips_cannot() -> None:
    """Its four colours of print are not taken for others."""
    data, box = _encoded(photograph("coffee").convert("CMYK"), "JPEG"), (44, 20, 556, 380)
    with Image.open(io.BytesIO(data)) as image:
        assert patch_of_jpeg(data, box).tobytes() == image.crop(box).tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_patch_is_upright_too(orientation: int) -> None:
    """600 wide and 400 high is cut to 512 x 400 whichever way the camera was held."""
    wide = Image.new("RGB", (600, 400), "white")
    wide.paste("red", (0, 0, 300, 200))
    patch = opened(turned_jpeg(wide, orientation), max_pixels=1_000_000).patch
    assert patch is not None
    assert patch.size == (512, 400)
    red, green, _blue = np.asarray(patch)[100, 100]
    assert (red > 200, green < 60) == (True, True)


def test_real_photos_of_all_orientations_look_the_same(shared: Path) -> None:
    """Photos of one scene, saved in the eight ways that EXIF knows."""
    for name in ("landscape", "portrait"):
        folder = shared / "testdata" / "exif-samples" / "jpg" / "orientation"
        seen = [opened((folder / f"{name}_{n}.jpg").read_bytes(), max_pixels=10**8) for n in range(1, 9)]
        assert [picture.orientation for picture in seen] == list(range(1, 9))
        first = np.asarray(seen[0].upright.resize((32, 32)), np.int16)
        for picture in seen[1:]:
            assert picture.upright.size == seen[0].upright.size
            assert np.abs(np.asarray(picture.upright.resize((32, 32)), np.int16) - first).mean() < 6


@pytest.mark.parametrize("size", [(10_240, 1), (1, 10_240), (1281, 1), (2560, 7)])
def test_a_line_stays_a_line(size: tuple[int, int]) -> None:
    """However thin; and long edges never fall below what is made from them."""
    upright = opened(_encoded(Image.new("RGB", size, "red"), "JPEG"), max_pixels=10**6).upright
    assert min(upright.size) >= 1
    assert max(upright.size) >= min(1280, max(size))


def test_jpeg_tables_and_words_come_along() -> None:
    """What a reduced picture does not show: quantisation; and XMP and IPTC as they stand in the file."""
    words = b"\x1c\x02\x05\x00\x05Birch"
    photoshop = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + len(words).to_bytes(4) + words
    data = _encoded(Image.new("RGB", (16, 16)), "JPEG", quality=50, xmp=b"<x:xmpmeta/>")
    data = data[:2] + b"\xff\xed" + (len(photoshop) + 2).to_bytes(2) + photoshop + data[2:]
    picture = opened(data, max_pixels=1000)
    assert [table[0] for table in picture.quantization] == [16, 17]  # the first entries of the standard's own tables
    assert picture.xmp == b"<x:xmpmeta/>"
    assert picture.iptc == words
    plain = opened(_encoded(Image.new("RGB", (16, 16)), "PNG"), max_pixels=1000)
    assert (plain.quantization, plain.xmp, plain.iptc, plain.has_profile, plain.notes) == ((), None, None, False, ())


def test_exif_of_sixty_megabytes_is_a_note() -> None:
    """It is not parsed; the picture is whole."""
    whole = _encoded(Image.new("RGB", (16, 16), "red"), "PNG")
    body = b"MM\0*\0\0\0\x08" + bytes(60 << 20)
    chunk = len(body).to_bytes(4) + b"eXIf" + body + zlib.crc32(b"eXIf" + body).to_bytes(4)
    picture = opened(whole[:33] + chunk + whole[33:], max_pixels=1000)
    assert picture.notes == ("EXIF of 60 MB left out",)
    assert dict(picture.exif) == {}
    assert picture.upright.getpixel((3, 3)) == (255, 0, 0)


def test_a_warning_is_a_note_and_nothing_is_left_changed() -> None:
    """Limits, filters and stderr belong to the process, which does not notice."""
    broken = b"Exif\0\0II*\0\x08\0\0\0\x05\0"
    before = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    picture = opened(_encoded(Image.new("RGB", (16, 16)), "JPEG", exif=broken), max_pixels=1000)
    assert picture.notes == ("Corrupt EXIF data. Expecting to read 12 bytes but only got 0.",)
    assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before


def test_what_decoders_print_is_not_heard(capfd: pytest.CaptureFixture[str]) -> None:
    """libtiff tells stderr what it also returns as an error."""
    data = _encoded(photograph("coffee"), "TIFF", compression="tiff_lzw")
    with pytest.raises(MediaProcessingError):
        opened(data[:1000] + bytes(2000) + data[3000:], max_pixels=10**7)
    print("heard again", file=sys.stderr)
    assert capfd.readouterr() == ("", "heard again\n")


def test_a_frame_larger_than_its_screen_is_held_to_the_limit() -> None:
    """A GIF's header may promise one pixel, and its first frame 4 thousand million."""
    small = _encoded(Image.new("P", (4, 4)), "GIF")
    at = small.index(b"\x2c", 13)
    large = small[: at + 5] + b"\xff\xff\xff\xff" + small[at + 9 :]
    with pytest.raises(MediaProcessingError) as failed:
        opened(large, max_pixels=200_000_000)
    assert failed.value.reason == "too_many_pixels"
