"""The table of contents: the stages in the order of the pipeline, made into one Dagster code location.

What is not here: what a stage does (stages/), and the plumbing between it and Dagster (orchestration/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Final

import dagster as dg

from media_pipeline.config import Settings
from media_pipeline.orchestration.jobs import all_jobs
from media_pipeline.orchestration.partitions import all_partitions
from media_pipeline.orchestration.resources import resources
from media_pipeline.orchestration.schedules import daily_schedules, of_whole_library, weekly_backfill
from media_pipeline.orchestration.sensors import uploads_sensor
from media_pipeline.orchestration.work import Progress, Unwatched
from media_pipeline.pipeline import BACKFILL, EVERYTHING, OPTIMISE_INDEX, RECLUSTER, SCORE_ANOMALIES
from media_pipeline.stages.describe import assets as describe
from media_pipeline.stages.discover import assets as discover
from media_pipeline.stages.embed import assets as embed
from media_pipeline.stages.examine import assets as examine
from media_pipeline.stages.fetch import assets as fetch
from media_pipeline.stages.flag import assets as flag
from media_pipeline.stages.group import assets as group
from media_pipeline.stages.index import assets as index
from media_pipeline.stages.publish import assets as publish
from media_pipeline.stages.unpack import assets as unpack
from media_pipeline.stores.ledger import Output

STAGES: Final[Mapping[str, ModuleType]] = {
    "discover": discover,
    "fetch": fetch,
    "unpack": unpack,
    "examine": examine,
    "embed": embed,
    "describe": describe,
    "index": index,
    "group": group,
    "flag": flag,
    "publish": publish,
}
# These look at the whole library; every other stage works source by source.
WHOLE_LIBRARY: Final = frozenset({"index", "group", "flag", "publish"})
# And this asset, in a stage that works source by source: the same is looked for at all of them.
OF_ALL_SOURCES: Final = frozenset({"subjects"})
OWNER: Final = "team:media-pipeline"


def build_definitions(*, settings: Settings | None = None, progress: Progress | None = None) -> dg.Definitions:
    """The code location; tests and the command line hand in their own settings and watcher."""
    chosen = settings or Settings.load()
    outputs = all_outputs(chosen)
    partitions = dg.StaticPartitionsDefinition(all_partitions(chosen.shards))
    assets = [asset for name, stage in STAGES.items() for asset in _placed(name, stage, partitions)]
    return dg.Definitions(
        assets=assets,
        jobs=all_jobs(STAGES),
        schedules=[
            *daily_schedules(EVERYTHING, chosen.shards),
            weekly_backfill(BACKFILL, chosen.shards),
            *of_whole_library(recluster=RECLUSTER, score=SCORE_ANOMALIES, optimise=OPTIMISE_INDEX),
        ],
        sensors=[uploads_sensor(EVERYTHING, chosen, outputs=outputs)],
        resources=resources(chosen, progress=progress or Unwatched(), outputs=outputs),
        # Heavy steps bring their own worker pool; a process for each step would only add three seconds to each.
        executor=dg.in_process_executor,
    )


def all_outputs(settings: Settings) -> tuple[Output, ...]:
    """What the ledger knows of, in the order of the pipeline."""
    return tuple(output for stage in STAGES.values() if stage is not publish for output in stage.outputs(settings))


def _placed(name: str, stage: ModuleType, partitions: dg.StaticPartitionsDefinition) -> Sequence[dg.AssetsDefinition]:
    """The stage's assets in their group, with an owner, and with a partition per source where they have one."""
    found = dg.load_assets_from_modules([stage])

    def placed(spec: dg.AssetSpec) -> dg.AssetSpec:
        spec = spec.replace_attributes(group_name=name, owners=[OWNER])
        whole = name in WHOLE_LIBRARY or spec.key.to_user_string() in OF_ALL_SOURCES
        return spec if whole else spec.replace_attributes(partitions_def=partitions)

    return [asset.map_asset_specs(placed) for asset in found if isinstance(asset, dg.AssetsDefinition)]


@dg.definitions
def defs() -> dg.Definitions:
    """What `dagster dev` and `dg dev` load, with the settings of the environment."""
    return build_definitions()
