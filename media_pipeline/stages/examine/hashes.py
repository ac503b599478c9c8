"""Perceptual hashes of the upright picture, in the hex that `imagehash` prints. Pure.

What is not here: how hashes are compared (stages/group).
"""

from __future__ import annotations

import imagehash
from PIL import Image

from media_pipeline.errors import MediaProcessingError

VERSION = "1"


def phash(picture: Image.Image) -> str:
    """64 bits as 16 hex digits. One colour all over has no hash: it would be the twin of every other such picture."""
    low, high = picture.convert("L").getextrema()
    if low == high:
        raise MediaProcessingError("flat_picture", "one grey all over")
    return str(imagehash.phash(picture))
