"""What later facts took back: devices that turned out to be none, findings about devices that became others.

Rule 1: nothing is deleted. A device that is none is marked as merged into itself: lists leave it out, its history and
what people said of it stay, and it comes back when its parts do.
Rule 2: a finding about a device that became another is closed; the rule says the same of the other one, as a new one.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update

from ringfence.store import bulk
from ringfence.store.merging import count_findings
from ringfence.store.schema.findings import finding, finding_device
from ringfence.store.schema.inventory import address, device, device_part
from ringfence.store.unit import UnitOfWork

__all__ = ["retire_devices", "supersede_findings"]


def retire_devices(unit: UnitOfWork, ids: Sequence[str]) -> int:
    """Take devices out of the inventory that no part belongs to any more; those merged into others stay as they are."""
    connection = unit.connection
    rows = bulk.select_by(connection, device, ("id", "merged_into"), "id", sorted(ids))
    gone = sorted(row[0] for row in rows if row[1] is None)
    for one in gone:
        connection.execute(update(device).where(device.c.id == one).values(merged_into=one, digest=""))
        unit.change("device", one, "gone")
    bulk.delete_where(connection, address, "device", gone)
    bulk.delete_where(connection, device_part, "device", gone)
    return len(gone)


def supersede_findings(unit: UnitOfWork, ids: Sequence[str]) -> int:
    """Close findings whose device became another."""
    connection = unit.connection
    closed = 0
    for one in sorted(ids):
        values = {"state": "closed", "version": finding.c.version + 1}
        done = connection.execute(
            update(finding).where(finding.c.id == one, finding.c.state != "closed").values(**values)
        )
        if done.rowcount:
            closed += 1
            unit.change("finding", one, "superseded")
            named = select(finding_device.c.device).where(finding_device.c.finding == one)
            count_findings(connection, [each for each in connection.execute(named).scalars() if each is not None])
    return closed
