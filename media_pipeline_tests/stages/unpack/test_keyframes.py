"""Which pictures stand for a video."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.stages.unpack.keyframes import chosen, poster
from media_pipeline.stages.unpack.shots import Glimpse, Shot


def glimpse(pts: int, contrast: int = 60) -> Glimpse:
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[::2] = contrast
    return Glimpse(pts, pixels)


@given(
    starts=st.lists(st.integers(0, 1000), min_size=1, max_size=8, unique=True).map(sorted),
    seen=st.lists(st.integers(0, 1200), min_size=1, max_size=30, unique=True).map(sorted),
    contrasts=st.lists(st.sampled_from([0, 60]), min_size=30, max_size=30),
    most=st.integers(1, 12),
)
def test_each_choice_is_made_once_in_its_shot_and_never_too_many(
    starts: list[int], seen: list[int], contrasts: list[int], most: int
) -> None:
    """Whatever the shots and the pictures."""
    shots = [Shot(start, end) for start, end in zip(starts, [*starts[1:], 1300], strict=True)]
    glimpses = [glimpse(pts, contrast) for pts, contrast in zip(seen, contrasts, strict=False)]
    choices = chosen(glimpses, shots, most=most, spacing_pts=100)
    places = [choice.place for choice in choices]
    assert places == sorted(set(places))
    assert len(places) <= most
    for choice in choices:
        assert shots[choice.shot].start_pts <= glimpses[choice.place].pts < shots[choice.shot].end_pts


def test_a_shot_is_stood_for_by_the_picture_nearest_its_middle() -> None:
    """Its first may still show the scene before."""
    glimpses = [glimpse(pts) for pts in (0, 40, 90)]
    assert [choice.place for choice in chosen(glimpses, [Shot(0, 100)], most=12, spacing_pts=1000)] == [1]


def test_pictures_are_spread_over_a_long_shot() -> None:
    """Thirty seconds, three pictures, in the middle of each third."""
    glimpses = [glimpse(pts) for pts in range(0, 300, 10)]
    found = chosen(glimpses, [Shot(0, 300)], most=12, spacing_pts=100)
    assert [glimpses[choice.place].pts for choice in found] == [50, 150, 250]


def test_the_poster_is_the_picture_with_most_contrast() -> None:
    """The first of equals."""
    glimpses = [glimpse(0, 30), glimpse(10, 90), glimpse(20, 90)]
    choices = chosen(glimpses, [Shot(0, 10), Shot(10, 20), Shot(20, 30)], most=3, spacing_pts=100)
    assert poster(glimpses, choices) == 1
