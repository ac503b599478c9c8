"""Uploads: a page of keys, and the listings it means."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.sources.protocol import Answer, Terms
from media_pipeline.sources.uploads import Uploads, page_of

ENTRIES = st.lists(st.tuples(st.text(min_size=1), st.text(), st.integers(0, 2**40)))


def test_a_page_becomes_a_listing_for_each_file() -> None:
    """Under the operator's licence, when there is one."""
    page = page_of([("2024/Steinpilz.jpg", "5-17", 5), ("b.png", "x", 0)])
    mushroom, other = Uploads().parse(Answer(page, terms=Terms("CC-BY-4.0", "The club"))).listings
    assert (mushroom.source_key, mushroom.edition, mushroom.size_bytes) == ("2024/Steinpilz.jpg", "5-17", 5)
    assert (mushroom.licence.name, mushroom.licence.is_open, mushroom.attribution) == ("CC-BY-4.0", True, "The club")
    assert other.source_key == "b.png"


def test_without_terms_the_licence_is_unknown() -> None:
    """Nobody gave the right away: deny by default."""
    (listing,) = Uploads().parse(Answer(page_of([("a.jpg", "1", 1)]))).listings
    assert (listing.licence.family, listing.licence.is_open) == ("unknown", False)


@given(ENTRIES)
def test_no_name_is_lost_or_changed(entries: list[tuple[str, str, int]]) -> None:
    """Any text, line breaks and quotes too; the same entries give the same bytes."""
    found = [
        (item.source_key, item.edition, item.size_bytes) for item in Uploads().parse(Answer(page_of(entries))).listings
    ]
    assert found == entries
    assert page_of(entries) == page_of(entries)
