"""The photographs that the demo and the descriptor's calibration start from: those inside the scikit-image wheel.

They are on every machine that has this package, without a download, and nothing made from them leaves it. What
`skimage/data/_fetchers.py` says of each: CC0 or public domain (NASA, SpaceX, their photographers), except `page` and
`moon`, of which it says nothing, and the stereo pair of a motorcycle, which is of the Middlebury 2014 data set
(D. Scharstein and others). Nothing of scikit-image is imported: that would bring in scipy.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from media_pipeline.errors import ConfigError

PHOTOGRAPHS: dict[str, str] = {
    "astronaut": "astronaut.png",
    "brick": "brick.png",
    "camera": "camera.png",
    "cell": "cell.png",
    "chelsea": "chelsea.png",
    "clock": "clock_motion.png",
    "coffee": "coffee.png",
    "coins": "coins.png",
    "grass": "grass.png",
    "gravel": "gravel.png",
    "hubble": "hubble_deep_field.jpg",
    "tissue": "ihc.png",
    "moon": "moon.png",
    "motorcycle-left": "motorcycle_left.png",
    "motorcycle-right": "motorcycle_right.png",
    "page": "page.png",
    "retina": "retina.jpg",
    "rocket": "rocket.jpg",
    "text": "text.png",
}


def photograph(name: str) -> Image.Image:
    """One of PHOTOGRAPHS, as RGB."""
    path = _folder() / PHOTOGRAPHS[name]
    if not path.is_file():
        raise ConfigError(f"scikit-image has no {path.name} in {path.parent}: install scikit-image>=0.25 again")
    with Image.open(path) as stored:
        return stored.convert("RGB")


def _folder() -> Path:
    # find_spec of a package without a dot in its name imports nothing.
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError("the sample photographs are those of scikit-image, which is not installed: uv sync")
    return Path(next(iter(spec.submodule_search_locations))) / "data"
