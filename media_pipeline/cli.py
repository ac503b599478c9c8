"""The command line: each command calls one function and prints what it says.

What is not here: the functions (operations/, stores/). They are imported by the command that needs them, so that
`--help` and `status` do not wait for Dagster.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from media_pipeline import __version__
from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError, MediaPipelineError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A media library you can trust: photos walk through every stage, and the ledger says what became of each.",
)
db = typer.Typer(no_args_is_help=True, help="The embedded PostgreSQL.")
model = typer.Typer(no_args_is_help=True, help="The embedding model and its weights.")
index = typer.Typer(no_args_is_help=True, help="The vector index.")
app.add_typer(db, name="db")
app.add_typer(index, name="index")
app.add_typer(model, name="model")
subjects = typer.Typer(no_args_is_help=True, help="What to look for: taxa and places (docs/subjects.md).")
app.add_typer(subjects, name="subjects")
duplicates = typer.Typer(
    no_args_is_help=True, help="Files that are one picture: review, merge, undo (docs/duplicates.md)."
)
app.add_typer(duplicates, name="duplicates")

# How typer ends after Ctrl-C.
INTERRUPTED = 130

out = Console(width=None if sys.stdout.isatty() else 120)
Home = Annotated[Path | None, typer.Option(help="Folder of the library; unset: MEDIA_HOME or .media_pipeline.")]

Sources = Annotated[list[str] | None, typer.Option(help="Only this source; may be given again.")]


def main() -> None:
    """The console script. An error of ours is a sentence, not a traceback."""
    try:
        app()
    except MediaPipelineError as error:
        Console(stderr=True).print(f"[red]error:[/red] {_escaped(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(2)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            Console(stderr=True).print("stopped: what was done is kept, and the next run goes on behind it")
        raise


def _escaped(words: str) -> str:
    from rich.markup import escape

    return escape(words)


def _settings(home: Path | None) -> Settings:
    return Settings.load() if home is None else Settings.load(home=home)


@app.command()
def demo(
    home: Home = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before writing to a server or bucket.")] = False,
) -> None:
    """Make about 60 sample files, run every stage on them, and show what came of it."""
    from media_pipeline.operations.demo import run_demo

    settings = _settings(home)
    elsewhere = [name for name in ("database_url", "blob_url", "uploads_url", "qdrant_url") if getattr(settings, name)]
    if elsewhere and not yes:
        named = ", ".join(f"MEDIA_{name.upper()}" for name in elsewhere)
        typer.confirm(f"{named} name other places than {settings.home_path}: put the samples there?", abort=True)
    if run_demo(settings, out):
        raise typer.Exit(1)


@app.command()
def run(
    home: Home = None,
    source: Sources = None,
) -> None:
    """Run every stage for everything that is due, with a bar for each step."""
    from media_pipeline.operations.running import run_and_tell

    run_and_tell(_settings(home), source or [], out)


@app.command()
def status(home: Home = None) -> None:
    """The ledger by stage and source: what is done, what failed and why."""
    from media_pipeline.operations.reporting import source_table
    from media_pipeline.stores.library import open_library

    with open_library(_settings(home)) as library:
        out.print(source_table(library))


@app.command()
def retry(
    home: Home = None,
    stage: Annotated[str | None, typer.Option(help="A stage or an output, e.g. `examine` or `hashes`.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only items that failed for this reason.")] = None,
) -> None:
    """Make failed and dead items due again; the next run tries them."""
    from media_pipeline.operations.retrying import revive

    count = revive(_settings(home), stage=stage, reason=reason)
    out.print(f"{count} items will be tried again by the next run: media-pipeline run" if count else "nothing to retry")


@app.command()
def relist(
    home: Home = None,
    source: Sources = None,
    check_licences: Annotated[
        bool, typer.Option("--check-licences", help="Only look up the photos that the library holds.")
    ] = False,
) -> None:
    """Ask the sources again now, whatever was asked lately: every subject, or every photo that the library holds."""
    from media_pipeline.operations.relisting import ask_again, check

    (check if check_licences else ask_again)(_settings(home), source or [], out)


@app.command()
def reparse(home: Home = None, source: Sources = None) -> None:
    """Read the stored answers of the sources again, without the network: after a parser was mended."""
    from media_pipeline.operations.relisting import read_again

    read_again(_settings(home), source or [], out)


@app.command()
def tag(
    media: Annotated[str, typer.Argument(help="Its public code or its id.")],
    words: Annotated[list[str] | None, typer.Argument(metavar="[TAG]...", help="None: only show its tags.")] = None,
    home: Home = None,
) -> None:
    """Tag a picture by hand, and show all its tags: with a score, those of the model. No run touches yours."""
    from media_pipeline.operations.sayings import tag as add

    out.print(add(_settings(home), media, words or []), markup=False, highlight=False, soft_wrap=True)


@app.command()
def untag(
    media: Annotated[str, typer.Argument(help="Its public code or its id.")],
    words: Annotated[list[str], typer.Argument(metavar="TAG...")],
    home: Home = None,
) -> None:
    """Take tags back that were given by hand."""
    from media_pipeline.operations.sayings import untag as remove

    out.print(remove(_settings(home), media, words), markup=False, highlight=False, soft_wrap=True)


@app.command()
def describe(
    media: Annotated[str, typer.Argument(help="Its public code or its id.")],
    text: Annotated[str, typer.Argument(help="A sentence; an empty one takes yours back.")],
    home: Home = None,
) -> None:
    """Say what a picture shows, in place of the sentence that is made of its tags."""
    from media_pipeline.operations.sayings import describe as write

    out.print(write(_settings(home), media, text), markup=False, highlight=False, soft_wrap=True)


@app.command()
def dev(
    home: Home = None,
    port: Annotated[int, typer.Option(help="Port of the web page.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open Dagster's UI on the library; Ctrl-C ends everything that was started."""
    from media_pipeline.operations.development import develop

    raise typer.Exit(develop(_settings(home), port=port, host=host))


@app.command()
def doctor(home: Home = None) -> None:
    """Try everything that the pipeline needs; exit 1 when something blocks."""
    from media_pipeline.operations.doctor import as_text, diagnose, exit_code

    findings = diagnose(home)
    out.print(as_text(findings), markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(exit_code(findings))


@app.command()
def migrate(home: Home = None) -> None:
    """Bring the database to this version's schema."""
    from media_pipeline.stores.catalog.migrate import migrate as apply
    from media_pipeline.stores.library import open_catalog

    with open_catalog(_settings(home)) as engine:
        out.print(f"the database is at revision {apply(engine)}")


@app.command()
def version() -> None:
    """Print the version."""
    out.print(f"media-pipeline {__version__}", highlight=False)


@db.command("stop")
def db_stop(home: Home = None) -> None:
    """Stop the embedded PostgreSQL, whoever uses it."""
    from media_pipeline.stores.catalog import embedded
    from media_pipeline.stores.library import embedded_options

    settings = _settings(home)
    if settings.database_url is not None:
        raise ConfigError("MEDIA_DATABASE_URL names a server: it is not this command's to stop")
    stopped = embedded.stop(settings.home_path, options=embedded_options(settings))
    out.print("stopped" if stopped else "it was not running")


@index.command("rebuild")
def index_rebuild(home: Home = None) -> None:
    """Make the index anew from the catalog, without a model; searches find the former until it is there."""
    from media_pipeline.operations.indexing import rebuild

    rebuild(_settings(home), out)


@index.command("list")
def index_list(home: Home = None) -> None:
    """Which versions of models have an index, and which one searches go to."""
    from media_pipeline.operations.indexing import list_versions

    list_versions(_settings(home), out)


@index.command("check")
def index_check(home: Home = None) -> None:
    """How many of the ten true nearest the live index finds; exit 1 below .95."""
    from media_pipeline.operations.indexing import check

    if not check(_settings(home), out):
        raise typer.Exit(1)


@index.command("optimise")
def index_optimise(
    home: Home = None,
    within: Annotated[float, typer.Option(min=1, help="Give up after so many seconds.")] = 3600.0,
) -> None:
    """Build the graph that makes searches quick, quantised as MEDIA_QUANTISATION says: minutes for 100,000 media."""
    from media_pipeline.operations.indexing import optimise

    optimise(_settings(home), out, within_s=within)


@index.command("use")
def index_use(
    version: Annotated[str, typer.Argument(help="As `index list` shows it.")],
    home: Home = None,
) -> None:
    """Let searches go to the index of this version now, whatever it covers."""
    from media_pipeline.operations.indexing import use

    out.print(use(_settings(home), version), highlight=False)


@index.command("drop")
def index_drop(
    version: Annotated[str, typer.Argument(help="As `index list` shows it; not the live one.")],
    home: Home = None,
) -> None:
    """Remove the index of a version that searches do not go to."""
    from media_pipeline.operations.indexing import drop

    out.print(drop(_settings(home), version), highlight=False)


@app.command()
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

    search_and_tell(_settings(home), (image, media, text), out, limit=limit, sources=source or [], max_bits=max_bits)


@subjects.command("list")
def subjects_list(home: Home = None) -> None:
    """What is looked for, with the accepted photos of each; and what is wrong with the file of subjects."""
    from media_pipeline.operations.subjects import list_all

    list_all(_settings(home), out)


@subjects.command("add")
def subjects_add(
    name: Annotated[str, typer.Argument(help="Its name; a taxon's scientific one.")],
    kind: Annotated[str, typer.Option(help="taxon or place.")],
    home: Home = None,
    subject_id: Annotated[str | None, typer.Option("--id", help="Unset: made of the name.")] = None,
    rank: Annotated[str | None, typer.Option(help="species, genus, … of a taxon.")] = None,
    synonym: Annotated[list[str] | None, typer.Option(help="Another name; may be given again.")] = None,
    category: Annotated[str | None, typer.Option(help="eat, see, sleep, shop, drink or play, of a place.")] = None,
    city: Annotated[str | None, typer.Option(help="Where a place is.")] = None,
    latitude: Annotated[str | None, typer.Option(help="In degrees, with the longitude.")] = None,
    longitude: Annotated[str | None, typer.Option(help="In degrees, with the latitude.")] = None,
    on_list: Annotated[list[str] | None, typer.Option("--list", help="A list it is on; may be given again.")] = None,
    rare: Annotated[bool, typer.Option("--rare", help="Take pictures below the size of HQ, too.")] = False,
    inaturalist: Annotated[str | None, typer.Option(help="The number of the taxon there.")] = None,
    gbif: Annotated[str | None, typer.Option(help="The key of the taxon there.")] = None,
    wikidata: Annotated[str | None, typer.Option(help="The item, as Q131227.")] = None,
    source_id: Annotated[
        list[str] | None, typer.Option(help="What another source calls it, as SOURCE=ID; may be given again.")
    ] = None,
) -> None:
    """Add a subject, or change one that a command added: it is then what is said here, and nothing else."""
    from media_pipeline.operations.subjects import add_one

    ids: dict[str, str | None] = {}
    for one in source_id or []:
        source, _, key = one.partition("=")
        ids[source] = key
    ids |= {"inaturalist": inaturalist, "gbif": gbif, "wikidata": wikidata}
    fields = {
        "name": name,
        "id": subject_id,
        "kind": kind,
        "rank": rank,
        "synonyms": synonym,
        "category": category,
        "city": city,
        "latitude": latitude,
        "longitude": longitude,
        "lists": on_list,
        "rare": rare,
        "ids": {source: key for source, key in ids.items() if key is not None},
    }
    said = add_one(_settings(home), {field: value for field, value in fields.items() if value is not None})
    out.print(said, highlight=False)


@subjects.command("import")
def subjects_import(
    table: Annotated[Path, typer.Argument(help="A table whose first line names the fields, in UTF-8.")],
    home: Home = None,
) -> None:
    """Add or change the subjects of a CSV file; exit 1 when a row was refused."""
    from media_pipeline.operations.subjects import import_table

    if import_table(_settings(home), table, out):
        raise typer.Exit(1)


@model.command("show")
def model_show(home: Home = None) -> None:
    """Which model is in use, in which space its vectors are, and what keeps its weights away if they are."""
    from media_pipeline.operations.models import show

    out.print(show(_settings(home)), highlight=False, soft_wrap=True)


@model.command("fetch")
def model_fetch(home: Home = None) -> None:
    """Put the weights that the settings name into the cache folder: once, where there is a network."""
    from media_pipeline.operations.models import fetch

    out.print(fetch(_settings(home)), highlight=False, soft_wrap=True)


@model.command("prove")
def model_prove(home: Home = None) -> None:
    """Try the weights on the sample photographs: do words find them, do the runtimes agree? Exit 1 when not."""
    from media_pipeline.operations.models import prove

    lines, is_good = prove(_settings(home))
    out.print("\n".join(lines), highlight=False, soft_wrap=True)
    if not is_good:
        raise typer.Exit(1)


@subjects.command("remove")
def subjects_remove(
    subject_id: Annotated[str, typer.Argument(help="The id, as `subjects list` shows it.")],
    home: Home = None,
) -> None:
    """Look for it no longer; its photos stay."""
    from media_pipeline.operations.subjects import remove_one

    out.print(remove_one(_settings(home), subject_id), highlight=False)


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

    with open_library(_settings(home)) as library:
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

    with open_library(_settings(home)) as library:
        done = merge(library, files, keeper=keeper, by=by)
    _told(done.words, done.decision_id, regrouped=done.regrouped)


@duplicates.command("reject")
def duplicates_reject(files: Files, home: Home = None, by: By = "") -> None:
    """These files are pictures of their own, each two of them, whatever any run finds."""
    from media_pipeline.operations.duplicates import reject
    from media_pipeline.stores.library import open_library

    with open_library(_settings(home)) as library:
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

    with open_library(_settings(home)) as library:
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

    with open_library(_settings(home)) as library:
        show(library, out, pairs)


def _told(words: str, decision_id: object, *, regrouped: bool) -> None:
    out.print(f"{words}  (media-pipeline duplicates undo {decision_id})", markup=False, highlight=False, soft_wrap=True)
    _tell_if_held(regrouped)


def _tell_if_held(is_regrouped: bool) -> None:
    if not is_regrouped:
        out.print("a run is grouping now: it, or the next one, will make the groups so")


if __name__ == "__main__":
    main()
