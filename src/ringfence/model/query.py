"""The query language of API and screens: ``class:plc zone:cell-3 seen<7d has:finding "free text"``.

Terms are joined by *and*; ``-term`` negates; ``field:a,b`` is either; ``<``, ``>``, ``<=``, ``>=`` compare numbers,
severities and ages.
``field:*`` is *known*, ``field:-`` is *unknown*. Nothing here knows which fields a list has: who compiles it does.

Rule 1: a value with spaces, commas or quotes stands in double quotes; there ``\\`` takes the next letter as it is.
Rule 2: a MAC or IPv6 address is free text, although it holds colons.
Rule 3: one pass over a bounded text: no query takes more time than its length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

from ringfence.model.errors import RingfenceError

__all__ = ["MAX_LENGTH", "MAX_TERMS", "MAX_VALUES", "Query", "Term", "parse", "render"]

MAX_LENGTH = 4_000  # letters of a query
MAX_TERMS = 40
MAX_VALUES = 100  # of one term

_FIELD = re.compile(r"([a-z][a-z_]{0,31})(<=|>=|:|<|>)")
_MAC = re.compile(r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){2,5}")
_ADDRESS = re.compile(r"[0-9a-fA-F:.]{2,64}(?=\s|$)")
_PLAIN = re.compile(r"[\w.*/@+-][\w.*/@+:-]*")


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


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        RingfenceError: ``query``, with the position (counted from 1) at which it can't be understood.
    """
    if len(text) > MAX_LENGTH:
        raise _wrong(text[:20] + "…", MAX_LENGTH, f"A query has at most {MAX_LENGTH} letters.")
    reader = _Reader(text)
    terms: list[Term] = []
    while reader.skip_spaces():
        if len(terms) == MAX_TERMS:
            raise _wrong(text[:20] + "…", reader.at, f"A query has at most {MAX_TERMS} terms.")
        terms.append(reader.term())
    return Query(tuple(terms))


def render(query: Query) -> str:
    """Write a query so that ``parse`` reads the same terms."""
    return " ".join(_rendered(term) for term in query.terms)


def _rendered(term: Term) -> str:
    sign = "-" if term.negated else ""
    if term.field is None:
        return sign + (term.values[0] if _safe_word(term.values[0]) else _quoted(term.values[0]))
    values = (value if _PLAIN.fullmatch(value) else _quoted(value) for value in term.values)
    return f"{sign}{term.field}{term.operator}{','.join(values)}"


def _safe_word(value: str) -> bool:
    return _PLAIN.fullmatch(value) is not None and not value.startswith("-") and ":" not in value


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _wrong(culprit: str, at: int, detail: str) -> RingfenceError:
    return RingfenceError("query", culprit, f"{detail} (at letter {at + 1})")


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0

    def skip_spaces(self) -> bool:
        """Return whether anything is left."""
        while self.at < len(self._text) and self._text[self.at].isspace():
            self.at += 1
        return self.at < len(self._text)

    def term(self) -> Term:
        start = self.at
        negated = self._text[start] == "-"
        self.at += negated
        if self.at == len(self._text) or self._text[self.at].isspace():
            raise _wrong("-", start, "A minus has to stand right before what it negates.")
        named = _FIELD.match(self._text, self.at)
        if named is None or self._is_address():
            return Term(None, ":", (self._text_value(),), negated, start)
        self.at = named.end()
        values = [self._value(named[0])]
        while self.at < len(self._text) and self._text[self.at] == ",":
            self.at += 1
            if len(values) == MAX_VALUES:
                raise _wrong(named[0], start, f"A term has at most {MAX_VALUES} values.")
            values.append(self._value(named[0]))
        return Term(named[1], named[2], tuple(values), negated, start)

    def _is_address(self) -> bool:
        word = _ADDRESS.match(self._text, self.at)
        if word is None:
            return False
        if _MAC.fullmatch(word[0]):
            return True
        try:
            ip_address(word[0])
        except ValueError:
            return False
        return True

    def _text_value(self) -> str:
        if self._text[self.at] == '"':
            return self._in_quotes()
        start = self.at
        while self.at < len(self._text) and not self._text[self.at].isspace():
            self.at += 1
        return self._text[start : self.at]

    def _value(self, field: str) -> str:
        if self.at < len(self._text) and self._text[self.at] == '"':
            return self._in_quotes()
        start = self.at
        while self.at < len(self._text) and self._text[self.at] != "," and not self._text[self.at].isspace():
            self.at += 1
        if self.at == start:
            raise _wrong(field, start, f"{field} needs a value; {field}* means known and {field}- means unknown.")
        return self._text[start : self.at]

    def _in_quotes(self) -> str:
        start = self.at
        self.at += 1
        letters: list[str] = []
        while self.at < len(self._text):
            letter = self._text[self.at]
            self.at += 1
            if letter == '"':
                if not letters:
                    raise _wrong('""', start, "There is nothing between the quotes.")
                if self.at < len(self._text) and self._text[self.at] != "," and not self._text[self.at].isspace():
                    raise _wrong("".join(letters), self.at, "After a closing quote comes a space or a comma.")
                return "".join(letters)
            if letter == "\\" and self.at < len(self._text):
                letter = self._text[self.at]
                self.at += 1
            letters.append(letter)
        raise _wrong("".join(letters)[:40], start, "This quote is not closed.")
