"""Embed: one vector per media and model. The rows written here are the truth; Qdrant is made from them.

What is not here: the models (models/), the index (stages/index).
"""

from typing import Any

import dagster as dg
from sqlalchemy import and_, select

from media_pipeline.config import Settings
from media_pipeline.models import model_of
from media_pipeline.orchestration.reports import result_of, run_of
from media_pipeline.orchestration.work import ItemWork, Progress, Run, work_off
from media_pipeline.stages.embed.vectors import VERSION, Task, embedded
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.selections import same_media
from media_pipeline.stores.ledger import Due, Output
from media_pipeline.stores.library import Library


def outputs(settings: Settings) -> tuple[Output, ...]:
    model = model_of(settings)
    return (Output("embeddings", f"{VERSION}/{model.version}", ("derivatives",)),)


@dg.asset(deps=["derivatives"], kinds={"numpy", "postgres"}, code_version=VERSION)
def embeddings(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """Vectors. One row is one media as one version of one model sees it."""
    (output,) = outputs(library.settings)
    work = ItemWork(outputs={output: tables.embeddings}, items=_pictures, key="media_id", load=_task, compute=embedded)
    return result_of(library, output.name, work_off(work, run_of(context, library, progress)))


def _pictures(run: Run) -> Any:
    media, derivatives = tables.media, tables.derivatives
    # The 640 px picture: a model sees 224 px or less, and a twelfth of the bytes is read.
    is_medium = and_(derivatives.c.name == "medium", derivatives.c.content_type == "image/jpeg")
    medium = and_(same_media(derivatives), is_medium)
    return (
        select(
            media.c.media_id.label("item_id"),
            media.c.home_partition.label("partition"),
            derivatives.c.blob_key,
            derivatives.c.sha256,
        )
        .select_from(media.outerjoin(derivatives, medium))
        .where(media.c.tenant == run.library.tenant, media.c.home_partition == run.partition)
        .subquery("items")
    )


def _task(run: Run, due: Due) -> Task:
    picture = run.library.blobs.get(due.row["blob_key"], sha256=due.row["sha256"])
    return Task(picture, run.library.settings.model, run.library.settings.model_weights)
