"""Make items due again, by hand.

What is not here: automatic tries (stores/ledger.py, orchestration/work.py).
"""

from __future__ import annotations

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError
from media_pipeline.pipeline import OUTPUTS, STAGES
from media_pipeline.stores import ledger
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
