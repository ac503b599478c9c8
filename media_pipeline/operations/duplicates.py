"""Reviewing duplicates, as functions: list, merge, reject, undo; each what a command prints, or an API would answer.

A decision is written, what it concerns is due again, and the groups are made anew at once; where a run holds that step,
that run or the next one does it. What is not here: calibration (duplicate_thresholds.py), the rows of decisions
(stores/catalog/duplicate_decisions.py), the printing (duplicate_tables.py).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import Connection, Text, cast, func, or_, select, update

from media_pipeline.errors import ConfigError
from media_pipeline.models import model_of
from media_pipeline.orchestration.work import Run
from media_pipeline.stages.group.duplicates.assets import output_of, regroup
from media_pipeline.stages.group.duplicates.constraints import contradiction
from media_pipeline.stores import ledger
from media_pipeline.stores.catalog import duplicate_decisions as decisions
from media_pipeline.stores.catalog import duplicate_unions, tables
from media_pipeline.stores.catalog import duplicates as catalog
from media_pipeline.stores.catalog.selections import items_of
from media_pipeline.stores.library import Library

# So much of an id names it.
SHORTEST = 6
MANY = 1_000


@dataclass(frozen=True, slots=True)
class Standing:
    """How the search for duplicates stands: «none» is said only when every picture was compared."""

    state: Literal["not run", "running", "failed", "none", "found"]
    detail: str
    groups: int
    media: int
    candidates: int
    set_apart: int
    due: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided: its id, by which it is undone, and what came of the groups."""

    decision_id: UUID
    words: str
    regrouped: bool


def standing(library: Library) -> Standing:
    """One of five answers, which are never mixed up: nobody has looked, somebody is looking, it failed, there are none,
    there are some."""
    output = output_of(library.settings, model_of(library.settings))
    groups, pairs, apart = tables.duplicate_groups, tables.similarities, tables.duplicates_set_apart
    tenant = library.tenant
    with library.engine.connect() as connection:
        last = catalog.last_run(connection, tenant)
        items = items_of("media", tenant).subquery("items")
        states = connection.execute(ledger.standing(items, output, tenant)).all()
        counted = select(func.count(), func.coalesce(func.sum(groups.c.media_count), 0)).where(
            groups.c.tenant == tenant
        )
        group_count, media_count = connection.execute(counted).one()
        candidates = connection.scalar(
            select(func.count()).where(pairs.c.tenant == tenant, pairs.c.tier == "candidate")
        )
        set_apart = connection.scalar(select(func.count()).select_from(apart).where(apart.c.tenant == tenant))
    due = sum(row.items for row in states if row.status in ("never_ran", "stale"))
    state: Literal["not run", "running", "failed", "none", "found"]
    if last is None:
        state, detail = "not run", "nobody has looked yet: media-pipeline run"
    elif last.status == "failed":
        state, detail = "failed", f"the last run failed: {last.detail}"
    elif last.status == "running":
        state, detail = "running", f"run {last.run_id} began, and has not ended (or was killed: media-pipeline run)"
    else:
        state, detail = ("found" if group_count else "none"), last.detail
        if due:
            detail = "; ".join(filter(None, (detail, f"{due} media came or changed since: media-pipeline run")))
        if due and not group_count:
            state = "not run" if due == sum(row.items for row in states) else "none"
    return Standing(state, detail, group_count, int(media_count), candidates or 0, set_apart or 0, due)


def merge(library: Library, names: Sequence[str], *, keeper: str | None = None, by: str = "") -> Decision:
    """The files of a group, or those that are named, are one picture from now on: `keeper`, or the one that the group
    keeps, stands for all. Nothing is deleted, and `undo` brings all of it back."""
    with library.engine.begin() as connection:
        decisions.one_at_a_time(connection, library.tenant)
        media, kept = _media_of(connection, library.tenant, names)
        kept = kept if keeper is None else one_of(connection, library.tenant, keeper)
        if kept is None:
            raise ConfigError("which of them is to be kept? --keeper names it")
        if kept not in media:
            raise ConfigError(f"the keeper {keeper!r} is none of the files to be merged")
        into = decisions.merged_into(connection, library.tenant)
        # What was merged before stands behind its keeper already.
        named, media = media, {one for one in media if into.get(one) not in media}
        others = sorted(media - {kept})
        if not others:
            raise ConfigError("these are merged already" if into.keys() & named else "a merge needs two files or more")
        for one in sorted(media & into.keys()):
            told = _codes(connection, library.tenant, [one, into[one]])
            raise ConfigError(
                f"{told[one]} is merged into {told[into[one]]} already: name that one, or undo that merge first"
            )
        joined = [(kept, other) for other in others]
        _refuse_contradiction(connection, library.tenant, same=joined, different=[])
        union = duplicate_unions.union(connection, library.tenant, kept, others)
        merge_id = decisions.merge(connection, library.tenant, kept, others, by=by, union=union)
        _outdate(connection, library, media)
        words = f"{len(others)} merged into {_codes(connection, library.tenant, [kept])[kept]}"
    return Decision(merge_id, words, _regrouped(library))


def reject(library: Library, names: Sequence[str], *, by: str = "") -> list[Decision]:
    """These files are pictures of their own, each two of them: no run will group them again, whatever they score."""
    found = []
    with library.engine.begin() as connection:
        decisions.one_at_a_time(connection, library.tenant)
        media, _ = _media_of(connection, library.tenant, names)
        if len(media) < 2:
            raise ConfigError("which two files are different? name both, or a group")
        pairs = list(combinations(sorted(media), 2))
        if len(pairs) > MANY:
            raise ConfigError(f"{len(pairs)} pairs at once are no decision: name fewer files")
        _refuse_contradiction(connection, library.tenant, same=[], different=pairs)
        codes = _codes(connection, library.tenant, sorted(media))
        for a, b in pairs:
            known = decisions.of_pair(connection, library.tenant, a, b)
            if known is not None and known.what == "not_duplicate":
                continue
            decision_id = decisions.decide(connection, library.tenant, "not_duplicate", a, b, by=by)
            found.append((decision_id, f"{codes[a]} is not {codes[b]}"))
        _outdate(connection, library, media)
    regrouped = _regrouped(library)
    return [Decision(decision_id, words, regrouped) for decision_id, words in found]


def undo(library: Library, name: str) -> Decision:
    """Take a merge or a decision back: all is as if it had never been."""
    merges, single = tables.media_merges, tables.duplicate_decisions
    with library.engine.begin() as connection:
        decisions.one_at_a_time(connection, library.tenant)
        merge_ids = _with_prefix(connection, merges, merges.c.merge_id, library.tenant, name)
        ids = _with_prefix(connection, single, single.c.decision_id, library.tenant, name)
        if len(merge_ids) + len(ids) > 1:
            raise ConfigError(f"{name!r} begins several ids: say more of it")
        if merge_ids:
            media, words = decisions.undo_merge(connection, library.tenant, merge_ids[0]), "merge undone"
        elif ids:
            media, words = decisions.undo_decision(connection, library.tenant, ids[0]), "decision undone"
        else:
            raise ConfigError(
                f"{name!r} is no merge or decision: media-pipeline duplicates list --decisions shows them"
            )
        _outdate(connection, library, media)
    return Decision((merge_ids or ids)[0], words, _regrouped(library))


def _refuse_contradiction(
    connection: Connection, tenant: str, *, same: Sequence[tuple[UUID, UUID]], different: Sequence[tuple[UUID, UUID]]
) -> None:
    known = decisions.standing(connection, tenant)
    wrong = contradiction([*known.same, *same], [*known.different, *different])
    if wrong is None:
        return
    codes = _codes(connection, tenant, wrong)
    pair = f"{codes[wrong[0]]} and {codes[wrong[1]]}"
    earlier = decisions.of_pair(connection, tenant, *wrong)
    if same and earlier is not None:
        raise ConfigError(
            f"somebody decided that {pair} are different: media-pipeline duplicates undo {earlier.decision_id} first"
        )
    raise ConfigError(
        f"somebody decided that {pair} are one picture: undo that merge first (duplicates list --decisions)"
    )


def _outdate(connection: Connection, library: Library, media: Collection[UUID]) -> None:
    """What a decision concerns is due again."""
    table = tables.ledger
    chosen = (
        table.c.tenant == library.tenant,
        table.c.output == "duplicate_groups",
        table.c.item_id.in_(sorted(media)),
    )
    connection.execute(update(table).where(*chosen).values(version=""))


def _regrouped(library: Library) -> bool:
    return regroup(Run(library, f"duplicates-{uuid4()}")).held_by is None


def _media_of(connection: Connection, tenant: str, names: Sequence[str]) -> tuple[set[UUID], UUID | None]:
    """The files that are named, one by one or by a group; and the keeper, where one group alone is named."""
    groups, members = tables.duplicate_groups, tables.duplicate_members
    media, keepers = set[UUID](), list[UUID | None]()
    for name in names:
        found = _with_prefix(connection, groups, groups.c.group_id, tenant, name)
        if len(found) > 1:
            raise ConfigError(f"{name!r} begins several ids: say more of it")
        if found:
            own = (members.c.tenant == tenant, members.c.group_id == found[0])
            media |= set(connection.scalars(select(members.c.media_id).where(*own)))
            kept = select(groups.c.keeper_media_id).where(groups.c.tenant == tenant, groups.c.group_id == found[0])
            keepers.append(connection.scalar(kept))
        else:
            media.add(one_of(connection, tenant, name))
            keepers.append(None)
    return media, keepers[0] if len(keepers) == 1 else None


def one_of(connection: Connection, tenant: str, name: str) -> UUID:
    """A file by its code, its id, the beginning of one, or the name that its source gives it."""
    media, links, listings = tables.media, tables.media_links, tables.source_listings
    query = select(media.c.media_id).where(media.c.tenant == tenant)
    found = list(connection.scalars(query.where(func.upper(media.c.public_code) == name.upper())))
    found = found or _with_prefix(connection, media, media.c.media_id, tenant, name)
    if not found:
        named = (
            select(links.c.media_id)
            .join(listings, (listings.c.tenant == links.c.tenant) & (listings.c.listing_id == links.c.listing_id))
            .where(links.c.tenant == tenant, listings.c.source_key == name)
            .distinct()
        )
        found = list(connection.scalars(named))
    if len(found) != 1:
        wrong = "is no group, code, id or file name" if not found else f"names {len(found)} files: use a code"
        raise ConfigError(f"{name!r} {wrong}: media-pipeline duplicates list shows them")
    return found[0]


def _with_prefix(connection: Connection, table: Any, column: Any, tenant: str, name: str) -> list[UUID]:
    """The ids that begin so, hyphens left in."""
    if len(name) < SHORTEST or not set(name.lower()) <= set("0123456789abcdef-"):
        return []
    spelled = cast(column, Text)
    return list(connection.scalars(select(column).where(table.c.tenant == tenant, spelled.startswith(name.lower()))))


def _codes(connection: Connection, tenant: str, media: Sequence[UUID]) -> dict[UUID, str]:
    table = tables.media
    query = select(table.c.media_id, table.c.public_code).where(table.c.tenant == tenant)
    rows = connection.execute(query.where(or_(table.c.media_id.in_(media))))
    return {media_id: code for media_id, code in rows}  # noqa: C416 — a Row is no pair to mypy
