"""The groups of a whole library: what is written of many files of one picture, and that it is written once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import func, insert, select

from media_pipeline.models import model_of
from media_pipeline.orchestration.work import Run
from media_pipeline.stages.group.assets import ROWS_AT_A_TIME, regroup
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.library import Library
from media_pipeline_tests.orchestration.steps import hashes_row

PAGE = UUID(int=1)


def _fill(library: Library, phashes: Sequence[str]) -> None:
    """One picture for each hash, all with one vector, as if every earlier step had done them."""
    settings = library.settings
    model = model_of(settings)
    vector = np.eye(1, model.dims, dtype="<f4").tobytes()
    own: dict[str, Any] = {"tenant": library.tenant}
    ids = [UUID(int=number) for number in range(1, len(phashes) + 1)]
    page: dict[str, Any] = {"page_id": PAGE, "source": "uploads", "partition": "uploads"}
    page |= {"blob_key": "p", "sha256": "0", "entry_count": len(ids)}
    listing: dict[str, Any] = {"page_id": PAGE, "source": "uploads", "partition": "uploads"}
    listing |= {"edition": "", "original_url": ""}
    listing |= {"fallback_urls": [], "licence": "own", "licence_family": "own", "licence_is_open": False}
    listing |= {"reported_by": "uploads", "allows_commercial": False, "allows_derivatives": False}
    listing |= {"needs_attribution": True, "is_obscured": False, "priority": 1}
    media: dict[str, Any] = {"home_source": "uploads", "home_partition": "uploads", "kind": "image"}
    media |= {"content_type": "image/jpeg", "extension": "jpg", "size_bytes": 1}
    facts: dict[str, Any] = {"format": "JPEG", "width_px": 8, "height_px": 8, "orientation": 1}
    facts |= {"color_mode": "RGB", "frame_count": 1}
    done: dict[str, Any] = {"partition": "uploads", "version": "1", "inputs": "", "status": "done"}
    done |= {"attempts": 1, "run_id": "test"}
    rows: dict[Any, list[dict[str, Any]]] = {
        tables.source_pages: [own | page],
        tables.source_listings: [own | listing | {"listing_id": one, "source_key": str(one)} for one in ids],
        tables.media: [
            own | media | {"media_id": one, "sha256": str(one), "public_code": str(one), "blob_key": str(one)}
            for one in ids
        ],
        tables.media_links: [own | {"listing_id": one, "media_id": one} for one in ids],
        tables.media_metadata: [own | facts | {"media_id": one} for one in ids],
        tables.hashes: [own | {"media_id": one} | hashes_row(phash) for one, phash in zip(ids, phashes, strict=True)],
        tables.embeddings: [own | {"media_id": one, "model_version": model.version, "vector": vector} for one in ids],
        tables.ledger: [
            own | done | {"output": name, "item_id": one} for name in ("hashes", "embeddings") for one in ids
        ],
    }
    with library.engine.begin() as connection:
        for table, new in rows.items():
            for start in range(0, len(new), 2_000):
                connection.execute(insert(table), new[start : start + 2_000])


def test_thousands_of_files_of_one_picture_are_one_group_of_as_many_rows(library: Library) -> None:
    """More than are read or written at a time; each member is compared with the keeper alone. A picture whose hash is
    alone is in no group, though its vector is that of the others."""
    copies = ROWS_AT_A_TIME + 100
    _fill(library, ["0000000000000000"] * copies + ["ffffffffffffffff"])
    report = regroup(Run(library, "test"))
    assert report.of("duplicate_groups") == {("done", ""): copies + 1}
    groups, similar = tables.duplicate_groups, tables.similarities
    with library.engine.connect() as connection:
        (group,) = connection.execute(select(groups)).all()
        assert (group.keeper_media_id, group.media_count, group.file_count) == (UUID(int=1), copies, copies)
        counted = select(func.count(), func.min(similar.c.phash_distance), func.max(similar.c.phash_distance))
        assert connection.execute(counted.where(similar.c.media_a == UUID(int=1))).one() == (copies - 1, 0, 0)
        assert connection.scalar(select(func.count()).select_from(similar)) == copies - 1
        assert connection.scalar(select(func.count()).select_from(tables.duplicate_members)) == copies
    assert regroup(Run(library, "again")).of("duplicate_groups") == {}


def test_a_chain_is_written_as_its_stars(library: Library) -> None:
    """The lower id first in each pair, with the bits between member and keeper; another media is no part of it."""
    _fill(library, ["0000000000000000", "000000000000003f", "0000000000000fff", "00000000ffff0000"])
    regroup(Run(library, "test"))
    similar = tables.similarities
    columns = (similar.c.media_a, similar.c.media_b, similar.c.phash_distance, similar.c.cosine)
    with library.engine.connect() as connection:
        assert connection.execute(select(*columns)).all() == [(UUID(int=1), UUID(int=2), 6, 1.0)]


def test_a_library_without_pictures_has_no_groups(library: Library) -> None:
    """Nothing is due, and nothing breaks."""
    assert regroup(Run(library, "test")).of("duplicate_groups") == {}
