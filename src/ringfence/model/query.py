"""The query language of API and screens: ``class:plc zone:cell-3 seen<7d has:finding "free text"``.

Terms are joined by *and*; ``-term`` negates; ``field:a,b`` is either; ``<``, ``>``, ``<=``, ``>=`` compare numbers,
severities and ages.
``field:*`` is *known*, ``field:-`` is *unknown*. Nothing here knows which fields a list has: who compiles it does.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Query", "Term"]


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. Free text has field None and the operator ``:``."""

    field: str | None
    operator: str  # : < > <= >=
    values: tuple[str, ...]
    negated: bool = False
    at: int = 0  # where it starts in the text, for messages


@dataclass(frozen=True, slots=True)
class Query:
    """All terms have to hold. No term: everything."""

    terms: tuple[Term, ...] = ()
