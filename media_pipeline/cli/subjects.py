"""Commands over what to look for.

What is not here: what they do (operations/, stores/), imported by the command that needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from media_pipeline.cli.terms import Home, out, settings_of

subjects = typer.Typer(no_args_is_help=True, help="What to look for: taxa and places (docs/subjects.md).")


@subjects.command("list")
def subjects_list(home: Home = None) -> None:
    """What is looked for, with the accepted photos of each; and what is wrong with the file of subjects."""
    from media_pipeline.operations.subjects import list_all

    list_all(settings_of(home), out)


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
    said = add_one(settings_of(home), {field: value for field, value in fields.items() if value is not None})
    out.print(said, highlight=False)


@subjects.command("import")
def subjects_import(
    table: Annotated[Path, typer.Argument(help="A table whose first line names the fields, in UTF-8.")],
    home: Home = None,
) -> None:
    """Add or change the subjects of a CSV file; exit 1 when a row was refused."""
    from media_pipeline.operations.subjects import import_table

    if import_table(settings_of(home), table, out):
        raise typer.Exit(1)


@subjects.command("remove")
def subjects_remove(
    subject_id: Annotated[str, typer.Argument(help="The id, as `subjects list` shows it.")],
    home: Home = None,
) -> None:
    """Look for it no longer; its photos stay."""
    from media_pipeline.operations.subjects import remove_one

    out.print(remove_one(settings_of(home), subject_id), highlight=False)
