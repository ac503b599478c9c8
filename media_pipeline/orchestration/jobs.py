"""The jobs: which assets are made together, and how the sources are asked meanwhile.

What is not here: when they run (schedules.py, sensors.py), and what the assets do (stages/).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import dagster as dg

from media_pipeline.pipeline import (
    BACKFILL,
    CHECK_LICENCES,
    DOWNLOAD_ALL,
    EVERYTHING,
    FETCH_ONWARDS,
    OPTIMISE_INDEX,
    RECLUSTER,
    RELIST,
    REPARSE,
    SCORE_ANOMALIES,
)

_LISTING: Final = dg.AssetSelection.groups("discover")
_DOWNLOADING: Final = dg.AssetSelection.groups("discover", "fetch")


@dataclass(frozen=True, slots=True)
class Job:
    """One job; `asked` is how it asks the sources (the configuration of asset `source_pages`), `told` the configuration
    of other assets by name."""

    name: str
    selection: dg.AssetSelection
    description: str
    asked: Mapping[str, Any] = field(default_factory=dict)
    told: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def config(self) -> dict[str, Any]:
        told = {**self.told, **({"source_pages": self.asked} if self.asked else {})}
        return {"ops": {asset: {"config": dict(config)} for asset, config in told.items()}} if told else {}


JOBS: Final[Mapping[str, Job]] = {
    job.name: job
    for job in (
        Job(EVERYTHING, dg.AssetSelection.all(), "All stages, for one source."),
        Job(DOWNLOAD_ALL, _DOWNLOADING, "What is new at the sources: listed, and its originals downloaded."),
        Job(
            BACKFILL,
            _DOWNLOADING,
            "Subjects that no accepted photo is of: asked about once more, and downloaded.",
            {"without_media_only": True},
        ),
        Job(
            FETCH_ONWARDS,
            dg.AssetSelection.all() - _LISTING,
            "All stages but discover: what is listed already, and what other sources told of this one's photos.",
        ),
        Job(RELIST, _LISTING, "Every subject is asked about again now.", {"relist_days": 0}),
        Job(
            CHECK_LICENCES,
            _LISTING,
            "Every photo of the library is looked up at its source again: is it there, under which licence?",
            {"recheck_days": 0},
        ),
        Job(
            REPARSE, dg.AssetSelection.assets("source_listings"), "Stored answers are read again, without the network."
        ),
        Job(
            RECLUSTER,
            dg.AssetSelection.assets("clusters"),
            "All pictures are clustered anew; clusters keep their ids and names.",
            told={"clusters": {"anew": True}},
        ),
        Job(
            SCORE_ANOMALIES,
            dg.AssetSelection.assets("anomalies"),
            "How odd each picture is, of all of them.",
            told={"anomalies": {"everything": True}},
        ),
        Job(
            OPTIMISE_INDEX,
            dg.AssetSelection.assets("vector_index"),
            "The graph of the live index, over what came since it was built, quantised as MEDIA_QUANTISATION says.",
            told={"vector_index": {"optimise": True}},
        ),
    )
}


def all_jobs(stages: Iterable[str]) -> list[Any]:
    """Those above, and one for each stage alone."""
    named = [
        dg.define_asset_job(job.name, job.selection, description=job.description, config=job.config or None)
        for job in JOBS.values()
    ]
    alone = [
        dg.define_asset_job(
            f"{stage}_stage", dg.AssetSelection.groups(stage), description=f"The stage «{stage}» alone."
        )
        for stage in stages
    ]
    return [*named, *alone]
