"""Run the whole pipeline from the command line: one Dagster run for each partition, kept where the UI finds it.

What is not here: Dagster's UI and daemon (development.py), and what is printed afterwards (reporting.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from rich.console import Console
from sqlalchemy import func, select

from media_pipeline.config import Settings
from media_pipeline.definitions import all_outputs, build_definitions
from media_pipeline.errors import ConfigError, SourceError
from media_pipeline.operations.bars import Bars
from media_pipeline.operations.dagster_home import prepared_dagster_home
from media_pipeline.operations.reporting import Step, is_empty, stage_table, work_left
from media_pipeline.orchestration.jobs import JOBS
from media_pipeline.orchestration.partitions import all_partitions, source_of
from media_pipeline.orchestration.sensors import is_due
from media_pipeline.orchestration.work import Progress
from media_pipeline.pipeline import EVERYTHING, FETCH_ONWARDS, OUTPUTS
from media_pipeline.sources import EXPLAINED, WEB_SOURCES
from media_pipeline.sources.chosen import key_of, limits_of, require_contact
from media_pipeline.sources.inaturalist_open_data import INaturalistOpenData
from media_pipeline.stores import ledger
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.subjects import all_subjects
from media_pipeline.stores.library import Library, open_library

DUMP = "MEDIA_INATURALIST_DUMP"
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


def partitions_to_ask(library: Library, sources: Sequence[str], console: Console) -> list[str]:
    """The partitions of the named sources; of none named, all that can be worked: a web source needs subjects, and most
    need a contact or a key. One that was named and cannot is a ConfigError, when it is asked."""
    partitions = partitions_of_sources(library.settings, sources)
    if INaturalistOpenData.name in sources and not library.settings.inaturalist_dump:
        raise ConfigError(f"{DUMP}: {INaturalistOpenData.name} reads the monthly dump: set its folder, file or URL")
    if sources:
        return partitions
    if not library.settings.inaturalist_dump:
        # Every stage for a source that has nothing to read would cost a second each time.
        partitions = [partition for partition in partitions if source_of(partition) != INaturalistOpenData.name]
    with library.engine.connect() as connection:
        is_told = library.settings.subjects_file is not None or bool(all_subjects(connection, library.tenant))
    if not is_told:
        return [partition for partition in partitions if source_of(partition) not in WEB_SOURCES]
    missing = [name for name in WEB_SOURCES if why_not_asked(name, library.settings)]
    _tell_of_unasked(missing, library.settings, console)
    return [partition for partition in partitions if source_of(partition) not in missing]


def tasks_of_run(library: Library, sources: Sequence[str], console: Console) -> Iterator[tuple[str, str]]:
    """(job, partition): all stages where a source can be asked; then fetch and what is behind it where work is left.

    Sources tell of each other's photos, and no key is needed to download one. What is left is looked at when its turn
    comes: asking the others is what makes it due. The tellers do not simply go first, because the best small photos of
    a subject are let in when its source is done, and a museum's would go before an owner's originals.
    """
    waiting = [
        partition
        for partition in partitions_of_sources(library.settings, sources)
        if source_of(partition) in WEB_SOURCES and _may_download(partition, library.settings)
    ]
    idle = {source_of(one) for one in waiting if sources and why_not_asked(source_of(one), library.settings)}
    if idle == set(sources) and not any(_has_work(library, partition) for partition in waiting):
        # Nothing else was wanted: it is asked, and the error says what it lacks.
        idle = set()
    _tell_of_unasked(dict.fromkeys(idle), library.settings, console)
    asked = [one for one in partitions_to_ask(library, sources, console) if source_of(one) not in idle]
    return chain(
        ((EVERYTHING, partition) for partition in asked),
        (
            (FETCH_ONWARDS, partition)
            for partition in waiting
            if _has_work(library, partition, was_run=partition in asked)
        ),
    )


def _tell_of_unasked(names: Iterable[str], settings: Settings, console: Console) -> None:
    missing = {name: why_not_asked(name, settings) for name in names}
    for setting in dict.fromkeys(missing.values()):
        told = ", ".join(name for name, why in missing.items() if why == setting)
        console.print(f"[yellow]not asked until {setting} is set:[/yellow] {told}", highlight=False, soft_wrap=True)


def _may_download(partition: str, settings: Settings) -> bool:
    return bool(settings.contact) or not limits_of(WEB_SOURCES[source_of(partition)], settings).needs_contact


def _has_work(library: Library, partition: str, *, was_run: bool = False) -> bool:
    """Whether fetch, or a stage behind it, has anything to do there; where all stages were run, whether fetch has."""
    kinds = ("listing",) if was_run else ("listing", "media")
    return any(is_due(library, output, partition) for output in all_outputs(library.settings) if output.of in kinds)


def why_not_asked(name: str, settings: Settings) -> str | None:
    """The setting that this web source lacks to be asked."""
    source = WEB_SOURCES[name]
    try:
        require_contact(name, limits_of(source, settings), settings)
        key_of(source, settings)
    except ConfigError as error:
        return str(error).partition(":")[0]
    return None


def run_jobs(
    settings: Settings, tasks: Iterable[tuple[str, str]], *, progress: Progress
) -> tuple[list[Step], list[str]]:
    """Each job for its partition: their steps, and what was wrong with sources. A source that is away must not keep the
    others waiting; the first error of a store ends it."""
    definitions = build_definitions(settings=settings, progress=progress)
    steps: dict[str, Step] = {}
    troubles: list[str] = []
    with _instance(settings) as instance:
        for job, partition in tasks:
            try:
                result = definitions.resolve_job_def(job).execute_in_process(
                    instance=instance, partition_key=partition, run_config={**QUIET, **JOBS[job].config}
                )
            except dg.DagsterExecutionInterruptedError as error:
                raise KeyboardInterrupt from error
            except SourceError as error:
                troubles.append(str(error))
                continue
            for event in result.get_asset_materialization_events():
                if trouble := event.materialization.metadata.get("trouble"):
                    troubles.append(str(trouble.value))
                step = _step(event.materialization)
                former = steps.get(step.output)
                steps[step.output] = step if former is None else _together(former, step)
    return list(steps.values()), list(dict.fromkeys(troubles))


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
    if not settings.uploads_url:
        (settings.home_path / "bucket").mkdir(parents=True, exist_ok=True)
    # Held open over all runs: the embedded database is started once.
    with open_library(settings) as library:
        run_and_show(library, tasks_of_run(library, sources, console), console)


def run_and_show(library: Library, tasks: Iterable[tuple[str, str]], console: Console) -> None:
    """Jobs with bars, and the table of stages. Sources that were away are told at the end, as an error."""
    begun = ledger.utc_now()
    with Bars(console) as bars:
        steps, troubles = run_jobs(library.settings, tasks, progress=bars)
    if not troubles and (nobody := nobody_answered(library, since=begun)):
        troubles.append(nobody)
    tell_of_run(library, steps, console, troubles=troubles)
    if troubles:
        raise SourceError("\n".join(troubles))


def tell_of_run(library: Library, steps: Sequence[Step], console: Console, *, troubles: Sequence[str] = ()) -> None:
    """The table of stages, what was held by another run, and whether anything was done at all."""
    console.print(stage_table(library, steps))
    for step in steps:
        if step.outcome.startswith("held by"):
            console.print(f"{step.output}: {step.outcome}: that run does the work")
        if step.output == "subjects" and step.outcome.endswith("faults"):
            console.print(f"subjects: {step.outcome} in the file: media-pipeline subjects list", soft_wrap=True)
    if troubles or any(step.items for step in steps if step.output in OUTPUTS):
        return
    if is_empty(library):
        _tell_what_is_missing(library, console)
    elif (waiting := _waiting(library)) is not None:
        count, first = waiting
        console.print(
            f"[bold]Nothing was due yet:[/bold] {count} items are tried again, the first at {first:%H:%M} UTC."
        )
    elif left := work_left(library):
        told = ", ".join(f"{count} at {output} of {source}" for (output, source), count in sorted(left.items()))
        console.print(
            f"[bold]Nothing was done, but there is work left:[/bold] {told}. A run without --source does it, "
            "once what a source lacks is set: media-pipeline doctor",
            soft_wrap=True,
            highlight=False,
        )
    else:
        console.print("[bold]Nothing was due:[/bold] the library is up to date.")


def _tell_what_is_missing(library: Library, console: Console) -> None:
    """Why nothing was ever listed: no files, or subjects that nobody was asked about."""
    with library.engine.connect() as connection:
        count = len(all_subjects(connection, library.tenant))
    if count and not library.settings.contact:
        told = f"{count} subjects are looked for, but no source is asked without a contact: set MEDIA_CONTACT"
        console.print(f"[bold]No photos yet:[/bold] {told}, and run it again.", soft_wrap=True, highlight=False)
    elif count:
        told = f"{count} subjects are looked for; media-pipeline status says what became of each question"
        console.print(f"[bold]No photos yet:[/bold] {told}.", soft_wrap=True, highlight=False)
    else:
        place = library.settings.uploads.removeprefix("file:")
        console.print(f"[bold]No files yet:[/bold] put photos into {place}, and run it again.", soft_wrap=True)


def nobody_answered(library: Library, *, since: datetime) -> str:
    """What is wrong with the network, where every walk of this run came back without an answer; empty otherwise."""
    rows = tables.ledger.c
    query = (
        select(rows.reason, rows.detail, rows.retry_at, rows.partition)
        .where(rows.tenant == library.tenant, rows.output == "source_walks", rows.finished_at >= since)
        .order_by(rows.retry_at, rows.partition)
    )
    with library.engine.connect() as connection:
        walks = connection.execute(query).all()
    if not walks or any(walk.reason != "source_unavailable" for walk in walks):
        return ""
    first = walks[0]
    again = (
        f"; tried again from {first.retry_at.astimezone(UTC):%H:%M} UTC by media-pipeline run" if first.retry_at else ""
    )
    names = ", ".join(sorted({source_of(walk.partition) for walk in walks}))
    return f"no source answers: {names}: {first.detail}{again}"


def _waiting(library: Library) -> tuple[int, datetime] | None:
    """How many items wait for another try, and when the first has its time."""
    rows = tables.ledger.c
    query = select(func.count(), func.min(rows.retry_at)).where(
        rows.tenant == library.tenant, rows.status == "failed", rows.retry_at.is_not(None)
    )
    with library.engine.connect() as connection:
        count, first = connection.execute(query).one()
    return (count, first.astimezone(UTC)) if count else None
