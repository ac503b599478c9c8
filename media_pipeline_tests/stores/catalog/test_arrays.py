"""Vectors as one array: all of them, in order, and nothing that is no vector."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import update

from media_pipeline.models import model_of
from media_pipeline.stores.catalog import arrays, tables
from media_pipeline.stores.catalog.arrays import all_vectors, vectors_of
from media_pipeline.stores.catalog.vectors import matrix_of
from media_pipeline.stores.library import Library
from media_pipeline_tests.stages.vector_libraries import directions, fill


@pytest.mark.parametrize("block_bytes", [1, 2_074, 5_000, 2**24])
def test_every_vector_is_read_however_the_blocks_fall(
    library: Library, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    """Bit for bit; in order of id, or in the order in which they are asked for."""
    monkeypatch.setattr(arrays, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(arrays, "IDS_AT_A_TIME", 3)
    vectors = directions(1, 7)
    ids = fill(library, vectors)
    version = model_of(library.settings).version
    with library.engine.connect() as connection:
        found, read = all_vectors(connection, library.tenant, model_version=version, dims=512)
        assert found == ids
        assert read.tolist() == vectors.tolist()
        unknown = UUID(int=7)
        asked = vectors_of(connection, library.tenant, [ids[6], unknown, *ids[:4]], model_version=version, dims=512)
        assert asked.tolist() == [vectors[6].tolist(), [0.0] * 512, *vectors[:4].tolist()]
        assert vectors_of(connection, library.tenant, [], model_version=version, dims=512).shape == (0, 512)


def test_what_is_no_vector_is_near_nothing(library: Library) -> None:
    """One too short, one with a number that is none; and those of another model or tenant are not seen."""
    ids = fill(library, directions(1, 3))
    broken = directions(2, 1)
    broken[0, 5] = np.nan
    own = tables.embeddings
    with library.engine.begin() as connection:
        connection.execute(update(own).where(own.c.media_id == ids[0]).values(vector=b"\0" * 12))
        connection.execute(update(own).where(own.c.media_id == ids[1]).values(vector=broken.tobytes()))
        version = model_of(library.settings).version
        read = vectors_of(connection, library.tenant, ids, model_version=version, dims=512)
        assert read.any(axis=1).tolist() == [False, False, True]
        found, vectors = all_vectors(connection, library.tenant, model_version=version, dims=512)
        assert found == ids[1:]
        assert np.isfinite(vectors).all()
        assert all_vectors(connection, library.tenant, model_version="another", dims=512)[0] == []
        assert all_vectors(connection, "another", model_version=version, dims=512)[1].shape == (0, 512)


def test_no_rows_are_an_array_all_the_same() -> None:
    """Also of a model that does not know yet how long its vectors are."""
    assert matrix_of([], 3).shape == (0, 3)
    assert matrix_of([], 0).shape == (0, 0)
