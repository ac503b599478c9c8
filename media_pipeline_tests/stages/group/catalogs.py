"""A catalog with pictures as if every earlier step had done them, for tests of what comes after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert

from media_pipeline.models import model_of
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.library import Library
from media_pipeline_tests.orchestration.steps import hashes_row, quality_row

PAGE = UUID(int=2**100)
OPEN = {"licence": "CC-BY-4.0", "licence_family": "cc-by", "licence_is_open": True}
OPEN |= {"allows_commercial": True, "allows_derivatives": True, "needs_attribution": True}


def fill(
    library: Library,
    phashes: Sequence[str],
    *,
    first: int = 1,
    vectors: NDArray[np.float32] | None = None,
    listing: Sequence[Mapping[str, Any]] = (),
    facts: Sequence[Mapping[str, Any]] = (),
) -> list[UUID]:
    """One picture for each hash, all with one vector unless told; `listing` and `facts` beside what all have."""
    settings = library.settings
    model = model_of(settings)
    same = np.eye(1, model.dims, dtype="<f4")
    own: dict[str, Any] = {"tenant": library.tenant}
    ids = [UUID(int=number) for number in range(first, first + len(phashes))]
    page_id = UUID(int=PAGE.int + first)
    page: dict[str, Any] = {"page_id": page_id, "source": "uploads", "partition": "uploads"}
    page |= {"blob_key": "p", "sha256": "0", "entry_count": len(ids)}
    listed: dict[str, Any] = {"page_id": page_id, "source": "uploads", "partition": "uploads"}
    listed |= {"edition": "", "original_url": "", "attribution": None}
    listed |= {"fallback_urls": [], "reported_by": "uploads", "is_obscured": False, "priority": 1} | OPEN
    media: dict[str, Any] = {"home_source": "uploads", "home_partition": "uploads", "kind": "image"}
    media |= {"content_type": "image/jpeg", "extension": "jpg", "size_bytes": 1}
    seen: dict[str, Any] = {"format": "JPEG", "width_px": 8, "height_px": 8, "orientation": 1, "title": None}
    seen |= {"color_mode": "RGB", "frame_count": 1, "creator": None, "keywords": [], "is_sensitive_place": False}
    seen |= {"latitude": None, "longitude": None}
    done: dict[str, Any] = {"partition": "uploads", "version": "1", "inputs": "", "status": "done"}
    done |= {"attempts": 1, "run_id": "test"}
    more = [*listing, *[{}] * (len(ids) - len(listing))]
    told = [*facts, *[{}] * (len(ids) - len(facts))]
    rows: dict[Any, list[dict[str, Any]]] = {
        tables.source_pages: [own | page],
        tables.source_listings: [
            own | listed | {"listing_id": one, "source_key": f"{one.int}.jpg", **extra}
            for one, extra in zip(ids, more, strict=True)
        ],
        tables.media: [
            own | media | {"media_id": one, "sha256": str(one), "public_code": f"CODE-{one.int}", "blob_key": str(one)}
            for one in ids
        ],
        tables.media_links: [own | {"listing_id": one, "media_id": one} for one in ids],
        tables.media_metadata: [own | seen | {"media_id": one, **extra} for one, extra in zip(ids, told, strict=True)],
        tables.hashes: [own | {"media_id": one} | hashes_row(phash) for one, phash in zip(ids, phashes, strict=True)],
        tables.quality: [own | {"media_id": one} | quality_row(80.0) for one in ids],
        tables.embeddings: [
            own
            | {
                "media_id": one,
                "model_version": model.version,
                "vector": (same[0] if vectors is None else vectors[place]).astype("<f4").tobytes(),
            }
            for place, one in enumerate(ids)
        ],
        tables.ledger: [
            own | done | {"output": name, "item_id": one} for name in ("hashes", "embeddings", "quality") for one in ids
        ],
    }
    with library.engine.begin() as connection:
        for table, new in rows.items():
            for start in range(0, len(new), 2_000):
                connection.execute(insert(table), new[start : start + 2_000])
    return ids


def turned(library: Library, angles: Sequence[float]) -> NDArray[np.float32]:
    """Vectors in one plane: the cosine of two is that of the angle between them."""
    model = model_of(library.settings)
    found = np.zeros((len(angles), model.dims), dtype=np.float32)
    found[:, 0], found[:, 1] = np.cos(angles), np.sin(angles)
    return found
