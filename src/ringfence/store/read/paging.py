"""Pages by keyset: a page starts behind the last row of the one before, so page 1,000 costs what page 1 does.

Rule 1: rows whose sort column is unknown come last in both directions.
Rule 2: a cursor is hostile text: whatever it holds ends in a page or in ``value-refused``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, literal, or_, select

from ringfence.model.errors import RingfenceError
from ringfence.store.schema.columns import storable

__all__ = ["COUNTED", "MAX_PAGE", "Sorting", "bounded", "page"]

MAX_PAGE = 1_000  # rows
COUNTED = 10_000  # more rows than that are not counted


@dataclass(frozen=True, slots=True)
class Sorting:
    """By which column, and which way; the id makes it unambiguous."""

    name: str  # as asked, for the cursor
    column: ColumnElement[Any]
    identity: ColumnElement[Any]
    descending: bool

    @classmethod
    def of(cls, asked: str, columns: Mapping[str, ColumnElement[Any]], identity: ColumnElement[Any]) -> Sorting:
        """Read ``name`` or ``-name``.

        Raises:
            RingfenceError: ``value-refused``.
        """
        column = columns.get(asked.removeprefix("-"))
        if column is None:
            raise RingfenceError("value-refused", asked[:40], f"Lists are sorted by {', '.join(sorted(columns))}.")
        return cls(asked, column, identity, asked.startswith("-"))


def bounded(limit: int) -> int:
    """Return ``limit``.

    Raises:
        RingfenceError: ``value-refused`` where it is not 1 to ``MAX_PAGE``.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise RingfenceError("value-refused", str(limit), f"A page has 1 to {MAX_PAGE} rows.")
    return limit


def page(
    connection: Connection,
    statement: Select[Any],
    sorting: Sorting,
    limit: int,
    cursor: str | None,
    *,
    narrow: bool = False,
) -> tuple[list[Row[Any]], str | None, int | None]:
    """Return the rows, the cursor of the next page, and how many rows there are (None: more than ``COUNTED``).

    Args:
        narrow: the rows are so short that all that are counted are fetched at once: cheaper than asking twice.
    """
    bounded(limit)
    value, identity, total = _read(cursor, sorting)
    most = COUNTED if narrow and cursor is None else limit
    rows: list[Row[Any]] = []
    if cursor is None or value is not None:
        known = statement.where(sorting.column.is_not(None))
        if cursor is not None:
            known = known.where(_behind(sorting, value, identity))
        rows = list(connection.execute(_ordered(known, sorting).limit(most + 1)))
    if len(rows) <= most and _may_be_unknown(sorting.column):
        unknown = statement.where(sorting.column.is_(None))
        if cursor is not None and value is None:
            unknown = unknown.where(sorting.identity > identity)
        rows += connection.execute(unknown.order_by(sorting.identity).limit(most + 1 - len(rows)))
    if cursor is None:
        total = len(rows) if len(rows) <= most else None if narrow else _count(connection, statement)
    if len(rows) <= limit:
        return rows, None, total
    last = rows[limit - 1]
    value, identity = last._mapping[str(sorting.column.key)], last._mapping[str(sorting.identity.key)]
    return rows[:limit], _written(sorting.name, value, identity, total), total


def _may_be_unknown(column: ColumnElement[Any]) -> bool:
    return bool(getattr(column, "nullable", True))


def _ordered(statement: Select[Any], sorting: Sorting) -> Select[Any]:
    if sorting.descending:
        return statement.order_by(sorting.column.desc(), sorting.identity.desc())
    return statement.order_by(sorting.column, sorting.identity)


def _behind(sorting: Sorting, value: Any, identity: str) -> ColumnElement[bool]:
    column, number = sorting.column, sorting.identity
    if sorting.descending:
        return and_(column <= value, or_(column < value, number < identity))
    return and_(column >= value, or_(column > value, number > identity))


def _count(connection: Connection, statement: Select[Any]) -> int | None:
    some = (
        statement.with_only_columns(literal(1).label("one"), maintain_column_froms=True).limit(COUNTED + 1).subquery()
    )
    found = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return int(found) if found <= COUNTED else None


def _written(name: str, value: Any, identity: str, total: int | None) -> str:
    text = json.dumps([name, value, identity, total], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str | None, sorting: Sorting) -> tuple[Any, str, int | None]:
    if cursor is None:
        return None, "", None
    try:
        if len(cursor) > 8_192:
            raise ValueError("too long")
        name, value, identity, total = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if name != sorting.name or not isinstance(identity, str) or not (total is None or type(total) is int):
            raise ValueError("another list's cursor")
        if value is not None:
            value = _of_its_type(value, sorting.column)
        return value, storable(identity), total
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise RingfenceError("value-refused", cursor[:20], "This cursor was not made by this list.") from error


def _of_its_type(value: Any, column: ColumnElement[Any]) -> Any:
    wanted = column.type.python_type if not hasattr(column.type, "impl") else str
    if wanted is str and isinstance(value, str):
        return storable(value)
    if wanted in (int, float) and type(value) in (int, float) and abs(value) < 2**63:
        return value
    raise ValueError("another type")
