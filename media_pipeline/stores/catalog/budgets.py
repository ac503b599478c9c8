"""The limiter's memory: when the next request may go, what was used of a budget, who is left alone.

One row for each source and each host, shared by all workers, runs and processes of a catalog: a turn is given under a
lock on its rows, so that two never get the same one, and a restart forgets nothing. Turns are given ahead: who gets one
waits for it outside the transaction. A day is one of UTC and an hour one of the clock, so that a window across two of
them may see twice the budget.

What is not here: waiting, retrying and the requests (stores/http.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, Row, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from media_pipeline.stores.catalog.tables import request_budgets

# After so many failures in a row a host is left alone for a minute, and twice as long each time, at most for so long.
TRIPS_AT: Final = 5
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=6)
# How long one request may try a host that was left alone, before another may.
PROBE: Final = timedelta(minutes=2)

# A clock that was wrong for a while leaves moments far ahead. Of turns none is farther than the longest patience, ten
# minutes, and the distance between two: as much again is for a slower rate that another claims. Of pauses none is
# longer than a day.
FARTHEST_TURN: Final = timedelta(minutes=20)
FARTHEST_PAUSE: Final = timedelta(days=1) + FARTHEST_TURN
FARTHEST_COUNT: Final = timedelta(days=2)

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request wants of one row: its turn, and the budgets that must not be used up. None: no bound.

    The rows are `source:NAME` (its API), `files:NAME` (the bytes of its files) and `host:NAME`.
    """

    name: str
    per_s: float | None = None
    requests_per_day: int | None = None
    bytes_per_hour: int | None = None
    bytes_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """The request may go after so long. `has_failed`: an answer must be told, by `answered`. `is_probe`: it tries,
    alone, whether a host works again."""

    at: datetime
    wait_s: float
    has_failed: bool = False
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The request may not go before then: its host is down, a budget is used up, or the wait is too long."""

    why: Literal["host_down", "budget_used_up", "busy"]
    name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """One row."""

    name: str
    free_at: datetime | None = None
    blocked_until: datetime | None = None
    failures: int = 0
    day: date | None = None
    requests_today: int = 0
    bytes_today: int = 0
    hour: datetime | None = None
    bytes_this_hour: int = 0

    def at(self, moment: datetime) -> Standing:
        """As it is then: counts of a former day or hour are over. A later one stays, whose clock may be ahead, but
        not by days."""
        moment = moment.astimezone(UTC)
        day, hour = moment.date(), moment.replace(minute=0, second=0, microsecond=0)
        now = self
        if self.day is None or not day <= self.day <= day + FARTHEST_COUNT:
            now = replace(now, day=day, requests_today=0, bytes_today=0)
        if self.hour is None or not hour <= self.hour <= hour + FARTHEST_COUNT:
            now = replace(now, hour=hour, bytes_this_hour=0)
        return now

    def believed(self, now: datetime, *, ahead: timedelta) -> Standing:
        """Without moments that nobody can have given: they would stop everybody for as long as a clock had jumped."""
        row = self
        if row.free_at is not None and row.free_at > now + ahead:
            row = replace(row, free_at=None)
        if row.blocked_until is not None and row.blocked_until > now + FARTHEST_PAUSE:
            row = replace(row, blocked_until=None)
        return row


def reserve(
    engine: Engine, claims: Sequence[Claim], *, patience_s: float, now: datetime | None = None
) -> Turn | Refused:
    """A turn that all the rows have free, or why there is none; a refusal changes nothing. No `now`: the database's."""
    names, patience = [claim.name for claim in claims], timedelta(seconds=patience_s)
    if not any(counts(claim) for claim in claims):
        # Nothing is taken that another could take too: for thousands of files of one host nobody waits for a lock.
        told = _without_a_lock(engine, claims, names, patience, now)
        if told is not None and not (isinstance(told, Turn) and told.is_probe):
            return told
    with _locked(engine, names, now) as (connection, rows, moment):
        told, after = decide(rows, claims, now=moment, patience=patience)
        _write(connection, before=rows, after=after)
        return told


def _without_a_lock(
    engine: Engine, claims: Sequence[Claim], names: Sequence[str], patience: timedelta, now: datetime | None
) -> Turn | Refused | None:
    with engine.connect() as connection:
        found = connection.execute(_READ, {"names": names}).all()
    if len(found) < len(set(names)):
        return None
    return decide(_standings(found), claims, now=now or found[0].moment, patience=patience)[0]


def decide(
    rows: Mapping[str, Standing], claims: Sequence[Claim], *, now: datetime, patience: timedelta
) -> tuple[Turn | Refused, Mapping[str, Standing]]:
    """What `reserve` answers, and the rows after it."""
    between = max((timedelta(seconds=1 / claim.per_s) for claim in claims if claim.per_s), default=timedelta())
    rows = {name: row.believed(now, ahead=max(patience, FARTHEST_TURN) + between) for name, row in rows.items()}
    for row in rows.values():
        if row.failures >= TRIPS_AT and row.blocked_until is not None and row.blocked_until > now:
            return Refused("host_down", row.name, row.blocked_until), rows
    at = max([now, *(moment for row in rows.values() for moment in (row.free_at, row.blocked_until) if moment)])
    standings = {name: row.at(at) for name, row in rows.items()}
    ends = [(until, claim.name) for claim in claims if (until := _used_up(standings[claim.name], claim))]
    if ends:
        until, name = max(ends)
        return Refused("budget_used_up", name, until), rows
    if at - now > patience:
        return Refused("busy", max(rows, key=lambda name: _not_before(rows[name], now)), at), rows
    probed = {name for name, row in rows.items() if row.failures >= TRIPS_AT}
    after = {
        claim.name: replace(
            standings[claim.name],
            free_at=standings[claim.name].free_at if claim.per_s is None else at + timedelta(seconds=1 / claim.per_s),
            blocked_until=at + PROBE if claim.name in probed else standings[claim.name].blocked_until,
            # Only where somebody has a bound or a rate: a host without any is read, not written, for each file.
            requests_today=standings[claim.name].requests_today + counts(claim),
        )
        for claim in claims
    }
    has_failed = any(row.failures for row in rows.values())
    return Turn(at, (at - now).total_seconds(), has_failed=has_failed, is_probe=bool(probed)), after


def counts(claim: Claim) -> bool:
    """Whether its requests are counted: no two may have the same turn then."""
    return claim.per_s is not None or claim.requests_per_day is not None


def _not_before(row: Standing, now: datetime) -> datetime:
    return max([now, *(moment for moment in (row.free_at, row.blocked_until) if moment)])


def _used_up(row: Standing, claim: Claim) -> datetime | None:
    """When the budgets of the row are whole again, if one is used up."""
    ends = []
    if row.day is not None and (
        (claim.requests_per_day is not None and row.requests_today >= claim.requests_per_day)
        or (claim.bytes_per_day is not None and row.bytes_today >= claim.bytes_per_day)
    ):
        ends.append(datetime.combine(row.day, time(), UTC) + _DAY)
    if row.hour is not None and claim.bytes_per_hour is not None and row.bytes_this_hour >= claim.bytes_per_hour:
        ends.append(row.hour + _HOUR)
    return max(ends, default=None)


def is_blocked(engine: Engine, names: Sequence[str], *, since: Turn) -> bool:
    """Whether one of them has asked to be left alone beyond the moment of a turn that was given before."""
    row = request_budgets.c
    with engine.connect() as connection:
        latest = connection.scalar(select(func.max(row.blocked_until)).where(row.name.in_(names)))
    return latest is not None and latest > since.at


def block(engine: Engine, names: Sequence[str], *, seconds: float, now: datetime | None = None) -> datetime:
    """Nobody asks them for so long, and not before a moment that was set earlier; the moment."""
    with _locked(engine, names, now) as (connection, rows, moment):
        until = moment + timedelta(seconds=seconds)
        after = {name: replace(row, blocked_until=max(until, row.blocked_until or until)) for name, row in rows.items()}
        _write(connection, before=rows, after=after)
        return max(row.blocked_until or until for row in after.values())


def answered(engine: Engine, host: str, *, now: datetime | None = None) -> None:
    """It works: what had failed before is forgotten."""
    with _locked(engine, [host], now) as (connection, rows, _):
        row = rows[host]
        # A pause that it asked for itself holds; one that failures made does not.
        until = row.blocked_until if row.failures < TRIPS_AT else None
        _write(connection, before=rows, after={host: replace(row, failures=0, blocked_until=until)})


def spend_bytes(engine: Engine, account: str, *, size_bytes: int, now: datetime | None = None) -> None:
    """So many bytes came."""
    with _locked(engine, [account], now) as (connection, rows, moment):
        row = rows[account].at(moment)
        after = replace(row, bytes_today=row.bytes_today + size_bytes, bytes_this_hour=row.bytes_this_hour + size_bytes)
        _write(connection, before=rows, after={account: after})


def failed(engine: Engine, host: str, *, was_probe: bool = False, now: datetime | None = None) -> None:
    """One more failure; with the fifth, and then with each probe, it is left alone for longer."""
    with _locked(engine, [host], now) as (connection, rows, moment):
        row = rows[host]
        is_left_alone = row.failures >= TRIPS_AT and row.blocked_until is not None and row.blocked_until > moment
        if is_left_alone and not was_probe:
            return  # of the same wave: requests that were under way when it was given up
        count = row.failures + 1
        until = moment + pause(count) if count >= TRIPS_AT else row.blocked_until
        _write(connection, before=rows, after={host: replace(row, failures=count, blocked_until=until)})


def pause(failures: int) -> timedelta:
    """How long a host is left alone after so many failures."""
    doublings = min(failures - TRIPS_AT, 20)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def standing(engine: Engine, names: Sequence[str]) -> dict[str, Standing]:
    """The rows as they are, of those that exist."""
    with engine.connect() as connection:
        found = connection.execute(select(request_budgets).where(request_budgets.c.name.in_(names))).mappings()
        return {row["name"]: Standing(**row) for row in found}


@contextmanager
def _locked(
    engine: Engine, names: Sequence[str], now: datetime | None
) -> Iterator[tuple[Connection, dict[str, Standing], datetime]]:
    """The rows, locked in order of their names until the block ends, and the time."""
    while True:
        with engine.begin() as connection:
            found = connection.execute(_LOCK, {"names": names}).all()
            if len(found) == len(set(names)):
                yield connection, _standings(found), now or found[0].moment
                return
        # In a transaction of its own: who waited here with one row locked, for another that somebody just inserts and
        # who waits for the locked one, would wait for ever.
        with engine.begin() as connection:
            fresh = [asdict(Standing(name)) for name in sorted(set(names))]
            connection.execute(insert(request_budgets).on_conflict_do_nothing(), fresh)


def _standings(found: Sequence[Row[Any]]) -> dict[str, Standing]:
    return {row.name: Standing(*row[: len(request_budgets.columns)]) for row in found}


_READ: Final = select(request_budgets, func.clock_timestamp().label("moment")).where(
    request_budgets.c.name.in_(bindparam("names", expanding=True))
)
_LOCK: Final = (
    _READ.add_columns(
        # For this transaction: its commit waits for no disk, while others wait for its rows. When the machine dies, the
        # turns of the last moment may be given once more; no other row is written here.
        func.set_config("synchronous_commit", "off", True),
    )
    .order_by(request_budgets.c.name)
    .with_for_update()
)


# Once, because building it takes longer than running it.
_WRITE: Final = (
    update(request_budgets)
    .where(request_budgets.c.name == bindparam("of"))
    .values({column.name: bindparam(column.name) for column in request_budgets.columns if column.name != "name"})
)


def _write(connection: Connection, *, before: Mapping[str, Standing], after: Mapping[str, Standing]) -> None:
    if changed := [row for name, row in after.items() if row != before[name]]:
        connection.execute(_WRITE, [_values(row) for row in changed])


def _values(row: Standing) -> dict[str, object]:
    return {"of": row.name} | {
        column.name: getattr(row, column.name) for column in fields(row) if column.name != "name"
    }
