"""Writes many rows with one statement: what the pipeline stores comes by tens of thousands.

Rule 1: rows are tuples in the order of ``columns``, with plain values that both databases take: text went through
``storable``, JSON is text already. The type decorators of the schema are not asked; that is what makes it fast.
Rule 2: on PostgreSQL the rows travel as one array for each column, on SQLite as one prepared statement: neither copies
a statement for each row. On PostgreSQL a key may therefore stand only once in ``rows``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Boolean, Connection, CursorResult, Float, Integer, LargeBinary, Table

__all__ = ["delete_where", "insert", "quoted", "select_by", "update"]

T = TypeVar("T")

_CHUNK = 20_000  # rows of one statement
_ARRAYS: Sequence[tuple[type[Any], str]] = (
    (Boolean, "boolean"),
    (BigInteger, "bigint"),
    (Integer, "integer"),
    (Float, "double precision"),
    (LargeBinary, "bytea"),
)


def quoted(name: str) -> str:
    """Return a column's or table's name as SQL: ours are plain words, but ``class`` and ``first`` are SQL's, too."""
    return f'"{name}"'


def insert(
    connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[tuple[Any, ...]], conflict: str = ""
) -> int:
    """Insert rows and return how many there were.

    Args:
        conflict: what follows ``ON CONFLICT``, such as ``DO NOTHING``; known rows are ``"table"."column"``, new ones
            ``excluded."column"``.
    """
    names = ", ".join(quoted(name) for name in columns)
    tail = f" ON CONFLICT {conflict}" if conflict else ""
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({marks}){tail}"  # noqa: S608 Names of ours.
    else:
        arrays = ", ".join(f"%b::{_type(table, name)}[]" for name in columns)
        source = f"SELECT * FROM unnest({arrays})"  # noqa: S608 As above.
        statement = f"INSERT INTO {quoted(table.name)} ({names}) {source}{tail}"
    return _chunks(connection, statement, rows)


def update(
    connection: Connection, table: Table, key: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> int:
    """Set ``columns`` of the rows with these keys; each of ``rows`` is the key and then the values."""
    if connection.dialect.name == "sqlite":
        sets = ", ".join(f"{quoted(name)} = ?{at}" for at, name in enumerate(columns, 2))
        return _chunks(connection, f"UPDATE {quoted(table.name)} SET {sets} WHERE {quoted(key)} = ?1", rows)  # noqa: S608 Names of ours.
    names = ", ".join(quoted(name) for name in ("sought", *columns))
    arrays = ", ".join(f"%b::{_type(table, name)}[]" for name in (key, *columns))
    sets = ", ".join(f'{quoted(name)} = "new".{quoted(name)}' for name in columns)
    where = f'WHERE {quoted(table.name)}.{quoted(key)} = "new"."sought"'
    statement = f'UPDATE {quoted(table.name)} SET {sets} FROM unnest({arrays}) AS "new"({names}) {where}'  # noqa: S608 Names of ours.
    return _chunks(connection, statement, rows)


def delete_where(connection: Connection, table: Table, column: str, values: Iterable[str]) -> int:
    """Delete the rows whose text ``column`` is one of ``values``, and return how many there were."""
    start = f"DELETE FROM {quoted(table.name)} WHERE {quoted(column)}"  # noqa: S608 Names of ours.
    return sum(_one_of(connection, start, some).rowcount for some in _lots(values))


def select_by(
    connection: Connection, table: Table, columns: Sequence[str], column: str, values: Iterable[str]
) -> list[tuple[Any, ...]]:
    """Return ``columns``, raw, of the rows whose text ``column`` is one of ``values``."""
    names = ", ".join(quoted(name) for name in columns)
    select = f"SELECT {names} FROM {quoted(table.name)} WHERE {quoted(column)}"  # noqa: S608 Names of ours.
    return [tuple(row) for some in _lots(values) for row in _one_of(connection, select, some)]


def _one_of(connection: Connection, start: str, values: list[str]) -> CursorResult[Any]:
    """Run a statement that ends in the name of a text column, for the rows where it is one of ``values``."""
    if connection.dialect.name == "sqlite":
        in_list = f"{start} IN (SELECT value FROM json_each(?))"  # noqa: S608 Names of ours.
        return connection.exec_driver_sql(in_list, (json.dumps(values),))
    return connection.exec_driver_sql(f"{start} = ANY(%s::text[])", (values,))


def _lots(values: Iterable[T]) -> Iterator[list[T]]:
    waiting = iter(values)
    while some := list(islice(waiting, _CHUNK)):
        yield some


def _type(table: Table, name: str) -> str:
    kind = table.c[name].type
    return next((word for known, word in _ARRAYS if isinstance(kind, known)), "text")


def _chunks(connection: Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> int:
    total = 0
    for some in _lots(rows):
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(statement, some)
        else:
            connection.exec_driver_sql(statement, tuple(list(column) for column in zip(*some, strict=True)))
        total += len(some)
    return total
