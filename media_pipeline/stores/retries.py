"""When a request is tried again, and after how long. Pure: no clock, no network.

What is not here: who waits (stores/http.py), and what all processes remember of it (stores/catalog/budgets.py).
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

TRIES: Final = 5
# All tries of one request, with the waits between them.
WITHIN_S: Final = 600.0
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
# Nobody means a later moment than this.
LONGEST_ASKED_S: Final = 86_400.0

# Of the 4xx only those that speak of the moment and not of the question.
PASSING: Final = frozenset({408, 425, 429})


def is_passing(status: int) -> bool:
    """Whether the same request may be answered at another time."""
    return status in PASSING or 500 <= status <= 599


def wait_s(tries: int, *, chance: float) -> float:
    """The wait after so many tries: twice as long each time, and half of it by chance, so that workers part."""
    full: float = min(FIRST_WAIT_S * 2 ** (tries - 1), LONGEST_WAIT_S)
    return full * (0.5 + 0.5 * chance)


def asked_wait_s(retry_after: str | None, *, now: datetime) -> float | None:
    """How long a `Retry-After` asks to wait, given in seconds or as a date; None: it asks nothing that can be read."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:9]), LONGEST_ASKED_S)
    try:
        moment = parsedate_to_datetime(text)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    except (ValueError, OverflowError):
        return None
    return min(max(seconds.total_seconds(), 0.0), LONGEST_ASKED_S)


def date_of(header: str | None, *, otherwise: datetime) -> datetime:
    """The time by the server's own clock: its `Retry-After` dates are by that one."""
    try:
        moment = parsedate_to_datetime((header or "").strip())
    except (ValueError, OverflowError):
        return otherwise
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
