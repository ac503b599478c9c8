"""The picture of a sound: how loud it is along its way. Pure.

What is not here: the listening (sounds.py).
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from PIL import Image

from media_pipeline.stages.unpack.sounds import Loudness

VERSION = "1"
CONTENT_TYPE: Final = "image/png"
EXTENSION: Final = "png"
WIDTH_PX: Final = 1024
HEIGHT_PX: Final = 512
_INK: Final = (31, 78, 121)


def waveform(heard: Loudness) -> bytes:
    """A PNG: time goes to the right, the loudest moment reaches the edge."""
    lows, highs = heard.columns(WIDTH_PX)
    middle = (HEIGHT_PX - 1) / 2
    scale = middle / heard.peak if heard.peak else 0.0
    tops, bottoms = np.rint(middle - highs * scale), np.rint(middle - lows * scale)
    rows = np.arange(HEIGHT_PX)[:, np.newaxis]
    pixels = np.full((HEIGHT_PX, WIDTH_PX, 3), 255, np.uint8)
    pixels[(rows >= np.minimum(tops, middle)) & (rows <= np.maximum(bottoms, middle))] = _INK
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()
