"""What starts runs by itself: new files among the uploads.

The ledger of (key, etag) is the table of listings: a file is new until it is listed, whatever became of former runs.
So a run that fails is asked for again, and no run key is needed, which Dagster would remember for ever.
What is not here: how files are listed for real (stages/discover).
"""

import dagster as dg

from media_pipeline.config import Settings
from media_pipeline.orchestration.partitions import partition_for
from media_pipeline.stores.blobs import BlobInfo
from media_pipeline.stores.catalog.selections import unlisted
from media_pipeline.stores.library import Library, open_library

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


def uploads_sensor(job: str, settings: Settings, *, keys_a_tick: int = KEYS_A_TICK) -> dg.SensorDefinition:
    """Looks at the next keys each tick, and starts over behind the last."""

    @dg.sensor(
        name="uploads_sensor",
        job_name=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="New files in the upload folder or bucket start a run of their partition.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        with open_library(settings) as library:
            after = (context.cursor or BEGINNING).removeprefix(BEGINNING)
            seen = library.bucket.list_after(after=after, limit=keys_a_tick)
            waiting = partitions_with_news(library, seen)
        cursor = BEGINNING + (seen[-1].key if len(seen) == keys_a_tick else "")
        busy = {partition for partition in waiting if _is_running(context.instance, job, partition)}
        if waiting - busy:
            requests = [dg.RunRequest(partition_key=partition) for partition in sorted(waiting - busy)]
            return dg.SensorResult(run_requests=requests, cursor=cursor)
        why = "a run is under way for what is new" if busy else f"nothing new among {len(seen)} keys"
        return dg.SensorResult(skip_reason=why, cursor=cursor)

    return sensor


def partitions_with_news(library: Library, seen: list[BlobInfo]) -> set[str]:
    """The partitions of those files that are in no listing yet."""
    news = unlisted(library.engine, library.tenant, source=SOURCE, seen=seen)
    return {partition_for(SOURCE, entry.key, library.settings.shards) for entry in news}


def _is_running(instance: dg.DagsterInstance, job: str, partition: str) -> bool:
    wanted = dg.RunsFilter(job_name=job, statuses=UNFINISHED, tags={"dagster/partition": partition})
    return instance.get_runs_count(wanted) > 0
