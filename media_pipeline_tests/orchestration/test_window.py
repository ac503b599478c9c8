"""Many items at once: how many, in which lanes, and what comes out when."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_pipeline.orchestration.window import Window, answered


def run(
    items: list[str], *, places: int = 4, ahead: int = 100, widths: dict[str, int] | None = None, batch: int = 3
) -> tuple[list[list[tuple[str, str]]], Counter[str], int]:
    """What came out, the most that was at work in each lane, and in all. An item `a7` is of lane `a`."""
    lock, active, most = threading.Lock(), Counter[str](), Counter[str]()

    def answer(item: str) -> str:
        for lane in (item[0], "all"):
            with lock:
                active[lane] += 1
                most[lane] = max(most[lane], active[lane])
        with lock:
            active.subtract([item[0], "all"])
        return item.upper()

    window: Window[str] = Window(places, ahead, lambda item: item[0], lambda item: (widths or {}).get(item[0], 2))
    with ThreadPoolExecutor(places) as threads:
        out = list(answered(iter(items), answer, window=window, threads=threads, batch=batch))
    total = most.pop("all", 0)
    return out, most, total


@settings(deadline=None, max_examples=60)
@given(
    lanes=st.lists(st.sampled_from("abc"), max_size=60),
    places=st.integers(1, 8),
    ahead=st.integers(1, 20),
    widths=st.fixed_dictionaries({lane: st.integers(1, 5) for lane in "abc"}),
    batch=st.integers(1, 10),
)
def test_every_item_comes_out_once_with_its_answer(
    lanes: list[str], places: int, ahead: int, widths: dict[str, int], batch: int
) -> None:
    """In full batches but the last; never more at once than there are places, in a lane and in all."""
    items = [f"{lane}{number}" for number, lane in enumerate(lanes)]
    out, most, total = run(items, places=places, ahead=ahead, widths=widths, batch=batch)
    assert sorted(pair for some in out for pair in some) == sorted((item, item.upper()) for item in items)
    assert all(len(some) == batch for some in out[:-1])
    assert total <= places
    assert all(count <= widths[lane] for lane, count in most.items())


def test_a_lane_that_stands_holds_up_no_other() -> None:
    """All of the others come out while its two are under way."""
    go_on = threading.Event()

    def answer(item: str) -> str:
        assert item[0] == "b" or go_on.wait(30)
        return item

    items = [f"a{number}" for number in range(10)] + [f"b{number}" for number in range(30)]
    window: Window[str] = Window(4, 100, lambda item: item[0], lambda _: 2)
    with ThreadPoolExecutor(4) as threads:
        batches = answered(iter(items), answer, window=window, threads=threads, batch=10)
        try:
            first = [item for _ in range(3) for item, _ in next(batches)]
        finally:
            go_on.set()
        assert sorted(first) == sorted(items[10:])
        assert sorted(item for some in batches for item, _ in some) == items[:10]


def test_a_lane_for_which_enough_wait_is_crowded_until_fewer_do() -> None:
    """Whoever reads leaves it out meanwhile, and nothing else waits behind it."""
    go_on = threading.Event()
    window: Window[str] = Window(2, 100, lambda item: item[0], lambda _: 1, enough=5)
    slow = [f"a{number}" for number in range(50)]
    left, read = list(slow), 0

    def items() -> Iterator[str]:
        nonlocal read
        fast = [f"b{number}" for number in range(3)]
        while left or fast:
            if left and "a" not in window.crowded:
                read += 1
                yield left.pop(0)
            elif fast:
                yield fast.pop(0)
            else:
                return

    def answer(item: str) -> str:
        assert item[0] == "b" or go_on.wait(30)
        return item

    with ThreadPoolExecutor(2) as threads:
        batches = answered(items(), answer, window=window, threads=threads, batch=1)
        try:
            assert [next(batches)[0][0] for _ in range(3)] == ["b0", "b1", "b2"]
            # One is under way.
            assert (read, window.crowded) == (1 + 5, {"a"})
        finally:
            go_on.set()
        assert [some[0][0] for some in batches] == slow[:6]
    assert window.crowded == set()


def test_no_more_is_read_than_is_held() -> None:
    """What is read is in memory: the places, and so many that wait."""
    read = 0
    go_on = threading.Event()

    def items() -> Iterator[str]:
        nonlocal read
        for number in range(1000):
            read += 1
            yield f"a{number}"

    def answer(item: str) -> str:
        assert go_on.wait(30)
        return item

    window: Window[str] = Window(4, 20, lambda item: item[0], lambda _: 1)
    with ThreadPoolExecutor(4) as threads:
        batches = answered(items(), answer, window=window, threads=threads, batch=1)
        threading.Timer(0.2, go_on.set).start()
        next(batches)
        assert read <= 4 + 20 + 1
        assert sum(len(some) for some in batches) == 999


def test_an_error_ends_it() -> None:
    """What breaks the run is not an item's answer."""

    def answer(item: str) -> str:
        if item == "a2":
            raise RuntimeError(item)
        return item

    window: Window[str] = Window(2, 10, lambda item: item[0], lambda _: 2)
    with ThreadPoolExecutor(2) as threads, pytest.raises(RuntimeError, match="a2"):
        list(answered(iter(["a1", "a2", "a3"]), answer, window=window, threads=threads, batch=5))
