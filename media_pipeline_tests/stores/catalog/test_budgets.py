"""The limiter's memory: one turn is never given twice, a budget is never overdrawn, a restart forgets nothing."""

from __future__ import annotations

import itertools
import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.config import Settings
from media_pipeline.stores.catalog.budgets import (
    TRIPS_AT,
    Claim,
    Refused,
    Standing,
    Turn,
    answered,
    block,
    decide,
    failed,
    is_blocked,
    pause,
    reserve,
    spend_bytes,
    standing,
)
from media_pipeline.stores.library import Library, open_library
from media_pipeline_tests.stores.catalog.budget_takers import take_until

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PROCESSES = 8
PER_HOUR_500 = 500 / 3600


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def taken_by_processes(url: str, *claims: Claim) -> list[datetime]:
    """The turns of an hour that eight processes get, who want all that they can have."""
    spawn = multiprocessing.get_context("spawn")
    queue = spawn.SimpleQueue()
    workers = [spawn.Process(target=take_until, args=(url, claims, NOON, NOON + HOUR, queue)) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    turns = [turn for _ in workers for turn in queue.get()]
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    queue.close()
    return sorted(turns)


def test_500_an_hour_are_500_for_eight_processes_together(database_url: str) -> None:
    """In an hour exactly so many turns begin, no two of them nearer than 7.2 s, whoever asks."""
    turns = taken_by_processes(database_url, Claim("source:a", per_s=PER_HOUR_500), Claim("host:a"))
    assert len([turn for turn in turns if turn < NOON + HOUR]) == 500
    gaps = [(later - former).total_seconds() for former, later in itertools.pairwise(turns)]
    assert min(gaps) >= 7.199


def test_a_days_budget_is_never_overdrawn(library: Library, database_url: str) -> None:
    """Eight processes that want thousands get the hundred of the day, and are told when there are more."""
    claim = Claim("source:a", per_s=1000, requests_per_day=100)
    turns = taken_by_processes(database_url, claim)
    assert len(turns) == 100
    told = reserve(library.engine, [claim], patience_s=60, now=at(7200))
    assert told == Refused("budget_used_up", "source:a", datetime(2026, 11, 21, tzinfo=UTC))
    assert isinstance(reserve(library.engine, [claim], patience_s=0, now=at(43_200)), Turn)


def test_a_restart_of_the_database_forgets_nothing(open_ground: Path) -> None:
    """Also the commits that waited for no disk are there after the server has stopped."""
    settings = Settings.load(home=open_ground / "home")
    claim = Claim("source:a", per_s=0.1, requests_per_day=2)
    with open_library(settings) as library:
        reserve(library.engine, [claim], patience_s=60, now=NOON)
        spend_bytes(library.engine, "source:a", size_bytes=70, now=NOON)
        block(library.engine, ["host:b"], seconds=90, now=NOON)
    with open_library(settings) as library:
        engine = library.engine
        assert reserve(engine, [claim], patience_s=60, now=at(1)) == Turn(at(10), 9.0)
        assert isinstance(reserve(engine, [claim], patience_s=60, now=at(20)), Refused)
        rows = standing(engine, ["source:a", "host:b"])
    assert (rows["source:a"].bytes_today, rows["source:a"].bytes_this_hour) == (70, 70)
    assert rows["host:b"].blocked_until == at(90)


def test_the_turns_of_two_rows_are_one(library: Library) -> None:
    """A source whose host another source asks too waits for both."""
    engine = library.engine
    reserve(engine, [Claim("source:a", per_s=1), Claim("host:x", per_s=1)], patience_s=60, now=NOON)
    other = [Claim("source:b", per_s=0.1), Claim("host:x", per_s=0.1)]
    assert reserve(engine, other, patience_s=60, now=NOON) == Turn(at(1), 1.0)
    assert reserve(engine, other, patience_s=60, now=NOON) == Turn(at(11), 11.0)


def test_who_would_wait_too_long_takes_no_turn(library: Library) -> None:
    """It is told the moment instead, and nobody behind it waits for it."""
    claim = Claim("source:a", per_s=0.01)
    reserve(library.engine, [claim], patience_s=60, now=NOON)
    for _ in range(3):
        told = reserve(library.engine, [claim], patience_s=60, now=NOON)
        assert told == Refused("busy", "source:a", at(100))


def test_bytes_of_an_hour_and_of_a_day_are_bounds(library: Library) -> None:
    """What is used up is free again with the next hour, or the next day."""
    engine = library.engine
    claim = Claim("files:a", bytes_per_hour=1000, bytes_per_day=1500)
    spend_bytes(engine, "files:a", size_bytes=999, now=at(60))
    assert isinstance(reserve(engine, [claim], patience_s=0, now=at(60)), Turn)
    spend_bytes(engine, "files:a", size_bytes=1, now=at(60))
    assert reserve(engine, [claim], patience_s=0, now=at(61)) == Refused("budget_used_up", "files:a", NOON + HOUR)
    assert isinstance(reserve(engine, [claim], patience_s=0, now=at(3600)), Turn)
    spend_bytes(engine, "files:a", size_bytes=500, now=at(3700))
    told = reserve(engine, [claim], patience_s=0, now=at(7300))
    assert told == Refused("budget_used_up", "files:a", datetime(2026, 11, 21, tzinfo=UTC))


def test_a_pause_that_was_asked_for_holds_for_all(library: Library) -> None:
    """An earlier end does not shorten it, and a turn that was given before it is seen to be void."""
    engine, claim = library.engine, Claim("host:a", per_s=1)
    reserve(engine, [claim], patience_s=60, now=NOON)
    turn = reserve(engine, [claim], patience_s=60, now=NOON)
    assert isinstance(turn, Turn)
    assert not is_blocked(engine, ["host:a"], since=turn)
    assert block(engine, ["host:a"], seconds=30, now=NOON) == at(30)
    assert block(engine, ["host:a"], seconds=10, now=NOON) == at(30)
    assert is_blocked(engine, ["host:a"], since=turn)
    assert reserve(engine, [claim], patience_s=60, now=at(1)) == Turn(at(30), 29.0)


def test_a_host_that_fails_five_times_is_left_alone(library: Library) -> None:
    """One request tries it after a minute while others are refused; failing, it is left alone for two."""
    engine, claim = library.engine, Claim("host:a")
    for count in range(TRIPS_AT):
        assert reserve(engine, [claim], patience_s=0, now=NOON) == Turn(NOON, 0.0, has_failed=count > 0)
        failed(engine, "host:a", now=NOON)
    assert reserve(engine, [claim], patience_s=600, now=at(1)) == Refused("host_down", "host:a", at(60))
    failed(engine, "host:a", now=at(2))  # one that was still under way
    assert reserve(engine, [claim], patience_s=0, now=at(60)) == Turn(at(60), 0.0, has_failed=True, is_probe=True)
    assert reserve(engine, [claim], patience_s=600, now=at(61)) == Refused("host_down", "host:a", at(180))
    failed(engine, "host:a", was_probe=True, now=at(70))
    assert reserve(engine, [claim], patience_s=600, now=at(71)) == Refused("host_down", "host:a", at(190))
    assert reserve(engine, [claim], patience_s=0, now=at(190)) == Turn(at(190), 0.0, has_failed=True, is_probe=True)
    answered(engine, "host:a")
    assert reserve(engine, [claim], patience_s=0, now=at(191)) == Turn(at(191), 0.0)


def test_an_answer_between_failures_begins_the_count_anew(library: Library) -> None:
    """Only failures in a row count, and a pause that it asked for outlasts them."""
    engine, claim = library.engine, Claim("host:a")
    for _ in range(3):
        for _ in range(TRIPS_AT - 1):
            failed(engine, "host:a", now=NOON)
        answered(engine, "host:a")
    failed(engine, "host:a", now=NOON)
    block(engine, ["host:a"], seconds=30, now=NOON)
    answered(engine, "host:a")
    assert reserve(engine, [claim], patience_s=60, now=NOON) == Turn(at(30), 30.0)


def test_a_pause_doubles_up_to_six_hours() -> None:
    """A museum that is gone for good is asked four times a day."""
    assert [pause(count).total_seconds() / 60 for count in (5, 6, 7, 8)] == [1, 2, 4, 8]
    assert pause(500) == timedelta(hours=6)


def test_without_a_clock_the_databases_counts(library: Library) -> None:
    """Processes on machines whose clocks differ still share one."""
    claim = Claim("source:a", per_s=0.001)
    first = reserve(library.engine, [claim], patience_s=0)
    assert isinstance(first, Turn)
    assert first.wait_s == 0
    told = reserve(library.engine, [claim], patience_s=0)
    assert isinstance(told, Refused)
    assert told.until == first.at + timedelta(seconds=1000)


@given(
    steps=st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=60),
    rates=st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)),
    per_day=st.integers(1, 20),
)
def test_no_order_of_requests_goes_over(
    steps: list[tuple[float, bool]], rates: tuple[float, float], per_day: int
) -> None:
    """Whatever two sources of one host ask, and when: its turns keep their distance and a day its bound."""
    rows = {name: Standing(name) for name in ("source:a", "source:b", "host:x")}
    turns: list[tuple[datetime, float]] = []
    by_day: dict[object, int] = {}
    now = NOON
    for passed, is_first in steps:
        now += timedelta(seconds=passed)
        name, rate = ("source:a", rates[0]) if is_first else ("source:b", rates[1])
        claims = [Claim(name, per_s=rate, requests_per_day=per_day), Claim("host:x", per_s=rate)]
        mine = {key: rows[key] for key in (name, "host:x")}
        told, after = decide(mine, claims, now=now, patience=timedelta(seconds=50))
        if isinstance(told, Refused):
            assert after == mine
            assert told.until > now
            continue
        rows |= after
        assert 0 <= told.wait_s <= 50
        if turns:
            former, former_rate = turns[-1]
            assert (told.at - former).total_seconds() >= 1 / former_rate - 1e-5
        turns.append((told.at, rate))
        key = (name, told.at.date())
        by_day[key] = by_day.get(key, 0) + 1
        assert by_day[key] <= per_day


@pytest.mark.parametrize("clock_behind_s", [-7200, -90_000])
def test_a_clock_that_is_behind_takes_from_the_newer_count(clock_behind_s: float) -> None:
    """It neither empties the count of the day that others are in, nor gets one of its own."""
    row = Standing("a").at(NOON)
    assert row.at(at(clock_behind_s)) == row


def test_a_clock_that_jumped_stops_nobody() -> None:
    """What it left in a row, 300 days ahead, is not believed; what it may have given is."""
    claim, jump, patience = Claim("a", per_s=1.0, requests_per_day=10), timedelta(days=300), timedelta(minutes=10)
    left = Standing("a", free_at=NOON + jump, blocked_until=NOON + jump, day=(NOON + jump).date(), requests_today=10)
    told, after = decide({"a": left}, [claim], now=NOON, patience=patience)
    assert told == Turn(NOON, 0.0)
    assert (after["a"].free_at, after["a"].day, after["a"].requests_today) == (at(1), NOON.date(), 1)
    given = Standing("a", free_at=NOON + patience, blocked_until=NOON + timedelta(days=1))
    told, after = decide({"a": given}, [claim], now=NOON, patience=patience)
    assert told == Refused("busy", "a", NOON + timedelta(days=1))
    assert after == {"a": given}


@pytest.mark.parametrize("per_s", [10.0, 0.0001])
def test_a_turn_is_believed_as_far_as_its_rate(per_s: float) -> None:
    """Of a source that is asked every few hours the next turn is hours ahead."""
    claim = Claim("a", per_s=per_s)
    _, after = decide({"a": Standing("a")}, [claim], now=NOON, patience=timedelta())
    told, _ = decide(after, [claim], now=NOON, patience=timedelta())
    assert told == Refused("busy", "a", at(1 / per_s))
