"""The words that pictures are tagged with, as people write them: a YAML list, each tag or group with its line. Pure.

A tag has an id, a group and the prompts that say what it looks like; a group may have a background, what a picture of
none of its tags looks like. What is wrong is told with its line, all of it at once: half a vocabulary would leave tags
out without a word. What is not here: how a picture is compared with it (tags.py).
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

# The cosine by which a tag must stand out. Unproved on real weights; each tag and group may have its own.
MARGIN: Final = 0.03
MAX_SIGNS: Final = 1_000_000
MAX_TAGS: Final = 5_000
ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
TAG_FIELDS: Final = ("id", "group", "prompts", "margin")
GROUP_FIELDS: Final = ("group", "background", "margin")


@dataclass(frozen=True, slots=True)
class Tag:
    """One word, and what a picture of it is told as."""

    id: str
    group: str
    prompts: tuple[str, ...]
    margin: float


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All tags by id, and the backgrounds of their groups: written in another order, it is the same vocabulary."""

    tags: tuple[Tag, ...]
    backgrounds: Mapping[str, tuple[str, ...]]

    @property
    def digest(self) -> str:
        """Of everything that changes which tags a picture gets."""
        said = repr((self.tags, sorted(self.backgrounds.items())))
        return hashlib.sha256(said.encode()).hexdigest()

    @property
    def texts(self) -> tuple[str, ...]:
        """Every prompt once."""
        prompts = [prompt for tag in self.tags for prompt in tag.prompts]
        return tuple(sorted({*prompts, *(text for texts in self.backgrounds.values() for text in texts)}))


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in which field of which line."""

    line: int
    field: str
    what: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (f"line {self.line}", self.field, self.what)))


class _Wrong(Exception):
    def __init__(self, node: yaml.Node, field: str, what: str) -> None:
        self.fault = Fault(node.start_mark.line + 1, field, what)


class _Loader(yaml.SafeLoader):
    """Makes nodes only, and no aliases: ten lines of them would grow into gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not read: write it out", problem_mark=event.start_mark)
        return super().compose_node(parent, index)


def read_vocabulary(text: str) -> Vocabulary | list[Fault]:
    """The vocabulary, or everything that is wrong with it, in the order of lines."""
    entries = _entries(text)
    if isinstance(entries, Fault):
        return [entries]
    faults: list[Fault] = []
    tags: dict[str, Tag] = {}
    lines: dict[tuple[str, str], int] = {}
    groups: dict[str, tuple[tuple[str, ...], float | None]] = {}
    own_margin: dict[str, float | None] = {}
    for node in entries:
        try:
            fields = _fields(node)
            kind = "group" if "background" in fields or ("prompts" not in fields and "id" not in fields) else "id"
            name = _name(node, fields, kind)
            if first := lines.get((kind, name)):
                raise _Wrong(node, kind, f"{name} is that of line {first} already")
            lines[kind, name] = node.start_mark.line + 1
            margin = _margin(fields)
            _must_be_known(fields, TAG_FIELDS if kind == "id" else GROUP_FIELDS)
            if kind == "group":
                groups[name] = (_prompts(node, fields, "background"), margin)
            else:
                own_margin[name] = margin
                tags[name] = Tag(name, _name(node, fields, "group"), _prompts(node, fields, "prompts"), MARGIN)
        except _Wrong as wrong:
            faults.append(wrong.fault)
    faults += _lonely(tags, groups, lines) if not faults else []
    if faults:
        return sorted(faults, key=lambda fault: fault.line)
    return Vocabulary(
        tuple(
            Tag(tag.id, tag.group, tag.prompts, _first(own_margin[tag.id], groups.get(tag.group, ((), None))[1]))
            for _, tag in sorted(tags.items())
        ),
        {name: texts for name, (texts, _) in sorted(groups.items()) if any(tag.group == name for tag in tags.values())},
    )


def faults_told(faults: list[Fault], name: str) -> str:
    """The first few of them in one line."""
    few = "; ".join(str(fault) for fault in faults[:3])
    return f"{name}: {few}" + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")


def _first(*margins: float | None) -> float:
    return next((margin for margin in margins if margin is not None), MARGIN)


def _entries(text: str) -> list[yaml.Node] | Fault:
    if len(text) > MAX_SIGNS:
        return Fault(1, "", f"has {len(text):,} signs, more than {MAX_SIGNS:,}")
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return Fault(mark.line + 1 if mark else 1, "", f"is no YAML: {error.problem}")
    except yaml.reader.ReaderError as error:
        return Fault(text.count("\n", 0, error.position) + 1, "", f"is no YAML: {error.reason}")
    except RecursionError:
        return Fault(1, "", "is no YAML that can be read: it is nested too deeply")
    if root is None:
        return Fault(1, "", "is empty: for no tags at all set MEDIA_MAX_TAGS=0")
    if not isinstance(root, yaml.SequenceNode):
        return Fault(root.start_mark.line + 1, "", "must be a list, each entry beginning with «- »")
    if len(root.value) > MAX_TAGS:
        return Fault(root.value[MAX_TAGS].start_mark.line + 1, "", f"is entry {MAX_TAGS + 1}, and that is one too many")
    return list(root.value)


def _fields(node: yaml.Node) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        raise _Wrong(node, "", "must be fields, as {id: mushroom, group: fungi, prompts: [a photo of a mushroom]}")
    found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for key, value in node.value:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
        if name in found or not name:
            raise _Wrong(key, name, "is given twice" if name else "the names of fields must be plain words")
        found[name] = (key, value)
    return found


def _must_be_known(fields: Mapping[str, tuple[yaml.Node, yaml.Node]], known: tuple[str, ...]) -> None:
    for name, (key, _) in fields.items():
        if name not in known:
            raise _Wrong(key, name[:60], f"is no field: there are {', '.join(known)}")


def _name(node: yaml.Node, fields: Mapping[str, tuple[yaml.Node, yaml.Node]], field: str) -> str:
    if field not in fields:
        raise _Wrong(node, field, "must be given")
    value = fields[field][1]
    if not isinstance(value, yaml.ScalarNode) or not ID.fullmatch(value.value):
        raise _Wrong(value, field, "must be a-z, 0-9 and -, at most 63 signs")
    return str(value.value)


def _prompts(node: yaml.Node, fields: Mapping[str, tuple[yaml.Node, yaml.Node]], field: str) -> tuple[str, ...]:
    if field not in fields:
        if field == "background":
            return ()
        raise _Wrong(node, field, "must be given: a list of what a picture of it shows")
    value = fields[field][1]
    if not isinstance(value, yaml.SequenceNode) or not value.value:
        raise _Wrong(value, field, "must be a list of texts, as [a photo of a mushroom]")
    texts = []
    for item in value.value:
        text = " ".join(str(item.value).split()) if isinstance(item, yaml.ScalarNode) else ""
        if not text or len(text) > 200 or not text.isprintable():
            raise _Wrong(item, field, "must be texts of 1 to 200 signs")
        texts.append(text)
    return tuple(sorted(set(texts)))


def _margin(fields: Mapping[str, tuple[yaml.Node, yaml.Node]]) -> float | None:
    if "margin" not in fields:
        return None
    value = fields["margin"][1]
    try:
        margin = float(value.value) if isinstance(value, yaml.ScalarNode) else math.nan
    except ValueError:
        margin = math.nan
    if not 0 <= margin <= 1:
        raise _Wrong(value, "margin", "must be a number from 0 to 1: the cosine by which a tag stands out")
    return margin


def _lonely(
    tags: Mapping[str, Tag],
    groups: Mapping[str, tuple[tuple[str, ...], float | None]],
    lines: Mapping[tuple[str, str], int],
) -> list[Fault]:
    """Tags that stand before nothing, and no tags at all."""
    if not tags:
        return [Fault(1, "", "has no tags: for none at all set MEDIA_MAX_TAGS=0")]
    members: dict[str, list[str]] = {}
    for tag in tags.values():
        members.setdefault(tag.group, []).append(tag.id)
    return [
        Fault(lines["id", ids[0]], "group", f"{group} has one tag and no background: what is it to be told from?")
        for group, ids in members.items()
        if len(ids) == 1 and not groups.get(group, ((), None))[0]
    ]
