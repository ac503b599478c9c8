"""The graph of a shard, built in a process of its own.

The engine builds it inside one call that holds the interpreter lock for minutes (141 s at 100k vectors), so that no
thread of the caller could even count the time: `build_graph` runs this very module as a child, and ends it when the
time is over. It works on a closed copy (edge.py), hence a child that is ended half-way harms nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Literal, cast

from media_pipeline.errors import VectorIndexError
from media_pipeline.stores.index.edge_shape import shard_vectors
from media_pipeline.stores.index.interface import GLOBAL, Quantisation

NOTHING_TO_DO = 3
PR_SET_PDEATHSIG = 1
SIGKILL = 9


def build_graph(
    folder: Path, within_s: float, quantisation: Quantisation
) -> Literal["built", "nothing to do", "timed out"]:
    """Optimise and quantise the closed shard in this folder, afterwards closed again, and useless if timed out."""
    try:
        child = subprocess.run(
            [sys.executable, "-m", "media_pipeline.stores.index.optimiser", str(folder), quantisation],
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


def main(folder: str, quantisation: Quantisation) -> int:
    from qdrant_edge import EdgeConfig, EdgeShard

    _die_with_parent()
    dims = json.loads((Path(folder) / "edge_config.json").read_text("utf-8"))["vectors"][GLOBAL]["size"]
    # The rest as it was: what is not said is kept.
    shard = EdgeShard.load(folder, EdgeConfig(vectors=dict(shard_vectors(dims, quantisation))))
    built = shard.optimize()
    shard.flush()
    shard.close()
    return 0 if built else NOTHING_TO_DO


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], cast(Quantisation, sys.argv[2])))
