"""A web server on the loopback that says what it is told to, slowly, wrongly or not at all, and remembers who asked.

What is not here: what real sources answer (the recordings that the tests of sources read).
"""

from __future__ import annotations

import gzip
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Scripted:
    """One answer.

    `cut_after`: the whole length is promised, and so many bytes of it come before the connection ends. `drip`: so many
    bytes at a time, with so many seconds between them. `is_ranged`: a `Range` is answered with 206, if `If-Range` names
    the `ETag` among the headers. `is_chunked`: no length is promised.
    """

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    wait_s: float = 0
    cut_after: int | None = None
    drip: tuple[int, float] | None = None
    is_ranged: bool = False
    is_chunked: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One request; names of headers in lower case."""

    path: str
    headers: Mapping[str, str]
    at: float = field(compare=False)


def redirect(to: str, *, status: int = 302) -> Scripted:
    return Scripted(status, headers=(("Location", to),))


def bomb(size_bytes: int) -> Scripted:
    """Zeros, a thousand times smaller on the way."""
    return Scripted(body=gzip.compress(bytes(size_bytes)), headers=(("Content-Encoding", "gzip"),))


class ReplayServer:
    """Answers by path with query, or by path alone; one after the other, and the last for ever. Others are 404."""

    def __init__(
        self,
        routes: Mapping[str, Sequence[Scripted] | Scripted] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.routes: dict[str, list[Scripted]] = {}
        self.seen: list[Seen] = []
        for path, answers in (routes or {}).items():
            self.say(path, *([answers] if isinstance(answers, Scripted) else answers))
        self._lock = threading.Lock()
        self._server = _Server(self)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def say(self, path: str, *answers: Scripted) -> None:
        """From now on."""
        self.routes[path] = list(answers)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    def paths(self) -> list[str]:
        """What was asked, in order."""
        return [request.path for request in self.seen]

    def next_answer(self, path: str, headers: Mapping[str, str]) -> Scripted:
        with self._lock:
            self.seen.append(Seen(path, headers, time.monotonic()))
            answers = self.routes.get(path) or self.routes.get(urlsplit(path).path)
            if not answers:
                return Scripted(404)
            return answers.pop(0) if len(answers) > 1 else answers[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Threads of a slow answer are not waited for.
    block_on_close = False
    request_queue_size = 128

    def __init__(self, replay: ReplayServer) -> None:
        self.replay = replay
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has had enough is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without it each answer waits for the acknowledgement of its head.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        asked = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.replay.next_answer(self.path, asked)
        time.sleep(answer.wait_s)
        status, body, more = answer.status, answer.body, dict(answer.headers)
        if answer.is_ranged:
            more["Accept-Ranges"] = "bytes"
            if "range" in asked and asked.get("if-range") == more.get("ETag"):
                start = int(asked["range"].removeprefix("bytes=").rstrip("-"))
                status, body = 206, answer.body[start:]
                more["Content-Range"] = f"bytes {start}-{len(answer.body) - 1}/{len(answer.body)}"
        if answer.is_chunked:
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        measure = {"Transfer-Encoding": "chunked"} if answer.is_chunked else {"Content-Length": str(len(body))}
        self.send_response_only(status)  # without the date of this machine
        for name, value in (measure | more).items():
            self.send_header(name, value)
        self.end_headers()
        self._send(answer, body)

    def _send(self, answer: Scripted, body: bytes) -> None:
        if answer.cut_after is not None:
            body, self.close_connection = body[: answer.cut_after], True
        size, pause_s = answer.drip or (len(body) or 1, 0)
        for begin in range(0, len(body), size):
            self.wfile.write(body[begin : begin + size])
            self.wfile.flush()
            time.sleep(pause_s)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the name of the base class
        """Nothing: a test reads `seen`."""
