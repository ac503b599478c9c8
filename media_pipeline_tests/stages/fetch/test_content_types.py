"""What a file is, by its bytes."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from media_pipeline.stages.fetch.content_types import content_type

PILLOW = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
    "JPEG2000": "image/jp2",
}


@pytest.mark.parametrize(("form", "expected"), PILLOW.items())
def test_what_pillow_writes_is_known_for_what_it_is(form: str, expected: str) -> None:
    """Every format that the demo and cameras bring."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, form)
    known = content_type(out.getvalue())
    assert known is not None
    assert (known.name, known.kind) == (expected, "image")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\0\0\0\x18ftypisom\0\0\2\0", "video/mp4"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
        (b"\0\0\0\x1cftypheic", "image/heic"),
        (b"\0\0\0\x1cftypM4A ", "audio/mp4"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\x24\0\0\0AVI LIST", "video/x-msvideo"),
        (b"OggS\0\2", "audio/ogg"),
        (b"ID3\4\0", "audio/mpeg"),
        (b"\x1aE\xdf\xa3", "video/webm"),
    ],
)
def test_containers_tell_by_their_brand(head: bytes, expected: str) -> None:
    """One family of boxes holds pictures, sound and video."""
    known = content_type(head)
    assert known is not None
    assert known.name == expected


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"hello, I am a text file named .jpg",
        b"<!doctype html><title>404</title>",
        b"%PDF-1.7",
        b"PK\3\4",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"BM, said the text",
        b"\xff\xd8",
        b"RIFF\x24\0\0\0XXXX",
    ],
)
def test_everything_else_is_no_media(head: bytes) -> None:
    """Text, pages, archives, and what only begins alike."""
    assert content_type(head) is None


@given(st.binary(max_size=64))
def test_any_bytes_have_an_answer(head: bytes) -> None:
    """Never an error."""
    known = content_type(head)
    assert known is None or known.kind in ("image", "video", "audio")
