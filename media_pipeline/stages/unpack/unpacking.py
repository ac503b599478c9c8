"""One file opened, all that is unpacked from it: what a pool worker does with a video or a sound. Pure.

What is not here: who calls it, and how what it makes becomes media (assets.py).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from media_pipeline.errors import MediaProcessingError
from media_pipeline.records import Made, NotApplicable, Result
from media_pipeline.stages.unpack import frames, keyframes, shots, sounds, videos, waveforms
from media_pipeline.stages.unpack.containers import opened
from media_pipeline.stages.unpack.frames import Look
from media_pipeline.stages.unpack.shots import Shot
from media_pipeline.stages.unpack.videos import Notes, Track

if TYPE_CHECKING:
    from av.video.stream import VideoStream

# What a row carries on its way to becoming media, and no table has.
MADE: Final = "made"


@dataclass(frozen=True, slots=True)
class Task:
    """One file, what fetch found it to be, the outputs that are due, and the limits."""

    data: bytes
    content_type: str
    due: frozenset[str]
    max_pixels: int
    max_keyframes: int
    now: datetime


@dataclass(frozen=True, slots=True)
class NewMedia:
    """A picture that becomes a media of its own."""

    data: bytes
    sha256: str
    content_type: str
    extension: str
    offset_s: float | None = None


def video_unpacked(task: Task) -> dict[str, Result]:
    """For each output of a video that is due: its rows, or why there are none."""
    notes = Notes()
    with opened(task.data, task.content_type, max_pixels=task.max_pixels) as container:
        stream = videos.picture_stream(container)
        if stream is None:
            return dict.fromkeys(task.due, NotApplicable("no_video_stream"))
        frames.must_fit(stream.width, stream.height, max_pixels=task.max_pixels)
        along = videos.track(container, stream, notes)
        row = videos.facts(container, stream, along, notes=notes, now=task.now)
    # Opened again, for not every container can be wound back.
    with opened(task.data, task.content_type, max_pixels=task.max_pixels) as container:
        stream = videos.picture_stream(container)
        if stream is None:
            raise MediaProcessingError("undecodable", "its stream is gone when it is opened again")
        found = frames.looks(container, stream, along, notes=notes, max_pixels=task.max_pixels)
        made = _of_looks(task, stream, along, found)
    turned = frames.rotation(found[0].frame) if found else 0
    if turned in (90, 270):
        row |= {"width_px": row["height_px"], "height_px": row["width_px"]}
    row |= {"rotation_degrees": turned, "notes": list(notes.said)}
    return {name: result for name, result in {"videos": Made(rows=(row,)), **made}.items() if name in task.due}


def _of_looks(task: Task, stream: VideoStream, along: Track, found: list[Look]) -> dict[str, Result]:
    if not found:
        none = MediaProcessingError("undecodable", "not one picture of it can be decoded")
        return {"shots": none, "video_frames": none}
    glimpses = [look.glimpse for look in found]
    cut = shots.shots(along, glimpses)
    rows = tuple(
        {"shot": number, "start_s": along.seconds(shot.start_pts), "end_s": along.seconds(shot.end_pts)}
        for number, shot in enumerate(cut)
    )
    made: dict[str, Result] = {"shots": Made(rows=rows)}
    if "video_frames" in task.due:
        made["video_frames"] = Made(rows=_stills(task, stream, along, found=found, cut=cut))
    return made


def _stills(
    task: Task, stream: VideoStream, along: Track, *, found: list[Look], cut: tuple[Shot, ...]
) -> tuple[dict[str, Any], ...]:
    glimpses = [look.glimpse for look in found]
    spacing = float(keyframes.SPACING_S / along.time_base)
    choices = keyframes.chosen(glimpses, cut, most=task.max_keyframes, spacing_pts=spacing)
    poster = keyframes.poster(glimpses, choices)
    aspect = float(stream.sample_aspect_ratio or 1)
    rows = []
    for place, choice in enumerate(choices):
        look = found[choice.place]
        still = frames.still(look.frame, aspect=aspect)
        offset_s = along.seconds(look.glimpse.pts)
        rows.append(
            {
                "place": place,
                "offset_s": offset_s,
                "shot": choice.shot,
                "is_poster": place == poster,
                "width_px": still.width_px,
                "height_px": still.height_px,
                MADE: _new(still.data, frames.CONTENT_TYPE, frames.EXTENSION, offset_s=offset_s),
            }
        )
    return tuple(rows)


def sound_unpacked(task: Task) -> dict[str, Result]:
    """For each output of a sound that is due: its rows, or why there are none."""
    notes = Notes()
    with opened(task.data, task.content_type, max_pixels=task.max_pixels) as container:
        stream = videos.sound_stream(container)
        if stream is None:
            if container.streams.audio:
                raise MediaProcessingError("undecodable", "it is in a codec that is not known here")
            return dict.fromkeys(task.due, NotApplicable("no_sound_stream"))
        heard = sounds.loudness(container, stream, notes)
        row = sounds.facts(container, stream, heard, notes=notes, now=task.now)
    picture: Made | NotApplicable = NotApplicable("silent_sound", f"no sample above {sounds.SILENCE:g}")
    if not row["is_silent"]:
        data = waveforms.waveform(heard)
        size = {"width_px": waveforms.WIDTH_PX, "height_px": waveforms.HEIGHT_PX}
        picture = Made(rows=({**size, MADE: _new(data, waveforms.CONTENT_TYPE, waveforms.EXTENSION)},))
    made: dict[str, Result] = {
        "sounds": Made(rows=({**row, "notes": list(notes.said)},)),
        "audio_waveforms": picture,
    }
    return {name: result for name, result in made.items() if name in task.due}


def _new(data: bytes, content_type: str, extension: str, *, offset_s: float | None = None) -> NewMedia:
    return NewMedia(data, hashlib.sha256(data).hexdigest(), content_type, extension, offset_s)
