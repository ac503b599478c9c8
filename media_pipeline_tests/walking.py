"""How tests let a library be worked on: through Dagster, as a user would, or stage by stage without it."""

from __future__ import annotations

import dagster as dg

from media_pipeline.config import Settings
from media_pipeline.definitions import build_definitions
from media_pipeline.operations.running import QUIET
from media_pipeline.orchestration.work import Progress
from media_pipeline.pipeline import EVERYTHING


def materialize(
    settings: Settings, *, partition: str = "uploads", progress: Progress | None = None
) -> dg.ExecuteInProcessResult:
    """Every asset for one partition, in one run."""
    job = build_definitions(settings=settings, progress=progress).resolve_job_def(EVERYTHING)
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(instance=instance, partition_key=partition, run_config=QUIET)


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, object]]:
    """What the run said of each asset."""
    return {
        event.materialization.asset_key.to_user_string(): {
            name: value.value for name, value in event.materialization.metadata.items()
        }
        for event in result.get_asset_materialization_events()
    }
