"""Keeps findings: what rules say is replaced, what people did with them stays.

Rule 1: a finding that was closed and is seen again, later than before, is open again, and that is news.
Rule 2: a rule says the same again at every window: what did not change is not written.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import update

from ringfence.model.errors import RingfenceError
from ringfence.model.finding import Finding
from ringfence.store import bulk
from ringfence.store.merging import count_findings, survivors
from ringfence.store.schema.columns import json_text, storable
from ringfence.store.schema.findings import finding, finding_device
from ringfence.store.unit import UnitOfWork

__all__ = ["STATES", "handle", "save_findings"]

#: From which state a person may go to which.
STATES: dict[str, tuple[str, ...]] = {
    "open": ("acknowledged", "closed"),
    "acknowledged": ("open", "closed"),
    "closed": ("open",),
}
_TEXTS = ("rule", "title", "why", "expected", "seen", "remedy")
_NUMBERS = ("severity", "confidence", "count", "first", "last")
_COLUMNS = ("id", *_TEXTS, *_NUMBERS, "attack", "packets", "state", "version")
_KNOWN = ("id", *_TEXTS, *_NUMBERS, "attack", "packets", "state")
_NOTE = 10_000  # letters
_Row = dict[str, Any]


def save_findings(unit: UnitOfWork, findings: Iterable[Finding]) -> int:
    """Write the findings that are new or changed and return how many these were."""
    connection = unit.connection
    found = {one.id: one for one in findings}
    rows = {one.id: _row(unit, one) for one in found.values()}
    before = {
        row[0]: dict(zip(_KNOWN, row, strict=True)) for row in bulk.select_by(connection, finding, _KNOWN, "id", rows)
    }
    named = survivors(connection, sorted({role.id for one in found.values() for role in one.devices if role.id}))
    changed = [row for row in rows.values() if _differs(row, before.get(row["id"]))]
    for row in changed:
        _settle(unit, row, before.get(row["id"]))
    replaced = ", ".join(f'"{name}" = excluded."{name}"' for name in _COLUMNS if name not in ("id", "version"))
    written = (tuple(row[name] for name in _COLUMNS) for row in changed)
    bulk.insert(connection, finding, _COLUMNS, written, f'("id") DO UPDATE SET {replaced}')
    counted = {row["id"] for row in changed if _counts(row, before.get(row["id"]))}
    touched = _write_roles(unit, [found[row["id"]] for row in changed], named, counted)
    count_findings(connection, sorted(touched))
    return len(changed)


def handle(
    unit: UnitOfWork,
    identity: str,
    who: str,
    version: int,
    *,
    state: str | None = None,
    assignee: str | None = None,
    note: str | None = None,
) -> None:
    """Do what a person decided about a finding; None leaves as it is, an empty assignee or note takes it away.

    Raises:
        RingfenceError: ``not-found``, ``changed-meanwhile``, ``value-refused``.
    """
    connection = unit.connection
    columns = ("state", "assignee", "note", "version")
    rows = bulk.select_by(connection, finding, columns, "id", [storable(identity)])
    if not rows:
        raise RingfenceError("not-found", identity[:80], "There is no such finding.")
    before = dict(zip(columns, rows[0], strict=True))
    if before["version"] != version:
        raise RingfenceError("changed-meanwhile", identity, f"You saw version {version}, it is {before['version']}.")
    if state is not None and state != before["state"] and state not in STATES[before["state"]]:
        raise RingfenceError(
            "value-refused", state[:40], f"From {before['state']} one goes to {STATES[before['state']]}."
        )
    if note is not None and len(note) > _NOTE:
        raise RingfenceError("value-refused", "note", f"A note has at most {_NOTE} letters.")
    wanted = {"state": state, "assignee": assignee, "note": note}
    values: dict[str, Any] = {name: value or None for name, value in wanted.items() if value is not None}
    detail = {name: [before[name], value] for name, value in values.items() if before[name] != value}
    if not detail:
        return
    values["version"] = version + 1
    connection.execute(update(finding).where(finding.c.id == storable(identity)).values(**values))
    devices = bulk.select_by(connection, finding_device, ("device",), "finding", [storable(identity)])
    count_findings(connection, [row[0] for row in devices if row[0] is not None])
    unit.change("finding", identity, "handled", who, detail)


def _row(unit: UnitOfWork, one: Finding) -> _Row:
    names = ("time", "input", "index", "interface", "length")
    packets = [dict(zip(names, packet, strict=True)) for packet in unit.inputs.written(one.packets)]
    row: _Row = {"id": one.id, **{name: storable(getattr(one, name)) for name in _TEXTS}}
    row |= {"severity": int(one.severity), "confidence": one.confidence, "count": one.count}
    row |= {"first": one.first, "last": one.last, "attack": json_text(list(one.attack)), "packets": json_text(packets)}
    return row | {"state": "open", "version": 1}


def _differs(row: _Row, before: _Row | None) -> bool:
    return before is None or any(before[name] != row[name] for name in _KNOWN if name != "state")


def _counts(row: _Row, before: _Row | None) -> bool:
    """Whether it counts otherwise than before for its devices."""
    return before is None or row["severity"] != before["severity"] or row["state"] != before["state"]


def _settle(unit: UnitOfWork, row: _Row, before: _Row | None) -> None:
    """Decide the state, and whether there is anything to tell."""
    brief = {"title": row["title"], "severity": row["severity"]}
    if before is None:
        unit.change("finding", row["id"], "new", detail=brief)
        return
    row["state"] = before["state"]
    if before["state"] == "closed" and row["last"] > before["last"]:
        row["state"] = "open"
        unit.change("finding", row["id"], "reopened", detail=brief)
    elif row["severity"] != before["severity"] or row["title"] != before["title"]:
        detail = {name: [before[name], row[name]] for name in ("severity", "title") if before[name] != row[name]}
        unit.change("finding", row["id"], "changed", detail=detail)


def _write_roles(unit: UnitOfWork, changed: list[Finding], named: dict[str, str], counted: set[str]) -> set[str]:
    """Write who takes part, where it is not so yet.

    Answers the devices that now have other findings, or such that count otherwise (``counted``).
    """
    connection = unit.connection
    columns = ("finding", "number", "device", "role", "label")
    before: dict[str, set[tuple[Any, ...]]] = {}
    for row in bulk.select_by(connection, finding_device, columns, "finding", [one.id for one in changed]):
        before.setdefault(row[0], set()).add(row)
    now = {
        one.id: {
            (one.id, number, named.get(role.id, role.id) if role.id else None, role.role, storable(role.label))
            for number, role in enumerate(one.devices)
        }
        for one in changed
    }
    differing = [each for each, rows in now.items() if rows != before.get(each, set())]
    bulk.delete_where(connection, finding_device, "finding", differing)
    rows = sorted(row for each in differing for row in now[each])
    bulk.insert(connection, finding_device, columns, rows)
    concerned = {row for each in (*differing, *counted) for row in (*before.get(each, ()), *now[each])}
    return {row[2] for row in concerned if row[2] is not None}
