"""Dates as cameras, programs and people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.stages.examine.stamps import (
    exif_stamp,
    instant_stamp,
    iptc_stamp,
    iso_stamp,
    name_stamp,
    offset_min,
    quarter_hours_min,
)


@pytest.mark.parametrize(
    ("name", "source", "written", "offset"),
    [
        ("IMG_20240719_182220.jpg", "file_name", "2024-07-19T18:22:20", None),
        ("incoming/01J/IMG_20240719_182220_HDR.jpg", "file_name", "2024-07-19T18:22:20", None),
        ("PXL_20240719_162220123.jpg", "file_name", "2024-07-19T16:22:20.123000", 0),
        ("PXL_20240719_162220123.PORTRAIT.jpg", "file_name", "2024-07-19T16:22:20.123000", 0),
        ("2024-07-19 18.22.20.jpg", "file_name", "2024-07-19T18:22:20", None),
        ("Screenshot 2024-07-19 at 18.22.20.png", "file_name", "2024-07-19T18:22:20", None),
        ("20240719-182220.heic", "file_name", "2024-07-19T18:22:20", None),
        ("trip 2024-07-19.jpg", "file_name", "2024-07-19", None),
        ("WhatsApp Image 2024-07-19 at 18.22.20.jpeg", "messenger_name", "2024-07-19T18:22:20", None),
        ("IMG-20240719-WA0003.jpg", "messenger_name", "2024-07-19", None),
        # 1,721,406,140 s after 1970 is 16:22:20 on that day in UTC.
        ("1721406140123.jpg", "messenger_name", "2024-07-19T16:22:20.123000", 0),
        ("FB_IMG_1721406140123.jpg", "messenger_name", "2024-07-19T16:22:20.123000", 0),
    ],
)
def test_names_of_files_tell_dates(name: str, source: str, written: str, offset: int | None) -> None:
    """Android, Pixel (in UTC), Dropbox, screenshots, and messengers, which name by when they received."""
    found = name_stamp(name)
    assert found is not None
    assert (found[0], found[1].written, found[1].offset_min) == (source, written, offset)


@pytest.mark.parametrize(
    "name", ["DSC_0042.JPG", "IMG_5195.HEIC", "20190101.jpg", "123456789012345678.jpg", "2024-13-40.jpg", "", "a/"]
)
def test_names_without_a_date_tell_none(name: str) -> None:
    """Counters, numbers of photos, impossible days."""
    assert name_stamp(name) is None


@pytest.mark.parametrize(
    ("parts", "written", "offset"),
    [
        (("2021:07:15 09:21:05", "5", "+05:30"), "2021-07-15T09:21:05.500000", 330),
        (("2021:07:15 09:21:05\0", "054\0", "-03:00\0"), "2021-07-15T09:21:05.054000", -180),
        (("2021-07-15T09:21:05", None, None), "2021-07-15T09:21:05", None),
        (("2021:07:15 09:21:05", "   ", "   :  "), "2021-07-15T09:21:05", None),
    ],
)
def test_exif_s_three_tags_are_one_date(parts: tuple[object, ...], written: str, offset: int | None) -> None:
    """The clock, the part of a second, and the offset where it is written."""
    found = exif_stamp(*parts)
    assert found is not None
    assert (found.written, found.offset_min) == (written, offset)


def test_iptc_and_xmp_write_days_and_times() -> None:
    """A year or a month alone is no day."""
    stamps = [
        iptc_stamp("20130923", "100946+0200"),
        iptc_stamp("20130923", None),
        iso_stamp("2013-09-23T10:09:46.25+02:00"),
        iso_stamp("2013-09-23"),
    ]
    assert [(stamp.written, stamp.offset_min) for stamp in stamps if stamp] == [
        ("2013-09-23T10:09:46", 120),
        ("2013-09-23", None),
        ("2013-09-23T10:09:46.250000", 120),
        ("2013-09-23", None),
    ]
    assert [iso_stamp("2013"), iso_stamp("2013-09"), iptc_stamp("20130000", None), iptc_stamp(None, None)] == [None] * 4


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("Z", 0), ("+14:00", 840), ("-0930", -570), ("+15:00", None), ("+02:75", None), ("CET", None), (None, None)],
)
def test_offsets_are_those_of_the_world(text: str | None, minutes: int | None) -> None:
    """No more than 14 hours, no names."""
    assert offset_min(text) == minutes


def test_an_instant_keeps_its_own_clock() -> None:
    """18:22 at +2 h is 16:22 in UTC."""
    stamp = instant_stamp(datetime(2024, 7, 19, 18, 22, tzinfo=timezone(timedelta(hours=2))))
    assert (stamp.written, stamp.offset_min) == ("2024-07-19T18:22:00", 120)
    assert stamp.utc == datetime(2024, 7, 19, 16, 22, tzinfo=UTC)


def test_two_clocks_tell_an_offset_of_whole_quarter_hours() -> None:
    """Nepal is 5 h 45 min ahead; a camera that is seven minutes off tells nothing."""
    utc = datetime(2024, 7, 19, 12, 0)  # noqa: DTZ001
    assert quarter_hours_min(utc + timedelta(hours=5, minutes=45, seconds=20), utc) == 345
    assert quarter_hours_min(utc + timedelta(minutes=7), utc) is None
    assert quarter_hours_min(utc + timedelta(hours=20), utc) is None


@given(st.text(max_size=60), st.text(max_size=10), st.text(max_size=10))
def test_no_text_breaks_the_reading(text: str, fraction: str, offset: str) -> None:
    """Whatever is written, it is a date or none."""
    for stamp in (exif_stamp(text, fraction, offset), iso_stamp(text), iptc_stamp(text, fraction)):
        assert stamp is None or stamp.written
    name_stamp(text)
