"""Which thresholds find the pairs that people say are one picture, and only those: precision and recall over a grid.

Labelled pairs come from review (what was merged and rejected), or from a table with the columns `a,b,same`: two files
each, by code, id or file name, and yes or no. Nothing is changed: thresholds are the model's (media_pipeline/models).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import combinations
from pathlib import Path
from uuid import UUID

import numpy as np
from rich.console import Console
from rich.table import Table

from media_pipeline.errors import ConfigError
from media_pipeline.models import model_of
from media_pipeline.operations.duplicates import one_of
from media_pipeline.stages.group.duplicates.constraints import units
from media_pipeline.stages.group.duplicates.cosines import exact
from media_pipeline.stores.catalog import duplicate_decisions
from media_pipeline.stores.catalog import duplicates as catalog
from media_pipeline.stores.catalog.arrays import vectors_of
from media_pipeline.stores.library import Library
from media_pipeline.stores.texts import text_of_file

BITS = (4, 5, 6, 7, 8, 10)
COSINES = (0.0, 0.85, 0.88, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)
YES, NO = {"yes", "true", "1", "same"}, {"no", "false", "0", "different"}
# All pairs of a unit of a thousand files would be half a million labels of one picture.
UNIT = 50


@dataclass(frozen=True, slots=True)
class Labelled:
    """A pair, and what a person says of it."""

    a: UUID
    b: UUID
    same: bool


@dataclass(frozen=True, slots=True)
class Score:
    """At these thresholds: of the pairs that pass how many are the same picture, and of those that are how many pass.
    None where there is nothing to divide by."""

    bits: int
    cosine: float
    precision: float | None
    recall: float | None
    passing: int


def calibrate(library: Library, table: Path | None = None) -> tuple[list[Score], int, int]:
    """The scores, how many labelled pairs could be measured, and how many could not: without hash or vector."""
    model = model_of(library.settings)
    with library.engine.connect() as connection:
        labels = of_review(library) if table is None else of_table(library, table)
        hashed = catalog.read_hashes(connection, library.tenant, model.version)
        media = sorted({one for label in labels for one in (label.a, label.b)})
        places = hashed.places_of(media)
        able = [label for label in labels if label.a in places and label.b in places]
        if not able:
            raise ConfigError(
                "no labelled pair has hashes and vectors: review some (duplicates merge, reject), or --pairs"
            )
        vectors = vectors_of(connection, library.tenant, media, model_version=model.version, dims=model.dims)
    row_of = {one: row for row, one in enumerate(media)}
    a, b = (np.array([row_of[getattr(label, side)] for label in able], dtype=np.int64) for side in ("a", "b"))
    hashes = np.array([hashed.phashes[places[one]] if one in places else 0 for one in media], dtype=np.uint64)
    bits = np.bitwise_count(hashes[a] ^ hashes[b])
    cosines = exact(vectors, a, b)
    same = np.array([label.same for label in able], dtype=np.bool_)
    scores = []
    for most in BITS:
        for least in COSINES:
            passing = (bits <= most) & ((cosines >= least) if least else True)
            right, found = int((passing & same).sum()), int(passing.sum())
            precision = right / found if found else None
            scores.append(Score(most, least, precision, right / int(same.sum()) if same.any() else None, found))
    return scores, len(able), len(labels) - len(able)


def of_review(library: Library) -> list[Labelled]:
    """What people merged and rejected."""
    with library.engine.connect() as connection:
        decided = duplicate_decisions.standing(connection, library.tenant)
    same = [pair for unit in units(decided.same) for pair in combinations(sorted(unit)[:UNIT], 2)]
    return [Labelled(a, b, True) for a, b in same] + [Labelled(a, b, False) for a, b in decided.different]


def of_table(library: Library, path: Path) -> list[Labelled]:
    found, wrong = [], []
    rows = csv.DictReader(StringIO(text_of_file(path)))
    if not {"a", "b", "same"} <= set(rows.fieldnames or ()):
        raise ConfigError(f"{path}: the first line must name the columns a, b and same")
    with library.engine.connect() as connection:
        for line, row in enumerate(rows, start=2):
            word = (row["same"] or "").strip().lower()
            try:
                if word not in YES | NO:
                    raise ConfigError(f"same: {word!r} is neither yes nor no")
                a, b = (one_of(connection, library.tenant, (row[side] or "").strip()) for side in ("a", "b"))
                found.append(Labelled(a, b, word in YES))
            except ConfigError as error:
                wrong.append(f"{path}:{line}: {error}")
    if wrong:
        raise ConfigError("\n".join(wrong[:20]))
    return found


def show(library: Library, console: Console, table: Path | None) -> None:
    scores, able, unable = calibrate(library, table)
    model = model_of(library.settings)
    left = f"; {unable} have no hash or vector" if unable else ""
    console.print(f"{able} labelled pairs, {model.version}{left}", highlight=False)
    console.print(_as_table(scores))
    told = f"today: pHash <= {library.settings.duplicate_bits}, cosine >= {model.thresholds.near}"
    console.print(f"precision / recall of pairs; {told}", highlight=False)


def _as_table(scores: Sequence[Score]) -> Table:
    table = Table("pHash", *(f">= {cosine:g}" if cosine else "any cosine" for cosine in COSINES), pad_edge=False)
    for most in BITS:
        cells = [f"{_share(one.precision)} / {_share(one.recall)}" for one in scores if one.bits == most]
        table.add_row(f"<= {most}", *cells)
    return table


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
