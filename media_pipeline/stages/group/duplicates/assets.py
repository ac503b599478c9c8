"""Which media are one picture: what is due is read, compared, and written with its ledger rows.

What is not here: the comparison (groups.py, scope.py, candidates.py), its rows (rows.py), the reading and writing
of them (stores/catalog/duplicates.py), the asset (stages/group/assets.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, FromClause
from sqlalchemy.exc import SQLAlchemyError

from media_pipeline.config import Settings
from media_pipeline.errors import MediaPipelineError
from media_pipeline.models import EmbeddingModel, model_of
from media_pipeline.orchestration.work import Desk, Report, Run, desk, entry_of
from media_pipeline.records import Made, NotApplicable, Result
from media_pipeline.stages.group.duplicates import rows as rows_of
from media_pipeline.stages.group.duplicates.candidates import MAX_MEDIA, candidates
from media_pipeline.stages.group.duplicates.constraints import Decisions, units
from media_pipeline.stages.group.duplicates.groups import Files, Group, Limits, grouped
from media_pipeline.stages.group.duplicates.keepers import Standings
from media_pipeline.stages.group.duplicates.scope import COMMON, common, reached, with_neighbours
from media_pipeline.stores.catalog import duplicate_decisions
from media_pipeline.stores.catalog import duplicates as catalog
from media_pipeline.stores.catalog.arrays import vectors_of
from media_pipeline.stores.catalog.duplicates import Hashed
from media_pipeline.stores.catalog.selections import linked_media
from media_pipeline.stores.ledger import Entry, Output

VERSION = "3"
DUE_AT_A_TIME = 5_000
# One in so many that has changed: below it only what those meet is looked at, above it everything.
FEW = 20
# So few are looked at as a whole: it costs nothing, and drops what only a whole look drops.
SMALL_LIBRARY = 2_000


def output_of(settings: Settings, model: EmbeddingModel) -> Output:
    thresholds = model.thresholds
    version = f"{VERSION}/{settings.duplicate_bits}/{thresholds.near}/{thresholds.candidate}/{model.version}"
    return Output("duplicate_groups", version, ("hashes", "embeddings", "quality"), "link_count")


def regroup(run: Run, *, whole: bool | None = None) -> Report:
    """The groups of what is due and of all that it meets, in one transaction. `whole`: look at everything, or do not;
    unset, as few or many are due."""
    model = model_of(run.library.settings)
    output = output_of(run.library.settings, model)
    with desk(run, [output]) as (report, place):
        if place is None:
            return report
        # How many listings offer a media is an input of its own: it makes the exact groups.
        items = linked_media(run.library.tenant).subquery("items")
        total = place.count_due(items)
        run.progress.begin(output.name, total)
        try:
            _work_off(place, items, model, whole=whole, total=total)
        except (SQLAlchemyError, MediaPipelineError, MemoryError) as error:
            # Its own connection: that of the desk may be what is broken.
            with run.library.engine.begin() as connection:
                detail = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"[:500]
                catalog.tell_run(connection, run.library.tenant, run_id=run.run_id, status="failed", detail=detail)
            raise
        run.progress.end(output.name)
    return report


def _work_off(place: Desk, items: FromClause, model: EmbeddingModel, *, whole: bool | None, total: int) -> None:
    """Again until nothing is due: what another run brought meanwhile found this step held, and counts on it."""
    run, tenant = place.run, place.run.library.tenant
    with place.connection.begin():
        last = catalog.last_run(place.connection, tenant)
        if total or last is None or last.status != "done":
            catalog.tell_run(place.connection, tenant, run_id=run.run_id, status="running")
        else:
            return
    # A model whose thresholds nobody has calibrated gives no near tier: its cosines mean nothing yet.
    uncalibrated = NotApplicable("not_calibrated", f"{model.name} has no near threshold")
    result: Result = Made() if model.thresholds.near is not None else uncalibrated
    details = [] if model.thresholds.near is not None else [uncalibrated.detail]
    while total:
        entries = _entries(place, items, output=place.outputs[0], result=result)
        with place.commit(entries) as connection:
            details = _replace(connection, run, model, [entry.item_id for entry in entries], whole=whole) or details
        run.progress.advance(place.outputs[0].name, total)
        total = place.count_due(items)
    for detail in details:
        place.report.note("duplicate_groups", detail)
    with place.connection.begin():
        catalog.tell_run(place.connection, tenant, run_id=run.run_id, status="done", detail="; ".join(details))


def _entries(place: Desk, items: FromClause, *, output: Output, result: Result) -> list[Entry]:
    """What will be recorded of everything due, read by pages: an entry is a small part of what it is made of."""
    entries: list[Entry] = []
    after: UUID | None = None
    while batch := place.read_due(items, after=after, limit=DUE_AT_A_TIME):
        entries += [entry_of(place.run, due, output=output, result=result) for due in batch]
        after = batch[-1].item_id
    return entries


@dataclass(slots=True)
class _Look:
    """One look at the library: what it is made on, and what it found out so far."""

    connection: Connection
    tenant: str
    model: EmbeddingModel
    limits: Limits | None
    decisions: Decisions
    hashed: Hashed
    comparable: NDArray[np.bool_]
    # Files without a hash, behind the last that has one.
    unhashed: list[UUID] = field(default_factory=list)

    def places(self, media: Iterable[UUID]) -> list[int]:
        wanted = set(media)
        found = self.hashed.places_of(wanted)
        for one in sorted(wanted - found.keys()):
            if one not in self.unhashed:
                self.unhashed.append(one)
            found[one] = len(self.hashed.phashes) + self.unhashed.index(one)
        return list(found.values())

    def ids(self, places: Sequence[int]) -> list[UUID]:
        count = len(self.hashed.phashes)
        hashed = self.hashed.ids_at([place for place in places if place < count])
        return [*hashed, *(self.unhashed[place - count] for place in places if place >= count)]

    def vectors(self, media: Sequence[UUID]) -> NDArray[np.float32]:
        model = self.model
        return vectors_of(self.connection, self.tenant, media, model_version=model.version, dims=model.dims)


def _replace(
    connection: Connection, run: Run, model: EmbeddingModel, changed: Sequence[UUID], *, whole: bool | None
) -> list[str]:
    """New groups in place of the former ones; what there is to tell of it."""
    tenant, thresholds = run.library.tenant, model.thresholds
    decided = duplicate_decisions.standing(connection, tenant)
    hashed = catalog.read_hashes(connection, tenant, model.version)
    limits = None if thresholds.near is None else Limits(thresholds.near, run.library.settings.duplicate_bits)
    crowded = common(hashed.phashes)
    decisions = Decisions(decided.same, decided.different, decided.keepers)
    look = _Look(connection, tenant, model, limits, decisions, hashed, ~crowded)
    count = len(hashed.phashes)
    if whole is None:
        whole = count <= SMALL_LIBRARY or len(changed) * FEW > count
    _exact(connection, tenant, None if whole else changed)
    apart = dict(zip(hashed.ids_at(crowded_places := np.flatnonzero(crowded).tolist()), crowded_places, strict=True))
    apart_now = {media: f"{int(hashed.phashes[place]):016x}" for media, place in apart.items()}
    shifted = apart_now.items() ^ catalog.set_apart(connection, tenant).items()
    scope = None if whole else _scope(look, {*changed, *(media for media, _ in shifted)})
    catalog.replace_set_apart(connection, tenant, apart_now, reason=f"hash shared by more than {COMMON} files")
    lesser = _near(look, scope)
    told = []
    if limits is not None and thresholds.candidate is not None:
        if count <= MAX_MEDIA:
            _candidates(look, lesser, limits, cosine=thresholds.candidate, scope=scope)
        else:
            told.append(f"no candidates: {count} media are more than {MAX_MEDIA}")
    return told


def _exact(connection: Connection, tenant: str, among: Sequence[UUID] | None) -> None:
    """One media under several listings."""
    groups, members = [], []
    for page in [None] if among is None else [among[at : at + DUE_AT_A_TIME] for at in range(0, len(among), 5_000)]:
        for media_id, files in connection.execute(catalog.exact_groups(tenant, among=page)):
            row = rows_of.exact_row(tenant, media_id, files)
            groups.append(row)
            members.append({"tenant": tenant, "group_id": row["group_id"], "media_id": media_id})
    former = [] if among is None else [rows_of.group_id(tenant, "exact", media) for media in among]
    written = catalog.Written(groups, members, [], None if among is None else [])
    catalog.replace(connection, tenant, tier="exact", written=written, former=former)


def _scope(look: _Look, changed: set[UUID]) -> list[UUID]:
    """All that can be reached from what has changed."""
    unit_of = {media: unit for unit in units(look.decisions.same) for media in unit}

    def tied(places: Sequence[int]) -> list[int]:
        media = look.ids(places)
        groups = catalog.near_groups(look.connection, look.tenant, among=media).values()
        return look.places({one for group in [*groups, *(unit_of.get(one, ()) for one in media)] for one in group})

    def vectors_at(places: NDArray[np.int64]) -> NDArray[np.float32]:
        return look.vectors(look.ids(places.tolist()))

    found = reached(
        look.places(changed),
        look.hashed.phashes,
        look.comparable,
        limits=look.limits,
        tied=tied,
        vectors_of=vectors_at,
    )
    return look.ids(found)


def _near(look: _Look, scope: list[UUID] | None) -> set[UUID]:
    """The groups of all, or of the scope, written; all the media that are the lesser in a group."""
    if scope is not None:
        media = set(scope)
    elif look.limits is not None:
        places = with_neighbours(look.hashed.phashes, look.comparable, look.limits)
        media = set(look.hashed.ids_at(places.tolist())) | look.decisions.named()
    else:
        media = look.decisions.named()
    files, counts = _files(look, sorted(media))
    found = grouped(files, look.decisions, look.limits)
    rows = [rows_of.near_row(look.tenant, group, files, counts) for group in found]
    latter = {row["group_id"]: [files.ids[at] for at in group.places()] for row, group in zip(rows, found, strict=True)}
    members = [
        {"tenant": look.tenant, "group_id": group, "media_id": one} for group, ones in latter.items() for one in ones
    ]
    pairs = [pair for group in found for pair in _pairs(look, group, files)]
    former = catalog.near_groups(look.connection, look.tenant, among=scope)
    written = catalog.Written(rows, members, pairs, scope)
    catalog.replace(look.connection, look.tenant, tier="near", written=written, former=former.keys())
    catalog.record_events(look.connection, look.tenant, former, latter)
    return {media for media, keeper in catalog.keepers(look.connection, look.tenant).items() if media != keeper}


def _pairs(look: _Look, group: Group, files: Files) -> list[rows_of.Row]:
    return rows_of.pair_rows(look.tenant, group, files, look.limits, model_version=look.model.version)


def _files(look: _Look, media: list[UUID]) -> tuple[Files, list[int]]:
    """The columns that are compared, and how many listings offer each."""
    places = look.hashed.places_of(media)
    able = np.array([one in places and bool(look.comparable[places[one]]) for one in media], dtype=np.bool_)
    phashes = np.array([look.hashed.phashes[places[one]] if one in places else 0 for one in media], dtype=np.uint64)
    vectors = np.zeros((len(media), look.model.dims), dtype=np.float32)
    if able.any():
        vectors[able] = look.vectors([one for one, is_able in zip(media, able.tolist(), strict=True) if is_able])
    known = catalog.read_standings(look.connection, look.tenant, media)
    rows = [known[one] for one in media]
    standings = Standings(
        chosen=np.array([look.decisions.keepers.get(one, 0) for one in media], dtype=np.int64),
        pixels=np.array([row.pixels for row in rows], dtype=np.int64),
        quality=np.array([row.quality for row in rows], dtype=np.float64),
        richness=np.array([row.richness for row in rows], dtype=np.int64),
        openness=np.array([row.openness for row in rows], dtype=np.int64),
        since=np.array([row.since for row in rows], dtype=np.int64),
    )
    return Files(tuple(media), phashes, able, vectors, standings), [row.files for row in rows]


def _candidates(look: _Look, lesser: set[UUID], limits: Limits, *, cosine: float, scope: list[UUID] | None) -> None:
    """Among the keepers and all that are in no group: a group is reviewed by its keeper."""
    places = np.flatnonzero(look.comparable)
    hidden = look.hashed.places_of(lesser)
    places = places[~np.isin(places, list(hidden.values()))]
    ids = look.hashed.ids_at(places.tolist())
    asking = None if scope is None else np.isin(places, list(look.hashed.places_of(scope).values()))
    found = candidates(look.vectors(ids), look.hashed.phashes[places], limits=limits, cosine=cosine, asking=asking)
    rows = rows_of.candidate_rows(
        look.tenant, found, ids, limits=limits, cosine=cosine, model_version=look.model.version
    )
    apart = _said_to_be_different(look)
    rows = [row for row in rows if (row["media_a"], row["media_b"]) not in apart]
    catalog.put_pairs(look.connection, rows)


def _said_to_be_different(look: _Look) -> set[tuple[UUID, UUID]]:
    """What a person has judged of two files holds of the keepers that stand for them."""
    keepers = catalog.keepers(look.connection, look.tenant)
    pairs = (sorted((keepers.get(a, a), keepers.get(b, b))) for a, b in look.decisions.different)
    return {(a, b) for a, b in pairs}
