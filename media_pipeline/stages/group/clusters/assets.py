"""Clusters of the whole library: read, joined or made anew, named, written. The asset itself is in ../assets.py.

What is not here: how pictures are clustered (joining.py, clustering.py), the rows (stores/catalog/cluster_rows.py),
what people do with clusters (operations/clusters.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID, uuid5

import numpy as np
from sqlalchemy import Connection

from media_pipeline.config import Settings
from media_pipeline.models import EmbeddingModel, model_of
from media_pipeline.orchestration.work import Desk, Report, Run, desk, entry_of
from media_pipeline.records import NAMESPACE, Made, NotApplicable, Result
from media_pipeline.stages.group.carrying import Change, carried
from media_pipeline.stages.group.clusters.centroids import Centroids, Vectors, cosines_to_own, directions
from media_pipeline.stages.group.clusters.clustering import clustered, families
from media_pipeline.stages.group.clusters.joining import joined
from media_pipeline.stages.group.clusters.naming import Worded, named, provisional_name
from media_pipeline.stages.group.clusters.representatives import representatives
from media_pipeline.stores.catalog import cluster_rows
from media_pipeline.stores.catalog.arrays import all_vectors, vectors_of
from media_pipeline.stores.catalog.cluster_rows import Stored
from media_pipeline.stores.catalog.selections import drawn_sounds, linked_media
from media_pipeline.stores.ledger import Due, Output

NAME: Final = "clusters"
VERSION: Final = "2"
ROWS_AT_A_TIME: Final = 5_000
MOST_SHOWN_ANEW: Final = 2_000
"""A larger cluster keeps its representatives until everything is clustered anew: one more picture hardly changes them,
and to choose them reads all its vectors."""
SOUND: Final = NotApplicable("sound_has_no_look", "drawings of sounds would be one cluster, whatever is heard")


@dataclass(frozen=True, slots=True)
class _Task:
    """What all the steps of one update need."""

    connection: Connection
    run: Run
    model: EmbeddingModel
    min_cosine: float
    report: Report

    @property
    def tenant(self) -> str:
        return self.run.library.tenant


def threshold(settings: Settings, model: EmbeddingModel) -> float | None:
    """The cosine at which pictures are of one kind: the setting's, else the model's."""
    return model.thresholds.cluster if settings.cluster_cosine is None else settings.cluster_cosine


def output_of(settings: Settings, model: EmbeddingModel) -> Output:
    return Output(NAME, f"{VERSION}/{threshold(settings, model)}/{model.version}", ("embeddings",))


def update_clusters(run: Run, *, anew: bool = False) -> Report:
    """What is due joins the clusters that there are; `anew`, or where all of it is due: everything is clustered anew,
    which depends on no order. In one transaction."""
    settings = run.library.settings
    model = model_of(settings)
    output, min_cosine = output_of(settings, model), threshold(settings, model)
    with desk(run, [output]) as (report, place):
        if place is None:
            return report
        items = linked_media(run.library.tenant).subquery("items")
        run.progress.begin(NAME, place.count_due(items))
        while (total := place.count_due(items)) or anew:
            due, drawn = _due(place, items)
            uncalibrated = NotApplicable("not_calibrated", f"{model.name} has no threshold for clusters")
            result: Result = Made() if min_cosine is not None else uncalibrated
            entries = [
                entry_of(run, one, output=output, result=SOUND if one.item_id in drawn else result) for one in due
            ]
            with place.commit(entries) as connection:
                if min_cosine is None:
                    cluster_rows.delete_all(connection, run.library.tenant)
                else:
                    pictures = [one.item_id for one in due if one.item_id not in drawn]
                    _update(_Task(connection, run, model, min_cosine, report), pictures, anew=anew)
            run.progress.advance(NAME, total)
            anew = False
        run.progress.end(NAME)
    return report


def _due(place: Desk, items: Any) -> tuple[list[Due], set[UUID]]:
    """What is due, and all drawings of sounds."""
    found: list[Due] = []
    after: UUID | None = None
    while batch := place.read_due(items, after=after, limit=ROWS_AT_A_TIME):
        found += batch
        after = batch[-1].item_id
    with place.connection.begin():
        return found, drawn_sounds(place.connection, place.run.library.tenant)


def _update(task: _Task, due: Sequence[UUID], *, anew: bool) -> None:
    before = cluster_rows.stored(task.connection, task.tenant)
    in_cluster = cluster_rows.members(task.connection, task.tenant)
    # Another model or threshold makes all of them due: no cluster is what it was.
    untouched = in_cluster.keys() - set(due)
    if anew or not untouched or any(one.model_version != task.model.version for one in before):
        _cluster_anew(task, before, in_cluster)
    else:
        _join(task, due, {one.cluster_id: one for one in before}, in_cluster)
    _name(task)


def _cluster_anew(task: _Task, before: Sequence[Stored], in_cluster: Mapping[UUID, UUID]) -> None:
    ids, vectors = all_vectors(task.connection, task.tenant, model_version=task.model.version, dims=task.model.dims)
    usable = np.flatnonzero(vectors.any(axis=1))
    if len(usable) < len(ids):
        ids, vectors = [ids[place] for place in usable.tolist()], vectors[usable]
    found = clustered(vectors, min_cosine=task.min_cosine)
    groups = families(found.labels)
    centroids = Centroids.of(vectors, found.labels, found.count)
    known = carried(in_cluster, [[ids[place] for place in group] for group in groups], new_id=_new_id(task))
    cosines = cosines_to_own(vectors, found.labels, centroids)
    former = {one.cluster_id: one for one in before}
    drifts = _drifts(task, known.ids, centroids, former)
    rows = []
    for label, group in enumerate(groups):
        one = known.ids[label]
        own = former.get(one)
        rows.append(
            Stored(
                cluster_id=one,
                model_version=task.model.version,
                name=own.name if own else provisional_name(one),
                named_by=own.named_by if own else "number",
                is_provisional=False,
                vector_sum=centroids.sums[label].astype("<i8").tobytes(),
                media_count=len(group),
                mean_cosine=round(float(cosines[group].mean()), 6),
                representatives=[str(ids[group[place]]) for place in representatives(vectors[group])],
                drift=drifts.get(one),
            )
        )
    cluster_rows.delete_all(task.connection, task.tenant)
    cluster_rows.write(task.connection, task.tenant, _with_inherited_names(task, rows, former, known.changes))
    of = found.labels.tolist()
    cluster_rows.place(
        task.connection,
        task.tenant,
        ((one, known.ids[of[place]], round(float(cosines[place]), 6)) for place, one in enumerate(ids)),
    )
    _record(task, known.changes)
    task.report.note(NAME, "clusters", len(rows))
    if found.joined_count:
        task.report.note(NAME, "media joined one by one, being too many for a linkage", found.joined_count)
    if drifts:
        task.report.note(NAME, f"greatest drift of a centroid {max(drifts.values()):.3f}")


def _new_id(task: _Task) -> Any:
    return lambda lowest, number: uuid5(NAMESPACE, f"cluster\0{task.tenant}\0{lowest}\0{number}")


def _drifts(task: _Task, ids: Sequence[UUID], centroids: Centroids, former: Mapping[UUID, Stored]) -> dict[UUID, float]:
    """1 - cosine between what the centroid was and is, of clusters that live on under the same model."""
    same = [
        (label, former[one].vector_sum)
        for label, one in enumerate(ids)
        if one in former and former[one].model_version == task.model.version
    ]
    if not same:
        return {}
    were = directions(_sums([vector_sum for _, vector_sum in same], task.model.dims))
    labels = [label for label, _ in same]
    cosines = np.einsum("ij,ij->i", were, directions(centroids.sums[labels]))
    moved = np.round(np.maximum(1 - cosines.astype(np.float64), 0), 6).tolist()
    return {ids[label]: drift for label, drift in zip(labels, moved, strict=True)}


def _sums(stored: Sequence[bytes], dims: int) -> Any:
    return np.frombuffer(b"".join(stored), "<i8").reshape(len(stored), dims).astype(np.int64)


def _with_inherited_names(
    task: _Task, rows: Sequence[Stored], former: Mapping[UUID, Stored], changes: Sequence[Change]
) -> list[Stored]:
    """A cluster into which one was merged that a person had named bears that name, if it has none of its own."""
    human = cluster_rows.human_names(task.connection, task.tenant)
    heirs: dict[UUID, tuple[int, str]] = {}
    for change in changes:
        gone = former.get(change.group)
        name = human.get(change.group, gone.name if gone and gone.named_by == "human" else None)
        if change.kind == "merged" and change.other is not None and name is not None:
            heirs[change.other] = max(heirs.get(change.other, (0, name)), (change.member_count, name))
    return [
        replace(row, name=heirs[row.cluster_id][1], named_by="human")
        if row.named_by != "human" and row.cluster_id in heirs and row.cluster_id not in human
        else row
        for row in rows
    ]


def _record(task: _Task, changes: Sequence[Change]) -> None:
    run_id = task.run.run_id
    events = [
        {
            "event_id": uuid5(NAMESPACE, f"event\0{task.tenant}\0{run_id}\0{one.kind}\0{one.group}\0{one.other}"),
            "kind": one.kind,
            "cluster_id": one.group,
            "other_id": one.other,
            "media_count": one.member_count,
            "run_id": run_id,
        }
        for one in changes
    ]
    cluster_rows.record_events(task.connection, task.tenant, events)
    for kind, count in sorted(Counter(one.kind for one in changes).items()):
        task.report.note(NAME, f"clusters {kind}", count)


def _join(task: _Task, due: Sequence[UUID], former: Mapping[UUID, Stored], in_cluster: Mapping[UUID, UUID]) -> None:
    """In order of id. What was in a cluster and is due again has another vector: it is taken out first."""
    connection, tenant = task.connection, task.tenant
    cluster_rows.take_out(connection, tenant, [one for one in due if one in in_cluster])
    counts = cluster_rows.member_counts(connection, tenant)
    mended = {
        one: _mended(task, one)
        for one, own in former.items()
        if counts.get(one, 0) != own.media_count and one in counts
    }
    ended = sorted(former.keys() - counts.keys())
    known = sorted(former.keys() & counts.keys())
    sums = [mended.get(one, former[one].vector_sum) for one in known]
    centroids = Centroids(_sums(sums, task.model.dims), np.array([counts[one] for one in known], np.int64))
    ids = sorted(due)
    vectors = vectors_of(connection, tenant, ids, model_version=task.model.version, dims=task.model.dims)
    usable = np.flatnonzero(vectors.any(axis=1)).tolist()
    found = joined(vectors[usable], centroids, min_cosine=task.min_cosine)
    labels = found.labels.tolist()
    every = list(known)
    taken = set(former)
    for place, label in zip(usable, labels, strict=True):
        if label == len(every):
            every.append(_first_free(task, ids[place], taken))
            taken.add(every[-1])
    touched = sorted({*labels, *(label for label, one in enumerate(known) if one in mended)})
    cluster_rows.place(
        connection,
        tenant,
        (
            (ids[place], every[label], round(float(cosine), 6))
            for place, label, cosine in zip(usable, labels, found.cosines, strict=True)
        ),
    )
    rows = [_touched(task, every[label], former, found.centroids, label) for label in touched]
    # Members point to their cluster by id alone: a row may be replaced under them.
    gone = [*ended, *(one.cluster_id for one in rows if one.cluster_id in former)]
    cluster_rows.write(connection, tenant, rows, instead_of=gone)
    _record(task, [Change("ended", one, None, 0) for one in ended])
    task.report.note(NAME, "clusters", len(every))
    task.report.note(NAME, "new clusters", len(every) - len(known))


def _first_free(task: _Task, media_id: UUID, taken: set[UUID]) -> UUID:
    number, make = 0, _new_id(task)
    while (one := make(media_id, number)) in taken:
        number += 1
    found: UUID = one
    return found


def _mended(task: _Task, cluster_id: UUID) -> bytes:
    """The sum of a cluster that has lost members, made anew."""
    vectors = _vectors_of(task, cluster_rows.members_of(task.connection, task.tenant, cluster_id))
    found: bytes = Centroids.of(vectors, np.zeros(len(vectors), np.int64), 1).sums[0].astype("<i8").tobytes()
    return found


def _vectors_of(task: _Task, ids: Sequence[UUID]) -> Vectors:
    return vectors_of(task.connection, task.tenant, ids, model_version=task.model.version, dims=task.model.dims)


def _touched(task: _Task, cluster_id: UUID, former: Mapping[UUID, Stored], centroids: Centroids, label: int) -> Stored:
    own, count = former.get(cluster_id), int(centroids.counts[label])
    summed = centroids.sums[label].astype("<i8").tobytes()
    if own is not None and count > MOST_SHOWN_ANEW:
        return replace(own, vector_sum=summed, media_count=count)
    ids = cluster_rows.members_of(task.connection, task.tenant, cluster_id)
    vectors = _vectors_of(task, ids)
    cosines = vectors @ directions(centroids.sums[label][None])[0]
    return Stored(
        cluster_id=cluster_id,
        model_version=task.model.version,
        name=own.name if own else provisional_name(cluster_id),
        named_by=own.named_by if own else "number",
        is_provisional=own.is_provisional if own else True,
        vector_sum=summed,
        media_count=count,
        mean_cosine=round(float(cosines.mean()), 6),
        representatives=[str(ids[place]) for place in representatives(vectors)],
        drift=own.drift if own else None,
    )


def _name(task: _Task) -> None:
    """Names by what all clusters hold now: a word says something by contrast with the rest."""
    human = cluster_rows.human_names(task.connection, task.tenant)
    bear = cluster_rows.words(task.connection, task.tenant)
    rows = cluster_rows.stored(task.connection, task.tenant)
    names = named(
        [
            Worded(
                cluster_id=row.cluster_id,
                media_count=row.media_count,
                words=bear.get(row.cluster_id, {}),
                former=row.name,
                human=human.get(row.cluster_id, row.name if row.named_by == "human" else None),
            )
            for row in rows
        ]
    )
    changed = [
        replace(row, name=names[row.cluster_id].text, named_by=names[row.cluster_id].by)
        for row in rows
        if (row.name, row.named_by) != (names[row.cluster_id].text, names[row.cluster_id].by)
    ]
    cluster_rows.write(task.connection, task.tenant, changed, instead_of=[row.cluster_id for row in changed])
