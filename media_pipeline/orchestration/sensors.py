"""What starts runs by itself: new files among the uploads, and work that an earlier run left.

There is no list of what was asked for before: a file is new until it is listed, and an item is due until the ledger has
its row, whatever became of former runs. So what a failed run left is asked for again, after a wait that grows with each
failure, and no run key is needed, which Dagster would remember for ever. What is not here: how files are listed for
real (stages/discover).
"""

import time
from collections.abc import Sequence

import dagster as dg
from sqlalchemy import select

from media_pipeline.config import Settings
from media_pipeline.orchestration.partitions import partition_for, partitions_of
from media_pipeline.stores import ledger
from media_pipeline.stores.blobs import BlobInfo
from media_pipeline.stores.catalog.selections import items_of, unlisted
from media_pipeline.stores.ledger import Output
from media_pipeline.stores.library import Library, open_library, require_uploads

SOURCE = "uploads"
# A tick is cut off after 60 s; 1,000 keys are one request of S3.
KEYS_A_TICK = 1000
# Dagster takes an empty cursor for none and keeps the former one, so that a tick could never start over.
BEGINNING = "after:"
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
# After one failed run a minute, then four, sixteen, and at most an hour.
FIRST_WAIT_S = 60.0
LONGEST_WAIT_S = 3600.0
FAILURES_LOOKED_AT = 5


def uploads_sensor(
    job: str, settings: Settings, *, outputs: Sequence[Output], keys_a_tick: int = KEYS_A_TICK
) -> dg.SensorDefinition:
    """Looks at the next keys each tick, and starts over behind the last."""

    @dg.sensor(
        name="uploads_sensor",
        job_name=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="New files in the upload folder or bucket, and items that are due, start a run of their partition.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        with open_library(settings) as library:
            require_uploads(library)
            after = (context.cursor or BEGINNING).removeprefix(BEGINNING)
            seen = library.bucket.list_after(after=after, limit=keys_a_tick)
            waiting = partitions_with_news(library, seen) | partitions_with_work(library, outputs)
        cursor = BEGINNING + (seen[-1].key if len(seen) == keys_a_tick else "")
        held = {partition: why for partition in waiting if (why := _held_back(context.instance, job, partition))}
        if free := sorted(waiting - held.keys()):
            return dg.SensorResult(run_requests=[dg.RunRequest(partition_key=name) for name in free], cursor=cursor)
        told = "; ".join(f"{partition}: {why}" for partition, why in sorted(held.items()))
        return dg.SensorResult(skip_reason=told or f"nothing new among {len(seen)} keys", cursor=cursor)

    return sensor


def partitions_with_news(library: Library, seen: Sequence[BlobInfo]) -> set[str]:
    """The partitions of those files that are in no listing yet."""
    news = unlisted(library.engine, library.tenant, source=SOURCE, seen=seen)
    return {partition_for(SOURCE, entry.key, library.settings.shards) for entry in news}


def partitions_with_work(library: Library, outputs: Sequence[Output]) -> set[str]:
    """The partitions in which some output is due for some item: left by a run that failed, or to be tried again."""
    return {
        partition
        for partition in partitions_of(SOURCE, library.settings.shards)
        if any(is_due(library, output, partition) for output in outputs if output.of != "page")
    }


def is_due(library: Library, output: Output, partition: str) -> bool:
    """Whether this output has work in the partition."""
    everywhere = items_of(output.of, library.tenant).subquery("everywhere")
    items = select(everywhere).where(everywhere.c.partition == partition).subquery("items")
    query = ledger.due(items, [output], tenant=library.tenant, now=ledger.utc_now())
    with library.engine.connect() as connection:
        return connection.execute(query.order_by(None).limit(1)).first() is not None


def _held_back(instance: dg.DagsterInstance, job: str, partition: str) -> str | None:
    """Why a run of the partition must wait; None when it need not."""
    of_partition = {"dagster/partition": partition}
    if instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=UNFINISHED, tags=of_partition)):
        return "a run is under way"
    latest = instance.get_run_records(dg.RunsFilter(job_name=job, tags=of_partition), limit=FAILURES_LOOKED_AT)
    failures = 0
    for record in latest:
        if record.dagster_run.status != dg.DagsterRunStatus.FAILURE:
            break
        failures += 1
    if not failures:
        return None
    wait_s = min(FIRST_WAIT_S * 4 ** (failures - 1), LONGEST_WAIT_S)
    left_s = wait_s - (time.time() - (latest[0].end_time or 0.0))
    return f"{failures} runs failed in a row; the next is asked for in {left_s:.0f} s" if left_s > 0 else None
