"""Beauty: by a head within its bounds, and the rule of thumb where there is none."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from media_pipeline.errors import ItemError
from media_pipeline.models.heads import Head
from media_pipeline.models.heads_files import read_head
from media_pipeline.records import Made, Result
from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.describe.aesthetics import Task, guessed, method_of, scored
from media_pipeline.stages.describe.composition import composition
from media_pipeline_tests.models.head_files import linear, npz


def row_of(result: Result) -> Any:
    assert isinstance(result, Made)
    (row,) = result.rows
    return row


def head(**words: str) -> Head:
    found = read_head(npz(linear(last=20, bias=3), **words), "b32.npz")
    assert isinstance(found, Head)
    return found


def encoded(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


def guess(picture: Image.Image, points: float = 50) -> Any:
    return row_of(guessed(Task(encoded(picture), points))["aesthetics"])


def test_scores_of_a_head_are_cut_off_at_0_and_10() -> None:
    """Its numbers go beyond what people rate: 23, 3 and -17 are 10, 3 and 0."""
    vectors = np.array([[0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, -1]], np.float32)
    found = [row_of(result) for result in scored(head(), vectors, model_version="clip-1")]
    assert [row["score"] for row in found] == [10, 3, 0]
    assert {row["model_version"] for row in found} == {"clip-1"}


def test_the_published_head_scores_its_reference_embeddings(shared: Path) -> None:
    """Ten vectors rated 0 to 9: never falling, and between the ends strictly rising."""
    heads = shared / "testdata" / "heads" / "laion-aesthetic-v1"
    found = read_head((heads / "sa_0_4_vit_b_32_linear.pth").read_bytes(), "sa_0_4_vit_b_32_linear.pth")
    assert isinstance(found, Head)
    vectors = np.concatenate([np.load(heads / f"vit_b_32_embeddings/rating{rating}.npy") for rating in range(10)])
    scores = [row_of(result)["score"] for result in scored(found, vectors, model_version="x")]
    assert scores == pytest.approx([0, 0.2728, 1.99, 3.6114, 5.0874, 6.3926, 7.6682, 8.9155, 9.9166, 10], abs=1e-4)


def test_every_row_names_its_method() -> None:
    """Two heads are two methods, and the rule of thumb is a third: nobody can take one for another."""
    other = read_head(npz(linear(last=1)), "b32.npz")
    assert isinstance(other, Head)
    row = row_of(scored(head(), np.ones((1, 4), np.float32), model_version="x")[0])
    assert row["method"] == method_of(head()) != method_of(other)
    assert guess(photograph("coffee"))["method"] == "aesthetic-heuristic"


def test_a_vector_of_no_numbers_is_no_score() -> None:
    """But a reason."""
    (found,) = scored(head(), np.full((1, 4), np.nan, np.float32), model_version="x")
    assert isinstance(found, ItemError)
    assert found.reason == "bad_vector"


@given(st.lists(st.lists(st.floats(-1e6, 1e6, width=32), min_size=4, max_size=4), min_size=1, max_size=20))
def test_whatever_the_vectors_scores_stay_in_bounds(vectors: list[list[float]]) -> None:
    """0 to 10, for zeros and giants too."""
    for result in scored(head(), np.array(vectors, np.float32), model_version="x"):
        assert 0 <= row_of(result)["score"] <= 10


def test_the_guess_knows_a_subject_from_clutter() -> None:
    """A bright spot on a third scores above the same in a corner, and both above noise and above nothing."""
    third, corner = Image.new("RGB", (320, 240), "black"), Image.new("RGB", (320, 240), "black")
    third.paste("white", (95, 68, 120, 92))
    corner.paste("white", (0, 0, 25, 24))
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (240, 320, 3), np.uint8))
    scores = [guess(picture)["score"] for picture in (third, corner, noise, Image.new("RGB", (320, 240), "grey"))]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4
    assert scores[-1] == 3.0  # quality alone: half of six


def test_the_guess_rises_with_quality() -> None:
    """And says what it is made of."""
    low, high = guess(photograph("coffee"), 20), guess(photograph("coffee"), 80)
    assert high["score"] - low["score"] == pytest.approx(3.6)
    assert sorted(high["parts"]) == ["clarity", "composition", "contrast", "placement", "quality"]


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**31), st.floats(0, 100), st.floats(0, 9))
def test_whatever_the_picture_a_guess_stays_in_bounds(
    width: int, height: int, seed: int, points: float, blur: float
) -> None:
    """One pixel, noise, blur: every part from 0 to 1, the score from 0 to 10."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    row = guess(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(blur)), points)
    assert 0 <= row["score"] <= 10
    assert all(0 <= part <= 1 for part in row["parts"].values())


@pytest.mark.parametrize("data", [b"", b"no picture", encoded(photograph("coffee"))[:2000]])
def test_what_is_no_picture_is_a_reason(data: bytes) -> None:
    """Empty, foreign or cut off: no score, and no crash."""
    with pytest.raises(ItemError, match="unreadable_picture"):
        composition(data)
