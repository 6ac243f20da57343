"""Facets: how a click changes the query, and the place of a query's mistake.

The text stays the reader's: only the term that is clicked changes. What the text means is ``model/query.py``'s to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ringfence.model.errors import RingfenceError
from ringfence.model.query import Query, Term, parse, render

__all__ = ["Facet", "FacetValue", "Problem", "asks", "facet", "problem_of", "toggled"]

_AT = re.compile(r" ?\(at letter (\d{1,5})\)")
UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value with its count, and the query after a click on it."""

    value: str
    label: str
    count: int
    on: bool
    query: str


@dataclass(frozen=True, slots=True)
class Facet:
    """A field with its values; ``open`` where it is shown unfolded from the start."""

    field: str
    label: str
    values: tuple[FacetValue, ...] | None  # None: not counted yet
    open: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a query, and where: ``before`` and ``rest`` are its text up to there and from there."""

    text: str
    remedy: str
    at: int | None
    before: str = ""
    rest: str = ""


def _asked(query: Query, field: str) -> tuple[str, ...]:
    """Return what the query's plain terms ask of ``field``."""
    plain = [term for term in query.terms if term.field == field and term.operator == ":" and not term.negated]
    return tuple(value for term in plain for value in term.values)


def toggled(query: Query, field: str, value: str) -> str:
    """Return the query's text with this value added to ``field``, or taken out where it was asked for."""
    values = list(_asked(query, field))
    values = [each for each in values if each != value] if value in values else [*values, value]
    kept = [term for term in query.terms if term.field != field or term.operator != ":" or term.negated]
    if values:
        kept.append(Term(field, ":", tuple(values)))
    return render(Query(tuple(kept)))


def facet(
    query: Query,
    field: str,
    label: str,
    counts: Iterable[tuple[str | None, str, int]] | None,
    words: Mapping[str, str] | None = None,
    *,
    opened: bool = False,
) -> Facet:
    """Return a facet of these counts: (value or None for unknown, label, count). None: it is counted when unfolded."""
    asked = _asked(query, field)
    if counts is None:
        return Facet(field, label, None, opened, bool(asked))
    values = []
    for value, text, count in counts:
        key = UNKNOWN if value is None else value
        shown = (words or {}).get(text, text)
        values.append(FacetValue(key, shown, count, key in asked, toggled(query, field, key)))
    return Facet(field, label, tuple(values), opened, bool(asked))


def asks(query: Query, field: str) -> bool:
    """Return whether the query asks for values of ``field``."""
    return bool(_asked(query, field))


def problem_of(text: str, error: RingfenceError) -> Problem:
    """Return a query's mistake with its place."""
    found = _AT.search(error.detail)
    said = _AT.sub("", error.detail) or error.code.title
    if found is None:
        return Problem(said, error.code.remedy, None)
    at = min(max(int(found[1]) - 1, 0), len(text))
    return Problem(said, error.code.remedy, at, text[:at], text[at:])


def query_of(text: str) -> Query:
    """Return the query, read; for one that can't be read, everything."""
    try:
        return parse(text)
    except RingfenceError:
        return Query()
