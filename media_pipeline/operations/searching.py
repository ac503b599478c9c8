"""Search as people ask for it: by a picture, by a media of the library, or by words.

Here: where the vector comes from, and the live index of a tenant, followed as its pointer moves. Pure of HTTP; an API
keeps one `Searching` open. Not here: the ranking and its filters (stores/index/nearest.py), the table that the command
prints is all it shows.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from rich import box
from rich.console import Console
from rich.table import Table
from sqlalchemy import or_, select

from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError, VectorIndexError
from media_pipeline.models import EmbeddingModel, model_of
from media_pipeline.models.protocol import NEEDS_CLIP
from media_pipeline.records import Made
from media_pipeline.stages.examine.examination import Task, examined
from media_pipeline.stores.catalog import index_pointers
from media_pipeline.stores.catalog.index_pointers import Pointer
from media_pipeline.stores.catalog.tables import media
from media_pipeline.stores.index.filters import Filter, In
from media_pipeline.stores.index.interface import IndexStore, VectorReader
from media_pipeline.stores.index.nearest import Asking, Found, Gate, nearest, vector_of
from media_pipeline.stores.index.points import Vector
from media_pipeline.stores.library import Library, open_index, open_library

NOWHERE = UUID(int=0)
# The rule of stages/embed, which a search does not import: Dagster would come with it. A test holds the two together.
LEAST_PX = 256


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: its vector, its perceptual hash where it has one, and what is left out of the answer."""

    vector: Vector
    phash: str | None = None
    without: frozenset[UUID] = frozenset()


@dataclass(slots=True)
class Searching:
    """The live indexes of tenants, each opened at the first question about it."""

    library: Library
    _stores: dict[str, IndexStore] = field(default_factory=dict)
    _readers: dict[str, tuple[Pointer, VectorReader]] = field(default_factory=dict)
    _changing: threading.RLock = field(default_factory=threading.RLock)

    def by_image(self, picture: bytes, *, tenant: str) -> Query:
        """A file's vector, made as a file of the library is: from the same rendition."""
        model = self._model(tenant, "a picture")
        task = Task(NOWHERE, picture, frozenset({"hashes", "derivatives"}), self.library.settings.max_pixels)
        made = examined(task)
        rendered, hashed = made["derivatives"], made["hashes"]
        whole = _embedded(rendered) if isinstance(rendered, Made) else picture
        phash = hashed.rows[0]["phash"] if isinstance(hashed, Made) else None
        return Query(model.embed(whole), phash)

    def by_media(self, code_or_id: str, *, tenant: str) -> Query:
        """The vector that the index has of a media; it is left out of its own answer."""
        media_id = self._media_id(code_or_id, tenant)
        _, reader = self._reader(tenant)
        found = vector_of(reader, media_id, tenant=tenant)
        if found is None:
            raise ConfigError(f"{code_or_id}: it has no vector in the live index; `media-pipeline status` says why")
        vector, said = found
        phash = said.get("phash")
        return Query(vector, phash if isinstance(phash, str) else None, frozenset({media_id}))

    def by_text(self, words: str, *, tenant: str) -> Query:
        """The vector of words, where the model has any."""
        if not words.strip():
            raise ConfigError("nothing is looked for: give some words")
        if not model_of(self.library.settings).knows_text:
            raise ConfigError(NEEDS_CLIP)
        return Query(self._model(tenant, "words").embed_texts([words])[0])

    def find(
        self, query: Query, *, tenant: str, asking: Asking | None = None, max_bits: int | None = None
    ) -> list[Found]:
        """The nearest media of the tenant that the catalog still has. `max_bits` of perceptual hash is a gate."""
        asked = asking or Asking()
        if max_bits is not None:
            if query.phash is None:
                raise ConfigError("a gate of bits needs a perceptual hash, and what is looked for has none")
            asked = replace(asked, gate=Gate(query.phash, max_bits))
        asked = replace(asked, without=asked.without | query.without)
        _, reader = self._reader(tenant)
        found = nearest(reader, query.vector, tenant=tenant, asking=asked)
        there = self._there([one.media_id for one in found], tenant)
        return [one for one in found if one.media_id in there]

    def close(self) -> None:
        with self._changing:
            for _, reader in self._readers.values():
                reader.close()
            for store in self._stores.values():
                store.close()
            self._readers.clear()
            self._stores.clear()

    def _model(self, tenant: str, what: str) -> EmbeddingModel:
        model, (pointer, _) = model_of(self.library.settings), self._reader(tenant)
        if model.version != pointer.model_version:
            raise ConfigError(
                f"the live index holds vectors of {pointer.model_version}, {what} would get one of {model.version}: "
                "`media-pipeline run` until the index of that version covers as much, or set MEDIA_MODEL back"
            )
        return model

    def _reader(self, tenant: str) -> tuple[Pointer, VectorReader]:
        """The live index as of now: another generation may have been published since the last question."""
        with self._changing:
            pointer = self._live(tenant)
            known = self._readers.get(tenant)
            if known is not None and (known[0].model_version, known[0].name) == (pointer.model_version, pointer.name):
                return pointer, known[1]
            try:
                reader = self._store(tenant).open(pointer.model_version, pointer.name)
            except VectorIndexError:
                # Swept between the look at the pointer and the copy: once more, and then it is lost.
                pointer = self._live(tenant)
                reader = self._store(tenant).open(pointer.model_version, pointer.name)
            if known is not None:
                known[1].close()
            self._readers[tenant] = (pointer, reader)
            return pointer, reader

    def _live(self, tenant: str) -> Pointer:
        with self.library.engine.connect() as connection:
            pointer = index_pointers.live_pointer(connection, tenant)
        if pointer is None:
            raise VectorIndexError("nothing is indexed yet: `media-pipeline run` makes the index")
        return pointer

    def _store(self, tenant: str) -> IndexStore:
        if tenant == self.library.tenant:
            return self.library.index
        if tenant not in self._stores:
            self._stores[tenant] = open_index(self.library.settings.model_copy(update={"tenant": tenant}))
        return self._stores[tenant]

    def _media_id(self, code_or_id: str, tenant: str) -> UUID:
        named = [media.c.public_code == code_or_id.upper()]
        with suppress(ValueError):
            named.append(media.c.media_id == UUID(code_or_id))
        with self.library.engine.connect() as connection:
            found = connection.scalar(select(media.c.media_id).where(media.c.tenant == tenant, or_(*named)))
        if found is None:
            raise ConfigError(f"{code_or_id}: no media of this library has this code or id")
        return UUID(str(found))

    def _there(self, ids: Sequence[UUID], tenant: str) -> set[UUID]:
        query = select(media.c.media_id).where(media.c.tenant == tenant, media.c.media_id.in_(ids))
        with self.library.engine.connect() as connection:
            return set(connection.scalars(query))


@contextmanager
def open_searching(library: Library) -> Iterator[Searching]:
    searching = Searching(library)
    try:
        yield searching
    finally:
        searching.close()


def search_and_tell(
    settings: Settings,
    asked_by: tuple[Path | None, str | None, str | None],
    console: Console,
    *,
    limit: int,
    sources: Sequence[str],
    max_bits: int | None,
) -> None:
    """The command: one of a file, a media or words, and the table of what is like it."""
    if sum(one is not None for one in asked_by) != 1:
        raise ConfigError("give one of --image FILE, --media CODE_OR_ID and --text WORDS")
    image, code_or_id, words = asked_by
    where: Filter | None = In("source", tuple(sources)) if sources else None
    with open_library(settings) as library, open_searching(library) as searching:
        tenant = library.tenant
        if image is not None:
            query = searching.by_image(_read(image), tenant=tenant)
        elif code_or_id is not None:
            query = searching.by_media(code_or_id, tenant=tenant)
        else:
            query = searching.by_text(words or "", tenant=tenant)
        asking = Asking(limit=limit, where=where)
        found = searching.find(query, tenant=tenant, asking=asking, max_bits=max_bits)
    console.print(_as_table(found) if found else "nothing is like it", highlight=False)


def _embedded(rendered: Made) -> bytes:
    """The rendition of which a vector is made."""
    blobs = {blob.key.rpartition("/")[2]: blob.data for blob in rendered.blobs}
    medium = next(row for row in rendered.rows if row["name"] == "medium")
    is_thin = min(medium["width_px"], medium["height_px"]) < LEAST_PX
    return blobs["large.jpg" if is_thin and "large.jpg" in blobs else "medium.jpg"]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"--image {path}: {error.strerror}") from error


def _as_table(found: Sequence[Found]) -> Table:
    table = Table("score", "by", "code", "source", "size", "licence", "subject", "bits", box=box.SIMPLE)
    for one in found:
        said = one.payload
        size = f"{said['width_px']} x {said['height_px']}" if "width_px" in said else ""
        subject = said.get("subject", ())
        table.add_row(
            f"{one.score:.4f}",
            "crop" if one.by == "clip_crops" else "whole",
            str(said.get("public_code", one.media_id)),
            str(said.get("source", "")),
            size,
            str(said.get("licence", "")),
            ", ".join(map(str, subject)) if isinstance(subject, list | tuple) else str(subject),
            "" if one.bits is None else str(one.bits),
        )
    return table
