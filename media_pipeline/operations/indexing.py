"""What the commands `index …` do: rebuild, list, check, optimise, use, drop.

What is not here: how an index is filled (stages/index) and optimised (orchestration/indexing.py), and searches
(searching.py).
"""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, delete

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError
from media_pipeline.orchestration import indexing
from media_pipeline.orchestration.work import Run, desk
from media_pipeline.stages.index.assets import ALIAS, project
from media_pipeline.stores.catalog import index_pointers
from media_pipeline.stores.catalog.index_pointers import Pointer
from media_pipeline.stores.catalog.tables import ledger
from media_pipeline.stores.library import Library, open_library

BY_HAND = "by hand"


def rebuild(settings: Settings, console: Console) -> None:
    """The index of the model in use, made anew from the catalog alone; the former serves until it is there."""
    with open_library(settings) as library:
        report = project(Run(library, BY_HAND), afresh=True)
        if report.held_by:
            raise ConfigError(f"{report.held_by} is at work on the index: try again when it has finished")
        with library.engine.connect() as connection:
            live = index_pointers.live_pointer(connection, library.tenant)
    made = report.of("vector_index")["done", ""]
    console.print(f"{made} media indexed anew in {report.seconds:.1f} s", highlight=False)
    if live is not None and live.graph_count < live.point_count:
        console.print("without a graph: `media-pipeline index optimise` builds one (minutes for 100,000)")


def list_versions(settings: Settings, console: Console) -> None:
    """One row for each version of a model that has an index."""
    with open_library(settings) as library, library.engine.connect() as connection:
        found = index_pointers.pointers(connection, library.tenant)
    table = Table("version", "live", "points", "in the graph", "quantisation", "generation", box=box.SIMPLE)
    for one in found:
        counts = f"{one.point_count:,}", f"{one.graph_count:,}"
        table.add_row(one.model_version, "live" if one.is_live else "", *counts, one.quantisation, one.name)
    console.print(table if found else "nothing is indexed yet: media-pipeline run")


def check(settings: Settings, console: Console) -> bool:
    """Whether the live index finds enough of the true nearest, and what it is made of."""
    with open_library(settings) as library:
        found = indexing.check(library)
    pointer = found.pointer
    covered = f"{pointer.graph_count:,} of {pointer.point_count:,} points in the graph"
    console.print(f"{pointer.model_version}: {covered}, quantisation {pointer.quantisation}", highlight=False)
    if found.recall is None:
        console.print("recall@10: nothing to compare, there are fewer than two pictures", highlight=False)
    else:
        verdict = "" if found.is_enough else f", below {indexing.LEAST_RECALL}: media-pipeline index rebuild"
        console.print(f"recall@10 {found.recall:.4f} over {found.sampled} pictures{verdict}", highlight=False)
    if settings.quantisation != pointer.quantisation:
        wanted = f"MEDIA_QUANTISATION={settings.quantisation} is not in force"
        console.print(f"{wanted}: `media-pipeline index optimise` tries it, and switches at a recall of .95 or more")
    return found.is_enough


def optimise(settings: Settings, console: Console, *, within_s: float) -> None:
    """Build the graph of the live index, quantised as the settings say."""
    with open_library(settings) as library:
        built = indexing.optimise(Run(library, BY_HAND), quantisation=settings.quantisation, within_s=within_s)
    kept = "" if built.recall is None else f", recall@10 {built.recall:.4f}"
    console.print(
        f"{built.outcome}: {built.now.model_version}, {built.now.point_count:,} points, "
        f"quantisation {built.now.quantisation}{kept}",
        highlight=False,
    )


def use(settings: Settings, model_version: str) -> str:
    """Let searches go to this version, whatever it covers."""
    with open_library(settings) as library:
        with library.engine.begin() as connection:
            _known(index_pointers.pointers(connection, library.tenant), model_version)
            index_pointers.make_live(connection, library.tenant, model_version)
        library.index.point_alias(ALIAS, model_version)
    return f"searches go to {model_version}"


def drop(settings: Settings, model_version: str) -> str:
    """Remove the index of a version that is not live."""
    with open_library(settings) as library, desk(Run(library, BY_HAND), [indexing.INDEX]) as (report, place):
        if place is None:
            raise ConfigError(f"{report.held_by} is at work on the index: try again when it has finished")
        with place.connection.begin():
            pointer = _known(index_pointers.pointers(place.connection, library.tenant), model_version)
            if pointer.is_live:
                raise ConfigError(
                    f"{model_version} is live: searches need it. `media-pipeline index use VERSION` makes another live"
                )
            index_pointers.forget(place.connection, library.tenant, model_version)
            _forget_rows(library, place.connection, model_version)
        # After the catalog: what is left of a killed drop is files that nobody reads, and a second drop's to remove.
        library.index.drop(model_version, library.tenant)
    return f"{model_version} is dropped: {pointer.point_count:,} points"


def _forget_rows(library: Library, connection: Connection, model_version: str) -> None:
    rows = ledger.c
    own = (
        rows.tenant == library.tenant,
        rows.output == "vector_index",
        rows.version.endswith(f"/{model_version}", autoescape=True),
    )
    connection.execute(delete(ledger).where(*own))


def _known(found: list[Pointer], model_version: str) -> Pointer:
    for one in found:
        if one.model_version == model_version:
            return one
    there = ", ".join(one.model_version for one in found) or "none"
    raise ConfigError(f"{model_version}: no index of that version; there are: {there}")
