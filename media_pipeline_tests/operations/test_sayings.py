"""What people say by command: added, shown, taken back, and refused in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select, text

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError
from media_pipeline.operations.sayings import describe, tag, tag_word, untag
from media_pipeline.samples.photographs import photograph
from media_pipeline.stores.catalog import tables
from media_pipeline.stores.library import Library, open_library
from media_pipeline_tests.walking import materialize


@pytest.fixture
def code(settings: Settings, bucket: Path) -> str:
    """The public code of the one picture of a library, which a model has called a cup."""
    photograph("coffee").save(bucket / "coffee.jpg", quality=90)
    materialize(settings)
    with open_library(settings) as library, library.engine.begin() as catalog:
        media = catalog.execute(select(tables.media)).one()
        row = {"tenant": "public", "media_id": media.media_id, "tag": "cup", "source": "auto", "score": 0.97}
        catalog.execute(insert(tables.tags), row)
    return str(media.public_code)


def stale(library: Library) -> set[str]:
    with library.engine.connect() as catalog:
        return set(catalog.scalars(select(tables.ledger.c.output).where(tables.ledger.c.version == "")))


def test_tags_are_added_shown_and_taken_back(settings: Settings, code: str, library: Library) -> None:
    """By the code in any case, or the id; what is tagged twice is tagged once."""
    assert tag(settings, code, []) == "tags: cup (0.97)"
    assert tag(settings, code.lower(), ["Red Fox", "red_fox", "Café"]) == "tags: café, red-fox, cup (0.97)"
    with library.engine.connect() as catalog:
        item = str(catalog.scalar(select(tables.media.c.media_id)))
    assert tag(settings, item, ["red-fox"]) == "tags: café, red-fox, cup (0.97)"
    assert untag(settings, item, ["RED FOX"]) == "tags: café, cup (0.97)"


def test_a_word_of_a_person_makes_copies_stale(settings: Settings, code: str, library: Library) -> None:
    """The sentence and the index hold the tags; the next run makes both anew. A word that was there changes nothing."""
    tag(settings, code, [])
    assert stale(library) == set()
    tag(settings, code, ["breakfast"])
    assert stale(library) == {"descriptions", "vector_index"}
    materialize(settings)
    tag(settings, code, ["breakfast"])
    assert stale(library) == set()
    assert tag(settings, code, []) == "tags: breakfast, cup (0.97)\nA photo of breakfast and cup."


def test_a_sentence_of_a_person_goes_before_the_made_one(settings: Settings, code: str) -> None:
    """Until it is taken back."""
    tag(settings, code, ["breakfast"])
    materialize(settings)
    tags = "tags: breakfast, cup (0.97)"
    assert describe(settings, code, "  A  cup, steaming. ") == f"{tags}\nA cup, steaming."
    materialize(settings)
    assert describe(settings, code, "Cold coffee.") == f"{tags}\nCold coffee."
    assert describe(settings, code, "") == f"{tags}\nA photo of breakfast and cup."


def test_what_cannot_be_done_is_a_sentence(settings: Settings, code: str) -> None:
    """Another picture, a tag of the model, one that is not there, and words that are none."""
    refusals: dict[str, Callable[[], object]] = {
        "MYCO-IMG-NONE: no such media": lambda: tag(settings, "MYCO-IMG-NONE", ["a"]),
        "cup: the model gave it": lambda: untag(settings, code, ["cup"]),
        f"dog: {code} has no such tag: tags: cup": lambda: untag(settings, code, ["dog"]),
        "'': a tag is 1 to 63": lambda: tag(settings, code, [""]),
        "'a;drop': a tag is": lambda: tag(settings, code, ["a;drop"]),
        "the text must be of at most 2,000": lambda: describe(settings, code, "x" * 2001),
    }
    for told, call in refusals.items():
        with pytest.raises(ConfigError) as refused:
            call()
        assert told in str(refused.value)


def test_tags_are_counted(settings: Settings, code: str, library: Library) -> None:
    """Tagged media, assignments by whom, different words."""
    tag(settings, code, ["cup", "breakfast"])
    with library.engine.connect() as catalog:
        assert tuple(catalog.execute(text("select * from media.tag_stats")).one()) == ("public", 1, 3, 1, 2, 2)
        counts = catalog.execute(text("select tag, source, media_count from media.tag_counts order by 1, 2")).all()
    assert [tuple(row) for row in counts] == [("breakfast", "manual", 1), ("cup", "auto", 1), ("cup", "manual", 1)]


@given(st.text(max_size=70))
def test_a_tag_is_one_word_or_refused(word: str) -> None:
    """Written again, it is the same."""
    try:
        found = tag_word(word)
    except ConfigError:
        return
    assert tag_word(found) == found
    assert 1 <= len(found) <= 63
    assert not set(found) & set(" ,;()\n\0")
