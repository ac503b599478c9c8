"""Flag: which pictures are worth a person's look. Looks at the whole library, after everything was grouped.

What is not here: the scores (scores.py, neighbours.py), rows of the catalog (stores/catalog/anomaly_rows.py), what
people say of an anomaly (operations/anomalies.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import dagster as dg
import numpy as np
from sqlalchemy import Connection

from media_pipeline.config import Settings
from media_pipeline.models import EmbeddingModel, model_of
from media_pipeline.orchestration.reports import result_of, run_of
from media_pipeline.orchestration.work import Desk, Progress, Report, Run, desk, entry_of
from media_pipeline.records import Made, NotApplicable
from media_pipeline.stages.flag.neighbours import NOBODY, Neighbours, Places
from media_pipeline.stages.flag.scores import Kinds, Numbers, Scores, measured, scored
from media_pipeline.stores.catalog import anomaly_rows
from media_pipeline.stores.catalog.arrays import all_vectors
from media_pipeline.stores.catalog.selections import drawn_sounds, linked_media
from media_pipeline.stores.ledger import Due, Output
from media_pipeline.stores.library import Library

NAME = "anomalies"
VERSION = "2"
ROWS_AT_A_TIME = 5_000
# Of so many pictures all are scored again whenever one is new: five seconds of a core. Of more only the new ones are,
# against what was measured of the others, and all in the night: at 100,000 that is two minutes and a half.
MOST_SCORED_AT_ONCE = 20_000
NEIGHBOURS_SHOWN = 6
SOUND = NotApplicable("sound_has_no_look", "among photographs every drawing of a sound is odd")


class ScoringConfig(dg.Config):
    """Which media `anomalies` scores: what is due, or everything again."""

    everything: bool = False


def outputs(settings: Settings) -> tuple[Output, ...]:
    model = model_of(settings)
    return (Output(NAME, f"{VERSION}/{settings.placeholder_copies}/{model.version}", ("embeddings",)),)


@dg.asset(
    deps=["embeddings", "duplicate_groups", "bursts", "clusters"], kinds={"numpy", "postgres"}, code_version=VERSION
)
def anomalies(
    context: dg.AssetExecutionContext,
    config: ScoringConfig,
    library: dg.ResourceParam[Library],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """How odd each picture is. One row is one media: how far it is from its subject's others, from its cluster, from
    everything, in usual spreads; the greatest of these as its score, with the reason and its nearest neighbours."""
    return result_of(library, NAME, flag(run_of(context, library, progress), everything=config.everything))


def flag(run: Run, *, everything: bool = False) -> Report:
    """Score what is due, in one transaction; all of it where that is cheap, or where it is asked for."""
    (output,) = outputs(run.library.settings)
    model = model_of(run.library.settings)
    with desk(run, [output]) as (report, place):
        if place is None:
            return report
        items = linked_media(run.library.tenant).subquery("items")
        run.progress.begin(NAME, place.count_due(items))
        while (total := place.count_due(items)) or everything:
            due, drawn = _due(place, items)
            entries = [
                entry_of(run, one, output=output, result=SOUND if one.item_id in drawn else Made()) for one in due
            ]
            with place.commit(entries) as connection:
                _score(connection, run, model, report, due=None if everything else [one.item_id for one in due])
            run.progress.advance(NAME, total)
            everything = False
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


def _score(
    connection: Connection, run: Run, model: EmbeddingModel, report: Report, *, due: Sequence[UUID] | None
) -> None:
    tenant = run.library.tenant
    ids, vectors = all_vectors(connection, tenant, model_version=model.version, dims=model.dims)
    usable = np.flatnonzero(vectors.any(axis=1))
    if len(usable) < len(ids):
        ids, vectors = [ids[place] for place in usable.tolist()], vectors[usable]
    in_cluster = anomaly_rows.clusters_of(connection, tenant)
    of_subject = anomaly_rows.subjects_of(connection, tenant)
    copies = anomaly_rows.copies_of(connection, tenant)
    kinds = Kinds(
        kin=_kin(ids, anomaly_rows.kin(connection, tenant)),
        clusters=_numbers(ids, {one: cluster for one, (cluster, _) in in_cluster.items()}),
        subjects=_numbers(ids, {one: subject for one, (subject, _) in of_subject.items()}),
        copies=np.array([copies.get(one, 1) for one in ids], np.int64),
    )
    known = anomaly_rows.measures(connection, tenant, model_version=model.version)
    if due is None or len(ids) <= MOST_SCORED_AT_ONCE:
        targets = np.arange(len(ids))
    else:
        wanted = set(due)
        targets = np.array([place for place, one in enumerate(ids) if one in wanted or one not in known], np.int64)
    found = measured(vectors, kinds, targets=targets)
    density, subject_density = _filled(ids, known, 1), _filled(ids, known, 2)
    density[targets], subject_density[targets] = found.density, found.subject_density
    scores = scored(
        vectors,
        kinds,
        density=density,
        subject_density=subject_density,
        most_copies=run.library.settings.placeholder_copies,
    )
    rows = []
    for row, place in enumerate(targets.tolist()):
        one = ids[place]
        rows.append(
            {
                "media_id": one,
                "model_version": model.version,
                "score": float(scores.score[place]),
                "kind": scores.reasons[place],
                "reason": _reason(one, scores, place, in_cluster=in_cluster, of_subject=of_subject, copies=copies),
                "nearest_distance": _number(found.nearest[row]),
                "density": _number(found.density[row]),
                "subject_density": _number(found.subject_density[row]),
                "ood": _number(scores.ood[place]),
                "cluster_spreads": _number(scores.cluster[place]),
                "subject_spreads": _number(scores.subject[place]),
                "neighbours": _shown(ids, found.around, row),
            }
        )
    whole = len(targets) == len(ids)
    anomaly_rows.write(connection, tenant, rows, of=None if whole else [ids[place] for place in targets.tolist()])
    report.note(NAME, "worth a look", sum(scores.reasons[place] != "ordinary" for place in targets.tolist()))
    if not whole:
        report.note(NAME, "media whose score is of before: the nightly run scores all", len(ids) - len(targets))


def _kin(ids: Sequence[UUID], groups: Sequence[tuple[UUID, UUID]]) -> Places:
    """A number for each: the same for everything that groups join, of one picture and of one burst."""
    places = {one: place for place, one in enumerate(ids)}
    root = list(range(len(ids)))

    def top(place: int) -> int:
        while root[place] != place:
            root[place] = root[root[place]]
            place = root[place]
        return place

    first: dict[UUID, int] = {}
    for one, group in groups:
        if one in places:
            a, b = top(first.setdefault(group, places[one])), top(places[one])
            root[max(a, b)] = min(a, b)
    return np.array([top(place) for place in range(len(ids))], np.int64)


def _numbers(ids: Sequence[UUID], kinds: Mapping[UUID, object]) -> Places:
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(kinds[one], len(numbers)) if one in kinds else -1 for one in ids], np.int64)


def _filled(ids: Sequence[UUID], known: Mapping[UUID, tuple[Any, Any, Any]], column: int) -> Numbers:
    """What was measured before; NaN where nothing was."""
    nothing = (None, None, None)
    return np.array([known.get(one, nothing)[column] for one in ids], np.float64)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def _reason(
    one: UUID,
    scores: Scores,
    place: int,
    *,
    in_cluster: Mapping[UUID, tuple[UUID, str]],
    of_subject: Mapping[UUID, tuple[str, str]],
    copies: Mapping[UUID, int],
) -> str:
    match scores.reasons[place]:
        case "placeholder":
            return f"one of {copies[one]} copies of one picture: a placeholder?"
        case "subject":
            return f"far from every other {of_subject[one][1]}"
        case "cluster":
            return f"at the edge of the cluster «{in_cluster[one][1]}»"
        case "library":
            return "far from everything else"
        case _:
            return "nothing odd"


def _shown(ids: Sequence[UUID], around: Neighbours, row: int) -> list[dict[str, Any]]:
    near = zip(around.places[row, :NEIGHBOURS_SHOWN].tolist(), around.cosines[row].tolist(), strict=False)
    return [{"media_id": str(ids[place]), "cosine": round(cosine, 6)} for place, cosine in near if place != NOBODY]
