"""Development: Dagster's UI and daemon on one library, for as long as somebody watches.

The embedded database is joined for the whole time, so that it is not started and stopped with every run. What is not
here: the folder of Dagster's settings (dagster_home.py), deployments (deploy/).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import psutil

from media_pipeline.config import Settings
from media_pipeline.environment import environment_of
from media_pipeline.errors import ConfigError
from media_pipeline.operations.dagster_home import packaged, prepared_dagster_home
from media_pipeline.stores.library import open_library

WORKSPACE = "workspace.yaml"
# SIGHUP: a terminal that is closed tells only us, because what we start is in a session of its own.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
POLL_S = 0.1
# In about 3 s the services end themselves; a run that is under way gets the rest to write that it was stopped.
INTERRUPT_S = 20.0
TERMINATE_S = 5.0
KILL_S = 5.0
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 — compared with, not listened on


def develop(settings: Settings, *, port: int, host: str) -> int:
    """Serve until Ctrl-C or TERM (then 0) or until the services end by themselves (then their exit code, or 1)."""
    _require_free(port, host)
    with _noted() as asked, open_library(settings):
        environment = environment_of(settings) | {"DAGSTER_HOME": str(prepared_dagster_home(settings))}
        if asked:
            return 0
        services = subprocess.Popen(_command(port, host), env=environment, start_new_session=True)
        try:
            told = False
            while not asked and services.poll() is None:
                if not told and _answers(port, host):
                    print(_welcome(settings, port, host), flush=True)
                    told = True
                time.sleep(POLL_S)
            ended_by_itself = services.returncode
        finally:
            _end(services, asked)
    return 0 if ended_by_itself is None else ended_by_itself or 1


def _command(port: int, host: str) -> list[str]:
    # `dg dev` wants a project folder, which an installed package has not; `dagster dev` warns that it is superseded.
    quiet = ["-W", "ignore:Function `dev_command` is superseded"]
    workspace = ["-w", str(packaged(WORKSPACE))]
    return [sys.executable, *quiet, "-m", "dagster", "dev", *workspace, "--port", str(port), "--host", host]


def _welcome(settings: Settings, port: int, host: str) -> str:
    uploads = settings.uploads_url or settings.home_path / "bucket"
    return (
        f"\nDagster's UI on the library in {settings.home_path}: http://{_reached(host)}:{port}\n"
        f"First: put photos into {uploads}, open Assets, choose «Materialize all» and the partition «uploads».\n"
        "Under Automation the uploads sensor does the same by itself once it is started. Ctrl-C ends everything.\n"
    )


def _reached(host: str) -> str:
    return "127.0.0.1" if host in EVERYWHERE else host


def _require_free(port: int, host: str) -> None:
    """Dagster would start everything else first and then end with a traceback."""
    wrong = f"cannot listen on {host}:{port}"
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as error:
        raise ConfigError(f"{wrong}: {error}; choose another with --port and --host") from error


def _answers(port: int, host: str) -> bool:
    with suppress(OSError), socket.create_connection((_reached(host), port), timeout=1):
        return True
    return False


@contextmanager
def _noted() -> Iterator[list[int]]:
    """The signals that asked for the end, instead of whatever they would do, also where they were inherited ignored."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    former = {number: signal.signal(number, note) for number in ENDING}
    try:
        yield asked
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _end(services: subprocess.Popen[bytes], asked: list[int]) -> None:
    """End every process of the session, also those that the services leave behind: their code servers.

    A second Ctrl-C does not wait. Interrupt first, as the terminal would: a run then writes that it was stopped.
    """
    patience = ((signal.SIGINT, INTERRUPT_S), (signal.SIGTERM, TERMINATE_S), (signal.SIGKILL, KILL_S))
    before = len(asked)
    for number, seconds in patience:
        if number != signal.SIGKILL and len(asked) > before:
            continue
        for process in _session(services.pid):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        until = time.monotonic() + seconds
        while time.monotonic() < until and (number == signal.SIGKILL or len(asked) == before):
            services.poll()  # reaps it
            if not _session(services.pid):
                services.wait()
                return
            time.sleep(POLL_S)


def _session(leader: int) -> list[psutil.Process]:
    """The living processes of the session that the services lead."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
