"""What lists take: query, order, page; checked before anything is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from ringfence.app.api.door import Door
from ringfence.app.api.paging import LARGEST_PAGE
from ringfence.app.problems import declared
from ringfence.model.query import MAX_LENGTH, Query, parse
from ringfence.store.read.rows import Page

__all__ = [
    "CHANGING",
    "ONE",
    "READING",
    "Exact",
    "Identity",
    "ListAsked",
    "Searched",
    "every_row",
    "nanoseconds",
    "sorted_by",
    "turned",
]

T = TypeVar("T")
_FURTHEST = 2**63 - 1

READING = declared(400, 401, 403, 421, 422, 429, 500, 503)
ONE = READING | declared(404)
CHANGING = ONE | declared(409, 412, 413, 428)

Identity = Annotated[str, Path(alias="id", max_length=100, description="As a list or another answer names it.")]


class Exact(BaseModel):
    """A model that takes no name which it does not know."""

    model_config = ConfigDict(extra="forbid", str_max_length=10_000)


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


def nanoseconds(moment: datetime | None) -> int | None:
    """Return ns since 1970; a time without a zone is UTC."""
    if moment is None:
        return None
    known = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    since = known - datetime(1970, 1, 1, tzinfo=UTC)
    made = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
    # What a BIGINT holds: the years 1678 to 2262.
    return min(max(made, -_FURTHEST), _FURTHEST)


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
