"""How one term of a query becomes a condition, by the type of what it asks about.

Rule 1: a condition never is NULL where it is negated: ``-vendor:acme`` also finds what has no vendor.
Rule 2: values are bound, never written into the statement; ``%`` and ``_`` mean themselves, only ``*`` is a wildcard.
Rule 3: equal and *starts with* are ranges in an index of the text in small letters (``schema/inventory.py``).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from operator import ge, gt, le, lt
from typing import Any

from sqlalchemy import Boolean, ColumnElement, func, or_, type_coerce
from sqlalchemy import Text as TextType
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from ringfence.model.errors import RingfenceError
from ringfence.model.finding import Severity
from ringfence.model.query import Term

__all__ = [
    "Flag",
    "Kind",
    "Known",
    "Number",
    "Severe",
    "Text",
    "Time",
    "Word",
    "is_prefix",
    "like",
    "same",
    "suggestion",
    "wrong",
]

Condition = ColumnElement[bool]
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {"<": lt, ">": gt, "<=": le, ">=": ge}
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_557_600}  # seconds
_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_LARGEST = 2**63 - 1
_LAST_LETTER = "\U0010ffff"
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")


def wrong(term: Term, detail: str) -> RingfenceError:
    """Return the error for a term, with its place counted from 1."""
    return RingfenceError("query", term.field or term.values[0], f"{detail} (at letter {term.at + 1})")


def suggestion(word: str, known: Sequence[str]) -> str:
    """Return what was meant, or all that is possible."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else f"Known are {', '.join(sorted(known))}."


class starts(FunctionElement[bool]):  # noqa: N801 It is used like SQL's functions.
    """Whether a text is between a prefix and the last one that starts so, in the order of bytes: a range."""

    type = Boolean()
    inherit_cache = True
    name = "starts"

    def self_group(self, against: Any = None) -> Any:
        """Stay as it is: compared with 1, as SQLite's truths are, it would be no range."""
        return self


@compiles(starts)
def _starts(element: Any, compiler: Any, **options: Any) -> str:
    text, first, last = (compiler.process(clause, **options) for clause in element.clauses)
    least, most = (">=", "<=") if compiler.dialect.name == "sqlite" else ("~>=~", "~<=~")
    return f"({text} {least} {first} AND {text} {most} {last})"


def same(column: ColumnElement[Any], value: str) -> Condition:
    """Compare without regard to case."""
    folded = func.lower(column) == value.lower()
    return folded if value.isascii() else or_(column == value, folded)  # SQLite folds ASCII alone.


def is_prefix(pattern: str) -> bool:
    """Return whether a pattern asks how a text starts, and nothing else."""
    return len(pattern) > 1 and pattern.isascii() and pattern.find("*") == len(pattern) - 1


def like(column: ColumnElement[Any], pattern: str) -> Condition:
    """Compare without regard to case; ``*`` stands for any text."""
    folded = func.lower(type_coerce(column, TextType))
    if is_prefix(pattern):
        prefix = pattern[:-1].lower()
        return starts(folded, prefix, prefix + _LAST_LETTER)
    escaped = pattern.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%")
    return folded.like(escaped, escape="\\")


class Kind(ABC):
    """What a field is."""

    def condition(self, term: Term) -> Condition:
        """Return the condition of all values of a term, not yet negated."""
        return or_(*(self.known(term) if value == "*" else self.one(term, value) for value in term.values))

    @abstractmethod
    def one(self, term: Term, value: str) -> Condition:
        """Return the condition of one value."""

    @abstractmethod
    def known(self, term: Term) -> Condition:
        """Return the condition for ``*``."""

    def _only_equal(self, term: Term) -> None:
        if term.operator != ":":
            raise wrong(term, f"{term.field} is no number: write {term.field}:value.")


@dataclass(frozen=True)
class Text(Kind):
    """Text, compared without regard to case; ``*`` within it is a wildcard."""

    column: ColumnElement[Any]

    def one(self, term: Term, value: str) -> Condition:
        """Compare, or ask whether it is unknown."""
        self._only_equal(term)
        if value == "-":
            return or_(self.column.is_(None), self.column == "")
        if "*" in value:
            return like(self.column, value)
        return same(self.column, value)

    def known(self, term: Term) -> Condition:
        """It is there."""
        self._only_equal(term)
        return self.column.is_not(None) & (self.column != "")


@dataclass(frozen=True)
class Word(Kind):
    """One of a closed list of words; ``unknown`` is the word that means nothing is known, or None for NULL."""

    column: ColumnElement[Any]
    words: tuple[str, ...]
    unknown: str | None = None

    def one(self, term: Term, value: str) -> Condition:
        """Compare with a word of the list."""
        self._only_equal(term)
        if value == "-":
            return self._nothing()
        if value.lower() not in self.words:
            raise wrong(term, f"There is no {term.field} {value}. {suggestion(value.lower(), self.words)}")
        return self.column == value.lower()

    def known(self, term: Term) -> Condition:
        """Anything is known."""
        self._only_equal(term)
        return ~self._nothing()

    def _nothing(self) -> Condition:
        return self.column.is_(None) if self.unknown is None else self.column == self.unknown


@dataclass(frozen=True)
class Flag(Kind):
    """Yes, no, or not said."""

    column: ColumnElement[Any]

    def one(self, term: Term, value: str) -> Condition:
        """Yes or no."""
        self._only_equal(term)
        if value == "-":
            return self.column.is_(None)
        if value.lower() in _YES:
            return self.column.is_(True)
        if value.lower() in _NO:
            return self.column.is_(False)
        raise wrong(term, f"{term.field} is yes, no or - (not said).")

    def known(self, term: Term) -> Condition:
        """It was said."""
        self._only_equal(term)
        return self.column.is_not(None)


@dataclass(frozen=True)
class Number(Kind):
    """A number; ``10k``, ``2M`` and ``1.5G`` are understood."""

    column: ColumnElement[Any]
    whole: bool = False

    def one(self, term: Term, value: str) -> Condition:
        """Compare numbers."""
        if value == "-" and term.operator == ":":
            return self.column.is_(None)
        found = re.fullmatch(r"(-?\d{1,19}(?:\.\d{1,9})?)([kKmMgGtT]?)", value, re.ASCII)
        if found is None:
            raise wrong(term, f"{value} is no number.")
        number = float(found[1]) * _SIZES[found[2].lower()]
        if self.whole:
            number = max(min(int(number), _LARGEST), -_LARGEST)
        compare = _COMPARE.get(term.operator)
        return self.column == number if compare is None else compare(self.column, number)

    def known(self, term: Term) -> Condition:
        """There is a number."""
        return self.column.is_not(None)


@dataclass(frozen=True)
class Severe(Kind):
    """A severity; ``none`` where there is none, if the column may say so by -1."""

    column: ColumnElement[Any]

    def one(self, term: Term, value: str) -> Condition:
        """Compare severities."""
        words = {severity.word: int(severity) for severity in Severity}
        number = -1 if value in ("-", "none") else words.get(value.lower())
        if number is None:
            raise wrong(term, f"There is no severity {value}. {suggestion(value.lower(), tuple(words))}")
        compare = _COMPARE.get(term.operator)
        return self.column == number if compare is None else compare(self.column, number) & (self.column >= 0)

    def known(self, term: Term) -> Condition:
        """There is one."""
        return self.column >= 0


@dataclass(frozen=True)
class Time(Kind):
    """A time: an age such as ``7d`` (``<`` is younger) or a UTC date such as ``2026-11-27`` (``<`` is before)."""

    column: ColumnElement[Any]
    now: int  # ns since 1970, UTC

    def one(self, term: Term, value: str) -> Condition:
        """Compare with an age or a day."""
        age = re.fullmatch(r"(\d{1,6})([smhdwy])", value, re.ASCII)
        if age is not None:
            limit = max(self.now - int(age[1]) * _UNITS[age[2]] * 1_000_000_000, -_LARGEST)
            if term.operator == ":":
                raise wrong(term, f"Write {term.field}<{value} for younger or {term.field}>{value} for older.")
            return self.column >= limit if term.operator in ("<", "<=") else self.column <= limit
        start, end = self._day(term, value)
        if term.operator == ":":
            return (self.column >= start) & (self.column < end)
        return {
            "<": self.column < start,
            "<=": self.column < end,
            ">": self.column >= end,
            ">=": self.column >= start,
        }[term.operator]

    @staticmethod
    def _day(term: Term, value: str) -> tuple[int, int]:
        try:
            moment = datetime.fromisoformat(value)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise wrong(term, f"{value} is no age (7d, 12h, 30m) and no date (2026-11-27).") from error
        start = int(moment.timestamp()) * 1_000_000_000
        length = 86_400 if len(value) <= 10 else 1
        return (max(start, -_LARGEST), start + length * 1_000_000_000)

    def known(self, term: Term) -> Condition:
        """There is one."""
        return self.column.is_not(None)


@dataclass(frozen=True)
class Known(Kind):
    """One of a closed list of words, each with a condition of its own: ``has:finding``."""

    conditions: Mapping[str, Condition]

    def one(self, term: Term, value: str) -> Condition:
        """Return the word's condition."""
        self._only_equal(term)
        found = self.conditions.get(value.lower())
        if found is None:
            raise wrong(term, f"There is no {term.field}:{value}. {suggestion(value.lower(), tuple(self.conditions))}")
        return found

    def known(self, term: Term) -> Condition:
        """Any of them."""
        return or_(*self.conditions.values())
