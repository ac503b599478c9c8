"""Which generations of the index there are, and which one searches go to: rows of `index_generations`.

Not here: the generations themselves (stores/index), what is written into them (stages/index).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from media_pipeline.errors import VectorIndexError
from media_pipeline.stores.catalog.tables import index_generations as table
from media_pipeline.stores.index.interface import Quantisation


@dataclass(frozen=True, slots=True)
class Pointer:
    """The generation of one version of a model that is in force."""

    model_version: str
    name: str
    point_count: int
    graph_count: int
    quantisation: Quantisation
    is_live: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """What the last optimising made of a generation."""

    points: int
    quantisation: Quantisation


def pointers(connection: Connection, tenant: str) -> list[Pointer]:
    """All of them, the live one first."""
    columns = (table.c.model_version, table.c.name, table.c.point_count, table.c.graph_count, table.c.quantisation)
    query = (
        select(*columns, table.c.is_live)
        .where(table.c.tenant == tenant)
        .order_by(table.c.is_live.desc(), table.c.model_version)
    )
    return [Pointer(*row) for row in connection.execute(query)]


def live_pointer(connection: Connection, tenant: str) -> Pointer | None:
    """Where searches go; None where nothing is indexed yet."""
    return next((one for one in pointers(connection, tenant) if one.is_live), None)


def pointer_of(connection: Connection, tenant: str, model_version: str) -> Pointer | None:
    return next((one for one in pointers(connection, tenant) if one.model_version == model_version), None)


def publish(
    connection: Connection, tenant: str, *, was: str | None, pointer: tuple[str, str, int], graph: Graph | None = None
) -> None:
    """Put `pointer` (model version, name, points) in force, where the one before is still `was`.

    `graph` is told by whoever optimised; without it what was told stays, as the graph stays in the copy that is
    appended to. What is made anew has none.
    """
    model_version, name, count = pointer
    told = graph or Graph(0, "none")
    kept = {} if graph is None and was is not None else {"graph_count": told.points, "quantisation": told.quantisation}
    row = {"tenant": tenant, "model_version": model_version, "name": name, "point_count": count}
    written = connection.execute(
        insert(table)
        .values(**row, graph_count=told.points, quantisation=told.quantisation)
        .on_conflict_do_update(
            index_elements=["tenant", "model_version"],
            set_={"name": name, "point_count": count, "published_at": func.now(), **kept},
            where=table.c.name == was,
        )
        .returning(table.c.name)
    ).one_or_none()
    if written is None:
        raise VectorIndexError(f"{model_version}: the live generation is no longer {was!r}: run the step again")


def promote(connection: Connection, tenant: str, model_version: str) -> str:
    """Searches go to this version, where it covers no less than the live one; the version that is live then."""
    live, candidate = live_pointer(connection, tenant), pointer_of(connection, tenant, model_version)
    if candidate is None or (live is not None and candidate.point_count < live.point_count):
        return model_version if live is None else live.model_version
    make_live(connection, tenant, model_version)
    return model_version


def make_live(connection: Connection, tenant: str, model_version: str) -> None:
    """Searches go to this version, whatever it covers."""
    own = table.c.tenant == tenant
    connection.execute(
        update(table).where(own, table.c.is_live, table.c.model_version != model_version).values(is_live=False)
    )
    connection.execute(update(table).where(own, table.c.model_version == model_version).values(is_live=True))


def forget(connection: Connection, tenant: str, model_version: str) -> None:
    connection.execute(delete(table).where(table.c.tenant == tenant, table.c.model_version == model_version))
