"""Partitions: one per source, or a fixed number of shards of it; never one per item.

A run costs 3–10 s and a ledger row 15 us, so a partition should hold 10,000 items or more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from media_pipeline.errors import ConfigError
from media_pipeline.sources import SOURCES


def partitions_of(source: str, shards: Mapping[str, int]) -> list[str]:
    """`uploads`, or `uploads/00` … `uploads/03` with four shards."""
    count = shards.get(source, 1)
    return [source] if count == 1 else [f"{source}/{shard:02d}" for shard in range(count)]


def all_partitions(shards: Mapping[str, int]) -> list[str]:
    """Those of every source; shards of a source that there is not are a ConfigError."""
    if unknown := sorted(set(shards) - set(SOURCES)):
        raise ConfigError(
            f"MEDIA_SHARDS names {', '.join(unknown)}: there is no such source, only {', '.join(SOURCES)}"
        )
    return [partition for source in SOURCES for partition in partitions_of(source, shards)]


def source_of(partition: str) -> str:
    """The source that a partition belongs to."""
    return partition.partition("/")[0]


def partition_for(source: str, key: str, shards: Mapping[str, int]) -> str:
    """Where one key of a source belongs, for ever: shards are never renumbered."""
    partitions = partitions_of(source, shards)
    if len(partitions) == 1:
        return partitions[0]
    return partitions[int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % len(partitions)]
