"""When each source is asked again: once a day, each at an hour of its own; and once a week for what lacks photos.

What is not here: what a run does, and runs for new uploads (sensors.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import dagster as dg

from media_pipeline.orchestration.partitions import partitions_of
from media_pipeline.sources import SOURCES, WEB_SOURCES

FIRST_HOUR_UTC = 2


def weekly_backfill(job: str, shards: Mapping[str, int]) -> dg.ScheduleDefinition:
    """Subjects that no photo was accepted of, at every web source once more; stopped until somebody starts it."""

    def requests(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        for source in WEB_SOURCES:
            yield from _requests(source, shards)(context)

    return dg.ScheduleDefinition(
        name="weekly_backfill",
        job_name=job,
        cron_schedule=f"0 {FIRST_HOUR_UTC - 1} * * 0",
        execution_timezone="UTC",
        execution_fn=requests,
        description="Subjects that no accepted photo is of are asked about once more, on Sundays.",
    )


def of_whole_library(*, recluster: str, score: str, optimise: str) -> list[dg.ScheduleDefinition]:
    """Before the sources are asked: on Saturdays the index gets its graph, on Sundays everything is clustered anew,
    every night all pictures are scored. Stopped until somebody starts them: of 100,000 pictures each takes some minutes
    of a core."""
    return [
        dg.ScheduleDefinition(
            name="weekly_recluster",
            job_name=recluster,
            cron_schedule="0 0 * * 0",
            execution_timezone="UTC",
            description="All pictures are clustered anew, on Sundays; clusters keep their ids and names.",
        ),
        dg.ScheduleDefinition(
            name="nightly_anomalies",
            job_name=score,
            cron_schedule="30 0 * * *",
            execution_timezone="UTC",
            description="How odd each picture is, said again of all of them, every night.",
        ),
        dg.ScheduleDefinition(
            name="weekly_optimise_index",
            job_name=optimise,
            cron_schedule="0 23 * * 6",
            execution_timezone="UTC",
            description="The graph of the live index is built over all pictures, on Saturdays, where any came since.",
        ),
    ]


def daily_schedules(job: str, shards: Mapping[str, int]) -> list[dg.ScheduleDefinition]:
    """One schedule per source, stopped until somebody starts it: it may cost the source's quota."""
    return [
        dg.ScheduleDefinition(
            name=f"daily_{source}",
            job_name=job,
            cron_schedule=f"0 {(FIRST_HOUR_UTC + hour) % 24} * * *",
            execution_timezone="UTC",
            execution_fn=_requests(source, shards),
            description=f"Everything new of the source «{source}», once a day.",
        )
        for hour, source in enumerate(SOURCES)
    ]


def _requests(
    source: str, shards: Mapping[str, int]
) -> Callable[[dg.ScheduleEvaluationContext], Iterator[dg.RunRequest]]:
    def requests(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        day = context.scheduled_execution_time.date().isoformat()
        for partition in partitions_of(source, shards):
            yield dg.RunRequest(run_key=f"{partition}/{day}", partition_key=partition)

    return requests
