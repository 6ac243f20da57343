"""Compiles a query into conditions on the lists of devices, findings and conversations.

Rule 1: a field that a list doesn't have is an error with its place and a suggestion, never an empty list.
Rule 2: ``scoped_*`` is added to every statement; it is no part of the query and can't be negated by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlalchemy import ColumnElement, and_, exists, false, func, not_, or_, select, true

from ringfence.model.device import CLASSES, UNKNOWN
from ringfence.model.query import Query
from ringfence.model.scope import Scope
from ringfence.store.read.fields import (
    HAS,
    Address,
    EitherEnd,
    End,
    Ip,
    Label,
    Listed,
    Name,
    Participant,
    Place,
    Told,
    typed,
)
from ringfence.store.read.terms import (
    Flag,
    Kind,
    Known,
    Number,
    Severe,
    Text,
    Time,
    Word,
    is_prefix,
    like,
    suggestion,
    wrong,
)
from ringfence.store.schema.columns import storable
from ringfence.store.schema.findings import finding, finding_device
from ringfence.store.schema.inventory import device, device_part
from ringfence.store.schema.traffic import conversation

__all__ = [
    "CRITICALITIES",
    "EXPECTED",
    "FINDING_STATES",
    "conversation_condition",
    "device_condition",
    "finding_condition",
    "scoped_conversations",
    "scoped_devices",
    "scoped_findings",
    "walks",
]

Condition = ColumnElement[bool]
_TOLD = "vendor product model firmware serial os owner".split()
_Free = Callable[[str], Condition]
CRITICALITIES = ("low", "medium", "high", "critical")
EXPECTED = ("intended", "unintended", "not_evaluated")
FINDING_STATES = ("open", "acknowledged", "closed")


# --- scopes -------------------------------------------------------------------------------------------------------


def scoped_devices(scope: Scope) -> Condition:
    """Devices that somebody may see."""
    return true() if scope.sites is None else device.c.site.in_(sorted(scope.sites))


def scoped_findings(scope: Scope) -> Condition:
    """Findings whose devices all stand where somebody may see them, and that name at least one.

    One that also names a device of another site is not shown: its sentences name that device too.
    """
    if scope.sites is None:
        return true()
    named = finding_device.join(device, device.c.id == finding_device.c.device)
    ours = device.c.site.in_(sorted(scope.sites))
    of_it = finding_device.c.finding == finding.c.id
    inside = exists().select_from(named).where(of_it, ours)
    outside = exists().select_from(named).where(of_it, or_(device.c.site.is_(None), ~ours))
    return and_(inside, ~outside)


def scoped_conversations(scope: Scope) -> Condition:
    """Conversations with at least one end at a device that somebody may see."""
    if scope.sites is None:
        return true()
    ours = (
        select(device_part.c.part)
        .join(device, device.c.id == device_part.c.device)
        .where(device.c.site.in_(sorted(scope.sites)))
    )
    return or_(conversation.c.source.in_(ours), conversation.c.destination.in_(ours))


# --- lists --------------------------------------------------------------------------------------------------------


def device_condition(query: Query, now: int) -> Condition:
    """Return the condition on ``device``.

    Raises:
        RingfenceError: ``query``.
    """
    fields: Mapping[str, Kind] = {
        "class": Word(device.c["class"], tuple(sorted(CLASSES)), UNKNOWN),
        "criticality": Word(device.c.criticality, CRITICALITIES),
        "expected": Word(device.c.expected, EXPECTED, "not_evaluated"),
        "safety": Flag(device.c.safety),
        "site": Place(device.c.site, "site"),
        "zone": Place(device.c.zone, "zone"),
        "label": Label(),
        "ip": Ip(),
        "mac": Address("mac"),
        "role": Listed(device.c.roles, part_of=True),
        "mark": Listed(device.c.marks),
        "seen": Time(device.c.last, now),
        "first": Time(device.c.first, now),
        "has": Known(HAS),
        "worst": Severe(device.c.worst),
        "severity": Severe(device.c.worst),
        "confidence": Number(device.c.confidence),
        "purdue": Number(device.c.purdue_level),
        "name": Name(),
        **{name: Told(name) for name in _TOLD},
        "domain": Text(device.c.domain),
        "id": Text(device.c.id),
    }
    plain = [one for one in query.terms if one.field is None and not one.negated]
    rest = Query(tuple(one for one in query.terms if one not in plain))
    condition = _all(rest, fields, typed)
    if not plain:
        return condition
    return and_(condition, typed(*(storable(one.values[0]) for one in plain)))  # one walk for all words


def walks(query: Query) -> bool:
    """Return whether a query asks a text, for which all devices are walked: better once than twice."""
    return any(
        term.field in (None, "name")
        or (term.field in _TOLD and any("*" in value and not is_prefix(value) for value in term.values))
        for term in query.terms
    )


def finding_condition(query: Query, now: int) -> Condition:
    """Return the condition on ``finding``.

    Raises:
        RingfenceError: ``query``.
    """
    fields: Mapping[str, Kind] = {
        "rule": Text(finding.c.rule),
        "severity": Severe(finding.c.severity),
        "state": Word(finding.c.state, FINDING_STATES),
        "assignee": Text(finding.c.assignee),
        "device": Participant(),
        "attack": Listed(finding.c.attack),
        "seen": Time(finding.c.last, now),
        "first": Time(finding.c.first, now),
        "confidence": Number(finding.c.confidence),
        "count": Number(finding.c.count, whole=True),
        "id": Text(finding.c.id),
        "title": Text(finding.c.title),
    }
    return _all(
        query, fields, lambda value: or_(like(finding.c.title, f"*{value}*"), like(finding.c.why, f"*{value}*"))
    )


def conversation_condition(query: Query, now: int) -> Condition:
    """Return the condition on ``conversation``.

    Raises:
        RingfenceError: ``query``.
    """
    fields: Mapping[str, Kind] = {
        "protocol": Text(conversation.c.protocol),
        "transport": Text(conversation.c.transport),
        "port": Number(conversation.c.port, whole=True),
        "src": End(conversation.c.source),
        "dst": End(conversation.c.destination),
        "device": EitherEnd(),
        "answered": Flag(conversation.c.answered),
        "bytes": Number(conversation.c.bytes, whole=True),
        "packets": Number(conversation.c.packets, whole=True),
        "flows": Number(conversation.c.flows, whole=True),
        "operation": Listed(conversation.c.operations, part_of=True),
        "seen": Time(conversation.c.last, now),
        "first": Time(conversation.c.first, now),
    }
    either = EitherEnd()
    return _all(query, fields, lambda value: either.any_of(f"*{value}*"))


def _all(query: Query, fields: Mapping[str, Kind], free: _Free) -> Condition:
    conditions: list[Condition] = [true()]
    for asked in query.terms:
        term = replace(asked, values=tuple(storable(value) for value in asked.values))
        if term.field is None:
            found = free(term.values[0])
        else:
            kind = fields.get(term.field)
            if kind is None:
                hint = suggestion(term.field, tuple(fields))
                raise wrong(term, f"There is no field {term.field}. {hint}")
            found = kind.condition(term)
        conditions.append(not_(func.coalesce(found, false())) if term.negated else found)
    return and_(*conditions)
