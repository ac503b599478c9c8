"""The demo, held against what the sample maker planted: every file, every group, every reason."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select, text

from media_pipeline.config import Settings
from media_pipeline.operations.demo import plant_samples
from media_pipeline.samples import Expectations
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.embedded import Embedded
from media_pipeline.stores.library import Library, open_library
from media_pipeline_tests.conftest import new_database
from media_pipeline_tests.walking import materialize

ENDED = re.compile(r"all 63 samples came out as they were planted")


@pytest.fixture(scope="module")
def demo(cluster: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Expectations, Library]]:
    """One run over the samples, read by all tests of this file."""
    with new_database(cluster) as url:
        settings = Settings.load(home=tmp_path_factory.mktemp("demo"), database_url=url)
        truth = plant_samples(settings)
        assert materialize(settings).success
        with open_library(settings) as library:
            yield truth, library


def test_every_sample_comes_out_as_it_was_planted(demo: tuple[Expectations, Library]) -> None:
    """Kept, refused and failed files; files stored once; groups found; look-alikes apart; sizes upright."""
    truth, library = demo
    with library.engine.connect() as catalog:
        media = _media_by_name(catalog)
        assert _fates(catalog) == {sample.name: (sample.fate, sample.reason) for sample in truth.samples}
        assert _sizes(catalog) == dict(truth.upright_sizes)

        for names in truth.same_bytes:
            assert len({media[name] for name in names}) == 1, names
        assert _groups(catalog, "exact") == set(truth.same_bytes)
        assert _groups(catalog, "near") == set(truth.same_picture)

        together = {pair for group in _groups(catalog, "near") for pair in combinations(sorted(group), 2)}
        for names in truth.look_alikes:
            assert not together & set(combinations(sorted(names), 2)), names
        for crop, original in truth.slight_crops.items():
            assert tuple(sorted((crop, original))) in together

        burst = [_facts(catalog, media[name]) for name in truth.burst]
        assert [facts.taken_at for facts in burst] == sorted(facts.taken_at for facts in burst)
        assert {(facts.camera_make, facts.camera_model) for facts in burst} == {("Sample", "Pocket 1")}
        assert all(facts.latitude is not None and facts.longitude is not None for facts in burst)
        placed = tables.burst_members
        found = catalog.scalars(select(placed.c.media_id).order_by(placed.c.burst_id, placed.c.place)).all()
        assert found == [media[name] for name in truth.burst]


def test_every_field_says_how_far_it_is(demo: tuple[Expectations, Library]) -> None:
    """Done, or why not; no field is without a step."""
    _truth, library = demo
    with library.engine.connect() as catalog:
        rows = catalog.execute(
            select(tables.coverage.c.field, tables.coverage.c.status, tables.coverage.c.reason)
        ).all()
        states = defaultdict(set)
        for field, status, reason in rows:
            states[field].add((status, reason))
        # A video and a sound are no pictures; their frames and the drawing of the sound are.
        no_picture, no_look = ("not_applicable", "not_a_picture"), ("not_applicable", "sound_has_no_look")
        assert states["burst"] == {("done", ""), ("failed", "upstream_failed"), no_picture, no_look}
        assert states["cluster"] - {no_picture, no_look} == {("done", ""), ("failed", "upstream_failed")}
        assert states["quality"] == states["metadata"] | {no_look}
        assert states["metadata"] == states["thumbnail"]
        assert states["video_facts"] == states["shots"] == states["frames"] == {("done", "")}
        assert states["sound_facts"] == states["waveform"] == {("done", "")}
        assert states["original"] == {("done", ""), ("failed", "empty"), ("failed", "not_media")}
        assert states["metadata"] == {("done", ""), ("failed", "too_many_pixels"), ("failed", "truncated"), no_picture}
        assert states["duplicate_group"] == {("done", ""), ("failed", "upstream_failed"), no_picture, no_look}
        # 512 pixels are no high quality, and nobody named a licence.
        assert catalog.scalar(text("select count(*) from media.training_hq")) == 0
        assert catalog.scalar(text("select count(*) from media.metadata where date_provenance is null")) == 0


def test_the_coverage_counts_every_item_once(demo: tuple[Expectations, Library]) -> None:
    """For each field the states add up to all listings, all media, all videos or all sounds."""
    truth, library = demo
    coverage = tables.coverage
    with library.engine.connect() as catalog:
        sums: dict[str, int] = defaultdict(int)
        for field, count in catalog.execute(select(coverage.c.field, coverage.c.item_count)):
            sums[field] += count
        stored = len(set(_media_by_name(catalog).values()))
    assert sums.pop("original") == len(truth.samples)
    assert [sums.pop(field) for field in ("video_facts", "shots", "frames", "sound_facts", "waveform")] == [1] * 5
    assert set(sums.values()) == {stored + sum(truth.parts.values())}


def test_the_training_view_keeps_one_of_each_picture(demo: tuple[Expectations, Library]) -> None:
    """Lesser copies are left out; unknown licences are not called open."""
    truth, library = demo
    lesser = sum(len(group) for group in truth.same_picture)
    with library.engine.connect() as catalog:
        media = _media_by_name(catalog)
        pictures = {media[name] for name in truth.pictures}
        grouped = {media[name] for group in truth.same_picture for name in group}
        rows = catalog.execute(text("select media_id, license_ok from media.training_general")).all()
    assert lesser > 0
    # The video's two frames are trained on, the drawing of the sound is not.
    assert len(rows) == len(pictures) - len(grouped) + len(truth.same_picture) + truth.parts["moving/two-scenes.mp4"]
    assert not any(row.license_ok for row in rows)


def test_a_newcomer_types_one_command_twice(open_ground: Path) -> None:
    """On nothing but a folder: the embedded database, no torch; the second time nothing is due, and it says so."""
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "media_pipeline",
        "demo",
        "--home",
        str(open_ground / "library"),
    ]
    first = subprocess.run(command, cwd=open_ground, capture_output=True, text=True, timeout=240, check=False)
    assert first.returncode == 0, first.stdout + first.stderr[-3000:]
    assert ENDED.search(first.stdout)
    assert not re.search(r"\| +torch$", first.stderr, re.MULTILINE)
    sheet = (open_ground / "library" / "contact_sheet.html").read_text()
    assert sheet.count("<img ") == 53 + 3

    second = subprocess.run(command, cwd=open_ground, capture_output=True, text=True, timeout=240, check=False)
    assert second.returncode == 0, second.stdout + second.stderr[-3000:]
    assert "Nothing was due" in second.stdout
    assert ENDED.search(second.stdout)


def _media_by_name(catalog: Connection) -> dict[str, UUID]:
    listings, links = tables.source_listings, tables.media_links
    query = select(listings.c.source_key, links.c.media_id).join(
        links, (links.c.tenant == listings.c.tenant) & (links.c.listing_id == listings.c.listing_id)
    )
    return {name: media_id for name, media_id in catalog.execute(query)}  # noqa: C416


def _fates(catalog: Connection) -> dict[str, tuple[str, str | None]]:
    """By hand from the ledger: refused at originals, failed at metadata, else kept."""
    listings, rows = tables.source_listings, tables.ledger
    failed_rows = select(rows).where(rows.c.status != "not_applicable")
    reasons = {(row.output, row.item_id): row.reason for row in catalog.execute(failed_rows)}
    media = _media_by_name(catalog)
    fates: dict[str, tuple[str, str | None]] = {}
    for listing_id, name in catalog.execute(select(listings.c.listing_id, listings.c.source_key)):
        if refused := reasons["originals", listing_id]:
            fates[name] = ("refused", refused)
        else:
            failed = reasons.get(("metadata", media[name]))
            fates[name] = ("failed", failed) if failed else ("kept", None)
    return fates


def _sizes(catalog: Connection) -> dict[str, tuple[int, int]]:
    facts = tables.media_metadata
    sizes = {
        media_id: (width, height)
        for media_id, width, height in catalog.execute(select(facts.c.media_id, facts.c.width_px, facts.c.height_px))
    }
    return {name: sizes[media_id] for name, media_id in _media_by_name(catalog).items() if media_id in sizes}


def _facts(catalog: Connection, media_id: UUID) -> Any:
    return catalog.execute(select(tables.media_metadata).where(tables.media_metadata.c.media_id == media_id)).one()


def _groups(catalog: Connection, tier: str) -> set[frozenset[str]]:
    names = defaultdict(set)
    for name, media_id in _media_by_name(catalog).items():
        names[media_id].add(name)
    groups, members = tables.duplicate_groups, tables.duplicate_members
    found: dict[UUID, set[str]] = defaultdict(set)
    query = select(members.c.group_id, members.c.media_id).join(groups, groups.c.group_id == members.c.group_id)
    for group_id, media_id in catalog.execute(query.where(groups.c.tier == tier)):
        found[group_id] |= names[media_id]
    return {frozenset(group) for group in found.values()}
