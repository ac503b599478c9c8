"""Items loaded one by one and answered in groups: for a model that sees many pictures at once.

While one group is worked on, threads load the next two: so decoding and inference overlap, and no more than that is in
memory. What is not here: what an item is, and the commit (work.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar

from media_pipeline.errors import ItemError
from media_pipeline.orchestration.pool import guarded

Item = TypeVar("Item")
Answer = TypeVar("Answer")
AHEAD: Final = 3


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the group is to be asked about; whatever else loading comes to is the answer already."""

    value: Any


@dataclass(frozen=True, slots=True)
class Sizes:
    """So many in a group; so many handed on together."""

    group: int
    batch: int


def answered(
    items: Iterable[Item],
    load: Callable[[Item], Loaded | Answer],
    together: Callable[[Sequence[tuple[Item, Any]]], Sequence[Answer]],
    *,
    sizes: Sizes,
    threads: Executor,
) -> Iterator[list[tuple[Item, Answer]]]:
    """Items with their answers, in their order, `sizes.batch` at a time."""
    unread = iter(items)
    ahead: deque[tuple[Item, Future[Loaded | Answer]]] = deque()
    finished: list[tuple[Item, Answer]] = []

    def read(count: int) -> None:
        ahead.extend((item, threads.submit(load, item)) for item in islice(unread, count))

    read(AHEAD * sizes.group)
    while ahead:
        group = [ahead.popleft() for _ in range(min(sizes.group, len(ahead)))]
        gone = [(item, future.result()) for item, future in group]
        # Before the group is worked on, so that they are loaded meanwhile.
        read(len(group))
        asked = [(item, got.value) for item, got in gone if isinstance(got, Loaded)]
        answers = iter(together(asked) if asked else ())
        finished += [(item, next(answers) if isinstance(got, Loaded) else got) for item, got in gone]
        while len(finished) >= sizes.batch:
            yield finished[: sizes.batch]
            del finished[: sizes.batch]
    if finished:
        yield finished


def each(together: Callable[[Sequence[Any]], Sequence[Any]], values: Sequence[Any]) -> Sequence[Any]:
    """An answer or an ItemError for each. Where the group breaks, each is asked for alone, so that one is to blame."""
    try:
        answers: Sequence[Any] = guarded(together, values)
        return answers
    except MemoryError:
        broken = ItemError("out_of_memory", "for one item alone")
    except ItemError as error:
        if error.reason != "unexpected":
            return [error] * len(values)
        broken = error
    return [broken] if len(values) == 1 else [answer for value in values for answer in each(together, [value])]
