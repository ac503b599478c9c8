"""Search, and commands over the index that it goes to.

What is not here: what they do (operations/, stores/), imported by the command that needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from media_pipeline.cli.terms import Home, Sources, out, settings_of

index = typer.Typer(no_args_is_help=True, help="The vector index (docs/index.md).")


def search(
    home: Home = None,
    image: Annotated[Path | None, typer.Option(help="Like the picture in this file.")] = None,
    media: Annotated[str | None, typer.Option(help="Like this one of the library: its code or id.")] = None,
    text: Annotated[str | None, typer.Option(help="What these words say; needs a CLIP model.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 10,
    source: Sources = None,
    max_bits: Annotated[
        int | None, typer.Option(min=0, max=64, help="Only pictures whose perceptual hash is that near.")
    ] = None,
) -> None:
    """The pictures of the library that are most like a picture or words."""
    from media_pipeline.operations.searching import search_and_tell

    search_and_tell(settings_of(home), (image, media, text), out, limit=limit, sources=source or [], max_bits=max_bits)


@index.command("rebuild")
def index_rebuild(home: Home = None) -> None:
    """Make the index anew from the catalog, without a model; searches find the former until it is there."""
    from media_pipeline.operations.indexing import rebuild

    rebuild(settings_of(home), out)


@index.command("list")
def index_list(home: Home = None) -> None:
    """Which versions of models have an index, and which one searches go to."""
    from media_pipeline.operations.indexing import list_versions

    list_versions(settings_of(home), out)


@index.command("check")
def index_check(home: Home = None) -> None:
    """How many of the ten true nearest the live index finds; exit 1 below .95."""
    from media_pipeline.operations.indexing import check

    if not check(settings_of(home), out):
        raise typer.Exit(1)


@index.command("optimise")
def index_optimise(
    home: Home = None,
    within: Annotated[float, typer.Option(min=1, help="Give up after so many seconds.")] = 3600.0,
) -> None:
    """Build the graph that makes searches quick, quantised as MEDIA_QUANTISATION says: minutes for 100,000 media."""
    from media_pipeline.operations.indexing import optimise

    optimise(settings_of(home), out, within_s=within)


@index.command("use")
def index_use(
    version: Annotated[str, typer.Argument(help="As `index list` shows it.")],
    home: Home = None,
) -> None:
    """Let searches go to the index of this version now, whatever it covers."""
    from media_pipeline.operations.indexing import use

    out.print(use(settings_of(home), version), highlight=False)


@index.command("drop")
def index_drop(
    version: Annotated[str, typer.Argument(help="As `index list` shows it; not the live one.")],
    home: Home = None,
) -> None:
    """Remove the index of a version that searches do not go to."""
    from media_pipeline.operations.indexing import drop

    out.print(drop(settings_of(home), version), highlight=False)
