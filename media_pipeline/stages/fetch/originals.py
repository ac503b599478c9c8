"""What a file that came turns out to be, or why it is refused. Pure: reads from an open file.

What is not here: where it comes from and goes to (assets.py), whether it is large enough (admission.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from media_pipeline.errors import FetchError
from media_pipeline.stages.fetch.content_types import HEAD_BYTES, ContentType, content_type, document, is_page
from media_pipeline.stages.fetch.dimensions import long_edge

VERSION = "1"
PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file as it came: how many bytes, their sum, and what its server calls it. `is_promised_photo`: nothing else
    than a picture will do."""

    size_bytes: int
    sha256: str
    declared_type: str | None = None
    is_promised_photo: bool = False


@dataclass(frozen=True, slots=True)
class Original:
    """One accepted file."""

    sha256: str
    size_bytes: int
    type: ContentType
    long_edge_px: int | None


def judged(
    file: BinaryIO,
    arrived: Arrived,
    *,
    max_bytes: int,
    placeholders: Mapping[str, str],
    listed_sha1: str | None = None,
) -> Original:
    """The file as an original; a FetchError says why not."""
    if not arrived.size_bytes:
        raise FetchError("empty", "0 bytes")
    if arrived.size_bytes > max_bytes:
        raise too_large(arrived.size_bytes, max_bytes=max_bytes)
    if arrived.sha256 in placeholders:
        raise FetchError("placeholder", f"sha256 {arrived.sha256}: {placeholders[arrived.sha256]}")
    file.seek(0)
    head = file.read(HEAD_BYTES)
    known = content_type(head)
    if arrived.is_promised_photo:
        _must_be_a_photo(head, known, declared_type=arrived.declared_type)
    if known is None:
        raise FetchError("not_media", f"begins with {head[:16]!r}")
    edge = long_edge(file, known.name)
    if arrived.is_promised_photo and edge == 1:
        raise FetchError("tiny", "1 x 1 px")
    if listed_sha1 is not None:
        # Here and not while it came: most sources list none.
        file.seek(0)
        came = hashlib.sha1(usedforsecurity=False)
        for piece in iter(partial(file.read, PIECE), b""):
            came.update(piece)
        if came.hexdigest() != listed_sha1.lower():
            raise FetchError("replaced", f"listed with sha1 {listed_sha1.lower()}, came with {came.hexdigest()}")
    return Original(arrived.sha256, arrived.size_bytes, known, edge)


def _must_be_a_photo(head: bytes, known: ContentType | None, *, declared_type: str | None) -> None:
    if known is not None:
        if known.kind != "image":
            raise FetchError("not_a_photo", f"{known.name} came")
        return
    if told := document(head):
        raise FetchError("not_a_photo", f"{told} came")
    if is_page(head) or (declared_type or "").startswith(("text/html", "application/xhtml")):
        raise FetchError("html_instead", f"begins with {head[:40]!r}")


def too_large(size_bytes: int, *, max_bytes: int) -> FetchError:
    return FetchError("too_large", f"{size_bytes} bytes; MEDIA_MAX_BYTES allows {max_bytes}")
