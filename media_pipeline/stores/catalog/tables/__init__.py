"""The tables of schema `media`, one module for each owner: the stage that alone writes them.

Every table carries `tenant`, and every foreign key too, so that no row of one tenant can point into another's; all but
`request_budgets`, whose module says why.
What is not here: how they come to be (migrations/), the views people query (migrations/), how the ledger is read
(stores/ledger.py).
"""

from __future__ import annotations

from media_pipeline.stores.catalog.tables.clusters import (
    burst_members,
    bursts,
    cluster_events,
    cluster_members,
    cluster_names,
    clusters,
)
from media_pipeline.stores.catalog.tables.describe import aesthetics, descriptions, moderation, tags
from media_pipeline.stores.catalog.tables.discover import (
    listing_changes,
    source_listings,
    source_observations,
    source_pages,
    source_rejections,
    source_walks,
    subjects,
)
from media_pipeline.stores.catalog.tables.embed import crop_embeddings, embeddings
from media_pipeline.stores.catalog.tables.examine import derivatives, hashes, media_metadata, quality
from media_pipeline.stores.catalog.tables.fetch import media, media_links
from media_pipeline.stores.catalog.tables.flag import anomalies, anomaly_reviews
from media_pipeline.stores.catalog.tables.group import (
    duplicate_decisions,
    duplicate_events,
    duplicate_groups,
    duplicate_members,
    duplicate_runs,
    duplicates_set_apart,
    media_merges,
    merged_fields,
    merged_media,
    similarities,
)
from media_pipeline.stores.catalog.tables.index import index_generations
from media_pipeline.stores.catalog.tables.ledger import ledger
from media_pipeline.stores.catalog.tables.publish import coverage
from media_pipeline.stores.catalog.tables.requests import request_budgets
from media_pipeline.stores.catalog.tables.schema import SCHEMA, metadata
from media_pipeline.stores.catalog.tables.unpack import audio_waveforms, shots, sounds, video_frames, videos

__all__ = [
    "SCHEMA",
    "aesthetics",
    "anomalies",
    "anomaly_reviews",
    "audio_waveforms",
    "burst_members",
    "bursts",
    "cluster_events",
    "cluster_members",
    "cluster_names",
    "clusters",
    "coverage",
    "crop_embeddings",
    "derivatives",
    "descriptions",
    "duplicate_decisions",
    "duplicate_events",
    "duplicate_groups",
    "duplicate_members",
    "duplicate_runs",
    "duplicates_set_apart",
    "embeddings",
    "hashes",
    "index_generations",
    "ledger",
    "listing_changes",
    "media",
    "media_links",
    "media_merges",
    "media_metadata",
    "merged_fields",
    "merged_media",
    "metadata",
    "moderation",
    "quality",
    "request_budgets",
    "shots",
    "similarities",
    "sounds",
    "source_listings",
    "source_observations",
    "source_pages",
    "source_rejections",
    "source_walks",
    "subjects",
    "tags",
    "video_frames",
    "videos",
]
