"""What the filter words refuse, and how a moment is written."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from media_pipeline.stores.index.filters import Eq, GeoRadius, In, Range, rfc3339


def test_a_boolean_is_refused_with_advice() -> None:
    """True would match nothing in Edge, without a word."""
    with pytest.raises(ValueError, match=r"is_open: True is a boolean.*store a keyword"):
        Eq("is_open", True)
    with pytest.raises(ValueError, match="store a keyword"):
        In("is_open", (True, False))


def test_a_field_name_is_not_a_path() -> None:
    """A dot or a bracket would reach into the payload."""
    for field in ("a.b", "a[]", "", "9a", "a b", "é"):
        with pytest.raises(ValueError, match="is no payload field"):
            Eq(field, "x")


def test_values_are_keywords_or_whole_numbers_of_64_bits() -> None:
    """Anything else has no meaning that both engines share."""
    with pytest.raises(ValueError, match="neither a keyword nor a whole number"):
        Eq("quality", 0.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="64 bits"):
        Eq("n", 2**63)
    with pytest.raises(ValueError, match="mixes"):
        In("n", (1, "a"))  # type: ignore[arg-type]
    assert Eq("n", 2**63 - 1).value == 9223372036854775807


def test_a_range_has_bounds_of_one_kind() -> None:
    """No bound, NaN, infinity, numbers mixed with moments, one end twice, no zone: all refused."""
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    for wrong in (
        dict[str, float](),
        {"gte": math.nan},
        {"lt": math.inf},
        {"gt": True},
        {"gte": 1.0, "lt": moment},
        {"lte": 0.0, "lt": 0.5},
        {"gt": 0.0, "gte": 0.5},
        {"gte": datetime(2024, 1, 1)},  # noqa: DTZ001
    ):
        with pytest.raises(ValueError, match=r"x: |no time zone"):
            Range("x", **wrong)
    assert Range("x", gte=moment).is_of_moments
    assert not Range("x", gte=0).is_of_moments


def test_a_circle_lies_on_earth() -> None:
    """Latitude beyond the poles, no radius."""
    for lat, lon, metres in ((91.0, 0.0, 1.0), (0.0, 181.0, 1.0), (0.0, 0.0, 0.0), (math.nan, 0.0, 1.0)):
        with pytest.raises(ValueError, match="place"):
            GeoRadius("place", lat, lon, metres)


def test_moments_are_written_in_utc() -> None:
    """12:00 at +02:00 is 10:00Z."""
    assert rfc3339(datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))) == "2024-05-01T10:00:00Z"
    assert rfc3339(datetime(2024, 5, 1, 12, 0, 0, 7, tzinfo=UTC)) == "2024-05-01T12:00:00.000007Z"
