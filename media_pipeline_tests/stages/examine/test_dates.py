"""Which of several dates is believed, how far, and what makes it doubtful."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.stages.examine.dates import RANKS, Candidate, DateSource, dates
from media_pipeline.stages.examine.stamps import Stamp

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _at(source: DateSource, text: str, offset_min: int | None = None) -> Candidate:
    return Candidate(source, Stamp(datetime.fromisoformat(text), offset_min, is_day=len(text) == 10))


def _dates(*candidates: Candidate) -> dict[str, Any]:
    return dates(candidates, now=NOW)[0]


def test_a_camera_s_own_date_is_certain_and_keeps_its_clock() -> None:
    """Without an offset the instant stays unknown."""
    found = _dates(_at("exif_original", "2024-07-19T18:22:20"))
    assert found == {
        "taken_at": datetime(2024, 7, 19, 18, 22, 20),  # noqa: DTZ001
        "taken_at_utc": None,
        "taken_at_offset_min": None,
        "date_confidence_percent": 95,
        "date_provenance": "exif_original",
        "date_candidates": [
            {"source": "exif_original", "value": "2024-07-19T18:22:20", "offset_min": None, "confidence": 95}
        ],
        "date_suspicion": None,
    }


def test_agreement_of_others_raises_confidence() -> None:
    """Two points for each other kind of witness; a copy within EXIF is none."""
    found = _dates(
        _at("exif_original", "2024-07-19T18:22:20", 120),
        _at("exif_digitized", "2024-07-19T18:22:20", 120),
        _at("gps", "2024-07-19T16:22:18", 0),
        _at("source_observed_on", "2024-07-19"),
    )
    assert found["date_confidence_percent"] == 99
    assert found["taken_at_utc"] == datetime(2024, 7, 19, 16, 22, 20, tzinfo=UTC)


def test_candidates_more_than_a_day_apart_are_suspicious() -> None:
    """The camera's still wins, but is no longer certain: 95 - 25."""
    found = _dates(_at("exif_original", "2024-07-19T18:22:20"), _at("file_name", "2021-03-01T10:00:00"))
    assert found["date_provenance"] == "exif_original"
    assert found["date_confidence_percent"] == 70
    assert found["date_suspicion"] == "candidates_apart"
    assert [each["source"] for each in found["date_candidates"]] == ["exif_original", "file_name"]


def test_two_that_agree_outvote_the_camera() -> None:
    """GPS 85 + 2 - 25 against the camera's 95 - 50."""
    found = _dates(
        _at("exif_original", "2005-01-02T18:22:20"),
        _at("gps", "2024-07-19T16:22:20", 0),
        _at("source_observed_on", "2024-07-19"),
    )
    assert (found["date_provenance"], found["date_confidence_percent"]) == ("gps", 62)
    assert found["date_suspicion"] == "candidates_apart"


@pytest.mark.parametrize(
    "source", ["exif_modified", "xmp_file_created", "exif_digitized", "messenger_name", "listed_at"]
)
def test_a_later_scan_edit_message_or_upload_contradicts_nothing(source: DateSource) -> None:
    """They know of another moment."""
    found = _dates(_at("exif_original", "2004-07-19T18:22:20"), _at(source, "2024-07-19T18:22:20", 0))
    assert (found["date_confidence_percent"], found["date_suspicion"]) == (95, None)


@pytest.mark.parametrize(
    ("source", "text", "suspicion"),
    [
        ("exif_original", "2026-01-01T14:00:01", "future"),
        ("source_observed_on", "2026-01-02", "future"),
        ("source_observed_on", "2027-05-05", "future"),
        ("exif_original", "1825-12-31T12:00:00", "before_photography"),
        ("exif_original", "1970-01-01T05:00:00", "camera_default"),
        ("exif_original", "1980-01-01T00:00:00", "camera_default"),
        ("exif_original", "2000-01-01T00:03:10", "camera_default"),
        ("exif_original", "2014-01-01T00:00:00", "camera_default"),
        ("gps", "1980-01-01T00:00:00", "camera_default"),
        # So late it is now on the first islands.
        ("exif_original", "2026-01-01T14:00:00", None),
        ("source_observed_on", "2026-01-01", None),
        ("exif_original", "1826-06-01T12:00:00", None),
        ("exif_original", "2014-01-01T00:03:00", None),
        ("source_observed_on", "2014-01-01", None),
    ],
)
def test_dates_that_cannot_be_are_kept_and_named(source: DateSource, text: str, suspicion: str | None) -> None:
    """Alone they are still the best there is, at five percent."""
    found = _dates(_at(source, text))
    assert found["date_suspicion"] == suspicion
    assert found["date_provenance"] == source
    assert (found["date_confidence_percent"] == 5) == (suspicion is not None)


@pytest.mark.parametrize(
    ("text", "offset_min", "suspicion"),
    [
        ("2026-01-01T02:10:00", 120, None),
        ("2026-01-01T02:10:01", 120, "future"),
        ("2026-01-01T00:10:01", 0, "future"),
        ("2025-12-31T17:10:01", -420, "future"),
    ],
)
def test_with_its_zone_a_future_of_minutes_is_seen(text: str, offset_min: int, suspicion: str | None) -> None:
    """Clocks drift by ten."""
    assert _dates(_at("exif_original", text, offset_min))["date_suspicion"] == suspicion


def test_the_future_is_seen_by_an_offset_that_is_told_elsewhere() -> None:
    """One hour ahead by the zone that XMP writes behind the same clock."""
    clock = "2026-01-01T03:00:00"
    found = _dates(_at("exif_original", clock), _at("xmp_original", clock, 120))
    assert (found["date_suspicion"], found["taken_at_utc"]) == ("future", datetime(2026, 1, 1, 1, tzinfo=UTC))


def test_an_impossible_camera_date_gives_way_and_stays_named() -> None:
    """An empty battery is no evidence against the observer's day, which is not lowered."""
    found = _dates(_at("exif_original", "2000-01-01T00:00:00"), _at("source_observed_on", "2024-07-19"))
    assert (found["date_provenance"], found["date_confidence_percent"]) == ("source_observed_on", 70)
    assert found["date_suspicion"] == "camera_default"
    assert found["date_candidates"][1]["confidence"] == 5


def test_nothing_is_taken_after_it_was_listed() -> None:
    """By more than a day, which no zone explains."""
    found = _dates(_at("exif_original", "2025-07-19T18:22:20"), _at("listed_at", "2024-07-19T00:00:00", 0))
    assert (found["date_provenance"], found["date_suspicion"]) == ("listed_at", "after_listing")


def test_an_offset_is_taken_from_the_same_clock_written_again() -> None:
    """XMP repeats the camera's clock with its zone; behind a `Z` it may be anything."""
    clock = "2024-07-19T18:22:20"
    assert _dates(_at("exif_original", clock), _at("xmp_original", clock, 120))["taken_at_offset_min"] == 120
    assert _dates(_at("exif_original", clock), _at("xmp_original", clock, 0))["taken_at_offset_min"] is None


def test_what_the_gps_clock_tells_is_a_note() -> None:
    """Two hours apart: a zone, or a camera that is set wrong."""
    columns, notes = dates([_at("exif_original", "2024-07-19T18:22:20"), _at("gps", "2024-07-19T16:22:18", 0)], now=NOW)
    assert notes == ["offset_told_by_gps: +120 min"]
    assert (columns["taken_at_offset_min"], columns["taken_at_utc"]) == (None, None)
    assert columns["date_confidence_percent"] == 97


def test_nobody_says_a_date() -> None:
    """All columns are there, and empty; no confidence is 0."""
    found = {name: value for name, value in _dates().items() if value is not None}
    assert found == {"date_candidates": [], "date_confidence_percent": 0}


_stamps = st.builds(Stamp, st.datetimes(), st.one_of(st.none(), st.integers(-840, 840)), st.booleans())
_candidates = st.lists(st.builds(Candidate, st.sampled_from([rank.source for rank in RANKS]), _stamps), max_size=6)


@given(_candidates, st.datetimes(timezones=st.just(UTC)))
def test_the_future_is_never_unsuspicious(candidates: list[Candidate], now: datetime) -> None:
    """And 95 percent is only for the camera's own, whatever else is said."""
    found, _notes = dates(candidates, now=now)
    if found["taken_at"] is None:
        assert candidates == []
        return
    told = found["taken_at_utc"]
    # Where no zone is known, by that of the islands where each day begins.
    earliest, drift = (told, 10) if told else (found["taken_at"].replace(tzinfo=UTC), 14 * 60)
    if earliest - now > timedelta(minutes=drift):
        assert found["date_suspicion"] is not None
    assert 0 < found["date_confidence_percent"] <= 99
    if found["date_confidence_percent"] >= 95:
        assert (found["date_provenance"], found["date_suspicion"]) == ("exif_original", None)
    assert len(found["date_candidates"]) == len(set(candidates))
