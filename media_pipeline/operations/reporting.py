"""What the command line shows of a library: the ledger by stage, duplicate groups, coverage, a contact sheet.

What is not here: how any of it is counted (stores/ledger.py, stages/publish), and the HTML (contact_sheet.py).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from uuid import UUID

from rich import box
from rich.table import Table
from rich.text import Text
from sqlalchemy import and_, func, select

from media_pipeline.definitions import all_outputs
from media_pipeline.orchestration.partitions import source_of
from media_pipeline.pipeline import STAGES, SUMMARIES
from media_pipeline.stores import ledger
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.catalog.selections import items_of, media_offers, same_media
from media_pipeline.stores.library import Library
from media_pipeline.stores.reasons import REASONS


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """One group as people read it: the names under which its files were uploaded."""

    tier: str
    keeper: str
    keeper_reason: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One asset of one run."""

    output: str
    items: int
    seconds: float
    outcome: str


State = tuple[str, str]
# A detail may quote a whole answer; the ledger has all of it.
MOST_OF_DETAIL = 160
COUNTS = ("done", "n/a", "failed", "due")
COLUMN_OF = {
    "done": "done",
    "not_applicable": "n/a",
    "failed": "failed",
    "dead": "failed",
    "never_ran": "due",
    "stale": "due",
}
NUMBERS = {*COUNTS, "items", "seconds"}


def _table(title: str, *columns: str) -> Table:
    """Lines no wider than a terminal; only the last column may fold, so that names can be copied."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        last = column == columns[-1]
        table.add_column(column, justify="right" if column in NUMBERS else "left", no_wrap=not last, overflow="fold")
    return table


def stage_table(library: Library, steps: Sequence[Step]) -> Table:
    """Per stage and output: items done, not applicable, failed, due, with reasons; and the seconds of a run."""
    seconds = {step.output: step.seconds for step in steps}
    table = _table("Stages", "stage", "output", *COUNTS, "seconds", "why")
    standings = _standings(library)
    for stage, outputs in STAGES.items():
        for name in outputs:
            states: Counter[State] = Counter()
            for (output, _source), counts in standings.items():
                states += counts if output == name else Counter()
            *counted, why = _counted(states)
            # Outputs of one decode share its seconds: said once, or the stage would seem to take several times as long.
            shared = name != outputs[0] and seconds.get(name) == seconds.get(outputs[0])
            row = (stage, name, *counted, "" if shared else f"{seconds.get(name, 0.0):.1f}", why)
            table.add_row(*(Text(cell) for cell in row))
    for step in steps:
        if step.output in SUMMARIES:
            table.add_row(
                SUMMARIES[step.output], step.output, str(step.items), "", "", "", f"{step.seconds:.1f}", "rows"
            )
    return table


def source_table(library: Library) -> Table:
    """Per stage, output and source: how many items in which state, and why."""
    table = _table("Ledger", "stage", "output", "source", *COUNTS, "why")
    standings, causes = _standings(library), _causes(library)
    for stage, outputs in STAGES.items():
        for name in outputs:
            of_output = {source: counts for (output, source), counts in standings.items() if output == name}
            for source, counts in sorted(of_output.items()) or [("-", Counter())]:
                *counted, why = _counted(counts)
                lines = [why, *causes.get((name, source), ())]
                table.add_row(*(Text(cell) for cell in (stage, name, source, *counted, "\n".join(lines))))
    return table


def _causes(library: Library) -> dict[tuple[str, str], list[str]]:
    """A line for each reason why items failed: the commonest detail, and when the first is tried again."""
    rows, source = tables.ledger.c, func.split_part(tables.ledger.c.partition, "/", 1)
    detail = func.mode().within_group(rows.detail.asc())
    query = (
        select(rows.output, source.label("source"), rows.reason, detail.label("detail"), func.min(rows.retry_at))
        .where(rows.tenant == library.tenant, rows.status.in_(["failed", "dead"]), rows.reason != "upstream_failed")
        .group_by(rows.output, source, rows.reason)
        .order_by(rows.output, source, rows.reason)
    )
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    with library.engine.connect() as connection:
        for output, name, reason, said, again in connection.execute(query):
            first = REASONS[reason].first if reason in REASONS else ""
            told = [
                *([" ".join(said.split())[:MOST_OF_DETAIL]] if said else []),
                *([f"next try {again.astimezone(UTC):%Y-%m-%d %H:%M} UTC"] if again else []),
                *([first] if first else []),
            ]
            if told:
                found[output, name].append(f"{reason}: {'; '.join(told)}")
    return found


def is_empty(library: Library) -> bool:
    """Nothing was ever listed."""
    with library.engine.connect() as connection:
        return not ledger.counts(connection, library.tenant)


def work_left(library: Library) -> dict[tuple[str, str], int]:
    """How many items are due at each output of each source."""
    due = {
        place: sum(count for (status, _reason), count in counts.items() if COLUMN_OF[status] == "due")
        for place, counts in _standings(library).items()
    }
    return {place: count for place, count in due.items() if count}


def _standings(library: Library) -> dict[tuple[str, str], Counter[State]]:
    """Every item at every output, also those that the ledger has no row of, or an old one."""
    found: dict[tuple[str, str], Counter[State]] = defaultdict(Counter)
    with library.engine.connect() as connection:
        for output in all_outputs(library.settings):
            items = items_of(output.of, library.tenant).subquery("items")
            for partition, status, reason, count in connection.execute(ledger.standing(items, output, library.tenant)):
                found[output.name, source_of(partition)][status, reason] += count
    return found


def _counted(states: Counter[State]) -> tuple[str, str, str, str, str]:
    """Done, not applicable, failed, due, and why."""
    if not states:
        return "-", "-", "-", "-", "no items yet"
    sums = Counter[str]()
    for (status, _reason), count in states.items():
        sums[COLUMN_OF[status]] += count
    why = [
        f"{reason or status.replace('_', ' ')} {count}" + (" (dead)" if status == "dead" else "")
        for (status, reason), count in sorted(states.items())
        if status != "done"
    ]
    return str(sums["done"]), str(sums["n/a"]), str(sums["failed"]), str(sums["due"]), ", ".join(why)


def duplicate_groups(library: Library) -> list[DuplicateGroup]:
    """Every group with the names of its files, the largest first."""
    names: dict[UUID, list[str]] = defaultdict(list)
    links, listings, media = media_offers, tables.source_listings, tables.media
    groups, members = tables.duplicate_groups, tables.duplicate_members
    same_listing = and_(listings.c.tenant == links.c.tenant, listings.c.listing_id == links.c.listing_id)
    same_group = and_(members.c.tenant == groups.c.tenant, members.c.group_id == groups.c.group_id)
    with library.engine.connect() as connection:
        named = (
            select(links.c.media_id, listings.c.source_key, media.c.offset_s)
            .join(listings, same_listing)
            .join(media, same_media(links))
            .where(links.c.tenant == library.tenant)
            .order_by(listings.c.source_key)
        )
        for media_id, name, offset_s in connection.execute(named):
            # A frame has the name of its video.
            names[media_id].append(name if offset_s is None else f"{name} at {offset_s:.2f} s")
        rows = connection.execute(
            select(groups, members.c.media_id).join(members, same_group).where(groups.c.tenant == library.tenant)
        ).all()
    files: dict[UUID, set[str]] = defaultdict(set)
    for row in rows:
        files[row.group_id].update(names[row.media_id])
    found = {
        row.group_id: DuplicateGroup(
            row.tier, names[row.keeper_media_id][0], row.keeper_reason, tuple(sorted(files[row.group_id]))
        )
        for row in rows
    }
    return sorted(found.values(), key=lambda group: (-len(group.members), group.tier, group.members))


def duplicates_table(groups: Sequence[DuplicateGroup]) -> Table:
    table = _table("Duplicate groups", "tier", "kept", "the same picture", "why this one is kept")
    for group in groups:
        others = "\n".join(name for name in group.members if name != group.keeper)
        table.add_row(group.tier, Text(group.keeper), Text(others), group.keeper_reason)
    return table


def coverage_table(library: Library) -> Table:
    """The table `coverage` as it was last written."""
    stored = tables.coverage
    query = (
        select(stored)
        .where(stored.c.tenant == library.tenant)
        .order_by(stored.c.source, stored.c.field, stored.c.status, stored.c.reason)
    )
    table = _table("Coverage", "source", "field", "state", "items", "closed by")
    with library.engine.connect() as connection:
        for row in connection.execute(query):
            state = f"{row.status}: {row.reason}" if row.reason else row.status.replace("_", " ")
            table.add_row(row.source, row.field, Text(state), str(row.item_count), row.closed_by)
    return table
