"""Migrations: brings a database to the tables of this version, or says how far it is.

Rule 1: only forwards. The way back is the backup that is made before (decision 014).
Rule 2: a migration is one transaction on both databases: killed midway, it leaves what was there.
Rule 3: SQLite alters a table by making it again (Alembic's batch mode); so foreign keys are off meanwhile and checked
at the end, or the rows that point to the table would go with it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Index

from ringfence.model.errors import RingfenceError
from ringfence.store.database import Database
from ringfence.store.schema import metadata

__all__ = ["compared", "current", "newest", "pending", "upgrade"]

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x52_46  # PostgreSQL: two processes that start together migrate one after the other


def newest() -> str:
    """Return the revision that this version works with."""
    head = _script().get_current_head()
    if head is None:
        raise RingfenceError("internal", str(_FOLDER), "There is no migration.")
    return head


def current(database: Database) -> str | None:
    """Return the revision that the database stands at; None where it has no table of ours.

    Raises:
        RingfenceError: ``store-unreachable``.
    """
    with database.reading() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def pending(database: Database) -> tuple[str, ...]:
    """Return the revisions that ``upgrade`` would apply, in order.

    Raises:
        RingfenceError: ``database-older`` where a newer version made the database.
    """
    return _pending(current(database))


def upgrade(database: Database, to: str = "head") -> tuple[str, ...]:
    """Bring the database to ``to`` (default: the newest) and return the revisions that were applied.

    Raises:
        RingfenceError: ``database-older`` where a newer version made the database.
    """
    script = _script()
    with _alone(database) as connection:
        before = MigrationContext.configure(connection).get_current_revision()
        applied = _pending(before, to)
        if applied:
            _run(connection, script, to)
            _check_foreign_keys(connection)
    return applied


def compared(connection: Connection) -> list[Any]:
    """Return what Alembic finds different between the database and ``store/schema``."""
    from alembic.autogenerate import compare_metadata

    context = MigrationContext.configure(connection, opts={"compare_type": True})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "autogenerate skipping metadata-specified expression-based index")
        warnings.filterwarnings("ignore", "Skipped unsupported reflection of expression-based index")
        found = list(compare_metadata(context, metadata))
    return found + (_folded_by_name(connection) if connection.dialect.name == "sqlite" else [])


def _folded_by_name(connection: Connection) -> list[tuple[str, str]]:
    """Compare by name what SQLAlchemy can't read back from SQLite: indexes of expressions."""
    indexes = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'index'")
    there = {name for name, sql in indexes if sql and "lower(" in sql}
    wanted = {str(one.name) for table in metadata.tables.values() for one in table.indexes if _is_of_text(one)}
    return [("add_index", name) for name in sorted(wanted - there)] + [
        ("remove_index", name) for name in sorted(there - wanted)
    ]


def _is_of_text(index: Index) -> bool:
    return any(not isinstance(expression, Column) for expression in index.expressions)


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(_FOLDER))


def _pending(before: str | None, to: str = "head") -> tuple[str, ...]:
    script = _script()
    known = {revision.revision for revision in script.walk_revisions()}
    for asked in (before, None if to == "head" else to):
        if asked is not None and asked not in known:
            raise RingfenceError("database-older", asked, f"This version knows revisions up to {newest()}.")
    return tuple(revision.revision for revision in reversed(list(script.iterate_revisions(to, before or "base"))))


def _run(connection: Connection, script: ScriptDirectory, to: str) -> None:
    def steps(revision: Any, _: MigrationContext) -> Any:
        return script._upgrade_revs(to, revision)

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
        environment.run_migrations()


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """Yield a writing transaction in which nobody else migrates."""
    if not database.is_sqlite:
        with database.writing() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection
        return
    with database.reached(), database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None  # noqa: S101 The connection was just opened.
        raw.execute("PRAGMA foreign_keys=OFF")
        try:
            writing = connection.execution_options(ringfence_writing=True)
            with writing.begin():
                yield writing
        finally:
            raw.execute("PRAGMA foreign_keys=ON")


def _check_foreign_keys(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise RingfenceError("internal", str(broken[0][0]), "The migration would leave rows that point to nothing.")
