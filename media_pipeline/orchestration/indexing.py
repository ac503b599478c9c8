"""The graph and the quantised vectors of the live index: made on a copy, measured, and put in force if good enough.

Minutes for 100k points, hence a command and a schedule, and never part of an append: until then, and for what was
appended since, a search looks at every vector. What is not here: what points say (stages/index), the engine's own work
(stores/index/optimiser.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from media_pipeline.errors import VectorIndexError
from media_pipeline.models import unpacked
from media_pipeline.orchestration.work import Run, desk
from media_pipeline.stores.catalog import index_pointers
from media_pipeline.stores.catalog.index_pointers import Graph, Pointer
from media_pipeline.stores.catalog.tables import embeddings
from media_pipeline.stores.index.filters import Eq
from media_pipeline.stores.index.interface import OPTIMISE_S, Quantisation, VectorReader
from media_pipeline.stores.index.nearest import recall
from media_pipeline.stores.index.points import Vector
from media_pipeline.stores.ledger import Output
from media_pipeline.stores.library import Library

LEAST_RECALL: Final = 0.95
SAMPLE: Final = 200
# Whoever holds this lock appends or optimises; its version is not looked at.
INDEX: Final = Output("vector_index", "")


@dataclass(frozen=True, slots=True)
class Checked:
    """What the live index is, and how many of the ten true nearest it finds."""

    pointer: Pointer
    recall: float | None
    sampled: int

    @property
    def is_enough(self) -> bool:
        return self.recall is None or self.recall >= LEAST_RECALL


@dataclass(frozen=True, slots=True)
class Built:
    """What came of optimising: `was` is in force still where `now` is not better."""

    was: Pointer
    now: Pointer
    outcome: str
    recall: float | None = None


def check(library: Library) -> Checked:
    """Recall at 10 of the live index against an exact search of it, for pictures that are left out of their answers."""
    pointer = _live(library)
    reader = library.index.open(pointer.model_version, pointer.name)
    try:
        found = sample(library, pointer, reader)
        return Checked(pointer, recall(reader, found, tenant=library.tenant), len(found))
    finally:
        reader.close()


def optimise(run: Run, *, quantisation: Quantisation, within_s: float = OPTIMISE_S) -> Built:
    """Build the graph of the live index and quantise it; refused, with the live one left, below the least recall."""
    library = run.library
    with desk(run, [INDEX]) as (report, place):
        if place is None:
            raise VectorIndexError(f"{report.held_by} is at work on the index: try again when it has finished")
        pointer = _live(library)
        if pointer.graph_count == pointer.point_count and pointer.quantisation == quantisation:
            return Built(pointer, pointer, "nothing to do")
        reader = library.index.open(pointer.model_version, pointer.name)
        dims, former = reader.dims, reader.quantisation
        found = sample(library, pointer, reader)
        reader.close()
        with library.index.append(pointer.model_version, pointer.name, dims=dims) as index:
            outcome = index.optimize(within_s, quantisation=quantisation)
            if outcome == "timed out":
                raise VectorIndexError(
                    f"{pointer.model_version}: the graph was not built in {within_s:.0f} s; searches go on without it"
                )
            kept = recall(index, found, tenant=library.tenant)
            if kept is not None and kept < LEAST_RECALL:
                if outcome == "the server's own task":
                    index.optimize(within_s, quantisation=former)
                raise VectorIndexError(
                    f"{pointer.model_version}, quantisation {quantisation}: recall@10 is {kept:.3f} over {len(found)} "
                    f"pictures, below {LEAST_RECALL}: not put in force; {pointer.name} ({pointer.quantisation}) serves "
                    "on. Set MEDIA_QUANTISATION to another"
                )
            index.flush()
            name, count = index.name, index.count(Eq("tenant", library.tenant))
            # Where there are too few points for a graph, looking at each covers all of them, and none is quantised.
            graph = Graph(count, index.quantisation)
        with place.commit([]) as connection:
            target = (pointer.model_version, name, count)
            index_pointers.publish(connection, library.tenant, was=pointer.name, pointer=target, graph=graph)
            now = index_pointers.live_pointer(connection, library.tenant)
        library.index.sweep(pointer.model_version, keep=[name])
    return Built(pointer, now or pointer, outcome, kept)


def sample(library: Library, pointer: Pointer, reader: VectorReader) -> list[tuple[UUID, Vector]]:
    """Some media and their vectors, the same each time: from the catalog, or, where that keeps another model's by now,
    from the index."""
    rows = embeddings.c
    query = (
        select(rows.media_id, rows.vector)
        .where(rows.tenant == library.tenant, rows.model_version == pointer.model_version)
        .order_by(func.md5(func.concat(rows.media_id)))
        .limit(SAMPLE)
    )
    with library.engine.connect() as connection:
        found = [(row.media_id, unpacked(row.vector)) for row in connection.execute(query)]
    if found:
        return found
    points = reader.scroll(None, SAMPLE, where=Eq("tenant", library.tenant))
    return [(point.id, point.vector) for point in points]


def _live(library: Library) -> Pointer:
    with library.engine.connect() as connection:
        pointer = index_pointers.live_pointer(connection, library.tenant)
    if pointer is None:
        raise VectorIndexError("nothing is indexed yet: `media-pipeline run` makes the index")
    return pointer
