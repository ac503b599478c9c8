"""One exchange over the network: the only module that knows httpx. No redirects, no retries, no cookies, no proxies.

An exchange runs in the thread that asks for it: a loop that serves all of them was what everybody waited for, and twice
the work. A total time ends it wherever it stands, because each wait for the network is cut to what is left of it. What
is not here: which requests are made, and when (stores/http.py).
"""

from __future__ import annotations

import logging
import math
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import httpcore
import httpx

from media_pipeline.errors import MediaServiceError
from media_pipeline.stores.addresses import Guard
from media_pipeline.stores.exchanges import Broken, Head, Pace, Receiver

CONNECTIONS: Final = 16
CONNECT_S: Final = 10.0
LOOK_UP_S: Final = 10.0
IDLE_S: Final = 30.0

# 64 KiB at a time costs a sixth more CPU for a photo of 200 KB.
httpcore.HTTP11Connection.READ_NUM_BYTES = 1 << 18


class Wire:
    """The connections, busy and idle; closed by `close`. No pool of httpcore: it looks at all of them, twice for each
    exchange."""

    def __init__(self, guard: Guard) -> None:
        # They write every URL to their logs, and keys are in URLs.
        for name in ("httpx", "httpcore", "httpcore.connection", "httpcore.http11"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._guard = guard
        self._lookups = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="names")
        self._trusted = httpx.create_ssl_context(trust_env=False)
        self._lock = threading.Lock()
        self._busy: set[_Line] = set()
        # Those that were used last are at the end.
        self._idle: list[_Line] = []
        self._is_closed = False

    def exchange(self, url: str, headers: Mapping[str, str], into: Receiver, *, pace: Pace) -> None:
        """GET; `Broken` where it does not come to its end, and whatever the receiver raises."""
        ends = time.monotonic() + pace.total_s
        request = _request(url, headers, pace)
        began = False
        try:
            with self._line(request.url.origin, ends=ends) as line:
                response = line.connection.handle_request(request)
                try:
                    began = into.begin(Head(response.status, dict(httpx.Headers(response.headers))))
                    if began:
                        _receive(response, into, pace)
                finally:
                    response.close()
        except httpcore.LocalProtocolError as error:
            raise Broken("bad_url", str(error)) from error
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            if self._is_closed:
                raise MediaServiceError("the library was closed while something came") from error
            if time.monotonic() >= ends:
                raise Broken("too_slow_host", f"not all of it came within {pace.total_s:g} s") from error
            if isinstance(error, httpcore.ReadTimeout):
                raise Broken("too_slow_host", f"nothing came for {pace.silence_s:g} s") from error
            raise Broken("short_body" if began else "unreachable", str(error) or type(error).__name__) from error

    @contextmanager
    def _line(self, origin: httpcore.Origin, *, ends: float) -> Iterator[_Line]:
        line = self._taken(origin)
        while line.connection.has_expired():  # its server has ended it meanwhile
            self._given_back(line)
            line = self._taken(origin)
        line.ends = ends
        try:
            yield line
        finally:
            self._given_back(line)

    def _taken(self, origin: httpcore.Origin) -> _Line:
        given_up = None
        with self._lock:
            if self._is_closed:
                raise MediaServiceError("the library is closed")
            line = next((line for line in reversed(self._idle) if line.origin == origin), None)
            if line is not None:
                self._idle.remove(line)
            else:
                line = _Line(origin, self._trusted, guard=self._guard, lookups=self._lookups)
                if self._idle and len(self._idle) + len(self._busy) >= CONNECTIONS:
                    given_up = self._idle.pop(0)
            self._busy.add(line)
        if given_up is not None:
            given_up.connection.close()
        return line

    def _given_back(self, line: _Line) -> None:
        connection = line.connection
        with self._lock:
            self._busy.discard(line)
            can_go_on = connection.is_idle() and not (connection.is_closed() or connection.has_expired())
            if can_go_on and not self._is_closed:
                self._idle.append(line)
                return
        connection.close()

    def close(self) -> None:
        """Ends every connection; who waits for one is told."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
            for line in self._busy:
                line.cut()
        for line in idle:
            line.connection.close()
        self._lookups.shutdown(wait=False, cancel_futures=True)


def _request(url: str, headers: Mapping[str, str], pace: Pace) -> httpcore.Request:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Broken("bad_url", str(error)) from error
    if parts.scheme not in ("http", "https") or not parts.host:
        raise Broken("bad_url", "it begins with no http://HOST or https://HOST")
    return httpcore.Request(
        "GET",
        httpcore.URL(scheme=parts.raw_scheme, host=parts.raw_host, port=parts.port, target=parts.raw_path),
        headers=[(b"Host", parts.netloc), *((name.encode(), value.encode()) for name, value in headers.items())],
        extensions={"timeout": {"connect": CONNECT_S, "read": pace.silence_s, "write": pace.silence_s}},
    )


def _receive(response: httpcore.Response, into: Receiver, pace: Pace) -> None:
    ends, came = time.monotonic() + pace.while_s, 0
    for chunk in response.iter_stream():
        if not into.take(chunk):
            return
        came += len(chunk)
        if time.monotonic() >= ends:
            if came < pace.bytes_per_while:
                raise Broken("too_slow_host", f"{came} bytes in {pace.while_s:g} s")
            ends, came = time.monotonic() + pace.while_s, 0


class _Line(httpcore.SyncBackend):
    """A connection to one host, and until when it may be waited for.

    It looks the name up, has the addresses checked, and connects to what was checked. The name stays in `Host` and TLS.
    """

    def __init__(
        self, origin: httpcore.Origin, trusted: ssl.SSLContext, *, guard: Guard, lookups: ThreadPoolExecutor
    ) -> None:
        self.origin = origin
        self.ends = math.inf
        self.connection = httpcore.HTTPConnection(
            origin, trusted, keepalive_expiry=IDLE_S, http1=True, http2=False, network_backend=self
        )
        self._guard = guard
        self._lookups = lookups
        self._socket: socket.socket | None = None
        self._is_cut = False

    def left_s(self, at_most: float | None) -> float:
        """How long may be waited now."""
        left_s = self.ends - time.monotonic()
        if left_s <= 0:
            raise httpcore.ReadTimeout
        return left_s if at_most is None else min(left_s, at_most)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            looking = self._lookups.submit(self._guard.addresses, host, port)
            addresses = looking.result(self.left_s(LOOK_UP_S))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"{host}: no answer from the name server") from error
        except OSError as error:
            raise httpcore.ConnectError(f"{host}: {error.strerror or error}") from error
        except RuntimeError as error:  # no more look-ups: the library was closed
            raise httpcore.ConnectError(str(error)) from error
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                stream = super().connect_tcp(address, port, self.left_s(timeout), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return self.watched(stream)
        raise failure

    def watched(self, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        """The stream, ended with the line."""
        self._socket = stream.get_extra_info("socket")
        if self._is_cut:
            stream.close()
            raise httpcore.ConnectError("the library was closed")
        return _Stream(stream, self)

    def cut(self) -> None:
        """From another thread: what waits for it goes on, with an error."""
        self._is_cut = True
        if self._socket is not None:
            try:
                # That of the plain socket, because TLS would drop its state, which the other thread is using.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:
                return  # its server was faster


class _Stream(httpcore.NetworkStream):
    """A stream that waits no longer than its line may."""

    def __init__(self, inner: httpcore.NetworkStream, line: _Line) -> None:
        self._inner = inner
        self._line = line

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._line.left_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._line.left_s(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return self._line.watched(self._inner.start_tls(ssl_context, server_hostname, self._line.left_s(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
