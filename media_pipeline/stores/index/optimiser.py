"""The graph of a shard, built in a process of its own.

The engine builds it inside one call that holds the interpreter lock for minutes (141 s at 100k vectors), so that no
thread of the caller could even count the time: `build_graph` runs this very module as a child, and ends it when the
time is over. It works on a closed copy (edge.py), hence a child that is ended half-way harms nothing.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Literal

from media_pipeline.errors import VectorIndexError

NOTHING_TO_DO = 3
PR_SET_PDEATHSIG = 1
SIGKILL = 9


def build_graph(folder: Path, within_s: float) -> Literal["built", "nothing to do", "timed out"]:
    """Optimise the closed shard in this folder, which afterwards is closed again, and useless if timed out."""
    try:
        child = subprocess.run(
            [sys.executable, "-m", "media_pipeline.stores.index.optimiser", str(folder)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=within_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "timed out"
    if child.returncode == NOTHING_TO_DO:
        return "nothing to do"
    if child.returncode != 0:
        raise VectorIndexError(f"{folder}: optimising ended with {child.returncode}: {child.stderr[-1000:].strip()}")
    return "built"


def _die_with_parent() -> None:
    """A child whose parent was killed would compute for minutes on a folder that the next sweep removes."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)


def main(folder: str) -> int:
    from qdrant_edge import EdgeShard

    _die_with_parent()
    shard = EdgeShard.load(folder)
    built = shard.optimize()
    shard.flush()
    shard.close()
    return 0 if built else NOTHING_TO_DO


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
