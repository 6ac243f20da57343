"""What the lists of devices, findings and flows share: the query with its mistakes, and words for an empty list."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ringfence.app.web.frame import Visit
from ringfence.app.web.terms import Problem, problem_of
from ringfence.model.errors import RingfenceError
from ringfence.model.query import Query, parse
from ringfence.store.read.rows import Page

__all__ = ["GRAMMAR", "PAGE", "asked", "why_nothing"]

PAGE = 100  # rows
GRAMMAR = (
    ("class:plc,hmi", "one of these"),
    ("-vendor:siemens", "not that"),
    ("seen<7d", "seen within seven days; also h, min, w"),
    ("severity>=high", "at least that; also <, <=, >"),
    ("owner:*", "known"),
    ("zone:-", "unknown, or none"),
    ("name:press*", "begins so"),
    ("“free text”", "in any name, address or text"),
)
T = TypeVar("T")


def asked(visit: Visit, ask: Callable[[Query], Page[T]]) -> tuple[Page[T], Query, Problem | None]:
    """Ask with the address's query. One that can't be understood gives no rows and what is wrong with it where.

    A cursor that another list made, or a sorting that there is none of, is no mistake of the query: it is raised.
    """
    text = visit.here.get("q")
    try:
        query = parse(text)
        return ask(query), query, None
    except RingfenceError as error:
        if error.code.code != "query":
            raise
        return Page((), None, 0), Query(), problem_of(text, error)


def why_nothing(visit: Visit, problem: Problem | None, noun: str, sensors: int) -> str:
    """Return why a list is empty."""
    if problem is not None:
        return "Nothing is shown, because the search can't be understood."
    if visit.here.get("q"):
        return f"No {noun} fits this search. Take a condition away to see more."
    if visit.here.get("after"):
        return "There are no more rows."
    if not sensors:
        return f"No {noun} yet: no sensor has sent anything. Start one, or replay a capture with --replay FILE."
    if visit.scope.sites is not None:
        return f"No {noun} at the sites that you may see."
    return f"No {noun} yet. A sensor is there; what it sees comes in when its first window of five minutes closes."
