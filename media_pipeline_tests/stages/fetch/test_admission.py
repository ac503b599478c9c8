"""Which photos are large enough, and which are taken all the same."""

from __future__ import annotations

import pytest

from media_pipeline.errors import FetchError
from media_pipeline.stages.fetch.admission import Claims, exemption


@pytest.mark.parametrize("edge", [1600, 1601, 100_000, None])
def test_what_is_large_enough_needs_no_exemption(edge: int | None) -> None:
    """Nor does what tells no size: that is no small size."""
    assert exemption(edge, Claims(1600, floor_px=1024, is_upload=True, is_rare=True, is_among_few=True)) is None


@pytest.mark.parametrize(
    ("edge", "claims", "expected"),
    [
        (1599, Claims(1600, is_upload=True, is_rare=True), "upload"),
        (1, Claims(1600, is_rare=True, floor_px=1, is_among_few=True), "rare_subject"),
        (1280, Claims(1600, floor_px=1280, is_among_few=True), "source_floor"),
        (1024, Claims(1600, floor_px=1024), "source_floor"),
        (1279, Claims(1600, floor_px=1280, is_among_few=True), "few_photos"),
        (10, Claims(1600, is_among_few=True), "few_photos"),
    ],
)
def test_below_hq_the_first_claim_is_written_down(edge: int, claims: Claims, expected: str) -> None:
    """The lasting ones before that of few photos, which another photo might take over."""
    assert exemption(edge, claims) == expected


@pytest.mark.parametrize("claims", [Claims(1600), Claims(1600, floor_px=1280), Claims(1600, floor_px=2000)])
def test_without_a_claim_it_is_refused(claims: Claims) -> None:
    """The size stands first in the detail."""
    with pytest.raises(FetchError) as refused:
        exemption(1279, claims)
    assert refused.value.reason == "below_hq"
    assert refused.value.detail == "1279 px on the long edge; MEDIA_MIN_LONG_EDGE_PX asks for 1600"
