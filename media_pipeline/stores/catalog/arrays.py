"""Vectors of the catalog as one array, for stages that look at all of them at once.

What is not here: who makes vectors (stages/embed), neighbours in an index (stores/index).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, LiteralString, cast
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray
from sqlalchemy import Connection

# A question of so many ids is 2 MB long; 16 MB of vectors are on their way.
IDS_AT_A_TIME: Final = 50_000
BLOCK_BYTES: Final = 2**24
HEADER_BYTES: Final = 19
Vectors = NDArray[np.float32]


def all_vectors(connection: Connection, tenant: str, *, model_version: str, dims: int) -> tuple[list[UUID], Vectors]:
    """Every picture that has a vector of the model, in order of id, and one row for each. No drawings of sounds: what
    they look like says nothing of what they are."""
    query = """
        select e.media_id, e.vector from media.embeddings e
        where e.tenant = %(tenant)s and e.model_version = %(model)s and length(e.vector) = %(bytes)s
          and not exists (
            select from media.audio_waveforms w where w.tenant = e.tenant and w.waveform_media_id = e.media_id
          )
        order by e.media_id
        """
    ids: list[UUID] = []
    blocks = [np.zeros((0, dims), np.float32)]
    for rows in _copied(connection, query, {"tenant": tenant, "model": model_version}, dims=dims):
        ids += [UUID(bytes=one) for one in _ids(rows)]
        blocks.append(_finite(rows))
    return ids, np.concatenate(blocks)


def vectors_of(connection: Connection, tenant: str, ids: Sequence[UUID], *, model_version: str, dims: int) -> Vectors:
    """One row for each of `ids`, in their order; zeros, near nothing, for a media without a vector of the model."""
    found = np.zeros((len(ids), dims), np.float32)
    query = """
        select e.media_id, e.vector from media.embeddings e
        where e.tenant = %(tenant)s and e.model_version = %(model)s and length(e.vector) = %(bytes)s
          and e.media_id = any(%(ids)s)
        """
    for start in range(0, len(ids), IDS_AT_A_TIME):
        page = list(ids[start : start + IDS_AT_A_TIME])
        places = {media_id.bytes: start + place for place, media_id in enumerate(page)}
        asked = {"tenant": tenant, "model": model_version, "ids": page}
        for rows in _copied(connection, query, asked, dims=dims):
            found[[places[one] for one in _ids(rows)]] = _finite(rows)
    return found


def _copied(
    connection: Connection, query: LiteralString, asked: Mapping[str, object], *, dims: int
) -> Iterator[NDArray[np.void]]:
    """Rows of (media_id, vector) in blocks, as the database copies them out: all of one length, so that nothing is read
    value by value. Ten times as fast as rows of a result."""
    row = np.dtype(
        [("fields", ">i2"), ("id_bytes", ">i4"), ("id", "V16"), ("vector_bytes", ">i4"), ("vector", "<f4", (dims,))]
    )
    waiting = b""
    begun = False
    copied = f"copy ({query}) to stdout (format binary)"
    raw = cast("psycopg.Connection", connection.connection.driver_connection)
    with raw.cursor() as cursor, cursor.copy(copied, {**asked, "bytes": 4 * dims}) as copy:
        gathered: list[bytes] = []
        size = 0
        for data in copy:
            gathered.append(bytes(data))
            size += len(data)
            if size < BLOCK_BYTES:
                continue
            waiting, begun, rows = _cut(b"".join(gathered), row, begun=begun)
            gathered, size = [waiting], len(waiting)
            yield rows
        _, _, rows = _cut(b"".join(gathered), row, begun=begun)
        yield rows


def _cut(data: bytes, row: np.dtype[np.void], *, begun: bool) -> tuple[bytes, bool, NDArray[np.void]]:
    """What is left over, and the whole rows; the two bytes that end everything are less than a row."""
    start = 0 if begun or len(data) < HEADER_BYTES else HEADER_BYTES
    count = (len(data) - start) // row.itemsize
    rows = np.frombuffer(data, row, count=count, offset=start)
    return data[start + count * row.itemsize :], True, rows


def _ids(rows: NDArray[np.void]) -> list[bytes]:
    together = np.ascontiguousarray(rows["id"]).tobytes()
    return [together[start : start + 16] for start in range(0, len(together), 16)]


def _finite(rows: NDArray[np.void]) -> Vectors:
    """A row of no numbers is near nothing; it must not make every product NaN."""
    vectors = np.array(rows["vector"], dtype=np.float32)
    vectors[~np.isfinite(vectors).all(axis=1)] = 0
    return vectors
