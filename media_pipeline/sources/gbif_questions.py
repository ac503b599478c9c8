"""What GBIF is asked: which taxon a name means, and what a subject's options narrow its records to.

What is not here: the pages of records, and what an answer says (gbif.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from media_pipeline.records import Subject
from media_pipeline.sources import options
from media_pipeline.sources.protocol import Request

API: Final = "https://api.gbif.org"
CATALOGUE_OF_LIFE: Final = "7ddf754f-d193-4cc9-b351-99906754a03b"
FORMER_BACKBONE: Final = "d7dddbf4-2cf0-4f39-9b2a-bb099caae36c"
_CONSTANT: Final = re.compile("[A-Za-z_]+")
_COUNTRY: Final = re.compile("[A-Za-z]{2}")
# 2010, 2010,2020 and *,2020.
_RANGE: Final = re.compile(r"(?:-?[0-9]+(?:\.[0-9]+)?|\*)(?:,(?:-?[0-9]+(?:\.[0-9]+)?|\*))?")
# What a subject may narrow. Not `license`: it filters by the record's, and leaves out open photos of closed records.
OPTIONS: Final[options.Known] = {
    **dict.fromkeys(("basisOfRecord", "establishmentMeans", "continent"), _CONSTANT),
    **dict.fromkeys(("institutionCode", "stateProvince", "geometry"), options.ANY),
    **dict.fromkeys(("country", "publishingCountry"), _COUNTRY),
    **dict.fromkeys(("year", "month", "elevation"), _RANGE),
    **dict.fromkeys(("coordinateUncertaintyInMeters", "decimalLatitude", "decimalLongitude"), _RANGE),
    **dict.fromkeys(("hasCoordinate", "hasGeospatialIssue"), options.TRUTH),
    "datasetKey": re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "gadmGid": re.compile(r"[A-Z]{3}(?:\.[0-9]+)*(?:_[0-9]+)?"),
}
RANKS: Final = frozenset(
    ("kingdom", "phylum", "class", "order", "family", "genus", "species", "subspecies", "variety", "form")
)


def known_taxon(subject: Subject) -> dict[str, str] | None:
    """The id that the operator gave. A number is of the backbone that GBIF used until 2026."""
    key = subject.source_ids.get("gbif", "").strip()
    if not key:
        return None
    return {"taxon": key, "checklist": FORMER_BACKBONE if key.isascii() and key.isdecimal() else CATALOGUE_OF_LIFE}


def match(subject: Subject, place: Mapping[str, Any]) -> Request:
    """The question which taxon is meant: first by name, then by each synonym."""
    names = names_of(subject)
    params = [("scientificName", names[min(place.get("match", 0), len(names) - 1)])]
    if subject.rank is not None and subject.rank.lower() in RANKS:
        params.append(("taxonRank", subject.rank.upper()))
    return Request(f"{API}/v2/species/match", (*params, ("checklistKey", CATALOGUE_OF_LIFE)))


def names_of(subject: Subject) -> tuple[str, ...]:
    return (subject.name, *subject.synonyms)


def narrowed(subject: Subject) -> Iterable[tuple[str, str]]:
    """The subject's own filters; a list asks for any of its values. AnswerError for what is none."""
    for name, values in options.chosen_values(subject, "gbif", OPTIONS).items():
        for value in values:
            yield name, value
