"""What the words in a container mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from media_pipeline.stages.unpack.videos import place, taken_at

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("+32.0929+034.8620+028.516/", (32.0929, 34.862)),
        ("+51.4169-000.0806/", (51.4169, -0.0806)),
        ("-33.8688+151.2093+010.000CRSWGS_84/", (-33.8688, 151.2093)),
        ("+91.0000+000.1000/", (None, None)),
        ("+10.0000+181.0000/", (None, None)),
        ("+00.0000+000.0000/", (None, None)),
        ("nan+nan/", (None, None)),
        ("", (None, None)),
    ],
)
def test_a_place_is_read_as_iso_6709_writes_it(written: str, meant: tuple[float | None, float | None]) -> None:
    """What is of no place on earth, or the place of a receiver that found none, is no place."""
    assert place({"location": written}) == meant


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ({"creation_time": "2019-07-24T08:25:57.000000Z"}, datetime(2019, 7, 24, 8, 25, 57, tzinfo=UTC)),
        (
            {
                "creation_time": "2019-07-24T08:25:57.000000Z",
                "com.apple.quicktime.creationdate": "2019-07-24T11:25:40+0300",
            },
            datetime(2019, 7, 24, 8, 25, 40, tzinfo=UTC),
        ),
        ({"creation_time": "1904-01-01T00:00:00.000000Z"}, None),
        ({"creation_time": "1970-01-01T00:00:00.000000Z"}, None),
        ({"creation_time": "2031-01-01T00:00:00.000000Z"}, None),
        ({"date": "2005"}, None),
        ({"creation_time": "0001-01-01T00:00:00+23:59"}, None),
        ({}, None),
    ],
)
def test_a_date_is_taken_where_it_can_be_true(words: dict[str, str], meant: datetime | None) -> None:
    """The camera's own word first; no unset clock, no future, no date without a zone."""
    assert taken_at(words, now=NOW) == meant
