"""What formats and addresses say of files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.sources.photo_files import content_type_of, photo_and_length, why_no_photo


@pytest.mark.parametrize(
    ("told", "content_type"),
    [
        ("image/jpeg", "image/jpeg"),
        ("IMAGE/JPG; q=1", "image/jpeg"),
        ("png", "image/png"),
        ("image/svg+xml", None),
        ("audio/mpeg", None),
        (None, None),
    ],
)
def test_the_type_is_one_of_a_picture_or_none(told: str | None, content_type: str | None) -> None:
    """Spelt in one way."""
    assert content_type_of(told) == content_type


def test_a_source_s_word_is_enough_where_nothing_speaks_against_it() -> None:
    """Without it the name must be a photo's."""
    assert why_no_photo(None, "https://a.org/get?id=1", is_still=True) is None
    assert why_no_photo(None, "https://a.org/get?id=1", is_still=False) is not None
    assert why_no_photo(None, "https://a.org/1.JPG", is_still=False) is None
    assert why_no_photo(None, "https://a.org/1.PDF", is_still=True) == "a file that ends in /1.pdf"
    assert why_no_photo("text/html", "https://a.org/1.jpg", is_still=True) == "format text/html"


@pytest.mark.parametrize(
    ("url", "photo", "length"),
    [
        ("https://a.org/1.jpg", "//a.org/1.jpg", 1_000_000),
        ("http://a.org/1_TN.jpg", "//a.org/1.jpg", 100),
        ("https://a.org/thumbs/500x300/1.jpg", "//a.org/*/*/1.jpg", 100),
        ("https://a.org/p/large.jpg?1", "//a.org/p/.jpg?1", 2_000_000),
        ("https://a.org/1.jpg?id=2&width=640", "//a.org/1.jpg?id=2", 640),
        ("https://a.org/small_fungus.jpg", "//a.org/small_fungus.jpg", 1_000_000),
        ("https://a.org/ſmall.jpg", "//a.org/ſmall.jpg", 1_000_000),
    ],
)
def test_a_word_for_a_size_is_no_part_of_the_photo(url: str, photo: str, length: int) -> None:
    """Only where it stands for itself."""
    assert photo_and_length(url) == (photo, length)


@given(st.text(), st.sampled_from(["small", "medium", "large", "original"]))
def test_any_address_has_a_photo_and_a_length(words: str, size: str) -> None:
    """And a folder with a word for a size is left out, whatever is around it."""
    _, length = photo_and_length(f"https://a.org/{words}")
    assert length >= 0
    photo, _ = photo_and_length(f"https://a.org/{size}/{words}")
    assert photo.startswith("//a.org/*/")
