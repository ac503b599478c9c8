"""Files that end early are known by what they say of themselves; what is no picture is named."""

from __future__ import annotations

import io

import pillow_heif
import pytest
from PIL import Image

from media_pipeline.errors import MediaProcessingError
from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.examine.endings import ends_early, named, strips_end_early
from media_pipeline.stages.examine.pictures import opened

MAX = 10_000_000


def _box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4) + kind + body


def _encoded(form: str, **options: object) -> bytes:
    if form == "HEIF":
        pillow_heif.register_heif_opener()
    out = io.BytesIO()
    photograph("coffee").convert("RGB").resize((300, 200)).save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("BMP", {}),
        ("AVIF", {}),
        ("HEIF", {}),
        ("JPEG2000", {}),
        ("JPEG2000", {"no_jp2": True}),
    ],
)
def test_no_part_of_a_picture_passes_for_the_whole(form: str, options: dict[str, object]) -> None:
    """Cut off at twenty places, each is refused as truncated, and none is a half-grey picture."""
    data = _encoded(form, **options)
    assert not ends_early(data)
    assert opened(data, max_pixels=MAX).notes == ()
    for part in range(1, 20):
        with pytest.raises(MediaProcessingError) as failed:
            opened(data[: len(data) * part // 20], max_pixels=MAX)
        assert failed.value.reason == "truncated", f"{part} of 20"


def test_what_stands_behind_the_last_pixel_may_be_missing() -> None:
    """A PNG without its end mark shows all that it ever did."""
    data = _encoded("PNG")
    assert opened(data[:-12], max_pixels=MAX).upright.tobytes() == opened(data, max_pixels=MAX).upright.tobytes()


def test_the_length_of_the_last_box_may_be_left_open() -> None:
    """Zero means: to the end of the file."""
    head = _box(b"ftyp", b"heic\0\0\0\0")
    assert not ends_early(head + b"\0\0\0\0mdat" + b"pixels")
    assert ends_early(head + b"\0\0\0\x20mdat" + b"pixels")
    assert ends_early(head + b"\0\0\0\1mdat" + (1 << 40).to_bytes(8) + b"pixels")
    assert not ends_early(head + b"\0\0\0\4mdat")  # makes no sense, which is for the decoder to say


def test_strips_beyond_the_end_explain_a_tiff() -> None:
    """Places and lengths in tags 273 and 279, or 324 and 325 for tiles."""
    assert not strips_end_early({273: (8, 108), 279: (100, 100)}, 208)
    assert strips_end_early({273: (8, 108), 279: (100, 101)}, 208)
    assert strips_end_early({324: (200,), 325: (9,)}, 208)
    assert not strips_end_early({273: "text"}, 208)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"8BPS\0\1", "a Photoshop document"),
        (b"icns\0\0\0\0", "an icon of macOS"),
        (b"%!PS-Adobe-3.0", "PostScript"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "begins as PNG does"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 100, "begins as HEIF does"),
        (b"hello", "no decoder knows it; it begins with b'hello'"),
    ],
)
def test_what_is_not_decoded_is_named(data: bytes, name: str) -> None:
    """Also formats that Pillow would open, slowly or by another program."""
    assert named(data).startswith(name)
    with pytest.raises(MediaProcessingError) as failed:
        opened(data, max_pixels=MAX)
    assert failed.value.detail.startswith(name)
    assert failed.value.reason == "undecodable"


def test_an_icon_is_not_tried() -> None:
    """Pillow could open this one."""
    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, "ICO")
    with pytest.raises(MediaProcessingError, match="an icon of Windows"):
        opened(out.getvalue(), max_pixels=MAX)
