"""Files of every rendition: which, in which format, the same bytes each time, nothing of the original's metadata."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys

import pytest
from PIL import Image

from media_pipeline.orchestration.pool import Workers
from media_pipeline.samples.files import camera_words, jpeg
from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.examine.cascade import cascade
from media_pipeline.stages.examine.renditions import Rendered, rendered

BOTH = [f"{name}.{kind}" for name in ("large", "medium", "small", "thumb") for kind in ("jpg", "webp")]


def _names(made: tuple[Rendered, ...]) -> list[str]:
    return [f"{one.rendition.name}.{one.rendition.encoding.extension}" for one in made]


def digest(name: str) -> str:
    """Of all files made of one photograph, larger than any rendition."""
    picture = photograph(name).resize((1700, 1300), Image.Resampling.BICUBIC)
    files = rendered(cascade(picture), original_format="PNG")
    return hashlib.sha256(b"".join(one.data for one in files)).hexdigest()


@pytest.mark.parametrize(
    ("original", "poi"),
    [
        ("JPEG", ["poi.jpg"]),
        ("MPO", ["poi.jpg"]),
        ("PNG", ["poi.png"]),
        ("GIF", ["poi.gif"]),
        ("HEIF", []),
        ("TIFF", []),
    ],
)
def test_every_size_is_a_jpeg_and_a_webp_and_places_keep_their_format(original: str, poi: list[str]) -> None:
    """Originals of other formats have no picture for places."""
    made = rendered(cascade(photograph("coffee")), original_format=original)
    assert _names(made) == BOTH + poi


@pytest.mark.parametrize("original", ["JPEG", "PNG", "GIF"])
def test_each_file_is_what_it_says(original: str) -> None:
    """Format and size by its own header."""
    for one in rendered(cascade(photograph("coffee")), original_format=original):
        with Image.open(io.BytesIO(one.data)) as image:
            assert image.get_format_mimetype() == one.rendition.encoding.content_type
            assert image.size == (one.width_px, one.height_px)
            assert image.mode == ("P" if image.format == "GIF" else "RGB")


@pytest.mark.parametrize("original", ["JPEG", "PNG", "GIF"])
@pytest.mark.parametrize("edge", [100, 1500])
def test_no_file_carries_metadata(original: str, edge: int) -> None:
    """Whatever Pillow remembers of an original: EXIF, ICC, XMP, a comment, a transparent colour."""
    with Image.open(io.BytesIO(jpeg(photograph("coffee").resize((edge, edge)), 90, camera_words(0)))) as image:
        image.load()
    image.info |= {"icc_profile": b"profile", "xmp": b"<x/>", "comment": b"secret", "transparency": (0, 0, 0)}
    for one in rendered(cascade(image), original_format=original):
        assert not any(word in one.data for word in (b"Exif", b"profile", b"<x/>", b"secret", b"ICC_PROFILE", b"tRNS"))
        with Image.open(io.BytesIO(one.data)) as written:
            assert dict(written.getexif()) == {}
            written.load()
            assert set(written.info) <= {
                *("jfif", "jfif_version", "jfif_unit", "jfif_density"),
                *("version", "background", "loop", "timestamp", "duration"),
            }


def test_a_small_original_is_encoded_once_for_all_sizes() -> None:
    """They are one picture."""
    made = dict(zip(BOTH, rendered(cascade(Image.new("RGB", (64, 48), "red")), original_format="HEIF"), strict=True))
    assert made["large.jpg"].data is made["medium.jpg"].data is made["small.jpg"].data
    assert made["large.webp"].data is made["small.webp"].data


def test_other_processes_make_the_same_bytes() -> None:
    """One that is new, and a worker under its memory limit; neither knows what the other did before."""
    here = digest("coffee")
    script = f"from {digest.__module__} import digest; print(digest('chelsea') and digest('coffee'))"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (told.stdout.strip(), told.stderr) == (here, "")
    with Workers(2, memory_mb=4096, item_seconds=60) as workers:
        workers.start(1)
        assert workers.run(digest, "coffee") == here
