"""IPTC's own block («IIM»): what agencies and older programs write about a picture. Pure.

What is not here: which of XMP, IPTC and EXIF is believed (captions.py, dates.py).
"""

from __future__ import annotations

from typing import Final

from media_pipeline.stages.examine.exif import cleaned

MARKER: Final = 0x1C
UTF_8: Final = b"\x1b%G"
MAX_SETS: Final = 2000

# Record and number of the data sets that are asked for.
CHARACTER_SET: Final = (1, 90)
TITLE: Final = (2, 5)
HEADLINE: Final = (2, 105)
KEYWORDS: Final = (2, 25)
CREATED_ON: Final = (2, 55)
CREATED_AT: Final = (2, 60)
CREATOR: Final = (2, 80)
RIGHTS: Final = (2, 116)

Sets = dict[tuple[int, int], tuple[str, ...]]


def data_sets(block: bytes | None) -> tuple[Sets, str | None]:
    """Texts by record and number; and what was wrong with the block. What stands before the damage is kept."""
    raw: dict[tuple[int, int], list[bytes]] = {}
    note, position = None, 0
    block = block or b""
    for _ in range(MAX_SETS):
        if position + 5 > len(block) or block[position] != MARKER:
            # Padding behind the last set is usual.
            note = "iptc_damaged" if block[position:].strip(b"\0 ") else None
            break
        key = (block[position + 1], block[position + 2])
        size = int.from_bytes(block[position + 3 : position + 5], "big")
        position += 5
        if size & 0x8000:
            # The long form: the size of the size. No text is that long.
            note = "iptc_damaged"
            break
        if position + size > len(block):
            note = "iptc_damaged"
            break
        raw.setdefault(key, []).append(block[position : position + size])
        position += size
    is_utf_8 = raw.get(CHARACTER_SET, [b""])[0] == UTF_8
    return {key: _texts(values, is_utf_8) for key, values in raw.items() if key[0] == 2}, note


def _texts(values: list[bytes], is_utf_8: bool) -> tuple[str, ...]:
    found = (cleaned(_decoded(value, is_utf_8)) for value in values)
    return tuple(text for text in found if text)


def _decoded(value: bytes, is_utf_8: bool) -> str:
    """Many write UTF-8 without saying so; whatever else it is, Latin-1 reads it."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("utf-8", "replace") if is_utf_8 else value.decode("latin-1")
