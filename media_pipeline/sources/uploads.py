"""Uploads: files that people put into a folder or bucket.

What it is  files under MEDIA_UPLOADS_URL, a local folder or an S3 prefix
Terms       the operator's own: MEDIA_UPLOADS_LICENCE and MEDIA_UPLOADS_ATTRIBUTION hold for all of it
Licence     unknown unless the operator names one
Limits      none but the store's
Paging      keys in byte order, 1,000 at a time, those already listed left out
Quirks      a key whose content changes gets another etag and is a listing of its own: the former file stays
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from media_pipeline.licences import licence
from media_pipeline.records import Listing
from media_pipeline.sources.protocol import Answer, Limits, Parsed

PAGE_SIZE = 1000


def page_of(entries: Iterable[tuple[str, str, int]]) -> bytes:
    """What the bucket said (key, etag, size), as it is stored; the same entries give the same bytes."""
    return json.dumps(
        [{"key": key, "etag": etag, "size_bytes": size} for key, etag, size in entries],
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


@dataclass(frozen=True, slots=True)
class Uploads:
    """The source `uploads`."""

    name: ClassVar[str] = "uploads"
    parser_version: ClassVar[str] = "2"
    limits: ClassVar[Limits] = Limits(priority=100, requests_per_s=1000, fastest_per_s=1000, needs_contact=False)

    def parse(self, answer: Answer) -> Parsed:
        """One listing for each file."""
        terms = answer.terms
        listings = tuple(
            Listing(
                source=self.name,
                source_key=entry["key"],
                edition=entry["etag"],
                original_url=entry["key"],
                licence=licence(terms.licence or ""),
                attribution=terms.attribution or None,
                size_bytes=entry["size_bytes"],
            )
            for entry in json.loads(answer.body)
        )
        return Parsed(listings)
