"""What becomes of a body while it comes: an answer in memory, or a file on disk with its digests.

Both are bounded by what the bytes unpack to, and not by what was sent: a thousandth of it may be enough for a bomb.
What is not here: how the bytes come (stores/wire.py), and what a status means (stores/http.py).
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from media_pipeline.errors import BlobError, FetchError
from media_pipeline.stores.exchanges import Head

PIECE: Final = 1 << 20
# Of a body that nobody wants: so much is read, because the connection can be used again after its end only.
RUBBISH: Final = 1 << 16
CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")
OPT_OUTS: Final = frozenset({"noai", "noimageai"})
AGENT: Final = "media-pipeline"


class Unpacking:
    """Undoes a `Content-Encoding`, a piece at a time."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower()
        if self._encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise FetchError("short_body", f"packed as {encoding[:40]!r}, which was not asked for")
        self._packed = zlib.decompressobj(zlib.MAX_WBITS | 32) if self._encoding not in ("", "identity") else None

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What a chunk unpacks to, at most a mebibyte each, so that the reader can stop."""
        if self._packed is None:
            yield chunk
            return
        while chunk:
            if self._packed.eof:  # one member after the other is one file
                self._packed = zlib.decompressobj(zlib.MAX_WBITS | 32)
            try:
                piece = self._packed.decompress(chunk, PIECE)
            except zlib.error as error:
                raise FetchError("short_body", f"it cannot be unpacked: {error}") from error
            chunk = self._packed.unconsumed_tail or self._packed.unused_data
            yield piece


@dataclass(slots=True)
class Page:
    """An answer, whatever its status, in memory."""

    max_bytes: int
    head: Head | None = None
    came_bytes: int = 0
    body: bytearray = field(default_factory=bytearray)
    _unpacking: Unpacking = field(default_factory=lambda: Unpacking(""))

    def forget(self) -> None:
        """Before each exchange."""
        self.head, self.came_bytes, self.body = None, 0, bytearray()

    def begin(self, head: Head) -> bool:
        self.head = head
        self._unpacking = Unpacking(head.headers.get("content-encoding", ""))
        return True

    def take(self, chunk: bytes) -> bool:
        self.came_bytes += len(chunk)
        for piece in self._unpacking.pieces(chunk):
            self.body += piece
            if len(self.body) > self.max_bytes:
                raise FetchError("too_large", f"more than {self.max_bytes} bytes")
        return True


class Spool:
    """A file that grows with what comes. A part that came is kept for a next try, where its server can continue."""

    def __init__(self, to: Path, *, max_bytes: int, honour_noai: bool) -> None:
        self.path = to
        self.head: Head | None = None
        self.came_bytes = 0
        self._max_bytes = max_bytes
        self._honour_noai = honour_noai
        self._file: BinaryIO | None = None
        self._restart()

    def _restart(self) -> None:
        self.size_bytes, self.sha256 = 0, hashlib.sha256()
        self._etag = ""
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()

    def forget(self) -> None:
        """Before each exchange; the part stays."""
        self.head, self.came_bytes = None, 0

    def asks(self) -> dict[str, str]:
        """The headers that ask for the rest only, where that is safe: the same file, by a strong ETag."""
        if not (self.size_bytes and self._etag):
            return {}
        return {"range": f"bytes={self.size_bytes}-", "if-range": self._etag}

    def begin(self, head: Head) -> bool:
        self.head = head
        if head.status == 416 and self.size_bytes:
            self._restart()
            raise FetchError("short_body", "the rest of what came before is not there")
        if head.status not in (200, 206):
            return True
        if self._honour_noai and is_opted_out(head.headers.get("x-robots-tag", "")):
            raise FetchError("opted_out", f"X-Robots-Tag: {head.headers['x-robots-tag'][:200]}")
        if head.status == 206:
            if not self._continues(head):
                self._restart()
                raise FetchError("short_body", "the rest that came is not the rest of what came before")
        else:
            self._restart()
            self._write(b"")  # an empty file is a file
        encoding = head.headers.get("content-encoding", "")
        self._unpacking = Unpacking(encoding)
        promised = head.headers.get("content-length", "")
        if promised.isdecimal() and self.size_bytes + int(promised) > self._max_bytes:
            raise FetchError("too_large", f"{self.size_bytes + int(promised)} bytes")
        etag = head.headers.get("etag", "")
        is_ranged = "bytes" in head.headers.get("accept-ranges", "").lower() or head.status == 206
        self._etag = etag if etag.startswith('"') and is_ranged and encoding in ("", "identity") else ""
        return True

    def _continues(self, head: Head) -> bool:
        found = CONTENT_RANGE.fullmatch(head.headers.get("content-range", ""))
        is_next = found is not None and int(found[1]) == self.size_bytes > 0
        return is_next and head.headers.get("etag", self._etag) == self._etag

    def take(self, chunk: bytes) -> bool:
        self.came_bytes += len(chunk)
        if self.head is None or self.head.status not in (200, 206):
            return self.came_bytes < RUBBISH
        for piece in self._unpacking.pieces(chunk):
            self.size_bytes += len(piece)
            if self.size_bytes > self._max_bytes:
                raise FetchError("too_large", f"more than {self._max_bytes} bytes")
            self.sha256.update(piece)
            self._write(piece)
        return True

    def _write(self, piece: bytes) -> None:
        try:
            if self._file is None:
                self._file = self.path.open("wb")
            self._file.write(piece)
        except OSError as error:
            raise BlobError(f"{self.path}: {error.strerror}") from error

    def close(self) -> None:
        """What came is on disk."""
        try:
            if self._file is not None:
                self._file.close()
        except OSError as error:
            raise BlobError(f"{self.path}: {error.strerror}") from error


def is_opted_out(robots: str) -> bool:
    """Whether an `X-Robots-Tag` says to all, or to us, that no AI may use the file: `noai`, `otherbot: noimageai`."""
    whom = ""
    for part in robots.lower().split(","):
        name, colon, rest = part.partition(":")
        if colon and name.strip() != "unavailable_after":
            whom, part = name.strip(), rest
        if part.strip() in OPT_OUTS and whom in ("", AGENT):
            return True
    return False
