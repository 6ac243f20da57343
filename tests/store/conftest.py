"""Every store test runs on SQLite and on a real PostgreSQL: ``database`` is migrated, ``empty_database`` is not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgresql import Server, binaries, server
from tests.program import missing

from ringfence.store.database import Database
from ringfence.store.migrate import upgrade


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
    """A migrated database that nobody else uses."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("migrated_file"), tmp_path / "store.db")
        yield from _opened(f"sqlite:///{tmp_path / 'store.db'}")
    else:
        running: Server = request.getfixturevalue("postgresql")
        url = running.make(copy_of=request.getfixturevalue("migrated_url"))
        yield from _opened(url)
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
