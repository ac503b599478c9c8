"""One row of what to look for: its fields, and what is wrong with it, in the words of the person who wrote it.

What is not here: how rows are written in a file (subjects.py), and where they are kept (stores/catalog/subjects.py).
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
)
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ValidationInfo

from media_pipeline.records import Subject, SubjectKind

# The name of a field, and those of what is below it.
Place = tuple[int | str, ...]
Category = Literal["eat", "see", "sleep", "shop", "drink", "play"]
# iNaturalist's, which has the most of them.
RANKS: Final = frozenset(
    {
        *("kingdom", "phylum", "subphylum", "superclass", "class", "subclass", "infraclass", "subterclass"),
        *("superorder", "order", "suborder", "infraorder", "parvorder", "zoosection", "zoosubsection"),
        *("superfamily", "epifamily", "family", "subfamily", "supertribe", "tribe", "subtribe"),
        *("genus", "genushybrid", "subgenus", "section", "subsection"),
        *("complex", "species", "hybrid", "subspecies", "variety", "form", "infrahybrid"),
    }
)
MAX_ID = 63
ID = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{MAX_ID - 1}}}")
# A spreadsheet that has seen a number writes 48715.0.
WHOLE_NUMBER = re.compile(r"([1-9]\d{0,17})(?:\.0+)?")
# Also the keys of the Catalogue of Life, which GBIF goes by now: 4QHKG.
GBIF_KEY = re.compile(r"([0-9A-Z]{1,16})(?:\.0+)?")
WIKIDATA_ITEM = re.compile(r"Q[1-9]\d{0,17}")
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
SPREADSHEET_ERRORS = frozenset({"#N/A", "#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!"})
# Letters that no decomposition takes apart.
PLAIN_LETTERS = str.maketrans({"ø": "o", "ß": "ss", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th"})
SHOWN = 60
# pydantic's words for what a person who writes a row calls otherwise.
SAID: Final = {
    "missing": "must be given",
    "tuple_type": "must be a list",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most 200 signs",
    "dict_type": "must be names with something behind each",
    "model_type": "must be names with something behind each",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in which field of which line. `subject_id`: the subject that is meant, where that can be told."""

    line: int
    field: str
    what: str
    subject_id: str | None = None

    def __str__(self) -> str:
        return ": ".join(filter(None, (f"line {self.line}", self.field, self.what)))


def as_table(faults: Iterable[Fault]) -> str:
    """The faults in Markdown, as the UI shows them."""
    rows = [f"| {fault.line} | {_in_cell(fault.field)} | {_in_cell(fault.what)} |" for fault in faults]
    return "\n".join(["| line | field | what |", "|---|---|---|", *rows]) if rows else "none"


def _in_cell(words: str) -> str:
    return words.replace("|", "\\|")


def slug(name: str) -> str:
    """The id that a name has by itself: `Boletus edulis` is `boletus-edulis`; empty where nothing of it is Latin."""
    letters = unicodedata.normalize("NFKD", name.lower().translate(PLAIN_LETTERS))
    latin = "".join(sign for sign in letters if not unicodedata.combining(sign))
    return re.sub(r"[^a-z0-9]+", "-", latin).strip("-")[:MAX_ID].rstrip("-")


def nearest(word: str, known: Iterable[str]) -> str:
    """The name that was meant, as the end of a sentence; what there is where none is near."""
    names = sorted(known)
    if found := difflib.get_close_matches(word, names, n=1):
        return f"do you mean {found[0]}?"
    return f"there are {', '.join(names)}" if names else "there are none"


def must_be_sound(text: str) -> None:
    """No signs that a database or a terminal would choke on."""
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
        raise ValueError("must be text without control signs")


def _one_line(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = " ".join(unicodedata.normalize("NFC", value).split())
    must_be_sound(text)
    if text in SPREADSHEET_ERRORS:
        raise ValueError("is an error of the spreadsheet")
    return text


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _several(value: object) -> object:
    """`a; b` is two, as in a cell of a table."""
    parts = value.split(";") if isinstance(value, str) else value
    if not isinstance(parts, list):
        return parts
    return [part for part in parts if not isinstance(part, str) or part.strip()]


def _without_repetition(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value))


def _with_point(value: object) -> object:
    return value.replace(",", ".") if isinstance(value, str) and DECIMAL_COMMA.fullmatch(value) else value


def _fits(pattern: re.Pattern[str], told: str) -> Callable[[str], str]:
    def fits(value: str) -> str:
        found = pattern.fullmatch(value)
        if found is None:
            raise ValueError(f"must be {told}")
        return found[found.lastindex or 0]

    return fits


def _known_rank(value: str) -> str:
    if value not in RANKS:
        raise ValueError(f"is no rank: {nearest(value, RANKS)}")
    return value


def _known_source(name: str, info: ValidationInfo) -> str:
    known: Collection[str] = (info.context or {}).get("sources", ())
    if name not in known:
        raise ValueError(f"is no source: {nearest(name, known)}")
    return name


def _storable(options: dict[str, Any]) -> dict[str, Any]:
    """What JSON in PostgreSQL can hold."""
    waiting: list[Any] = [options]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            must_be_sound(value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError("must be finite numbers")
        elif isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list):
            waiting += value
    return options


Text = Annotated[str, Field(min_length=1, max_length=200), BeforeValidator(_one_line)]
Texts = Annotated[tuple[Text, ...], AfterValidator(_without_repetition), BeforeValidator(_several)]
Degrees = Annotated[float, Field(allow_inf_nan=False), BeforeValidator(_with_point), BeforeValidator(_one_line)]


class Ids(BaseModel):
    """What the subject is called by those who number them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    inaturalist: Annotated[Text, AfterValidator(_fits(WHOLE_NUMBER, "the number of a taxon, as 48715"))] | None = None
    gbif: (
        Annotated[
            Text,
            BeforeValidator(_upper),
            AfterValidator(_fits(GBIF_KEY, "a taxon key, as 8168316 or 4QHKG")),
        ]
        | None
    ) = None
    wikidata: (
        Annotated[Text, BeforeValidator(_upper), AfterValidator(_fits(WIKIDATA_ITEM, "an item, as Q131227"))] | None
    ) = None


class Row(BaseModel):
    """The fields of a row, in the order in which they are judged: some look at those before them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Text
    id: Annotated[str, BeforeValidator(_one_line)] | None = Field(None, validate_default=True)
    kind: Annotated[SubjectKind, BeforeValidator(_lower), BeforeValidator(_one_line)]
    rank: Annotated[Text, AfterValidator(_known_rank), BeforeValidator(_lower)] | None = None
    synonyms: Texts = ()
    category: Annotated[Category, BeforeValidator(_lower), BeforeValidator(_one_line)] | None = None
    city: Text | None = None
    latitude: Annotated[Degrees, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[Degrees, Field(ge=-180, le=180)] | None = Field(None, validate_default=True)
    lists: Texts = ()
    rare: bool = False
    ids: Ids = Ids()
    options: dict[
        Annotated[str, AfterValidator(_known_source)], Annotated[dict[str, Any], AfterValidator(_storable)]
    ] = {}

    @field_validator("id")
    @classmethod
    def _names_one(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and (not (name := info.data.get("name")) or (value := slug(name))):
            return value
        if value is None or value == "":
            raise ValueError("must be given: the name has no Latin letters to make one of")
        return _fits(ID, f"a-z, 0-9 and -, at most {MAX_ID}")(value)

    @field_validator("category")
    @classmethod
    def _is_of_a_place(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("kind") == "taxon":
            raise ValueError("must be left out: only places have one")
        return value

    @field_validator("longitude")
    @classmethod
    def _has_its_latitude(cls, value: float | None, info: ValidationInfo) -> float | None:
        if "latitude" in info.data and (value is None) != (info.data["latitude"] is None):
            raise ValueError("must be given with latitude, or neither of them")
        return value


FIELDS: Final = tuple(Row.model_fields)
ID_SOURCES: Final = tuple(Ids.model_fields)
OTHER_IDS: Final = TypeAdapter(dict[str, Text])


def judged(
    row: Mapping[str, Any], *, sources: Collection[str], line: int, lines: Mapping[Place, int] = MappingProxyType({})
) -> Subject | list[Fault]:
    """The subject that a row describes, or everything that is wrong with it, in the order of lines.

    `line` is where the row begins, `lines` say where its fields are written, by their names and what is below these.
    """
    row, others = _without_other_ids(row, sources)
    errors: list[ErrorDetails] = []
    try:
        found = Row.model_validate(row, context={"sources": sources})
    except ValidationError as wrong:
        errors += wrong.errors(include_url=False)
    try:
        others = OTHER_IDS.validate_python(others)
    except ValidationError as wrong:
        errors += [{**error, "loc": ("ids", *error["loc"])} for error in wrong.errors(include_url=False)]
    if errors:
        known = sorted({*ID_SOURCES, *sources})
        faults = [_fault(error, line, lines, subject_id=meant(row), ids=known) for error in errors]
        return sorted(faults, key=lambda fault: fault.line)
    return Subject(
        subject_id=found.id or "",
        kind=found.kind,
        name=found.name,
        rank=found.rank,
        synonyms=found.synonyms,
        category=found.category,
        city=found.city,
        latitude=found.latitude,
        longitude=found.longitude,
        lists=found.lists,
        is_rare=found.rare,
        source_ids={source: key for source, key in found.ids if key is not None} | others,
        options=found.options,
    )


def _without_other_ids(row: Mapping[str, Any], sources: Collection[str]) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """The row, and its ids at sources that call theirs by no pattern that is known here."""
    ids = row.get("ids")
    if not isinstance(ids, dict):
        return row, {}
    others = {name: key for name, key in ids.items() if name in sources and name not in ID_SOURCES}
    return {**row, "ids": {name: key for name, key in ids.items() if name not in others}}, others


def meant(row: Mapping[str, Any]) -> str | None:
    """The id of a row that is no subject: its former self is still looked for."""
    given = row.get("id")
    if isinstance(given, str):
        return given.strip()
    name = row.get("name")
    return slug(name) if isinstance(name, str) else None


def _fault(
    error: ErrorDetails, line: int, lines: Mapping[Place, int], *, subject_id: str | None, ids: Collection[str]
) -> Fault:
    place = tuple(part for part in error["loc"] if part != "[key]")
    if error["type"] == "extra_forbidden":
        what = f"is no field: {nearest(str(place[-1]), FIELDS if len(place) == 1 else ids)}"
    else:
        said = error["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        what = SAID.get(error["type"], said) + _given(error)
    # Where the field is not written, whatever is around it.
    at = next((lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines), line)
    return Fault(at, ".".join(str(part) for part in place), what, subject_id)


def _given(error: ErrorDetails) -> str:
    """What stood there; not where it is named already, or is more than a word."""
    given = error["input"]
    if not isinstance(given, str) or not given or error["msg"].startswith("Value error, is "):
        return ""
    return f", not {given if len(given) <= SHOWN else given[:SHOWN] + '…'!r}"
