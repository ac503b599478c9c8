"""Search as people ask for it, over a small library."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import delete, insert, update

from media_pipeline.errors import ConfigError, MediaProcessingError, VectorIndexError
from media_pipeline.models import model_of
from media_pipeline.operations import searching as operations
from media_pipeline.operations.searching import Query, Searching, open_searching
from media_pipeline.orchestration.work import Run
from media_pipeline.samples.files import jpeg
from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.embed import assets as embed
from media_pipeline.stages.index.assets import project
from media_pipeline.stores.catalog import index_pointers, tables
from media_pipeline.stores.index.filters import Eq
from media_pipeline.stores.index.nearest import Asking
from media_pipeline.stores.library import Library
from media_pipeline_tests.shelves import media_of, settle, shelve, vector_of

PICTURE = 7


@pytest.fixture
def searching(library: Library) -> Iterator[Searching]:
    """Ten media; the seventh has the vector of a photograph."""
    shelve(library, range(10))
    with library.engine.begin() as catalog:
        rows = tables.embeddings
        vector = model_of(library.settings).embed(jpeg(photograph("coffee"), 90))
        own = rows.c.media_id == media_of(PICTURE)
        catalog.execute(update(rows).where(own).values(vector=vector.tobytes()))
    project(Run(library, "test"))
    with open_searching(library) as opened:
        yield opened


def numbers(searching: Searching, query: Query, asking: Asking | None = None, *, tenant: str = "public") -> list[int]:
    named = {media_of(number): number for number in range(100)}
    return [named[one.media_id] for one in searching.find(query, tenant=tenant, asking=asking)]


def test_a_picture_finds_its_own_kind(searching: Searching) -> None:
    """The same photograph, encoded otherwise: nearly the same vector, and all of the others behind it."""
    query = searching.by_image(jpeg(photograph("coffee"), 60), tenant="public")
    found = searching.find(query, tenant="public")
    assert found[0].media_id == media_of(PICTURE)
    assert found[0].score > 0.97
    assert len(found) == 10
    assert query.phash is not None


def test_a_media_finds_others_by_code_or_id(searching: Searching) -> None:
    """Not itself."""
    for named in ("code-3", "CODE-3", str(media_of(3))):
        found = numbers(searching, searching.by_media(named, tenant="public"))
        assert sorted(found) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    by_numpy = sorted(
        (n for n in range(10) if n not in (3, PICTURE)), key=lambda n: -float(vector_of(n) @ vector_of(3))
    )
    assert [n for n in found if n != PICTURE] == by_numpy
    limited = numbers(
        searching, searching.by_media("CODE-3", tenant="public"), Asking(limit=2, where=Eq("kind", "image"))
    )
    assert limited == found[:2]


def test_words_need_a_model_that_knows_them(searching: Searching) -> None:
    """The descriptor knows looks, not meaning."""
    with pytest.raises(ConfigError, match="text search needs a CLIP model: set MEDIA_MODEL"):
        searching.by_text("a red mushroom", tenant="public")
    with pytest.raises(ConfigError, match="give some words"):
        searching.by_text("  ", tenant="public")


def test_what_cannot_be_looked_for_is_said(searching: Searching) -> None:
    """An unknown code, a file that is no picture, a gate without a hash, a media without a vector."""
    for named in ("MYCO-IMG-NOPE", str(uuid4()), ""):
        with pytest.raises(ConfigError, match="no media of this library has this code or id"):
            searching.by_media(named, tenant="public")
    with pytest.raises(MediaProcessingError):
        searching.by_image(b"not a picture", tenant="public")
    query = Query(vector_of(1))
    with pytest.raises(ConfigError, match="needs a perceptual hash"):
        searching.find(query, tenant="public", max_bits=6)
    shelve(searching.library, [20])
    with pytest.raises(ConfigError, match="no vector in the live index"):
        searching.by_media("CODE-20", tenant="public")


def test_the_gate_is_by_the_hash_of_what_is_looked_for(searching: Searching) -> None:
    """Two media have hashes, one of them near the first."""
    library = searching.library
    with library.engine.begin() as catalog:
        for number, phash in ((1, "0" * 16), (2, "0" * 15 + "7"), (3, "f" * 16)):
            others = {"dhash": "0" * 16, "ahash": "0" * 16, "whash": "0" * 16}
            row = {"tenant": "public", "media_id": media_of(number), "phash": phash, **others}
            catalog.execute(insert(tables.hashes).values(row))
    settle(library, [1, 2, 3], "hashes")
    project(Run(library, "test"))
    query = searching.by_media("CODE-1", tenant="public")
    (found,) = searching.find(query, tenant="public", max_bits=3)
    assert (found.media_id, found.bits) == (media_of(2), 3)
    assert searching.find(query, tenant="public", max_bits=2) == []


def test_a_search_follows_the_pointer(searching: Searching) -> None:
    """What is indexed later is found, and what was deleted is not, even before the index knows."""
    query = Query(vector_of(30))
    assert 30 not in numbers(searching, query)
    shelve(searching.library, [30])
    project(Run(searching.library, "test"))
    assert numbers(searching, query)[0] == 30
    with searching.library.engine.begin() as catalog:
        catalog.execute(delete(tables.media_links).where(tables.media_links.c.media_id == media_of(30)))
        catalog.execute(delete(tables.media).where(tables.media.c.media_id == media_of(30)))
    assert 30 not in numbers(searching, query)


def test_another_tenant_finds_nothing_here(searching: Searching) -> None:
    """Neither by vector nor by the code of what it does not own."""
    with pytest.raises(VectorIndexError, match="nothing is indexed yet"):
        searching.find(Query(vector_of(1)), tenant="club")
    with pytest.raises(ConfigError, match="no media of this library"):
        searching.by_media("CODE-1", tenant="club")


def test_a_picture_is_not_compared_with_another_models_vectors(searching: Searching) -> None:
    """While a former version is live; its own media can still be looked for."""
    library = searching.library
    with library.index.append("former-1", None, dims=4) as writer:
        pass
    with library.engine.begin() as catalog:
        index_pointers.publish(catalog, "public", was=None, pointer=("former-1", writer.name, 0))
        index_pointers.make_live(catalog, "public", "former-1")
    with pytest.raises(ConfigError, match="the live index holds vectors of former-1"):
        searching.by_image(jpeg(photograph("coffee"), 60), tenant="public")


def test_a_file_is_embedded_by_the_rule_of_the_stage() -> None:
    """The picture of 1280 px where that of 640 is too thin."""
    assert operations.LEAST_PX == embed.LEAST_PX


def test_ids_are_those_of_the_catalog(searching: Searching) -> None:
    """A payload carries the code and the ULID that people see."""
    found = searching.find(Query(np.asarray(vector_of(4))), tenant="public")[0]
    assert isinstance(found.media_id, UUID)
    assert found.payload["public_code"] == "CODE-4"
    assert found.payload["licence"] == "CC-BY-4.0"
