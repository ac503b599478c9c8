"""The sentence: its words, and the silence about sensitive places."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.records import NotApplicable
from media_pipeline.stages.describe.descriptions import Told, described, sentence

DAY = date(2024, 5, 17)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (Told(tags=("bolete", "forest", "moss", "autumn")), "A photo of bolete, forest and moss."),
        (Told(tags=("red-fox",)), "A photo of red fox."),
        (Told(taxon="Boletus edulis"), "Boletus edulis."),
        (Told(("forest",), "Boletus edulis", taken_on=DAY), "Boletus edulis, with forest, taken on 17 May 2024."),
        (Told(place="Mercado", city="Madrid"), "A photo taken at Mercado in Madrid."),
        (Told(("market", "food"), place="Mercado"), "A photo of market and food, taken at Mercado."),
        (Told(taken_on=DAY), "A photo taken on 17 May 2024."),
        (Told(latitude=52.5163, longitude=-13.3777), "A photo taken near 52.5° N, 13.4° W."),
        (Told(latitude=-0.04, longitude=0.0), "A photo taken near 0.0° S, 0.0° E."),
        (
            Told(("bolete",), taken_on=DAY, latitude=1, longitude=2),
            "A photo of bolete, taken on 17 May 2024 near 1.0° N, 2.0° E.",
        ),
        (Told(taxon="Line\nbreak\x00"), "Line break."),
    ],
)
def test_a_sentence_says_what_is_known(told: Told, said: str) -> None:
    """Subject, three tags, day, place."""
    assert sentence(told) == said


def test_of_what_nothing_is_known_nothing_is_said() -> None:
    """That is no failure."""
    assert sentence(Told()) is None
    assert described(Told()) == NotApplicable("nothing_to_say")
    assert sentence(Told(latitude=1.0, longitude=2.0, is_sensitive=True)) is None


@given(
    st.builds(
        Told,
        tags=st.lists(st.sampled_from(["moss", "forest"]), max_size=4).map(tuple),
        taxon=st.sampled_from([None, "Boletus edulis"]),
        taken_on=st.sampled_from([None, DAY]),
        latitude=st.floats(-90, 90),
        longitude=st.floats(-180, 180),
        place=st.sampled_from([None, "Secret Glade"]),
        city=st.sampled_from([None, "Nowhere"]),
        is_sensitive=st.just(True),
    )
)
def test_a_sensitive_place_changes_no_word(told: Told) -> None:
    """Whatever is known of the place, the sentence is that of a picture of which no place is known."""
    bare = replace(told, latitude=None, longitude=None, place=None, city=None, is_sensitive=False)
    assert sentence(told) == sentence(bare)
