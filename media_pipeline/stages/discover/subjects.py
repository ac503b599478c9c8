"""What to look for, as people write it: a YAML file that is kept, or a table from a spreadsheet that is imported once.

A row that is wrong is told with its line and field, and the others are read. Only a text that is no YAML, or no table,
is a ConfigError: nothing in it can be trusted. What is not here: what a row may say (subject_rows.py).
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

import yaml

from media_pipeline.errors import ConfigError
from media_pipeline.records import Subject
from media_pipeline.sources import WEB_SOURCES
from media_pipeline.stages.discover.subject_rows import FIELDS, ID_SOURCES, Fault, Place, judged, meant, nearest

Read = tuple[list[Subject], list[Fault]]

# PyYAML reads some 60,000 signs a second, and a hostile text should not hold up a run.
MAX_YAML: Final = 2_000_000
MAX_CSV: Final = 20_000_000
PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp")}
NULL, INT, FLOAT, BOOL = (f"tag:yaml.org,2002:{name}" for name in ("null", "int", "float", "bool"))
LIST, MAPPING = (f"tag:yaml.org,2002:{name}" for name in ("seq", "map"))
ALIAS = "!alias"
ID_COLUMNS: Final = tuple(dict.fromkeys((*ID_SOURCES, *WEB_SOURCES)))
COLUMNS: Final = (*(name for name in FIELDS if name != "ids"), *ID_COLUMNS)
DELIMITERS = ",;\t"
NAME = re.compile(r"[\w<.-]{1,60}")
NEWLINE = re.compile(r"\r\n|\r|\n")


def read_yaml(text: str, *, name: str = "subjects", sources: Collection[str] = tuple(WEB_SOURCES)) -> Read:
    """The subjects of a list of mappings, in its order, and what is wrong with the others. `name`: of the file."""
    subjects: list[Subject] = []
    faults: list[Fault] = []
    lines: dict[str, int] = {}
    for node in _entries(text, name):
        line = node.start_mark.line + 1
        try:
            row, places = _row_of(node)
        except _Unreadable as wrong:
            faults.append(replace(wrong.fault, subject_id=meant(_plain_fields(node))))
            continue
        found = judged(row, sources=sources, line=line, lines=places)
        if isinstance(found, Subject):
            _take(found, line, subjects, faults, lines)
        else:
            faults += found
    return subjects, faults


def read_csv(text: str, *, name: str = "subjects", sources: Collection[str] = tuple(WEB_SOURCES)) -> Read:
    """The subjects of a table with headings, and what is wrong with the others. `name`: of the file.

    A line is a row: where a cell ran on over several, one quotation mark that is never closed would take all the rows
    below it along. A heading that is no field makes all rows doubtful, so that none is read.
    """
    _must_fit(text, MAX_CSV, name)
    rows = [(number, line) for number, line in enumerate(NEWLINE.split(text.removeprefix("\ufeff")), 1) if line.strip()]
    delimiter = ""
    if rows and re.fullmatch(r"sep=.", rows[0][1], re.IGNORECASE):
        delimiter = rows.pop(0)[1][4]
    if not rows:
        raise ConfigError(f"{name}: is empty: the first line must name the fields, as kind,name,lists")
    first, headline = rows.pop(0)
    delimiter = delimiter or max(DELIMITERS, key=headline.count)
    try:
        headings = [_heading(cell) for cell in _cells(headline, delimiter)]
    except csv.Error as error:
        raise ConfigError(f"{name}: line {first}: the headings cannot be read: {error}") from error
    if wrong := _wrong_headings(headings, first):
        return [], wrong

    subjects: list[Subject] = []
    faults: list[Fault] = []
    lines: dict[str, int] = {}
    for number, line in rows:
        try:
            row = _row_of_cells(headings, _cells(line, delimiter))
        except csv.Error as error:
            faults.append(Fault(number, "", f"cannot be taken apart into cells: {error}"))
            continue
        except ValueError as error:
            faults.append(Fault(number, "options" if "JSON" in str(error) else "", str(error)))
            continue
        if not row:
            continue
        found = judged(row, sources=sources, line=number)
        if isinstance(found, Subject):
            _take(found, number, subjects, faults, lines)
        else:
            faults += found
    return subjects, faults


def _take(subject: Subject, line: int, subjects: list[Subject], faults: list[Fault], lines: dict[str, int]) -> None:
    """An id has one row: the first."""
    known = lines.setdefault(subject.subject_id, line)
    if known == line:
        subjects.append(subject)
    else:
        faults.append(Fault(line, "id", f"{subject.subject_id} is that of line {known} already", subject.subject_id))


def _must_fit(text: str, limit: int, name: str) -> None:
    if len(text) > limit:
        raise ConfigError(f"{name}: has {len(text):,} signs, more than {limit:,}: divide it, or import a table")


class _Unreadable(Exception):
    """A place in an entry that cannot be read, so that the entry is none."""

    def __init__(self, node: yaml.Node, field: str, what: str) -> None:
        self.fault = Fault(node.start_mark.line + 1, field, what)


class _Loader(yaml.SafeLoader):
    """Makes nodes only. Aliases stay what they are: ten lines of them would grow into gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event: Any = self.get_event()  # type: ignore[no-untyped-call]
            return yaml.ScalarNode(ALIAS, event.anchor, event.start_mark, event.end_mark)
        return super().compose_node(parent, index)


def _entries(text: str, name: str) -> list[yaml.Node]:
    _must_fit(text, MAX_YAML, name)
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(f"{name}: line {mark.line + 1 if mark else 1}: is no YAML: {error.problem}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{name}: line {line}: is no YAML: {error.reason}") from error
    except RecursionError as error:
        raise ConfigError(f"{name}: line 1: is no YAML that can be read: it is nested too deeply") from error
    if root is None:
        # Not «no subjects»: it may be a file that was cut off while it was written.
        raise ConfigError(f"{name}: line 1: is empty: for no subjects at all write []")
    if not isinstance(root, yaml.SequenceNode) or root.tag != LIST:
        raise ConfigError(f"{name}: line {root.start_mark.line + 1}: must be a list, each entry beginning with «- »")
    return list(root.value)


def _row_of(node: yaml.Node) -> tuple[dict[str, Any], dict[Place, int]]:
    if not isinstance(node, yaml.MappingNode) or node.tag != MAPPING:
        raise _Unreadable(node, "", "must be fields, as kind: taxon")
    places: dict[Place, int] = {}
    row = _mapping(node, (), places)
    # Nothing behind a colon is a field that was left out.
    return {name: value for name, value in row.items() if value is not None}, places


def _plain_fields(node: yaml.Node) -> dict[str, str]:
    """What can be told of an entry that cannot be read."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    plain = [pair for pair in pairs if all(isinstance(part, yaml.ScalarNode) for part in pair)]
    return {key.value: value.value for key, value in plain}


def _mapping(node: yaml.MappingNode, place: Place, places: dict[Place, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or not NAME.fullmatch(key.value):
            raise _Unreadable(key, ".".join(map(str, place)), "the names of fields must be plain words")
        here = (*place, key.value)
        if here in places:
            raise _Unreadable(key, ".".join(map(str, here)), f"is given twice, first in line {places[here]}")
        places[here] = key.start_mark.line + 1
        found[key.value] = _value(value, here, places)
    return found


def _value(node: yaml.Node, place: Place, places: dict[Place, int]) -> Any:
    """Scalars are the text as it was written, so that a place called No is one; options keep numbers and truth."""
    field = ".".join(str(part) for part in place)
    if isinstance(node, yaml.MappingNode) and node.tag == MAPPING:
        return _mapping(node, place, places)
    if isinstance(node, yaml.SequenceNode) and node.tag == LIST:
        items = []
        for number, item in enumerate(node.value):
            places[(*place, number)] = item.start_mark.line + 1
            items.append(_value(item, (*place, number), places))
        return items
    if not isinstance(node, yaml.ScalarNode) or node.tag not in PLAIN_TAGS:
        told = "anchors and aliases are not read: write it out" if node.tag == ALIAS else f"has a tag, {node.tag}"
        raise _Unreadable(node, field, told)
    if node.tag == NULL:
        return None
    return _typed(node) if place[0] == "options" else str(node.value)


def _typed(node: yaml.ScalarNode) -> Any:
    text = str(node.value)
    try:
        if node.tag == INT:
            return int(text)
        if node.tag == FLOAT and math.isfinite(number := float(text)):
            return number
    except ValueError:
        return text  # 1:30 and 0x1F: numbers to YAML 1.1, text to whoever writes them
    return text.lower() in ("true", "yes", "on") if node.tag == BOOL else text


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, strict=True))


def _heading(cell: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in "_".join(cell.lower().split()))


def _wrong_headings(headings: list[str], line: int) -> list[Fault]:
    named = [name for name in headings if name]
    faults = [Fault(line, name, f"is no field: {nearest(name, COLUMNS)}") for name in named if name not in COLUMNS]
    twice = sorted({name for name in named if named.count(name) > 1})
    faults += [Fault(line, name, "is the heading of two columns") for name in twice]
    return faults + [Fault(line, name, "has no column") for name in ("name", "kind") if name not in named]


def _row_of_cells(headings: list[str], cells: list[str]) -> dict[str, Any]:
    """Empty cells are fields that were left out; a column without a heading is nothing as long as it is empty."""
    row: dict[str, Any] = {}
    ids: dict[str, str] = {}
    for number, cell in enumerate(cells, 1):
        text = cell.strip()
        if not text:
            continue
        heading = headings[number - 1] if number <= len(headings) else ""
        if not heading:
            raise ValueError(f"cell {number} has no heading: {text[:40]!r}")
        if heading in ID_COLUMNS:
            ids[heading] = text
        else:
            row[heading] = _from_json(text) if heading == "options" else text
    return row | {"ids": ids} if ids else row


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'must be JSON, as {{"SOURCE": {{"OPTION": 1}}}}: {error}') from error
