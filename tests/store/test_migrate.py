"""Migrations make exactly the tables of ``store/schema``, are kept whole or not at all, and know a newer database."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect

from ringfence.model.errors import RingfenceError
from ringfence.store import migrate
from ringfence.store.database import Database
from ringfence.store.schema import metadata


def test_migrations_make_what_the_schema_says(empty_database: Database) -> None:
    assert migrate.current(empty_database) is None
    assert migrate.pending(empty_database)
    applied = migrate.upgrade(empty_database)
    assert applied[-1] == migrate.newest() == migrate.current(empty_database)
    assert migrate.pending(empty_database) == ()
    assert migrate.upgrade(empty_database) == ()
    with empty_database.reading() as connection:
        assert migrate.compared(connection) == []
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_a_difference_is_found(empty_database: Database) -> None:
    database = empty_database
    migrate.upgrade(database)
    with database.writing() as connection:
        connection.exec_driver_sql("DROP INDEX ix_address_packed")
        connection.exec_driver_sql("ALTER TABLE device ADD COLUMN colour TEXT")
    with database.reading() as connection:
        found = {step[0] for step in migrate.compared(connection)}
    assert found == {"add_index", "remove_column"}


def test_a_migration_that_fails_leaves_nothing(empty_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    run = migrate._run

    def fails_late(*arguments: object) -> None:
        run(*arguments)  # type: ignore[arg-type]  # It is called with what upgrade gives.
        raise RuntimeError("killed")

    monkeypatch.setattr(migrate, "_run", fails_late)
    with pytest.raises(RuntimeError):
        migrate.upgrade(empty_database)
    with empty_database.reading() as connection:
        assert inspect(connection).get_table_names() == []
    monkeypatch.undo()
    assert migrate.upgrade(empty_database)
    with empty_database.reading() as connection:
        assert migrate.compared(connection) == []


def test_foreign_keys_hold_after_a_migration(empty_database: Database) -> None:
    migrate.upgrade(empty_database)
    if empty_database.is_sqlite:
        with empty_database.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_database_of_a_newer_version_is_refused(empty_database: Database) -> None:
    database = empty_database
    migrate.upgrade(database)
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RingfenceError) as raised:
        migrate.upgrade(database)
    assert raised.value.code.code == "database-older"
    with pytest.raises(RingfenceError):
        migrate.pending(database)
