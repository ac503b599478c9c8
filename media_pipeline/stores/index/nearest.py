"""The core of search: the media of one tenant that are nearest to a vector, by the whole picture or by its best crop.

Pure of catalog, model and HTTP: a reader and a vector in, media out. The tenant is an argument without a default, and
part of every question asked of the reader; whatever else a caller asks for can only narrow it. Not here: where the
vector comes from and which index is live (operations/searching.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from media_pipeline.errors import VectorIndexError
from media_pipeline.stores.index.filters import And, Eq, Filter, Ids, In, Not
from media_pipeline.stores.index.hashes import MAX_BANDED_BITS, bands, bits_apart
from media_pipeline.stores.index.interface import CROPS, GLOBAL, Manner, VectorName, VectorReader
from media_pipeline.stores.index.points import Hit, Payload, Vector

HASH_BITS = 64
# How much more is fetched where the gate let too few through.
WIDER = 4


@dataclass(frozen=True, slots=True)
class Gate:
    """Only what is at most so many bits of perceptual hash from here."""

    phash: str
    max_bits: int

    def __post_init__(self) -> None:
        if not 0 <= self.max_bits <= HASH_BITS:
            raise ValueError(f"a gate of {self.max_bits} bits: hashes have {HASH_BITS}")


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked beside the vector. `vectors`: by which of those that a media has; its best score counts."""

    limit: int = 20
    where: Filter | None = None
    gate: Gate | None = None
    without: frozenset[UUID] = frozenset()
    vectors: tuple[VectorName, ...] = (GLOBAL, CROPS)
    ef: int | None = None
    min_score: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One media: its cosine, by which vector, and how many bits of hash from the gate's."""

    media_id: UUID
    score: float
    by: VectorName
    bits: int | None
    payload: Payload


def nearest(reader: VectorReader, vector: Vector, *, tenant: str, asking: Asking | None = None) -> list[Found]:
    """The best by score, then id."""
    asked = asking or Asking()
    if asked.limit < 1:
        raise ValueError(f"limit {asked.limit}: ask for at least one")
    where = of_tenant(tenant, _narrowed(asked))
    count = asked.limit
    while True:
        hits = {by: reader.search(vector, count, where=where, manner=Manner(by, asked.ef)) for by in asked.vectors}
        found = [one for one in _merged(hits, asked.gate) if _passes(one, asked)]
        is_all = all(len(some) < count for some in hits.values())
        is_low = asked.min_score is not None and all(some[-1].score < asked.min_score for some in hits.values() if some)
        if len(found) >= asked.limit or is_all or is_low:
            return [_owned(one, tenant) for one in found[: asked.limit]]
        if asked.gate is None and asked.min_score is None:
            # Both lists hold the best of their kind: what is in neither is not among the best.
            return [_owned(one, tenant) for one in found]
        count *= WIDER


def vector_of(reader: VectorReader, media_id: UUID, *, tenant: str) -> tuple[Vector, Payload] | None:
    """The vector and payload of one media; None where this tenant has no such media in the index."""
    found = [point for point in reader.get([media_id]) if point.payload.get("tenant") == _named(tenant)]
    return (found[0].vector, found[0].payload) if found else None


def of_tenant(tenant: str, where: Filter | None = None) -> Filter:
    """The filter, for this tenant's points alone."""
    own = Eq("tenant", _named(tenant))
    return own if where is None else And((own, where))


def recall(reader: VectorReader, sample: Iterable[tuple[UUID, Vector]], *, tenant: str, k: int = 10) -> float | None:
    """How many of the true nearest a search finds, as a share; each of the sample is left out of its own answer.

    None where there is nothing to find.
    """
    hit = wanted = 0
    for media_id, vector in sample:
        exact, live = (
            {one.id for one in reader.search(vector, k + 1, where=of_tenant(tenant), manner=manner)} - {media_id}
            for manner in (Manner(exact=True), Manner())
        )
        hit, wanted = hit + len(exact & live), wanted + len(exact)
    # Of k + 1 asked for one is the media itself; where the search missed that, it may hold one more.
    return min(1.0, hit / wanted) if wanted else None


def _named(tenant: str) -> str:
    if not tenant:
        raise ValueError("a search without a tenant")
    return tenant


def _narrowed(asked: Asking) -> Filter | None:
    parts: list[Filter] = [] if asked.where is None else [asked.where]
    if asked.without:
        parts.append(Not(Ids(asked.without)))
    if asked.gate is not None and asked.gate.max_bits <= MAX_BANDED_BITS:
        parts.append(In("phash_bands", bands(asked.gate.phash)))
    return And(tuple(parts)) if parts else None


def _merged(hits: dict[VectorName, list[Hit]], gate: Gate | None) -> list[Found]:
    best: dict[UUID, Found] = {}
    for by, some in hits.items():
        for hit in some:
            known = best.get(hit.id)
            if known is None or hit.score > known.score:
                best[hit.id] = Found(hit.id, hit.score, by, _bits(hit.payload, gate), hit.payload)
    return sorted(best.values(), key=lambda one: (-one.score, one.media_id))


def _bits(said: Payload, gate: Gate | None) -> int | None:
    phash = said.get("phash")
    return bits_apart(phash, gate.phash) if gate is not None and isinstance(phash, str) else None


def _passes(one: Found, asked: Asking) -> bool:
    if asked.min_score is not None and one.score < asked.min_score:
        return False
    return asked.gate is None or (one.bits is not None and one.bits <= asked.gate.max_bits)


def _owned(one: Found, tenant: str) -> Found:
    # The filter has seen to it; an engine that did not heed it must not be the one who tells.
    if one.payload.get("tenant") != tenant:
        raise VectorIndexError("the index gave a point of another tenant: nothing is shown")
    return one
