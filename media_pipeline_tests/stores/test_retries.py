"""When a request is tried again, and after how long."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.stores.retries import asked_wait_s, date_of, is_passing, wait_s

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_which_statuses_pass() -> None:
    """What speaks of the moment, and not of the question."""
    assert [status for status in range(100, 600) if is_passing(status)] == [408, 425, 429, *range(500, 600)]


def test_waits_double_up_to_a_minute() -> None:
    """And half of each is chance."""
    assert [wait_s(tries, chance=1.0) for tries in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [wait_s(tries, chance=0.0) for tries in range(1, 4)] == [0.5, 1, 2]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Fri, 20 Nov 2026 12:01:30 GMT", 90),
        ("Friday, 20-Nov-26 12:01:30 GMT", 90),
        ("Fri Nov 20 12:01:30 2026", 90),
        ("Fri, 20 Nov 2026 14:01:30 +0200", 90),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
        ("Fri, 20 Nov 2099 11:00:00 GMT", 86_400),
        ("99999999999999999999", 86_400),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_what_a_retry_after_asks(said: str | None, seconds: float | None) -> None:
    """Seconds or a date, in the past at least nothing, and never longer than a day."""
    assert asked_wait_s(said, now=NOON) == seconds


@given(st.text())
def test_no_header_is_an_error(said: str) -> None:
    """Servers send anything."""
    asked = asked_wait_s(said, now=NOON)
    assert asked is None or 0 <= asked <= 86_400
    assert date_of(said, otherwise=NOON).tzinfo is not None
