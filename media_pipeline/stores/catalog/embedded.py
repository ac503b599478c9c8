"""The embedded PostgreSQL 18: one server per home folder, shared by every process that uses that home.

Here: joining, leaving, starting and stopping it. Not here: where its files are (embedded_place.py), engine and tables
(the rest of this package), and servers of `MEDIA_DATABASE_URL`, which are somebody else's to run.

Three flocks hold it together:
`HOME/postgres.users`        shared by every member; who can make it exclusive was the last, and stops the server
`HOME/postgres.lock`         held while one process starts or stops the server
`HOME/postgres/server.lock`  inherited by the server: held as long as any process of it lives, in whatever container
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from psycopg import pq

from media_pipeline.errors import EmbeddedError
from media_pipeline.stores.catalog import flocks
from media_pipeline.stores.catalog.embedded_place import SUPERUSER, Embedded, Options, located, prepared, run

__all__ = ["Embedded", "Membership", "Options", "alive", "join", "start", "stop", "using"]

DEFAULTS = Options()
POLL_S = 0.02
HALT_S = 60.0  # a fast shutdown writes one checkpoint; whoever needs longer is killed, and recovers at the next start
VANISH_S = 5.0  # from SIGKILL to the kernel's freeing of the lock
LOG_BYTES = 10_000_000
# Containers have a /dev/shm of 64 MB or less: with 16 KB neither initdb nor the server got through with `posix`, and
# parallel queries outgrow 64 MB. Files in the data folder cost a parallel hash join 6–15 %.
SHARED_MEMORY = "mmap"
# Not pg_ctl: it pastes paths into a shell command, and a home called `$(touch X)` was executed. Here they are
# arguments. The `&` gives the server another parent, so that it is no child of ours to wait for.
LAUNCH = '"$0" "$@" </dev/null >>server.log 2>&1 &'


class Membership:
    """The right to find the server running, until `leave()` or the end of the process, however it ends."""

    def __init__(self, embedded: Embedded, users: int, options: Options) -> None:
        self.embedded = embedded
        self._users: int | None = users
        self._options = options
        self._pid = os.getpid()

    def leave(self) -> None:
        """Give the right back; the last one to do so stops the server. A second call does nothing."""
        users, self._users = self._users, None
        if users is None:
            return
        if os.getpid() != self._pid:  # a forked copy: the flock is one for both, and the parent still needs it
            os.close(users)
            return
        try:
            with _locked(self.embedded.home, self._options):
                if flocks.taken(users, fcntl.LOCK_EX):
                    _halt(self.embedded)
        finally:
            flocks.released(users)


def join(home: Path, *, options: Options = DEFAULTS) -> Membership:
    """Become a user of the home's server, which is started where it does not run. `using` is the same as a block."""
    with _explained(home):
        home.mkdir(parents=True, exist_ok=True)
        path = home / "postgres.users"
        users = flocks.opened(path)
        try:
            # Before the server is looked at: a member that leaves now must see us, and let it run.
            flocks.awaited(users, fcntl.LOCK_SH, wait_s=options.wait_s + HALT_S, path=path)
            return Membership(start(home, options=options), users, options)
        except BaseException:
            flocks.released(users)
            raise


@contextmanager
def using(home: Path, *, options: Options = DEFAULTS) -> Iterator[Embedded]:
    """The home's server, for the length of a block."""
    member = join(home, options=options)
    try:
        yield member.embedded
    finally:
        member.leave()


def start(home: Path, *, options: Options = DEFAULTS) -> Embedded:
    """Let the server run, without becoming a user: until the last of those leaves, or until `stop`."""
    with _explained(home):
        home.mkdir(parents=True, exist_ok=True)
        with _locked(home, options):
            embedded = located(home, options)
            until = time.monotonic() + options.wait_s
            # A live postmaster without a socket (someone cleaned /tmp) can be reached by nobody: it is restarted.
            while not _answers(embedded):
                if _postmaster(embedded) is None or not any(embedded.sockets.glob(".s.PGSQL.*")):
                    _halt(embedded)
                    embedded = prepared(embedded, options)
                    # Of starts that were killed; their initdb may have written on after the last sweep.
                    for left in embedded.data.parent.glob("data.new-*"):
                        shutil.rmtree(left, ignore_errors=True)
                    if not embedded.data.exists():
                        _create(embedded, options)
                    _launch(embedded, options)
                    break
                _pause(embedded, until, options)
            while not _answers(embedded):
                if not _lives(embedded):
                    raise EmbeddedError(f"PostgreSQL of {home} ended at once: {_told(embedded)}")
                _pause(embedded, until, options)
            return embedded


def stop(where: Path | Embedded, *, options: Options = DEFAULTS) -> bool:
    """Stop the server whoever uses it (they lose their connections, but no rows); whether one ran."""
    home = where.home if isinstance(where, Embedded) else where
    with _explained(home):
        if not (home / "postgres").exists():
            return False
        with _locked(home, options):
            return _halt(located(home, options))


def alive(home: Path, *, options: Options = DEFAULTS) -> bool:
    """Whether the server answers; nothing is created, started or waited for."""
    with _explained(home):
        return _answers(located(home, options))


def _answers(embedded: Embedded) -> bool:
    """Ping, not connect: true even when all connections are taken. The server of a removed data folder is not ours."""
    return embedded.data.exists() and pq.PGconn.ping(f"{embedded.conninfo} connect_timeout=5".encode()) == pq.Ping.OK


def _lives(embedded: Embedded) -> bool:
    """Whether any process of the server is left, even one that we cannot see. Only with `postgres.lock` held."""
    if not embedded.lock_path.exists():
        return False
    file = flocks.opened(embedded.lock_path)
    try:
        return not flocks.taken(file, fcntl.LOCK_EX)
    finally:
        os.close(file)


def _processes(embedded: Embedded) -> list[psutil.Process]:
    """The server's processes, by their command lines.

    Not by pid file: it may be cut off, empty, or name a process that got the number later. Not by working folder: root
    in a container lacks CAP_SYS_PTRACE, and cannot see that of another account's process.
    """
    found, title = [], f"postgres: {embedded.sockets.name}: "
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.name() != "postgres" or process.uids().effective != embedded.uid:
                continue
            words = process.cmdline()  # empty for a zombie
            if words[1:3] == ["-D", str(embedded.data)] or " ".join(words).startswith(title):
                found.append(process)
    return found


def _postmaster(embedded: Embedded) -> psutil.Process | None:
    """The process that we launched, not a child of it that has not set its title yet."""
    processes = _processes(embedded)
    pids = {process.pid for process in processes}
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.cmdline()[1:2] == ["-D"] and process.ppid() not in pids:
                return process
    return None


def _create(embedded: Embedded, options: Options) -> None:
    """initdb, then rename: a data folder that exists is whole.

    A new name each time: the initdb of a killed process may still be writing to the last one.
    """
    folder = embedded.data.parent
    new = Path(tempfile.mkdtemp(prefix="data.new-", dir=folder))
    if embedded.account is not None:
        os.chown(new, embedded.account.pw_uid, embedded.account.pw_gid)
    # The built-in locale sorts alike on every machine; the C library's breaks indexes when that is upgraded.
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    words = [str(embedded.binaries / "bin/initdb"), "-D", str(new), "-U", SUPERUSER, "--auth=trust", *locale]
    words += ["--set", f"dynamic_shared_memory_type={SHARED_MEMORY}"]
    made = run(embedded.account, *words, *(() if options.durable else ("--no-sync",)), cwd=new)
    if made.returncode != 0:
        shutil.rmtree(new, ignore_errors=True)
        raise EmbeddedError(
            f"initdb of {embedded.home} failed: {made.stderr.strip()[-600:]}; it needs free disk and a line for uid"
            f" {embedded.uid} in /etc/passwd; or set MEDIA_DATABASE_URL"
        )
    new.rename(embedded.data)
    parent = os.open(folder, os.O_RDONLY)
    os.fsync(parent)
    os.close(parent)


def _launch(embedded: Embedded, options: Options) -> None:
    """Start the postmaster; it is not waited for."""
    if (owner := embedded.data.stat().st_uid) != embedded.uid:
        raise EmbeddedError(
            f"{embedded.data} belongs to uid {owner}, not {embedded.uid}: run as that user; root sets"
            " MEDIA_EMBEDDED_USER"
        )
    (embedded.data / "postmaster.pid").unlink(missing_ok=True)  # no process lives: it could only mislead
    if embedded.logs_path.exists() and embedded.logs_path.stat().st_size > LOG_BYTES:
        embedded.logs_path.replace(embedded.data / "server.log.1")
    settings = {
        "listen_addresses": "",
        "max_connections": "50",
        "client_connection_check_interval": "1s",
        "cluster_name": embedded.sockets.name,  # in the titles of its processes, by which `_processes` knows them
        "dynamic_shared_memory_type": SHARED_MEMORY,
    }
    if not options.durable:  # never synchronous_commit=off as well: that lost committed tables on `kill -9`
        settings |= {"fsync": "off", "full_page_writes": "off"}
    words = [str(embedded.binaries / "bin/postgres"), "-D", str(embedded.data), "-k", str(embedded.sockets)]
    for name, value in settings.items():
        words += ["-c", f"{name}={value}"]
    lock = flocks.opened(embedded.lock_path)
    try:
        flocks.awaited(lock, fcntl.LOCK_EX, wait_s=VANISH_S, path=embedded.lock_path)
        run(embedded.account, "/bin/sh", "-c", LAUNCH, *words, cwd=embedded.data, keep=(lock,))
    finally:
        os.close(lock)  # not LOCK_UN: that would take the lock from the server too


def _halt(embedded: Embedded) -> bool:
    """End every process of the server, by whatever it takes; whether there was one."""
    ran = bool(_processes(embedded))
    until = time.monotonic() + HALT_S
    if (postmaster := _postmaster(embedded)) is not None:
        with suppress(psutil.NoSuchProcess):
            postmaster.send_signal(signal.SIGINT)  # not `pg_ctl stop`: that needs the pid file
        while _postmaster(embedded) is not None and time.monotonic() < until:
            time.sleep(POLL_S)
    until = time.monotonic() + VANISH_S
    while (orphans := _processes(embedded)) or _lives(embedded):
        for orphan in orphans:  # backends outlive a killed postmaster, and hold its shared memory
            with suppress(psutil.NoSuchProcess):
                orphan.kill()
        if time.monotonic() > until:
            raise EmbeddedError(
                f"PostgreSQL of {embedded.home} is run by a process that cannot be seen or ended from here: stop it in"
                " the container that started it; to share one catalog between containers set MEDIA_DATABASE_URL"
            )
        time.sleep(POLL_S)
    if embedded.sockets.is_dir() and not embedded.sockets.is_symlink():
        for stale in embedded.sockets.glob(".s.PGSQL.*"):
            stale.unlink(missing_ok=True)
        with suppress(OSError):  # somebody else's file in it: leave it
            embedded.sockets.rmdir()
    return ran


def _pause(embedded: Embedded, until: float, options: Options) -> None:
    if time.monotonic() > until:
        raise EmbeddedError(
            f"PostgreSQL of {embedded.home} does not answer after {options.wait_s} s; it goes on, as it may be"
            f" recovering: try again. {_told(embedded)}"
        )
    time.sleep(POLL_S)


def _told(embedded: Embedded) -> str:
    """The last lines of its log."""
    try:
        return f"{embedded.logs_path} ends with: {embedded.logs_path.read_bytes()[-600:].decode(errors='replace')}"
    except OSError as unreadable:
        return f"its log cannot be read: {unreadable}"


@contextmanager
def _locked(home: Path, options: Options) -> Iterator[None]:
    with flocks.exclusive(home / "postgres.lock", wait_s=options.wait_s + HALT_S):
        yield


@contextmanager
def _explained(home: Path) -> Iterator[None]:
    """What the operating system refuses (a read-only home, root that may not change its user) as our error."""
    try:
        yield
    except OSError as refused:
        raise EmbeddedError(
            f"the embedded PostgreSQL of {home} cannot be run: {refused}; set MEDIA_HOME to a folder that can be"
            " written, or set MEDIA_DATABASE_URL"
        ) from refused
