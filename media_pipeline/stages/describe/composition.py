"""What can be said of a picture's composition without knowing what it shows. Pure.

Where light differs from what is around it, something is to be seen. A picture with a subject has that in few places,
and near a point where painters put one; a cluttered or empty one has it everywhere or nowhere.
What is not here: how it counts in a score (aesthetics.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from media_pipeline.errors import MediaProcessingError

LONG_EDGE_PX: Final = 96
AROUND_PX: Final = 16
# Of all that stands out, the share in a fifth of the area: .5 in noise, .9 in a bird before the sky.
BUSIEST: Final = 0.2
CLUTTERED, CLEAR = 0.45, 0.95
# Standard deviation of grey levels of a picture from black to white.
FULL_CONTRAST: Final = 64.0
# Grey levels: below it there is nothing but the noise of a blank picture.
FAINT: Final = 2.0
THIRDS: Final = tuple((x, y) for x in (1 / 3, 2 / 3) for y in (1 / 3, 2 / 3))
POINTS: Final = ((0.5, 0.5), *THIRDS)
FAR: Final = 0.2


@dataclass(frozen=True, slots=True)
class Composition:
    """Shares of 0 to 1."""

    clarity: float
    placement: float
    contrast: float

    @property
    def parts(self) -> dict[str, float]:
        """With the whole of them: a place without a subject in it is worth nothing."""
        whole = 0.5 * self.clarity + 0.2 * self.clarity * self.placement + 0.3 * self.contrast
        shares = {
            "composition": whole,
            "clarity": self.clarity,
            "placement": self.placement,
            "contrast": self.contrast,
        }
        return {name: round(share, 4) for name, share in shares.items()}


def composition(picture: bytes) -> Composition:
    """Of an encoded picture, upright."""
    grey = _grey(picture)
    values = np.asarray(grey, np.float64)
    around = np.asarray(grey.filter(ImageFilter.BoxBlur(AROUND_PX)), np.float64)
    apart = np.maximum(0, np.abs(values - around) - FAINT) ** 2
    contrast = min(1.0, float(values.std()) / FULL_CONTRAST)
    total = float(apart.sum())
    if total == 0:
        return Composition(0.0, 0.0, contrast)
    busiest = np.sort(apart, axis=None)[-max(1, round(BUSIEST * apart.size)) :]
    clarity = (float(busiest.sum()) / total - CLUTTERED) / (CLEAR - CLUTTERED)
    height, width = apart.shape
    x = float(apart.sum(axis=0) @ (np.arange(width) + 0.5)) / total / width
    y = float(apart.sum(axis=1) @ (np.arange(height) + 0.5)) / total / height
    nearest = min(math.dist((x, y), point) for point in POINTS)
    return Composition(min(1.0, max(0.0, clarity)), max(0.0, 1 - nearest / FAR), contrast)


def _grey(picture: bytes) -> Image.Image:
    try:
        with Image.open(BytesIO(picture)) as stored:
            stored.draft("L", (2 * LONG_EDGE_PX, 2 * LONG_EDGE_PX))
            grey = stored.convert("L")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as wrong:
        raise MediaProcessingError("unreadable_picture", f"{type(wrong).__name__}: {wrong}") from wrong
    scale = LONG_EDGE_PX / max(grey.size)
    return grey.resize((max(1, round(grey.width * scale)), max(1, round(grey.height * scale))), Image.Resampling.BOX)
