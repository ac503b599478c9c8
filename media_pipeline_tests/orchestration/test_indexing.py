"""The graph and the quantised vectors: put in force only if they find enough."""

from __future__ import annotations

from dataclasses import replace

import pytest

from media_pipeline.errors import VectorIndexError
from media_pipeline.orchestration.indexing import check, optimise
from media_pipeline.orchestration.work import EVERYWHERE, Run
from media_pipeline.stages.index.assets import project
from media_pipeline.stores.catalog import index_pointers
from media_pipeline.stores.catalog.index_pointers import Pointer
from media_pipeline.stores.catalog.locks import holding
from media_pipeline.stores.index.interface import Tuning
from media_pipeline.stores.index.store import EdgeStore
from media_pipeline.stores.library import Library
from media_pipeline_tests.shelves import held, shelve


@pytest.fixture
def graphed(library: Library) -> Library:
    """A library of 60 indexed media, few of which are enough for a graph."""
    tuning = Tuning(graph_from_kb=1, full_scan_kb=1)
    small = replace(library, index=EdgeStore(library.settings.home_path / "index" / library.tenant, tuning=tuning))
    shelve(small, range(60))
    project(Run(small, "test"))
    return small


def pointer(library: Library) -> Pointer:
    with library.engine.connect() as catalog:
        found = index_pointers.live_pointer(catalog, library.tenant)
    assert found is not None
    return found


def test_a_graph_is_built_once_and_kept_by_what_is_appended(graphed: Library) -> None:
    """With scalar quantisation; points that come later are searched without it."""
    before = pointer(graphed)
    assert (before.graph_count, before.quantisation) == (0, "none")
    built = optimise(Run(graphed, "test"), quantisation="scalar")
    assert built.outcome == "built"
    assert built.recall is not None
    assert built.recall >= 0.95
    assert (built.now.graph_count, built.now.point_count, built.now.quantisation) == (60, 60, "scalar")
    assert optimise(Run(graphed, "test"), quantisation="scalar").outcome == "nothing to do"

    shelve(graphed, [70])
    project(Run(graphed, "test"))
    after = pointer(graphed)
    assert (after.graph_count, after.point_count, after.quantisation) == (60, 61, "scalar")
    assert 70 in held(graphed)
    checked = check(graphed)
    assert checked.is_enough
    assert checked.sampled == 61


def test_what_finds_too_little_is_not_put_in_force(graphed: Library) -> None:
    """Binary vectors of drawn pictures: the former generation serves on, and the sentence says how little it was."""
    before = pointer(graphed)
    with pytest.raises(VectorIndexError, match=r"quantisation binary: recall@10 is 0\.[0-9]+ over 60 pictures"):
        optimise(Run(graphed, "test"), quantisation="binary")
    assert pointer(graphed) == before
    assert check(graphed).recall == 1.0


def test_a_graph_that_takes_too_long_is_not_put_in_force(graphed: Library) -> None:
    """Searches go on as before."""
    before = pointer(graphed)
    with pytest.raises(VectorIndexError, match="not built in 0 s; searches go on without it"):
        optimise(Run(graphed, "test"), quantisation="none", within_s=0.01)
    assert pointer(graphed) == before


def test_nobody_optimises_while_another_appends(graphed: Library) -> None:
    """The lock of the index stage is the lock of this."""
    with (
        holding(graphed.engine, [f"{graphed.tenant}/vector_index/{EVERYWHERE}"], holder="another run"),
        pytest.raises(VectorIndexError, match="another run is at work on the index"),
    ):
        optimise(Run(graphed, "test"), quantisation="none")


def test_an_empty_library_has_nothing_to_check(library: Library) -> None:
    """And says which command fills it."""
    with pytest.raises(VectorIndexError, match="nothing is indexed yet: `media-pipeline run`"):
        check(library)
