"""Erases what is older than it may be, kind by kind, and one device on request (flows, packets: keys go).

Rule 1: erasing is no undo: rows are deleted. That something was erased, and by whom, is news, without what it was.
Rule 2: a device about which people said something, or that has an open finding, is not erased for its age.
Rule 3: with a device go the facts from which the register would make it again. A sensor's process that runs meanwhile
holds them until it starts again; one that sees the device once more tells of it anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, Table, delete, or_, select

from ringfence.model.errors import RingfenceError
from ringfence.model.scope import Scope
from ringfence.store import bulk
from ringfence.store.notes import seen_device
from ringfence.store.schema.findings import finding, finding_device
from ringfence.store.schema.inventory import (
    address,
    claim,
    conflict,
    decision,
    decision_part,
    device,
    device_note,
    device_part,
    device_text,
    intended,
    label,
    observation,
)
from ringfence.store.schema.operation import change
from ringfence.store.schema.traffic import conversation, talker, talker_day
from ringfence.store.unit import UnitOfWork

__all__ = ["KINDS", "erase_device", "erase_older"]

_ENDS = ("source", "destination")
_HOUR = 3_600_000_000_000  # ns


def erase_older(unit: UnitOfWork, kind: str, before: int) -> int:
    """Erase what was last seen before a time and return how much that was.

    Args:
        kind: a key of ``KINDS``.
        before: ns since 1970, UTC.

    Raises:
        RingfenceError: ``value-refused`` for another kind.
    """
    erase = KINDS.get(kind)
    if erase is None:
        raise RingfenceError("value-refused", kind[:40], f"Kinds are {', '.join(KINDS)}.")
    number = erase(unit.connection, before)
    if number:
        unit.change("retention", kind, "erased", detail={"number": number, "before": before})
    return number


def erase_device(unit: UnitOfWork, identity: str, scope: Scope, who: str) -> dict[str, int]:
    """Erase one device with all that is kept of it: facts, claims, notes, decisions, history, the findings it is in.

    Devices that were merged into it go with it. Returns how much that was, by kind. Packets that its findings kept are
    the packet ring's to let go (``PacketRing.let_go``), after the unit.

    Raises:
        RingfenceError: ``not-found``.
    """
    known = seen_device(unit.connection, identity, scope)["id"]
    every, latest = {known}, [known]
    while latest:
        absorbed = {row[0] for row in bulk.select_by(unit.connection, device, ("id",), "merged_into", latest)}
        latest = sorted(absorbed - every)
        every |= absorbed
    erased = _devices(unit.connection, sorted(every), ("subject", "object"))
    unit.change("device", known, "erased", who)
    return erased


def _rows(table: Table, column: str, span: int = 1) -> Callable[[Connection, int], int]:
    """Return what erases the rows of a table by the time in one column, which counts spans of so many ns."""

    def erase(connection: Connection, before: int) -> int:
        return int(connection.execute(delete(table).where(table.c[column] < before // span)).rowcount)

    return erase


def _old_talkers(connection: Connection, before: int) -> int:
    erased = (
        _rows(talker, "hour", _HOUR)(connection, before),
        _rows(talker_day, "day", 24 * _HOUR)(connection, before),
    )
    return sum(erased)


def _old_findings(connection: Connection, before: int) -> int:
    old = select(finding.c.id).where(finding.c.state == "closed", finding.c.last < before)
    ids = list(connection.execute(old).scalars())
    _history(connection, "finding", ids)
    bulk.delete_where(connection, finding_device, "finding", ids)
    return bulk.delete_where(connection, finding, "id", ids)


def _old_devices(connection: Connection, before: int) -> int:
    said = or_(
        device.c.id.in_(select(device_note.c.device)),
        device.c.id.in_(select(label.c.device)),
        device.c.open_findings > 0,
    )
    old = select(device.c.id).where(device.c.last < before, ~said)
    ids = list(connection.execute(old).scalars())
    _devices(connection, ids)
    return len(ids)


def _devices(connection: Connection, ids: Sequence[str], named: Sequence[str] = ("subject",)) -> dict[str, int]:
    """Erase devices, with the facts in which they are ``named`` (of objects there is no index: for one device only)."""
    parts = sorted({row[0] for row in bulk.select_by(connection, device_part, ("part",), "device", ids)})
    erased = {"devices": len(ids), "observations": _gone(connection, (observation,), named, parts)}
    erased["conversations"] = _gone(connection, (conversation,), _ENDS, parts)
    erased["talkers"] = _gone(connection, (talker, talker_day), _ENDS, parts)
    erased["decisions"] = _undecided(connection, parts)
    found = sorted({row[0] for row in bulk.select_by(connection, finding_device, ("finding",), "device", ids)})
    _history(connection, "finding", found)
    bulk.delete_where(connection, finding_device, "finding", found)
    bulk.delete_where(connection, finding, "id", found)
    bulk.update(connection, intended, "device", ("device",), ((one, None) for one in ids))
    _history(connection, "device", ids)
    for table in (claim, conflict, address, device_part, device_note, device_text, label):
        bulk.delete_where(connection, table, "device", ids)
    bulk.delete_where(connection, device, "id", ids)
    return erased | {"findings": len(found)}


def _gone(connection: Connection, tables: Sequence[Table], columns: Sequence[str], parts: Sequence[str]) -> int:
    """Erase the rows of which one of these columns names one of these parts."""
    return sum(bulk.delete_where(connection, table, column, parts) for table in tables for column in columns)


def _undecided(connection: Connection, parts: Sequence[str]) -> int:
    """Take parts out of what people decided; a decision about no other part goes."""
    about = sorted({row[0] for row in bulk.select_by(connection, decision_part, ("decision",), "part", parts)})
    bulk.delete_where(connection, decision_part, "part", parts)
    tied = bulk.select_by(connection, decision_part, ("decision", "left"), "decision", about)
    gone = sorted(set(about) - {identity for identity, left in tied if not left})
    bulk.delete_where(connection, decision_part, "decision", gone)
    return bulk.delete_where(connection, decision, "id", gone)


def _history(connection: Connection, noun: str, ids: Sequence[str]) -> None:
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        connection.execute(delete(change).where(change.c.noun == noun, change.c.id.in_(some)))


#: What is erased by age, each kind in its own way; the answer is how many.
KINDS: Mapping[str, Callable[[Connection, int], int]] = {
    "conversations": _rows(conversation, "last"),
    "talkers": _old_talkers,
    "changes": _rows(change, "time"),
    "observations": _rows(observation, "last"),
    "findings": _old_findings,
    "devices": _old_devices,
}
