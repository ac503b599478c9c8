"""The stage embed with a CLIP model: batches, crops, and weights that are not there yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest
from sqlalchemy import select

from media_pipeline.config import Settings
from media_pipeline.definitions import build_definitions
from media_pipeline.models import model_of, unpacked
from media_pipeline.operations.running import QUIET
from media_pipeline.samples.photographs import photograph
from media_pipeline.stores import ledger
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.library import Library, open_library
from media_pipeline_tests.models import tiny
from media_pipeline_tests.walking import materialize, metadata_of

NAMES = ("coffee", "chelsea", "rocket")


@pytest.fixture
def clip(settings: Settings, bucket: Path, tmp_path: Path) -> Settings:
    """Three photographs in the folder, and the tiny model in batches of two."""
    for name in NAMES:
        photograph(name).save(bucket / f"{name}.jpg", quality=90)
    chosen = tiny.chosen(tmp_path, embed_batch=2)
    fields = ("model", "model_weights", "model_architecture", "model_runtime", "embed_batch")
    return settings.model_copy(update={name: getattr(chosen, name) for name in fields})


def embed_again(settings: Settings) -> dict[str, dict[str, object]]:
    job = build_definitions(settings=settings).resolve_job_def("embed_stage")
    with dg.DagsterInstance.ephemeral() as instance:
        return metadata_of(job.execute_in_process(instance=instance, partition_key="uploads", run_config=QUIET))


def states(library: Library, output: str) -> set[tuple[Any, ...]]:
    rows = tables.ledger.c
    with library.engine.connect() as catalog:
        return {tuple(row) for row in catalog.execute(select(rows.status, rows.reason).where(rows.output == output))}


def test_clip_vectors_are_rows_of_its_version_and_parts_come_when_they_are_asked_for(clip: Settings) -> None:
    """What is stored is what the model makes of the 640 px picture; switching crops on leaves that as it is."""
    said = metadata_of(materialize(clip))
    model = model_of(clip)
    assert said["embeddings"]["model"] == model.version
    assert "notice" not in said["embeddings"]
    with open_library(clip) as library:
        with library.engine.connect() as catalog:
            found = catalog.execute(select(tables.embeddings)).all()
            medium = dict(
                catalog.execute(
                    select(tables.derivatives.c.media_id, tables.derivatives.c.blob_key).where(
                        tables.derivatives.c.name == "medium", tables.derivatives.c.content_type == "image/jpeg"
                    )
                ).all()
            )
        assert {row.model_version for row in found} == {model.version}
        for row in found:
            assert np.allclose(unpacked(row.vector), model.embed(library.blobs.get(medium[row.media_id])), atol=1e-6)
        assert states(library, "crop_embeddings") == {("not_applicable", "crops_off")}

        told = embed_again(clip.model_copy(update={"crops": 4}))
        assert told["embeddings"]["outcome"] == "nothing was due"
        with library.engine.connect() as catalog:
            parts = catalog.execute(select(tables.crop_embeddings)).all()
        assert {row.media_id for row in parts} == {row.media_id for row in found}
        assert {row.number for row in parts} <= {0, 1, 2, 3}
        assert all(0 < row.width <= 1 and 0 < row.height <= 1 for row in parts)
        assert all(abs(np.linalg.norm(unpacked(row.vector)) - 1) < 1e-6 for row in parts)


def test_without_weights_its_items_fail_and_the_other_stages_go_on(clip: Settings, tmp_path: Path) -> None:
    """Once weights are there `retry` and a run embed them; vectors that were made before were never touched."""
    weights, away = tmp_path / "weights" / "tiny.safetensors", tmp_path / "away"
    weights.rename(away)
    once = clip.model_copy(update={"max_attempts": 1})
    said = metadata_of(materialize(once))
    with open_library(once) as library:
        assert states(library, "embeddings") == {("dead", "model_unavailable")}
        assert states(library, "hashes") == {("done", None)}
        assert "there is no file" in str(said["embeddings"]["notice"])
        assert said["coverage"]["outcome"] == "worked"

        away.rename(weights)
        embed_again(once)
        assert states(library, "embeddings") == {("done", None)}
        version = model_of(once).version

        # Now a new picture, and the weights are away again.
        weights.rename(away)
        photograph("astronaut").save(once.home_path / "bucket" / "astronaut.jpg")
        materialize(once)
        assert states(library, "embeddings") == {("done", None), ("dead", "model_unavailable")}
        with library.engine.connect() as catalog:
            assert [row.model_version for row in catalog.execute(select(tables.embeddings))] == [version] * len(NAMES)

        away.rename(weights)
        with library.engine.begin() as connection:
            revived = ledger.revive(
                connection, library.tenant, outputs=["embeddings"], reason="model_unavailable", now=ledger.utc_now()
            )
        assert revived == 1
        embed_again(once)
        assert states(library, "embeddings") == {("done", None)}


def test_the_default_tells_that_it_knows_looks_only(settings: Settings, bucket: Path) -> None:
    """In the run's metadata, with the command that changes it; parts have vectors of the same model."""
    photograph("coffee").save(bucket / "coffee.jpg", quality=90)
    said = metadata_of(materialize(settings.model_copy(update={"crops": 2})))
    assert "media-pipeline model fetch" in str(said["embeddings"]["notice"])
    with open_library(settings) as library, library.engine.connect() as catalog:
        parts = catalog.execute(select(tables.crop_embeddings)).all()
    assert {row.model_version for row in parts} == {model_of(settings).version}
    assert sorted(row.number for row in parts) == [0, 1][: len(parts)]
