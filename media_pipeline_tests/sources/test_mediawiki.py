"""What all wikis of Wikimedia are asked alike: how many files a question may name, and which."""

from __future__ import annotations

from typing import Any

import pytest

from media_pipeline.sources.mediawiki import first_titles, photo_name


def test_titles_are_asked_for_in_addresses_that_servers_take() -> None:
    """Fifty short ones, fewer long ones, and never none."""
    assert len(first_titles([f"{number}.jpg" for number in range(80)])) == 50
    assert len(first_titles(["ж" * 200] * 80)) == 3
    assert len(first_titles(["ж" * 2000] * 2)) == 1


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("File:A_b.JPG", "A b.JPG"),
        ("Datei:A b.tiff", "A b.tiff"),
        ("A.png", "A.png"),
        ("File:A.svg", None),
        ("File:A|B.jpg", None),
        (None, None),
    ],
)
def test_a_photo_is_known_by_its_name(title: Any, name: str | None) -> None:
    """In the namespace of any language; drawings and what cannot be asked for have none."""
    assert photo_name(title) == name
