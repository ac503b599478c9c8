"""Any filter over any small set gives the ids that plain Python gives."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from media_pipeline.stores.index.filters import And, Eq, Filter, GeoRadius, Ids, In, Not, Or, Range, rfc3339
from media_pipeline.stores.index.interface import VectorIndex
from media_pipeline.stores.index.points import Payload, Point

EARTH_M = 6_371_008.8
WORDS = st.sampled_from(["a", "b", "c", "é", ""])
QUARTERS = st.integers(-4, 8).map(lambda number: number / 4)
WHOLE = st.integers(-3, 3)
MOMENTS = st.integers(0, 5).map(lambda step: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=step / 2))
# Around Zurich, and on both sides of the line where the date changes.
PLACES = st.tuples(st.sampled_from([47.37, 47.38, 47.45]), st.sampled_from([8.54, 8.56, 179.99, -179.99]))
RADII = st.sampled_from([500.0, 1700.0, 5000.0, 30_000.0])
IDS = st.integers(1, 6).map(lambda number: UUID(int=number))

PAYLOADS = st.fixed_dictionaries(
    {},
    optional={
        "tenant": WORDS,
        "tags": st.lists(WORDS, max_size=3),
        "width_px": WHOLE,
        "quality": QUARTERS,
        "created_at": MOMENTS.map(rfc3339),
        "place": PLACES.map(lambda at: {"lat": at[0], "lon": at[1]}),
    },
)


def ranges(field: str, bounds: st.SearchStrategy[float] | st.SearchStrategy[datetime]) -> st.SearchStrategy[Filter]:
    lower = st.none() | st.tuples(st.sampled_from(["gte", "gt"]), bounds)
    upper = st.none() | st.tuples(st.sampled_from(["lte", "lt"]), bounds)
    ends = st.tuples(lower, upper).map(lambda pair: dict(end for end in pair if end is not None)).filter(bool)
    return ends.map(lambda chosen: Range(field, **cast(dict[str, Any], chosen)))


LEAVES: st.SearchStrategy[Filter] = st.one_of(
    st.builds(Eq, st.sampled_from(["tenant", "tags"]), WORDS),
    st.builds(Eq, st.just("width_px"), WHOLE),
    st.builds(In, st.sampled_from(["tenant", "tags"]), st.lists(WORDS, max_size=3).map(tuple)),
    st.builds(In, st.just("width_px"), st.lists(WHOLE, max_size=3).map(tuple)),
    ranges("quality", QUARTERS),
    ranges("width_px", QUARTERS),
    ranges("created_at", MOMENTS),
    st.builds(lambda at, metres: GeoRadius("place", at[0], at[1], metres), PLACES, RADII),
    st.builds(Ids, st.frozensets(IDS, max_size=3)),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=6,
)


def metres_between(lat: float, lon: float, place: dict[str, float]) -> float:
    phi, other, turn = math.radians(lat), math.radians(place["lat"]), math.radians(place["lon"] - lon)
    half = math.sin((other - phi) / 2) ** 2 + math.cos(phi) * math.cos(other) * math.sin(turn / 2) ** 2
    return 2 * EARTH_M * math.asin(math.sqrt(half))


def holds(where: Filter, media: UUID, payload: Payload) -> bool:
    """What the filter says, in plain Python."""
    match where:
        case Eq(field, value):
            return holds(In(field, (value,)), media, payload)  # type: ignore[arg-type]
        case In(field, values):
            held = payload.get(field, [])
            return any(one in values for one in (held if isinstance(held, list) else [held]))
        case Range(field, gte, gt, lte, lt):
            if field not in payload:
                return False
            # A number against numbers or a moment against moments, as the strategies make them.
            held_now: Any = payload[field]
            if where.is_of_moments:
                held_now = datetime.fromisoformat(str(held_now))
            return (
                (gte is None or held_now >= gte)
                and (gt is None or held_now > gt)
                and (lte is None or held_now <= lte)
                and (lt is None or held_now < lt)
            )
        case GeoRadius(field, lat, lon, metres):
            if field not in payload:
                return False
            away = metres_between(lat, lon, payload[field])  # type: ignore[arg-type]
            assume(abs(away - metres) > metres / 100)  # the engines' Earths differ in the third digit
            return away < metres
        case Ids(ids):
            return media in ids
        case And(parts):
            return all(holds(part, media, payload) for part in parts)
        case Or(parts):
            return any(holds(part, media, payload) for part in parts)
        case Not(part):
            return not holds(part, media, payload)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payloads=st.dictionaries(IDS, PAYLOADS, max_size=6), where=FILTERS)
def test_any_filter_finds_what_plain_python_finds(
    index: VectorIndex, payloads: dict[UUID, Payload], where: Filter
) -> None:
    """Six ids at most, every field optional, filters of up to six words; one index, emptied before each set."""
    expected = sorted(media for media, payload in payloads.items() if holds(where, media, payload))
    index.delete([UUID(int=number) for number in range(1, 7)])
    vector = np.array([1, 0, 0, 0], np.float32)
    index.upsert(Point(media, vector, payload) for media, payload in payloads.items())
    assert [found.id for found in index.scroll(None, 10, where=where)] == expected
    assert index.count(where) == len(expected)
