"""What changed: for live screens since a number, and as the timeline of one thing.

Rule 1: a change is shown to whoever may see the device, finding or site that it is about; all others only to those
who see everything.
Rule 2: numbers are taken under a lock that is held until they are kept (``store/news.py``): whoever has seen a number
has seen all before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, true

from ringfence.model.scope import Scope
from ringfence.store.read.rows import ChangeRow
from ringfence.store.read.where import scoped_devices, scoped_findings
from ringfence.store.schema.columns import storable
from ringfence.store.schema.findings import finding
from ringfence.store.schema.inventory import device, zone
from ringfence.store.schema.operation import change

__all__ = ["changes", "changes_since", "last_change", "timeline"]

_TIMELINE = 200  # rows


def changes(connection: Connection, after: int, scope: Scope, limit: int = 500) -> tuple[ChangeRow, ...]:
    """Return what changed after the change of this number, in order."""
    some = select(change).where(change.c.number > after, scoped_changes(scope)).order_by(change.c.number)
    return _rows(connection.execute(some.limit(limit)).all())


def last_change(connection: Connection) -> int:
    """Return the number of the latest change; 0 where there is none."""
    return int(connection.execute(select(func.coalesce(func.max(change.c.number), 0))).scalar_one())


def changes_since(
    connection: Connection, since: int, scope: Scope, *, noun: str | None = None, limit: int = 100
) -> tuple[ChangeRow, ...]:
    """Return what changed since a time (ns since 1970), the latest first."""
    condition = and_(change.c.time >= since, scoped_changes(scope))
    if noun is not None:
        condition = and_(condition, change.c.noun == noun)
    return _rows(
        connection.execute(select(change).where(condition).order_by(change.c.number.desc()).limit(limit)).all()
    )


def timeline(connection: Connection, noun: str, *identities: str) -> tuple[ChangeRow, ...]:
    """Return what happened to one thing (under all its ids), the latest first. The caller has checked the scope."""
    of_it = (change.c.noun == noun, change.c.id.in_([storable(identity) for identity in identities]))
    return _rows(
        connection.execute(select(change).where(*of_it).order_by(change.c.number.desc()).limit(_TIMELINE)).all()
    )


def scoped_changes(scope: Scope) -> ColumnElement[bool]:
    """Return the condition on ``change``."""
    if scope.sites is None:
        return true()
    sites = sorted(scope.sites)
    return or_(
        and_(change.c.noun == "device", change.c.id.in_(select(device.c.id).where(scoped_devices(scope)))),
        and_(change.c.noun == "finding", change.c.id.in_(select(finding.c.id).where(scoped_findings(scope)))),
        and_(change.c.noun == "site", change.c.id.in_(sites)),
        and_(change.c.noun == "zone", change.c.id.in_(select(zone.c.id).where(zone.c.site.in_(sites)))),
    )


def _rows(found: Sequence[Row[Any]]) -> tuple[ChangeRow, ...]:
    return tuple(ChangeRow(row.number, row.time, row.noun, row.id, row.what, row.who, row.detail) for row in found)
