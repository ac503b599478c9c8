"""Tiny videos and sounds, encoded where they are needed, whose cuts, times and colours are known."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import chain
from typing import Any, Final, Literal

import av
import numpy as np
from numpy.typing import NDArray

SIZE: Final = (160, 96)
# What a picture has in common with no other: its two colours.
SCENES: Final = (
    ((200, 30, 30), (90, 10, 10)),
    ((30, 60, 200), (10, 20, 90)),
    ((40, 190, 60), (10, 80, 20)),
    ((230, 220, 60), (120, 110, 10)),
    ((240, 240, 240), (130, 130, 130)),
    ((200, 60, 200), (90, 10, 90)),
)
_MATRICES: Final = {"bt709": 1, "smpte170m": 5}
_IDENTITY: Final = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_QUARTER: Final = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)


def picture(scene: int, step: int = 0, *, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """Light above and dark below, with the grain of a real scene, and a white mark that moves to the right from the
    upper left corner."""
    width, height = size
    light, dark = SCENES[scene % len(SCENES)]
    grain = np.random.default_rng(scene).integers(-16, 17, (height, width, 3))
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2], pixels[height // 2 :] = light, dark
    pixels[:] = np.clip(pixels + grain, 0, 255)
    edge = height // 6
    left = min(step * 2, width - edge)
    pixels[:edge, left : left + edge] = 255
    return pixels


def film(
    pictures: Iterable[NDArray[np.uint8]],
    *,
    container: str = "mp4",
    codec: str = "libx264",
    times: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 1000),
    options: Mapping[str, str] | None = None,
    words: Mapping[str, str] | None = None,
    matrix: Literal["bt709", "smpte170m"] = "smpte170m",
) -> bytes:
    """These pictures at these times (40 ms apart where none are given)."""
    out = io.BytesIO()
    waiting = iter(pictures)
    first = next(waiting)
    height, width = first.shape[:2]
    with av.open(out, "w", format=container) as opened:
        opened.metadata.update(words or {})
        stream = opened.add_stream(codec, rate=25, options=dict(options or {}))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = time_base
        stream.codec_context.thread_count = 1
        for place, pixels in enumerate(chain([first], waiting)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame = frame.reformat(format=stream.pix_fmt, dst_colorspace=_MATRICES[matrix])
            frame.pts = times[place] if times is not None else place * 40
            frame.time_base = time_base
            opened.mux(stream.encode(frame))
        opened.mux(stream.encode(None))
    return out.getvalue()


def clip(*lengths: int, **how: Any) -> bytes:
    """Scenes of so many pictures each, 25 a second; two scenes of one second where none are given."""
    return film(
        [picture(scene, step) for scene, length in enumerate(lengths or (25, 25)) for step in range(length)], **how
    )


def turned(data: bytes) -> bytes:
    """The same MP4, to be shown turned clockwise by a quarter, as telephones held upright write it."""
    track = data.index(b"tkhd")
    place = data.index(_IDENTITY, track)
    return data[:place] + _QUARTER + data[place + len(_QUARTER) :]


def tone(seconds: float = 1.0, *, hz: float = 440.0, level: float = 0.5, rate: int = 8000) -> bytes:
    """A WAV whose loudness rises from nothing to `level`."""
    moments = np.arange(int(seconds * rate))
    samples = np.sin(moments * 2 * np.pi * hz / rate) * level * moments / max(len(moments), 1)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return out.getvalue()
