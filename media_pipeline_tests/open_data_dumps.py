"""Small dumps, as iNaturalist writes them: four tables packed with gzip, separated by tabs, nothing quoted."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

HEADERS: Final[Mapping[str, str]] = {
    "photos": "photo_uuid photo_id observation_uuid observer_id extension license width height position",
    "observations": "observation_uuid observer_id latitude longitude positional_accuracy taxon_id quality_grade "
    "observed_on",
    "taxa": "taxon_id ancestry rank_level rank name active",
    "observers": "observer_id login name",
}
OBSERVATION: Final = "00000000-0000-4000-8000-{:012d}"

# Fungi > Boletus > two species of it; and birds.
TAXA: Final = (
    ("1", "48460", "70", "kingdom", "Fungi", "true"),
    ("10", "48460/1", "20", "genus", "Boletus", "true"),
    ("100", "48460/1/10", "10", "species", "Boletus edulis", "true"),
    ("101", "48460/1/10", "10", "species", "Boletus aereus", "true"),
    ("3", "48460/2", "50", "class", "Aves", "true"),
)
OBSERVERS: Final = (("7", "seven", "Person Seven"), ("8", "eight", ""))
OBSERVATIONS: Final = (
    (OBSERVATION.format(1), "7", "60.5", "-151.25", "5", "100", "research", "2017-09-08"),
    (OBSERVATION.format(2), "8", "", "", "", "101", "needs_id", ""),
    (OBSERVATION.format(3), "8", "1", "2", "", "3", "research", "2020-01-02"),
)
PHOTOS: Final = (
    ("p", "11", OBSERVATION.format(1), "7", "jpg", "CC-BY-NC", "1536", "2048", "0"),
    ("p", "12", OBSERVATION.format(2), "8", "jpeg", "CC0", "4096", "2048", "0"),
    ("p", "13", OBSERVATION.format(3), "8", "png", "CC-BY", "100", "90", "0"),
)


def write_table(path: Path, header: str, rows: Sequence[Sequence[str]]) -> None:
    lines = ["\t".join(header.split()), *("\t".join(row) for row in rows)]
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))


def write_dump(
    folder: Path,
    *,
    photos: Sequence[Sequence[str]] = PHOTOS,
    observations: Sequence[Sequence[str]] = OBSERVATIONS,
    taxa: Sequence[Sequence[str]] = TAXA,
    observers: Sequence[Sequence[str]] = OBSERVERS,
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    tables = {"photos": photos, "observations": observations, "taxa": taxa, "observers": observers}
    for table, rows in tables.items():
        write_table(folder / f"{table}.csv.gz", HEADERS[table], rows)
    return folder
