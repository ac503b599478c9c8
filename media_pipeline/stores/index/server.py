"""One index in a collection of a Qdrant server, through `qdrant-client`.

Here: the collection, the filter in the client's words, the alias. Not here: starting a server (docker-compose.yml).
`QdrantClient(":memory:")`, the client's own imitation of a server, takes the same way; it warns at whatever it cannot
do (payload indexes, search parameters), so those are not asked of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from media_pipeline.errors import VectorIndexError
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
)
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
    PayloadKind,
    Quantisation,
    Tuning,
    checked_collection,
)
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
    from qdrant_client import QdrantClient, models

# A request of 1,000 points of 512 numbers is about 10 MB of JSON; a server refuses 32 MB.
BATCH = 1_000
LAST_ID = UUID(int=2**128 - 1)
TIMEOUT_S = 60
POLL_S = 2.0
SERVERS_WORDS: Mapping[str, Quantisation] = {
    "ScalarQuantization": "scalar",
    "ProductQuantization": "pq",
    "BinaryQuantization": "binary",
}


def connect(url: str, api_key: str | None) -> QdrantClient:
    """A client of the server; whether it answers is known at the first request."""
    from qdrant_client import QdrantClient

    with _server(f"connecting to {url}"):
        return QdrantClient(url=url, api_key=api_key, timeout=TIMEOUT_S, check_compatibility=False)


def point_alias(client: QdrantClient, alias: str, collection: str) -> None:
    """Let the alias mean this collection, in one step: no request finds it meaning nothing."""
    from qdrant_client import models

    checked_collection(alias)
    with _server(f"pointing {alias} to {collection}"):
        actions: list[Any] = [
            models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))
            for present in client.get_aliases().aliases
            if present.alias_name == alias
        ]
        named = models.CreateAlias(collection_name=collection, alias_name=alias)
        client.update_collection_aliases([*actions, models.CreateAliasOperation(create_alias=named)])


def drop(client: QdrantClient, collection: str, tenant: str) -> None:
    """Remove the points of this tenant, and the collection where it was the only one."""
    from qdrant_client import models

    with _server(f"dropping {collection}"):
        if not client.collection_exists(collection):
            return
        own = to_server(Eq("tenant", tenant))
        if own is not None:
            client.delete(collection, models.FilterSelector(filter=own), wait=True)
        if client.count(collection, exact=True).count == 0:
            client.delete_collection(collection)


class ServerIndex:
    """A VectorIndex over one collection. The client belongs to whoever made it; `close` leaves it open."""

    def __init__(self, client: QdrantClient, collection: str, *, tuning: Tuning = TUNING) -> None:
        self.name = checked_collection(collection)
        self._client = client
        self._tuning = tuning
        self._imitated = client.init_options.get("location") == ":memory:"
        self._dims: int | None = None
        self._closed = False

    @property
    def dims(self) -> int:
        client = self._open_client()
        if self._dims is None:
            with _server(f"reading the shape of {self.name}"):
                vectors = client.get_collection(self.name).config.params.vectors
            whole = vectors.get(GLOBAL) if isinstance(vectors, dict) else None
            if whole is None:
                raise VectorIndexError(
                    f"{self.name} has no vector {GLOBAL}: it was made by something else, or by an earlier version of "
                    "this package; remove the collection from the server, then `media-pipeline index rebuild`"
                )
            self._dims = int(whole.size)
        return self._dims

    @property
    def quantisation(self) -> Quantisation:
        client = self._open_client()
        with _server(f"reading the shape of {self.name}"):
            vectors = client.get_collection(self.name).config.params.vectors
        told = vectors[GLOBAL].quantization_config if isinstance(vectors, dict) else None
        return "none" if told is None else SERVERS_WORDS.get(type(told).__name__, "none")

    def must_exist(self) -> None:
        """Raise now what the first search would raise."""
        self._dims = self.dims

    def ensure(self, dims: int, payload_indexes: Sequence[PayloadIndex] = PAYLOAD_INDEXES) -> None:
        from qdrant_client import models

        client = self._open_client()
        with _server(f"creating {self.name}"):
            if not client.collection_exists(self.name):
                client.create_collection(
                    self.name,
                    vectors_config={
                        GLOBAL: models.VectorParams(size=dims, distance=models.Distance.COSINE),
                        # Without a graph, as on Edge (edge_shape.py).
                        CROPS: models.VectorParams(
                            size=dims,
                            distance=models.Distance.COSINE,
                            on_disk=True,
                            multivector_config=models.MultiVectorConfig(
                                comparator=models.MultiVectorComparator.MAX_SIM
                            ),
                            hnsw_config=models.HnswConfigDiff(m=0),
                        ),
                    },
                    hnsw_config=models.HnswConfigDiff(m=self._tuning.m, ef_construct=self._tuning.ef_construct),
                )
        if self.dims != dims:
            raise VectorIndexError(
                f"{self.name} holds vectors of {self.dims} numbers, not {dims}: another model needs another collection"
            )
        if self._imitated:
            return
        with _server(f"indexing the payload of {self.name}"):
            present = client.get_collection(self.name).payload_schema
            for index in payload_indexes:
                if index.field not in present:
                    client.create_payload_index(self.name, index.field, _schema(index.kind), wait=True)

    def upsert(self, points: Iterable[Point]) -> None:
        from qdrant_client import models

        client = self._open_client()
        for batch in batches(points, BATCH, dims=self.dims):
            rows = [
                models.PointStruct(id=str(point.id), vector=_vectors(point), payload=dict(point.payload))
                for point in batch
            ]
            with _server(f"writing {len(rows)} points to {self.name}"):
                client.upsert(self.name, rows, wait=True)

    def delete(self, ids: Iterable[UUID]) -> None:
        from qdrant_client import models

        client, rest = self._open_client(), iter(ids)
        while some := [str(each) for each in islice(rest, BATCH)]:
            with _server(f"deleting {len(some)} points of {self.name}"):
                client.delete(self.name, models.PointIdsList(points=[*some]), wait=True)

    def set_payload(self, payloads: Mapping[UUID, Payload]) -> None:
        from qdrant_client import models

        client = self._open_client()
        rows = {str(each): checked_payload(payload, whose=f"point {each}") for each, payload in payloads.items()}
        if not rows:
            return
        with _server(f"writing the payload of {len(rows)} points of {self.name}"):
            known = {str(record.id) for record in client.retrieve(self.name, list(rows), with_payload=False)}
        for each in rows:
            if each not in known:
                raise VectorIndexError(f"{self.name} has no point {each}: upsert it with its vector")
        actions = [
            models.OverwritePayloadOperation(overwrite_payload=models.SetPayload(payload=payload, points=[each]))
            for each, payload in rows.items()
        ]
        with _server(f"writing the payload of {len(rows)} points of {self.name}"):
            for start in range(0, len(actions), BATCH):
                client.batch_update_points(self.name, actions[start : start + BATCH], wait=True)

    def search(
        self, vector: Vector, limit: int, *, where: Filter | None = None, manner: Manner = AS_TUNED
    ) -> list[Hit]:
        from qdrant_client import models

        client = self._open_client()
        whole = unit_vector(vector, self.dims, whose="the query").tolist()
        # A list of one: in memory, what is compared with lists must be a list.
        query = [whole] if manner.by == CROPS else whole
        narrowed = to_server(where)

        def fetch(count: int) -> list[Hit]:
            params = models.SearchParams(
                hnsw_ef=max(count, manner.ef or self._tuning.ef_search),
                exact=manner.exact,
                quantization=models.QuantizationSearchParams(
                    ignore=manner.exact, rescore=True, oversampling=OVERSAMPLING
                ),
            )
            with _server(f"searching {self.name}"):
                found = client.query_points(
                    self.name,
                    query=query,
                    using=manner.by,
                    query_filter=narrowed,
                    limit=count,
                    with_payload=True,
                    search_params=None if self._imitated else params,
                )
            return [Hit(UUID(str(one.id)), one.score, one.payload or {}) for one in found.points]

        return in_stable_order(fetch, limit)

    def get(self, ids: Sequence[UUID]) -> list[Point]:
        client = self._open_client()
        with _server(f"reading {len(ids)} points of {self.name}"):
            records = client.retrieve(self.name, [str(each) for each in ids], with_payload=True, with_vectors=True)
        found = {point.id: point for point in map(_point, records)}
        return [found[each] for each in ids if each in found]

    def scroll(self, after: UUID | None, limit: int, *, where: Filter | None = None) -> list[Point]:
        client = self._open_client()
        if limit < 1:
            raise ValueError(f"limit {limit}: ask for at least one")
        if after == LAST_ID:
            return []
        with _server(f"scrolling {self.name}"):
            records, _ = client.scroll(
                self.name,
                scroll_filter=to_server(where),
                limit=limit,
                offset=None if after is None else str(UUID(int=after.int + 1)),
                with_payload=True,
                with_vectors=True,
            )
        return [_point(record) for record in records]

    def count(self, where: Filter | None = None) -> int:
        client = self._open_client()
        with _server(f"counting {self.name}"):
            return client.count(self.name, count_filter=to_server(where), exact=True).count

    def optimize(self, within_s: float = OPTIMISE_S, *, quantisation: Quantisation | None = None) -> Optimised:
        client = self._open_client()
        if quantisation is not None and quantisation != self.quantisation and not self._imitated:
            from qdrant_client import models

            quantised = models.VectorParamsDiff(quantization_config=_quantised(quantisation))
            with _server(f"quantising {self.name}"):
                client.update_collection(self.name, vectors_config={GLOBAL: quantised})
            self._wait_until_green(within_s)
        return "the server's own task"

    def _wait_until_green(self, within_s: float) -> None:
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            with _server(f"waiting for {self.name}"):
                if str(self._client.get_collection(self.name).status) in ("green", "CollectionStatus.GREEN"):
                    return
            time.sleep(POLL_S)
        raise VectorIndexError(f"{self.name}: the server was still at work on it after {within_s:.0f} s")

    def flush(self) -> None:
        """Nothing to do: every write was waited for."""
        self._open_client()

    def close(self) -> None:
        self._closed = True

    def _open_client(self) -> QdrantClient:
        if self._closed:
            raise VectorIndexError(f"{self.name} is closed: open the index again")
        return self._client


def to_server(where: Filter | None) -> models.Filter | None:
    """The filter in the client's words."""
    from qdrant_client import models

    return None if where is None else models.Filter(must=[_condition(where)])


def _condition(part: Filter) -> models.FieldCondition | models.HasIdCondition | models.Filter:
    from qdrant_client import models

    match part:
        case Eq(field, value):
            return models.FieldCondition(key=field, match=models.MatchValue(value=value))
        case In(_, ()) | Or(()):
            return _condition(NOTHING)
        case In(field, values):
            return models.FieldCondition(key=field, match=models.MatchAny(any=[*values]))
        case Range(field, gte, gt, lte, lt):
            bounds: dict[str, Any] = {"gte": gte, "gt": gt, "lte": lte, "lt": lt}
            kind = models.DatetimeRange if part.is_of_moments else models.Range
            return models.FieldCondition(key=field, range=kind(**bounds))
        case GeoRadius(field, lat, lon, metres):
            circle = models.GeoRadius(center=models.GeoPoint(lat=lat, lon=lon), radius=metres)
            return models.FieldCondition(key=field, geo_radius=circle)
        case Ids(ids):
            return models.HasIdCondition(has_id=[str(each) for each in sorted(ids)])
        case And(parts):
            return models.Filter(must=[_condition(each) for each in parts])
        case Or(parts):
            return models.Filter(should=[_condition(each) for each in parts])
        case Not(inner):
            return models.Filter(must_not=[_condition(inner)])


def _schema(kind: PayloadKind) -> Any:
    from qdrant_client import models

    if kind == "tenant":
        return models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
    return models.PayloadSchemaType(kind)


def _quantised(quantisation: Quantisation) -> Any:
    from qdrant_client import models

    match quantisation:
        case "none":
            return models.Disabled.DISABLED
        case "scalar":
            int8 = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
            return models.ScalarQuantization(scalar=int8)
        case "pq":
            eighth = models.ProductQuantizationConfig(compression=models.CompressionRatio.X8, always_ram=True)
            return models.ProductQuantization(product=eighth)
        case "binary":
            return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))


def _vectors(point: Point) -> Any:
    whole = point.vector.tolist()
    return {GLOBAL: whole} if point.crops is None else {GLOBAL: whole, CROPS: point.crops.tolist()}


def _point(record: models.Record) -> Point:
    vectors: Any = record.vector
    crops = np.asarray(vectors[CROPS], dtype=np.float32) if CROPS in vectors else None
    return Point(UUID(str(record.id)), np.asarray(vectors[GLOBAL], dtype=np.float32), record.payload or {}, crops)


@contextmanager
def _server(what: str) -> Iterator[None]:
    """What the client raises: HTTP and gRPC errors over a wire; ValueError, KeyError, RuntimeError in memory."""
    from qdrant_client.http.exceptions import ApiException

    try:
        yield
    except (ApiException, ValueError, KeyError, RuntimeError, OSError) as wrong:
        raise VectorIndexError(f"{what}: {wrong}") from wrong
