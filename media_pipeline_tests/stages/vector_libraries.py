"""Libraries of nothing but vectors: media as if every step up to embed had done them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Table, delete, insert
from sqlalchemy.dialects.postgresql import insert as upsert

from media_pipeline.models import model_named
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.library import Library
from media_pipeline_tests.orchestration.steps import add_media

PAGE = UUID(int=1)


def directions(seed: int, count: int) -> NDArray[np.float32]:
    """So many unlike pictures of the model of 512 numbers: cosines below .3."""
    drawn = np.random.default_rng(seed).standard_normal((count, 512))
    return _of_length_1(drawn)


def near(vector: Any, seed: int, count: int, *, far: float = 0.4) -> NDArray[np.float32]:
    """So many pictures like this one: cosine about .93 to it, .86 to each other."""
    return _of_length_1(vector + far * directions(seed, count))


def _of_length_1(rows: Any) -> NDArray[np.float32]:
    found: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return found


def fill(library: Library, vectors: Any, *, first: int = 0, subject: str | None = None) -> list[UUID]:
    """One media, with one listing, for each vector; their ids in the order of the vectors."""
    model = model_named(library.settings.model, weights=library.settings.model_weights)
    ids = add_media(library, len(vectors), first=first)
    own: dict[str, Any] = {"tenant": library.tenant}
    page = own | {"page_id": PAGE, "source": "uploads", "partition": "uploads", "blob_key": "p", "sha256": "0"}
    listing = own | {"page_id": PAGE, "source": "uploads", "partition": "uploads", "edition": "", "original_url": ""}
    listing |= {"fallback_urls": [], "licence": "own", "licence_family": "own", "licence_is_open": False}
    listing |= {"reported_by": "uploads", "allows_commercial": False, "allows_derivatives": False, "priority": 1}
    listing |= {"needs_attribution": True, "is_obscured": False, "subject_id": subject}
    looked_for = own | {"subject_id": subject, "kind": "taxon", "name": subject, "synonyms": [], "lists": []}
    looked_for |= {"is_rare": False, "source_ids": {}, "options": {}, "origin": "command", "is_active": True}
    with library.engine.begin() as connection:
        connection.execute(upsert(tables.source_pages).on_conflict_do_nothing(), [page | {"entry_count": 1}])
        if subject is not None:
            connection.execute(upsert(tables.subjects).on_conflict_do_nothing(), [looked_for])
        connection.execute(
            insert(tables.source_listings), [listing | {"listing_id": one, "source_key": str(one)} for one in ids]
        )
        links = upsert(tables.media_links).on_conflict_do_nothing()
        connection.execute(links, [own | {"listing_id": one, "media_id": one} for one in ids])
    embed(library, ids, vectors, version=model.version)
    return ids


def embed(library: Library, ids: Sequence[UUID], vectors: Any, *, version: str | None = None, inputs: str = "") -> None:
    """These vectors, in place of those that there are; `inputs` other than before makes what follows due again."""
    version = version or model_named(library.settings.model, weights=library.settings.model_weights).version
    own = {"tenant": library.tenant}
    rows, ledger = tables.embeddings, tables.ledger
    done = own | {"partition": "uploads", "version": "1", "inputs": inputs, "status": "done", "attempts": 1}
    with library.engine.begin() as connection:
        connection.execute(delete(rows).where(rows.c.media_id.in_(ids)))
        connection.execute(
            insert(rows),
            [
                own | {"media_id": one, "model_version": version, "vector": vector.astype("<f4").tobytes()}
                for one, vector in zip(ids, vectors, strict=True)
            ],
        )
        connection.execute(delete(ledger).where(ledger.c.item_id.in_(ids), ledger.c.output == "embeddings"))
        connection.execute(
            insert(ledger), [done | {"run_id": "test", "output": "embeddings", "item_id": one} for one in ids]
        )


def draw_sound(library: Library, *, sound: UUID, waveform: UUID) -> None:
    """The one is the drawing of the other, and offered by nothing but it."""
    row = {"tenant": library.tenant, "media_id": sound, "waveform_media_id": waveform, "width_px": 8, "height_px": 8}
    _made_of(library, tables.audio_waveforms, row, made=waveform)


def cut_frame(library: Library, *, video: UUID, frame: UUID, place: int = 0) -> None:
    """The one is a frame of the other, and offered by nothing but it."""
    row = {"tenant": library.tenant, "media_id": video, "frame_media_id": frame, "place": place, "offset_s": 0.0}
    _made_of(
        library, tables.video_frames, row | {"shot": 0, "is_poster": True, "width_px": 8, "height_px": 8}, made=frame
    )


def _made_of(library: Library, table: Table, row: dict[str, Any], *, made: UUID) -> None:
    links = tables.media_links
    with library.engine.begin() as connection:
        connection.execute(delete(links).where(links.c.media_id == made))
        connection.execute(insert(table), [row])
