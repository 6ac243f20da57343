"""Exports: exactly the rows and the columns of a view, as CSV or JSON lines, written while they are read.

Rule 1: one transaction reads everything, so that a row is neither lost nor doubled while others write.
Rule 2: no cell of the CSV is a formula, whatever a device calls itself.
Rule 3: what fails after the beginning cuts the connection: a short file must not look whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from difflib import get_close_matches
from itertools import chain
from typing import Any, Literal, TypeVar

from starlette.responses import StreamingResponse

from ringfence.app.api.asked import every_row
from ringfence.app.escape import csv_cell
from ringfence.model.errors import RingfenceError
from ringfence.store.read.rows import Page

__all__ = ["Format", "chosen_columns", "exported"]

Format = Literal["csv", "jsonl"]
Row = dict[str, Any]
Connection = TypeVar("Connection")
T = TypeVar("T")

_CHUNK = 200  # rows written at once


def chosen_columns(wanted: str | None, known: Sequence[str]) -> list[str]:
    """Return the columns that ``wanted`` names, in its order; all where it names none.

    Raises:
        RingfenceError: ``value-refused``, with the column that was meant.
    """
    names = [name.strip() for name in (wanted or "").split(",") if name.strip()]
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, 1)
            raise RingfenceError(
                "value-refused", name, "There is no such column." + (f" Did you mean {close[0]}?" if close else "")
            )
    return list(dict.fromkeys(names)) or list(known)


def exported(
    format_: Format,
    name: str,
    columns: Sequence[str],
    opened: Callable[[], AbstractContextManager[Connection]],
    page: Callable[[Connection, str | None], Page[T]],
    answer: Callable[[T], Row],
) -> StreamingResponse:
    """Return the answer that writes every row of a list.

    Args:
        format_: ``csv`` or ``jsonl``.
        name: of the file, without suffix.
        columns: names of a row's fields, in order.
        opened: opens the transaction.
        page: reads the page at a position in it.
        answer: makes a row of what is in a page.

    Raises:
        RingfenceError: what reading the first row raises.
    """

    def rows(connection: Connection) -> Iterator[Row]:
        return map(answer, every_row(lambda position: page(connection, position)))

    lines = _csv_lines if format_ == "csv" else _json_lines
    parts = _written(columns, opened, rows, lines)
    first = next(parts)  # What is wrong with the query is told before the answer begins.
    media = "text/csv; charset=utf-8" if format_ == "csv" else "application/jsonl"
    headers = {"Content-Disposition": f'attachment; filename="{name}.{format_}"', "Cache-Control": "no-store"}
    return StreamingResponse(chain((first,), parts), 200, headers, media)


def _written(
    columns: Sequence[str],
    opened: Callable[[], AbstractContextManager[Connection]],
    rows: Callable[[Connection], Iterable[Row]],
    lines: Callable[[Sequence[str], Iterable[Row]], Iterator[str]],
) -> Iterator[bytes]:
    with opened() as connection:
        kept: list[str] = []
        for line in lines(columns, rows(connection)):
            kept.append(line)
            if len(kept) == _CHUNK:
                yield "".join(kept).encode()
                kept.clear()
        yield "".join(kept).encode()


def _csv_lines(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    yield ",".join(csv_cell(name) for name in columns) + "\r\n"
    for row in rows:
        yield ",".join(csv_cell(_cell(row[name])) for name in columns) + "\r\n"


def _json_lines(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        yield json.dumps({name: row[name] for name in columns}, ensure_ascii=False) + "\n"


def _cell(value: Any) -> str:
    """Return a value as one cell: unknown is empty, several stand with a space between, a place is its name."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return str(value.get("name") or value.get("label") or json.dumps(value, ensure_ascii=False))
    if isinstance(value, list):
        return " ".join(_cell(each) for each in value)
    return str(value)
