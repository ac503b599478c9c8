"""Connections: which are used again, and how an exchange ends that takes too long."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from media_pipeline.errors import MediaServiceError
from media_pipeline.stores.addresses import Guard
from media_pipeline.stores.exchanges import Broken, Head, Pace
from media_pipeline.stores.wire import CONNECTIONS, Wire

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"


class Server:
    """Says one thing to each request, a piece of it every so often, and counts connections."""

    def __init__(self, says: bytes = WHOLE, *, piece: int = 1000, wait_s: float = 0.0) -> None:
        self.says = says
        self.connections = 0
        self._piece, self._wait_s = piece, wait_s
        self._open: list[socket.socket] = []
        self._ended = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}/"

    def hang_up(self) -> None:
        """Ends the connection that was opened last."""
        self._open[-1].shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._ended.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                one, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(one)
            self._threads.append(threading.Thread(target=self._serve, args=(one,)))
            self._threads[-1].start()

    def _serve(self, one: socket.socket) -> None:
        one.settimeout(0.05)
        with one:
            while not self._ended.is_set():
                try:
                    if not one.recv(65536):
                        return
                    for start in range(0, len(self.says), self._piece):
                        one.sendall(self.says[start : start + self._piece])
                        if self._ended.wait(self._wait_s):
                            return
                except TimeoutError:
                    continue
                except OSError:
                    return


@dataclass(slots=True)
class Kept:
    """What came."""

    wanted: bool = True
    body: bytes = b""
    begun: threading.Event = field(default_factory=threading.Event)

    def begin(self, head: Head) -> bool:
        self.begun.set()
        return self.wanted

    def take(self, chunk: bytes) -> bool:
        self.body += chunk
        return True


@pytest.fixture
def wire() -> Iterator[Wire]:
    opened = Wire(Guard(frozenset({"127.0.0.1"})))
    yield opened
    opened.close()


@pytest.fixture
def server() -> Iterator[Server]:
    opened = Server()
    yield opened
    opened.close()


def came(wire: Wire, url: str, *, wanted: bool = True, pace: Pace | None = None) -> bytes:
    into = Kept(wanted)
    wire.exchange(url, {}, into, pace=pace or Pace())
    return into.body


def test_a_connection_is_used_again(wire: Wire, server: Server) -> None:
    """For as many exchanges as come one after the other."""
    assert [came(wire, server.url) for _ in range(3)] == [b"hi", b"hi", b"hi"]
    assert server.connections == 1


def test_a_body_that_nobody_wants_costs_the_connection(wire: Wire, server: Server) -> None:
    """What is left of it would be taken for the next answer."""
    assert came(wire, server.url, wanted=False) == b""
    assert came(wire, server.url) == b"hi"
    assert server.connections == 2


def test_a_connection_that_its_server_ends_is_not_used_again(wire: Wire, server: Server) -> None:
    """Whether it says so, or just ends it."""
    server.says = LAST
    assert came(wire, server.url) == b"hi"
    server.says = WHOLE
    assert came(wire, server.url) == b"hi"
    assert server.connections == 2
    server.hang_up()
    assert came(wire, server.url) == b"hi"
    assert server.connections == 3


def test_idle_connections_are_ended_for_new_ones(wire: Wire) -> None:
    """Those that were idle longest: of more hosts than may be connected to, the last stay."""
    servers = [Server() for _ in range(CONNECTIONS + 1)]
    try:
        for server in [*servers, servers[-1], servers[0]]:
            assert came(wire, server.url) == b"hi"
        assert [server.connections for server in servers] == [2] + [1] * CONNECTIONS
    finally:
        for server in servers:
            server.close()


@pytest.mark.parametrize("says", [WHOLE, b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + b"x" * 900])
def test_drops_do_not_prolong_an_exchange(says: bytes, wire: Wire) -> None:
    """A byte of the head or of the body that comes in time is no reason to wait for another beyond the total."""
    server = Server(says, piece=1 if says is WHOLE else 50, wait_s=0.1)
    try:
        with pytest.raises(Broken, match=r"not all of it came within 0\.5 s"):
            came(wire, server.url, pace=Pace(total_s=0.5))
    finally:
        server.close()


def test_what_is_under_way_ends_with_the_wire(wire: Wire) -> None:
    """Wherever it stands; later exchanges are refused."""
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nx")
    into = Kept()
    told: list[str] = []

    def wait() -> None:
        with pytest.raises(MediaServiceError) as caught:
            wire.exchange(server.url, {}, into, pace=Pace())
        told.append(str(caught.value))

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        assert into.begun.wait(30)
        wire.close()
        thread.join(30)
        with pytest.raises(MediaServiceError, match="closed"):
            came(wire, server.url)
    finally:
        server.close()
    assert told == ["the library was closed while something came"]
