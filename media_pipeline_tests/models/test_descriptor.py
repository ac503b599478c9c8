"""descriptor-512 on the photographs of scikit-image and on pictures drawn here."""

from __future__ import annotations

import pickle
import subprocess
import sys
from io import BytesIO
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from media_pipeline.errors import EmbeddingError
from media_pipeline.models import Thresholds, Vector
from media_pipeline.models.descriptor import Descriptor, direction, looks
from media_pipeline.models.descriptor_mean import MEAN_E5
from media_pipeline.samples.photographs import PHOTOGRAPHS, photograph
from media_pipeline_tests.benchmarks.calibrate_descriptor import SAME, bits, derivative, mean_looks

MODEL = Descriptor()
NEAR = 0.95


@pytest.fixture(scope="module")
def originals() -> dict[str, Vector]:
    return {name: MODEL.embed(derivative(photograph(name))) for name in PHOTOGRAPHS}


def encoded(picture: Image.Image, form: str = "PNG") -> bytes:
    out = BytesIO()
    picture.save(out, form)
    return out.getvalue()


def drawn(mode: str, size: tuple[int, int]) -> Image.Image:
    rng = np.random.default_rng(7)
    width, height = size
    return Image.fromarray(rng.integers(0, 256, (height, width, 4), np.uint8), "RGBA").convert(mode)


@pytest.mark.parametrize("variant", sorted(SAME))
def test_a_copy_is_near_its_original(variant: str, originals: dict[str, Vector]) -> None:
    """Half-size, re-encoded, slightly cropped and slightly darker copies of every sample photograph are near."""
    for name, vector in originals.items():
        copy = MODEL.embed(derivative(SAME[variant](photograph(name))))
        assert float(vector @ copy) >= NEAR, name


def test_two_photographs_are_not_near(originals: dict[str, Vector]) -> None:
    """Apart from the stereo pair no two sample photographs are near, and but for two textures none are candidates."""
    candidate = MODEL.thresholds.candidate
    assert candidate is not None
    strangers = {
        pair: float(originals[pair[0]] @ originals[pair[1]])
        for pair in combinations(sorted(originals), 2)
        if pair != ("motorcycle-left", "motorcycle-right")
    }
    assert len(strangers) == 19 * 18 // 2 - 1
    grass_and_gravel = strangers.pop(("grass", "gravel"))
    assert grass_and_gravel < NEAR
    assert {pair for pair, cosine in strangers.items() if cosine >= candidate} == set()
    assert np.median(list(strangers.values())) < 0.1


def test_the_stereo_pair_is_held_apart_by_the_cosine(originals: dict[str, Vector]) -> None:
    """Two views of one motorcycle have nearly one perceptual hash; only the cosine says that they are two pictures."""
    left, right = photograph("motorcycle-left"), photograph("motorcycle-right")
    assert int((bits(left) != bits(right)).sum()) <= 6
    assert float(originals["motorcycle-left"] @ originals["motorcycle-right"]) < NEAR


def test_a_mirrored_picture_is_another_one(originals: dict[str, Vector]) -> None:
    """Mirroring leaves the colours as they are and is still told apart."""
    mirrored = photograph("coffee").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert float(originals["coffee"] @ MODEL.embed(derivative(mirrored))) < NEAR


def test_the_orientation_tag_is_followed(originals: dict[str, Vector]) -> None:
    """Pixels stored on their side with the tag that says so give the vector of the upright picture."""
    on_its_side = photograph("coffee").transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    out = BytesIO()
    on_its_side.save(out, "JPEG", quality=85, exif=exif)
    assert float(originals["coffee"] @ MODEL.embed(out.getvalue())) > 0.99


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 2), (640, 427)])
def test_every_shape_gives_a_unit_vector(mode: str, size: tuple[int, int]) -> None:
    """Grey, tiny, one pixel wide or transparent: 512 finite numbers of length 1."""
    vector = MODEL.embed(encoded(drawn(mode, size)))
    assert vector.dtype == np.float32
    assert vector.shape == (512,) == (MODEL.dims,)
    assert float(np.linalg.norm(vector)) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("colour", ["black", "white", "gray", "red", (127, 128, 129)])
def test_a_flat_picture_has_a_vector_too(colour: str | tuple[int, int, int]) -> None:
    """Without any edge there is still a layout and a colour."""
    vector = MODEL.embed(encoded(Image.new("RGB", (640, 480), colour), "JPEG"))
    assert float(np.linalg.norm(vector)) == pytest.approx(1, abs=1e-5)


def test_transparent_is_white() -> None:
    """What cannot be seen does not count: hidden red pixels look like the white page they are shown on."""
    hidden = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    assert np.array_equal(looks(encoded(hidden)), looks(encoded(Image.new("RGB", (64, 64), "white"))))


def test_nothing_beside_the_mean_is_an_item_error() -> None:
    """A picture of exactly the mean has no direction: said so, never NaN."""
    mean = np.array([int(word) for word in MEAN_E5.split()], np.float64) / 1e5
    with pytest.raises(EmbeddingError, match="flat_picture"):
        direction(mean.astype(np.float64))  # float32 would leave a rest of rounding


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe0 cut"])
def test_what_cannot_be_read_is_an_item_error(content: bytes) -> None:
    """The run goes on: the reason is a word, the detail says what the decoder said."""
    with pytest.raises(EmbeddingError) as caught:
        MODEL.embed(content)
    assert caught.value.reason == "unreadable_picture"
    assert caught.value.detail


def test_a_cut_off_picture_is_an_item_error() -> None:
    """The header is whole, the pixels are not."""
    whole = derivative(photograph("coffee"))
    with pytest.raises(EmbeddingError, match="unreadable_picture"):
        MODEL.embed(whole[: len(whole) // 2])


def test_one_picture_has_one_vector() -> None:
    """Again, from a copy of the model that went through pickle, and in a fresh process: one version, one vector."""
    picture = derivative(photograph("chelsea"))
    first = MODEL.embed(picture)
    copied = pickle.loads(pickle.dumps(MODEL))  # noqa: S301
    assert np.array_equal(first, copied.embed(picture))
    code = (
        "import sys; from media_pipeline.models import model_named; m = model_named('descriptor-512');"
        "sys.stdout.buffer.write(m.version.encode() + b'|' + m.embed(sys.stdin.buffer.read()).tobytes())"
    )
    done = subprocess.run([sys.executable, "-c", code], input=picture, capture_output=True, check=True)
    assert done.stdout == MODEL.version.encode() + b"|" + first.tobytes()


def test_the_shipped_mean_is_the_mean_of_the_photographs() -> None:
    """Computed again from scikit-image's files; other versions of the JPEG library differ in the fourth decimal."""
    shipped = np.array([int(word) for word in MEAN_E5.split()]) / 1e5
    assert np.abs(shipped - mean_looks()).max() < 1e-3


def test_the_version_names_what_was_calibrated() -> None:
    """Whoever changes a constant or the mean learns here that all vectors become stale and are measured again."""
    assert MODEL.version == "descriptor-512-b1556066"
    assert MODEL.thresholds == Thresholds(near=0.95, candidate=0.9, burst=0.75, cluster=0.70)


def test_of_many_pictures_the_broken_one_has_a_reason_and_the_others_their_vectors() -> None:
    """One file harms no other of its batch."""
    good = encoded(photograph("coffee"), "JPEG")
    first, broken, last = MODEL.embed_many([good, b"no picture", good])
    assert isinstance(first, np.ndarray)
    assert isinstance(last, np.ndarray)
    assert np.array_equal(first, MODEL.embed(good))
    assert np.array_equal(last, first)
    assert isinstance(broken, EmbeddingError)
    assert broken.reason == "unreadable_picture"


def test_texts_are_told_that_they_need_clip() -> None:
    """It knows looks only; the message names the setting that helps."""
    assert not MODEL.knows_text
    with pytest.raises(EmbeddingError, match=r"needs_clip: text search needs a CLIP model: set MEDIA_MODEL=open_clip"):
        MODEL.embed_texts(["a mushroom"])
