"""The demo: sample files with a known truth walk through the whole pipeline, and what came of them is held against it.

What is not here: the files and the truth (samples/), the run (running.py), the tables (reporting.py).
"""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

from rich.console import Console
from sqlalchemy import and_, func, select

from media_pipeline.config import DEFAULT_HOME, Settings
from media_pipeline.models import notice
from media_pipeline.operations.bars import Bars
from media_pipeline.operations.contact_sheet import write_contact_sheet
from media_pipeline.operations.reporting import coverage_table, duplicate_groups, duplicates_table
from media_pipeline.operations.running import partitions_of_sources, run_jobs, tell_of_run
from media_pipeline.pipeline import EVERYTHING
from media_pipeline.samples import Expectations, make_samples
from media_pipeline.stages.publish.assets import view_sizes
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.selections import same_media
from media_pipeline.stores.folder import LocalBlobs
from media_pipeline.stores.library import Library, open_library, open_uploads

NEXT = (
    ("dev", "see the assets and their runs in Dagster's UI"),
    ("run", "after you put photos of your own into the folder of samples"),
    ("status", "the ledger by stage and source"),
    ("doctor", "try everything that the pipeline needs"),
)


def plant_samples(settings: Settings) -> Expectations:
    """The sample files in the upload folder or bucket; those that are there already are left."""
    uploads = open_uploads(settings)
    if isinstance(uploads, LocalBlobs):
        return make_samples(uploads.root)
    with tempfile.TemporaryDirectory(prefix="media-pipeline-samples-") as folder:
        expectations = make_samples(Path(folder))
        for sample in expectations.samples:
            data = (Path(folder) / sample.name).read_bytes()
            uploads.put_if_absent(sample.name, data, content_type="application/octet-stream")
    return expectations


def differences(library: Library, truth: Expectations) -> list[str]:
    """One sentence for each sample that came out otherwise than its maker planted it."""
    names = {sample.name for sample in truth.samples}
    return [
        *_wrong_fates(library, truth),
        *_wrong_parts(library, truth),
        *_wrong_groups(library, truth.same_bytes, tier="exact", names=names),
        *_wrong_groups(library, truth.same_picture, tier="near", names=names),
    ]


def _wrong_fates(library: Library, truth: Expectations) -> list[str]:
    found = _failures(library)
    expected = {sample.name: sample.reason for sample in truth.samples}
    return [
        f"{name}: expected {reason or 'no failure'}, found {found.get(name) or 'no failure'}"
        for name, reason in expected.items()
        if found.get(name) != reason
    ]


def _failures(library: Library) -> dict[str, str | None]:
    """The reason of every listing that was refused at fetch or failed at examine."""
    rows, listings, links = tables.ledger, tables.source_listings, tables.media_links
    linked = and_(links.c.tenant == listings.c.tenant, links.c.listing_id == listings.c.listing_id)
    found: dict[str, str | None] = {}
    for output, item in (("originals", listings.c.listing_id), ("metadata", links.c.media_id)):
        query = (
            select(listings.c.source_key, rows.c.reason)
            .select_from(listings.outerjoin(links, linked))
            .join(rows, and_(rows.c.tenant == listings.c.tenant, rows.c.output == output, rows.c.item_id == item))
            .where(listings.c.tenant == library.tenant, rows.c.status.in_(("failed", "dead")))
        )
        with library.engine.connect() as connection:
            found |= {name: reason for name, reason in connection.execute(query)}  # noqa: C416 — a Row is no pair to mypy
    return found


def _wrong_parts(library: Library, truth: Expectations) -> list[str]:
    """Videos and sounds of which more or fewer pictures were made."""
    listings, links = tables.source_listings, tables.media_links
    linked = and_(links.c.tenant == listings.c.tenant, links.c.listing_id == listings.c.listing_id)
    found: dict[str, int] = {}
    for made in (tables.video_frames, tables.audio_waveforms):
        query = (
            select(listings.c.source_key, func.count())
            .select_from(listings.join(links, linked).join(made, same_media(made, links)))
            .where(listings.c.tenant == library.tenant)
            .group_by(listings.c.source_key)
        )
        with library.engine.connect() as connection:
            found |= {name: count for name, count in connection.execute(query)}  # noqa: C416 — a Row is no pair to mypy
    return [
        f"{name}: expected {wanted} pictures of it, found {found.get(name, 0)}"
        for name, wanted in truth.parts.items()
        if found.get(name, 0) != wanted
    ]


def _wrong_groups(library: Library, expected: tuple[frozenset[str], ...], *, tier: str, names: set[str]) -> list[str]:
    """Only samples are judged: other people's files may be in the library too."""
    found = {frozenset(group.members) & names for group in duplicate_groups(library) if group.tier == tier}
    found = {group for group in found if len(group) > 1}
    wanted = set(expected)
    missed = [f"{tier}: not found together: {', '.join(sorted(group))}" for group in wanted - found]
    wrong = [f"{tier}: wrongly together: {', '.join(sorted(group))}" for group in found - wanted]
    return sorted(missed + wrong)


def run_demo(settings: Settings, console: Console) -> list[str]:
    """Plant, run, show, compare; what came out otherwise than planted."""
    console.print(f"library: [bold]{settings.home_path}[/bold]", highlight=False)
    truth = plant_samples(settings)
    console.print(f"{len(truth.samples)} sample files: {settings.uploads.removeprefix('file:')}")
    if said := notice(settings):
        console.print(said, highlight=False, soft_wrap=True)
    console.print()
    with open_library(settings) as library:
        with Bars(console) as bars:
            tasks = [(EVERYTHING, partition) for partition in partitions_of_sources(settings, ["uploads"])]
            steps, _ = run_jobs(settings, tasks, progress=bars)
        console.print()
        tell_of_run(library, steps, console)
        console.print(duplicates_table(duplicate_groups(library)))
        console.print(coverage_table(library))
        for view, rows in view_sizes(library).items():
            console.print(f"media.{view}: {rows}" + (" rows" if isinstance(rows, int) else ""))
        console.print(f"contact sheet: [bold]{write_contact_sheet(library)}[/bold]", soft_wrap=True, highlight=False)
        wrong = differences(library, truth)
    if wrong:
        console.print("[red]otherwise than planted:[/red]", *(f"  {sentence}" for sentence in wrong), sep="\n")
    else:
        console.print(f"all {len(truth.samples)} samples came out as they were planted")
    console.print("\nnext:")
    # Said as it is to be typed: without the folder the next command would open another library.
    place = "" if settings.home == DEFAULT_HOME else f" --home {shlex.quote(str(settings.home))}"
    for command, about in NEXT:
        console.print(f"  media-pipeline {command:<6}{place}   {about}", highlight=False, soft_wrap=True)
    return wrong
