"""The words for one exchange over HTTP, which those who ask and the wire have in common. They import no HTTP client.

What is not here: the exchange itself (stores/wire.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Pace:
    """How slow an exchange may be: in all, and how many bytes must come in each while."""

    total_s: float = 600.0
    while_s: float = 20.0
    bytes_per_while: int = 40_000
    silence_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Head:
    """What comes before the body. Names of headers are in lower case; values of one name are joined by commas."""

    status: int
    headers: Mapping[str, str]


class Receiver(Protocol):
    """Who gets what comes. Both may refuse the rest, which ends the exchange, and raise, which ends it as an error."""

    def begin(self, head: Head) -> bool:
        """Whether the body is wanted."""

    def take(self, chunk: bytes) -> bool:
        """Bytes as they were sent; whether more are wanted."""


class Broken(Exception):
    """The exchange did not come to its end."""

    def __init__(self, how: Literal["bad_url", "unreachable", "short_body", "too_slow_host"], detail: str) -> None:
        super().__init__(how, detail)
        self.how = how
        self.detail = detail
