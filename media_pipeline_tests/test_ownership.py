"""One stage owns its tables and writes no other's: seen in the database, whatever the code looks like."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from sqlalchemy import literal_column, select

from media_pipeline.config import Settings
from media_pipeline.definitions import build_definitions
from media_pipeline.operations.running import QUIET
from media_pipeline.pipeline import STAGES
from media_pipeline.samples.files import jpeg
from media_pipeline.samples.photographs import photograph
from media_pipeline.stores.catalog.tables import metadata
from media_pipeline.stores.library import Library, open_library
from media_pipeline_tests.films import clip, tone

OWNED = {
    "discover": {"subjects", "source_pages", "source_listings"},
    "fetch": {"media", "media_links"},
    "unpack": {"videos", "shots", "video_frames", "sounds", "audio_waveforms"},
    "examine": {"metadata", "hashes", "quality", "derivatives"},
    "embed": {"embeddings", "crop_embeddings"},
    "describe": {"aesthetics"},
    "index": {"index_generations"},
    "group": {
        *("similarities", "duplicate_groups", "duplicate_members", "duplicate_runs"),
        *("clusters", "cluster_members"),
    },
    "flag": {"anomalies"},
    "publish": {"coverage"},
}
# Written by the loop and by the HTTP client for every stage; and made by a stage that is not written yet.
OF_ALL = {"ledger", "request_budgets"}
# A frame of a video is a media, claimed by who makes it.
MAKES_MEDIA = {"unpack": {"media"}}
OF_NONE = {
    *("source_walks", "source_observations", "source_rejections", "listing_changes"),
    # and of describe, whose tests fill them: without a model of words, heads and dates there is nothing to write
    *("tags", "moderation", "descriptions"),
}
# Of stage group too, where there is something to tell; and what people decide, which no stage writes.
SELDOM = {"duplicates_set_apart", "duplicate_events", "bursts", "burst_members", "cluster_events"}
OF_PEOPLE = {
    *("duplicate_decisions", "media_merges", "merged_media", "merged_fields"),
    *("cluster_names", "anomaly_reviews"),
}


def test_every_table_has_one_owner() -> None:
    """A new table is put on the page above, under one stage."""
    names = {table.name for table in metadata.tables.values()}
    assert sorted(names - OF_ALL - OF_NONE - SELDOM - OF_PEOPLE) == sorted(
        name for owned in OWNED.values() for name in owned
    )
    assert list(OWNED) == list(STAGES)


def test_each_stage_writes_its_own_tables_and_the_ledger(settings: Settings, bucket: Path) -> None:
    """Stage by stage, over a subject, a picture, a copy of it, its twin, a broken file, a video and a sound."""
    (settings.home_path / "subjects.yaml").write_text("- {kind: place, name: A café}\n", encoding="utf-8")
    photograph("coffee").save(bucket / "a.jpg", quality=95)
    photograph("coffee").save(bucket / "b.jpg", quality=60)
    (bucket / "twin.jpg").write_bytes((bucket / "a.jpg").read_bytes())
    (bucket / "broken.jpg").write_bytes(jpeg(photograph("chelsea"), 80)[:5000])
    (bucket / "clip.mp4").write_bytes(clip())
    (bucket / "tone.wav").write_bytes(tone())
    settings = settings.model_copy(update={"crops": 2})
    definitions = build_definitions(settings=settings)
    with open_library(settings) as library, dg.DagsterInstance.ephemeral() as instance:
        for stage, owned in OWNED.items():
            before = _states(library)
            job = definitions.resolve_job_def(f"{stage}_stage")
            partition = "uploads" if job.partitions_def is not None else None
            assert job.execute_in_process(instance=instance, partition_key=partition, run_config=QUIET).success
            after = _states(library)
            written = {name for name in after if after[name] != before[name]}
            assert written - OF_ALL == owned | MAKES_MEDIA.get(stage, set()), stage


def _states(library: Library) -> dict[str, str]:
    """A fingerprint of each table: any row that is written gets another place or transaction."""
    fingerprint = "md5(string_agg(ctid::text || xmin, ',' order by ctid))"
    with library.engine.connect() as catalog:
        return {
            table.name: str(catalog.scalar(select(literal_column(fingerprint)).select_from(table)))
            for table in metadata.tables.values()
        }
