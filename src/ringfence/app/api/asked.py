"""What lists take: query, order, page; checked before anything is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
    "sorted_by",
    "turned",
]

T = TypeVar("T")

READING = declared(400, 401, 403, 422, 429, 500, 503)
ONE = READING | declared(404)
CHANGING = ONE | declared(409, 412, 413, 421, 428)

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
    enum = [f"{sign}{name}" for name in known for sign in ("", "-")]
    return Field(default, description="Column; a minus turns the order.", json_schema_extra={"enum": enum})


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
