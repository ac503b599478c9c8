"""One errand of the client: what is asked of whom, and on which rows of the limiter it counts.

What is not here: when it may go (catalog/budgets.py), and the requests (http.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from media_pipeline.sources.protocol import Limits
from media_pipeline.stores.bodies import Page, Spool
from media_pipeline.stores.catalog.budgets import Claim


@dataclass(frozen=True, slots=True)
class Errand:
    """A page or a file; the key goes with a page only."""

    source: str
    limits: Limits
    into: Page | Spool
    key: tuple[str, SecretStr] | None = None

    @property
    def is_page(self) -> bool:
        return isinstance(self.into, Page)

    def claims(self, host: str, limits: Limits) -> tuple[Claim, ...]:
        """By the limits that hold there."""
        if self.is_page:
            asks = Claim(f"source:{limits.budget or self.source}", limits.requests_per_s, limits.requests_per_day)
            return asks, Claim(f"host:{host}", limits.requests_per_s)
        bytes_only = Claim(
            f"files:{self.source}", bytes_per_hour=limits.bytes_per_hour, bytes_per_day=limits.bytes_per_day
        )
        return bytes_only, Claim(f"host:{host}", limits.downloads_per_s)

    def rows(self, host: str) -> list[str]:
        """Those that a pause it asks for holds for: the hosts of an API and of its files are mostly not the same."""
        return [f"host:{host}", *([f"source:{self.limits.budget or self.source}"] if self.is_page else [])]

    @property
    def secret(self) -> str:
        return "" if self.key is None else self.key[1].get_secret_value()
