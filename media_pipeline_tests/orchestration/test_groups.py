"""Groups: loaded ahead, answered together, handed on in order; one bad item is found."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.errors import EmbeddingError, ItemError
from media_pipeline.orchestration import groups
from media_pipeline.orchestration.groups import Loaded, Sizes


def _load(item: int) -> Loaded | str:
    return "none" if item % 5 == 0 else Loaded(item)


def _together(loaded: Sequence[tuple[int, Any]]) -> list[str]:
    return [f"{value}" for _, value in loaded]


@given(st.integers(0, 60), st.integers(1, 9), st.integers(1, 20))
def test_every_item_has_its_own_answer_in_order(count: int, group: int, batch: int) -> None:
    """Whatever the sizes: also those that were answered while they were loaded."""
    with ThreadPoolExecutor(2) as threads:
        found = list(groups.answered(range(count), _load, _together, sizes=Sizes(group, batch), threads=threads))
    flat = [pair for some in found for pair in some]
    assert flat == [(item, "none" if item % 5 == 0 else str(item)) for item in range(count)]
    assert all(len(some) == batch for some in found[:-1])


def test_the_next_groups_are_loaded_while_one_is_answered_and_no_more() -> None:
    """Decoding and inference overlap, in bounded memory."""
    begun: list[int] = []
    third = threading.Event()

    def load(item: int) -> Loaded:
        begun.append(item)
        if item == 11:
            third.set()
        return Loaded(item)

    def together(loaded: Sequence[tuple[int, Any]]) -> list[int]:
        if loaded[0][0] == 0:
            assert third.wait(10)
            assert max(begun) < 4 * 4
        return [value for _, value in loaded]

    with ThreadPoolExecutor(1) as threads:
        for _ in groups.answered(range(40), load, together, sizes=Sizes(4, 40), threads=threads):
            pass
    assert begun == list(range(40))


def test_the_one_that_breaks_a_group_is_found() -> None:
    """The others have their answers."""

    def together(values: Sequence[int]) -> list[int]:
        return [10 // value for value in values]

    one, broken, other = groups.each(together, [5, 0, 2])
    assert (one, other) == (2, 5)
    assert isinstance(broken, ItemError)
    assert broken.reason == "unexpected"


@pytest.mark.parametrize(
    ("raised", "reason", "calls"),
    [(EmbeddingError("model_unavailable"), "model_unavailable", 1), (MemoryError(), "out_of_memory", 4)],
)
def test_what_concerns_all_is_the_answer_of_all(raised: Exception, reason: str, calls: int) -> None:
    """A reason is not asked for again item by item; memory may be enough for one alone."""
    asked: list[int] = []

    def together(values: Sequence[int]) -> list[int]:
        asked.append(len(values))
        raise raised

    found = groups.each(together, [1, 2, 3])
    assert [error.reason for error in found] == [reason] * 3
    assert len(asked) == calls
