"""The pipeline in words: its stages in order, and the outputs of each that the ledger keeps rows of.

The assets themselves are in stages/, and definitions.py makes them one Dagster code location; a test holds it to this
table. It stands apart so that a command that only names stages need not wait for Dagster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

STAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "discover": ("source_walks", "source_pages", "source_listings"),
    "fetch": ("originals",),
    "unpack": ("videos", "shots", "video_frames", "sounds", "audio_waveforms"),
    "examine": ("metadata", "hashes", "quality", "derivatives"),
    "embed": ("embeddings", "crop_embeddings"),
    "describe": ("aesthetics", "tags", "moderation", "descriptions"),
    "index": ("vector_index",),
    "group": ("duplicate_groups", "bursts", "clusters"),
    "flag": ("anomalies",),
    "publish": (),
}
# Assets without items of their own: rows of a file, views, counts.
SUMMARIES: Final[Mapping[str, str]] = {"subjects": "discover", "training_views": "publish", "coverage": "publish"}
OUTPUTS: Final = tuple(output for outputs in STAGES.values() for output in outputs)
EVERYTHING: Final = "everything"
"""The job that runs all of it."""
DOWNLOAD_ALL: Final = "download_all"
BACKFILL: Final = "backfill_missing_images"
FETCH_ONWARDS: Final = "fetch_onwards"
RELIST: Final = "relist"
CHECK_LICENCES: Final = "check_licences"
REPARSE: Final = "reparse"
RECLUSTER: Final = "recluster"
SCORE_ANOMALIES: Final = "score_anomalies"
OPTIMISE_INDEX: Final = "optimise_index"
