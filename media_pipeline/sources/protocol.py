"""What the pipeline asks of a source: its name, and how its answers read.

What is not here: the network and the bucket (stores/); a source is handed what was received and says what it means.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from media_pipeline.records import Listing


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator says of everything from one source, where the source itself says nothing."""

    licence: str | None = None
    attribution: str | None = None

    @property
    def digest(self) -> str:
        """Other terms read every stored page again, so that a changed licence reaches what is listed already."""
        return hashlib.sha256(f"{self.licence}\0{self.attribution}".encode()).hexdigest()[:8]


class Source(Protocol):
    """One place that pictures come from."""

    @property
    def name(self) -> str:
        """Also the name of its partition."""

    @property
    def parser_version(self) -> str:
        """Another version reads every stored page again."""

    def parse(self, page: bytes, terms: Terms) -> tuple[Listing, ...]:
        """The listings of one page, as it was received."""
