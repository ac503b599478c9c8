"""Doctor: try everything that a library needs, and say of each what it is and what to do about it.

What is not here: how each thing is tried (needs.py). Nothing raises out of here, and what is broken hides nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from sqlalchemy.exc import SQLAlchemyError

from media_pipeline.config import Settings
from media_pipeline.errors import MediaPipelineError
from media_pipeline.operations import needs
from media_pipeline.operations.needs import Answer, Need, Subject

State = Literal["ok", "warning", "blocked"]
NAME_WIDTH = max(len(name) for name in ("settings", "database", *needs.NEEDS))
STATE_WIDTH = len("blocked")
# A driver's error may carry a page of SQL; the first lines say what is wrong.
SAID_LINES = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing needed: how it is, what was seen, and the command or setting that mends it."""

    name: str
    state: State
    said: str
    remedy: str = ""


def doctor(settings: Settings | Callable[[], Settings] = Settings.load) -> list[Finding]:
    """Everything that these settings need, tried; settings that cannot be loaded are a finding too."""
    try:
        chosen = settings if isinstance(settings, Settings) else settings()
    except Exception as error:  # noqa: BLE001 — the border of one finding
        return [
            _failed("settings", error, remedy="correct it in the environment or in .env"),
            *(_not_tried(name, "settings") for name in ("database", *needs.NEEDS)),
        ]
    findings = [_tried("settings", needs.SETTINGS, Subject(chosen))]
    stack = ExitStack()
    database, subject = _with_database(chosen, stack)
    findings += [database, *(_tried(name, need, subject) for name, need in needs.NEEDS.items())]
    try:
        stack.close()
    except Exception as error:  # noqa: BLE001 — the border of one finding
        findings.append(_failed("database", error, remedy=needs.DATABASE_REMEDY))
    return findings


def diagnose(home: Path | None) -> list[Finding]:
    """The doctor for the library of this home, or for that of the environment."""
    return doctor(Settings.load if home is None else partial(Settings.load, home=home))


def exit_code(findings: Sequence[Finding]) -> int:
    """1 when something is blocked; warnings alone are 0."""
    return int(any(finding.state == "blocked" for finding in findings))


def as_text(findings: Sequence[Finding]) -> str:
    """Aligned lines: state, name, what was seen; below it the remedy, where there is one."""
    return "\n".join(line for finding in findings for line in _lines(finding))


def _lines(finding: Finding) -> Iterator[str]:
    first, *others = finding.said.splitlines() or [""]
    indent = " " * (STATE_WIDTH + NAME_WIDTH + 4)
    yield f"{finding.state:<{STATE_WIDTH}}  {finding.name:<{NAME_WIDTH}}  {first}"
    for other in others:
        yield indent + other
    if finding.remedy:
        yield f"{indent}-> {finding.remedy}"


def _with_database(settings: Settings, stack: ExitStack) -> tuple[Finding, Subject]:
    """The finding about the database, and what the other needs stand on: with an engine where it answers."""
    try:
        answer, subject = needs.open_database(settings, stack)
    except Exception as error:  # noqa: BLE001 — the border of one finding
        return _failed("database", error, remedy=needs.database_remedy(settings)), Subject(settings)
    return _found("database", answer), subject


def _tried(name: str, need: Need, subject: Subject) -> Finding:
    if need.stands_on != "settings" and subject.engine is None:
        return _not_tried(name, "database")
    if need.stands_on == "tables" and not subject.has_tables:
        if subject.settings.database_url is None:
            return Finding(name, "ok", "nothing yet: the first run makes the tables")
        return _not_tried(name, "tables")
    try:
        return _found(name, need.look(subject))
    except Exception as error:  # noqa: BLE001 — the border of one finding
        return _failed(name, error, remedy=need.remedy)


def _found(name: str, answer: Answer) -> Finding:
    return Finding(name, answer.state, answer.said, answer.remedy)


def _not_tried(name: str, missing: str) -> Finding:
    remedy = "media-pipeline migrate" if missing == "tables" else f"mend «{missing}» first"
    return Finding(name, "warning", f"not tried: no {missing}", remedy)


def _failed(name: str, error: Exception, *, remedy: str) -> Finding:
    expected = isinstance(error, MediaPipelineError | SQLAlchemyError | OSError)
    said = str(error) if expected and str(error) else repr(error)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return Finding(name, "blocked", "\n".join(lines[:SAID_LINES]), remedy)
