"""Starts a real PostgreSQL of its own in a temporary folder, reached by a Unix socket only, and ends it.

Rule 1: PostgreSQL refuses to run as root: then it runs as ``postgres``, or as ``nobody`` where there is no such user.
Rule 2: it is ended by its own process id, never by a name.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine

__all__ = ["Server", "binaries", "server"]

_LOCKED = "locked"  # the one role that has to show a password
_FAST = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


def binaries() -> Path | None:
    """Return the folder that holds ``initdb`` and ``postgres``, the newest version first."""
    found = shutil.which("initdb")
    if found and (Path(found).resolve().parent / "postgres").exists():
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class Server:
    """A running server: hands out empty databases, or copies of one; it can be stopped and started again."""

    def __init__(self, folder: Path, user: str, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self._folder = folder
        self._user = user
        self._numbers = itertools.count(1)
        self._start = start
        self._process: subprocess.Popen[bytes] | None = None
        self._engine = create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT", pool_pre_ping=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = self._start()
        _wait(self._process, self._folder)

    def stop(self) -> None:
        """Stop it, whoever is in it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "Fast shutdown": it ends sessions and itself.
            self._process.wait(timeout=30)
            self._process = None

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://{self._user}@/{name}?host={self._folder}"

    def make(self, copy_of: str | None = None) -> str:
        """Make a database and return its URL; ``copy_of`` is the URL of one that nobody is using."""
        name = f"t{next(self._numbers)}"
        template = (
            copy_of.rpartition("/")[0] and copy_of.partition("@/")[2].partition("?")[0] if copy_of else "template0"
        )
        with self._engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")
        return self._url(name)

    def make_locked(self, password: str) -> str:
        """Make a database of a role that needs this password and return its URL, without the password."""
        url = self.make()
        word = password.replace("'", "''").replace("%", "%%")
        with self._engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE ROLE {_LOCKED} LOGIN PASSWORD '{word}'")
            connection.exec_driver_sql(f"ALTER DATABASE {_name(url)} OWNER TO {_LOCKED}")
        return url.replace(f"//{self._user}@", f"//{_LOCKED}@")

    def drop(self, url: str) -> None:
        """Drop a database, whoever is in it."""
        name = _name(url)
        with self._engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def close(self) -> None:
        """Give up the connection."""
        self._engine.dispose()


def _ends_with_us() -> None:
    """Let the kernel end the server when we are killed and can't do it ourselves (prctl's PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGINT)


def _name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


def _user() -> str | None:
    """Whom to run it as: None where we are an ordinary user already."""
    if os.geteuid() != 0:
        return None
    known = {row.pw_name for row in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


@contextmanager
def server(*, durable: bool = False) -> Iterator[Server]:
    """Run a server; ``durable`` leaves fsync as a plant would have it.

    Raises:
        FileNotFoundError: there are no binaries.
    """
    programs = binaries()
    if programs is None:
        raise FileNotFoundError("initdb")
    runs_as = _user()
    folder = Path(tempfile.mkdtemp(prefix="rfpg"))
    if runs_as:
        shutil.chown(folder, runs_as)
    account = {"user": runs_as, "group": pwd.getpwnam(runs_as).pw_gid, "extra_groups": []} if runs_as else {}
    database_user = "ringfence"
    data = folder / "data"
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    made = [programs / "initdb", "-D", data, "-U", database_user, "--auth=trust", "-E", "UTF8", "--no-sync"]
    try:
        subprocess.run(made, check=True, capture_output=True, cwd=folder, env=environment, **account)  # type: ignore[call-overload]  # The account's three arguments.
        rules = data / "pg_hba.conf"
        rules.write_text(f"local all {_LOCKED} scram-sha-256\n{rules.read_text()}")
        command = [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "timezone=UTC"]

        def start() -> subprocess.Popen[bytes]:
            with (folder / "log").open("ab") as log:
                return subprocess.Popen(  # type: ignore[call-overload, no-any-return]  # As above.
                    [*command, *(() if durable else _FAST)],
                    preexec_fn=_ends_with_us,
                    stdout=log,
                    stderr=log,
                    cwd=folder,
                    env=environment,
                    **account,
                )

        running = Server(folder, database_user, start)
        try:
            running.start()
            yield running
            running.close()
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], folder: Path) -> None:
    engine = create_engine(f"postgresql+psycopg://ringfence@/postgres?host={folder}")
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            with engine.connect():
                engine.dispose()
                return
        except Exception:  # noqa: BLE001 Whatever it says until it is up, we ask again.
            time.sleep(0.1)
    raise RuntimeError((folder / "log").read_text(errors="replace"))
