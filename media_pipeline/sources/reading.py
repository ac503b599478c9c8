"""How adapters read answers: JSON that may be anything, cursors, addresses, text with tags in it.

What is not here: what any one source's fields mean (its own file). Whatever comes in, these raise AnswerError or
answer None, and nothing else.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

from media_pipeline.errors import AnswerError
from media_pipeline.sources.protocol import Answer, Parsed

MAX_TEXT = 1000
MAX_HTML = 8000
MAX_URL = 2000
_TAG = re.compile(r"<[^>]*>")


def json_of(answer: Answer) -> dict[str, Any]:
    """The answer's JSON object; AnswerError for an error's status, HTML, half an answer, or a list."""
    must_be_success(answer)
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise AnswerError("unreadable_answer", f"no JSON: {error}; begins with {answer.body[:40]!r}") from error
    if not isinstance(found, dict):
        raise AnswerError("unreadable_answer", f"a {type(found).__name__} instead of an object")
    return found


def must_be_success(answer: Answer) -> None:
    """AnswerError for a status that is none: our key or address is refused, or this one question is."""
    if 200 <= answer.status < 300:
        return
    told = f"HTTP {answer.status}: {plain_text(answer.body[:2000].decode(errors='replace')) or 'no words'}"
    if answer.status in (401, 403, 407, 451):
        raise AnswerError("source_refuses", told, then="stop")
    if answer.status in (408, 425, 429) or answer.status >= 500:
        raise AnswerError("source_unavailable", told, then="retry")
    raise AnswerError("question_refused", told)


def looked_at_again(parsed: Parsed) -> Parsed:
    """An answer to `recheck`; AnswerError where a part of it cannot be read, for what it lacks is taken for gone."""
    for found in parsed.rejections:
        if found.reason == "malformed":
            raise AnswerError("unreadable_answer", f"{found.source_key or 'without a key'}: {found.detail}")
    return parsed


def cursor_of(answer: Answer) -> dict[str, Any]:
    """The cursor as the adapter made it with `as_cursor`; empty at first."""
    return read_cursor(answer.cursor)


def read_cursor(cursor: str) -> dict[str, Any]:
    found = json.loads(cursor) if cursor.startswith("{") else {}
    return found if isinstance(found, dict) else {}


def as_cursor(**place: Any) -> str:
    return json.dumps(place, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; whatever else is in it, or is there instead, is left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def at(value: Any, *path: str) -> Any:
    """What lies under these names, one below the other; None where the way ends."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def text_of(value: Any) -> str | None:
    """A string or number as one line of text without control signs, not empty; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    words = str(value)
    if not words.isprintable():
        words = "".join(sign if sign.isprintable() else " " for sign in words)
    words = " ".join(words.split())
    return words[:MAX_TEXT] or None


def plain_text(value: Any) -> str | None:
    """Text without tags and entities: sources send HTML."""
    # Cut first: of brackets that never close, each would be looked at to the end for every other one.
    return text_of(html.unescape(_TAG.sub(" ", value[:MAX_HTML]))) if isinstance(value, str) else None


def number_of(value: Any) -> float | None:
    """A finite number, also one that comes as a string."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def pixels_of(value: Any) -> int | None:
    """A length of 1 to 10 million pixels; sources send 0 and null for «not known»."""
    found = number_of(value)
    return int(found) if found is not None and 1 <= found <= 10_000_000 else None


def bytes_of(value: Any) -> int | None:
    found = number_of(value)
    return int(found) if found is not None and 1 <= found < 2**53 else None


def coordinates_of(latitude: Any, longitude: Any) -> tuple[float, float] | tuple[None, None]:
    """A place on earth; both or none."""
    lat, lon = number_of(latitude), number_of(longitude)
    if lat is None or lon is None or not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None, None
    return lat, lon


def url_of(value: Any) -> str | None:
    """An http(s) address with a host; `//host/…` gets https."""
    if not isinstance(value, str):
        return None
    address = value.strip()
    if address.startswith("//"):
        address = f"https:{address}"
    if len(address) > MAX_URL or any(not sign.isprintable() or sign == " " for sign in address):
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return address if parts.scheme.lower() in ("http", "https") and parts.hostname else None


def day_of(value: Any) -> date | None:
    """A whole day, from `2024-07-19` or a time that begins so; None for years, months and intervals of days."""
    if not isinstance(value, str):
        return None
    found = re.fullmatch(r"\s*(\d{4}-\d{2}-\d{2})(?:[T ]\d.*|\s*)", value, re.DOTALL)
    if found is None or "/" in value:
        return None
    try:
        return date.fromisoformat(found[1])
    except ValueError:
        return None


def time_of(value: Any) -> datetime | None:
    """A moment, in UTC; None where no zone is said: it is not ours to invent one."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
