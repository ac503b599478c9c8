"""Writers that run as processes of their own, to race and to be killed.

They live apart from the tests because a spawned process imports the module of its function: this one takes 0.1 s.
"""

from __future__ import annotations

import hashlib
import os
import resource
from itertools import count
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from media_pipeline.errors import BlobError
from media_pipeline.stores.folder import LocalBlobs

BYTES = "application/octet-stream"
RACE_KEYS = 25
RACE_REPEATS = 5000


def race(root: str, meet: Barrier, wins: SimpleQueue[int]) -> None:
    """Tries to be first with each of 25 blobs, each of which repeats the number of this process."""
    blobs = LocalBlobs(Path(root))
    data = os.getpid().to_bytes(4, "big") * RACE_REPEATS
    meet.wait()
    for number in range(RACE_KEYS):
        if blobs.put_if_absent(f"race/{number}/x", data, content_type=BYTES):
            wins.put(number)


def write_large(root: str, key: str) -> None:
    LocalBlobs(Path(root)).put_if_absent(key, bytes(150_000_000), content_type=BYTES)


def write_many(root: str) -> None:
    """Writes without a pause; each key ends with the sum of its bytes."""
    blobs = LocalBlobs(Path(root))
    for number in count():
        data = number.to_bytes(4, "big") * 50_000
        blobs.put_if_absent(f"{number % 7}/{hashlib.sha256(data).hexdigest()}", data, content_type=BYTES)


def write_past_the_limit(root: str, told: SimpleQueue[str]) -> None:
    """Puts 10,000 bytes where this process may write files of 4,096."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        LocalBlobs(Path(root)).put_if_absent("a", bytes(10_000), content_type=BYTES)
    except BlobError as error:
        told.put(str(error))
