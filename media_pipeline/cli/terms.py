"""Words that commands share: where they print, which library they mean.

What is not here: any command.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from media_pipeline.config import Settings

out = Console(width=None if sys.stdout.isatty() else 120)
Home = Annotated[Path | None, typer.Option(help="Folder of the library; unset: MEDIA_HOME or .media_pipeline.")]
Sources = Annotated[list[str] | None, typer.Option(help="Only this source; may be given again.")]


def settings_of(home: Path | None) -> Settings:
    return Settings.load() if home is None else Settings.load(home=home)
