"""Perceptual hashes of the upright picture, in the hex that `imagehash` prints. Pure.

What is not here: how hashes are compared (stages/group).
"""

from __future__ import annotations

import imagehash
from PIL import Image

VERSION = "1"


def phash(picture: Image.Image) -> str | None:
    """64 bits as 16 hex digits. One grey all over has no hash: it would be the twin of every other such picture."""
    low, high = picture.convert("L").getextrema()
    return None if low == high else str(imagehash.phash(picture))
