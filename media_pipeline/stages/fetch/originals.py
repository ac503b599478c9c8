"""What a downloaded file turns out to be: its digest and type, or why it is refused. Pure.

What is not here: where its bytes come from and go to (assets.py).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from media_pipeline.errors import FetchError
from media_pipeline.stages.fetch.content_types import ContentType, content_type

VERSION = "1"


@dataclass(frozen=True, slots=True)
class Original:
    """One accepted file."""

    sha256: str
    type: ContentType
    data: bytes


def accepted(data: bytes, *, max_bytes: int) -> Original:
    """The file as an original; a FetchError says why not."""
    if not data:
        raise FetchError("empty", "0 bytes")
    if len(data) > max_bytes:
        raise FetchError("too_large", f"{len(data)} bytes; MEDIA_MAX_BYTES allows {max_bytes}")
    known = content_type(data)
    if known is None:
        raise FetchError("not_media", f"begins with {data[:16]!r}")
    return Original(hashlib.sha256(data).hexdigest(), known, data)


def blob_key(source: str, media_id: object, extension: str) -> str:
    """Originals never move: the key holds nothing that may change."""
    return f"media/{source}/{media_id}/original.{extension}"
