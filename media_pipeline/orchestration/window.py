"""Many items under way at once, committed as they are done: for work that waits for others.

A batch that waits for all its items is as slow as the slowest server among them. Here items are read ahead, each lane
(a server) has a few places, and what is done is handed on by the batch, whichever items are in it. What is not here:
what an item is, and the commit (work.py).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Window(Generic[Item]):
    """So many items at once, `width(lane)` of each lane; so many are read ahead of those that wait for their lane.

    `crowded` are the lanes for which `enough` wait: whoever reads the items leaves theirs out for now, or one slow lane
    of many would be all that is read ahead, and the others would stand empty behind it.
    """

    places: int
    ahead: int
    lane: Callable[[Item], str]
    width: Callable[[Item], int]
    enough: int = 0
    crowded: set[str] = field(default_factory=set)


def answered(
    items: Iterable[Item], answer: Callable[[Item], Answer], *, window: Window[Item], threads: Executor, batch: int
) -> Iterator[list[tuple[Item, Answer]]]:
    """Items with their answers, `batch` at a time, in the order in which they are done."""
    unread = iter(items)
    waiting: dict[str, deque[Item]] = {}
    active: Counter[str] = Counter()
    under_way: dict[Future[Answer], Item] = {}
    done: SimpleQueue[Future[Answer]] = SimpleQueue()
    finished: list[tuple[Item, Answer]] = []
    read = True

    def begin(item: Item, lane: str) -> None:
        active[lane] += 1
        future = threads.submit(answer, item)
        under_way[future] = item
        future.add_done_callback(done.put)

    def fill() -> bool:
        """Begin what may begin; whether there may be more to read."""
        for lane, queue in list(waiting.items()):
            while queue and len(under_way) < window.places and active[lane] < window.width(queue[0]):
                begin(queue.popleft(), lane)
            if len(queue) < window.enough:
                window.crowded.discard(lane)
            if not queue:
                del waiting[lane]
        while len(under_way) < window.places and sum(map(len, waiting.values())) < window.ahead:
            item = next(unread, None)
            if item is None:
                return False
            lane = window.lane(item)
            if active[lane] < window.width(item):
                begin(item, lane)
            else:
                queue = waiting.setdefault(lane, deque())
                queue.append(item)
                if 0 < window.enough <= len(queue):
                    window.crowded.add(lane)
        return True

    while True:
        if read or waiting:
            read = fill() and read
        if not under_way:
            break
        future = done.get()
        item = under_way.pop(future)
        active[window.lane(item)] -= 1
        finished.append((item, future.result()))
        if len(finished) >= batch:
            yield finished
            finished = []
    if finished:
        yield finished
