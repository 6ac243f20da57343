"""What lists take: query, order, page; checked before anything is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from ringfence.app.api.door import Door
from ringfence.app.api.paging import LARGEST_PAGE
from ringfence.app.problems import declared
from ringfence.model.query import MAX_LENGTH, Query, parse
from ringfence.store.read.rows import Page

__all__ = [
    "CHANGING",
    "ONE",
    "READING",
    "WHOLE",
    "Body",
    "Exact",
    "Identity",
    "ListAsked",
    "Moment",
    "Searched",
    "every_row",
    "sorted_by",
    "turned",
]

T = TypeVar("T")
_FURTHEST = 2**63 - 1
_DATE_TIME = {"type": "string", "format": "date-time"}
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,30}))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII)

READING = declared(400, 401, 403, 421, 422, 429, 500, 503)
ONE = READING | declared(404)
CHANGING = ONE | declared(409, 412, 413, 428)

Identity = Annotated[str, Path(alias="id", max_length=100, description="As a list or another answer names it.")]


class Exact(BaseModel):
    """A model that takes no name which it does not know."""

    model_config = ConfigDict(extra="forbid", str_max_length=10_000)


class Body(Exact):
    """The body of a request: nothing is taken for something else, such as 0 for false."""

    model_config = ConfigDict(extra="forbid", strict=True, str_max_length=10_000)


class Searched(Exact):
    """A list's query."""

    q: str = Field(
        "",
        max_length=MAX_LENGTH,
        description='Such as `class:plc zone:cell-3 seen<7d has:finding "free text"`.',
        json_schema_extra={"format": "ringfence-query"},
    )

    def query(self) -> Query:
        """Return the query, parsed."""
        return parse(self.q)


class ListAsked(Searched):
    """A page of a list."""

    limit: int = Field(50, ge=1, le=LARGEST_PAGE, description="Rows of a page.")
    cursor: str | None = Field(
        None,
        max_length=4_096,
        description="`next` of the page before; of the same query and order.",
        json_schema_extra={"format": "ringfence-cursor"},
    )


def sorted_by(names: Iterable[str], default: str) -> Any:
    """Return the field of a list's order; a minus before a name turns it."""
    known = sorted(names)
    enum: list[Any] = [f"{sign}{name}" for name in known for sign in ("", "-")]
    return Field(default, description="Column; a minus turns the order.", json_schema_extra={"enum": enum})


def _nanoseconds(text: Any) -> Any:
    """Read RFC 3339 and nothing else: a bare number or a day would mean different things to different people."""
    found = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("It is a time such as 2026-11-27T08:00:00Z.")
    seconds = datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00").timestamp()
    sign, hours, minutes = found[4], int(found[5] or 0), int(found[6] or 0)
    if hours > 23 or minutes > 59:
        raise ValueError("Its offset from UTC is more than a day.")
    ahead = (hours * 3_600 + minutes * 60) * (-1 if sign == "-" else 1)
    made = (int(seconds) - ahead) * 1_000_000_000 + int((found[3] or "")[:9].ljust(9, "0"))
    return min(max(made, -_FURTHEST), _FURTHEST)  # What a BIGINT holds: the years 1678 to 2262.


#: Behind the bounds of a whole number in a body: JSON knows no difference between 30 and 30.0.
WHOLE = BeforeValidator(lambda value: int(value) if isinstance(value, float) and value % 1 == 0 else value)

#: A time that is asked for: RFC 3339 text, taken as ns since 1970.
Moment = Annotated[
    int, BeforeValidator(_nanoseconds, json_schema_input_type=Annotated[str, WithJsonSchema(_DATE_TIME)])
]


def turned(door: Door, asked: Any, noun: str, read: Callable[[str | None], Page[T]]) -> tuple[Page[T], str | None]:
    """Return the page that the cursor of ``asked`` names, and the sealed cursor of the next one."""
    about = (noun, asked.q, asked.sort)
    page = read(door.cursors.open(asked.cursor, *about))
    return page, door.cursors.seal(page.next, *about)


def every_row(read: Callable[[str | None], Page[T]]) -> Iterator[T]:
    """Yield the rows of all pages; ``read`` reads one in the caller's transaction."""
    position = None
    while True:
        page = read(position)
        yield from page.rows
        position = page.next
        if position is None:
            return
