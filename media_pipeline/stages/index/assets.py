"""Index: the vectors of the model in use, projected into Qdrant. It can be rebuilt from the catalog at any time.

What is not here: the vectors (stages/embed), what a point says (projection.py), the engine (stores/index), and what
people do with an index (operations/indexing.py, operations/searching.py).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any
from uuid import UUID

import dagster as dg
import numpy as np
from sqlalchemy import ARRAY, Uuid, and_, any_, exists, func, literal, not_, or_, select, update

from media_pipeline.config import Settings
from media_pipeline.errors import MediaProcessingError, VectorIndexError
from media_pipeline.models import Vectors, model_of
from media_pipeline.orchestration.indexing import optimise
from media_pipeline.orchestration.reports import result_of, run_of
from media_pipeline.orchestration.work import Desk, Progress, Report, Run, desk, entry_of
from media_pipeline.records import Made
from media_pipeline.stages.index.projection import VERSION, payload
from media_pipeline.stores import ledger
from media_pipeline.stores.catalog import index_pointers, statistics, tables
from media_pipeline.stores.catalog.selections import linked_media, same_media, told_of_media
from media_pipeline.stores.catalog.vectors import matrix_of
from media_pipeline.stores.index.filters import Eq
from media_pipeline.stores.index.interface import VectorIndex
from media_pipeline.stores.index.points import Point
from media_pipeline.stores.ledger import Due, Entry, Output
from media_pipeline.stores.library import Library

# Qdrant Edge appends fastest in thousands.
POINTS_AT_A_TIME = 2000
ALIAS = "images"
# What a point shows, and need not wait for.
WATCHED = ("hashes", "quality", "crop_embeddings", "aesthetics", "tags", "moderation")


def outputs(settings: Settings) -> tuple[Output, ...]:
    model = model_of(settings)
    version = f"{VERSION}/{model.version}"
    return (Output("vector_index", version, ("embeddings", "metadata"), own_input="told", watches=WATCHED),)


class IndexingConfig(dg.Config):
    """How `vector_index` is made: what is due is appended, and the graph over all of it is built, or not."""

    optimise: bool = False


@dg.asset(deps=["embeddings", "metadata", *WATCHED], kinds={"qdrant"}, code_version=VERSION)
def vector_index(
    context: dg.AssetExecutionContext,
    config: IndexingConfig,
    library: dg.ResourceParam[Library],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """The searchable vectors. One point is one media; one generation holds one version of one model. The graph that
    makes searches quick is built weekly, or by `media-pipeline index optimise`."""
    run = run_of(context, library, progress)
    report = project(run)
    if config.optimise and not report.held_by and _is_any_live(library):
        built = optimise(run, quantisation=library.settings.quantisation)
        report.note("vector_index", "graph_points", built.now.graph_count)
    return result_of(library, "vector_index", report)


def project(run: Run, *, afresh: bool = False) -> Report:
    """Append what is due to a copy of the generation in force, take out what is gone, and swap the pointer.

    The points are flushed before the pointer and the ledger rows are committed together: a run that is killed leaves
    the generation in force as it was. `afresh` begins with an empty one, from the catalog alone; the former serves
    until then.
    """
    (output,) = outputs(run.library.settings)
    with desk(run, [output]) as (report, place):
        if place is None:
            return report
        fresh = afresh or _pointer(run, output) is None
        if fresh:
            _outdate(place, output, everything=afresh)
        first = True
        # Again until nothing is due: what another run brought meanwhile found this step held, and counts on it.
        while _pass(place, output, afresh=fresh and first, first=first):
            first = False
        run.progress.end(output.name)
    return report


def _pass(place: Desk, output: Output, *, afresh: bool, first: bool) -> bool:
    """Whether there was anything to do."""
    run, gone = place.run, _gone(place.run, output)
    _remove_elsewhere(run, output, gone)
    statistics.refresh(place.connection)
    # One transaction for one look at what is due: each look reads all media.
    with place.connection.begin():
        total, batches = _due(place, output)
        if first:
            run.progress.begin(output.name, total)
        if not total and not gone and not afresh:
            return False
        was = _pointer(run, output)
        entries: list[Entry] = []
        rest: Iterator[list[Due]] | None = batches
        if was is None:
            entries, rest = _without_points(run, output, batches)
        name, count = None, 0
        # No index of a model that has made nothing yet: without its weights not even its length may be known.
        if rest is not None:
            with _opened(run, output, None if afresh else was) as index:
                for batch in rest:
                    points, wrong = _points(place, output, [due for due in batch if not due.blocked])
                    index.upsert(points)
                    index.delete(due.item_id for due in batch if due.blocked or due.item_id in wrong)
                    entries += [
                        entry_of(run, due, output=output, result=wrong.get(due.item_id, Made())) for due in batch
                    ]
                    run.progress.advance(output.name, len(batch))
                index.delete(gone)
                if afresh:
                    _remove_strays(run, index, entries)
                index.flush()
                count, name = index.count(Eq("tenant", run.library.tenant)), index.name
    tenant, version = run.library.tenant, _model_version(output)
    with place.commit(entries) as connection:
        ledger.forget(connection, tenant, output.name, gone)
        if name is not None:
            former = None if was is None else was.name
            fresh_graph = index_pointers.Graph(0, "none") if afresh else None
            index_pointers.publish(connection, tenant, was=former, pointer=(version, name, count), graph=fresh_graph)
            live = index_pointers.promote(connection, tenant, version)
    if name is not None:
        run.library.index.point_alias(ALIAS, live)
        run.library.index.sweep(version, keep=[name])
    return True


def _without_points(
    run: Run, output: Output, batches: Iterator[list[Due]]
) -> tuple[list[Entry], Iterator[list[Due]] | None]:
    """The rows of the batches before the first that has a vector, and the rest; none where no batch has any."""
    entries: list[Entry] = []
    for batch in batches:
        if not all(due.blocked for due in batch):
            return entries, chain([batch], batches)
        entries += [entry_of(run, due, output=output, result=None) for due in batch]
        run.progress.advance(output.name, len(batch))
    return entries, None


def _model_version(output: Output) -> str:
    return output.version.partition("/")[2]


def _pointer(run: Run, output: Output) -> index_pointers.Pointer | None:
    with run.library.engine.connect() as connection:
        return index_pointers.pointer_of(connection, run.library.tenant, _model_version(output))


def _is_any_live(library: Library) -> bool:
    with library.engine.connect() as connection:
        return index_pointers.live_pointer(connection, library.tenant) is not None


def _outdate(place: Desk, output: Output, *, everything: bool) -> None:
    """Of a lost index only what was in it: the rows of what never was are as good as before."""
    rows = tables.ledger
    own = and_(rows.c.tenant == place.run.library.tenant, rows.c.output == output.name)
    if not everything:
        own = and_(own, rows.c.status == "done")
    with place.connection.begin():
        place.connection.execute(update(rows).where(own, rows.c.version != "").values(version=""))


@contextmanager
def _opened(run: Run, output: Output, live: index_pointers.Pointer | None) -> Iterator[VectorIndex]:
    dims, name = model_of(run.library.settings).dims, None if live is None else live.name
    try:
        with run.library.index.append(_model_version(output), name, dims=dims) as index:
            yield index
    except VectorIndexError as error:
        remedy = "`media-pipeline index rebuild` makes the index anew from the catalog"
        raise VectorIndexError(f"{error} ({remedy})") from error


def _due(place: Desk, output: Output) -> tuple[int, Iterator[list[Due]]]:
    """How many items are due, and they themselves, piece by piece in the order of their ids."""
    run = place.run
    query = ledger.due(_media(run), [output], tenant=run.library.tenant, now=run.clock())
    query = query.add_columns(func.count().over().label("total"))
    streamed = query.execution_options(stream_results=True, yield_per=POINTS_AT_A_TIME)
    pieces = iter(place.connection.execute(streamed).mappings().partitions())
    piece = next(pieces, [])
    batches = ([ledger.as_due(row, [output]) for row in rows] for rows in chain([piece], pieces))
    return (piece[0]["total"] if piece else 0), (batch for batch in batches if batch)


def _points(place: Desk, output: Output, dues: Sequence[Due]) -> tuple[list[Point], dict[UUID, MediaProcessingError]]:
    """The points of these media, and what is wrong with the vectors of the others: one of them must not end a run."""
    run, version = place.run, _model_version(output)
    model = model_of(run.library.settings)
    # One array, not two thousand parameters: those took as long as all of the engine's work.
    ids, tenant = literal([due.item_id for due in dues], ARRAY(Uuid())), run.library.tenant
    whole, crops = tables.embeddings.c, tables.crop_embeddings.c
    vectors = {
        row.media_id: row.vector
        for row in place.connection.execute(
            select(whole.media_id, whole.vector).where(
                whole.tenant == tenant, whole.model_version == version, whole.media_id == any_(ids)
            )
        )
    }
    cut: dict[UUID, list[bytes]] = {}
    for row in place.connection.execute(
        select(crops.media_id, crops.vector)
        .where(crops.tenant == tenant, crops.model_version == version, crops.media_id == any_(ids))
        .order_by(crops.media_id, crops.number)
    ):
        cut.setdefault(row.media_id, []).append(row.vector)
    rows = matrix_of([vectors.get(due.item_id, b"") for due in dues], model.dims)
    points: list[Point] = []
    wrong: dict[UUID, MediaProcessingError] = {}
    for due, row, is_whole in zip(dues, rows, _have_directions(rows), strict=True):
        own = matrix_of(cut.get(due.item_id, ()), model.dims)
        if is_whole and all(_have_directions(own)):
            said = payload({**due.row, "model_name": model.name}, tenant=tenant, model=version)
            points.append(Point(due.item_id, row, said, own if len(own) else None))
        else:
            wrong[due.item_id] = MediaProcessingError("bad_vector", "its vector, or one of a crop, has no direction")
    return points, wrong


def _have_directions(rows: Vectors) -> list[bool]:
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    found: list[bool] = (np.isfinite(lengths) & (lengths > 0)).tolist()
    return found


def _media(run: Run) -> Any:
    tenant = run.library.tenant
    model = model_of(run.library.settings)
    # What `items_of` gives for media, with the rest of what their listings tell: looked up once.
    items, told = linked_media(tenant).subquery("linked"), told_of_media(tenant).subquery("told_of_media")
    media, facts, hashes, quality = tables.media, tables.media_metadata, tables.hashes, tables.quality
    aesthetics, moderation, tagged = tables.aesthetics, tables.moderation, tables.tags
    tags = select(func.array_agg(tagged.c.tag)).where(same_media(tagged)).scalar_subquery()
    vectors, embedded = tables.embeddings, tables.ledger
    has_vector = exists().where(same_media(vectors), vectors.c.model_version == model.version)
    is_embedded = exists().where(
        embedded.c.tenant == media.c.tenant,
        embedded.c.item_id == media.c.media_id,
        embedded.c.output == "embeddings",
        embedded.c.status == "done",
    )
    shown = (
        *(media.c[name] for name in ("home_source", "kind", "sha256", "public_code", "blob_key", "claimed_at")),
        *(media.c[name] for name in ("parent_media_id", "offset_s")),
        *(facts.c[name] for name in ("width_px", "height_px", "latitude", "longitude", "geohash_4")),
        *(facts.c[name] for name in ("is_sensitive_place", "taken_at_utc", "date_provenance")),
        *(told.c[name] for name in ("told", "licence", "licence_family", "subject_ids", "taxa")),
        hashes.c.phash,
        quality.c.quality_points,
        aesthetics.c.score.label("aesthetic"),
        aesthetics.c.method.label("aesthetic_method"),
        moderation.c.nsfw_score,
        tags.label("tags"),
    )
    return (
        select(items, *shown)
        .select_from(
            items.join(media, and_(media.c.tenant == tenant, media.c.media_id == items.c.item_id))
            .outerjoin(told, told.c.media_id == items.c.item_id)
            .outerjoin(facts, same_media(facts))
            .outerjoin(hashes, same_media(hashes))
            .outerjoin(quality, same_media(quality))
            .outerjoin(aesthetics, same_media(aesthetics))
            .outerjoin(moderation, same_media(moderation))
        )
        # Of a model that has come to some sources only: what the former one embedded waits for it.
        .where(or_(has_vector, not_(is_embedded)))
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


def _remove_elsewhere(run: Run, output: Output, gone: Sequence[UUID]) -> None:
    """What is gone disappears from the indexes of other versions too: one of them may be live."""
    tenant, store = run.library.tenant, run.library.index
    with run.library.engine.connect() as connection:
        others = [
            one for one in index_pointers.pointers(connection, tenant) if one.model_version != _model_version(output)
        ]
    for other in others if gone else ():
        reader = store.open(other.model_version, other.name)
        dims = reader.dims
        reader.close()
        with store.append(other.model_version, other.name, dims=dims) as index:
            index.delete(gone)
            index.flush()
            pointer = (other.model_version, index.name, index.count(Eq("tenant", tenant)))
        with run.library.engine.begin() as connection:
            index_pointers.publish(connection, tenant, was=other.name, pointer=pointer)
        store.sweep(other.model_version, keep=[pointer[1]])


def _remove_strays(run: Run, index: VectorIndex, entries: Sequence[Entry]) -> None:
    """A server's collection is written in place, and may hold what a ledger that was forgotten called indexed."""
    own, known = Eq("tenant", run.library.tenant), {entry.item_id for entry in entries}
    if index.count(own) <= len(known):
        return
    after: UUID | None = None
    while page := index.scroll(after, POINTS_AT_A_TIME, where=own):
        after = page[-1].id
        index.delete(point.id for point in page if point.id not in known)
