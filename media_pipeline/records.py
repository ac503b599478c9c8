"""The words that stages and stores share: frozen, plain, without behaviour beyond how an identity is made.

What is not here: tables (stores/catalog/tables/) and anything that belongs to one stage only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid5

from media_pipeline.errors import ItemError

MediaKind = Literal["image", "video", "audio"]
# What an output has one row for: a video and a sound are media, of one kind alone.
ItemKind = Literal["walk", "page", "listing", "media", "video", "audio"]
SubjectKind = Literal["taxon", "place"]

NAMESPACE = UUID("6d656469-615f-5069-8070-656c696e6531")
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def page_id(tenant: str, partition: str, sha256: str) -> UUID:
    """One answer of a source: received twice, it is one page."""
    return uuid5(NAMESPACE, "\0".join(("page", tenant, partition, sha256)))


def listing_id(tenant: str, source: str, source_key: str, edition: str) -> UUID:
    """A key whose content changed (another `edition`) is another listing: the former file is not forgotten."""
    return uuid5(NAMESPACE, "\0".join(("listing", tenant, source, source_key, edition)))


def walk_id(tenant: str, partition: str, subject_id: str) -> UUID:
    """The walk through one source's answers about one subject; asked again later, it is the same walk."""
    return uuid5(NAMESPACE, "\0".join(("walk", tenant, partition, subject_id)))


def media_id(tenant: str, sha256: str) -> UUID:
    """One distinct file of one tenant: a repeated upload or run can only find it again."""
    return uuid5(NAMESPACE, "\0".join(("media", tenant, sha256)))


def public_codes(media: UUID, prefix: str) -> tuple[str, ...]:
    """The codes of one media in the order in which they are tried: 40 bits of its digest each.

    No sequence number: a run that is killed and repeated gives the same codes. The second and later ones are for the
    one in 10^12 pairs whose first 40 bits meet.
    """
    bits = int.from_bytes(hashlib.sha256(media.bytes).digest(), "big")
    words = []
    for place in range(6):
        forty = (bits >> (256 - 40 * (place + 1))) & (2**40 - 1)
        words.append(prefix + "".join(CROCKFORD[(forty >> shift) & 31] for shift in range(35, -1, -5)))
    return tuple(words)


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence as normalised by licences.py; `raw` is all that the source said.

    `name` is SPDX's or formed alike (`CC-BY-SA-3.0-DE`, `LicenseRef-ARR`), `family` one of licences.Family, `url` the
    deed. What is not known to be allowed is not allowed.
    """

    name: str
    family: str
    is_open: bool
    raw: str | None
    version: str | None = None
    jurisdiction: str | None = None
    url: str | None = None
    allows_commercial: bool = False
    allows_derivatives: bool = False
    needs_attribution: bool = True


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked for: a taxon or a place. `options` are of one source each: `{"flickr": {"tags": "x"}}`."""

    subject_id: str
    kind: SubjectKind
    name: str
    rank: str | None = None
    synonyms: tuple[str, ...] = ()
    category: str | None = None
    city: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    lists: tuple[str, ...] = ()
    is_rare: bool = False
    source_ids: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listing:
    """One photo at one source, before anything is downloaded.

    `source` is where the photo lives, which need not be the source whose answer named it: GBIF tells of photos that are
    iNaturalist's. `edition` differs when the bytes behind the same key do.
    """

    source: str
    source_key: str
    edition: str
    original_url: str
    licence: Licence
    page_url: str | None = None
    attribution: str | None = None
    creator: str | None = None
    title: str | None = None
    fallback_urls: tuple[str, ...] = ()
    thumbnail_url: str | None = None
    subject_id: str | None = None
    size_bytes: int | None = None
    width_px: int | None = None
    height_px: int | None = None
    content_type: str | None = None
    sha1: str | None = None
    taxon_name: str | None = None
    species_confidence: float | None = None
    observation_ids: tuple[str, ...] = ()
    observed_on: date | None = None
    observed_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    coordinate_uncertainty_m: float | None = None
    is_obscured: bool = False
    prior_points: float | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something in an answer that is no listing; `reason` is a word of sources.protocol.REJECTIONS."""

    source_key: str
    reason: str
    detail: str = ""


# Below this key stand the smaller pictures of all media. Under a key that names its version the bytes never change.
DERIVED_PREFIX = "media/derived/"


@dataclass(frozen=True, slots=True)
class NewBlob:
    """A blob to put before the rows that name it."""

    key: str
    data: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class NewFile:
    """The same, of a file that is given away."""

    key: str
    path: Path
    content_type: str


@dataclass(frozen=True, slots=True)
class Made:
    """One output of one item: its rows (without tenant and id of the item) and the blobs that they name."""

    rows: tuple[Mapping[str, Any], ...] = ()
    blobs: tuple[NewBlob, ...] = ()
    files: tuple[NewFile, ...] = ()


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The output does not exist for this item, and that is no failure."""

    reason: str
    detail: str = ""


Result = Made | NotApplicable | ItemError
Results = Mapping[str, Result]
