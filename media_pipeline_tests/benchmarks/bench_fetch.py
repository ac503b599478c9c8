"""How fast the stage fetch is, and how much memory it needs, beside other ways to download the same files.

`python -m media_pipeline_tests.benchmarks.bench_fetch [IMAGES]` serves so many distinct JPEGs of 200 KB from a process
of its own on the loopback, and lets each contender fetch them in another: the stage (embedded catalog, local blobs, all
of it synced), a loop of httpx that writes one file after the other, asyncio that writes what comes to files and does
nothing else (the floor), and img2dataset where it is installed (`uv sync --group bench`). The server needs a share of
the same cores. Not here: what the stage does (stages/fetch), and any assertion: benchmarks are no tests.
"""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import multiprocessing
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image

IMAGES = 5_000
FEW = 500
SIZE_BYTES = 200_000
# The marker, the length and the words.
COMMENT_BYTES = 20
AT_ONCE = 16
GOAL = 150


def photo() -> bytes:
    """A JPEG of a little less than 200 KB."""
    noise = np.random.default_rng(7).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((1600, 1200), Image.Resampling.BICUBIC)
    for quality in range(90, 5, -5):
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        if out.tell() <= SIZE_BYTES - COMMENT_BYTES:
            break
    return out.getvalue()


class Server(asyncio.Protocol):
    """Says the same photo to everybody, each time with another comment: 200 KB of distinct bytes, at little cost."""

    body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._came = b""

    def data_received(self, data: bytes) -> None:
        self._came += data
        while b"\r\n\r\n" in self._came:
            asked, _, self._came = self._came.partition(b"\r\n\r\n")
            number = asked.split(b" ", 2)[1].strip(b"/").partition(b".")[0]
            head = b"\xff\xd8\xff\xfe\x00\x12" + number.rjust(16)
            length = len(head) + len(self.body)
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s" % (length, head)
            )
            self._transport.write(self.body)


def serve(pipe: Connection, picture: bytes) -> None:
    """Say the port, then serve until the end."""
    # Fills up what the encoder left.
    Server.body = picture[2:] + bytes(SIZE_BYTES - len(picture) - COMMENT_BYTES)

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def stage(host: str, count: int, ground: Path) -> float:
    """The stage itself, from its first look at what is due to its last commit."""
    from media_pipeline.config import Settings
    from media_pipeline.sources import SOURCES
    from media_pipeline.stages.fetch.assets import fetch
    from media_pipeline.stores.library import open_library
    from media_pipeline_tests.stages.fetch.web import LIMITS, SOURCE, Web, add_rows, listing_row, run_of

    cast(dict[str, Any], SOURCES)[SOURCE] = Web(limits=replace(LIMITS, downloads=AT_ONCE))
    with open_library(Settings.load(home=ground / "home", allowed_private_hosts=host, workers=2)) as library:
        for first in range(0, count, 1000):
            numbers = range(first, min(first + 1000, count))
            add_rows(library, [listing_row(library, f"{n}", original_url=f"http://{host}/{n}.jpg") for n in numbers])
        begun = time.monotonic()
        report = fetch(run_of(library))
        seconds = time.monotonic() - begun
        assert report.of("originals") == {("done", ""): count}
    return seconds


def naive(host: str, count: int, ground: Path) -> float:
    """One after the other."""
    import httpx

    begun = time.monotonic()
    with httpx.Client() as client:
        for number in range(count):
            (ground / f"{number}.jpg").write_bytes(client.get(f"http://{host}/{number}.jpg").content)
    return time.monotonic() - begun


def floor(host: str, count: int, ground: Path) -> float:
    """Sixteen connections, no HTTP client: nothing is checked, summed or synced."""
    name, port = host.split(":")

    async def work(numbers: Any) -> None:
        reader, writer = await asyncio.open_connection(name, int(port))
        for number in numbers:
            writer.write(b"GET /%d.jpg HTTP/1.1\r\nHost: x\r\n\r\n" % number)
            await reader.readuntil(b"\r\n\r\n")
            (ground / f"{number}.jpg").write_bytes(await reader.readexactly(SIZE_BYTES))
        writer.close()

    async def run() -> None:
        numbers = iter(range(count))
        await asyncio.gather(*(work(numbers) for _ in range(AT_ONCE)))

    begun = time.monotonic()
    asyncio.run(run())
    return time.monotonic() - begun


def img2dataset(host: str, count: int, ground: Path) -> float:
    """As its command does it, in one process with as many threads, storing what came without another encoding."""
    urls = ground / "urls.txt"
    urls.write_text("".join(f"http://{host}/{number}.jpg\n" for number in range(count)))
    options = {
        "url_list": urls,
        "output_folder": ground / "out",
        "output_format": "files",
        "processes_count": 1,
        "thread_count": AT_ONCE,
        "number_sample_per_shard": 1000,
        "disable_all_reencoding": True,
        "resize_mode": "no",
    }
    command = [f"--{name}={value}" for name, value in options.items()]
    begun = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "img2dataset.main", *command],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    seconds = time.monotonic() - begun
    got = len(list((ground / "out").rglob("*.jpg")))
    assert got == count, f"img2dataset stored {got} of {count}"
    return seconds


CONTENDERS: dict[str, Callable[[str, int, Path], float]] = {
    "stage": stage,
    "naive": naive,
    "floor": floor,
    "img2dataset": img2dataset,
}


def one(name: str, host: str, count: int) -> None:
    """A contender in a process of its own: seconds, CPU seconds and peak of memory, as JSON."""
    # Not /tmp/pytest-…: the embedded database's account must reach it.
    ground = Path(tempfile.mkdtemp(prefix="mp-bench-", dir="/tmp"))
    ground.chmod(0o755)
    try:
        seconds = CONTENDERS[name](host, count, ground)
    finally:
        shutil.rmtree(ground)
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in used)
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mb": max(usage.ru_maxrss for usage in used) / 1024}))


def main(most: int) -> None:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, photo()), daemon=True)
    server.start()
    theirs.close()
    host = f"127.0.0.1:{ours.recv()}"
    names = [name for name in CONTENDERS if name != "img2dataset" or importlib.util.find_spec("img2dataset")]
    speeds: dict[tuple[str, int], float] = {}
    peaks: dict[tuple[str, int], float] = {}
    print(f"{SIZE_BYTES // 1000} KB each\n{'':12} {'images':>7} {'images/s':>9} {'CPU ms/image':>13} {'peak MB':>8}")
    try:
        for count in sorted({min(FEW, most), most}):
            for name in names:
                command = [sys.executable, "-m", __spec__.name, name, host, str(count)]
                told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
                result = json.loads(told.splitlines()[-1])
                speeds[name, count], peaks[name, count] = count / result["seconds"], result["peak_mb"]
                cpu = 1000 * result["cpu"] / count
                print(
                    f"{name:12} {count:7} {speeds[name, count]:9.0f} {cpu:13.2f} {result['peak_mb']:8.0f}", flush=True
                )
    finally:
        server.kill()
    for name in names[1:]:
        print(f"the stage is {speeds['stage', most] / speeds[name, most]:.2f} x {name}")
    grown = peaks["stage", most] - peaks["stage", min(FEW, most)]
    print(f"goal {GOAL}/s: {'reached' if speeds['stage', most] >= GOAL else 'MISSED'}; memory grown by {grown:.0f} MB")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        one(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
