"""Every store test runs on SQLite and on a real PostgreSQL: ``database`` is migrated, ``empty_database`` is not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgresql import Server, binaries, server
from tests.program import missing

from ringfence.store.bulk import quoted
from ringfence.store.database import Database
from ringfence.store.migrate import upgrade
from ringfence.store.schema import metadata


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """Run one server for the session."""
    if binaries() is None:
        missing("there is no PostgreSQL (Debian: postgresql)")
    with server() as running:
        yield running


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    made = Database(f"sqlite:///{path}")
    upgrade(made)
    made.close()
    return path


@pytest.fixture(scope="session")
def migrated_url(postgresql: Server) -> str:
    """Migrate one PostgreSQL database, to be copied."""
    url = postgresql.make()
    made = Database(url)
    upgrade(made)
    made.close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated database that nobody else uses. On PostgreSQL it is emptied afterwards: making one takes a second."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("migrated_file"), tmp_path / "store.db")
        yield from _opened(f"sqlite:///{tmp_path / 'store.db'}")
    else:
        opened = Database(request.getfixturevalue("migrated_url"))
        yield opened
        with opened.engine.begin() as connection:
            # Or the audit log's trigger would refuse: it is only added to.
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            connection.exec_driver_sql(f"TRUNCATE {', '.join(map(quoted, metadata.tables))} RESTART IDENTITY CASCADE")
        opened.close()


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def lasting_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A migrated database for all tests of a module: they only read what it is filled with."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("lasting") / "store.db"
        shutil.copyfile(request.getfixturevalue("migrated_file"), path)
        yield from _opened(f"sqlite:///{path}")
    else:
        running: Server = request.getfixturevalue("postgresql")
        url = running.make()
        for opened in _opened(url):
            upgrade(opened)
            yield opened
        running.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table."""
    if request.param == "sqlite":
        yield from _opened(f"sqlite:///{tmp_path / 'empty.db'}")
    else:
        running: Server = request.getfixturevalue("postgresql")
        url = running.make()
        yield from _opened(url)
        running.drop(url)


def _opened(url: str) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.close()
