"""What every engine must do, in the same words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import pytest

from media_pipeline.errors import VectorIndexError
from media_pipeline.stores.index.filters import And, Eq, Filter, GeoRadius, Ids, In, Not, Or, Range
from media_pipeline.stores.index.interface import CROPS, Manner, PayloadIndex, VectorIndex
from media_pipeline.stores.index.points import Payload, Point
from media_pipeline_tests.stores.index.conftest import ENGINES, NewIndex, engine


def point(number: int, vector: list[float], payload: Payload | None = None) -> Point:
    return Point(UUID(int=number), np.array(vector, np.float32), payload or {})


def numbers(index: VectorIndex, where: Filter | None = None) -> list[int]:
    return [found.id.int for found in index.scroll(None, 100, where=where)]


# Five photos. Places lie north of Zurich: a hundredth of a degree of latitude is 1,112 m.
PHOTOS = [
    point(
        1,
        [1, 0, 0, 0],
        {
            "tenant": "public",
            "source": "inaturalist",
            "tags": ["cap", "gills"],
            "width_px": 100,
            "quality": 0.25,
            "created_at": "2024-01-01T00:00:00Z",
            "place": {"lat": 47.37, "lon": 8.54},
        },
    ),
    point(
        2,
        [0.8, 0.6, 0, 0],
        {
            "tenant": "public",
            "source": "flickr",
            "tags": ["cap"],
            "width_px": 200,
            "quality": 0.5,
            "created_at": "2024-01-02T12:00:00.5Z",
            "place": {"lat": 47.38, "lon": 8.54},
        },
    ),
    point(
        3,
        [0.6, 0.8, 0, 0],
        {
            "tenant": "club",
            "source": "inaturalist",
            "tags": [],
            "width_px": 300,
            "quality": 0.75,
            "created_at": "2024-01-03T00:00:00+02:00",
            "place": {"lat": 47.39, "lon": 8.54},
        },
    ),
    point(4, [0, 1, 0, 0], {"tenant": "club", "source": "gbif", "width_px": 400, "quality": 1}),
    point(5, [-1, 0, 0, 0], {"tenant": "public"}),
]


@pytest.fixture(scope="module", params=ENGINES)
def photos_to_read(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorIndex]:
    """The photos once for all filters, with every payload index there is."""
    with engine(request.param, tmp_path_factory.mktemp("photos")) as make:
        index = make()
        index.ensure(4)
        index.upsert(PHOTOS)
        yield index


@pytest.fixture
def photos(index: VectorIndex) -> VectorIndex:
    index.upsert(PHOTOS)
    return index


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2024, 1, number, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Eq("source", "inaturalist"), [1, 3]),
        (Eq("source", "nowhere"), []),
        (Eq("tags", "gills"), [1]),
        (Eq("width_px", 300), [3]),
        (In("source", ("flickr", "gbif")), [2, 4]),
        (In("width_px", (100, 400, 7)), [1, 4]),
        (In("source", ()), []),
        (Range("quality", gte=0.25, lt=0.75), [1, 2]),
        (Range("quality", gt=0.25, lte=0.75), [2, 3]),
        (Range("quality", gte=1), [4]),
        (Range("width_px", gt=150.5), [2, 3, 4]),
        (Range("created_at", gte=day(2)), [2, 3]),
        # 00:00 at +02:00 on the third is 22:00 on the second.
        (Range("created_at", gte=day(2, 13), lt=day(3)), [3]),
        (Range("created_at", gt=datetime(2024, 1, 2, 12, 0, 0, 500_000, tzinfo=UTC)), [3]),
        (Range("created_at", gte=datetime(2024, 1, 2, 12, 0, 0, 500_000, tzinfo=UTC)), [2, 3]),
        (Range("created_at", lte=day(1)), [1]),
        (GeoRadius("place", 47.37, 8.54, 1200.0), [1, 2]),
        (GeoRadius("place", 47.37, 8.54, 1000.0), [1]),
        (GeoRadius("place", -47.37, 8.54, 1000.0), []),
        (Ids(frozenset({UUID(int=2), UUID(int=5), UUID(int=99)})), [2, 5]),
        (Ids(frozenset()), []),
        (And((Eq("tenant", "public"), Eq("source", "inaturalist"))), [1]),
        (And(()), [1, 2, 3, 4, 5]),
        (Or((Eq("source", "flickr"), Range("quality", gte=0.9))), [2, 4]),
        (Or(()), []),
        (Not(Eq("tenant", "public")), [3, 4]),
        (Not(Eq("source", "inaturalist")), [2, 4, 5]),
        (Not(Not(Eq("width_px", 100))), [1]),
        (Not(And(())), []),
        (Not(Or(())), [1, 2, 3, 4, 5]),
        (And((Eq("tenant", "club"), Or((Eq("source", "gbif"), Not(Eq("source", "inaturalist")))))), [4]),
    ],
    ids=repr,
)
def test_a_filter_finds_the_photos_that_a_person_would(
    photos_to_read: VectorIndex, where: Filter, expected: list[int]
) -> None:
    """The same for scroll, count and search."""
    assert numbers(photos_to_read, where) == expected
    assert photos_to_read.count(where) == len(expected)
    assert sorted(hit.id.int for hit in photos_to_read.search(PHOTOS[0].vector, 10, where=where)) == expected


def test_search_ranks_by_cosine(photos: VectorIndex) -> None:
    """The cosines to (1, 0, 0, 0) are 1, .8, .6, 0 and -1; the query's length does not matter."""
    hits = photos.search(np.array([7, 0, 0, 0], np.float32), 10)
    assert [hit.id.int for hit in hits] == [1, 2, 3, 4, 5]
    assert [hit.score for hit in hits] == pytest.approx([1, 0.8, 0.6, 0, -1], abs=1e-6)
    assert hits[0].payload == PHOTOS[0].payload
    assert [hit.id.int for hit in photos.search(np.array([1, 0, 0, 0], np.float32), 2)] == [1, 2]


def test_equal_scores_come_in_the_order_of_ids(index: VectorIndex) -> None:
    """Thirty photos of the same picture, written in falling order, cut at seven."""
    index.upsert(point(number, [0, 1, 0, 0]) for number in range(30, 0, -1))
    index.upsert([point(99, [0, 1, 0.01, 0])])
    assert [hit.id.int for hit in index.search(np.array([0, 1, 0, 0], np.float32), 7)] == [1, 2, 3, 4, 5, 6, 7]


def test_get_gives_unit_vectors_and_payloads_in_the_order_asked(photos: VectorIndex) -> None:
    """An unknown id is left out."""
    photos.upsert([point(6, [3, 4, 0, 0], {"source": "gbif"})])
    found = photos.get([UUID(int=6), UUID(int=77), UUID(int=1)])
    assert [one.id.int for one in found] == [6, 1]
    assert found[0].vector.dtype == np.float32
    assert found[0].vector.tolist() == pytest.approx([0.6, 0.8, 0, 0])
    assert found[0].payload == {"source": "gbif"}
    assert found[1].payload == PHOTOS[0].payload
    assert photos.get([]) == []


def test_scroll_walks_all_points_once_in_the_order_of_ids(index: VectorIndex) -> None:
    """In pages of three, with the smallest and the largest id there are; also filtered."""
    ids = [0, 5, 1, 2**128 - 1, 2**64, 17, 2**127]
    index.upsert(point(number, [1, 0, 0, 0], {"kind": "odd" if number % 2 else "even"}) for number in ids)

    def walk(where: Filter | None) -> Iterator[int]:
        after = None
        while page := index.scroll(after, 3, where=where):
            yield from (found.id.int for found in page)
            after = page[-1].id

    assert list(walk(None)) == sorted(ids)
    assert list(walk(Eq("kind", "odd"))) == [1, 5, 17, 2**128 - 1]
    assert index.scroll(UUID(int=3), 1)[0].id.int == 5


def test_upsert_replaces_and_the_later_of_two_stays(photos: VectorIndex) -> None:
    """Vector and payload, also within one call."""
    photos.upsert([point(1, [0, 0, 1, 0], {"a": 1}), point(1, [0, 0, 0, 1], {"b": 2})])
    assert photos.count() == 5
    assert photos.get([UUID(int=1)])[0].payload == {"b": 2}
    assert photos.get([UUID(int=1)])[0].vector.tolist() == [0, 0, 0, 1]


def test_an_iterable_longer_than_a_batch_goes_in_whole(index: VectorIndex) -> None:
    """4,500 points from a generator."""
    index.upsert(point(number, [1, number, 0, 0]) for number in range(4500))
    assert index.count() == 4500
    index.delete(UUID(int=number) for number in range(4499))
    assert numbers(index) == [4499]


def test_nothing_to_write_is_no_error(photos: VectorIndex) -> None:
    """Empty calls change nothing."""
    photos.upsert([])
    photos.delete([])
    photos.set_payload({})
    assert photos.count() == 5


def test_delete_removes_what_is_there(photos: VectorIndex) -> None:
    """An unknown id is no error: a repeated run deletes again."""
    photos.delete([UUID(int=2), UUID(int=88)])
    photos.delete([UUID(int=2)])
    assert numbers(photos) == [1, 3, 4, 5]


def test_set_payload_replaces_the_payload_whole(photos: VectorIndex) -> None:
    """A key that is not named is gone; the vector stays; filters see it at once."""
    photos.set_payload({UUID(int=1): {"source": "gbif"}, UUID(int=5): {"quality": 0.5}})
    assert photos.get([UUID(int=1)])[0].payload == {"source": "gbif"}
    assert photos.get([UUID(int=1)])[0].vector.tolist() == [1, 0, 0, 0]
    assert numbers(photos, Eq("source", "gbif")) == [1, 4]
    assert numbers(photos, Eq("tags", "gills")) == []
    assert numbers(photos, Range("quality", gte=0.5, lte=0.5)) == [2, 5]


def test_set_payload_of_an_unknown_point_changes_nothing(photos: VectorIndex) -> None:
    """Not even the known ones before it."""
    with pytest.raises(VectorIndexError, match=f"no point {UUID(int=77)}: upsert it"):
        photos.set_payload({UUID(int=1): {"source": "x"}, UUID(int=77): {"source": "x"}})
    assert numbers(photos, Eq("source", "x")) == []


def test_a_bad_point_is_refused_by_name(photos: VectorIndex) -> None:
    """NaN, zeros, another length; queries too."""
    for vector in ([np.nan, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0]):
        with pytest.raises(VectorIndexError, match=f"point {UUID(int=9)}"):
            photos.upsert([point(9, vector)])
        with pytest.raises(VectorIndexError, match="the query"):
            photos.search(np.array(vector, np.float32), 3)
    with pytest.raises(VectorIndexError, match=f"point {UUID(int=1)}, source: a boolean"):
        photos.set_payload({UUID(int=1): {"source": True}})
    assert numbers(photos) == [1, 2, 3, 4, 5]


def test_ensure_twice_is_ensure_once(photos: VectorIndex) -> None:
    """Also with one payload index more; another length of vector is refused."""
    photos.ensure(4)
    photos.ensure(4, [PayloadIndex("width_px", "integer"), PayloadIndex("tenant", "tenant")])
    assert photos.dims == 4
    assert numbers(photos, Eq("width_px", 300)) == [3]
    with pytest.raises(VectorIndexError, match="4 numbers, not 8: another model needs another collection"):
        photos.ensure(8)


def test_an_index_that_was_never_made_says_so(new_index: NewIndex) -> None:
    """Before `ensure` there is nothing to count or write to."""
    index = new_index()
    for use in (index.count, lambda: index.upsert([point(1, [1, 0, 0, 0])])):
        with pytest.raises(VectorIndexError, match=index.name):
            use()


def test_a_search_by_crops_takes_the_nearest_crop_of_each(photos: VectorIndex) -> None:
    """Of photo 6 the second crop is the query itself, of photo 7 the best has the cosine .6; others have none."""
    whole = np.array([0, 0, 0, 1], np.float32)
    some = np.array([[0, 1, 0, 0], [0, 0, 2, 0]], np.float32)
    others = np.array([[0, 0.8, 0.6, 0], [0, 0, -1, 0], [1, 0, 0, 0]], np.float32)
    photos.upsert([Point(UUID(int=6), whole, {"tenant": "club"}, some), Point(UUID(int=7), whole, {}, others)])
    query = np.array([0, 0, 1, 0], np.float32)
    hits = photos.search(query, 10, manner=Manner(by=CROPS))
    assert [hit.id.int for hit in hits] == [6, 7]
    assert [hit.score for hit in hits] == pytest.approx([1, 0.6], abs=1e-6)
    assert [hit.id.int for hit in photos.search(query, 9, where=Eq("tenant", "club"), manner=Manner(by=CROPS))] == [6]
    assert [hit.id.int for hit in photos.search(whole, 2)] == [6, 7]
    kept = photos.get([UUID(int=6), UUID(int=1)])
    assert kept[0].crops is not None
    assert kept[0].crops.tolist() == pytest.approx(np.array([[0, 1, 0, 0], [0, 0, 1, 0]]))
    assert kept[1].crops is None


def test_crops_go_with_an_upsert_that_has_none(photos: VectorIndex) -> None:
    """A picture that is cut no longer keeps no crop of its former self."""
    photos.upsert([Point(UUID(int=6), PHOTOS[0].vector, {}, np.eye(4, dtype=np.float32))])
    photos.upsert([point(6, [1, 0, 0, 0])])
    assert photos.search(PHOTOS[0].vector, 10, manner=Manner(by=CROPS)) == []
    assert photos.get([UUID(int=6)])[0].crops is None


def test_a_bad_crop_is_refused_by_name(photos: VectorIndex) -> None:
    """NaN, zeros, another length."""
    for crop in ([np.nan, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0]):
        with pytest.raises(VectorIndexError, match=f"point {UUID(int=9)}, crop 0"):
            photos.upsert([Point(UUID(int=9), PHOTOS[0].vector, {}, np.array([crop], np.float32))])
    assert photos.count() == 5


def test_one_bad_point_among_good_ones_is_named(index: VectorIndex) -> None:
    """Vectors are checked a batch at a time, and the sentence is still about one."""
    for bad in ([np.inf, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [1.0]):
        with pytest.raises(VectorIndexError, match=f"point {UUID(int=8)}"):
            index.upsert([*PHOTOS, point(8, bad)])
    assert index.count() == 0


@pytest.mark.parametrize("manner", [Manner(exact=True), Manner(ef=1), Manner(ef=500)], ids=repr)
def test_the_manner_of_a_search_changes_no_answer_of_five(photos: VectorIndex, manner: Manner) -> None:
    """Too few points for a graph: all are looked at."""
    assert [hit.id.int for hit in photos.search(PHOTOS[0].vector, 3, manner=manner)] == [1, 2, 3]


def test_a_limit_below_one_is_refused(photos: VectorIndex) -> None:
    """By search and scroll."""
    with pytest.raises(ValueError, match="limit 0"):
        photos.search(PHOTOS[0].vector, 0)
    with pytest.raises(ValueError, match="limit 0"):
        photos.scroll(None, 0)


def test_optimising_and_flushing_change_no_answer(photos: VectorIndex) -> None:
    """Whatever the engine makes of it."""
    assert photos.optimize(60) in ("nothing to do", "the server's own task")
    assert photos.quantisation == "none"
    photos.flush()
    assert numbers(photos) == [1, 2, 3, 4, 5]


def test_a_closed_index_refuses_everything(photos: VectorIndex) -> None:
    """Closing twice is fine."""
    photos.close()
    photos.close()
    one = UUID(int=1)
    for use in (
        lambda: photos.ensure(4),
        lambda: photos.upsert(PHOTOS),
        lambda: photos.delete([one]),
        lambda: photos.set_payload({one: {}}),
        lambda: photos.search(PHOTOS[0].vector, 1),
        lambda: photos.get([one]),
        lambda: photos.scroll(None, 1),
        lambda: photos.count(),
        lambda: photos.optimize(),
        lambda: photos.flush(),
    ):
        with pytest.raises(VectorIndexError, match="closed"):
            use()
