"""What a video says of itself, and where its pictures lie: read from headers and packets, no picture is decoded. Pure.

What is not here: its pictures (frames.py), its shots (shots.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from media_pipeline.errors import MediaProcessingError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

VERSION = "1"

# Below this share of what its header promises the file was cut off.
WHOLE = 0.9
MOST_DAMAGES = 100
# Clocks that were never set begin here.
_EPOCHS: Final = {1904, 1970}
_DATES: Final = ("com.apple.quicktime.creationdate", "creation_time", "date")
_PLACES: Final = ("com.apple.quicktime.location.ISO6709", "location", "location-eng")
_PLACE: Final = re.compile(r"([+-]\d{1,3}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)([+-]\d+(?:\.\d+)?)?(?:CRS[^/]*)?/?")


@dataclass(frozen=True, slots=True)
class Packet:
    """One coded picture: when it is shown, how many bytes it has, whether it needs no other."""

    pts: int
    size_bytes: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class Track:
    """The coded pictures of a video in the order in which they are shown. `end_pts`: when the last one is over."""

    packets: tuple[Packet, ...]
    time_base: Fraction
    end_pts: int

    def seconds(self, pts: int) -> float:
        return float(pts * self.time_base)

    @property
    def start_s(self) -> float:
        return self.seconds(self.packets[0].pts)

    @property
    def end_s(self) -> float:
        return self.seconds(self.end_pts)

    @property
    def keys(self) -> tuple[int, ...]:
        return tuple(packet.pts for packet in self.packets if packet.is_key)


@dataclass(slots=True)
class Notes:
    """What is odd about a file and keeps nobody from using it; each once."""

    said: dict[str, None] = field(default_factory=dict)

    def add(self, words: str) -> None:
        self.said[words] = None


def picture_stream(container: InputContainer) -> VideoStream | None:
    """The stream that is the film: the largest, and no cover of an album."""
    from av.stream import Disposition

    films = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    known = [stream for stream in films if has_decoder(stream)]
    if films and not known:
        raise MediaProcessingError("undecodable", "its pictures are in a codec that is not known here")
    return max(known, key=lambda stream: (stream.width * stream.height, -stream.index), default=None)


def sound_stream(container: InputContainer) -> AudioStream | None:
    """The first stream of sound."""
    return next((stream for stream in container.streams.audio if has_decoder(stream)), None)


def has_decoder(stream: AudioStream | VideoStream) -> bool:
    """Not for codecs that FFmpeg does not know, nor for names of codecs that damage has made."""
    return getattr(stream, "codec_context", None) is not None


def track(container: InputContainer, stream: VideoStream, notes: Notes) -> Track:
    """All packets of the stream. Broken ones end it."""
    import av

    found: dict[int, Packet] = {}
    length = 0
    try:
        for packet in container.demux(stream):
            pts = packet.pts if packet.pts is not None else packet.dts
            if pts is None or not packet.size:
                continue
            found[pts] = Packet(pts, packet.size, packet.is_keyframe)
            length = packet.duration or length
    except (av.FFmpegError, EOFError) as error:
        notes.add(f"it cannot be read to its end: {error}"[:200])
    if not found or stream.time_base is None:
        raise MediaProcessingError("undecodable", "its stream has no pictures")
    packets = tuple(found[pts] for pts in sorted(found))
    return Track(packets, stream.time_base, packets[-1].pts + max(length, 1))


def facts(
    container: InputContainer, stream: VideoStream, along: Track, *, notes: Notes, now: datetime
) -> dict[str, Any]:
    """The row of `videos`; its notes are those so far."""
    promised_s = None if container.duration is None or container.duration <= 0 else container.duration / 1_000_000
    duration_s = along.end_s - along.start_s
    if promised_s is None:
        notes.add("its header does not say how long it is: counted")
    elif along.end_s < WHOLE * promised_s:
        notes.add(f"it ends after {along.end_s:.2f} s of the {promised_s:.2f} s that its header promises")
    if not along.keys:
        notes.add("no picture of it stands alone")
    sound = sound_stream(container)
    words = {**stream.metadata, **container.metadata}
    latitude, longitude = place(words)
    return {
        "duration_s": duration_s,
        "start_s": along.start_s,
        "width_px": stream.width,
        "height_px": stream.height,
        "frame_count": len(along.packets),
        "keyframe_count": len(along.keys),
        "frames_per_s": len(along.packets) / duration_s,
        "bits_per_s": container.bit_rate or None,
        "codec": stream.codec_context.name,
        "container": container.format.name,
        "audio_codec": None if sound is None else sound.codec_context.name,
        "audio_channels": None if sound is None else sound.codec_context.channels,
        "audio_hz": None if sound is None else sound.codec_context.sample_rate,
        "taken_at_utc": taken_at(words, now=now),
        "latitude": latitude,
        "longitude": longitude,
        "camera_make": _words(words.get("com.apple.quicktime.make")),
        "camera_model": _words(words.get("com.apple.quicktime.model")),
        "title": _words(words.get("title")),
    }


def taken_at(words: Mapping[str, str], *, now: datetime) -> datetime | None:
    """When it was recorded, where a date with its zone says so: not before films, not in the future, no unset clock."""
    for name in _DATES:
        try:
            told = datetime.fromisoformat(words.get(name, "").strip())
        except ValueError:
            continue
        if told.tzinfo is None:
            continue
        try:
            instant = told.astimezone(UTC)
        except OverflowError:
            continue
        if instant.year >= 1888 and instant.year not in _EPOCHS and instant <= now:
            return instant
    return None


def place(words: Mapping[str, str]) -> tuple[float | None, float | None]:
    """Latitude and longitude as ISO 6709 writes them; none where they are of no place."""
    for name in _PLACES:
        found = _PLACE.fullmatch(words.get(name, "").strip())
        if found is None:
            continue
        latitude, longitude = float(found[1]), float(found[2])
        if abs(latitude) <= 90 and abs(longitude) <= 180 and (latitude, longitude) != (0, 0):
            return latitude, longitude
    return None, None


def _words(text: str | None) -> str | None:
    plain = " ".join((text or "").replace("\0", " ").split())[:500]
    return plain or None
