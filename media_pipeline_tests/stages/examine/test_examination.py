"""One decode, all facts: what a worker answers for one original."""

from __future__ import annotations

import hashlib
import io
from uuid import UUID

import imagehash
import pytest
from PIL import Image

from media_pipeline.errors import MediaProcessingError
from media_pipeline.records import Made, NotApplicable
from media_pipeline.samples.files import camera_words, jpeg, turned_jpeg
from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.examine.examination import MAKERS, Task, examined
from media_pipeline.stages.examine.pictures import opened

MEDIA = UUID("00000000-0000-0000-0000-00000000002a")
ALL = frozenset(MAKERS)
EXTENSIONS = {"image/jpeg": "jpg", "image/webp": "webp"}


def _task(data: bytes | None, due: frozenset[str] = ALL) -> Task:
    return Task(MEDIA, data, due, max_pixels=200_000_000)


def _made(data: bytes, name: str) -> Made:
    answer = examined(_task(data))[name]
    assert isinstance(answer, Made)
    return answer


def test_only_what_is_due_is_answered() -> None:
    """An output that is done is not made again."""
    assert set(examined(_task(jpeg(photograph("coffee"), 80), frozenset({"hashes"})))) == {"hashes"}


def test_what_is_no_picture_is_not_applicable() -> None:
    """A video has no perceptual hash, and that is no failure."""
    answers = examined(_task(None))
    assert answers == dict.fromkeys(ALL, NotApplicable("not_a_picture"))


def test_a_broken_picture_fails_every_output_with_its_reason() -> None:
    """The worker says it once for all."""
    with pytest.raises(MediaProcessingError, match="truncated"):
        examined(_task(jpeg(photograph("coffee"), 80)[:3000]))


def test_a_flat_picture_has_no_hash_but_everything_else() -> None:
    """All greys of one value would be twins."""
    out = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 90, 90)).save(out, "PNG")
    answers = examined(_task(out.getvalue()))
    assert answers["hashes"] == NotApplicable("flat_picture", "one grey all over")
    assert isinstance(answers["derivatives"], Made)


@pytest.mark.parametrize("name", ["coffee", "astronaut", "chelsea", "retina", "rocket"])
def test_the_hash_is_within_two_bits_of_imagehash_on_the_original(name: str) -> None:
    """A reduced decode and reduced greys give the same answer for a fifth of the time."""
    (row,) = _made(jpeg(photograph(name), 92), "hashes").rows
    original = imagehash.phash(opened(jpeg(photograph(name), 92), max_pixels=10**9).upright)
    assert imagehash.hex_to_hash(row["phash"]) - original <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_pictures_have_one_hash(orientation: int) -> None:
    """It is the upright picture that is hashed."""
    (row,) = _made(turned_jpeg(photograph("rocket"), orientation), "hashes").rows
    (upright,) = _made(turned_jpeg(photograph("rocket"), 1), "hashes").rows
    assert imagehash.hex_to_hash(row["phash"]) - imagehash.hex_to_hash(upright["phash"]) <= 2


def test_derivatives_are_named_by_media_and_version_and_say_what_they_are() -> None:
    """Key, size and digest in the rows are those of the bytes."""
    made = _made(jpeg(photograph("coffee"), 80), "derivatives")
    assert [blob.key for blob in made.blobs] == [row["blob_key"] for row in made.rows]
    for row, blob in zip(made.rows, made.blobs, strict=True):
        assert row["blob_key"] == f"media/derived/{MEDIA}/3/{row['name']}.{EXTENSIONS[row['content_type']]}"
        assert row["sha256"] == hashlib.sha256(blob.data).hexdigest()
        assert row["size_bytes"] == len(blob.data)
        with Image.open(io.BytesIO(blob.data)) as image:
            assert image.size == (row["width_px"], row["height_px"])


def test_derivatives_carry_no_metadata() -> None:
    """Neither place nor camera goes out with a thumbnail."""
    made = _made(jpeg(photograph("coins"), 80, camera_words(0)), "derivatives")
    for blob in made.blobs:
        with Image.open(io.BytesIO(blob.data)) as image:
            assert dict(image.getexif()) == {}
            assert not {"exif", "icc_profile", "xmp", "comment"} & set(image.info)


def test_the_same_input_gives_the_same_bytes() -> None:
    """A repeated run may put them again without harm."""
    data = jpeg(photograph("coffee"), 80)
    assert examined(_task(data)) == examined(_task(data))
