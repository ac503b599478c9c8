"""What goes into the index and what comes out, and the checks in between.

Both engines accept a vector of NaN or zeros without a word and then rank it anywhere, so a vector is checked and
brought to length one here; what `get` gives back is therefore the unit vector, whatever went in. Payload values are
checked too: a boolean can be stored but never found (filters.py), and a null is kept by one engine and dropped by the
other. Not here: what a media's payload consists of (stages/index).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TypeAlias, cast
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from media_pipeline.errors import VectorIndexError
from media_pipeline.stores.index.filters import FIELD, INT64

Value: TypeAlias = str | int | float | Sequence[str] | Sequence[int] | Sequence[float] | Mapping[str, float]
Payload: TypeAlias = Mapping[str, Value]
Vector: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """One media: its vector, what searches may filter by, and a row for each crop of it, where there are any.

    Moments are written with `filters.rfc3339`.
    """

    id: UUID
    vector: Vector
    payload: Payload
    crops: Vector | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer of a search; `score` is the cosine."""

    id: UUID
    score: float
    payload: Payload


def checked(point: Point, dims: int) -> Point:
    """The point as it is stored, or a VectorIndexError that names it."""
    return Point(
        point.id,
        unit_vector(point.vector, dims, whose=f"point {point.id}"),
        checked_payload(point.payload, whose=f"point {point.id}"),
        _unit_crops(point, dims),
    )


def _unit_crops(point: Point, dims: int) -> Vector | None:
    if point.crops is None or len(point.crops) == 0:
        return None
    crops = [unit_vector(crop, dims, whose=f"point {point.id}, crop {place}") for place, crop in enumerate(point.crops)]
    return np.stack(crops)


def _checked_together(points: Sequence[Point], dims: int) -> list[Point]:
    """As `checked` for each, at a fifth of the cost; where one is wrong, `checked` says which."""
    exact = np.zeros((len(points), dims))
    for place, point in enumerate(points):
        if np.shape(point.vector) != (dims,):
            return [checked(each, dims) for each in points]
        exact[place] = point.vector
    lengths = np.linalg.norm(exact, axis=1)
    # A length is finite and above zero only where every number of the vector is finite and one of them not zero.
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        return [checked(each, dims) for each in points]
    vectors = (exact / lengths[:, None]).astype(np.float32)
    return [
        Point(
            point.id,
            vector,
            checked_payload(point.payload, whose=f"point {point.id}"),
            _unit_crops(point, dims),
        )
        for point, vector in zip(points, vectors, strict=True)
    ]


def unit_vector(vector: Vector, dims: int, *, whose: str) -> Vector:
    """The vector at length one, or a VectorIndexError that says whose it is and what is wrong."""
    exact = np.asarray(vector, dtype=np.float64)
    if exact.shape != (dims,):
        raise VectorIndexError(f"{whose}: a vector of shape {exact.shape}; this index holds vectors of {dims} numbers")
    if not np.isfinite(exact).all():
        raise VectorIndexError(f"{whose}: the vector has a NaN or an infinite number; embed the picture again")
    # float32 squares of small numbers vanish: a vector of 1e-30 has a direction, and length zero in float32.
    length = float(np.linalg.norm(exact))
    if length == 0.0:
        raise VectorIndexError(f"{whose}: a vector of zeros has no direction; embed the picture again")
    return (exact / length).astype(np.float32)


def checked_payload(payload: Payload, *, whose: str) -> dict[str, Value]:
    """The payload as plain JSON, or a VectorIndexError that names the field."""
    plain: dict[str, Value] = {}
    for field, value in payload.items():
        if not _is_field(field):
            raise VectorIndexError(f"{whose}: {field!r} is no payload field: letters, digits and underscores")
        # A point has two dozen fields, and each is looked at: most are plain.
        if not _is_plain(value):
            _check(value, f"{whose}, {field}")
            value = _plain(value)
        plain[field] = value
    return plain


def _is_plain(value: object) -> bool:
    """Whether it can be stored as it is; of others `_check` knows whether they can at all."""
    kind = type(value)
    if kind is str:
        return True
    if kind is int:
        return value in INT64
    if kind is float:
        return math.isfinite(cast(float, value))
    if kind is not list:
        return False
    kinds = set(map(type, cast("list[object]", value)))
    return kinds == {str} or (kinds == {int} and all(number in INT64 for number in cast("list[int]", value)))


@lru_cache(maxsize=1024)
def _is_field(field: str) -> bool:
    return FIELD.fullmatch(field) is not None


def batches(points: Iterable[Point], size: int, *, dims: int) -> Iterator[list[Point]]:
    """Checked points, so many at a time: the iterable may be longer than the memory."""
    rest = iter(points)
    while batch := list(islice(rest, size)):
        yield _checked_together(batch, dims)


def in_stable_order(fetch: Callable[[int], list[Hit]], limit: int) -> list[Hit]:
    """The best `limit` hits by score, then id. `fetch(n)` gives the n best, ties in any order.

    Sorting the first `limit` is not enough: of several equal scores at the cut the engine takes any. More are
    fetched until the cut falls between two scores.
    """
    if limit < 1:
        raise ValueError(f"limit {limit}: ask for at least one")
    asked = limit + 1
    while True:
        hits = fetch(asked)
        if len(hits) < asked or hits[-1].score < hits[limit - 1].score:
            return sorted(hits, key=lambda hit: (-hit.score, hit.id))[:limit]
        asked *= 2


def _check(value: object, where: str) -> None:
    match value:
        case bool():
            raise VectorIndexError(f"{where}: a boolean can never be found again; store a keyword instead")
        case str():
            return
        case int():
            if value not in INT64:
                raise VectorIndexError(f"{where}: {value} needs more than 64 bits; store a keyword")
        case float():
            if not math.isfinite(value):
                raise VectorIndexError(f"{where}: {value} is no number; leave the field out")
        case Mapping():
            if set(value) != {"lat", "lon"}:
                raise VectorIndexError(f'{where}: only a place may be nested, as {{"lat": …, "lon": …}}')
            lat, lon = value["lat"], value["lon"]
            if not all(isinstance(part, int | float) and not isinstance(part, bool) for part in (lat, lon)):
                raise VectorIndexError(f"{where}: latitude {lat!r}, longitude {lon!r} are no numbers")
            if not (-90 <= lat <= 90 and -180 <= lon <= 180):
                raise VectorIndexError(f"{where}: latitude {lat}, longitude {lon} is no place on Earth")
        case Sequence() if not isinstance(value, bytes):
            for element in value:
                if not isinstance(element, str | int | float):
                    raise VectorIndexError(f"{where}: a list holds keywords or numbers, not {element!r}")
                _check(element, where)
        case _:
            raise VectorIndexError(f"{where}: {value!r} cannot be stored; leave an unknown field out")


def _plain(value: Value) -> Value:
    if isinstance(value, str | int | float):
        return value
    return dict(value) if isinstance(value, Mapping) else cast(Value, list(value))
