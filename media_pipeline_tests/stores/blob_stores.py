"""Stores under test: a folder, and a bucket of moto over real HTTP on loopback.

Before moto stands a front that can break off, refuse and conflict as servers do. Not here: the tests.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from media_pipeline.stores.blobs import BlobInfo, Blobs, S3Options, open_blobs
from media_pipeline.stores.bucket import S3Blobs
from media_pipeline.stores.folder import LocalBlobs

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HELLO = b"hello"
# sha256 of b"hello", from sha256sum.
HELLO_SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
TEXT = "text/plain"
PASSWORD = "swordfish"  # noqa: S105

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
numbers = count()


class Front:
    """Before moto: one request at a time, and the answers that a test asks for first.

    One at a time because a real server decides a conditional write in one step, and moto in two.
    """

    def __init__(self, behind: Wsgi) -> None:
        self.behind = behind
        self.lock = threading.Lock()
        self.trouble: list[Wsgi] = []
        self.options = S3Options()
        # Servers may return fewer keys than a request asks for.
        self.page_keys = 1000

    def __call__(self, request: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        request["QUERY_STRING"] = re.sub(
            r"max-keys=(\d+)",
            lambda asked: f"max-keys={min(int(asked[1]), self.page_keys)}",
            request["QUERY_STRING"],
        )
        with self.lock:
            # Not to HEAD: put_if_absent asks first, and the trouble is meant for the write.
            if request["REQUEST_METHOD"] != "HEAD" and self.trouble:
                return self.trouble.pop(0)(request, start)
            return list(self.behind(request, start))


def refusal(status: str, code: str) -> Wsgi:
    """A refusal in S3's words."""

    def refuse(request: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        request["wsgi.input"].read(int(request.get("CONTENT_LENGTH") or 0))
        start(status, [("Content-Type", "application/xml")])
        return [f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()]

    return refuse


def bytes_with_sum(data: bytes, *, sha256: str) -> Wsgi:
    """An answer with a checksum of the server's own."""

    def send(_: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [("x-amz-checksum-sha256", base64.b64encode(bytes.fromhex(sha256)).decode())])
        return [data]

    return send


def break_off(_: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Promises five bytes, sends two, closes."""
    start("200 OK", [("Content-Length", "5"), ("ETag", '"x"')])
    return [b"he"]


class _QuietHandler(MotoRequestHandler):
    def log(self, *_: object) -> None:
        """A line per request drowns the failure."""


@contextmanager
def served_buckets() -> Iterator[Front]:
    front = Front(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, front, threaded=True, request_handler=_QuietHandler)
    front.options = S3Options(
        endpoint_url=f"http://127.0.0.1:{server.server_port}", access_key="testing", secret_key=PASSWORD
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Store(Protocol):
    """A back end under test, and what a stranger can do to it behind our back."""

    @property
    def blobs(self) -> Blobs: ...

    def overwrite(self, key: str, data: bytes) -> None: ...


@dataclass
class Folder:
    root: Path
    blobs: LocalBlobs = field(init=False)

    def __post_init__(self) -> None:
        self.blobs = LocalBlobs(self.root)

    def overwrite(self, key: str, data: bytes) -> None:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@dataclass
class Bucket:
    """A bucket of its own, the store in it below `some/where`."""

    front: Front
    client: S3Client
    name: str = field(default_factory=lambda: f"bucket-{next(numbers)}")

    def __post_init__(self) -> None:
        self.front.trouble.clear()
        self.client.create_bucket(Bucket=self.name)
        self.blobs = S3Blobs(self.client, self.name, "some/where")

    def overwrite(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=f"some/where/{key}", Body=data)


def client_of(front: Front) -> S3Client:
    """The very client that the package makes; making one takes a third of a second, so a module shares it."""
    opened = open_blobs("s3://any-bucket", s3=front.options)
    assert isinstance(opened, S3Blobs)
    return opened._client


def keys(listed: list[BlobInfo]) -> list[str]:
    return [info.key for info in listed]
