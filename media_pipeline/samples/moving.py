"""A drawn video and a drawn sound: the same libraries make the same bytes.

What is not here: which samples there are (maker.py).
"""

from __future__ import annotations

import wave
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray

WIDTH_PX, HEIGHT_PX = 320, 192
# Two scenes of a second: an orange ball over the sea at dusk, a white one that falls through a wood. Sky, ground, ball.
SCENES: Final = (((60, 40, 110), (20, 60, 90), (250, 140, 40)), ((40, 120, 50), (90, 70, 30), (245, 245, 235)))
PICTURES_A_SCENE: Final = 25
_RATE_HZ: Final = 8000


def two_scenes() -> bytes:
    """An MP4 of two seconds, 25 pictures a second, that is cut after the first."""
    import av

    out = BytesIO()
    with av.open(out, "w", format="mp4", options={"fflags": "+bitexact"}) as film:
        # Not H.264: its encoder writes its build into the stream.
        stream = film.add_stream("mpeg4", rate=PICTURES_A_SCENE)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        stream.gop_size, stream.bit_rate = PICTURES_A_SCENE, 1_000_000
        stream.codec_context.thread_count = 1
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        for place in range(PICTURES_A_SCENE * len(SCENES)):
            scene, step = divmod(place, PICTURES_A_SCENE)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(_picture(scene, step), format="rgb24")))
        film.mux(stream.encode(None))
    return out.getvalue()


def _picture(scene: int, step: int) -> NDArray[np.uint8]:
    sky, ground, ball = SCENES[scene]
    down, right = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    horizon, lean = (HEIGHT_PX * 2 // 3, 0) if scene == 0 else (HEIGHT_PX // 5, 1)
    is_ground = down - lean * right // 2 > horizon
    pixels = np.where(is_ground[..., np.newaxis], ground, sky) + (right * 40 // WIDTH_PX)[..., np.newaxis]
    # It rises to the right in the first, and falls in the second.
    across, along = (80 + 4 * step, 120 - 2 * step) if scene == 0 else (220, 30 + 5 * step)
    pixels[(right - across) ** 2 + (down - along) ** 2 < 40**2] = ball
    shown: NDArray[np.uint8] = np.clip(pixels, 0, 255).astype(np.uint8)
    return shown


def tone() -> bytes:
    """A WAV of one second: an A that swells and fades."""
    moments = np.arange(_RATE_HZ) / _RATE_HZ
    samples = np.sin(moments * 2 * np.pi * 440) * np.sin(moments * np.pi) * 0.5
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE_HZ)
        file.writeframes(np.rint(samples * 32_767).astype("<i2").tobytes())
    return out.getvalue()
