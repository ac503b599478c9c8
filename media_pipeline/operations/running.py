"""Run the whole pipeline from the command line: one Dagster run for each partition, kept where the UI finds it.

What is not here: Dagster's UI and daemon (development.py), and what is printed afterwards (reporting.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from rich.console import Console

from media_pipeline.config import Settings
from media_pipeline.definitions import build_definitions
from media_pipeline.errors import ConfigError
from media_pipeline.operations.bars import Bars
from media_pipeline.operations.dagster_home import prepared_dagster_home
from media_pipeline.operations.reporting import Step, is_empty, stage_table
from media_pipeline.orchestration.partitions import all_partitions, source_of
from media_pipeline.orchestration.work import Progress
from media_pipeline.pipeline import EVERYTHING, OUTPUTS
from media_pipeline.sources import EXPLAINED
from media_pipeline.stores.library import Library, open_library

# Dagster prints its whole event log otherwise; it is kept all the same, and shown in the UI.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def partitions_of_sources(settings: Settings, sources: Sequence[str]) -> list[str]:
    """The partitions of these sources, of all when none is named; a ConfigError for a name that is none."""
    known = all_partitions(settings.shards)
    names = sorted({source_of(partition) for partition in known})
    if explained := [EXPLAINED[source] for source in sources if source in EXPLAINED]:
        raise ConfigError(explained[0])
    if unknown := [source for source in sources if source not in names]:
        raise ConfigError(f"no source {', '.join(unknown)}: there are {', '.join(names)}")
    return [partition for partition in known if not sources or source_of(partition) in sources]


def run_everything(settings: Settings, partitions: Sequence[str], *, progress: Progress) -> list[Step]:
    """Every asset for each partition; the first error of a store ends it."""
    job = build_definitions(settings=settings, progress=progress).resolve_job_def(EVERYTHING)
    steps: dict[str, Step] = {}
    with _instance(settings) as instance:
        for partition in partitions:
            try:
                result = job.execute_in_process(instance=instance, partition_key=partition, run_config=QUIET)
            except dg.DagsterExecutionInterruptedError as error:
                raise KeyboardInterrupt from error
            for event in result.get_asset_materialization_events():
                step = _step(event.materialization)
                former = steps.get(step.output)
                steps[step.output] = step if former is None else _together(former, step)
    return list(steps.values())


def _instance(settings: Settings) -> dg.DagsterInstance:
    """The library's own, so that the UI shows these runs too.

    But nothing a step prints is captured: it is on the terminal already, and the processes that Dagster would copy it
    with answer Ctrl-C with a traceback each.
    """
    uncaptured = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
    home = str(prepared_dagster_home(settings))
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(home, overrides={"compute_logs": uncaptured}))


def _step(materialization: dg.AssetMaterialization) -> Step:
    said: dict[str, Any] = {name: value.value for name, value in materialization.metadata.items()}
    return Step(
        materialization.asset_key.to_user_string(),
        int(said.get("items", 0)),
        float(said.get("seconds", 0.0)),
        str(said.get("outcome", "")),
    )


def _together(former: Step, step: Step) -> Step:
    return Step(step.output, former.items + step.items, former.seconds + step.seconds, step.outcome)


def run_and_tell(settings: Settings, sources: Sequence[str], console: Console) -> None:
    """Run with bars, then the table of stages; when nothing was due, say so."""
    partitions = partitions_of_sources(settings, sources)
    if not settings.uploads_url:
        (settings.home_path / "bucket").mkdir(parents=True, exist_ok=True)
    # Held open over all runs: the embedded database is started once.
    with open_library(settings) as library:
        with Bars(console) as bars:
            steps = run_everything(settings, partitions, progress=bars)
        tell_of_run(library, steps, console)


def tell_of_run(library: Library, steps: Sequence[Step], console: Console) -> None:
    """The table of stages, what was held by another run, and whether anything was done at all."""
    console.print(stage_table(library, steps))
    for step in steps:
        if step.outcome.startswith("held by"):
            console.print(f"{step.output}: {step.outcome}: that run does the work")
        if step.output == "subjects" and step.outcome.endswith("faults"):
            console.print(f"subjects: {step.outcome} in the file: media-pipeline subjects list", soft_wrap=True)
    if any(step.items for step in steps if step.output in OUTPUTS):
        return
    if is_empty(library):
        place = library.settings.uploads.removeprefix("file:")
        console.print(f"[bold]No files yet:[/bold] put photos into {place}, and run it again.", soft_wrap=True)
    else:
        console.print("[bold]Nothing was due:[/bold] the library is up to date.")
