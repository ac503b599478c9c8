"""Bursts: who follows whom, what lowers the confidence, which shot is best."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from media_pipeline.samples.photographs import photograph
from media_pipeline.stages.group.bursts.runs import (
    NO_CAMERA,
    NO_LOOK,
    NO_SECOND,
    UNSURE_DATE,
    Shot,
    bursts,
    pairs_to_compare,
)

FAR = 0x7FFF_FFFF_0000_0000
"""31 bits from 0."""


def shot(number: int, taken_s: float, **other: Any) -> Shot:
    facts: dict[str, Any] = {
        "picture": UUID(int=number),
        "date_percent": 95,
        "has_second": True,
        "camera": "Sample Pocket 1",
        "geohash": "u33dc0cpke",
        "phash": 0,
        "sharpness": 10.0,
        "quality": 50.0,
        "pixels": 100,
    }
    return Shot(media_id=UUID(int=number), taken_s=taken_s, **facts | other)


def found(shots: list[Shot], cosines: dict[tuple[int, int], float] | None = None, **options: Any) -> list[list[int]]:
    told = bursts(shots, cosines or {}, **{"gap_s": 2.0, "min_cosine": 0.75} | options)
    return [[follower.shot for follower in burst.followers] for burst in told]


def test_shots_within_the_gap_are_one_burst_and_later_ones_another() -> None:
    """Two seconds are within, more are not; a shot alone is none."""
    shots = [shot(1, 0), shot(2, 2), shot(3, 4.0), shot(4, 6.1), shot(5, 8), shot(6, 20)]
    assert found(shots) == [[0, 1, 2], [3, 4]]


@pytest.mark.parametrize(
    "other", [{"camera": "Sample Pocket 2"}, {"geohash": "u33db2m0zz"}, {"phash": FAR}], ids=["camera", "place", "look"]
)
def test_another_camera_place_or_look_is_another_scene(other: dict[str, Any]) -> None:
    """Whatever else agrees. The look is settled by the cosine here, and it says no."""
    assert found([shot(1, 0), shot(2, 1, **other)], {(0, 1): 0.7}) == []


def test_an_unknown_place_speaks_against_nothing_and_a_neighbouring_cell_passes() -> None:
    """The same street is in two cells of a geohash: u33dc0c and u33dc11 share an edge."""
    assert found([shot(1, 0), shot(2, 1, geohash=None)]) == [[0, 1]]
    assert found([shot(1, 0, geohash="u33dc0cpke"), shot(2, 1, geohash="u33dc11000")]) == [[0, 1]]
    # On both sides of 180 degrees, too.
    assert found([shot(1, 0, geohash="xbpbpbp000"), shot(2, 1, geohash="80000000")]) == [[0, 1]]


def test_a_cosine_settles_what_hashes_do_not() -> None:
    """Only pairs whose hashes are far are asked for."""
    shots = [shot(1, 0), shot(2, 1), shot(3, 2, phash=FAR)]
    assert pairs_to_compare(shots, gap_s=2.0) == [(1, 2), (0, 2)]
    (burst,) = bursts(shots, {(1, 2): 0.8, (0, 2): 0.9}, gap_s=2.0, min_cosine=0.75)
    last = burst.followers[2]
    assert (last.gap_s, last.bits, last.cosine) == (1, 31, 0.8)
    assert (burst.confidence_percent, burst.why) == (95, ())


def test_two_cameras_of_one_model_take_turns() -> None:
    """A shot follows the one that it looks like, not the one before it."""
    shots = [shot(1, 0), shot(2, 0.5, phash=FAR), shot(3, 1), shot(4, 1.5, phash=FAR)]
    cosines = dict.fromkeys(pairs_to_compare(shots, gap_s=2.0), 0.1)
    assert found(shots, cosines) == [[0, 2], [1, 3]]


@pytest.mark.parametrize(
    ("other", "percent", "why"),
    [
        ({"has_second": False}, 70, (NO_SECOND,)),
        ({"camera": None}, 70, (NO_CAMERA,)),
        ({"date_percent": 60}, 50, (UNSURE_DATE,)),
        ({"date_percent": 60, "camera": None, "has_second": False}, 1, (NO_CAMERA, UNSURE_DATE, NO_SECOND)),
    ],
)
def test_what_is_missing_lowers_the_confidence(other: dict[str, Any], percent: int, why: tuple[str, ...]) -> None:
    """The look agrees in all of them."""
    (burst,) = bursts([shot(1, 0, **other), shot(2, 0, **other)], {}, gap_s=2.0, min_cosine=0.75)
    assert (burst.confidence_percent, burst.why) == (max(percent, 1), tuple(sorted(why)))


@pytest.mark.parametrize("min_cosine", [None, 0.75])
def test_looks_that_cannot_be_compared_need_everything_else(min_cosine: float | None) -> None:
    """An unknown model, or a picture without a vector: only a camera's own sure time is enough, and less sure."""
    pair = [shot(1, 0), shot(2, 1, phash=FAR)]
    cosines = {(0, 1): 0.9} if min_cosine is None else {}
    (burst,) = bursts(pair, cosines, gap_s=2.0, min_cosine=min_cosine)
    assert (burst.confidence_percent, burst.why) == (75, (NO_LOOK,))
    for lacking in ({"camera": None}, {"has_second": False}, {"date_percent": 60}):
        assert found([shot(1, 0, **lacking), shot(2, 1, phash=FAR, **lacking)], cosines, min_cosine=min_cosine) == []


def test_the_time_of_a_listing_is_no_time_of_a_shot() -> None:
    """A thousand files of one upload have one second, and are no burst even where they look alike."""
    assert found([shot(number, 0, date_percent=10) for number in range(1, 50)]) == []


def test_a_file_and_its_copy_are_no_burst_but_two_shots_and_a_copy_are() -> None:
    """Overlap with duplicates is told: three media, two pictures."""
    one = UUID(int=1)
    assert found([shot(1, 0, picture=one), shot(2, 0, picture=one)]) == []
    (burst,) = bursts([shot(1, 0, picture=one), shot(2, 0, picture=one), shot(3, 1)], {}, gap_s=2.0, min_cosine=None)
    assert (len(burst.followers), burst.picture_count) == (3, 2)


@pytest.mark.parametrize(
    ("others", "best", "reason"),
    [
        ([{"sharpness": 9.0}, {"sharpness": 11.0, "quality": 1.0}], 1, "sharpest"),
        ([{"quality": 50.0}, {"quality": 60.0}], 1, "best quality of the sharpest"),
        ([{"pixels": 100}, {"pixels": 200}], 1, "most pixels of the sharpest"),
        ([{}, {}], 0, "first of equals"),
    ],
)
def test_the_sharpest_shot_is_the_best(others: list[dict[str, Any]], best: int, reason: str) -> None:
    """Then quality, pixels and time."""
    shots = [shot(number, number, **other) for number, other in enumerate(others, 1)]
    (burst,) = bursts(shots, {}, gap_s=2.0, min_cosine=None)
    assert (burst.best, burst.best_reason) == (best, reason)


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from([None, "A", "B"]), st.sampled_from([0, 1, FAR]), st.booleans()),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_shots_changes_nothing(drawn: list[tuple[int, str | None, int, bool]], random: Any) -> None:
    """The same bursts, best shots and confidences; each shot in one burst at most; gaps within the limit."""
    shots = [
        shot(number, taken / 2, camera=camera, phash=phash, has_second=second)
        for number, (taken, camera, phash, second) in enumerate(drawn, 1)
    ]

    def told(those: list[Shot]) -> list[Any]:
        cosines = {pair: 0.8 for pair in pairs_to_compare(those, gap_s=2.0) if those[pair[0]].has_second}
        result = bursts(those, cosines, gap_s=2.0, min_cosine=0.75)
        places = [follower.shot for burst in result for follower in burst.followers]
        assert len(places) == len(set(places))
        assert all((follower.gap_s or 0) <= 2 for burst in result for follower in burst.followers)
        return sorted(
            (
                [those[follower.shot].media_id for follower in burst.followers],
                those[burst.best].media_id,
                burst.confidence_percent,
                burst.why,
            )
            for burst in result
        )

    mixed = list(shots)
    random.shuffle(mixed)
    assert told(mixed) == told(shots)


def test_a_camera_that_moves_keeps_one_burst() -> None:
    """Each frame looks like the one before; the last has nothing of the first."""
    hashes = [0, 0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF]
    assert found([shot(number, number, phash=phash) for number, phash in enumerate(hashes)]) == [[0, 1, 2, 3]]


def test_three_real_shots_from_one_spot_need_their_look(shared: Any) -> None:
    """They have a place, and neither camera nor time: given the times, hashes say no and it is left to the cosine."""
    import imagehash

    folder = shared / "testdata" / "burst-berlin"
    phashes = [int(str(imagehash.phash(Image.open(folder / f"0{number}.jpg"))), 16) for number in (1, 2, 3)]
    shots = [
        shot(number, number, phash=phash, camera=None, geohash="u33db2") for number, phash in enumerate(phashes, 1)
    ]
    assert pairs_to_compare(shots, gap_s=2.0) != []
    asked = dict.fromkeys(pairs_to_compare(shots, gap_s=2.0), 0.9)
    assert found(shots, {}) != [[0, 1, 2]]
    assert found(shots, asked) == [[0, 1, 2]]


def test_photographs_of_the_samples_are_not_one_scene() -> None:
    """Even if one camera took them in one second."""
    import imagehash

    names = ("astronaut", "brick", "camera", "cell", "chelsea", "clock", "coffee", "grass")
    shots = [
        shot(number, number / 10, phash=int(str(imagehash.phash(photograph(name))), 16))
        for number, name in enumerate(names)
    ]
    assert found(shots, dict.fromkeys(pairs_to_compare(shots, gap_s=2.0), 0.2)) == []
    assert np.unique([one.phash for one in shots]).size == len(names)
