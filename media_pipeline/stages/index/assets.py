"""Index: the vectors of the model in use, projected into Qdrant. It can be rebuilt from the catalog at any time.

What is not here: the vectors (stages/embed), the engine (stores/index).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import dagster as dg
import numpy as np
from sqlalchemy import Connection, and_, func, select
from sqlalchemy.dialects.postgresql import insert

from media_pipeline.config import Settings
from media_pipeline.errors import VectorIndexError
from media_pipeline.models import EmbeddingModel, model_of
from media_pipeline.orchestration.reports import result_of, run_of
from media_pipeline.orchestration.work import Desk, Progress, Report, Run, desk, entry_of
from media_pipeline.records import Made
from media_pipeline.stages.index.projection import VERSION, payload
from media_pipeline.stores import ledger
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.selections import same_media
from media_pipeline.stores.index.interface import VectorIndex
from media_pipeline.stores.index.points import Point
from media_pipeline.stores.ledger import Due, Entry, Output
from media_pipeline.stores.library import Library

# Qdrant Edge appends fastest in thousands.
POINTS_AT_A_TIME = 2000
ALIAS = "images"


def outputs(settings: Settings) -> tuple[Output, ...]:
    model = model_of(settings)
    return (Output("vector_index", f"{VERSION}/{model.version}", ("embeddings", "metadata")),)


@dg.asset(deps=["embeddings", "metadata"], kinds={"qdrant"}, code_version=VERSION)
def vector_index(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """The searchable vectors. One point is one media; one generation holds one version of one model."""
    return result_of(library, "vector_index", project(run_of(context, library, progress)))


def project(run: Run) -> Report:
    """Append what is due to a copy of the live generation, take out what is gone, and swap the pointer.

    The points are flushed before the pointer and the ledger rows are committed together: a run that is killed leaves
    the live generation as it was.
    """
    (output,) = outputs(run.library.settings)
    with desk(run, [output]) as (report, place):
        if place is None:
            return report
        items = _media(run, output)
        total = place.count_due(items)
        run.progress.begin(output.name, total)
        # Again until nothing is due: what another run brought meanwhile found this step held, and counts on it.
        while place.count_due(items) or _gone(run, output):
            _append(place, output, items=items, gone=_gone(run, output))
        run.progress.end(output.name)
    return report


def _append(place: Desk, output: Output, *, items: Any, gone: Sequence[UUID]) -> None:
    run = place.run
    settings = run.library.settings
    model = model_of(settings)
    live = _live(run, model)
    entries: list[Entry] = []
    with _opened(run, model, live) as index:
        for batch in _batches(place, items):
            index.upsert(_point(run, due, model) for due in batch if not due.blocked)
            index.delete(due.item_id for due in batch if due.blocked)
            entries += [entry_of(run, due, output=output, result=Made()) for due in batch]
            run.progress.advance(output.name, len(batch))
        index.delete(gone)
        index.flush()
        count, name = index.count(), index.name
    with place.commit(entries) as connection:
        _publish(connection, run, model_version=model.version, was=live, name=name, count=count)
        ledger.forget(connection, run.library.tenant, output.name, gone)
    run.library.index.point_alias(ALIAS, model.version)
    run.library.index.sweep(model.version, keep=[name])


@contextmanager
def _opened(run: Run, model: EmbeddingModel, live: str | None) -> Iterator[VectorIndex]:
    try:
        with run.library.index.append(model.version, live, dims=model.dims) as index:
            yield index
    except VectorIndexError as error:
        remedy = "`media-pipeline index rebuild` makes the index anew from the catalog"
        raise VectorIndexError(f"{error} ({remedy})") from error


def _batches(place: Desk, items: Any) -> Iterator[list[Due]]:
    after = None
    while batch := place.read_due(items, after=after, limit=POINTS_AT_A_TIME):
        yield batch
        after = batch[-1].item_id


def _point(run: Run, due: Due, model: EmbeddingModel) -> Point:
    vector = np.frombuffer(due.row["vector"], dtype="<f4")
    return Point(due.item_id, vector, payload(due.row, tenant=run.library.tenant, model=model.version))


def _media(run: Run, output: Output) -> Any:
    media, facts, hashes, vectors = tables.media, tables.media_metadata, tables.hashes, tables.embeddings
    model_version = output.version.partition("/")[2]

    return (
        select(
            media.c.media_id.label("item_id"),
            media.c.home_partition.label("partition"),
            media.c.home_source,
            media.c.kind,
            media.c.sha256,
            media.c.public_code,
            facts.c.width_px,
            facts.c.height_px,
            facts.c.latitude,
            facts.c.longitude,
            hashes.c.phash,
            vectors.c.vector,
        )
        .select_from(
            media.outerjoin(facts, same_media(facts))
            .outerjoin(hashes, same_media(hashes))
            .outerjoin(vectors, and_(same_media(vectors), vectors.c.model_version == model_version))
        )
        .where(media.c.tenant == run.library.tenant)
        .subquery("items")
    )


def _gone(run: Run, output: Output) -> list[UUID]:
    """Media that the ledger calls indexed and the catalog no longer has."""
    rows, media = tables.ledger, tables.media
    query = (
        select(rows.c.item_id)
        .outerjoin(media, and_(media.c.tenant == rows.c.tenant, media.c.media_id == rows.c.item_id))
        .where(rows.c.tenant == run.library.tenant, rows.c.output == output.name, media.c.media_id.is_(None))
    )
    with run.library.engine.connect() as connection:
        return list(connection.scalars(query))


def _live(run: Run, model: EmbeddingModel) -> str | None:
    pointer = tables.index_generations
    query = select(pointer.c.name).where(
        pointer.c.tenant == run.library.tenant, pointer.c.model_version == model.version
    )
    with run.library.engine.connect() as connection:
        return connection.scalar(query)


def _publish(connection: Connection, run: Run, *, model_version: str, was: str | None, name: str, count: int) -> None:
    pointer = tables.index_generations
    row = {"tenant": run.library.tenant, "model_version": model_version, "name": name, "point_count": count}
    written = connection.execute(
        insert(pointer)
        .values(row)
        .on_conflict_do_update(
            index_elements=["tenant", "model_version"],
            set_={"name": name, "point_count": count, "published_at": func.now()},
            where=pointer.c.name == was,
        )
        .returning(pointer.c.name)
    ).one_or_none()
    if written is None:
        raise VectorIndexError(f"{model_version}: the live generation is no longer {was!r}: run the step again")
