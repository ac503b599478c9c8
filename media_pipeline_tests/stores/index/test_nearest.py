"""The core of search, over small indexes of both engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media_pipeline.stores.index.edge import EdgeIndex
from media_pipeline.stores.index.filters import And, Eq, Filter, Ids, In, Not, Or, Range
from media_pipeline.stores.index.hashes import MAX_BANDED_BITS, bands, bits_apart
from media_pipeline.stores.index.interface import CROPS, GLOBAL, VectorIndex
from media_pipeline.stores.index.nearest import Asking, Gate, nearest, of_tenant, recall, vector_of
from media_pipeline.stores.index.points import Payload, Point, Vector

EAST = np.array([1, 0, 0, 0], np.float32)


def point(
    number: int, vector: list[float], tenant: str = "club", phash: str = "", crop: list[float] | None = None
) -> Point:
    said: Payload = {"tenant": tenant, "n": number}
    if phash:
        said = {**said, "phash": phash, "phash_bands": list(bands(phash))}
    crops = None if crop is None else np.array([crop], np.float32)
    return Point(UUID(int=number), np.array(vector, np.float32), said, crops)


def ids(index: VectorIndex, asking: Asking | None = None, *, vector: Vector = EAST, tenant: str = "club") -> list[int]:
    return [one.media_id.int for one in nearest(index, vector, tenant=tenant, asking=asking)]


def test_crops_are_merged_by_the_best_score_of_each_media(index: VectorIndex) -> None:
    """1 by its crop (1), 2 by the whole (.8, crop .6), 3 by the whole (.6); 4 by its crop (.96), only with crops."""
    index.upsert([point(1, [0, 1, 0, 0], crop=[1, 0, 0, 0]), point(2, [0.8, 0.6, 0, 0], crop=[0.6, 0.8, 0, 0])])
    index.upsert([point(3, [0.6, 0.8, 0, 0]), point(4, [-1, 0, 0, 0], crop=[0.96, 0.28, 0, 0])])
    found = nearest(index, EAST, tenant="club", asking=Asking(limit=3))
    assert [(one.media_id.int, one.by) for one in found] == [(1, CROPS), (4, CROPS), (2, GLOBAL)]
    assert [one.score for one in found] == pytest.approx([1, 0.96, 0.8], abs=1e-6)
    assert ids(index, Asking(vectors=(GLOBAL,))) == [2, 3, 1, 4]
    assert ids(index, Asking(vectors=(CROPS,))) == [1, 4, 2]


def test_equal_scores_come_in_the_order_of_ids(index: VectorIndex) -> None:
    """By whichever vector."""
    index.upsert(point(number, [1, 0, 0, 0], crop=[1, 0, 0, 0] if number % 2 else None) for number in range(20, 0, -1))
    assert ids(index, Asking(limit=7)) == [1, 2, 3, 4, 5, 6, 7]


def test_the_gate_lets_through_what_is_near_by_hash(index: VectorIndex) -> None:
    """Ranked by cosine all the same; a media without a hash does not pass; 0 bits is the same hash."""
    index.upsert([point(1, [1, 0, 0, 0], phash="00000000000000ff"), point(2, [0.8, 0.6, 0, 0], phash="0" * 16)])
    index.upsert([point(3, [0.9, 0.4, 0, 0]), point(4, [0, 1, 0, 0], phash="0000000000000007")])

    def gated(bits: int) -> list[int]:
        return ids(index, Asking(gate=Gate("0" * 16, bits)))

    assert gated(0) == [2]
    assert gated(3) == [2, 4]
    assert gated(7) == [2, 4]
    assert gated(8) == [1, 2, 4]
    assert [one.bits for one in nearest(index, EAST, tenant="club", asking=Asking(gate=Gate("0" * 16, 8)))] == [8, 0, 3]


def test_a_gate_that_few_pass_looks_further_than_the_limit(index: VectorIndex) -> None:
    """Sixty nearer pictures of other hashes stand before the two that pass."""
    index.upsert(point(number, [1, number / 1e4, 0, 0], phash="f" * 16) for number in range(1, 61))
    index.upsert(point(number, [0, 1, 0, 0], phash="000000000000ffff") for number in (98, 99))
    assert ids(index, Asking(limit=2, gate=Gate("0" * 16, 16))) == [98, 99]


@given(st.integers(0, 2**64 - 1), st.sets(st.integers(0, 63), max_size=MAX_BANDED_BITS))
def test_hashes_seven_bits_apart_share_a_band(bits: int, flipped: set[int]) -> None:
    """So a filter by bands misses nothing."""
    other = bits ^ sum(1 << place for place in flipped)
    one, two = f"{bits:016x}", f"{other:016x}"
    assert bits_apart(one, two) == len(flipped)
    assert set(bands(one)) & set(bands(two))


def test_a_lowest_score_and_what_is_left_out(index: VectorIndex) -> None:
    """`without` is for the media that is asked about."""
    index.upsert([point(1, [1, 0, 0, 0]), point(2, [0.8, 0.6, 0, 0]), point(3, [0.6, 0.8, 0, 0])])
    assert ids(index, Asking(min_score=0.7)) == [1, 2]
    assert ids(index, Asking(without=frozenset({UUID(int=1)}))) == [2, 3]
    assert ids(index, Asking(limit=1, min_score=0.99, without=frozenset({UUID(int=1)}))) == []


def test_a_search_without_tenant_or_limit_is_refused(index: VectorIndex) -> None:
    """The tenant has no default, and no empty one passes."""
    with pytest.raises(ValueError, match="without a tenant"):
        nearest(index, EAST, tenant="")
    with pytest.raises(TypeError):
        nearest(index, EAST)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="limit 0"):
        nearest(index, EAST, tenant="club", asking=Asking(limit=0))
    with pytest.raises(ValueError, match="65 bits"):
        Gate("0" * 16, 65)


def test_a_media_of_another_tenant_has_no_vector(index: VectorIndex) -> None:
    """As if it were not there."""
    index.upsert([point(1, [0, 1, 0, 0], tenant="club")])
    found = vector_of(index, UUID(int=1), tenant="club")
    assert found is not None
    assert found[0].tolist() == [0, 1, 0, 0]
    assert vector_of(index, UUID(int=1), tenant="public") is None
    assert vector_of(index, UUID(int=2), tenant="club") is None


def test_recall_is_counted_without_the_picture_itself(index: VectorIndex) -> None:
    """All are looked at, so all are found; of one picture alone there is nothing to find."""
    index.upsert([point(1, [1, 0, 0, 0])])
    assert recall(index, [(UUID(int=1), EAST)], tenant="club") is None
    index.upsert(point(number, [1, number, 0, 0]) for number in range(2, 30))
    assert recall(index, [(UUID(int=1), EAST), (UUID(int=99), EAST)], tenant="club") == 1.0
    assert recall(index, [(UUID(int=1), EAST)], tenant="nobody") is None


# 10,000 questions: 250 drawn filters, each asked 20 times by either tenant.
POINTS, ASKED = 60, 20


@pytest.fixture(scope="module")
def two_tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorIndex]:
    """One index, as on a server, with points of two tenants that differ in nothing else."""
    index = EdgeIndex(tmp_path_factory.mktemp("tenants") / "shard", name="both")
    index.ensure(4)
    drawn = np.random.default_rng(3)
    for number in range(POINTS):
        vector, crop = drawn.normal(size=(2, 4)).tolist()
        phash = f"{int(drawn.integers(0, 2**63)):016x}"
        # The even are the club's.
        index.upsert([point(number + 1, vector, "public" if number % 2 == 0 else "club", phash, crop)])
    yield index
    index.close()


WORDS: st.SearchStrategy[Filter] = st.recursive(
    st.one_of(
        st.builds(Eq, st.just("tenant"), st.sampled_from(["club", "public", "nobody"])),
        st.builds(In, st.just("tenant"), st.just(("club", "public"))),
        st.builds(Eq, st.just("n"), st.integers(0, POINTS)),
        st.builds(Range, st.just("n"), gte=st.integers(0, POINTS)),
        st.builds(Ids, st.frozensets(st.integers(1, POINTS).map(lambda number: UUID(int=number)), max_size=5)),
        st.just(And(())),
        st.just(Or(())),
    ),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    where=st.none() | WORDS, limit=st.integers(1, 80), gate=st.none() | st.integers(0, 64), seed=st.integers(0, 2**32)
)
def test_no_question_gives_a_tenant_what_is_anothers(
    two_tenants: VectorIndex, where: Filter | None, limit: int, gate: int | None, seed: int
) -> None:
    """10,000 of them: any filter, also one that asks for the other tenant outright, by whole, crop, hash and id."""
    queries = np.random.default_rng(seed).normal(size=(ASKED, 4)).astype(np.float32)
    asking = Asking(limit, where, None if gate is None else Gate("0123456789abcdef", gate))
    for tenant, parity in (("club", 0), ("public", 1)):
        for query in queries:
            assert all(one % 2 == parity for one in ids(two_tenants, asking, vector=query, tenant=tenant))
        assert two_tenants.count(of_tenant(tenant, where)) <= POINTS // 2
        for number in (seed % POINTS + 1, (seed + 1) % POINTS + 1):
            found = vector_of(two_tenants, UUID(int=number), tenant=tenant)
            assert (found is not None) == (number % 2 == parity)


def test_a_tenant_finds_all_that_is_its_own(two_tenants: VectorIndex) -> None:
    """The filter hides nothing else."""
    assert sorted(ids(two_tenants, Asking(limit=POINTS))) == list(range(2, POINTS + 1, 2))
    assert sorted(ids(two_tenants, Asking(limit=POINTS), tenant="public")) == list(range(1, POINTS + 1, 2))


def test_the_folder_of_the_index_is_of_no_matter(tmp_path: Path) -> None:
    """A point without a tenant belongs to nobody."""
    index = EdgeIndex(tmp_path / "shard", name="x")
    index.ensure(4, ())
    index.upsert([Point(UUID(int=1), EAST, {})])
    assert nearest(index, EAST, tenant="club") == []
    assert vector_of(index, UUID(int=1), tenant="club") is None
    index.close()
