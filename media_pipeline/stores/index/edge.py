"""One index in a folder: Qdrant Edge, the engine in this process.

Here: one open shard, and the filter in Edge's words. Not here: how a shard is laid out (edge_shape.py); which folder,
who may write to it, when it is thrown away (generations.py).

What 0.9 does, as tried: a second open of a shard with a log fails («WouldBlock»), and one without a log succeeds and
would corrupt it, so nobody opens a folder that another process might have open. `close()` flushes. A file copy of a
closed shard loads. An offset of a scroll is included, and need not exist. `set_payload` on an unknown id fails after
having changed those before it. Errors are bare `Exception`s.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import numpy as np

from media_pipeline.errors import VectorIndexError
from media_pipeline.stores.index.edge_shape import field_schema, quantisation_of, shard_config
from media_pipeline.stores.index.filters import (
    NOTHING,
    And,
    Eq,
    Filter,
    GeoRadius,
    Ids,
    In,
    Not,
    Or,
    Range,
    rfc3339,
)
from media_pipeline.stores.index.folders import MIB, copy_folder, remove_folder, require_room
from media_pipeline.stores.index.interface import (
    AS_TUNED,
    CROPS,
    GLOBAL,
    OPTIMISE_S,
    OVERSAMPLING,
    PAYLOAD_INDEXES,
    TUNING,
    Manner,
    Optimised,
    PayloadIndex,
    Quantisation,
    Tuning,
)
from media_pipeline.stores.index.optimiser import build_graph
from media_pipeline.stores.index.points import (
    Hit,
    Payload,
    Point,
    Vector,
    batches,
    checked_payload,
    in_stable_order,
    unit_vector,
)

if TYPE_CHECKING:
    import qdrant_edge

BATCH = 2_000
LAST_ID = UUID(int=2**128 - 1)
CONFIG = "edge_config.json"
# A batch of 512 numbers a point weighs 4 MB, and the engine takes its room in files of several MB.
BATCH_ROOM_BYTES = 32 * MIB


class EdgeIndex:
    """A VectorIndex over one folder, which no one else may open meanwhile."""

    def __init__(
        self, folder: Path, *, name: str, tuning: Tuning = TUNING, after_close: Callable[[], None] | None = None
    ) -> None:
        self.name = name
        self._folder = folder
        self._tuning = tuning
        self._after_close = after_close
        self._shard: qdrant_edge.EdgeShard | None = None
        self._dims = 0
        self._quantisation: Quantisation = "none"
        self._closed = False
        if (folder / CONFIG).exists():
            self._load()

    def ensure(self, dims: int, payload_indexes: Sequence[PayloadIndex] = PAYLOAD_INDEXES) -> None:
        import qdrant_edge as edge

        if self._shard is None and not self._closed:
            with _engine(f"creating {self._folder}"):
                edge.EdgeShard.create(str(self._folder), shard_config(dims, self._tuning, "none")).close()
            self._load()
        shard = self._open_shard()
        if self._dims != dims:
            raise VectorIndexError(
                f"{self.name} holds vectors of {self._dims} numbers, not {dims}: another model needs another collection"
            )
        with _engine(f"indexing the payload of {self.name}"):
            present = shard.info().payload_schema
            for index in payload_indexes:
                if index.field not in present:
                    shard.update(edge.UpdateOperation.create_field_index(index.field, field_schema(index.kind)))

    def upsert(self, points: Iterable[Point]) -> None:
        import qdrant_edge as edge

        shard = self._open_shard()
        for batch in batches(points, BATCH, dims=self._dims):
            require_room(self._folder, BATCH_ROOM_BYTES)
            # `tolist` because the engine reads an array number by number: 26 against 16 us a point.
            rows = [edge.Point(point.id, _vectors(point), cast("dict[str, Any]", point.payload)) for point in batch]
            with _engine(f"writing {len(rows)} points to {self.name}"):
                shard.update(edge.UpdateOperation.upsert_points(rows))

    def delete(self, ids: Iterable[UUID]) -> None:
        import qdrant_edge as edge

        shard, rest = self._open_shard(), iter(ids)
        while some := list(islice(rest, BATCH)):
            with _engine(f"deleting {len(some)} points of {self.name}"):
                shard.update(edge.UpdateOperation.delete_points(cast("list[int | UUID | str]", some)))

    def set_payload(self, payloads: Mapping[UUID, Payload]) -> None:
        import qdrant_edge as edge

        shard = self._open_shard()
        rows = {each: checked_payload(payload, whose=f"point {each}") for each, payload in payloads.items()}
        with _engine(f"reading {self.name}"):
            known = {record.id for record in shard.retrieve(list(rows), False, False)}
        for each in rows:
            if each not in known:
                raise VectorIndexError(f"{self.name} has no point {each}: upsert it with its vector")
        with _engine(f"writing the payload of {len(rows)} points of {self.name}"):
            for each, payload in rows.items():
                shard.update(edge.UpdateOperation.overwrite_payload([each], payload))

    def search(
        self, vector: Vector, limit: int, *, where: Filter | None = None, manner: Manner = AS_TUNED
    ) -> list[Hit]:
        import qdrant_edge as edge

        shard = self._open_shard()
        query = edge.Query.Nearest(unit_vector(vector, self._dims, whose="the query").tolist(), using=manner.by)
        narrowed = to_edge(where)
        rescored = edge.QuantizationSearchParams(ignore=manner.exact, rescore=True, oversampling=OVERSAMPLING)

        def fetch(count: int) -> list[Hit]:
            request = edge.QueryRequest(
                limit=count,
                query=query,
                filter=narrowed,
                with_payload=True,
                params=edge.SearchParams(
                    hnsw_ef=max(count, manner.ef or self._tuning.ef_search),
                    exact=manner.exact,
                    quantization=None if self._quantisation == "none" else rescored,
                ),
            )
            with _engine(f"searching {self.name}"):
                found = shard.query(request)
            return [Hit(cast(UUID, one.id), one.score, one.payload or {}) for one in found]

        return in_stable_order(fetch, limit)

    def get(self, ids: Sequence[UUID]) -> list[Point]:
        shard = self._open_shard()
        with _engine(f"reading {len(ids)} points of {self.name}"):
            found = {record.id: record for record in shard.retrieve(list(ids), True, True)}
        return [_point(found[each]) for each in ids if each in found]

    def scroll(self, after: UUID | None, limit: int, *, where: Filter | None = None) -> list[Point]:
        import qdrant_edge as edge

        shard = self._open_shard()
        if limit < 1:
            raise ValueError(f"limit {limit}: ask for at least one")
        if after == LAST_ID:
            return []
        request = edge.ScrollRequest(
            offset=None if after is None else UUID(int=after.int + 1),
            limit=limit,
            filter=to_edge(where),
            with_payload=True,
            with_vector=True,
        )
        with _engine(f"scrolling {self.name}"):
            records, _ = shard.scroll(request)
        return [_point(record) for record in records]

    def count(self, where: Filter | None = None) -> int:
        import qdrant_edge as edge

        shard = self._open_shard()
        with _engine(f"counting {self.name}"):
            return shard.count(edge.CountRequest(exact=True, filter=to_edge(where)))

    def optimize(self, within_s: float = OPTIMISE_S, *, quantisation: Quantisation | None = None) -> Optimised:
        self.flush()
        self._open_shard().close()
        self._shard = None
        built = self._folder.with_name(self._folder.name + ".graph")
        former = self._folder.with_name(self._folder.name + ".former")
        try:
            copy_folder(self._folder, built)
            outcome = build_graph(built, within_s, quantisation or self._quantisation)
            if outcome == "built":
                self._folder.rename(former)
                built.rename(self._folder)
        except OSError as wrong:
            raise VectorIndexError(f"optimising {self._folder}: {wrong}") from wrong
        finally:
            remove_folder(built)
            remove_folder(former)
            self._load()
        return outcome

    def flush(self) -> None:
        shard = self._open_shard()
        with _engine(f"flushing {self.name}"):
            shard.flush()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            if self._shard is not None:
                with _engine(f"closing {self.name}"):
                    self._shard.close()
        finally:
            self._shard = None
            if self._after_close is not None:
                self._after_close()

    @property
    def dims(self) -> int:
        self._open_shard()
        return self._dims

    @property
    def quantisation(self) -> Quantisation:
        self._open_shard()
        return self._quantisation

    @property
    def indexed_points(self) -> int:
        """How many points the graph covers: 0 before `optimize`, or when there are too few to need one."""
        return self._open_shard().info().indexed_vectors_count

    def _load(self) -> None:
        import qdrant_edge as edge

        with _engine(f"opening {self.name} in {self._folder}"):
            vectors = json.loads((self._folder / CONFIG).read_text("utf-8"))["vectors"]
            if GLOBAL not in vectors:
                raise VectorIndexError(f"{self.name} was written by an earlier version: write all points anew")
            self._dims = int(vectors[GLOBAL]["size"])
            self._quantisation = quantisation_of(vectors[GLOBAL])
            config = shard_config(self._dims, self._tuning, self._quantisation)
            self._shard = edge.EdgeShard.load(str(self._folder), config)

    def _open_shard(self) -> qdrant_edge.EdgeShard:
        if self._closed:
            raise VectorIndexError(f"{self.name} is closed: open the index again")
        if self._shard is None:
            raise VectorIndexError(f"{self.name} is empty: call ensure() first")
        return self._shard


def to_edge(where: Filter | None) -> qdrant_edge.Filter | None:
    """The filter in Edge's words."""
    import qdrant_edge as edge

    return None if where is None else edge.Filter(must=[_condition(where)])


def _condition(part: Filter) -> qdrant_edge.FieldCondition | qdrant_edge.HasIdCondition | qdrant_edge.Filter:
    import qdrant_edge as edge

    match part:
        case Eq(field, value):
            return edge.FieldCondition(field, match=edge.MatchValue(value))
        case In(_, ()) | Or(()):
            return _condition(NOTHING)
        case In(field, values):
            return edge.FieldCondition(field, match=edge.MatchAny(cast("list[str]", list(values))))
        case Range(field):
            return edge.FieldCondition(field, range=_range(part))
        case GeoRadius(field, lat, lon, metres):
            return edge.FieldCondition(field, geo_radius=edge.GeoRadius(edge.GeoPoint(lon=lon, lat=lat), metres))
        case Ids(ids):
            return edge.HasIdCondition(cast("set[int | UUID | str]", set(ids)))
        case And(parts):
            return edge.Filter(must=[_condition(each) for each in parts])
        case Or(parts):
            return edge.Filter(should=[_condition(each) for each in parts])
        case Not(inner):
            return edge.Filter(must_not=[_condition(inner)])


def _range(part: Range) -> qdrant_edge.RangeFloat | qdrant_edge.RangeDateTime:
    import qdrant_edge as edge

    bounds: dict[str, Any] = {"gte": part.gte, "gt": part.gt, "lte": part.lte, "lt": part.lt}
    if part.is_of_moments:
        return edge.RangeDateTime(**{end: rfc3339(bound) for end, bound in bounds.items() if bound is not None})
    return edge.RangeFloat(**bounds)


def _vectors(point: Point) -> Any:
    whole = point.vector.tolist()
    return {GLOBAL: whole} if point.crops is None else {GLOBAL: whole, CROPS: point.crops.tolist()}


def _point(record: qdrant_edge.Record) -> Point:
    vectors = cast("dict[str, Any]", record.vector)
    crops = np.asarray(vectors[CROPS], dtype=np.float32) if CROPS in vectors else None
    return Point(cast(UUID, record.id), np.asarray(vectors[GLOBAL], dtype=np.float32), record.payload or {}, crops)


@contextmanager
def _engine(what: str) -> Iterator[None]:
    """The engine raises bare `Exception`, and over damaged files a PanicException, which is not even that."""
    try:
        yield
    except VectorIndexError:
        raise
    except BaseException as wrong:
        if isinstance(wrong, Exception) or type(wrong).__name__ == "PanicException":
            raise VectorIndexError(f"{what}: {wrong}") from wrong
        raise
