"""Blobs: bytes under a key, in a local folder or an S3-compatible bucket, behind one narrow interface.

Here: the interface, the rules for keys, and `open_blobs`, which reads a URL. Not here: the two back ends
(stores/folder.py, and stores/bucket.py, loaded on use because boto3 takes half a second), which keys the library uses
(the stages), and what is known about a blob (the catalog).

Both back ends list in the byte order of UTF-8 keys, so that «the next 1,000 after this key» means the same in both.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import unquote

from media_pipeline.config import BUCKET
from media_pipeline.errors import BadKey, BlobCorrupt, BlobError, ConfigError

TEMP_FOLDER = ".media-pipeline-temp"
KEY_BYTES = 1024
SEGMENT_BYTES = 255
# At a time, by each of sixteen threads.
COPY_BYTES = 1 << 18
# What a signature of version 4 may last.
PRESIGN_SECONDS = 604_800


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """One blob as listed. A changed `etag` means changed bytes; the two back ends make it differently."""

    key: str
    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class S3Options:
    """How to reach a bucket; keys left out come from boto3's own chain."""

    endpoint_url: str | None = None
    region: str = "us-east-1"
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    # What is stored below may be kept by every browser and CDN for ever: the bytes under these keys never change.
    immutable_below: str | None = None


class Blobs(Protocol):
    """What stages may do with blobs. Every method raises BlobError, or one of its kinds, and nothing else."""

    def put_if_absent(self, key: str, data: bytes, *, content_type: str) -> bool:
        """Store whole or not at all, never over another blob; True when this call wrote it.

        After either answer a blob is there for good. Of several writers at once one is told True; none may be when
        the answer to a writer got lost, so a count may rest on it, ownership may not.
        """
        ...

    def put_file_if_absent(self, key: str, path: Path, *, content_type: str) -> bool:
        """The same with the bytes of a file, never whole in memory. The file is given away: it may have become the blob
        itself, so that nothing may be done with `path` afterwards but removing it."""
        ...

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        """Store in place of whatever is there; a reader sees the former bytes or the new ones."""
        ...

    def get(self, key: str, *, sha256: str | None = None) -> bytes:
        """All bytes; BlobMissing without any, BlobCorrupt when they do not have the hexadecimal `sha256`."""
        ...

    def get_to_file(self, key: str, path: Path) -> str:
        """Copy all bytes to a new file, never whole in memory; answers their hexadecimal sha256."""
        ...

    def head(self, key: str) -> BlobInfo | None:
        """What is under this key, or None."""
        ...

    def list_after(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> list[BlobInfo]:
        """The next `limit` blobs behind `after` in byte order; fewer than `limit` only at the end.

        Every key listed can be read. Left out: folder markers, and (with a warning in the log) names that no catalog
        could hold or no client could ask for.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove it; that it is absent already is fine."""
        ...

    def presigned_get(self, key: str, *, seconds: int) -> str:
        """A URL that a browser may read for this time."""
        ...

    def presigned_put(self, key: str, *, seconds: int, content_type: str) -> str:
        """A URL to which a browser may PUT one file of this type for this time."""
        ...


def open_blobs(url: str, *, s3: S3Options | None = None) -> Blobs:
    """The store behind `file:PATH` or `s3://BUCKET/PREFIX`; nothing is created or contacted yet.

    `file:PATH` is taken as it is written (relative to the working folder, `~` is a home folder); after `file://` comes
    a true URL, in which `%20` is a space. urlsplit is not used: it would cut a path at `#` or `?`.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "file":
        from media_pipeline.stores.folder import LocalBlobs

        return LocalBlobs(_url_path(url, rest))
    bucket, _, prefix = rest.removeprefix("//").partition("/")
    if scheme != "s3" or not rest.startswith("//"):
        raise ConfigError(f"blob URL {_shown(url)}: must be file:PATH or s3://BUCKET/PREFIX")
    if not BUCKET.fullmatch(bucket):
        raise ConfigError(
            f"blob URL {_shown(url)}: names of buckets have 3 to 63 letters, digits, `.`, `-`; "
            "write file:PATH or s3://BUCKET/PREFIX"
        )
    from media_pipeline.stores.bucket import open_bucket

    return open_bucket(bucket, prefix=prefix.strip("/"), options=s3 or S3Options())


def _url_path(url: str, rest: str) -> Path:
    path = rest
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host not in ("", "localhost"):
            raise ConfigError(f"blob URL {_shown(url)}: names the host {host!r}; a local folder is file:///PATH")
        path = unquote(slash + path)
    if not path or "\0" in path:
        raise ConfigError(f"blob URL {_shown(url)}: names no folder; write file:PATH")
    try:
        return Path(path).expanduser()
    except RuntimeError as no_home:
        raise ConfigError(f"blob URL {_shown(url)}: {no_home}; write the whole path") from no_home


def _shown(url: str) -> str:
    """A URL without what may be a password in it."""
    return repr(re.sub(r"//[^/]*@", "//***@", url))


_Rule = tuple[Callable[[str], bool], str]

# What no back end can hold, or what could lead out of it: also asked of keys that others chose.
_READ_RULES: tuple[_Rule, ...] = (
    (lambda key: not key, "is empty"),
    (lambda key: not key.isascii() and any("\ud800" <= sign <= "\udfff" for sign in key), "is not UTF-8"),
    (lambda key: "\0" in key, "has a NUL"),
    (lambda key: key.endswith("/"), "ends with a slash"),
    # On the way to a bucket, clients and proxies resolve these.
    (lambda key: any(part in (".", "..") for part in key.split("/")), "has a segment . or .."),
    (lambda key: key.startswith(TEMP_FOLDER), f"begins with {TEMP_FOLDER}, where writes in progress lie"),
    (lambda key: len(key.encode()) > KEY_BYTES, f"has more than {KEY_BYTES} bytes"),
)
# What is legal somewhere and trouble elsewhere: asked of keys that this package chooses.
_WRITE_RULES: tuple[_Rule, ...] = (
    *_READ_RULES,
    (lambda key: key.startswith("/"), "is absolute"),
    (lambda key: "//" in key, "has an empty segment"),
    (lambda key: "\\" in key, "has a backslash"),
    # Keys are asked for nine times a photo: printable ones, which is nearly all, not sign by sign.
    (
        lambda key: not key.isprintable() and any(unicodedata.category(sign) == "Cc" for sign in key),
        "has a control character",
    ),
    (
        lambda key: any(len(part.encode()) > SEGMENT_BYTES for part in key.split("/")),
        f"has a segment of more than {SEGMENT_BYTES} bytes",
    ),
)


def checked_key(key: str) -> str:
    """The key of something to be written, when every back end can hold it; else BadKey saying why."""
    return _obeying(_WRITE_RULES, key)


def readable_key(key: str) -> str:
    """The key of something that others may have written: odd ones are taken, those that could lead out are not."""
    return _obeying(_READ_RULES, key)


def _obeying(rules: tuple[_Rule, ...], key: str) -> str:
    for breaks, fault in rules:
        if breaks(key):
            shown = key if len(key) <= 80 else key[:80] + "…"
            raise BadKey(f"key {shown!r} {fault}: choose another key")
    return key


def checked_place(text: str) -> str:
    """A prefix or a place to list from, which need not be a key."""
    if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise BadKey(f"{text!r} is not UTF-8 or has a NUL: nothing can be listed there")
    return text


def is_readable(key: str) -> bool:
    """Whether `readable_key` takes it."""
    return not any(breaks(key) for breaks, _ in _READ_RULES)


def checked_bytes(data: bytes, *, place: str, sha256: str | None) -> bytes:
    """The same bytes, when they have this sum or none is expected."""
    if sha256 is None:
        return data
    found = hashlib.sha256(data).hexdigest()
    if found != sha256.lower():
        raise BlobCorrupt(
            f"{place}: expected sha256 {sha256.lower()}, read {found} ({len(data)} bytes); "
            "restore it from a backup, or delete it and fetch it again"
        )
    return data


def copied(read: Callable[[int], bytes], file: BinaryIO) -> str:
    """Write everything that `read` gives; the hexadecimal sha256 of it."""
    digest = hashlib.sha256()
    while piece := read(COPY_BYTES):
        digest.update(piece)
        file.write(piece)
    return digest.hexdigest()


def checked_seconds(seconds: int) -> int:
    if not 1 <= seconds <= PRESIGN_SECONDS:
        raise BlobError(f"a signed URL cannot last {seconds} s: choose 1 to {PRESIGN_SECONDS} (a week)")
    return seconds
