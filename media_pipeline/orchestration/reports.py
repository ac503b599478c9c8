"""Between Dagster and the loop: a context becomes a Run, a Report becomes what the Dagster UI shows.

What is not here: the work (work.py) and the pictures shown with it (previews.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dagster as dg

from media_pipeline.orchestration.previews import contact_sheet
from media_pipeline.orchestration.work import EVERYWHERE, Progress, Report, Run
from media_pipeline.stores import ledger
from media_pipeline.stores.ledger import Output
from media_pipeline.stores.library import Library


class Logged:
    """Progress as lines of the run's log, and to whoever else watches."""

    def __init__(self, context: dg.AssetExecutionContext, watcher: Progress) -> None:
        self._log = context.log
        self._watcher = watcher
        self._done: dict[str, int] = {}
        self._total: dict[str, int] = {}

    def begin(self, step: str, total: int) -> None:
        self._done[step], self._total[step] = 0, total
        self._watcher.begin(step, total)
        self._log.info("%s: %d items are due", step, total)

    def advance(self, step: str, done: int) -> None:
        self._done[step] += done
        self._watcher.advance(step, done)
        self._log.info("%s: %d of %d", step, self._done[step], self._total[step])

    def end(self, step: str) -> None:
        self._watcher.end(step)


def run_of(context: dg.AssetExecutionContext, library: Library, progress: Progress) -> Run:
    """This step's run: in its partition, or in all of the library where the asset has none."""
    has_partition = context.assets_def.partitions_def is not None
    return Run(
        library,
        context.run.run_id,
        partition=context.partition_key if has_partition else EVERYWHERE,
        progress=Logged(context, progress),
    )


def results_of(library: Library, outputs: Sequence[Output], report: Report) -> Iterator[dg.MaterializeResult[None]]:
    """A result for each output: counts by outcome and reason, speed, a contact sheet of what was worked on."""
    for output in outputs:
        yield result_of(library, output.name, report)


def _standing(library: Library, output: str) -> dict[str, int | float]:
    """How the whole output stands, whatever this run did: rows in the library, and the share of what can have one."""
    with library.engine.connect() as connection:
        rows = [row for row in ledger.counts(connection, library.tenant) if row.output == output]
    done = sum(row.items for row in rows if row.status == "done")
    possible = sum(row.items for row in rows if row.status != "not_applicable")
    if not possible:
        return {"dagster/row_count": done}
    return {"dagster/row_count": done, "done_percent": round(100 * done / possible, 2)}


def result_of(library: Library, output: str, report: Report) -> dg.MaterializeResult[None]:
    outcomes = report.of(output)
    total = sum(outcomes.values())
    shown: dict[str, dg.MetadataValue | int | float | str] = {
        "outcome": f"held by {report.held_by}" if report.held_by else "worked" if total else "nothing was due",
        "items": total,
        "seconds": round(report.seconds, 3),
        "items_per_s": round(total / report.seconds, 1) if total and report.seconds else 0.0,
    }
    for (status, reason), count in sorted(outcomes.items()):
        shown[f"{status}/{reason}" if reason else status] = count
    if report.trouble:
        shown["trouble"] = report.trouble
    shown |= dict(sorted(report.noted.get(output, {}).items()))
    shown |= _standing(library, output)
    if sheet := contact_sheet(library, report.touched):
        shown["contact_sheet"] = dg.MetadataValue.md(sheet)
    return dg.MaterializeResult(asset_key=output, metadata=shown)
