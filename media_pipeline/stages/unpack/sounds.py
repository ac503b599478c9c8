"""What a sound file says of itself, and how loud it is along its way. Pure.

What is not here: the picture of it (waveforms.py), what a sound means: nobody here listens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from media_pipeline.errors import MediaProcessingError
from media_pipeline.stages.unpack.videos import WHOLE, Notes, taken_at

if TYPE_CHECKING:
    from av import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

VERSION = "1"

# An hour of sound takes some 10 s to decode. What is longer is heard to here.
MOST_S = 3600
# Samples of which the lowest and the highest are kept.
BLOCK = 256
# 60 dB below the loudest that a file can hold nobody hears anything.
SILENCE = 0.001
_FULL_SCALE: Final = {"u1": 128.0, "i2": 32768.0, "i4": 2147483648.0}


@dataclass(slots=True)
class Loudness:
    """The lowest and the highest sample of each block, from -1 to 1, and how many samples each block has."""

    lows: list[NDArray[np.float64]] = field(default_factory=list)
    highs: list[NDArray[np.float64]] = field(default_factory=list)
    counts: list[NDArray[np.int64]] = field(default_factory=list)

    @property
    def samples(self) -> int:
        return int(sum(count.sum() for count in self.counts))

    @property
    def peak(self) -> float:
        """The loudest sample, 0 to 1."""
        return float(
            max((max(-low.min(), high.max()) for low, high in zip(self.lows, self.highs, strict=True)), default=0)
        )

    def columns(self, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The lowest and highest sample of so many equal parts."""
        lows, highs = np.concatenate(self.lows), np.concatenate(self.highs)
        ends = np.cumsum(np.concatenate(self.counts))
        # Of each part the block that its beginning falls into, and all that begin within it.
        first = np.searchsorted(ends, np.arange(count) * ends[-1] / count, side="right")
        return np.minimum.reduceat(lows, first), np.maximum.reduceat(highs, first)


def loudness(container: InputContainer, stream: AudioStream, notes: Notes) -> Loudness:
    """Of the whole sound, or of its first hour."""
    import av

    found = Loudness()
    heard = 0
    stream.codec_context.thread_count = 1
    try:
        for frame in _frames(container, stream, notes):
            _add(found, frame)
            heard += frame.samples
            if heard > MOST_S * frame.sample_rate:
                notes.add("only its first hour was heard")
                break
    except (av.FFmpegError, EOFError) as error:
        notes.add(f"it cannot be read to its end: {error}"[:200])
    if not heard:
        raise MediaProcessingError("undecodable", "not one piece of its sound can be decoded")
    return found


def facts(
    container: InputContainer, stream: AudioStream, heard: Loudness, *, notes: Notes, now: datetime
) -> dict[str, Any]:
    """The row of `sounds`; its notes are those so far."""
    rate = stream.codec_context.sample_rate
    if not rate:
        raise MediaProcessingError("undecodable", "its sample rate is 0")
    duration_s = heard.samples / rate
    promised_s = container.duration / 1_000_000 if container.duration else None
    if promised_s is not None and duration_s < WHOLE * min(promised_s, MOST_S):
        notes.add(f"it ends after {duration_s:.2f} s of the {promised_s:.2f} s that its header promises")
    words = {**stream.metadata, **container.metadata}
    plain = {name.lower(): " ".join(text.replace("\0", " ").split())[:500] for name, text in words.items()}
    return {
        "duration_s": duration_s,
        "codec": stream.codec_context.name,
        "container": container.format.name,
        "channels": stream.codec_context.channels,
        "sample_rate_hz": rate,
        "bits_per_s": container.bit_rate or None,
        "peak_dbfs": round(20 * math.log10(heard.peak), 2) if heard.peak > 0 else None,
        "is_silent": heard.peak < SILENCE,
        "has_cover": bool(container.streams.video),
        "taken_at_utc": taken_at(words, now=now),
        "title": plain.get("title") or None,
        "artist": plain.get("artist") or None,
    }


def _frames(container: InputContainer, stream: AudioStream, notes: Notes) -> Iterator[AudioFrame]:
    import av

    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except EOFError:
            return
        except (av.FFmpegError, ValueError):
            notes.add("some of its sound is damaged")


def _add(found: Loudness, frame: AudioFrame) -> None:
    samples = frame.to_ndarray()
    if frame.format.is_planar or len(frame.layout.channels) == 1:
        lanes = samples.reshape(len(frame.layout.channels), -1)
    else:
        lanes = samples.reshape(-1, len(frame.layout.channels)).T
    if not lanes.size:
        return
    low, high = _scaled(lanes.min(axis=0)), _scaled(lanes.max(axis=0))
    starts = np.arange(0, len(low), BLOCK)
    found.lows.append(np.minimum.reduceat(low, starts))
    found.highs.append(np.maximum.reduceat(high, starts))
    found.counts.append(np.diff(np.append(starts, len(low))))


def _scaled(samples: NDArray[Any]) -> NDArray[np.float64]:
    """From -1 to 1, whatever numbers a format has; what is no number is silent."""
    kind = samples.dtype.str[1:]
    plain = samples.astype(np.float64)
    if kind == "u1":
        plain -= 128
    return np.clip(np.nan_to_num(plain / _FULL_SCALE.get(kind, 1.0)), -1, 1)
