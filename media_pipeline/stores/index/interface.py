"""The vector index as its users see it, whichever engine is behind it.

Here: the protocols, the payload indexes, the names of the vectors, the numbers of the graph. Not here: the engines
(edge.py, server.py), and which generation or collection is live: that is a row of the catalog, written by the index
stage.

One index holds the vectors of one version of one model; ids are media ids. Each media has one vector, `clip_global`,
and, where it was cut into crops, theirs, `clip_crops`, of which the nearest to a query counts (MaxSim). Every back end
measures by cosine, answers in a fixed order, may be closed twice, and raises VectorIndexError when used after that.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from media_pipeline.errors import VectorIndexError
from media_pipeline.stores.index.filters import Filter
from media_pipeline.stores.index.points import Hit, Payload, Point, Vector

PayloadKind = Literal["tenant", "keyword", "integer", "float", "datetime", "geo"]
Optimised = Literal["built", "nothing to do", "timed out", "the server's own task"]


@dataclass(frozen=True, slots=True)
class PayloadIndex:
    """One payload field that filters are quick on. `tenant` is a keyword by which a server lays out its storage."""

    field: str
    kind: PayloadKind


PAYLOAD_INDEXES = (
    PayloadIndex("tenant", "tenant"),
    PayloadIndex("source", "keyword"),
    PayloadIndex("licence", "keyword"),
    PayloadIndex("licence_family", "keyword"),
    PayloadIndex("kind", "keyword"),
    PayloadIndex("subject", "keyword"),
    PayloadIndex("taxon", "keyword"),
    PayloadIndex("parent_media_id", "keyword"),
    PayloadIndex("phash_bands", "integer"),
    PayloadIndex("created_at", "datetime"),
    PayloadIndex("taken_at", "datetime"),
    PayloadIndex("quality_score", "float"),
    PayloadIndex("place", "geo"),
    PayloadIndex("tags", "keyword"),
    PayloadIndex("nsfw_score", "float"),
    PayloadIndex("aesthetic", "float"),
    PayloadIndex("aesthetic_method", "keyword"),
)

VectorName = Literal["clip_global", "clip_crops"]
GLOBAL: VectorName = "clip_global"
CROPS: VectorName = "clip_crops"
Quantisation = Literal["none", "scalar", "pq", "binary"]
# Of quantised vectors so many times more are looked at, and measured again with the originals.
OVERSAMPLING = 2.0


@dataclass(frozen=True, slots=True)
class Tuning:
    """The numbers of the HNSW graph.

    At 100k vectors of 512 numbers, m 16, ef_construct 200 and ef 128 find .997 of the true neighbours. Below
    `graph_from_kb` there is no graph: a scan of 10k such vectors takes 0.6 ms.
    """

    m: int = 16
    ef_construct: int = 200
    ef_search: int = 128
    graph_from_kb: int = 20_000
    full_scan_kb: int = 10_000


@dataclass(frozen=True, slots=True)
class Manner:
    """How a search goes about it: by the whole picture, or by the crop of it that is nearest; `ef` is how many the
    graph looks at (None: as tuned); `exact` looks at every vector, and at no quantised one."""

    by: VectorName = GLOBAL
    ef: int | None = None
    exact: bool = False


AS_TUNED = Manner()
TUNING = Tuning()

# 132 s for 100k vectors on one core; an hour covers a million points on several.
OPTIMISE_S = 3600.0


class VectorReader(Protocol):
    """An index that is read."""

    @property
    def name(self) -> str:
        """The generation (Edge) or collection (server): what the catalog names as live."""

    @property
    def dims(self) -> int:
        """How many numbers a vector has."""

    @property
    def quantisation(self) -> Quantisation:
        """What the vectors are quantised by, beside the originals. It comes and goes with `optimize` alone."""

    def search(
        self, vector: Vector, limit: int, *, where: Filter | None = None, manner: Manner = AS_TUNED
    ) -> list[Hit]:
        """The nearest points, by score and then id; by crops, those that have any."""

    def get(self, ids: Sequence[UUID]) -> list[Point]:
        """Those of the points that exist, in the order asked for."""

    def scroll(self, after: UUID | None, limit: int, *, where: Filter | None = None) -> list[Point]:
        """The next points by id; fewer than `limit` when there are no more."""

    def count(self, where: Filter | None = None) -> int:
        """How many points, exactly."""

    def close(self) -> None:
        """Let go of files and connections."""


class VectorIndex(VectorReader, Protocol):
    """An index that is written."""

    def ensure(self, dims: int, payload_indexes: Sequence[PayloadIndex] = PAYLOAD_INDEXES) -> None:
        """Make what is missing. An index of another length of vector is a VectorIndexError."""

    def upsert(self, points: Iterable[Point]) -> None:
        """Write points, whole batches at a time; of two with one id the later stays."""

    def delete(self, ids: Iterable[UUID]) -> None:
        """Remove points; an unknown id is no error, since a repeated run deletes again."""

    def set_payload(self, payloads: Mapping[UUID, Payload]) -> None:
        """Replace the payload whole: a merge would keep fields that the catalog no longer has.

        An unknown id is a VectorIndexError, and nothing is changed: only `upsert` can add it.
        """

    def optimize(self, within_s: float = OPTIMISE_S, *, quantisation: Quantisation | None = None) -> Optimised:
        """Build the graph that makes searches quick, and quantise (None: as before). After «timed out» the index is
        as before."""

    def flush(self) -> None:
        """Whatever was written is on disk."""


class IndexStore(Protocol):
    """Where the indexes are. A collection holds one version of one model.

    To write: read the live name from the catalog, `append`, then publish the new name by a compare-and-swap against
    the one that was read (two processes may append one after the other to the same live index; the second must not
    publish over the first), then `sweep`.
    """

    def append(self, collection: str, live: str | None, *, dims: int) -> AbstractContextManager[VectorIndex]:
        """An index with the points of `live`; to be published by its `name` once the block has ended without error."""

    def open(self, collection: str, name: str) -> VectorReader:
        """A published index. VectorIndexError «superseded» means: read the live name again."""

    def sweep(self, collection: str, keep: Collection[str]) -> tuple[str, ...]:
        """Remove what no reader can need: all that is older than `keep`, and what killed writers left."""

    def drop(self, collection: str, tenant: str) -> None:
        """Remove all that this tenant has in a collection, and the collection where nobody else has anything."""

    def point_alias(self, alias: str, collection: str) -> None:
        """Let other users of a server find the live collection; Edge has no other users."""

    def close(self) -> None:
        """Let go of the connection."""


COLLECTION = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")


def checked_collection(name: str) -> str:
    """The name, or a VectorIndexError: it becomes a folder and a part of a URL."""
    if not COLLECTION.fullmatch(name) or ".." in name:
        raise VectorIndexError(
            f"collection {name!r}: use a-z, 0-9, dot, underscore and hyphen, a letter or digit first"
        )
    return name
