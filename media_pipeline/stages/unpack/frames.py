"""Pictures of a video: those that are looked at, and those that are kept as files. Pure.

Keyframes are decoded without what lies between them, which is most of the work of a full decode. Where they lie far
apart, or a picture between them looks as if it were behind a cut, the decoder goes on from the keyframe before, as far
as the budget of pixels reaches. What is not here: which of them are chosen (keyframes.py).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from media_pipeline.errors import MediaProcessingError
from media_pipeline.stages.unpack.keyframes import SPACING_S
from media_pipeline.stages.unpack.shots import EDGE_PX, Glimpse, peaks
from media_pipeline.stages.unpack.videos import Notes, Track

if TYPE_CHECKING:
    from av import Packet as CodedPacket
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

CONTENT_TYPE: Final = "image/jpeg"
EXTENSION: Final = "jpg"
# At 95 nothing is lost that the video had: its own compression is far stronger. A PNG takes twenty times as long.
_JPEG: Final = {"quality": 95, "subsampling": "4:2:0"}

# What may be decoded of one video: a keyframe of 1080p takes 25 ms, a picture between two of them 3 ms.
KEY_PIXELS = 75_000_000
MORE_PIXELS = 400_000_000
LEAST_KEYS = 12
# Keyframes that are further apart are not enough.
FAR_S = 1.5 * SPACING_S
# Pixels of old videos are not square; beyond this the header is wrong.
_STRETCH: Final = (1 / 3, 3)
_TURNS: Final = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}
_UNSPECIFIED, _BT709, _BT601 = 2, 1, 5


@dataclass(frozen=True, slots=True)
class Look:
    """A decoded picture and how it is seen small."""

    glimpse: Glimpse
    frame: VideoFrame


@dataclass(frozen=True, slots=True)
class Still:
    """A picture as a file: upright, with square pixels."""

    data: bytes
    width_px: int
    height_px: int


def must_fit(width_px: int, height_px: int, *, max_pixels: int) -> None:
    """MediaProcessingError for pictures that are too large, by the header."""
    if width_px * height_px > max_pixels:
        raise MediaProcessingError("too_many_pixels", f"{width_px} x {height_px}; MEDIA_MAX_PIXELS allows {max_pixels}")


def looks(container: InputContainer, stream: VideoStream, along: Track, *, notes: Notes, max_pixels: int) -> list[Look]:
    """The pictures that are looked at, in the order in which they are shown; none where none can be decoded."""
    stream.codec_context.thread_count = 1
    size = max(stream.width * stream.height, 1)
    most = max(LEAST_KEYS, KEY_PIXELS // size)
    keys = along.keys
    if len(keys) > most:
        notes.add(f"{most} of its {len(keys)} keyframes were looked at")
        keys = tuple(keys[round(place)] for place in np.linspace(0, len(keys) - 1, most))
    found: dict[int, Look] = {}
    for frame in _keyframes(container, stream, frozenset(keys), notes=notes):
        _take(found, frame, max_pixels=max_pixels)
    if len(keys) == len(along.keys):
        missing = _missing(along, most=most)
        for frame in _between(container, stream, missing, budget=MORE_PIXELS // size, notes=notes):
            _take(found, frame, max_pixels=max_pixels)
    return [found[pts] for pts in sorted(found)]


def rotation(frame: VideoFrame) -> int:
    """How far the picture must be turned clockwise to stand upright: 0, 90, 180, 270."""
    return -round(frame.rotation / 90) * 90 % 360


def still(frame: VideoFrame, *, aspect: float) -> Still:
    """The picture as people see it. `aspect`: how wide its pixels are, with a height of 1."""
    least, largest = _STRETCH
    width = round(frame.width * aspect) if least <= aspect <= largest else frame.width
    picture = Image.fromarray(_pixels(frame, max(width, 1), frame.height))
    if turn := _TURNS.get(-rotation(frame) % 360):
        picture = picture.transpose(turn)
    out = io.BytesIO()
    picture.save(out, "JPEG", **_JPEG)
    return Still(out.getvalue(), picture.width, picture.height)


def _take(found: dict[int, Look], frame: VideoFrame, *, max_pixels: int) -> None:
    # Each picture may have a size of its own, whatever the header says.
    must_fit(frame.width, frame.height, max_pixels=max_pixels)
    pts = _pts(frame)
    if pts is not None and pts not in found:
        found[pts] = Look(Glimpse(pts, _pixels(frame, EDGE_PX, EDGE_PX)), frame)


def _keyframes(
    container: InputContainer, stream: VideoStream, wanted: frozenset[int], *, notes: Notes
) -> Iterator[VideoFrame]:
    stream.codec_context.skip_frame = "NONKEY"
    for packet in _packets(container, stream, notes=notes):
        pts = packet.pts if packet.pts is not None else packet.dts
        if not packet.size or pts in wanted:
            yield from _decoded(packet, notes=notes)


def _between(
    container: InputContainer,
    stream: VideoStream,
    missing: Sequence[tuple[int, list[int]]],
    *,
    budget: int,
    notes: Notes,
) -> Iterator[VideoFrame]:
    """Pictures at the places that keyframes leave out, each decoded from the keyframe before it."""
    import av

    stream.codec_context.skip_frame = "NONREF"
    for key, places in missing:
        waiting = list(places)
        try:
            container.seek(key, stream=stream)
        except (av.FFmpegError, EOFError):
            notes.add("places in it cannot be found: its index is broken")
            return
        for packet in _packets(container, stream, notes=notes):
            for frame in _decoded(packet, notes=notes):
                budget -= 1
                pts = _pts(frame)
                if waiting and pts is not None and pts >= waiting[0]:
                    waiting = [place for place in waiting if place > pts]
                    yield frame
            if not waiting or budget <= 0:
                break
        stream.codec_context.flush_buffers()
        if budget <= 0:
            notes.add("its keyframes are too far apart to look at all of it")
            return


def _missing(along: Track, *, most: int) -> list[tuple[int, list[int]]]:
    """Each keyframe with the places behind it that are worth a look; of too many, some of all."""
    keys = along.keys or (along.packets[0].pts,)
    far, spacing = FAR_S / along.time_base, SPACING_S / along.time_base
    places = set(peaks(along)) if along.keys else {keys[0], *peaks(along)}
    for key, following in pairwise((*keys, along.end_pts)):
        if following - key > far:
            # A clock that jumps by years asks for no picture of each ten seconds.
            parts = min(round((following - key) / spacing), most)
            places.update(key + (following - key) * part // parts for part in range(1, parts))
    chosen = sorted(places)
    if len(chosen) > most:
        chosen = [chosen[round(place)] for place in np.linspace(0, len(chosen) - 1, most)]
    behind: dict[int, list[int]] = {}
    for place in chosen:
        behind.setdefault(max((key for key in keys if key <= place), default=keys[0]), []).append(place)
    return sorted(behind.items())


def _packets(container: InputContainer, stream: VideoStream, *, notes: Notes) -> Iterator[CodedPacket[VideoStream]]:
    import av

    try:
        for packet in container.demux(stream):
            # What the end of a file cuts off would be decoded to a picture that is half grey.
            if not packet.is_corrupt:
                yield packet
    except (av.FFmpegError, EOFError) as error:
        notes.add(f"it cannot be read to its end: {error}"[:200])


def _decoded(packet: CodedPacket[VideoStream], *, notes: Notes) -> Sequence[VideoFrame]:
    import av

    try:
        frames = packet.decode()
    except EOFError:
        return []
    except (av.FFmpegError, ValueError):
        notes.add("some of its pictures are damaged")
        return []
    whole = [frame for frame in frames if not frame.is_corrupt]
    if len(whole) < len(frames):
        notes.add("some of its pictures are damaged")
    return whole


def _pts(frame: VideoFrame) -> int | None:
    return frame.pts if frame.pts is not None else frame.dts


def _pixels(frame: VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
    rgb = frame.reformat(width, height, "rgb24", src_colorspace=_colours(frame))
    return np.asarray(rgb.to_ndarray(), dtype=np.uint8)


def _colours(frame: VideoFrame) -> int:
    """Files that do not say it hold to a custom: large pictures have the colours of high definition."""
    told = int(frame.colorspace)
    if told == _UNSPECIFIED:
        return _BT709 if frame.height >= 720 else _BT601
    return told
