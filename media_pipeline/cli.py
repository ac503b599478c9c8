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
clusters = typer.Typer(no_args_is_help=True, help="Pictures of one kind, and their names.")
app.add_typer(clusters, name="clusters")
anomalies = typer.Typer(no_args_is_help=True, help="Pictures worth a look: the oddest first.")
app.add_typer(anomalies, name="anomalies")

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
    """Forget what was indexed, so that the next run makes the index anew from the catalog."""
    from media_pipeline.operations.retrying import forget_index

    count = forget_index(_settings(home))
    out.print(f"{count} media will be indexed anew by the next run: media-pipeline run")


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


@clusters.command("list")
def clusters_list(
    home: Home = None, limit: Annotated[int, typer.Option(min=1, help="How many, the largest first.")] = 30
) -> None:
    """The clusters: name, size, how alike their members are, how far their centre moved."""
    from media_pipeline.operations.clusters import list_clusters

    list_clusters(_settings(home), out, limit=limit)


@clusters.command("rename")
def clusters_rename(
    cluster: Annotated[str, typer.Argument(help="Its id or its name, as `clusters list` shows them.")],
    name: Annotated[str, typer.Argument(help="The name; an empty one takes yours back.")],
    home: Home = None,
) -> None:
    """Give a cluster a name that no later clustering changes."""
    from media_pipeline.operations.clusters import rename

    out.print(rename(_settings(home), cluster, name), highlight=False, markup=False)


@clusters.command("recluster")
def clusters_recluster(home: Home = None) -> None:
    """Cluster everything anew; clusters keep their ids and names by what they share with the former ones."""
    from media_pipeline.operations.clusters import recluster

    recluster(_settings(home), out)


@anomalies.command("list")
def anomalies_list(
    home: Home = None,
    state: Annotated[str, typer.Option(help="open, reviewed or dismissed.")] = "open",
    limit: Annotated[int, typer.Option(min=1, help="How many, the oddest first.")] = 20,
) -> None:
    """What is worth a look, with the reason and the nearest pictures."""
    from media_pipeline.operations.anomalies import list_anomalies

    list_anomalies(_settings(home), out, state=state, limit=limit)


Note = Annotated[str | None, typer.Option(help="Why.")]


@anomalies.command("review")
def anomalies_review(
    media: Annotated[str, typer.Argument(help="Its public code or id.")], home: Home = None, note: Note = None
) -> None:
    """Say that it was seen, and is odd."""
    from media_pipeline.operations.anomalies import mark

    out.print(mark(_settings(home), media, state="reviewed", note=note), highlight=False, markup=False)


@anomalies.command("dismiss")
def anomalies_dismiss(
    media: Annotated[str, typer.Argument(help="Its public code or id.")], home: Home = None, note: Note = None
) -> None:
    """Say that there is nothing odd about it."""
    from media_pipeline.operations.anomalies import mark

    out.print(mark(_settings(home), media, state="dismissed", note=note), highlight=False, markup=False)


if __name__ == "__main__":
    main()
