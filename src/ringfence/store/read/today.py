"""The morning page: what is there, what is new, what is open, and whether the sensors see."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from ringfence.model.device import UNKNOWN
from ringfence.model.finding import Severity
from ringfence.model.scope import Scope
from ringfence.store.read.changes import changes_since
from ringfence.store.read.devices import rows_of
from ringfence.store.read.findings import gravest
from ringfence.store.read.rows import Today
from ringfence.store.read.system import sensors
from ringfence.store.read.where import scoped_devices, scoped_findings
from ringfence.store.schema.findings import finding
from ringfence.store.schema.inventory import device
from ringfence.store.schema.operation import change

__all__ = ["today"]

_NEW = 20  # rows
_CHANGED = 50  # rows
_GRAVEST = 10  # rows


def today(connection: Connection, scope: Scope, *, since: int) -> Today:
    """Return the morning page.

    Args:
        since: ns since 1970: *new* and *changed* count from here (the server's clock, not the capture's).
    """
    live = (device.c.merged_into.is_(None), scoped_devices(scope))
    number = func.count().label("number")
    kind = device.c["class"]
    counts = select(kind, number).where(*live).group_by(kind).order_by(number.desc(), kind)
    classes = connection.execute(counts).all()
    by_class = tuple((row[0], row[1]) for row in classes)
    counted = (
        select(finding.c.severity, number)
        .where(finding.c.state == "open", scoped_findings(scope))
        .group_by(finding.c.severity)
    )
    open_now = {row.severity: row.number for row in connection.execute(counted)}
    arrived = (
        select(change.c.id)
        .join(device, device.c.id == change.c.id)
        .where(change.c.noun == "device", change.c.what == "new", change.c.time >= since, *live)
        .order_by(change.c.number.desc())
        .limit(_NEW)
    )
    ids = list(dict.fromkeys(connection.execute(arrived).scalars()))
    rows = rows_of(connection, ids, scope)
    return Today(
        since=since,
        devices=sum(count for _, count in by_class),
        unknown=dict(by_class).get(UNKNOWN, 0),
        by_class=by_class,
        new_devices=tuple(rows[one] for one in ids if one in rows),
        changed=changes_since(connection, since, scope, limit=_CHANGED),
        open_by_severity=tuple((one.word, open_now.get(int(one), 0)) for one in sorted(Severity, reverse=True)),
        findings=gravest(connection, scope, _GRAVEST),
        sensors=sensors(connection, scope),
    )
