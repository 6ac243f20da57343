"""A unit that waits for another when the database goes is told so, and gives its connection back."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import text

from ringfence.model.errors import RingfenceError
from ringfence.store import settings
from ringfence.store.database import Database
from ringfence.store.unit import UnitOfWork

WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"


def who_waits(database: Database) -> int | None:
    """The process of the server that waits for a unit; asked anew, as a transaction sees one moment of it."""
    with database.engine.connect() as connection:
        found = connection.execute(text(WAITING)).scalar()
    return None if found is None else int(found)


def test_a_unit_whose_connection_ends_while_it_waits(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite's units wait inside its library: there is no connection that could end")
    found: list[str] = []

    def wait() -> None:
        try:
            with UnitOfWork(database, 0):
                found.append("entered")
        except RingfenceError as error:
            found.append(error.code.code)

    waiting = threading.Thread(target=wait)
    with UnitOfWork(database, 0) as unit:
        waiting.start()
        end = time.monotonic() + 60
        while (process := who_waits(database)) is None:
            assert time.monotonic() < end
            time.sleep(0.02)
        unit.connection.execute(text("SELECT pg_terminate_backend(:process)"), {"process": process})
        waiting.join(60)
        settings.put(unit.connection, "kept", 1)
    assert found == ["store-unreachable"]
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # The pool of PostgreSQL counts.
    with UnitOfWork(database, 0) as unit:
        assert settings.get(unit.connection, "kept") == 1
