"""DAGSTER_HOME of a library: a folder in its home, with the instance settings of this package.

What is not here: what the settings say (dagster.yaml and workspace.yaml at the top of the project) and who uses them.
"""

from __future__ import annotations

from pathlib import Path

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError

NAME = "dagster.yaml"


def packaged(name: str) -> Path:
    """A file of the project: beside the package in a checkout, inside it when installed from a wheel."""
    package = Path(__file__).parent.parent
    for place in (package / name, package.parent / name):
        if place.exists():
            return place
    raise ConfigError(f"the package holds no {name}: it is installed incompletely, install it again")


def prepared_dagster_home(settings: Settings) -> Path:
    """The folder, made where it is missing. A dagster.yaml that somebody put there is kept."""
    folder = settings.home_path / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    own = folder / NAME
    if not own.exists():
        own.write_bytes(packaged(NAME).read_bytes())
    return folder
