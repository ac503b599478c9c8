"""What all wikis of Wikimedia answer alike: days in texts for people, and how many files a question may name."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from media_pipeline.sources.mediawiki import first_titles, photo_name, taken_on


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("2012-09-25 16:23:02", date(2012, 9, 25)),
        ("2015-02-04", date(2015, 2, 4)),
        ('<time class="dtstart" datetime="2019-06-01">1 June 2019</time>', date(2019, 6, 1)),
        ('Taken on&#160;<span><time datetime="2019-06-01">1 June 2019</time></span>', date(2019, 6, 1)),
        ('before <time datetime="2019-06-01">1 June 2019</time>', None),
        ('<time datetime="2019-06">June 2019</time>', None),
        ('12 May 2010<div style="display: none;">date QS:P,+2010-05-12T00:00:00Z/11</div>', date(2010, 5, 12)),
        ('May 2010<div style="display: none;">date QS:P,+2010-05-00T00:00:00Z/10</div>', None),
        ('circa 1900<div style="display: none;">date QS:P,+1900-01-01T00:00:00Z/11,P1480,Q5727902</div>', None),
        ("1925", None),
        ("0000-00-00 00:00:00", None),
        ("12 May 2010", None),
        ("", None),
        (7, None),
    ],
)
def test_only_a_whole_day_is_a_date(words: Any, day: date | None) -> None:
    """The field is a text for people."""
    assert taken_on(words) == day


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
