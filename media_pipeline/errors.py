"""Every error this package raises on purpose, as one tree.

MediaPipelineError
├── ConfigError               a setting is wrong: names the setting, the value, what is allowed
├── MediaServiceError         a store cannot go on: the run stops, nothing is half-written
│   ├── CatalogError          the database
│   │   └── EmbeddedError     the PostgreSQL that this package starts by itself
│   ├── SourceError           a source refuses to be asked, or does not answer at all
│   ├── BlobError             the folder or bucket
│   │   ├── BadKey            a key that would leave the store, or cannot exist
│   │   ├── BlobMissing       no object under this key
│   │   ├── BlobUnreadable    there is one, but this process may not or cannot read it
│   │   └── BlobCorrupt       the bytes read are not the bytes written
│   └── VectorIndexError      the vector index
├── PutOff                    not now: the item stays due, without a row
└── ItemError                 one item cannot go on: it becomes a ledger row with `reason` and `detail`
    ├── AnswerError           a source's answer is of no use: says whether to try again, skip the subject or stop
    ├── FetchError            the original is refused or cannot be had
    ├── MediaProcessingError  the original cannot be read as a picture
    ├── EmbeddingError        no vector can be made of it
    ├── DeduplicationError    it cannot be compared
    └── ClusteringError       it cannot be placed

What each reason means, and whether it is tried again, is a table in stores/reasons.py.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal


class MediaPipelineError(Exception):
    """Root of the tree: whatever is not below it is a bug."""


class ConfigError(MediaPipelineError):
    """A setting is wrong."""


class MediaServiceError(MediaPipelineError):
    """A store cannot go on; the run stops."""


class CatalogError(MediaServiceError):
    """The database."""


class EmbeddedError(CatalogError):
    """The embedded PostgreSQL."""


class SourceError(MediaServiceError):
    """A source refuses to be asked, or does not answer at all."""


class BlobError(MediaServiceError):
    """The folder or bucket."""


class BadKey(BlobError):
    """A key that would leave the store, or cannot exist."""


class BlobMissing(BlobError):
    """No object under this key."""


class BlobUnreadable(BlobError):
    """There is an object under this key, but this process may not or cannot read it."""


class BlobCorrupt(BlobError):
    """The bytes read are not the bytes written."""


class VectorIndexError(MediaServiceError):
    """The vector index."""


class PutOff(MediaPipelineError):
    """Not now: the item stays due, and nothing is recorded of it."""


class ItemError(MediaPipelineError):
    """One item cannot go on; the others do. `until`: before that moment it is no use to try again."""

    def __init__(self, reason: str, detail: str = "", *, until: datetime | None = None) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
        self.until = until

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


class AnswerError(ItemError):
    """A source's answer is of no use. `then`: ask again later, leave this subject, or ask the source nothing more."""

    def __init__(
        self,
        reason: str,
        detail: str = "",
        *,
        then: Literal["retry", "skip", "stop"] = "skip",
        until: datetime | None = None,
    ) -> None:
        super().__init__(reason, detail, until=until)
        self.then = then


class FetchError(ItemError):
    """The original is refused or cannot be had."""


class MediaProcessingError(ItemError):
    """The original cannot be read as a picture."""


class EmbeddingError(ItemError):
    """No vector can be made of it."""


class DeduplicationError(ItemError):
    """It cannot be compared."""


class ClusteringError(ItemError):
    """It cannot be placed."""
