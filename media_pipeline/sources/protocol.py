"""What the pipeline asks of a source. An adapter is pure: it names the next request and reads the answer.

What is not here: the network, the bucket, the database (stores/, stages/discover). Nothing of an adapter imports an
HTTP client: it can be tested with recorded bytes alone, and a stored answer can be read again without the network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from media_pipeline.records import Listing, Rejection, Subject

# Why something in an answer is no listing.
REJECTIONS: Final[Mapping[str, str]] = {
    "malformed": "its fields are not what the source documents",
    "no_url": "no address of a file is given",
    "not_a_photo": "it is a sound, a video, a drawing, a document, a viewer or a manifest",
    "hidden": "the source hides, flags or has deleted it",
    "unfree": "the source itself says that it is not free",
    "not_for_export": "its owner does not want it exported",
    "other_subject": "it shows something else than what was looked for",
}
# Said of a photo that is known, these mean that it is not to be had any more.
CLOSING: Final = frozenset({"hidden", "unfree", "not_for_export"})
# The cursor of an answer to `recheck`.
RECHECK: Final = "recheck"


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard one source may be asked, by all workers and runs together. Settings may change it (`MEDIA_LIMITS`), but
    not what the provider itself says: `fastest_per_s`, which no rate may exceed, and `needs_contact`."""

    priority: int
    requests_per_s: float
    fastest_per_s: float
    # Sources of one provider name one budget: their requests count together.
    budget: str = ""
    requests_per_day: int | None = None
    bytes_per_hour: int | None = None
    bytes_per_day: int | None = None
    # From one host at a time, and how many a second; None: as fast as they come.
    downloads: int = 2
    downloads_per_s: float | None = None
    # Where its files lie, with all hosts below these: the two above hold there whichever source asks.
    hosts: tuple[str, ...] = ()
    needs_contact: bool = True
    # Photos looked for for one subject: a walk ends there.
    per_subject: int = 200
    # The long edge of the best files it serves, where that is less than HQ asks.
    floor_px: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator says of everything from one source, where the source itself says nothing."""

    licence: str | None = None
    attribution: str | None = None

    @property
    def digest(self) -> str:
        """Other terms read every stored page again, so that a changed licence reaches what is listed already."""
        return hashlib.sha256(f"{self.licence}\0{self.attribution}".encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Request:
    """The next question to a source: a GET. The key of a source is no part of it: stores/http.py puts it under
    `key_parameter` when it sends, so that it reaches neither page, log nor error."""

    url: str
    params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as it was received, and what had been asked: subject and cursor of the request."""

    body: bytes
    status: int = 200
    subject: Subject | None = None
    cursor: str = ""
    terms: Terms = Terms()


@dataclass(frozen=True, slots=True)
class Parsed:
    """What an answer says. No `next_cursor`: that was all."""

    listings: tuple[Listing, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A listing that is looked at again: is it still there, and under which licence?"""

    source_key: str
    page_url: str | None
    observation_ids: tuple[str, ...]


class Source(Protocol):
    """One place that pictures come from."""

    @property
    def name(self) -> str:
        """Also the name of its partition."""

    @property
    def parser_version(self) -> str:
        """Another version reads every stored page again."""

    @property
    def limits(self) -> Limits:
        """How hard it may be asked."""

    def parse(self, answer: Answer) -> Parsed:
        """The listings and rejections of one answer; AnswerError for one that is no answer, and nothing else."""


class WebSource(Source, Protocol):
    """A source that is asked over HTTP, subject by subject."""

    @property
    def key_parameter(self) -> str:
        """Where its key goes (`MEDIA_<NAME>_KEY`); empty: it needs none."""

    @property
    def recheck_batch(self) -> int:
        """How many known listings one request may ask about; 0: it cannot be asked."""

    def requests(self, subject: Subject, cursor: str) -> Request | None:
        """The request behind `cursor`, which is empty at first; None: it has nothing to say of such a subject."""

    def recheck(self, known: Sequence[Known]) -> Request | None:
        """One question about listings that are known; its answer is parsed with the cursor `RECHECK`, and whatever is
        not in it is gone: it must ask for all that they may be found in. None: it cannot be asked about these."""
