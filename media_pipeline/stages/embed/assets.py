"""Embed: vectors of pictures and of their parts. The rows written here are the truth; Qdrant is made from them.

What is not here: the models (models/), the index (stages/index).
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import dagster as dg
from sqlalchemy import Table, and_, case, func, select

from media_pipeline.config import Settings
from media_pipeline.models import EmbeddingModel, OpenClip, model_of, notice
from media_pipeline.models.readiness import made_ready
from media_pipeline.orchestration.pool import guarded
from media_pipeline.orchestration.reports import result_of, run_of
from media_pipeline.orchestration.work import ItemWork, Progress, Run, work_off
from media_pipeline.stages.embed import crops
from media_pipeline.stages.embed.vectors import PARTS, VERSION, WHOLE, Shown, Task, embedded, embedded_together, shown
from media_pipeline.stores import ledger
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.selections import same_media
from media_pipeline.stores.ledger import Due, Output
from media_pipeline.stores.library import Library

TABLES: Mapping[str, Table] = {WHOLE: tables.embeddings, PARTS: tables.crop_embeddings}
DESCRIPTIONS = {
    WHOLE: "Vectors. One row is one media as one version of one model sees it.",
    PARTS: "Vectors of the parts of a picture that draw the eye (MEDIA_CROPS; none by default). One row is one part of "
    "one media as one version of one model sees it.",
}
# A CLIP model sees 224 px: a picture that is shorter than that would be blown up. The 1280 px picture is taken then.
LEAST_PX = 256


def outputs(settings: Settings) -> tuple[Output, ...]:
    return _outputs(model_of(settings), settings)


def _outputs(model: EmbeddingModel, settings: Settings) -> tuple[Output, ...]:
    parts = f"{crops.VERSION}/{settings.crops}/{model.version}" if settings.crops else "off"
    return (
        Output(WHOLE, f"{VERSION}/{model.version}", ("derivatives",)),
        Output(PARTS, parts, ("derivatives",)),
    )


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            name,
            deps=["derivatives"],
            description=description,
            code_version=VERSION if name == WHOLE else crops.VERSION,
            kinds={"numpy", "postgres"},
            skippable=True,
        )
        for name, description in DESCRIPTIONS.items()
    ],
    can_subset=True,
)
def embed(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> Iterator[dg.MaterializeResult[None]]:
    """One decode, all vectors."""
    settings, run = library.settings, run_of(context, library, progress)
    chosen = [name for name in TABLES if dg.AssetKey(name) in context.selected_asset_keys]
    model = model_of(settings)
    # Weights are fetched and loaded only where something is due: it takes seconds, and a network.
    if _is_any_due(run, _chosen(model, settings, chosen)):
        model = made_ready(settings)
    said = model.problem.detail if isinstance(model, OpenClip) and model.problem is not None else notice(settings)
    if said:
        context.log.warning("%s", said)
    report = work_off(_work(model, settings, chosen), run)
    for name in chosen:
        result = result_of(library, name, report)
        told = {"model": model.version, "space": model.space} | ({"notice": said} if said else {})
        yield dg.MaterializeResult(asset_key=name, metadata={**(result.metadata or {}), **told})


def _chosen(model: EmbeddingModel, settings: Settings, names: list[str]) -> tuple[Output, ...]:
    return tuple(output for output in _outputs(model, settings) if output.name in names)


def _work(model: EmbeddingModel, settings: Settings, names: list[str]) -> ItemWork:
    found = {output: TABLES[output.name] for output in _chosen(model, settings, names)}
    if not isinstance(model, OpenClip):
        return ItemWork(outputs=found, items=_pictures, key="media_id", load=partial(_task, model), compute=embedded)
    together = partial(embedded_together, model)
    return ItemWork(
        outputs=found,
        items=_pictures,
        key="media_id",
        load=partial(_shown, model),
        compute=embedded,
        together=together,
        group=settings.embed_batch,
    )


def _is_any_due(run: Run, wanted: tuple[Output, ...]) -> bool:
    query = ledger.due(_pictures(run), wanted, tenant=run.library.tenant, now=run.clock()).limit(1)
    with run.library.engine.connect() as connection:
        return connection.execute(query).first() is not None


def _pictures(run: Run) -> Any:
    media, medium, large = tables.media, tables.derivatives.alias("medium"), tables.derivatives.alias("large")
    # The 640 px picture: its vectors have a cosine of .9996 and more to those of the original, and a twelfth of the
    # bytes is read.
    is_thin = func.least(medium.c.width_px, medium.c.height_px) < LEAST_PX
    takes_large = and_(is_thin, large.c.blob_key.is_not(None))
    joined = media.outerjoin(medium, _is(medium, "medium")).outerjoin(large, _is(large, "large"))
    return (
        select(
            media.c.media_id.label("item_id"),
            media.c.home_partition.label("partition"),
            case((takes_large, large.c.blob_key), else_=medium.c.blob_key).label("blob_key"),
            case((takes_large, large.c.sha256), else_=medium.c.sha256).label("sha256"),
        )
        .select_from(joined)
        .where(media.c.tenant == run.library.tenant, media.c.home_partition == run.partition)
        .subquery("items")
    )


def _is(derivative: Any, name: str) -> Any:
    return and_(same_media(derivative), derivative.c.name == name, derivative.c.content_type == "image/jpeg")


def _task(model: EmbeddingModel, run: Run, due: Due) -> Task:
    settings = run.library.settings
    wanted = frozenset(name for name in due.inputs if name not in due.blocked)
    # Nothing is read for parts that are not made.
    is_read = WHOLE in wanted or settings.crops > 0
    picture = run.library.blobs.get(due.row["blob_key"], sha256=due.row["sha256"]) if is_read else b""
    return Task(picture, wanted, model, settings.crops)


def _shown(model: OpenClip, run: Run, due: Due) -> Shown:
    # Its own reason first: without weights no picture need be read.
    how = model.preparation()
    found: Shown = guarded(partial(shown, how=how), _task(model, run, due))
    return found
