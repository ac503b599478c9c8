"""What people say of a media by command: tags and a sentence.

What is not here: what models say (stages/describe), where it is kept (stores/catalog/sayings.py).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError
from media_pipeline.stores.catalog import sayings
from media_pipeline.stores.library import open_library

WORD: Final = re.compile(r"[^\W_](?:[^\W_]|['’-]){0,62}")
MAX_TEXT: Final = 2_000


def tag(settings: Settings, media: str, words: Sequence[str]) -> str:
    """Add these tags, and say what the media has now; without words it is only said."""
    chosen = [tag_word(word) for word in words]
    with open_library(settings) as library, library.engine.begin() as connection:
        item = _media(connection, library.tenant, media)
        if chosen:
            sayings.add_tags(connection, library.tenant, item, chosen)
        return _standing(connection, library.tenant, item)


def untag(settings: Settings, media: str, words: Sequence[str]) -> str:
    """Take these tags back, and say what the media has now. A model's own tag is refused: it would come again."""
    chosen = [tag_word(word) for word in words]
    with open_library(settings) as library, library.engine.begin() as connection:
        item = _media(connection, library.tenant, media)
        given = {(row.tag, row.source) for row in sayings.tags_of(connection, library.tenant, item)}
        for word in chosen:
            if (word, sayings.MANUAL) in given:
                continue
            if (word, sayings.AUTO) in given:
                raise ConfigError(f"{word}: the model gave it, and the next one would again: raise its margin instead")
            raise ConfigError(f"{word}: {media} has no such tag: {_standing(connection, library.tenant, item)}")
        sayings.remove_tags(connection, library.tenant, item, chosen)
        return _standing(connection, library.tenant, item)


def describe(settings: Settings, media: str, text: str) -> str:
    """A person's sentence, which goes before the made one; an empty one takes it back."""
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    if len(plain) > MAX_TEXT or not plain.isprintable():
        raise ConfigError(f"the text must be of at most {MAX_TEXT:,} printable signs")
    with open_library(settings) as library, library.engine.begin() as connection:
        item = _media(connection, library.tenant, media)
        sayings.write_description(connection, library.tenant, item, plain)
        return _standing(connection, library.tenant, item)


def tag_word(word: str) -> str:
    """As tags are written: `Red Fox` is `red-fox`, as in a vocabulary."""
    plain = "-".join(unicodedata.normalize("NFKC", word).lower().replace("_", " ").split())
    if not WORD.fullmatch(plain):
        raise ConfigError(f"{word!r}: a tag is 1 to 63 letters and digits, with - between words")
    return plain


def _media(connection: Connection, tenant: str, word: str) -> UUID:
    found = sayings.find_media(connection, tenant, word)
    if found is None:
        raise ConfigError(f"{word}: no such media: give its public code or its id")
    return found


def _standing(connection: Connection, tenant: str, item: UUID) -> str:
    rows = sayings.tags_of(connection, tenant, item)
    words = ", ".join(row.tag if row.source == sayings.MANUAL else f"{row.tag} ({row.score:.2f})" for row in rows)
    said = sayings.description_of(connection, tenant, item)
    return f"tags: {words or 'none'}" + (f"\n{said}" if said else "")
