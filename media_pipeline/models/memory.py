"""What the model of these settings last came to, in the home folder: for the days on which its weights are away.

Without it a forgotten mount would make every vector of the library stale. What is not here: the weights (weights.py).
"""

from __future__ import annotations

import json
from pathlib import Path

from media_pipeline.models.clip import Known, OpenClip
from media_pipeline.models.weights import Wanted, read_json, write_json

FILE = "model.json"


def remember(home: Path, model: OpenClip) -> None:
    """Write it down, where it is news."""
    told = json.dumps([model.version, model.space, model.dims])
    before = read_json(home / FILE)
    if before.get(model.want.memo) != told:
        write_json(home / FILE, before | {model.want.memo: told})


def recalled(home: Path, want: Wanted) -> Known | None:
    """What was written down for these settings."""
    told = read_json(home / FILE).get(want.memo)
    try:
        version, space, dims = json.loads(told or "null")
        return Known(str(version), str(space), int(dims))
    except (ValueError, TypeError):
        return None
