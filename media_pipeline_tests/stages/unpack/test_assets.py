"""Unpack in the pipeline: frames and waveforms become media that go every way a photo goes, and leave whole."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import delete, func, select, text, update

from media_pipeline.config import Settings
from media_pipeline.operations.reporting import duplicate_groups
from media_pipeline.records import media_id
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.library import Library, open_library
from media_pipeline_tests.films import clip, film, picture, tone
from media_pipeline_tests.walking import materialize, metadata_of


def ledger_of(library: Library, item: Any) -> dict[str, tuple[str, str | None]]:
    rows = tables.ledger
    with library.engine.connect() as catalog:
        found = catalog.execute(select(rows.c.output, rows.c.status, rows.c.reason).where(rows.c.item_id == item))
        return {row.output: (row.status, row.reason) for row in found}


def test_a_frame_goes_the_way_of_a_photo(settings: Settings, bucket: Path) -> None:
    """The run that unpacks it also examines, embeds, indexes and groups it; it may be trained on as its video may."""
    licensed = settings.model_copy(update={"uploads_licence": "CC-BY-4.0"})
    (bucket / "clip.mp4").write_bytes(clip())
    assert materialize(licensed).success

    with open_library(licensed) as library, library.engine.connect() as catalog:
        video = catalog.execute(select(tables.media).where(tables.media.c.kind == "video")).one()
        frames = catalog.execute(select(tables.video_frames).order_by(tables.video_frames.c.place)).all()
        assert [frame.shot for frame in frames] == [0, 1]
        assert sum(frame.is_poster for frame in frames) == 1
        for frame in frames:
            media = catalog.execute(select(tables.media).where(tables.media.c.media_id == frame.frame_media_id)).one()
            assert (media.kind, media.content_type, media.home_partition) == ("image", "image/jpeg", "uploads")
            assert (media.parent_media_id, media.offset_s) == (video.media_id, frame.offset_s)
            assert media.media_id == media_id("public", media.sha256)
            assert media.blob_key == f"media/uploads/{media.media_id}/original.jpg"
            assert media.public_code.startswith("MYCO-IMG-")
            assert len(library.blobs.get(media.blob_key, sha256=media.sha256)) == media.size_bytes
            done = ("metadata", "hashes", "quality", "derivatives", "embeddings", "vector_index", "duplicate_groups")
            assert ledger_of(library, media.media_id).items() >= dict.fromkeys(done, ("done", None)).items()
        trained = catalog.execute(text("select * from media.training_general order by offset_s")).all()
        assert [(row.media_id, row.licence, row.license_ok) for row in trained] == [
            (frame.frame_media_id, "CC-BY-4.0", True) for frame in frames
        ]
        assert {row.parent_media_id for row in trained} == {video.media_id}
        shots = catalog.execute(select(tables.shots).order_by(tables.shots.c.shot)).all()
        assert [(shot.start_s, shot.end_s) for shot in shots] == [(0.0, 1.0), (1.0, 2.0)]


def test_a_frame_is_open_as_long_as_its_video_is(settings: Settings, bucket: Path) -> None:
    """Without a run: when the video's listing vanishes, or its licence closes, its frames are closed; without a licence
    they never were open."""
    licensed = settings.model_copy(update={"uploads_licence": "CC-BY-4.0"})
    (bucket / "clip.mp4").write_bytes(clip())
    assert materialize(licensed).success
    listed, is_open = tables.source_listings, text("select distinct license_ok from media.training_general")
    closed: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
        ("vanished", {"vanished_at": datetime(2026, 1, 1, tzinfo=UTC)}, {"vanished_at": None}),
        ("closed", {"licence": "unknown", "licence_is_open": False}, {"licence": "CC-BY-4.0", "licence_is_open": True}),
    )
    with open_library(licensed) as library, library.engine.begin() as catalog:
        # Of this quality none is HQ: as if they were.
        catalog.execute(update(tables.quality).values(quality_points=90))
        for what, values, back in closed:
            assert catalog.scalars(is_open).all() == [True], what
            assert catalog.scalar(text("select count(*) from media.training_hq")) == 2, what
            catalog.execute(update(listed).values(values))
            assert catalog.scalars(is_open).all() == [False], what
            assert catalog.scalar(text("select count(*) from media.training_hq")) == 0, what
            catalog.execute(update(listed).values(back))


def test_a_sound_is_found_by_its_waveform_which_is_near_no_other(settings: Settings, bucket: Path) -> None:
    """Two waveforms that look nearly the same are shown and searched, have no hashes, and are never duplicates."""
    (bucket / "one.wav").write_bytes(tone(level=0.5))
    (bucket / "two.wav").write_bytes(tone(hz=441))
    assert materialize(settings).success

    with open_library(settings) as library, library.engine.connect() as catalog:
        waveforms = catalog.scalars(select(tables.audio_waveforms.c.waveform_media_id)).all()
        assert len(set(waveforms)) == 2
        for waveform in waveforms:
            made = dict.fromkeys(("metadata", "derivatives", "embeddings", "vector_index"), ("done", None))
            # What is told by looks has nothing to go by.
            none = dict.fromkeys(
                ("hashes", "quality", "aesthetics", "duplicate_groups"), ("not_applicable", "sound_has_no_look")
            )
            assert ledger_of(library, waveform).items() >= (made | none).items()
        assert catalog.scalar(select(func.count()).select_from(tables.duplicate_groups)) == 0
        assert catalog.scalar(text("select count(*) from media.training_general")) == 0
        points = catalog.scalar(select(tables.index_generations.c.point_count))
        assert points == 2


def test_a_photo_lacks_neither_frames_nor_a_waveform(settings: Settings, bucket: Path) -> None:
    """The coverage counts frames of videos and waveforms of sounds, and no gap where there is none to fill."""
    out = io.BytesIO()
    Image.fromarray(picture(0)).save(out, "PNG")
    (bucket / "photo.png").write_bytes(out.getvalue())
    (bucket / "clip.mp4").write_bytes(clip())
    (bucket / "silence.wav").write_bytes(tone(level=0))
    assert materialize(settings).success

    stored = tables.coverage
    with open_library(settings) as library, library.engine.connect() as catalog:
        rows = catalog.execute(
            select(stored.c.field, stored.c.status, stored.c.reason, stored.c.item_count).where(
                stored.c.field.in_(["video_facts", "shots", "frames", "sound_facts", "waveform"])
            )
        )
        assert sorted(tuple(row) for row in rows) == [
            ("frames", "done", "", 1),
            ("shots", "done", "", 1),
            ("sound_facts", "done", "", 1),
            ("video_facts", "done", "", 1),
            ("waveform", "not_applicable", "silent_sound", 1),
        ]


def test_a_second_run_unpacks_nothing_again(settings: Settings, bucket: Path) -> None:
    """Nothing is due."""
    (bucket / "clip.mp4").write_bytes(clip())
    (bucket / "tone.wav").write_bytes(tone())
    materialize(settings)
    told = metadata_of(materialize(settings))
    assert {told[name]["outcome"] for name in ("videos", "shots", "video_frames", "sounds", "audio_waveforms")} == {
        "nothing was due"
    }


def test_frames_that_are_no_longer_chosen_leave_the_library(settings: Settings, bucket: Path) -> None:
    """With a smaller limit a frame goes, and its facts, vector, point and groups with it."""
    (bucket / "clip.mp4").write_bytes(clip(25, 25, 25))
    # The same scenes once more: their frames are in groups with those above.
    (bucket / "again.mp4").write_bytes(clip(25, 25, 25, options={"qp": "10"}))
    assert materialize(settings).success
    with open_library(settings) as library, library.engine.connect() as catalog:
        before = set(catalog.scalars(select(tables.video_frames.c.frame_media_id)))
        assert len(before) == 6
        told = [group.members for group in duplicate_groups(library)]
        assert len(told) == 3
        # Each by the name of its video, and its time.
        assert all(one.startswith("again.mp4 at ") and two.startswith("clip.mp4 at ") for one, two in told)
    fewer = settings.model_copy(update={"max_keyframes": 1})
    assert materialize(fewer).success
    with open_library(fewer) as library, library.engine.connect() as catalog:
        left = set(catalog.scalars(select(tables.video_frames.c.frame_media_id)))
        assert len(left) == 2
        assert left < before
        assert set(catalog.scalars(select(tables.media.c.media_id).where(tables.media.c.kind == "image"))) == left
        assert set(catalog.scalars(select(tables.embeddings.c.media_id))) == left
        assert set(catalog.scalars(select(tables.ledger.c.item_id))).isdisjoint(before - left)
        assert set(catalog.scalars(select(tables.duplicate_members.c.media_id))) <= left
        assert catalog.scalar(select(tables.index_generations.c.point_count)) == 2


def test_the_same_picture_in_two_videos_is_one_media_with_the_first_as_its_parent(
    settings: Settings, bucket: Path
) -> None:
    """Each video has its row; when the parent is unpacked anew without it, the other becomes the parent."""
    lossless = {"qp": "0", "preset": "ultrafast"}
    (bucket / "a.mp4").write_bytes(film([picture(0)] * 10, options=lossless))
    (bucket / "b.mp4").write_bytes(film([picture(0)] * 20, options=lossless))
    assert materialize(settings).success
    rows, media = tables.video_frames, tables.media
    with open_library(settings) as library, library.engine.begin() as catalog:
        (frame,) = set(catalog.scalars(select(rows.c.frame_media_id)))
        first, second = catalog.scalars(select(rows.c.media_id).order_by(rows.c.media_id)).all()
        parent = select(media.c.parent_media_id).where(media.c.media_id == frame)
        assert catalog.scalar(parent) == first
        # As if the first had other frames today.
        catalog.execute(delete(rows).where(rows.c.media_id == first))
    assert materialize(settings).success
    with open_library(settings) as library, library.engine.connect() as catalog:
        assert catalog.scalar(parent) == second


def test_what_a_killed_run_claimed_is_removed_when_nothing_comes_of_it(settings: Settings, bucket: Path) -> None:
    """A claim of a picture that today's code does not choose is no media for ever."""
    (bucket / "clip.mp4").write_bytes(clip())
    assert materialize(settings).success
    media = tables.media
    with open_library(settings) as library, library.engine.begin() as catalog:
        row = dict(catalog.execute(select(media).where(media.c.kind == "image").limit(1)).mappings().one())
        orphan = media_id("public", "0" * 64)
        row |= {"media_id": orphan, "sha256": "0" * 64, "public_code": "MYCO-IMG-00000000", "blob_key": "media/x/y.jpg"}
        catalog.execute(media.insert().values(row))
    assert materialize(settings).success
    with open_library(settings) as library, library.engine.connect() as catalog:
        assert catalog.scalar(select(func.count()).where(media.c.media_id == orphan)) == 0


@dataclass(frozen=True, slots=True)
class Odd:
    """A file that is not what it should be, and what the ledger says of it."""

    name: str
    data: bytes
    said: dict[str, tuple[str, str | None]]


MATROSKA = b"\x1aE\xdf\xa3"
VIDEO_OUTPUTS, SOUND_OUTPUTS = ("videos", "shots", "video_frames"), ("sounds", "audio_waveforms")


def odd_files() -> list[Odd]:
    whole = clip()
    return [
        Odd("header.mp4", whole[:40], dict.fromkeys(VIDEO_OUTPUTS, ("failed", "undecodable"))),
        Odd(
            "noise.webm",
            b"\x1aE\xdf\xa3" + bytes(range(256)) * 9,
            dict.fromkeys(VIDEO_OUTPUTS, ("failed", "undecodable")),
        ),
        Odd("huge.mp4", whole, dict.fromkeys(VIDEO_OUTPUTS, ("failed", "too_many_pixels"))),
        Odd("noise.mp3", b"ID3" + bytes(2000), dict.fromkeys(SOUND_OUTPUTS, ("failed", "undecodable"))),
        Odd("empty.wav", tone(0), dict.fromkeys(SOUND_OUTPUTS, ("failed", "undecodable"))),
    ]


@pytest.mark.parametrize("odd", odd_files(), ids=lambda odd: odd.name)
def test_an_odd_file_is_a_row_with_a_reason(
    settings: Settings, bucket: Path, odd: Odd, capfd: pytest.CaptureFixture[str]
) -> None:
    """The run goes on, and FFmpeg says nothing."""
    chosen = settings.model_copy(update={"max_pixels": 10_000}) if odd.name == "huge.mp4" else settings
    (bucket / odd.name).write_bytes(odd.data)
    assert materialize(chosen).success
    with open_library(chosen) as library, library.engine.connect() as catalog:
        (media,) = catalog.scalars(select(tables.media.c.media_id)).all()
        told = ledger_of(library, media)
        assert {name: told[name] for name in odd.said} == odd.said
    assert capfd.readouterr().err == ""
