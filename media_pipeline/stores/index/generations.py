"""The embedded index of one collection: a folder of generations, each written once, then only read.

Here: how a generation is made, opened and thrown away. Not here: which one is live; that is a row of the catalog.

    00000012-9f31c2aa/shard    a sealed generation: flushed, closed, on disk; never changed, never opened in place
    00000012-9f31c2aa/seal.json    how many points it was sealed with
    .writing-00000013-…/       being written under the lock; left over when its writer was killed
    .swept-00000011-…/         being removed
    .readers/<random>/shard    the private copy of a reader, which holds its `lock`

One process at a time may open a shard, and a graph takes minutes to build, so nobody shares one: a writer works on a
copy and seals it under a new name, a reader works on a copy. Copying costs little: holes stay holes.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from media_pipeline.errors import VectorIndexError
from media_pipeline.stores.index.edge import EdgeIndex
from media_pipeline.stores.index.folders import (
    MIB,
    allocated_bytes,
    claim,
    claimed_folder,
    copy_folder,
    remove_folder,
    remove_unclaimed,
    require_room,
    sync,
    sync_folder,
)
from media_pipeline.stores.index.interface import PAYLOAD_INDEXES, TUNING, PayloadIndex, Tuning

NAME = re.compile(r"([0-9]{8})-[0-9a-f]{8}")
SHARD = "shard"
SEAL = "seal.json"
WRITING = ".writing-"
SWEPT = ".swept-"
READERS = ".readers"
LOCK = ".lock"
# Free beyond the copy of the live generation. On ext4 a new shard takes .3 MB and a point what it weighs. On tmpfs a
# page that is read is a page taken, and opening a copy reads the whole of every mapped file: 91 MB, and with 64 MiB in
# reserve the process died there.
RESERVE_BYTES = 128 * MIB


class EdgeGenerations:
    """The generations below one folder."""

    def __init__(self, root: Path, *, tuning: Tuning = TUNING) -> None:
        self.root = root
        self._tuning = tuning

    @contextmanager
    def append(
        self, live: str | None, *, dims: int, payload_indexes: Sequence[PayloadIndex] = PAYLOAD_INDEXES
    ) -> Iterator[EdgeIndex]:
        """A new generation with the points of `live`. After the block it is sealed; after an error it never was."""
        with _disk(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        with claim(self.root / LOCK) as holder:
            if holder is not None:
                raise VectorIndexError(f"{self.root}: process {holder} is writing; try again when it has finished")
            self._remove_leftovers()
            name = self._next_name(live)
            writing = self.root / (WRITING + name)
            with ExitStack() as undo:
                undo.callback(remove_folder, writing)
                with _disk(self.root):
                    # After the leftovers are gone, whose room is free again.
                    require_room(self.root, RESERVE_BYTES + (allocated_bytes(self.root / live) if live else 0))
                    writing.mkdir()
                    if live is not None:
                        self._copy(live, writing / SHARD)
                index = EdgeIndex(writing / SHARD, name=name, tuning=self._tuning)
                undo.callback(index.close)
                if live is not None:
                    self._must_be_whole(index, live)
                index.ensure(dims, payload_indexes)
                yield index
                index.flush()
                seal = json.dumps({"points": index.count()})
                index.close()
                with _disk(self.root):
                    (writing / SEAL).write_text(seal, "utf-8")
                    sync_folder(writing)
                    writing.rename(self.root / name)
                    sync(self.root)

    def open_copy(self, name: str) -> EdgeIndex:
        """A private copy to read, removed when it is closed; that of a killed reader, at the next open."""
        readers = self.root / READERS
        undo = ExitStack()
        try:
            with _disk(self.root):
                if not self.root.exists():
                    raise self._superseded(name)
                readers.mkdir(exist_ok=True)
                remove_unclaimed(readers)
                own = undo.enter_context(claimed_folder(readers))
                self._copy(name, own / SHARD)
            index = EdgeIndex(own / SHARD, name=name, tuning=self._tuning, after_close=undo.close)
            undo.callback(index.close)
            self._must_be_whole(index, name)
            return index
        except BaseException:
            undo.close()
            raise

    def sweep(self, keep: Collection[str]) -> tuple[str, ...]:
        """Remove the generations older than the newest of `keep`, but for those in it, and what the killed left.

        A newer one stays: its writer may be about to publish it, and the next sweep knows. While another process
        writes nothing is removed, because it may be copying what would go.
        """
        if not self.root.exists():
            return ()
        with claim(self.root / LOCK) as holder, _disk(self.root):
            if holder is not None:
                return ()
            newest = max(keep, default=None)
            gone = [name for name in self.names() if name not in keep and (newest is None or name < newest)]
            for name in gone:
                # A reader that is copying must see the whole generation vanish, never a part of it.
                (self.root / name).rename(self.root / (SWEPT + name))
            self._remove_leftovers()
            remove_unclaimed(self.root / READERS)
            return tuple(gone)

    def remove(self) -> None:
        """Everything below the folder, but for what readers hold."""
        if not self.root.exists():
            return
        with claim(self.root / LOCK) as holder, _disk(self.root):
            if holder is not None:
                raise VectorIndexError(f"{self.root}: process {holder} is writing; try again when it has finished")
            for name in self.names():
                (self.root / name).rename(self.root / (SWEPT + name))
            self._remove_leftovers()
            remove_unclaimed(self.root / READERS)

    def names(self) -> list[str]:
        """The sealed generations, oldest first."""
        if not self.root.exists():
            return []
        return sorted(entry.name for entry in self.root.iterdir() if NAME.fullmatch(entry.name))

    def _copy(self, name: str, target: Path) -> None:
        if not NAME.fullmatch(name):
            raise VectorIndexError(f"{name!r} is not the name of a generation")
        source = self.root / name
        try:
            copy_folder(source / SHARD, target)
        except FileNotFoundError as gone:
            raise self._superseded(name) from gone
        # Removing renames first, so a source that still has its name was whole all the while.
        if not source.exists():
            raise self._superseded(name)

    def _must_be_whole(self, index: EdgeIndex, name: str) -> None:
        """The engine opens a shard that lost a segment without a word, and without its points."""
        try:
            sealed = int(json.loads((self.root / name / SEAL).read_text("utf-8"))["points"])
        except FileNotFoundError as gone:
            raise self._superseded(name) from gone
        except (OSError, ValueError, KeyError) as wrong:
            raise VectorIndexError(f"{self.root}: the seal of generation {name} cannot be read: {wrong}") from wrong
        held = index.count()
        if held != sealed:
            raise VectorIndexError(
                f"{self.root}: generation {name} was sealed with {sealed} points and has {held}: write all points anew"
            )

    def _superseded(self, name: str) -> VectorIndexError:
        return VectorIndexError(
            f"{self.root}: generation {name} is superseded: read the pointer again; "
            "if it still names this one, the folder was lost: write all points anew"
        )

    def _next_name(self, live: str | None) -> str:
        numbers = [int(found[1]) for name in (*self.names(), live or "") if (found := NAME.fullmatch(name))]
        # The random half: a number may come twice when folders are removed by hand, a name never.
        return f"{max(numbers, default=0) + 1:08d}-{secrets.token_hex(4)}"

    def _remove_leftovers(self) -> None:
        for entry in self.root.iterdir():
            if entry.name.startswith((WRITING, SWEPT)):
                remove_folder(entry)


@contextmanager
def _disk(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as wrong:
        raise VectorIndexError(f"{root}: {wrong}") from wrong
