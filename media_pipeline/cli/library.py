"""Commands over the whole library: make it, run it, look after it.

What is not here: what they do (operations/, stores/), imported by the command that needs it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from media_pipeline import __version__
from media_pipeline.cli.terms import Home, Sources, out, settings_of
from media_pipeline.errors import ConfigError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A media library you can trust: photos walk through every stage, and the ledger says what became of each.",
)
db = typer.Typer(no_args_is_help=True, help="The embedded PostgreSQL.")


@app.command()
def demo(
    home: Home = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before writing to a server or bucket.")] = False,
) -> None:
    """Make about 60 sample files, run every stage on them, and show what came of it."""
    from media_pipeline.operations.demo import run_demo

    settings = settings_of(home)
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

    run_and_tell(settings_of(home), source or [], out)


@app.command()
def status(home: Home = None) -> None:
    """The ledger by stage and source: what is done, what failed and why."""
    from media_pipeline.operations.reporting import source_table
    from media_pipeline.stores.library import open_library

    with open_library(settings_of(home)) as library:
        out.print(source_table(library))


@app.command()
def retry(
    home: Home = None,
    stage: Annotated[str | None, typer.Option(help="A stage or an output, e.g. `examine` or `hashes`.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only items that failed for this reason.")] = None,
) -> None:
    """Make failed and dead items due again; the next run tries them."""
    from media_pipeline.operations.retrying import revive

    count = revive(settings_of(home), stage=stage, reason=reason)
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

    (check if check_licences else ask_again)(settings_of(home), source or [], out)


@app.command()
def reparse(home: Home = None, source: Sources = None) -> None:
    """Read the stored answers of the sources again, without the network: after a parser was mended."""
    from media_pipeline.operations.relisting import read_again

    read_again(settings_of(home), source or [], out)


@app.command()
def dev(
    home: Home = None,
    port: Annotated[int, typer.Option(help="Port of the web page.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open Dagster's UI on the library; Ctrl-C ends everything that was started."""
    from media_pipeline.operations.development import develop

    raise typer.Exit(develop(settings_of(home), port=port, host=host))


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

    with open_catalog(settings_of(home)) as engine:
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

    settings = settings_of(home)
    if settings.database_url is not None:
        raise ConfigError("MEDIA_DATABASE_URL names a server: it is not this command's to stop")
    stopped = embedded.stop(settings.home_path, options=embedded_options(settings))
    out.print("stopped" if stopped else "it was not running")
