"""Commands over the embedding model and its weights.

What is not here: what they do (operations/, stores/), imported by the command that needs it.
"""

from __future__ import annotations

import typer

from media_pipeline.cli.terms import Home, out, settings_of

model = typer.Typer(no_args_is_help=True, help="The embedding model and its weights (docs/models.md).")


@model.command("show")
def model_show(home: Home = None) -> None:
    """Which model is in use, in which space its vectors are, and what keeps its weights away if they are."""
    from media_pipeline.operations.models import show

    out.print(show(settings_of(home)), highlight=False, soft_wrap=True)


@model.command("fetch")
def model_fetch(home: Home = None) -> None:
    """Put the weights that the settings name into the cache folder: once, where there is a network."""
    from media_pipeline.operations.models import fetch

    out.print(fetch(settings_of(home)), highlight=False, soft_wrap=True)


@model.command("prove")
def model_prove(home: Home = None) -> None:
    """Try the weights on the sample photographs: do words find them, do the runtimes agree? Exit 1 when not."""
    from media_pipeline.operations.models import prove

    lines, is_good = prove(settings_of(home))
    out.print("\n".join(lines), highlight=False, soft_wrap=True)
    if not is_good:
        raise typer.Exit(1)
