"""All rows of a database as lines of JSON, and back: the same lines for SQLite and PostgreSQL, of any revision.

Rule 1: tables and columns are read from the database itself, not from this version's ``schema``: a dump may be older.
Rule 2: a dump is one moment of the store; it is loaded in one transaction, into tables that the migrations made.
"""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, MetaData, Table, delete, func, insert, select, text, update

from ringfence.model.errors import RingfenceError

__all__ = ["Chunk", "drop_everything", "dump", "empty", "load", "tables"]

_ROWS = 5_000  # of one chunk
_OURS = "alembic_version"  # which migration made the tables: said beside the dump


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a table. ``lines``: first the names of the columns, then a list of values for each row."""

    table: str
    lines: bytes
    rows: int


def tables(connection: Connection) -> list[Table]:
    """Return the tables of the database, those that others point to first."""
    metadata = _reflected(connection)
    return [table for table in metadata.sorted_tables if table.name != _OURS]


def dump(
    connection: Connection, leave_out: Callable[[str, dict[str, Any]], bool] = lambda *_: False
) -> Iterator[Chunk]:
    """Yield every row of every table, but those for which ``leave_out`` (table, row) is true.

    Args:
        connection: of ``Database.reading()``: one moment of the store.
    """
    for table in tables(connection):
        names = [column.name for column in table.columns]
        rows = connection.execution_options(yield_per=_ROWS).execute(select(table))
        for part in rows.partitions():
            kept = [row for row in part if not leave_out(table.name, row._mapping)]  # type: ignore[arg-type]  # A mapping by name.
            lines = [json.dumps(names), *(json.dumps([_said(value) for value in row]) for row in kept)]
            if kept:
                yield Chunk(table.name, "\n".join(lines).encode(), len(kept))


def _reflected(connection: Connection) -> MetaData:
    """Read what tables there are; indexes of expressions, which SQLAlchemy can't read, stay with their tables."""
    metadata = MetaData()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipped unsupported reflection of expression-based index")
        metadata.reflect(connection)
    return metadata


def empty(connection: Connection) -> None:
    """Take away rows that migrations wrote."""
    for table in reversed(tables(connection)):
        # Some tables refuse even a deletion of nothing.
        if connection.execute(select(func.count()).select_from(table)).scalar():
            connection.execute(delete(table))


def drop_everything(connection: Connection) -> None:
    """Take away all tables, with what migrations made beside them."""
    _reflected(connection).drop_all(connection)
    if connection.dialect.name == "sqlite":
        return
    ours = text(
        "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace "
        "AND pg_get_userbyid(p.proowner) = current_user "
        "AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
    )
    for name in connection.execute(ours).scalars().all():
        connection.exec_driver_sql(f"DROP FUNCTION {name}")


def load(connection: Connection, chunks: Iterable[Chunk]) -> dict[str, int]:
    """Insert the rows of a dump; answers how many of each table.

    Raises:
        RingfenceError: ``backup-unreadable`` where a chunk doesn't fit the tables.
    """
    known = {table.name: table for table in tables(connection)}
    loaded: dict[str, int] = {}
    later: list[tuple[Table, dict[str, Any], dict[str, Any]]] = []
    for chunk in chunks:
        table = known.get(chunk.table)
        if table is None:
            raise RingfenceError("backup-unreadable", chunk.table, "There is no such table at its revision.")
        rows = _rows(table, chunk)
        parents = _own_parents(table)
        for row in rows if parents else ():
            # A row may stand before the one that it points to: the pointer comes when all are there.
            pointers = {name: row[name] for name in parents if row.get(name) is not None}
            if pointers:
                later.append((table, {column.name: row[column.name] for column in table.primary_key}, pointers))
                row.update(dict.fromkeys(pointers))
        connection.execute(insert(table), rows)
        loaded[chunk.table] = loaded.get(chunk.table, 0) + len(rows)
    for table, keys, pointers in later:
        which = [table.c[name] == value for name, value in keys.items()]
        connection.execute(update(table).where(*which).values(pointers))
    _advance(connection, known.values())
    return loaded


def _own_parents(table: Table) -> list[str]:
    """Columns that point into the same table."""
    return [column.name for column in table.columns for key in column.foreign_keys if key.column.table is table]


def _rows(table: Table, chunk: Chunk) -> list[dict[str, Any]]:
    try:
        names, *lines = (json.loads(line) for line in chunk.lines.split(b"\n"))
        rows = [{name: _meant(value) for name, value in zip(names, line, strict=True)} for line in lines]
    except (ValueError, TypeError) as error:
        raise RingfenceError("backup-unreadable", chunk.table, f"Its rows can't be read: {error}.") from error
    unknown = set(names) - {column.name for column in table.columns}
    if unknown or len(rows) != chunk.rows:
        raise RingfenceError("backup-unreadable", chunk.table, f"Its columns or rows are others: {sorted(unknown)}.")
    return rows


def _said(value: Any) -> Any:
    return {"bytes": base64.b64encode(value).decode()} if isinstance(value, bytes | memoryview) else value


def _meant(value: Any) -> Any:
    return base64.b64decode(value["bytes"], validate=True) if isinstance(value, dict) else value


def _advance(connection: Connection, loaded: Iterable[Table]) -> None:
    """Let PostgreSQL number on after the rows that were loaded (SQLite does so by itself)."""
    if connection.dialect.name == "sqlite":
        return
    for table in loaded:
        for column in table.primary_key:
            name = connection.execute(
                text("SELECT pg_get_serial_sequence(:table, :column)"),
                {"table": f'"{table.name}"', "column": column.name},
            ).scalar()
            if name is not None:
                highest = connection.execute(select(func.max(column))).scalar()
                connection.execute(text("SELECT setval(:name, :value, :used)"), _numbering(name, highest))


def _numbering(name: str, highest: int | None) -> dict[str, Any]:
    return {"name": name, "value": highest or 1, "used": highest is not None}
