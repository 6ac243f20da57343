"""One database by URL: SQLite (WAL) by default, PostgreSQL where its URL is given.

Rule 1: everybody who needs the database is handed a ``Database``; nobody opens one by himself.
Rule 2: SQLite has one writer at a time: writing transactions begin with BEGIN IMMEDIATE and wait for each other, so
that none fails halfway for a lock.
Rule 3: a database that does not answer is ``store-unreachable``; who asked can't tell the two databases apart.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from ringfence.model.errors import RingfenceError
from ringfence.store.disk import out_of_room

__all__ = ["Connection", "Database"]  # Connection: so that ``app`` can name its type

_PATIENCE = 30_000  # milliseconds that a writer waits for another
_REFUSED = 60.0  # seconds


class Database:
    """An engine with transactions that only read and transactions that write.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql://USER@HOST/NAME``.

    Raises:
        RingfenceError: ``database-url``.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
            if parsed.drivername in ("postgresql", "postgres"):
                parsed = parsed.set(drivername="postgresql+psycopg")
            if parsed.get_backend_name() not in ("sqlite", "postgresql"):
                raise RingfenceError("database-url", parsed.get_backend_name(), "only sqlite and postgresql are known")
            self.url = parsed
            self._full: float | None = None  # when it had no room, in monotonic seconds
            self.engine = _sqlite(str(parsed)) if self.is_sqlite else _postgresql(parsed)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise RingfenceError("database-url", url.partition("@")[2] or url, str(error)) from error

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def folder(self) -> Path | None:
        """The folder that holds it; None where a server has it, or it is in memory only."""
        path = self.url.database if self.is_sqlite else None
        return Path(path).parent if path and path != ":memory:" else None

    @property
    def refused(self) -> bool:
        """Whether it had no room to write within the last minute, and has taken nothing since."""
        return self._full is not None and time.monotonic() - self._full < _REFUSED

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one moment of the store.

        Raises:
            RingfenceError: ``store-unreachable``.
        """
        with self.reached(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection whose changes are all kept or none.

        Raises:
            RingfenceError: ``store-unreachable``, ``disk-full``; nothing was kept.
        """
        try:
            with self.reached(), self.engine.connect() as connection:
                if self.is_sqlite:
                    connection = connection.execution_options(ringfence_writing=True)
                with connection.begin():
                    yield connection
        except RingfenceError as error:
            if error.code.code == "disk-full":
                self._full = time.monotonic()
            raise
        self._full = None

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Tell what the driver says of a database that does not answer, or has no room, in our words.

        Raises:
            RingfenceError: ``store-unreachable``, ``disk-full``.
        """
        try:
            yield
        except (OperationalError, InterfaceError, PoolTimeoutError) as error:
            name = self.url.get_backend_name()
            if out_of_room(error):
                raise RingfenceError("disk-full", name, "The database has no room to write.") from error
            raise RingfenceError("store-unreachable", name, "The database does not answer as it should.") from error

    def close(self) -> None:
        """Give up every connection."""
        self.engine.dispose()


def _sqlite(url: str) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": _PATIENCE / 1000, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(raw: Any, _: ConnectionPoolEntry) -> None:
        raw.isolation_level = None  # SQLAlchemy says BEGIN, not the driver
        cursor = raw.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_PATIENCE}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("ringfence_writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    """Sums over many pairs are sorted in memory, and no statement of ours is worth a second of compiling it."""
    engine = create_engine(url, pool_pre_ping=True)

    @event.listens_for(engine, "connect")
    def _prepare(raw: Any, _: ConnectionPoolEntry) -> None:
        before, raw.autocommit = raw.autocommit, True
        for setting in ("jit = off", "work_mem = '32MB'"):
            raw.execute(f"SET {setting}")
        raw.autocommit = before

    return engine
