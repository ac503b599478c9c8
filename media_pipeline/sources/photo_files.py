"""What a format and an address say of a file: is it a photo, and how large against others of the same photo?

What is not here: what the bytes say (stages/fetch). Nothing is asked over the network, so all of it is a guess that
only leaves out what is surely no photo, and only puts files together whose addresses differ in a word for a size.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_TYPES: Final = {
    **dict.fromkeys(("jpg", "jpeg", "image/jpg", "image/pjpeg"), "image/jpeg"),
    **{word: f"image/{word}" for word in ("png", "gif", "tiff", "webp", "heic")},
}
# Formats that say nothing; the bytes will.
_VAGUE: Final = frozenset(("", "image", "stillimage", "application/octet-stream", "binary/octet-stream"))
_DRAWINGS: Final = ("image/svg", "image/vnd.djvu", "image/x-djvu", "image/vnd.dwg", "image/vnd.dxf")
_PHOTOS: Final = frozenset(
    ("jpg", "jpeg", "jpe", "png", "gif", "tif", "tiff", "webp", "heic", "heif", "bmp", "jp2", "avif")
)
_SOUNDS: Final = frozenset(("mp3", "wav", "ogg", "oga", "flac", "m4a", "wma", "aif", "aiff"))
_VIDEOS: Final = frozenset(("mp4", "mov", "avi", "mpg", "mpeg", "webm", "mkv", "ogv", "wmv", "m4v"))
_PAGES: Final = frozenset(("html", "htm", "xhtml", "json", "jsonld", "xml", "dzi", "txt", "csv"))
_OTHERS: Final = _SOUNDS | _VIDEOS | _PAGES | {"pdf", "djvu", "svg", "zip", "obj", "stl", "ply", "gltf", "glb"}

_PICTURE_OF_A_SOUND: Final = re.compile(r"sonogra|spectrogra|oscillogra|waveform|/ffts/", re.IGNORECASE)

# About how long the long edge is: to compare, not to believe.
SMALL: Final = 500
_LENGTHS: Final = {
    **dict.fromkeys(("thumbnails", "thumbnail", "thumbs", "thumb", "tn", "square"), 100),
    "small": 240,
    "medium": SMALL,
    **dict.fromkeys(("large", "lg"), 2_000_000),
    **dict.fromkeys(("originals", "original", "orig", "full", "max"), 10_000_000),
}
# Without a word: portals that write `x.jpg`, `x_lg.jpg`, `x_tn.jpg` mean the page's size by the first.
_PLAIN: Final = 1_000_000
_WORDS: Final = "|".join(_LENGTHS)
_SIZE: Final = re.compile(
    # /thumb/, /500x500/, and IIIF's /500,/
    rf"(?<=/)(?:(?P<folder>{_WORDS})|!?(?P<box>\d{{2,5}})[x,]\d{{0,5}})(?=/)"
    # /large.jpg, _lg.jpg
    rf"|(?:(?<=/)|[_-])(?P<name>{_WORDS})(?=\.\w{{2,5}}(?:\?|$))"
    # ?width=500
    rf"|(?<=[?&])(?:w|width|maxwidth|size)=(?P<asked>\d{{2,5}}|{_WORDS})(?=&|$)",
    # ASCII: without it «ſmall» is «small», which no table knows.
    re.IGNORECASE | re.ASCII,
)


def content_type_of(told: str | None) -> str | None:
    """The type of a picture; None where the format says nothing, or something else."""
    said = _said(told)
    return said if said.startswith("image/") and not said.startswith(_DRAWINGS) else None


def why_no_photo(told: str | None, url: str | None, *, is_still: bool, words: str = "") -> str | None:
    """What in format, address or words says that it is no photo; None: it may be one. `is_still`: its source calls it
    a picture."""
    if _PICTURE_OF_A_SOUND.search(f"{url} {words}"):
        return "the picture of a sound"
    if content_type_of(told) is not None:
        return None
    if _said(told) not in _VAGUE:
        return f"format {_said(told)[:100]}"
    path = urlsplit(url).path.lower() if url is not None else ""
    ending = path.rpartition(".")[2]
    if ending in _OTHERS or path.endswith("/manifest"):
        return f"a file that ends in {path[-20:]}"
    if not is_still and ending not in _PHOTOS:
        return "neither type, format nor name says that it is one"
    return None


def photo_and_length(url: str) -> tuple[str, int]:
    """The address without scheme and words for sizes, which all files of one photo share; and how large this one is."""
    lengths: list[int] = []

    def without(found: re.Match[str]) -> str:
        word = (found["folder"] or found["box"] or found["name"] or found["asked"]).lower()
        lengths.append(_LENGTHS[word] if word in _LENGTHS else int(word))
        return "*" if found["folder"] or found["box"] else ""

    photo = _SIZE.sub(without, url[url.index("//") :])
    return photo.rstrip("?&"), min(lengths, default=_PLAIN)


def _said(told: str | None) -> str:
    said = (told or "").lower().split(";")[0].strip()
    return _TYPES.get(said, said)
