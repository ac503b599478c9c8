"""Title, creator, rights and keywords: what people wrote about a picture, into the file. Pure.

XMP first, for it knows languages and lists; then IPTC; then EXIF. What is not here: the licence, which only a source's
word decides (media_pipeline/licences.py), and the reading of the blocks (xmp.py, iptc.py, exif.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from PIL import ExifTags

from media_pipeline.stages.examine import iptc
from media_pipeline.stages.examine.exif import Directory, wide_words, words
from media_pipeline.stages.examine.xmp import Properties

MAX_KEYWORDS: Final = 100
MAX_KEYWORD_LENGTH: Final = 200

# What cameras and programs write where a title belongs.
NO_TITLE: Final = re.compile(
    r"(?:.* )?digital (?:still )?camera|sony dsc|samsung|untitled|default|exif_jpeg_picture|jpeg picture"
    r"|image description|camera",
    re.IGNORECASE,
)


def captions(main: Directory, properties: Properties, sets: iptc.Sets) -> dict[str, Any]:
    """The caption columns of a row of `metadata`."""
    tags = ExifTags.Base
    title = _first(
        _joined(properties.get("dc:title", ())[:1]),
        _joined(sets.get(iptc.TITLE, ())[:1]),
        _joined(sets.get(iptc.HEADLINE, ())[:1]),
        wide_words(main.get(tags.XPTitle)),
        _description(main),
    )
    return {
        "title": title,
        "creator": _first(
            _joined(properties.get("dc:creator", ())),
            _joined(sets.get(iptc.CREATOR, ())),
            wide_words(main.get(tags.XPAuthor)),
            words(main.get(tags.Artist)),
        ),
        "rights": _first(
            _joined(properties.get("dc:rights", ())[:1]),
            _joined(sets.get(iptc.RIGHTS, ())[:1]),
            words(main.get(tags.Copyright)),
        ),
        "keywords": _keywords(
            properties.get("dc:subject", ()),
            sets.get(iptc.KEYWORDS, ()),
            (wide_words(main.get(tags.XPKeywords)) or "").split(";"),
        ),
    }


def _description(main: Directory) -> str | None:
    """EXIF's description. Cameras repeat their name there, and programs store their state, coordinates and all."""
    said = words(main.get(ExifTags.Base.ImageDescription))
    is_own_name = said in (words(main.get(ExifTags.Base.Make)), words(main.get(ExifTags.Base.Model)))
    return None if said is None or is_own_name or said.startswith("{") else said


def _first(*texts: str | None) -> str | None:
    return next((text for text in texts if text and not NO_TITLE.fullmatch(text)), None)


def _joined(texts: Iterable[str]) -> str | None:
    return "; ".join(texts) or None


def _keywords(*lists: Iterable[str]) -> list[str]:
    """All of them, each once, in the order in which they were found."""
    found = (word.strip()[:MAX_KEYWORD_LENGTH].strip() for words_of_one in lists for word in words_of_one)
    return list(dict.fromkeys(word for word in found if word))[:MAX_KEYWORDS]
