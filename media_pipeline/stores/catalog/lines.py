"""Listings as lines of COPY: what `row_of` and `write_row` make of one listing in 30 us, made in 8.

For a dump of millions the time goes into what Python makes of each row, so a line is put together from pieces that many
share. A test holds both ways together. What is not here: the merge itself (listings.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha1
from json.encoder import encode_basestring_ascii
from typing import Any, Final
from uuid import UUID

from media_pipeline.records import NAMESPACE, Licence, Listing

# The order of the cells below.
COLUMNS: Final = (
    *("tenant", "page_id", "reported_by", "priority", "checked_at"),
    *("licence", "licence_family", "licence_version", "licence_jurisdiction", "licence_url", "licence_is_open"),
    *("allows_commercial", "allows_derivatives", "needs_attribution", "licence_raw"),
    *("listing_id", "source", "partition", "source_key", "edition", "original_url", "fallback_urls", "thumbnail_url"),
    *("page_url", "attribution", "creator", "title", "subject_id", "taxon_name", "species_confidence", "observed_on"),
    *("observed_at", "latitude", "longitude", "coordinate_uncertainty_m", "is_obscured", "size_bytes", "width_px"),
    *("height_px", "content_type", "sha1", "prior_points", "observation_ids"),
)
# Between cells, between lines, and for null, until the cells are escaped; no text of a listing holds them.
_CELL, _LINE, _NULL = "\x1d", "\x1e", "\x1f"
_VARIANT: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


@dataclass(frozen=True, slots=True)
class Telling:
    """What all the lines of one page have in common."""

    tenant: str
    page: UUID
    reported_by: str
    priority: int
    received_at: datetime

    @property
    def cells(self) -> str:
        return _joined((self.tenant, self.page, self.reported_by, self.priority, self.received_at.isoformat()))


def lines_of(found: Iterable[tuple[Listing, str]], telling: Telling) -> bytes:
    """The lines of these listings, each with its partition."""
    head, tenant = telling.cells, telling.tenant
    lines = "".join(
        [f"{head}{_CELL}{_licence(one.licence)}{_CELL}{_cells(one, part, tenant)}{_LINE}" for one, part in found]
    )
    for sign, written in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        lines = lines.replace(sign, written)
    return lines.replace(_CELL, "\t").replace(_LINE, "\n").replace(_NULL, "\\N").encode()


def _cells(listing: Listing, partition: str, tenant: str) -> str:
    return _joined(
        (
            _id_of(tenant, listing.source, listing.source_key, listing.edition),
            listing.source,
            partition,
            listing.source_key,
            listing.edition,
            listing.original_url,
            _array(listing.fallback_urls),
            listing.thumbnail_url,
            listing.page_url,
            listing.attribution,
            listing.creator,
            listing.title,
            listing.subject_id,
            listing.taxon_name,
            listing.species_confidence,
            listing.observed_on,
            listing.observed_at,
            listing.latitude,
            listing.longitude,
            listing.coordinate_uncertainty_m,
            listing.is_obscured,
            listing.size_bytes,
            listing.width_px,
            listing.height_px,
            listing.content_type,
            listing.sha1,
            listing.prior_points,
            _array(listing.observation_ids),
        )
    )


def _joined(cells: Iterable[Any]) -> str:
    return _CELL.join([_NULL if cell is None else cell if cell.__class__ is str else str(cell) for cell in cells])


@lru_cache(maxsize=256)
def _licence(licence: Licence) -> str:
    return _joined(
        (
            licence.name,
            licence.family,
            licence.version,
            licence.jurisdiction,
            licence.url,
            licence.is_open,
            licence.allows_commercial,
            licence.allows_derivatives,
            licence.needs_attribution,
            licence.raw,
        )
    )


def _array(texts: Iterable[str]) -> str:
    """JSON: the encoder for anything takes four times as long."""
    return f"[{','.join(map(encode_basestring_ascii, texts))}]"


def _id_of(tenant: str, source: str, source_key: str, edition: str) -> str:
    """`records.listing_id`, written: a UUID object and its text take four times as long."""
    told = "\0".join(("listing", tenant, source, source_key, edition)).encode()
    sign = sha1(NAMESPACE.bytes + told, usedforsecurity=False).hexdigest()
    return f"{sign[:8]}-{sign[8:12]}-5{sign[13:16]}-{_VARIANT[sign[16]]}{sign[17:20]}-{sign[20:32]}"
