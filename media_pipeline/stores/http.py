"""The one polite HTTP client: every request to a public source and every download of a file goes through it.

It waits for its turn (catalog/budgets.py), says who asks, follows redirects itself and checks each of them, tries again
what may pass, and leaves a host alone that fails. It may be called from any thread.

What is not here: which request comes next and what an answer means (sources/), the bytes on the network (wire.py),
which addresses are refused (addresses.py), when a try is worth another (retries.py).
"""

from __future__ import annotations

import itertools
import logging
import math
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import SecretStr
from sqlalchemy import Engine

from media_pipeline import __version__
from media_pipeline.config import Settings
from media_pipeline.errors import AnswerError, FetchError, MediaServiceError
from media_pipeline.sources.chosen import limits_at, require_contact
from media_pipeline.sources.protocol import Limits, Request
from media_pipeline.stores import retries
from media_pipeline.stores.addresses import Guard, Resolve, look_up
from media_pipeline.stores.bodies import Page, Spool
from media_pipeline.stores.catalog import budgets
from media_pipeline.stores.catalog.budgets import Claim, Refused, Turn
from media_pipeline.stores.errands import Errand
from media_pipeline.stores.exchanges import Broken, Head, Pace
from media_pipeline.stores.urls import checked, host_of, led_to, masked, mirrored, with_params, without

if TYPE_CHECKING:
    from media_pipeline.stores.wire import Wire

log = logging.getLogger(__name__)

MAX_REDIRECTS: Final = 5
MAX_ANSWER_BYTES: Final = 50_000_000
# Of all hosts together, in this process.
EXCHANGES_AT_ONCE: Final = 16
# A wait for a turn is not longer: who would have to wait longer is told until when instead.
PATIENCE_S: Final = 600.0
# Longer waits are logged.
QUIET_S: Final = 5.0
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
GONE: Final = frozenset({404, 410})
# Where requests are not counted the catalog is asked so often for a host: what others learn is known as soon.
NEWS_S: Final = 1.0

# What a failure is called where an answer was wanted, and what the source's walk does then.
_AS_ANSWER: Final[Mapping[str, tuple[str, Literal["retry", "skip", "stop"]]]] = {
    "budget_used_up": ("budget_used_up", "stop"),
    "too_large": ("unreadable_answer", "skip"),
    "short_body": ("source_unavailable", "retry"),
    "unreachable": ("source_unavailable", "retry"),
    "server_error": ("source_unavailable", "retry"),
    "host_down": ("source_unavailable", "retry"),
    "too_slow_host": ("source_unavailable", "retry"),
}


@dataclass(frozen=True, slots=True)
class Clock:
    """The time; tests hand in another. No `now`: the database's, for what processes share."""

    now: Callable[[], datetime] | None = None
    elapsed: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] | None = None
    chance: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whatever its status; `url` is where it came from, without the key. Names of headers in lower case."""

    body: bytes
    status: int
    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Download:
    """A file that came whole, as far as its server tells."""

    path: Path
    size_bytes: int
    sha256: str
    content_type: str | None
    final_url: str
    etag: str | None
    status: int


@dataclass(frozen=True, slots=True)
class _Try:
    """Which one it is, how long it may wait for its turn, and how long each of its exchanges may take."""

    number: int
    patience_s: float
    exchange_s: float


class _MayPass(Exception):
    """A try that failed for a reason that may pass; `started_s` is when it began."""

    def __init__(self, error: FetchError, started_s: float) -> None:
        super().__init__(error)
        self.error = error
        self.started_s = started_s


class Http:
    """The client of one library. Nothing is opened before the first request; `close` ends what is under way."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        *,
        clock: Clock | None = None,
        resolve: Resolve = look_up,
        pace: Pace | None = None,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._clock = clock or Clock()
        self._pace = pace or Pace()
        self._guard = Guard(settings.private_hosts, resolve)
        self._agent = f"media-pipeline/{__version__}" + (f" ({settings.contact})" if settings.contact else "")
        self._opening = threading.Lock()
        self._opened: Wire | None = None
        self._closing = threading.Event()
        self._exchanges = threading.Semaphore(EXCHANGES_AT_ONCE)
        self._counting = threading.Lock()
        self._uncounted: dict[str, int] = {}
        self._counted_s: dict[str, float] = {}
        self._limits: dict[tuple[str, Limits], Limits] = {}
        self._by_host: dict[tuple[str, int], threading.Semaphore] = {}
        # Forgotten with whatever this client writes of them.
        self._free: dict[tuple[Claim, ...], tuple[float, Turn]] = {}

    def get(self, request: Request, *, source: str, limits: Limits, key: tuple[str, SecretStr] | None = None) -> Reply:
        """The answer to a question, also one that refuses; AnswerError where none comes."""
        require_contact(source, limits, self._settings)
        into = Page(MAX_ANSWER_BYTES)
        errand = Errand(source, limits, into, key)
        try:
            url = self._insist(with_params(request.url, request.params), errand)
        except FetchError as error:
            reason, then = _AS_ANSWER.get(error.reason, ("source_unavailable", "stop"))
            detail = masked(f"{error.reason}: {error.detail}", errand.secret)
            raise AnswerError(reason, detail, then=then, until=error.until) from error
        head = _required(into.head)
        # Servers tell the address that they were asked for: on a page of an error, or as a link to the next answer.
        headers = {name: masked(value, errand.secret) for name, value in head.headers.items()}
        return Reply(without(bytes(into.body), errand.secret), head.status, url, headers)

    def download(
        self, url: str, *, to: Path, source: str, limits: Limits, max_bytes: int, honour_noai: bool = True
    ) -> Download:
        """A file, streamed to `to`; FetchError, and nothing there, where it cannot be had."""
        require_contact(source, limits, self._settings)
        into = Spool(to, max_bytes=max_bytes, honour_noai=honour_noai)
        try:
            try:
                final = self._insist(url, Errand(source, limits, into))
                head = _required(into.head)
                _require_file(head)
            finally:
                into.close()
        except BaseException:
            to.unlink(missing_ok=True)
            raise
        headers = head.headers
        return Download(
            to,
            into.size_bytes,
            into.sha256.hexdigest(),
            headers.get("content-type"),
            final,
            headers.get("etag"),
            head.status,
        )

    def close(self) -> None:
        """Whoever waits is told; a later request is refused."""
        self._closing.set()
        with self._opening:
            if self._opened is not None:
                self._opened.close()
                self._opened = None
        with self._counting:
            uncounted, self._uncounted = self._uncounted, {}
        for account, size_bytes in uncounted.items():
            budgets.spend_bytes(self._engine, account, size_bytes=size_bytes, now=self._now())

    def _insist(self, url: str, errand: Errand) -> str:
        """The URL that answered in the end, after at most five tries."""
        this, begun = _Try(1, PATIENCE_S, self._pace.total_s), None
        for tries in itertools.count(2):
            try:
                return self._follow(url, errand, this)
            except _MayPass as failure:
                begun = failure.started_s if begun is None else begun
                wait_s = retries.wait_s(this.number, chance=self._clock.chance())
                # A file that takes hours may break after one: what is long is bounded by its own pace.
                left_s = max(retries.WITHIN_S, self._pace.total_s) - (self._clock.elapsed() - begun) - wait_s
                if tries > retries.TRIES or left_s < 0:
                    raise failure.error from failure.__cause__
                self._pause(wait_s, errand.source, str(failure.error))
                this = _Try(tries, min(PATIENCE_S, left_s), min(self._pace.total_s, max(left_s, 1.0)))
        raise AssertionError

    def _follow(self, url: str, errand: Errand, this: _Try) -> str:
        """One try, through its redirects."""
        url = checked(url)
        asked = url if errand.key is None else with_params(url, ((errand.key[0], errand.secret),))
        for _ in range(MAX_REDIRECTS + 1):
            head = self._ask(asked, errand, this)
            location = head.headers.get("location")
            if head.status not in REDIRECTS or not location:
                return url
            asked = led_to(asked, location, secret=errand.secret)
            url = masked(asked, errand.secret)
        raise FetchError("too_many_redirects", f"more than {MAX_REDIRECTS}")

    def _ask(self, url: str, errand: Errand, this: _Try) -> Head:
        """One request to one host, at its turn, and what it means for the host."""
        url = mirrored(url, self._settings.mirrors)
        host, into = host_of(url), errand.into
        limits = self._limits_at(host, errand)
        with self._place_at(host, 1 if errand.is_page else limits.downloads):
            turn = self._turn(errand, host, limits=limits, patience_s=this.patience_s)
            started = self._clock.elapsed()
            headers = {"user-agent": self._agent, "accept": "*/*"}
            if isinstance(into, Spool):
                headers |= {"accept-encoding": "identity", **into.asks()}
            else:
                headers |= {"accept-encoding": "gzip, deflate"}
            into.forget()
            pace = replace(self._pace, total_s=this.exchange_s)
            fault: Broken | FetchError | None = None
            try:
                with self._exchanges:
                    self._wire().exchange(url, headers, into, pace=pace)
            except (Broken, FetchError) as error:
                fault = error
        return self._judged(host, errand, turn=turn, fault=fault, tries=this.number, started_s=started)

    def _judged(
        self, host: str, errand: Errand, *, turn: Turn, fault: Broken | FetchError | None, tries: int, started_s: float
    ) -> Head:
        """The head of an answer that counts; what failed is remembered, and raised."""
        head, name, now = errand.into.head, f"host:{host}", self._now()
        self._spend(errand)
        if isinstance(fault, Broken) and (head is None or head.status < 300):
            detail = masked(f"{host}: {fault.detail}", errand.secret)
            if fault.how == "bad_url":
                raise FetchError("bad_url", detail) from fault
            budgets.failed(self._engine, name, was_probe=turn.is_probe, now=now)
            self._free.clear()
            error = FetchError(fault.how, detail)
            if fault.how == "too_slow_host" and not self._may_go_on(errand):  # it has had its time
                raise error from fault
            raise _MayPass(error, started_s) from fault
        if head is None:
            raise fault or AssertionError
        if not retries.is_passing(head.status):
            if turn.has_failed:
                budgets.answered(self._engine, name, now=now)
            if fault is not None and fault.args[0] == "short_body":
                raise _MayPass(FetchError("short_body", f"{host}: {fault.args[1]}"), started_s) from fault
            if isinstance(fault, FetchError):
                raise fault
            return head
        until = self._left_alone(host, errand, head, turn=turn, tries=tries)
        self._free.clear()
        raise _MayPass(FetchError("server_error", f"{host} answers {head.status}", until=until), started_s)

    def _may_go_on(self, errand: Errand) -> bool:
        """Whether a part is worth another try: of a file that may take longer than all tries of another."""
        into = errand.into
        return isinstance(into, Spool) and self._pace.total_s > retries.WITHIN_S and bool(into.asks())

    def _left_alone(self, host: str, errand: Errand, head: Head, *, turn: Turn, tries: int) -> datetime | None:
        """Remember that the host cannot answer now: the pause that it asks for, or one more failure."""
        now = self._now()
        by_its_clock = retries.date_of(head.headers.get("date"), otherwise=now or datetime.now(UTC))
        asked = retries.asked_wait_s(head.headers.get("retry-after"), now=by_its_clock)
        if asked is None and head.status == 429:
            asked = retries.wait_s(tries + 3, chance=self._clock.chance())
        if asked is not None:
            return budgets.block(self._engine, errand.rows(host), seconds=asked, now=now)
        if head.status >= 500:
            budgets.failed(self._engine, f"host:{host}", was_probe=turn.is_probe, now=now)
        return None

    def _spend(self, errand: Errand) -> None:
        """Count the bytes of files; in the catalog at most once a second, or with a hundredth of what is allowed."""
        if errand.is_page:
            return
        account, limits = f"files:{errand.source}", errand.limits
        bound = min((b for b in (limits.bytes_per_hour, limits.bytes_per_day) if b is not None), default=None)
        with self._counting:
            size_bytes = self._uncounted.pop(account, 0) + errand.into.came_bytes
            elapsed_s = self._clock.elapsed()
            is_due = elapsed_s - self._counted_s.get(account, -math.inf) >= 1
            if not is_due and (bound is None or size_bytes * 100 < bound):
                self._uncounted[account] = size_bytes
                return
            self._counted_s[account] = elapsed_s
        if size_bytes:
            budgets.spend_bytes(self._engine, account, size_bytes=size_bytes, now=self._now())
            self._free.clear()

    def _turn(self, errand: Errand, host: str, *, limits: Limits, patience_s: float) -> Turn:
        """Wait for it; a pause that somebody was asked for meanwhile holds for this one too."""
        claims, elapsed_s = errand.claims(host, limits), self._clock.elapsed()
        known_s, free = self._free.get(claims, (-math.inf, None))
        if free is not None and elapsed_s - known_s < NEWS_S:
            return free
        while True:
            told = budgets.reserve(self._engine, claims, patience_s=patience_s, now=self._now())
            if isinstance(told, Refused):
                reason = "server_error" if told.why == "busy" else told.why
                raise FetchError(
                    reason, f"{told.name}, until {told.until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC", until=told.until
                )
            if told.wait_s <= 0:
                if not (told.has_failed or any(map(budgets.counts, claims))):
                    self._free[claims] = elapsed_s, told
                return told
            self._pause(told.wait_s, errand.source, f"its turn at {host}")
            if told.is_probe or not budgets.is_blocked(self._engine, errand.rows(host), since=told):
                return told

    def _pause(self, seconds: float, source: str, why: str) -> None:
        if seconds > QUIET_S:
            log.info("%s: waiting %.0f s: %s", source, seconds, why)
        if self._clock.sleep is not None:
            self._clock.sleep(seconds)
        elif self._closing.wait(seconds):
            raise MediaServiceError(f"{source}: the library was closed during a wait")

    def _now(self) -> datetime | None:
        return None if self._clock.now is None else self._clock.now()

    def _limits_at(self, host: str, errand: Errand) -> Limits:
        """The errand's; those of a file also by whose host it is."""
        if errand.is_page:
            return errand.limits
        known = (host, errand.limits)
        if known not in self._limits:
            self._limits[known] = limits_at(host, errand.limits, self._settings)
        return self._limits[known]

    def _place_at(self, host: str, places: int) -> threading.Semaphore:
        """So many at once may ask one host; for a page it is one, because its turns are one after the other."""
        with self._opening:
            return self._by_host.setdefault((host, places), threading.Semaphore(places))

    def _wire(self) -> Wire:
        with self._opening:
            if self._closing.is_set():
                raise MediaServiceError("the library is closed")
            if self._opened is None:
                # Here and not above: loading it takes longer than all else of this package.
                from media_pipeline.stores.wire import Wire

                self._opened = Wire(self._guard)
            return self._opened


def _required(head: Head | None) -> Head:
    if head is None:
        raise AssertionError
    return head


def _require_file(head: Head) -> None:
    if head.status in (200, 206):
        return
    reason = "gone" if head.status in GONE else "forbidden"
    raise FetchError(reason, f"the answer is {head.status}")
