"""What becomes of a device whose parts all went to another: people's words and its findings go on to the survivor."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select, update

from ringfence.store import bulk
from ringfence.store.schema.findings import finding, finding_device
from ringfence.store.schema.inventory import address, device, device_note, label
from ringfence.store.unit import UnitOfWork

__all__ = ["absorb", "count_findings", "survivors"]

_HOPS = 32  # a merge of a merge of a merge …
_SAID = ("zone", "site", "owner", "criticality", "safety", "note")
_SHOWN = ("zone", "site", "owner", "criticality", "safety")


def absorb(unit: UnitOfWork, gone: str, into: str, reasons: Sequence[str]) -> None:
    """Mark ``gone`` as merged into ``into``."""
    connection = unit.connection
    connection.execute(update(device).where(device.c.id == gone).values(merged_into=into, digest=""))
    bulk.delete_where(connection, address, "device", [gone])
    _hand_on(connection, gone, into)
    connection.execute(update(finding_device).where(finding_device.c.device == gone).values(device=into))
    count_findings(connection, [gone, into])
    unit.change("device", gone, "merged", detail={"into": into, "reasons": list(reasons)})


def _hand_on(connection: Connection, gone: str, into: str) -> None:
    """Copy what people said of ``gone`` where they said nothing of ``into``: an unsaid word is none that is lost."""
    names = {*connection.execute(select(label.c.name).where(label.c.device == gone)).scalars()}
    names -= {*connection.execute(select(label.c.name).where(label.c.device == into)).scalars()}
    if names:
        connection.execute(insert(label), [{"device": into, "name": name} for name in sorted(names)])
    said = connection.execute(select(device_note).where(device_note.c.device == gone)).mappings().one_or_none()
    if said is None:
        return
    known = connection.execute(select(device_note).where(device_note.c.device == into)).mappings().one_or_none()
    if known is None:
        connection.execute(insert(device_note).values(device=into))
    missing = {name: said[name] for name in _SAID if said[name] is not None and (known is None or known[name] is None)}
    if missing:
        connection.execute(update(device_note).where(device_note.c.device == into).values(**missing))
        shown = {name: value for name, value in missing.items() if name in _SHOWN}
        if shown:
            connection.execute(update(device).where(device.c.id == into).values(**shown, version=device.c.version + 1))


def survivors(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Return for each id the device into which it was merged, or itself."""
    answer = {one: one for one in ids}
    waiting = set(ids)
    for _ in range(_HOPS):
        rows = bulk.select_by(connection, device, ("id", "merged_into"), "id", sorted(waiting))
        into = {row[0]: row[1] for row in rows if row[1] is not None}
        if not into:
            break
        answer = {one: into.get(now, now) for one, now in answer.items()}
        waiting = set(into.values())
    return answer


def count_findings(connection: Connection, ids: Sequence[str]) -> None:
    """Write the worst open finding and their number into the rows of these devices."""
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), 500):
        some = wanted[start : start + 500]
        named = finding_device.join(finding, finding.c.id == finding_device.c.finding)
        counted = (
            select(
                finding_device.c.device,
                func.max(finding.c.severity).label("worst"),
                func.count(finding.c.id.distinct()).label("open"),
            )
            .select_from(named)
            .where(finding_device.c.device.in_(some), finding.c.state != "closed")
            .group_by(finding_device.c.device)
        )
        found = {row.device: (row.worst, row.open) for row in connection.execute(counted)}
        known = bulk.select_by(connection, device, ("id", "worst", "open_findings"), "id", some)
        rows = [(one, *found.get(one, (-1, 0))) for one, *before in known if tuple(before) != found.get(one, (-1, 0))]
        bulk.update(connection, device, "id", ("worst", "open_findings"), rows)
