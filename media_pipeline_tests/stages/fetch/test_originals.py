"""Which files are accepted, and under which key they stay."""

from __future__ import annotations

import hashlib
from uuid import UUID

import pytest

from media_pipeline.errors import FetchError
from media_pipeline.stages.fetch.originals import accepted, blob_key

JPEG = b"\xff\xd8\xff\xe0" + b"x" * 100


def test_a_picture_is_accepted_with_its_digest() -> None:
    """Whatever its name says."""
    original = accepted(JPEG, max_bytes=104)
    assert original.sha256 == hashlib.sha256(JPEG).hexdigest()
    assert original.type.extension == "jpg"


@pytest.mark.parametrize(
    ("data", "limit", "reason"),
    [(b"", 10, "empty"), (JPEG, 103, "too_large"), (b"plain text, longer than its head", 100, "not_media")],
)
def test_a_refusal_has_a_reason(data: bytes, limit: int, reason: str) -> None:
    """Nothing is dropped without a word."""
    with pytest.raises(FetchError) as refused:
        accepted(data, max_bytes=limit)
    assert refused.value.reason == reason
    assert refused.value.detail


def test_an_original_never_moves() -> None:
    """Its key holds the source that stored it first, its id and its kind of file."""
    media = UUID("00000000-0000-0000-0000-00000000002a")
    assert blob_key("uploads", media, "jpg") == f"media/uploads/{media}/original.jpg"
