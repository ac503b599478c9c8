"""A file becomes a media: one row, whoever claims it, under a key that never changes."""

from __future__ import annotations

from uuid import UUID

from media_pipeline.stores.catalog.claims import blob_key


def test_an_original_never_moves() -> None:
    """Its key holds the source that stored it first, its id and its kind of file."""
    media = UUID("00000000-0000-0000-0000-00000000002a")
    assert blob_key("uploads", media, "jpg") == f"media/uploads/{media}/original.jpg"
