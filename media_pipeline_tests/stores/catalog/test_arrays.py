"""Vectors of the catalog as arrays: in order, and what is broken is near nothing."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import update

from media_pipeline.models import model_of
from media_pipeline.stores.catalog import arrays, tables
from media_pipeline.stores.catalog.vectors import matrix_of
from media_pipeline.stores.library import Library
from media_pipeline_tests.shelves import media_of, shelve, vector_of


@pytest.mark.parametrize("page", [2, 5000])
def test_vectors_are_rows_in_order_and_broken_ones_are_zeros(
    library: Library, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """Cut off in the middle of a number, and with a NaN in it; another model's are left out."""
    monkeypatch.setattr(arrays, "ROWS_AT_A_TIME", page)
    version = model_of(library.settings).version
    shelve(library, [1, 2, 3, 4])
    shelve(library, [5], version="another")
    vectors, nan = tables.embeddings, np.full(512, np.nan, "<f4").tobytes()
    with library.engine.begin() as catalog:
        for number, wrong in ((2, b"\0" * 13), (3, nan)):
            catalog.execute(update(vectors).where(vectors.c.media_id == media_of(number)).values(vector=wrong))
    zeros = np.zeros(512, np.float32)
    expected = {1: vector_of(1), 2: zeros, 3: zeros, 4: vector_of(4)}
    with library.engine.connect() as catalog:
        ids, found = arrays.all_vectors(catalog, library.tenant, model_version=version, dims=512)
        assert ids == sorted(map(media_of, expected))
        assert {id_: row.tolist() for id_, row in zip(ids, found, strict=True)} == {
            media_of(number): row.tolist() for number, row in expected.items()
        }
        asked = [media_of(number) for number in (4, 5, 1, 2, 77)]
        some = arrays.vectors_of(catalog, library.tenant, asked, model_version=version, dims=512)
    assert some.tolist() == [vector_of(4).tolist(), [0] * 512, vector_of(1).tolist(), [0] * 512, [0] * 512]


def test_no_rows_are_an_array_all_the_same() -> None:
    """Also of a model that does not know yet how long its vectors are."""
    assert matrix_of([], 3).shape == (0, 3)
    assert matrix_of([], 0).shape == (0, 0)
