"""Progress on a terminal: one bar for each step, counting items that are really done.

What is not here: who counts (orchestration/work.py).
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Bars:
    """A Progress (orchestration/work.py) that draws. A step met again, in the next partition, goes on in its bar."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, step: str, total: int) -> None:
        if step in self._tasks:
            task = self._progress.tasks[self._tasks[step]]
            self._progress.update(task.id, total=(task.total or 0) + total, note="")
        else:
            self._tasks[step] = self._progress.add_task(step, total=total, note="")

    def advance(self, step: str, done: int) -> None:
        task = self._progress.tasks[self._tasks[step]]
        # A second pass over failed items, or pages nobody could count beforehand, come on top of the total.
        total = max(task.total or 0, task.completed + done)
        self._progress.update(task.id, advance=done, total=total)

    def end(self, step: str) -> None:
        task = self._progress.tasks[self._tasks[step]]
        note = "" if task.completed else "nothing was due"
        self._progress.update(task.id, total=max(task.total or 0, task.completed), note=note)
        self._progress.stop_task(task.id)
