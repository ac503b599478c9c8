"""The command line: each command calls one function and prints what it says.

What is not here: the commands (the modules beside this one), and the functions (operations/, stores/). Those are
imported by the command that needs them, so that `--help` and `status` do not wait for Dagster.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.markup import escape

from media_pipeline.cli.library import app, db
from media_pipeline.cli.models import model
from media_pipeline.cli.reviewing import anomalies, clusters, describe, duplicates, tag, untag
from media_pipeline.cli.searching import index, search
from media_pipeline.cli.subjects import subjects
from media_pipeline.errors import MediaPipelineError

__all__ = ["app", "main"]

for command in (search, tag, untag, describe):
    app.command()(command)
app.add_typer(subjects, name="subjects")
app.add_typer(duplicates, name="duplicates")
app.add_typer(clusters, name="clusters")
app.add_typer(anomalies, name="anomalies")
app.add_typer(index, name="index")
app.add_typer(model, name="model")
app.add_typer(db, name="db")

# How typer ends after Ctrl-C.
INTERRUPTED = 130


def main() -> None:
    """The console script. An error of ours is a sentence, not a traceback."""
    try:
        app()
    except MediaPipelineError as error:
        Console(stderr=True).print(f"[red]error:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(2)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            Console(stderr=True).print("stopped: what was done is kept, and the next run goes on behind it")
        raise
