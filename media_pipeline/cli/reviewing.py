"""What people say of pictures: duplicates, names, tags, what is odd.

What is not here: what they do (operations/, stores/), imported by the command that needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from media_pipeline.cli.terms import Home, out, settings_of

duplicates = typer.Typer(no_args_is_help=True, help="Files that are one picture (docs/duplicates.md).")
clusters = typer.Typer(no_args_is_help=True, help="Pictures of one kind, and their names (docs/clusters.md).")
anomalies = typer.Typer(no_args_is_help=True, help="Pictures worth a look: the oddest first (docs/clusters.md).")


def tag(
    media: Annotated[str, typer.Argument(help="Its public code or its id.")],
    words: Annotated[list[str] | None, typer.Argument(metavar="[TAG]...", help="None: only show its tags.")] = None,
    home: Home = None,
) -> None:
    """Tag a picture by hand, and show all its tags: with a score, those of the model. No run touches yours."""
    from media_pipeline.operations.sayings import tag as add

    out.print(add(settings_of(home), media, words or []), markup=False, highlight=False, soft_wrap=True)


def untag(
    media: Annotated[str, typer.Argument(help="Its public code or its id.")],
    words: Annotated[list[str], typer.Argument(metavar="TAG...")],
    home: Home = None,
) -> None:
    """Take tags back that were given by hand."""
    from media_pipeline.operations.sayings import untag as remove

    out.print(remove(settings_of(home), media, words), markup=False, highlight=False, soft_wrap=True)


def describe(
    media: Annotated[str, typer.Argument(help="Its public code or its id.")],
    text: Annotated[str, typer.Argument(help="A sentence; an empty one takes yours back.")],
    home: Home = None,
) -> None:
    """Say what a picture shows, in place of the sentence that is made of its tags."""
    from media_pipeline.operations.sayings import describe as write

    out.print(write(settings_of(home), media, text), markup=False, highlight=False, soft_wrap=True)


Files = Annotated[list[str], typer.Argument(help="A group, or files: by code, id or file name, as `list` shows them.")]
By = Annotated[str, typer.Option("--by", help="Who decides, to be kept beside it.")]


@duplicates.command("list")
def duplicates_list(
    home: Home = None,
    limit: Annotated[int, typer.Option(min=1, help="Groups and pairs shown at most.")] = 50,
    decisions: Annotated[bool, typer.Option("--decisions", help="What people decided, with the ids for undo.")] = False,
) -> None:
    """How the search stands, the groups with their keepers, and the pairs that a person should look at."""
    from media_pipeline.operations.duplicate_listing import show
    from media_pipeline.stores.library import open_library

    with open_library(settings_of(home)) as library:
        show(library, out, limit=limit, decided=decisions)


@duplicates.command("merge")
def duplicates_merge(
    files: Files,
    home: Home = None,
    keeper: Annotated[str | None, typer.Option(help="The file to keep; unset: the one that the group keeps.")] = None,
    by: By = "",
) -> None:
    """These files are one picture: one stands for all, with what is known of any. Nothing is deleted."""
    from media_pipeline.operations.duplicates import merge
    from media_pipeline.stores.library import open_library

    with open_library(settings_of(home)) as library:
        done = merge(library, files, keeper=keeper, by=by)
    _told(done.words, done.decision_id, regrouped=done.regrouped)


@duplicates.command("reject")
def duplicates_reject(files: Files, home: Home = None, by: By = "") -> None:
    """These files are pictures of their own, each two of them, whatever any run finds."""
    from media_pipeline.operations.duplicates import reject
    from media_pipeline.stores.library import open_library

    with open_library(settings_of(home)) as library:
        done = reject(library, files, by=by)
    for decision in done:
        _told(decision.words, decision.decision_id, regrouped=decision.regrouped)
    if not done:
        out.print("that was decided already")


@duplicates.command("undo")
def duplicates_undo(
    decision: Annotated[str, typer.Argument(help="The id of a merge or decision, or its beginning.")],
    home: Home = None,
) -> None:
    """Take a merge or a decision back, as if it had never been."""
    from media_pipeline.operations.duplicates import undo
    from media_pipeline.stores.library import open_library

    with open_library(settings_of(home)) as library:
        done = undo(library, decision)
    out.print(done.words)
    _tell_if_held(done.regrouped)


@duplicates.command("calibrate")
def duplicates_calibrate(
    home: Home = None,
    pairs: Annotated[Path | None, typer.Option(help="A table a,b,same; unset: what was merged and rejected.")] = None,
) -> None:
    """Precision and recall of the labelled pairs over thresholds; nothing is changed."""
    from media_pipeline.operations.duplicate_thresholds import show
    from media_pipeline.stores.library import open_library

    with open_library(settings_of(home)) as library:
        show(library, out, pairs)


def _told(words: str, decision_id: object, *, regrouped: bool) -> None:
    out.print(f"{words}  (media-pipeline duplicates undo {decision_id})", markup=False, highlight=False, soft_wrap=True)
    _tell_if_held(regrouped)


def _tell_if_held(is_regrouped: bool) -> None:
    if not is_regrouped:
        out.print("a run is grouping now: it, or the next one, will make the groups so")


@clusters.command("list")
def clusters_list(
    home: Home = None, limit: Annotated[int, typer.Option(min=1, help="How many, the largest first.")] = 30
) -> None:
    """The clusters: name, size, how alike their members are, how far their centre moved."""
    from media_pipeline.operations.clusters import list_clusters

    list_clusters(settings_of(home), out, limit=limit)


@clusters.command("rename")
def clusters_rename(
    cluster: Annotated[str, typer.Argument(help="Its id or its name, as `clusters list` shows them.")],
    name: Annotated[str, typer.Argument(help="The name; an empty one takes yours back.")],
    home: Home = None,
) -> None:
    """Give a cluster a name that no later clustering changes."""
    from media_pipeline.operations.clusters import rename

    out.print(rename(settings_of(home), cluster, name), highlight=False, markup=False)


@clusters.command("recluster")
def clusters_recluster(home: Home = None) -> None:
    """Cluster everything anew; clusters keep their ids and names by what they share with the former ones."""
    from media_pipeline.operations.clusters import recluster

    recluster(settings_of(home), out)


@anomalies.command("list")
def anomalies_list(
    home: Home = None,
    state: Annotated[str, typer.Option(help="open, reviewed or dismissed.")] = "open",
    limit: Annotated[int, typer.Option(min=1, help="How many, the oddest first.")] = 20,
) -> None:
    """What is worth a look, with the reason and the nearest pictures."""
    from media_pipeline.operations.anomalies import list_anomalies

    list_anomalies(settings_of(home), out, state=state, limit=limit)


Note = Annotated[str | None, typer.Option(help="Why.")]


@anomalies.command("review")
def anomalies_review(
    media: Annotated[str, typer.Argument(help="Its public code or id.")], home: Home = None, note: Note = None
) -> None:
    """Say that it was seen, and is odd."""
    from media_pipeline.operations.anomalies import mark

    out.print(mark(settings_of(home), media, state="reviewed", note=note), highlight=False, markup=False)


@anomalies.command("dismiss")
def anomalies_dismiss(
    media: Annotated[str, typer.Argument(help="Its public code or id.")], home: Home = None, note: Note = None
) -> None:
    """Say that there is nothing odd about it."""
    from media_pipeline.operations.anomalies import mark

    out.print(mark(settings_of(home), media, state="dismissed", note=note), highlight=False, markup=False)
