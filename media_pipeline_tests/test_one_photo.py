"""One photo walks through every stage in one run: the way through the house."""

from __future__ import annotations

from pathlib import Path

import imagehash
import pytest
from PIL import Image
from sqlalchemy import select, text

from media_pipeline.config import Settings
from media_pipeline.models import model_named
from media_pipeline.samples.photographs import photograph
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.library import open_library
from media_pipeline_tests.walking import materialize, metadata_of

STEPS = [
    ("aesthetics", "done", 1),
    ("anomalies", "done", 1),
    ("bursts", "done", 1),
    ("clusters", "done", 1),
    ("crop_embeddings", "not_applicable", 1),
    ("derivatives", "done", 1),
    ("descriptions", "not_applicable", 1),
    ("duplicate_groups", "done", 1),
    ("embeddings", "done", 1),
    ("hashes", "done", 1),
    ("metadata", "done", 1),
    ("moderation", "not_applicable", 1),
    ("originals", "done", 1),
    ("quality", "done", 1),
    ("source_listings", "done", 1),
    ("source_pages", "done", 1),
    ("tags", "not_applicable", 1),
    ("vector_index", "done", 1),
]


@pytest.fixture
def photo(bucket: Path) -> Path:
    path = bucket / "2024" / "coffee.jpg"
    path.parent.mkdir()
    photograph("coffee").save(path, quality=90)
    return path


def test_one_photo_walks_through_every_stage(settings: Settings, photo: Path) -> None:
    """A file in the folder becomes a listing, an original, facts, a vector, a point and a row to train on."""
    result = materialize(settings)

    assert result.success
    with open_library(settings) as library, library.engine.connect() as catalog:
        ledger = tables.ledger
        rows = catalog.execute(select(ledger.c.output, ledger.c.status, ledger.c.attempts).order_by(ledger.c.output))
        assert [tuple(row) for row in rows] == STEPS

        listing = catalog.execute(select(tables.source_listings)).one()
        assert (listing.source, listing.source_key) == ("uploads", "2024/coffee.jpg")
        media = catalog.execute(select(tables.media)).one()
        assert media.public_code.startswith("MYCO-IMG-")
        assert media.blob_key == f"media/uploads/{media.media_id}/original.jpg"
        assert library.blobs.get(media.blob_key, sha256=media.sha256) == photo.read_bytes()

        facts = catalog.execute(select(tables.media_metadata)).one()
        assert (facts.format, facts.width_px, facts.height_px, facts.orientation) == ("JPEG", 600, 400, 1)
        with Image.open(photo) as image:
            assert catalog.scalar(select(tables.hashes.c.phash)) == str(imagehash.phash(image))
        key = tables.derivatives.c.name, tables.derivatives.c.content_type
        renditions = catalog.execute(select(tables.derivatives).order_by(*key)).all()
        assert [(*row.blob_key.split("/")[-1].split("."), row.width_px, row.height_px) for row in renditions] == [
            ("large", "jpg", 600, 400),
            ("large", "webp", 600, 400),
            ("medium", "jpg", 600, 400),
            ("medium", "webp", 600, 400),
            ("poi", "jpg", 600, 400),
            ("small", "jpg", 320, 213),
            ("small", "webp", 320, 213),
            ("thumb", "jpg", 150, 150),
            ("thumb", "webp", 150, 150),
        ]
        assert all(library.blobs.head(row.blob_key) for row in renditions)

        model = model_named("descriptor-512")
        name = catalog.scalar(select(tables.index_generations.c.name))
        assert name is not None
        reader = library.index.open(model.version, name)
        vector = model.embed(library.blobs.get(renditions[0].blob_key))
        (hit,) = reader.search(vector, limit=5)
        reader.close()
        assert hit.id == media.media_id
        assert hit.score == pytest.approx(1.0, abs=1e-5)

        row = catalog.execute(text("select * from media.training_general")).one()
        assert (row.media_id, row.license_ok, row.licence_family) == (media.media_id, False, "unknown")
        assert catalog.scalar(text("select count(*) from media.training_hq")) == 0


def test_a_second_run_does_nothing_and_says_so(settings: Settings, photo: Path) -> None:
    """No item is due any more, so that nothing is written."""
    materialize(settings)
    said = metadata_of(materialize(settings))

    steps = {name for name, _status, _attempts in STEPS}
    assert {name: said[name]["outcome"] for name in steps} == dict.fromkeys(steps, "nothing was due")
    assert said["training_views"]["training_general"] == 1
    assert said["training_views"]["training_hq"] == 0


def test_an_upload_is_listed_once_under_one_key_and_etag(settings: Settings, photo: Path) -> None:
    """A file that is overwritten is a second listing and a second media; the first is not forgotten."""
    materialize(settings)
    photograph("astronaut").save(photo, quality=90)
    materialize(settings)

    with open_library(settings) as library, library.engine.connect() as catalog:
        listings = tables.source_listings
        keys = catalog.execute(select(listings.c.source_key, listings.c.edition)).all()
        assert [key for key, _edition in keys] == ["2024/coffee.jpg", "2024/coffee.jpg"]
        assert len({edition for _key, edition in keys}) == 2
        assert len(catalog.execute(select(tables.media)).all()) == 2
