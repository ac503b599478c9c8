"""How many files a second come through the polite client, with its turns, checks and digests, from a loopback.

Run by hand: `python -m media_pipeline_tests.benchmarks.bench_downloads [FILES]`. The server is a process of its own, so
that what is measured is the client and the catalog.
"""

from __future__ import annotations

import multiprocessing
import socket
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from media_pipeline.config import Settings
from media_pipeline.sources.protocol import Limits
from media_pipeline.stores.library import Library, open_library

SIZE_BYTES = 200_000
THREADS = (4, 8, 16)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % SIZE_BYTES


def serve(listener: socket.socket) -> None:
    """The same file for every request."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    body = HEAD + bytes(SIZE_BYTES)
    with connection:
        while connection.recv(4096):
            connection.sendall(body)


def measure(library: Library, url: str, folder: Path, *, files: int) -> None:
    for threads in THREADS:
        limits = Limits(1, 1000, 1000, bytes_per_hour=10**12, downloads=threads)

        def fetch(number: int, limits: Limits = limits) -> None:
            to = folder / str(number % 64)
            library.http.download(f"{url}/{number}", to=to, source="bench", limits=limits, max_bytes=10**7)

        fetch(0)
        begun, cpu_s = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fetch, range(files)))
        seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu_s
        print(f"{threads} threads: {files / seconds:.0f} files/s, {cpu_s / files * 1000:.1f} ms of CPU each")


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    server = multiprocessing.get_context("fork").Process(target=serve, args=(listener,), daemon=True)
    server.start()
    with tempfile.TemporaryDirectory(prefix="mpt-", dir="/tmp") as ground:
        home = Path(ground)
        home.chmod(0o755)
        settings = Settings.load(home=home / "home", contact="a@example.org", allowed_private_hosts=host)
        with open_library(settings) as library:
            measure(library, f"http://{host}", home, files=files)
    server.terminate()


if __name__ == "__main__":
    main()
