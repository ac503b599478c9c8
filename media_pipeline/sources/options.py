"""What a subject says for one source alone: `options: {gbif: {country: DE}}`. A word that a source does not know is
refused: left out, it would ask for something else than was meant, and nobody would see it.

What is not here: what the options of a source mean (its own file), how subjects are written down (stages/discover).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from media_pipeline.errors import AnswerError
from media_pipeline.records import Subject
from media_pipeline.sources.reading import text_of

# Names of options, and how a value is written.
Known = Mapping[str, re.Pattern[str]]

ANY: Final = re.compile(".+")
NUMBER: Final = re.compile(r"-?[0-9]{1,7}(?:\.[0-9]{1,9})?")
TRUTH: Final = re.compile("true|false")


def list_of(word: str) -> re.Pattern[str]:
    """One or several of them, with commas between."""
    return re.compile(rf"(?:{word})(?:,(?:{word}))*")


def chosen(subject: Subject, source: str, known: Known) -> dict[str, str]:
    """What it says, a list as words with commas between; AnswerError for a name or value that is not known."""
    return {name: ",".join(values) for name, values in _checked(subject, source, known, by_value=False)}


def chosen_values(subject: Subject, source: str, known: Known) -> dict[str, tuple[str, ...]]:
    """The same where each value of a list is one of its own."""
    return dict(_checked(subject, source, known, by_value=True))


def refuse(source: str, name: str, value: str, why: str = "none of its words") -> AnswerError:
    """The error for a value."""
    return AnswerError("question_refused", f"option {name} of {source}: {value[:100]!r} is {why}")


def _checked(subject: Subject, source: str, known: Known, *, by_value: bool) -> list[tuple[str, tuple[str, ...]]]:
    found = []
    for name, value in sorted(subject.options.get(source, {}).items()):
        if name not in known:
            raise AnswerError("question_refused", f"no option {name[:100]!r} for {source}: it has {', '.join(known)}")
        if value is None:
            continue
        values = tuple(map(_word, value if isinstance(value, list | tuple) else (value,)))
        for word in values if by_value else (",".join(values),):
            if not known[name].fullmatch(word):
                raise refuse(source, name, word)
        found.append((name, values))
    return found


def _word(value: Any) -> str:
    if isinstance(value, bool | date):
        return str(value).lower()
    return text_of(value) or ""
