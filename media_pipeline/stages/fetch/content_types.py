"""What a file is, by its first bytes: names and declared types lie.

What is not here: whether the rest of the file is any good (stages/examine).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from media_pipeline.records import MediaKind

HEAD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class ContentType:
    """One known type: `magic` stands at `offset`, and `also` (where given) at `also_offset`."""

    name: str
    extension: str
    kind: MediaKind
    magic: bytes
    offset: int = 0
    also: bytes = b""
    also_offset: int = 0

    def fits(self, head: bytes) -> bool:
        return head.startswith(self.magic, self.offset) and head.startswith(self.also, self.also_offset)


def _brand(name: str, extension: str, kind: MediaKind, brand: bytes) -> ContentType:
    """ISO base media files say at byte 8 what they are."""
    return ContentType(name, extension, kind, b"ftyp", 4, brand, 8)


CONTENT_TYPES: tuple[ContentType, ...] = (
    ContentType("image/jpeg", "jpg", "image", b"\xff\xd8\xff"),
    ContentType("image/png", "png", "image", b"\x89PNG\r\n\x1a\n"),
    ContentType("image/gif", "gif", "image", b"GIF87a"),
    ContentType("image/gif", "gif", "image", b"GIF89a"),
    ContentType("image/webp", "webp", "image", b"RIFF", 0, b"WEBP", 8),
    ContentType("image/tiff", "tif", "image", b"II*\0"),
    ContentType("image/tiff", "tif", "image", b"MM\0*"),
    ContentType("image/tiff", "tif", "image", b"II+\0"),
    ContentType("image/bmp", "bmp", "image", b"BM", 0, b"\0\0\0\0", 6),
    ContentType("image/jp2", "jp2", "image", b"\0\0\0\x0cjP  \r\n\x87\n"),
    _brand("image/avif", "avif", "image", b"avif"),
    _brand("image/avif", "avif", "image", b"avis"),
    _brand("image/heic", "heic", "image", b"heic"),
    _brand("image/heic", "heic", "image", b"heix"),
    _brand("image/heif", "heif", "image", b"mif1"),
    _brand("image/heif", "heif", "image", b"msf1"),
    _brand("video/quicktime", "mov", "video", b"qt  "),
    _brand("audio/mp4", "m4a", "audio", b"M4A "),
    # Any other brand of the family is a video: isom, iso2, mp41, mp42, avc1, M4V, 3gp…
    ContentType("video/mp4", "mp4", "video", b"ftyp", 4),
    ContentType("video/webm", "webm", "video", b"\x1aE\xdf\xa3"),
    ContentType("video/x-msvideo", "avi", "video", b"RIFF", 0, b"AVI ", 8),
    ContentType("audio/wav", "wav", "audio", b"RIFF", 0, b"WAVE", 8),
    ContentType("audio/flac", "flac", "audio", b"fLaC"),
    ContentType("audio/ogg", "ogg", "audio", b"OggS"),
    ContentType("audio/mpeg", "mp3", "audio", b"ID3"),
    ContentType("audio/mpeg", "mp3", "audio", b"\xff\xfb"),
    ContentType("audio/mpeg", "mp3", "audio", b"\xff\xf3"),
)


# What servers send where a photo was promised, by its beginning behind blanks, comments and declarations.
_PAGES: tuple[bytes, ...] = (
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<body",
    b"<title",
    b"<meta",
    b"<script",
    b"<center",
    b"<h1",
    b"<p>",
    b"<div",
)
_DOCUMENTS: tuple[tuple[bytes, str], ...] = (
    (b"<svg", "an SVG drawing"),
    (b"<!doctype svg", "an SVG drawing"),
    (b"%pdf-", "a PDF document"),
    (b"at&tform", "a DjVu document"),
)
_BEFORE = re.compile(rb"(?:\xef\xbb\xbf|\s+|<!--.*?-->|<\?xml.*?\?>)*", re.DOTALL)


def is_page(head: bytes) -> bool:
    """Whether it begins as HTML does."""
    return _beginning(head).startswith(_PAGES)


def document(head: bytes) -> str | None:
    """What it is, where it is a drawing or a document."""
    begin = _beginning(head)
    return next((told for magic, told in _DOCUMENTS if begin.startswith(magic)), None)


def _beginning(head: bytes) -> bytes:
    found = _BEFORE.match(head)
    return head[found.end() if found else 0 :][:32].lower()


def content_type(data: bytes) -> ContentType | None:
    """The first type that fits; None for everything else (text, HTML, archives, noise)."""
    head = data[:HEAD_BYTES]
    return next((known for known in CONTENT_TYPES if known.fits(head)), None)
