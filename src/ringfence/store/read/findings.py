"""Findings in lists, and one with everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from ringfence.model.errors import RingfenceError
from ringfence.model.finding import Severity
from ringfence.model.query import Query
from ringfence.model.scope import Scope
from ringfence.store.read.changes import timeline
from ringfence.store.read.paging import Sorting, page
from ringfence.store.read.rows import FindingDeviceRow, FindingPage, FindingRow, Page
from ringfence.store.read.where import finding_condition, scoped_findings
from ringfence.store.schema.columns import storable
from ringfence.store.schema.findings import finding as table
from ringfence.store.schema.findings import finding_device

__all__ = ["SORTS", "finding", "finding_rows", "findings", "gravest", "of_devices"]

#: Columns by which the list may be sorted; ``-severity`` is downwards.
SORTS: Mapping[str, Any] = {
    "severity": table.c.severity,
    "seen": table.c.last,
    "first": table.c.first,
    "rule": table.c.rule,
    "state": table.c.state,
    "confidence": table.c.confidence,
    "count": table.c.count,
    "title": table.c.title,
    "assignee": table.c.assignee,
}
_PLAIN = "id rule confidence title why count first last state assignee version".split()


def findings(
    connection: Connection,
    query: Query,
    scope: Scope,
    *,
    now: int,
    sort: str = "-severity",
    limit: int = 50,
    cursor: str | None = None,
) -> Page[FindingRow]:
    """Return a page of findings.

    Args:
        now: ns since 1970: ages in the query count from here.
        sort: a key of ``SORTS``, with ``-`` before it downwards.

    Raises:
        RingfenceError: ``query``; ``value-refused`` for sort, limit and cursor.
    """
    sorting = Sorting.of(sort, SORTS, table.c.id)
    statement = select(table).where(scoped_findings(scope), finding_condition(query, now))
    found, following, total = page(connection, statement, sorting, limit, cursor)
    return Page(finding_rows(connection, found), following, total)


def finding(connection: Connection, identity: str, scope: Scope) -> FindingPage:
    """Return a finding with everything.

    Raises:
        RingfenceError: ``not-found``, also where it stands at another site.
    """
    statement = select(table).where(table.c.id == storable(identity), scoped_findings(scope))
    found = connection.execute(statement).all()
    if not found:
        raise RingfenceError("not-found", identity[:80], "There is no such finding.")
    row = found[0]
    return FindingPage(
        row=finding_rows(connection, found)[0],
        expected=row.expected,
        seen=row.seen,
        attack=tuple(row.attack),
        remedy=row.remedy,
        note=row.note,
        packets=tuple(row.packets),
        timeline=timeline(connection, "finding", row.id),
    )


def of_devices(
    connection: Connection, devices: Iterable[str], scope: Scope, limit: int = 200
) -> tuple[FindingRow, ...]:
    """Return the findings in which any of these devices takes part, open and grave ones first."""
    of_them = select(finding_device.c.finding).where(finding_device.c.device.in_(list(devices)))
    return _gravest(connection, scope, table.c.id.in_(of_them), limit)


def gravest(connection: Connection, scope: Scope, limit: int) -> tuple[FindingRow, ...]:
    """Return the gravest open findings."""
    return _gravest(connection, scope, table.c.state == "open", limit)


def _gravest(
    connection: Connection, scope: Scope, condition: ColumnElement[bool], limit: int
) -> tuple[FindingRow, ...]:
    closed = table.c.state == "closed"
    order = (closed, table.c.severity.desc(), table.c.last.desc(), table.c.id)
    statement = select(table).where(scoped_findings(scope), condition).order_by(*order).limit(limit)
    return finding_rows(connection, connection.execute(statement))


def finding_rows(connection: Connection, found: Iterable[Row[Any]]) -> tuple[FindingRow, ...]:
    """Make rows of what a statement found, with who takes part."""
    maps = [row._mapping for row in found]
    ids = [row["id"] for row in maps]
    devices: dict[str, list[FindingDeviceRow]] = {}
    for start in range(0, len(ids), 500):
        some = select(finding_device).where(finding_device.c.finding.in_(ids[start : start + 500]))
        for one in connection.execute(some.order_by(finding_device.c.finding, finding_device.c.number)):
            devices.setdefault(one.finding, []).append(FindingDeviceRow(one.device, one.role, one.label))
    return tuple(
        FindingRow(
            severity=Severity(row["severity"]).word,
            devices=tuple(devices.get(row["id"], ())),
            **{name: row[name] for name in _PLAIN},
        )
        for row in maps
    )
