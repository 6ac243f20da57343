"""Saved views: a screen with its query, a person's own or shared with everybody."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, or_, select

from ringfence.model.errors import RingfenceError
from ringfence.store.schema.inventory import saved_view

__all__ = ["MOST", "ViewRow", "remove", "save", "views"]

MOST = 200  # views of one person


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A saved view; ``query`` is what stands behind the screen's ``?``."""

    number: int
    name: str
    screen: str
    query: str
    shared: bool
    own: bool


def views(connection: Connection, person: str, screen: str | None = None) -> tuple[ViewRow, ...]:
    """Return a person's own views and those that others share, by name."""
    seen = select(saved_view).where(or_(saved_view.c.person == person, saved_view.c.shared))
    if screen is not None:
        seen = seen.where(saved_view.c.screen == screen)
    rows = connection.execute(seen.order_by(saved_view.c.name, saved_view.c.number))
    return tuple(ViewRow(row.number, row.name, row.screen, row.query, row.shared, row.person == person) for row in rows)


def save(connection: Connection, person: str, name: str, screen: str, query: str, *, shared: bool) -> ViewRow:
    """Keep a view.

    Raises:
        RingfenceError: ``value-refused`` where the person has ``MOST`` of them.
    """
    mine = select(func.count()).select_from(saved_view).where(saved_view.c.person == person)
    if connection.execute(mine).scalar_one() >= MOST:
        raise RingfenceError("value-refused", name, f"One person keeps at most {MOST} views.")
    row = {"person": person, "name": name, "screen": screen, "query": query, "shared": shared}
    number = connection.execute(insert(saved_view).returning(saved_view.c.number), row).scalar_one()
    return ViewRow(number, name, screen, query, shared, True)


def remove(connection: Connection, person: str, number: int) -> None:
    """Forget a person's own view.

    Raises:
        RingfenceError: ``not-found``, also where it is another's.
    """
    gone = delete(saved_view).where(saved_view.c.number == number, saved_view.c.person == person)
    if connection.execute(gone).rowcount == 0:
        raise RingfenceError("not-found", str(number), "You have no such view.")
