"""Fields of a query whose answer stands in another table, or in a list within a row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from sqlalchemy import Boolean, ColumnElement, CompoundSelect, Select, and_, exists, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from ringfence.model.query import Term
from ringfence.store.read.terms import Kind, is_prefix, like, same, wrong
from ringfence.store.read.terms import Text as TextKind
from ringfence.store.schema.findings import finding, finding_device
from ringfence.store.schema.inventory import (
    address,
    conflict,
    device,
    device_note,
    device_part,
    device_text,
    label,
    observation,
    part,
    site,
    zone,
)
from ringfence.store.schema.traffic import conversation

__all__ = [
    "HAS",
    "Address",
    "EitherEnd",
    "End",
    "Ip",
    "Label",
    "Listed",
    "Name",
    "Participant",
    "Place",
    "Told",
    "packed",
    "typed",
]

Condition = ColumnElement[bool]
_TYPED = frozenset("vendor product model firmware serial os".split())  # what ``device_text`` holds whole


def packed(value: str) -> str | None:
    """Return an IP address as text whose order is the addresses' order, or None where it is none."""
    try:
        found = ip_address(value)
    except ValueError:
        return None
    return f"{found.version}:{int(found):0{8 if found.version == 4 else 32}x}"


_parts_of_it = select(device_part.c.part).where(device_part.c.device == device.c.id).correlate(device)

#: What ``has:`` knows of a device.
HAS: Mapping[str, Condition] = {
    "finding": device.c.open_findings > 0,
    "conflict": exists().where(conflict.c.device == device.c.id),
    "certificate": exists().where(observation.c.subject.in_(_parts_of_it), observation.c.kind == "tls.certificate"),
    "note": exists().where(device_note.c.device == device.c.id, device_note.c.note.is_not(None)),
    "label": exists().where(label.c.device == device.c.id),
}


def _same(column: ColumnElement[Any], value: str) -> Condition:
    return like(column, value) if "*" in value else same(column, value)


_other = device.alias("other")


class contains(FunctionElement[bool]):  # noqa: N801 It is used like SQL's functions.
    """Whether a text holds another: faster than LIKE, and nothing in it is a wildcard."""

    type = Boolean()
    inherit_cache = True
    name = "contains"


@compiles(contains)
def _contains(element: Any, compiler: Any, **options: Any) -> str:
    word = "instr" if compiler.dialect.name == "sqlite" else "strpos"
    return f"{word}({compiler.process(element.clauses, **options)}) > 0"


def _among(ids: Select[tuple[str]] | CompoundSelect[tuple[str]]) -> Condition:
    """Return the condition that a device is one of many: the list is made first, not each of them looked up."""
    listed = ids.cte().prefix_with("MATERIALIZED", dialect="postgresql")
    return device.c.id.concat("").in_(select(next(iter(listed.c))))


def typed(*texts: str) -> Condition:
    """Return the condition that a device holds all that a person typed, in whatever fields."""
    holds = (contains(device_text.c.text, text.lower()) for text in texts)
    return _among(select(device_text.c.device).where(*holds))


@dataclass(frozen=True)
class Told(Kind):
    """A text column of devices. A pattern that is no prefix walks what may be typed: far less than the rows."""

    name: str

    def one(self, term: Term, value: str) -> Condition:
        """Compare as ``Text`` does."""
        column = device.c[self.name]
        found = TextKind(column).one(term, value)
        if "*" not in value or is_prefix(value):
            return found
        if self.name in _TYPED:
            return and_(typed(max(value.split("*"), key=len)), found)
        return _among(select(_other.c.id).where(_other.c.merged_into.is_(None), like(_other.c[self.name], value)))

    def known(self, term: Term) -> Condition:
        """It is there."""
        return TextKind(device.c[self.name]).known(term)


@dataclass(frozen=True)
class Place(Kind):
    """A site or a zone, by id or by name."""

    column: ColumnElement[Any]
    noun: str  # site or zone

    def one(self, term: Term, value: str) -> Condition:
        """It stands there."""
        self._only_equal(term)
        if value == "-":
            return self.column.is_(None)
        table = site if self.noun == "site" else zone
        return self.column.in_(select(table.c.id).where(or_(table.c.id == value, _same(table.c.name, value))))

    def known(self, term: Term) -> Condition:
        """It stands somewhere."""
        self._only_equal(term)
        return self.column.is_not(None)


@dataclass(frozen=True)
class Label(Kind):
    """A label that people gave."""

    def one(self, term: Term, value: str) -> Condition:
        """It has the label; ``-`` is none at all."""
        self._only_equal(term)
        if value == "-":
            return ~self.known(term)
        return device.c.id.in_(select(label.c.device).where(_same(label.c.name, value)))

    def known(self, term: Term) -> Condition:
        """It has any."""
        self._only_equal(term)
        return HAS["label"]


@dataclass(frozen=True)
class Name(Kind):
    """The name shown, or any other that it was called by."""

    def one(self, term: Term, value: str) -> Condition:
        """It is called so."""
        self._only_equal(term)
        named = select(address.c.device).where(address.c.kind == "name", _same(address.c.value, value))
        shown = select(_other.c.id).where(_other.c.merged_into.is_(None), _same(_other.c.name, value))
        return _among(named.union(shown))

    def known(self, term: Term) -> Condition:
        """It was called by a name."""
        self._only_equal(term)
        return exists().where(address.c.device == device.c.id, address.c.kind == "name")


@dataclass(frozen=True)
class Address(Kind):
    """A MAC address, in any of its spellings; ``00:1d:9c*`` is a maker's block."""

    kind: str

    def one(self, term: Term, value: str) -> Condition:
        """It has the address."""
        self._only_equal(term)
        if value == "-":
            return ~self.known(term)
        rows = select(address.c.device).where(address.c.kind == self.kind)
        digits = value.lower().replace("-", "").replace(":", "").replace(".", "")
        if "*" not in value and len(digits) == 12:
            value = ":".join(digits[at : at + 2] for at in range(0, 12, 2))
        return device.c.id.in_(rows.where(_same(address.c.value, value)))

    def known(self, term: Term) -> Condition:
        """It has any."""
        self._only_equal(term)
        return exists().where(address.c.device == device.c.id, address.c.kind == self.kind)


@dataclass(frozen=True)
class Ip(Kind):
    """An IP address, a network such as ``10.3.0.0/16``, or ``10.3.*``."""

    def one(self, term: Term, value: str) -> Condition:
        """It has an address there."""
        self._only_equal(term)
        if value == "-":
            return ~self.known(term)
        rows = select(address.c.device).where(address.c.kind == "ip")
        if "*" in value:
            return device.c.id.in_(rows.where(like(address.c.value, value)))
        try:
            network = ip_network(value, strict=False)
        except ValueError as error:
            raise wrong(term, f"{value} is no address and no network.") from error
        first, last = packed(str(network[0])), packed(str(network[-1]))
        return device.c.id.in_(rows.where(address.c.packed.between(first, last)))

    def known(self, term: Term) -> Condition:
        """It has any."""
        self._only_equal(term)
        return exists().where(address.c.device == device.c.id, address.c.kind == "ip")


@dataclass(frozen=True)
class Listed(Kind):
    """A word in a list that stands in the row as JSON; ``part_of``: any part of a word will do."""

    column: ColumnElement[Any]
    part_of: bool = False

    def one(self, term: Term, value: str) -> Condition:
        """It is in the list; ``-`` is an empty list."""
        self._only_equal(term)
        if value == "-":
            return ~self.known(term)
        written = json.dumps(value, ensure_ascii=False)
        return like(self.column, f"*{written[1:-1] if self.part_of else written}*")

    def known(self, term: Term) -> Condition:
        """The list isn't empty."""
        self._only_equal(term)
        return ~like(self.column, "[]")


@dataclass(frozen=True)
class Participant(Kind):
    """A device of a finding, by id, name or address."""

    def one(self, term: Term, value: str) -> Condition:
        """It takes part."""
        self._only_equal(term)
        if value == "-":
            return ~self.known(term)
        rows = select(finding_device.c.finding)
        named = or_(finding_device.c.device.in_(_devices_called(value)), _same(finding_device.c.label, value))
        return finding.c.id.in_(rows.where(named))

    def known(self, term: Term) -> Condition:
        """A device of ours takes part."""
        self._only_equal(term)
        return exists().where(finding_device.c.finding == finding.c.id, finding_device.c.device.is_not(None))


def _devices_called(value: str) -> Select[tuple[str]]:
    called = select(address.c.device).where(_same(address.c.value, value))
    return select(device.c.id).where(or_(device.c.id == value, _same(device.c.name, value), device.c.id.in_(called)))


def _parts_called(value: str) -> Condition:
    """Parts by address, or by the device that they belong to."""
    of_device = select(device_part.c.part).where(device_part.c.device.in_(_devices_called(value)))
    return or_(part.c.id == value, _same(part.c.value, value), part.c.id.in_(of_device))


@dataclass(frozen=True)
class End(Kind):
    """One end of a conversation: an address, a device's id or its name."""

    column: ColumnElement[Any]

    def one(self, term: Term, value: str) -> Condition:
        """It is that one; ``-`` is a peer that is no device."""
        self._only_equal(term)
        if value == "-":
            return ~self.known(term)
        return self.column.in_(select(part.c.id).where(_parts_called(value)))

    def known(self, term: Term) -> Condition:
        """It is a device."""
        self._only_equal(term)
        return self.column.in_(select(device_part.c.part))


@dataclass(frozen=True)
class EitherEnd(Kind):
    """Any of the two ends."""

    def one(self, term: Term, value: str) -> Condition:
        """One of them is that one."""
        return or_(*(End(column).one(term, value) for column in (conversation.c.source, conversation.c.destination)))

    def known(self, term: Term) -> Condition:
        """One of them is a device."""
        return or_(*(End(column).known(term) for column in (conversation.c.source, conversation.c.destination)))

    @staticmethod
    def any_of(pattern: str) -> Condition:
        """One of them has such an address or such a device name, or the protocol is called so."""
        rows = select(part.c.id).where(_parts_called(pattern))
        ends = (conversation.c.source.in_(rows), conversation.c.destination.in_(rows))
        return or_(*ends, like(conversation.c.protocol, pattern))
