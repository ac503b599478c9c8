"""A file becomes a media: one row, whoever claims it, under a key that never changes."""

from __future__ import annotations

from uuid import UUID

from media_pipeline.stores.catalog.claims import blob_key
from media_pipeline.stores.catalog.tables import metadata


def test_an_original_never_moves() -> None:
    """Its key holds the source that stored it first, its id and its kind of file."""
    media = UUID("00000000-0000-0000-0000-00000000002a")
    assert blob_key("uploads", media, "jpg") == f"media/uploads/{media}/original.jpg"


# What holds a media: a listing that links to it, and what it was made of. Rows of these are removed before it is.
HOLDERS = {"parent_media_id", "frame_media_id", "waveform_media_id"}


def test_all_that_is_known_of_a_media_goes_with_it() -> None:
    """A frame that is no longer chosen could not be removed while any other table points to it."""
    holding = {
        (table.name, key.column_keys[-1])
        for table in metadata.tables.values()
        for key in table.foreign_key_constraints
        if key.referred_table.name == "media" and key.ondelete != "CASCADE"
    }
    assert {name for name, column in holding if column not in HOLDERS} == {"media_links"}
