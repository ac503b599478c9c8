"""Videos and sounds opened: true times, known cuts, upright pictures, and files that are not what they should be."""

from __future__ import annotations

import io
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from media_pipeline.errors import ItemError, MediaProcessingError
from media_pipeline.records import Made, NotApplicable
from media_pipeline.stages.fetch.content_types import content_type
from media_pipeline.stages.unpack.containers import opened
from media_pipeline.stages.unpack.unpacking import MADE, Task, sound_unpacked, video_unpacked
from media_pipeline_tests.films import clip, film, picture, tone, turned

NOW = datetime(2026, 11, 20, tzinfo=UTC)
OUTPUTS = frozenset({"videos", "shots", "video_frames", "sounds", "audio_waveforms"})
# Each begins three scenes in its own way: at keyframes, in a rhythm, without one; and other codecs.
WAYS: dict[str, dict[str, Any]] = {
    "keyframes at cuts": {},
    "keyframes in a rhythm": {"options": {"g": "10", "sc_threshold": "0"}},
    "one keyframe": {"options": {"g": "250", "sc_threshold": "0"}},
    "mpeg4 in AVI": {"codec": "mpeg4", "container": "avi"},
    "vp8 in WebM": {"codec": "libvpx", "container": "webm"},
    "vp9 in WebM": {"codec": "libvpx-vp9", "container": "webm"},
    "motion JPEG in MOV": {"codec": "mjpeg", "container": "mov"},
}


def task(data: bytes, **chosen: Any) -> Task:
    known = content_type(data)
    assert known is not None
    limits = {"max_pixels": 10**7, "max_keyframes": 12, **chosen}
    return Task(data, known.name, OUTPUTS, now=NOW, **limits)


def rows(results: Any, name: str) -> list[dict[str, Any]]:
    made = results[name]
    assert isinstance(made, Made), made
    return [dict(row) for row in made.rows]


def unpacked(data: bytes, **chosen: Any) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """The row of the video, of its shots, of its frames."""
    results = video_unpacked(task(data, **chosen))
    (facts,) = rows(results, "videos")
    return facts, rows(results, "shots"), rows(results, "video_frames")


def seen(frame: dict[str, Any]) -> NDArray[np.int16]:
    with Image.open(io.BytesIO(frame[MADE].data)) as stored:
        return np.asarray(stored.convert("RGB"), np.int16)


def all_pictures(data: bytes) -> list[tuple[float, NDArray[np.int16]]]:
    """By a full decode: when each is shown, and its pixels."""
    with av.open(io.BytesIO(data), "r") as container:
        return [
            (float(frame.time or 0), np.asarray(frame.to_ndarray(format="rgb24"), np.int16))
            for frame in container.decode(video=0)
        ]


@pytest.mark.parametrize("way", WAYS)
def test_cuts_are_found_where_they_are(way: str) -> None:
    """Three scenes of one second give three shots, to the picture, and one frame each."""
    _, shots, frames = unpacked(clip(25, 25, 25, **WAYS[way]))
    assert [round(shot["start_s"], 3) for shot in shots] == [0.0, 1.0, 2.0]
    assert [round(shot["end_s"], 2) for shot in shots] == [1.0, 2.0, pytest.approx(3.0, abs=0.05)]
    assert [frame["shot"] for frame in frames] == [0, 1, 2]
    assert [frame["is_poster"] for frame in frames].count(True) == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_frame_is_the_picture_of_its_time(way: str) -> None:
    """Of all pictures of the video the one at the told time is the one that the file shows."""
    data = clip(25, 25, **WAYS[way])
    pictures = all_pictures(data)
    for frame in unpacked(data)[2]:
        still = seen(frame)
        nearest = min(pictures, key=lambda shown: float(np.abs(shown[1] - still).mean()))
        assert nearest[0] == pytest.approx(frame["offset_s"], abs=1e-6)


def test_times_are_those_of_the_container_where_pictures_come_irregularly() -> None:
    """No number is multiplied by a mean distance."""
    times = [0, 40, 50, 700, 710, 1500, 1503, 4000]
    data = film([picture(0)] * 4 + [picture(1)] * 4, times=times)
    facts, shots, frames = unpacked(data)
    assert [shot["start_s"] for shot in shots] == [0.0, 0.71]
    assert [frame["offset_s"] for frame in frames] == [0.0, 1.5]
    assert facts["frame_count"] == 8


def test_a_video_that_was_held_upright_gives_upright_frames() -> None:
    """Turned clockwise by a quarter, the mark of the upper left corner is in the upper right."""
    facts, _, (frame,) = unpacked(turned(clip(25)))
    assert (facts["width_px"], facts["height_px"], facts["rotation_degrees"]) == (96, 160, 90)
    assert (frame["width_px"], frame["height_px"]) == (96, 160)
    still = seen(frame)
    assert still.shape == (160, 96, 3)
    assert still[3:12, -12:-3].mean() > 235
    assert still[3:12, 3:12].mean() < 120


def test_colours_are_those_that_were_filmed() -> None:
    """Within what the codec loses: 601 for small pictures, 709 for large ones, where the file does not say."""
    for size in ((160, 96), (1280, 720)):
        shown = picture(0, size=size)
        matrix: Literal["bt709", "smpte170m"] = "bt709" if size[1] >= 720 else "smpte170m"
        data = film([shown] * 2, options={"qp": "4"}, matrix=matrix)
        (frame,) = unpacked(data)[2]
        assert np.abs(seen(frame).mean(axis=(0, 1)) - shown.mean(axis=(0, 1))).max() < 4


def test_a_long_shot_has_a_frame_for_every_ten_seconds() -> None:
    """Also where the one keyframe is the first picture: the others are gone on to."""
    data = film([picture(0, step) for step in range(60)], times=range(0, 30_000, 500), options={"g": "1000"})
    facts, _, frames = unpacked(data)
    assert facts["keyframe_count"] == 1
    assert [frame["offset_s"] for frame in frames] == [0.0, 10.0, 20.0]


def test_a_clock_that_jumps_by_years_costs_nothing() -> None:
    """Few places are looked at, however many seconds the file claims."""
    times = [0, 40, 80, 120, 160, 10**11]
    data = film([picture(0, step) for step in range(6)], times=times, codec="libvpx", container="webm")
    facts, _, frames = unpacked(data)
    assert facts["duration_s"] >= 10**8
    assert 1 <= len(frames) <= 12


def test_no_more_frames_than_are_wanted_and_of_the_longest_shots() -> None:
    """Two of four shots, those that last longest."""
    _, shots, frames = unpacked(clip(10, 40, 12, 30), max_keyframes=2)
    assert len(shots) == 4
    assert [frame["shot"] for frame in frames] == [1, 3]


def test_a_picture_with_nothing_on_it_stands_for_no_shot() -> None:
    """Black at the beginning is no frame; where all is black it is the only one."""
    black = np.zeros((96, 160, 3), np.uint8)
    _, shots, frames = unpacked(film([black] * 25 + [picture(1, step) for step in range(25)]))
    assert (len(shots), [frame["shot"] for frame in frames]) == (2, [1])
    assert len(unpacked(film([black] * 25))[2]) == 1


def test_the_same_video_gives_the_same_bytes() -> None:
    """A run that is repeated makes no other media."""
    data = clip()
    assert [frame[MADE] for frame in unpacked(data)[2]] == [frame[MADE] for frame in unpacked(data)[2]]


def test_a_video_that_is_cut_off_gives_what_is_whole_and_says_so() -> None:
    """No half-grey picture: what its end cuts off is left out."""
    data = clip(25, 25, 25, codec="libvpx", container="webm")
    facts, _, frames = unpacked(data[: len(data) * 2 // 3])
    assert any("of the 3.00 s that its header promises" in note for note in facts["notes"])
    assert [frame["shot"] for frame in frames] == [0, 1]


def test_pictures_that_are_too_large_are_refused_by_the_header() -> None:
    """Before anything is decoded."""
    with pytest.raises(MediaProcessingError, match=r"too_many_pixels: 160 x 96; MEDIA_MAX_PIXELS allows 10000"):
        unpacked(clip(5), max_pixels=10_000)


def test_a_sound_that_is_called_a_video_has_no_pictures() -> None:
    """That is no failure."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    results = video_unpacked(task(out.getvalue()))
    assert set(results.values()) == {NotApplicable("no_video_stream")}


def test_a_playlist_is_no_video_whatever_it_is_called() -> None:
    """FFmpeg would read the files and addresses that it names."""
    playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    with pytest.raises(MediaProcessingError, match="undecodable"), opened(playlist, "video/mp4", max_pixels=1):
        pass


@pytest.mark.parametrize(
    "data", [clip(5), clip(5, codec="libvpx", container="webm"), tone(0.2)], ids=["mp4", "webm", "wav"]
)
def test_damaged_bytes_are_an_answer_or_an_error_of_the_item(data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """Cut off or overwritten anywhere: nothing else is raised, and nothing printed."""
    fate = random.Random(7)
    unpack = video_unpacked if task(data).content_type.startswith("video") else sound_unpacked
    for _ in range(40):
        broken = bytearray(data[: fate.randrange(64, len(data))] if fate.random() < 0.5 else data)
        for _ in range(fate.randrange(20)):
            broken[fate.randrange(16, len(broken))] = fate.randrange(256)
        reason = None
        try:
            assert unpack(task(bytes(broken)))
        except ItemError as error:
            reason = error.reason
        assert reason in (None, "undecodable", "too_many_pixels")
    assert capfd.readouterr().err == ""


def test_real_videos_tell_what_they_know(shared: Path) -> None:
    """Places, dates, turned and without a length; fast motion is no cut."""
    folder = shared / "testdata" / "video"
    facts, _, (frame,) = unpacked((folder / "with-gps.mov").read_bytes())
    assert (facts["latitude"], facts["longitude"]) == (32.0929, 34.8620)
    assert facts["taken_at_utc"] == datetime(2019, 7, 24, 8, 25, 40, tzinfo=UTC)
    assert (facts["camera_make"], facts["camera_model"]) == ("Apple", "iPhone 6")
    assert (frame["width_px"], frame["height_px"]) == (320, 568)
    facts, _, _ = unpacked((folder / "no_duration.webm").read_bytes())
    assert facts["duration_s"] == pytest.approx(4.938)
    assert facts["notes"] == ["its header does not say how long it is: counted"]
    _, shots, _ = unpacked((folder / "images" / "cockatoo.mp4").read_bytes())
    assert len(shots) == 1


def test_every_real_file_has_an_answer(shared: Path) -> None:
    """All videos have frames at times that the container has; the song with a cover is a sound."""
    for path in sorted((shared / "testdata" / "video").rglob("*.*")):
        data = path.read_bytes()
        if path.suffix == ".gif":
            continue
        times = [moment for moment, _ in all_pictures(data)]
        for frame in unpacked(data)[2]:
            assert min(abs(frame["offset_s"] - moment) for moment in times) < 1e-6, path.name
    results = sound_unpacked(task((shared / "testdata" / "audio" / "with-attached-pic.mp3").read_bytes()))
    (sound,) = rows(results, "sounds")
    assert sound["has_cover"]
    assert isinstance(results["audio_waveforms"], NotApplicable)  # one second of silence


def test_a_sound_is_drawn_as_loud_as_it_is() -> None:
    """A tone that rises: thin on the left, from edge to edge on the right."""
    results = sound_unpacked(task(tone(2.0)))
    (sound,), (drawn,) = rows(results, "sounds"), rows(results, "audio_waveforms")
    assert (sound["duration_s"], sound["channels"], sound["sample_rate_hz"]) == (2.0, 1, 8000)
    assert sound["peak_dbfs"] == pytest.approx(-6.02, abs=0.05)
    with Image.open(io.BytesIO(drawn[MADE].data)) as stored:
        assert stored.size == (1024, 512)
        ink = (np.asarray(stored.convert("L")) < 200).sum(axis=0)
    assert ink[20] < 20
    assert ink[512] == pytest.approx(256, abs=20)
    assert ink[1000] > 480


def test_a_silent_sound_has_facts_and_no_picture() -> None:
    """It says that it is silent."""
    results = sound_unpacked(task(tone(level=0)))
    (sound,) = rows(results, "sounds")
    assert sound["is_silent"]
    assert results["audio_waveforms"] == NotApplicable("silent_sound", "no sample above 0.001")
