"""Files of wikis: days in texts for people, and HTML of any length."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from media_pipeline.records import Listing
from media_pipeline.sources.mediawiki_files import file_of, taken_on
from media_pipeline_tests.sources.wiki_answers import page, said


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


def credited(artist: str) -> str | None:
    listing = file_of(page(told=said(License="cc0", Artist=artist)), subject=None)
    assert isinstance(listing, Listing)
    return listing.creator


def test_a_name_is_what_its_page_shows() -> None:
    """Without tags and without what is there for machines only."""
    artist = '<bdi><a href="//x">A. Tester</a></bdi><span style="display:none">Q7</span>'
    assert credited(artist) == "A. Tester"


def test_long_html_is_cut_between_its_tags() -> None:
    """Half a tag would read as words; nor may a page of open brackets take long to read."""
    link = '<a href="https://example.org/a/long/address">A. Tester</a> '
    names = credited(link * 500) or ""
    assert names.startswith("A. Tester A. Tester")
    assert "<" not in names
    assert credited("<" * 1_000_000) is None
