"""What Dagster hands to assets: the opened library, who watches, and the outputs of this version.

What is not here: what a library is (stores/library.py); it works without Dagster.
"""

from collections.abc import Iterator

import dagster as dg

from media_pipeline.config import Settings
from media_pipeline.orchestration.work import Progress
from media_pipeline.stores.ledger import Output
from media_pipeline.stores.library import Library, open_library


def resources(
    settings: Settings, *, progress: Progress, outputs: tuple[Output, ...]
) -> dict[str, dg.ResourceDefinition]:
    """By the names that assets ask for. The library is opened once for each process of a run, and closed with it."""

    @dg.resource(description="Catalog, blobs, uploads and index of this installation.")
    def library(_context: dg.InitResourceContext) -> Iterator[Library]:
        with open_library(settings) as opened:
            yield opened

    return {
        "library": library,
        "progress": dg.ResourceDefinition.hardcoded_resource(progress),
        "outputs": dg.ResourceDefinition.hardcoded_resource(outputs),
    }
