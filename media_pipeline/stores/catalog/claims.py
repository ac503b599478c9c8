"""How a file becomes a media: its row is claimed before its blob is put.

Whoever stores the same bytes first names the source whose partition is its home, and with it the blob's key; everybody
else reads both back. A claim that nothing comes of is found again by the next run, and shown by nothing meanwhile.
What is not here: who claims (stages/fetch, stages/unpack), and what says that a media is there (links, frames).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, Row, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from media_pipeline.errors import CatalogError
from media_pipeline.stores.catalog.tables import media

# Once, because building them takes longer than running them.
_WINNER = (media.c.media_id, media.c.blob_key)
_CLAIM = insert(media).on_conflict_do_nothing().returning(*_WINNER)
_CLAIMED = select(*_WINNER).where(media.c.tenant == bindparam("of_tenant"), media.c.media_id == bindparam("of_media"))


def claimed(engine: Engine, row: Mapping[str, Any], *, codes: Sequence[str]) -> Row[Any]:
    """`media_id` and `blob_key` of the media that has these bytes: ours, or that of who came first.

    `codes` are its public codes in the order in which they are tried.
    """
    # Each statement by itself: one way to the database in place of three.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for code in codes:
            # No conflict target: either the file is known, or another file has this code and the next is tried.
            claim = connection.execute(_CLAIM, {"parent_media_id": None, "offset_s": None, **row, "public_code": code})
            known = {"of_tenant": row["tenant"], "of_media": row["media_id"]}
            if winner := claim.one_or_none() or connection.execute(_CLAIMED, known).one_or_none():
                return winner
    raise CatalogError(f"media {row['media_id']}: each of its codes {codes} belongs to another file")


def blob_key(source: str, media_id: object, extension: str) -> str:
    """Originals never move: the key holds nothing that may change."""
    return f"media/{source}/{media_id}/original.{extension}"
