"""What the commands do about subjects: add, import, list, remove.

What is not here: what a row may say (stages/discover/subject_rows.py), and the file that each run reads
(stages/discover/assets.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError
from media_pipeline.records import Subject
from media_pipeline.sources import WEB_SOURCES
from media_pipeline.stages.discover.subject_rows import Fault, judged
from media_pipeline.stages.discover.subjects import read_csv, read_yaml
from media_pipeline.stores.catalog import subjects
from media_pipeline.stores.catalog.subjects import Standing
from media_pipeline.stores.library import open_library
from media_pipeline.stores.texts import text_of_file

# Of rows of the file that no run has read yet.
UNREAD = "file, from the next run on"


def add_one(settings: Settings, fields: Mapping[str, Any]) -> str:
    """Add or change one subject, and say which; a ConfigError that names every field that is wrong."""
    found = judged(fields, sources=WEB_SOURCES, line=1)
    if not isinstance(found, Subject):
        raise ConfigError("\n".join(f"{fault.field}: {fault.what}" for fault in found))
    with open_library(settings) as library, library.engine.begin() as connection:
        written = subjects.add(connection, library.tenant, found)
    return f"{found.subject_id}: {'added' if written.added else 'changed' if written.changed else 'is so already'}"


def import_table(settings: Settings, path: Path, console: Console) -> int:
    """Add or change the subjects of a table; how many rows were refused, each of them told."""
    found, faults = read_csv(text_of_file(path), name=str(path))
    with open_library(settings) as library, library.engine.begin() as connection:
        written = subjects.add_all(connection, library.tenant, found)
    _tell(faults, path, console)
    for name in written.refused:
        console.print(f"{path}: {name}: {subjects.OWNED_BY_FILE}", markup=False, highlight=False, soft_wrap=True)
    refused = len({fault.line for fault in faults}) + len(written.refused)
    console.print(f"{written.added} added, {written.changed} changed, {refused} refused", highlight=False)
    return refused


def list_all(settings: Settings, console: Console) -> None:
    """The table of what is looked for, and what is wrong with the file, which need not have been read yet."""
    with open_library(settings) as library, library.engine.connect() as connection:
        standings = subjects.standings(connection, library.tenant)
    path, unread, faults = settings.subjects_file, list[Standing](), list[Fault]()
    if path is not None:
        found, faults = read_yaml(text_of_file(path), name=str(path))
        known = {standing.subject.subject_id for standing in standings}
        unread = [Standing(subject, UNREAD, 0) for subject in found if subject.subject_id not in known]
    if standings or unread:
        console.print(_as_table([*standings, *unread]))
    elif not faults:
        console.print("no subjects yet: write subjects.yaml as docs/subjects.md says, or `media-pipeline subjects add`")
    if path is not None:
        _tell(faults, path, console)


def remove_one(settings: Settings, subject_id: str) -> str:
    """Look for it no longer, and say so."""
    with open_library(settings) as library, library.engine.begin() as connection:
        was_active = subjects.deactivate(connection, library.tenant, subject_id)
    return f"{subject_id}: {'is looked for no longer' if was_active else 'was not looked for'}"


def _tell(faults: list[Fault], path: Path, console: Console) -> None:
    """As compilers do, so that an editor finds the line."""
    for fault in faults:
        told = ": ".join(filter(None, (f"{path}:{fault.line}", fault.field, fault.what)))
        console.print(told, markup=False, highlight=False, soft_wrap=True)


def _as_table(standings: list[Standing]) -> Table:
    table = Table(title="Subjects", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("id", "kind", "name", "lists", "origin"):
        table.add_column(column, no_wrap=column in ("id", "kind", "origin"), overflow="fold")
    table.add_column("photos", justify="right")
    for standing in standings:
        subject = standing.subject
        words = (subject.subject_id, subject.kind, subject.name, ", ".join(subject.lists), standing.origin)
        # Text: a name with brackets in it is no markup.
        table.add_row(*map(Text, words), str(standing.media_count))
    return table
