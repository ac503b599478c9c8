"""The long edge by the header, for every format that is stored."""

from __future__ import annotations

import io
import struct
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pillow_heif import register_heif_opener

from media_pipeline.stages.fetch.content_types import CONTENT_TYPES, content_type
from media_pipeline.stages.fetch.dimensions import long_edge

IMAGES = sorted({known.name for known in CONTENT_TYPES if known.kind == "image"})


def saved(form: str, size: tuple[int, int] = (300, 17), mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 1).save(out, form, **options)
    return out.getvalue()


def edge_of(data: bytes) -> int | None:
    known = content_type(data)
    assert known is not None
    return long_edge(io.BytesIO(data), known.name)


@pytest.mark.parametrize("size", [(300, 17), (17, 300), (1, 1), (65, 65)])
@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True, "comment": b"x" * 60_000, "icc_profile": bytes(200_000)}),
        ("PNG", {}),
        ("GIF", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0"}),
        ("TIFF", {}),
        ("TIFF", {"big_tiff": True}),
        ("BMP", {}),
        ("AVIF", {}),
        ("JPEG2000", {}),
    ],
)
def test_what_pillow_writes_is_measured(form: str, options: dict[str, Any], size: tuple[int, int]) -> None:
    """Upright or lying, with much or nothing before the size."""
    assert edge_of(saved(form, size, **options)) == max(size)


def test_orientation_does_not_matter() -> None:
    """A photo that is turned by its EXIF has the same long edge."""
    exif = Image.Exif()
    exif[0x0112] = 6
    assert edge_of(saved("JPEG", (40, 90), exif=exif.tobytes())) == 90


def test_a_picture_laid_of_tiles_is_as_large_as_the_whole() -> None:
    """HEIC says the size of each tile and of the whole, in no order."""
    sizes = b"".join(struct.pack(">I4sIII", 20, b"ispe", 0, *size) for size in ((512, 512), (4032, 3024), (160, 120)))
    inner = struct.pack(">I4s", 8 + len(sizes), b"ipco") + sizes
    inner = struct.pack(">I4s", 8 + len(inner), b"iprp") + inner
    inner = struct.pack(">I4sI", 12 + len(inner), b"meta", 0) + inner
    assert edge_of(struct.pack(">I4s4sI", 16, b"ftyp", b"heic", 0) + inner) == 4032


def test_old_forms_are_measured() -> None:
    """A bitmap of OS/2, one whose first line is the top one, a TIFF of the other byte order."""
    assert edge_of(b"BM" + bytes(12) + struct.pack("<IHH", 12, 70, 30)) == 70
    assert edge_of(b"BM" + bytes(12) + struct.pack("<Iii", 40, 70, -300)) == 300
    entries = struct.pack(">HHIHH", 256, 3, 1, 20, 0) + struct.pack(">HHII", 257, 4, 1, 70_000)
    assert edge_of(b"MM\0*" + struct.pack(">IH", 8, 2) + entries) == 70_000


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000"])
def test_a_header_that_ends_early_has_no_size(form: str) -> None:
    """At every place where it may be cut: the right size or none."""
    whole = saved(form)
    for end in range(32, len(whole), max(1, len(whole) // 200)):
        known = content_type(whole)
        assert known is not None
        assert long_edge(io.BytesIO(whole[:end]), known.name) in (300, None)


def test_no_size_and_no_picture_have_none() -> None:
    """A header may say zero; sounds and films are not measured here."""
    assert edge_of(b"GIF89a" + struct.pack("<HH", 0, 5)) is None
    assert edge_of(b"BM" + bytes(12) + struct.pack("<Iii", 40, -70, 0)) is None
    assert long_edge(io.BytesIO(b"OggS"), "audio/ogg") is None


@given(
    data=st.binary(max_size=400), name=st.sampled_from(IMAGES), form=st.sampled_from(["JPEG", "WEBP", "TIFF", "AVIF"])
)
def test_any_bytes_have_an_answer(data: bytes, name: str, form: str) -> None:
    """Never an error, never without end, in memory and in a file; also where a true header is spoilt."""
    spoilt = bytearray(saved(form))
    for place, byte in enumerate(data):
        spoilt[place * 7 % len(spoilt)] ^= byte
    for content in (data, bytes(spoilt)):
        edge = long_edge(io.BytesIO(content), name)
        assert edge is None or edge > 0
        with tempfile.TemporaryFile() as file:
            file.write(content)
            assert long_edge(file, name) == edge


def test_real_files_are_as_large_as_pillow_says(shared: Path) -> None:
    """Of cameras, phones and test suites: never another number, and none only for the oddest headers."""
    # Else HEIF is known to Pillow or not, as another test of this process has examined one before.
    register_heif_opener()
    seen, other, unread = 0, [], []
    for path in sorted(shared.joinpath("testdata").rglob("*")):
        if not path.is_file() or (known := content_type(path.read_bytes()[:1024])) is None or known.kind != "image":
            continue
        with path.open("rb") as file:
            found = long_edge(file, known.name)
        try:
            with Image.open(path) as image:
                size = max(image.size)
        except Exception:  # noqa: BLE001, S112 - whatever Pillow says of broken files
            continue
        seen += 1
        if found is None:
            unread.append(path.name)
        elif found != size and not path.name.startswith("decompression_bomb") and "heif-fuzz" not in path.parts:
            # Whose frames are larger than the picture that their header promises; or made to have headers that lie.
            other.append((path.name, found, size))
    assert seen > 300
    assert other == []
    assert len(unread) * 30 < seen, unread
