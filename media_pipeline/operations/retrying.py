"""Make items due again, by hand.

What is not here: automatic tries (stores/ledger.py, orchestration/work.py).
"""

from __future__ import annotations

from sqlalchemy import delete

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError
from media_pipeline.pipeline import OUTPUTS, STAGES
from media_pipeline.stores import ledger
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.library import open_library
from media_pipeline.stores.reasons import REASONS


def revive(settings: Settings, *, stage: str | None, reason: str | None) -> int:
    """Failed and dead items of a stage or output, and of a reason, are due again; how many."""
    if reason is not None and reason not in REASONS:
        raise ConfigError(f"--reason {reason}: no such reason; there are {', '.join(sorted(REASONS))}")
    outputs = None if stage is None else _outputs(stage)
    with open_library(settings) as library, library.engine.begin() as connection:
        return ledger.revive(connection, library.tenant, outputs=outputs, reason=reason, now=ledger.utc_now())


def _outputs(stage: str) -> tuple[str, ...]:
    if stage in STAGES:
        return STAGES[stage]
    if stage in OUTPUTS:
        return (stage,)
    raise ConfigError(f"--stage {stage}: no such stage or output; there are {', '.join((*STAGES, *OUTPUTS))}")


def forget_index(settings: Settings) -> int:
    """The ledger and the pointers of the index forget everything: it is a projection, and no model is needed."""
    with open_library(settings) as library, library.engine.begin() as connection:
        tenant = library.tenant
        connection.execute(delete(tables.index_generations).where(tables.index_generations.c.tenant == tenant))
        rows = tables.ledger
        return connection.execute(delete(rows).where(rows.c.tenant == tenant, rows.c.output == "vector_index")).rowcount
