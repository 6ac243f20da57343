"""Sensors and the quality of what they capture.

Rule 1: a sensor belongs to no site: people whose scope is some sites see the sensors that carry their sites' domains.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, func, select, true

from ringfence.model.scope import Scope
from ringfence.store.read.rows import QualityRow, SensorRow
from ringfence.store.schema.inventory import device, device_part, observation
from ringfence.store.schema.operation import batch, quality

__all__ = ["WINDOW", "sensors"]

WINDOW = 300_000_000_000  # ns: five minutes of capture time


def sensors(connection: Connection, scope: Scope) -> tuple[SensorRow, ...]:
    """Return every sensor that somebody may see, with its verdict on its capture, by name."""
    found: dict[str, list[QualityRow]] = {}
    for row in connection.execute(select(quality).where(_seen(scope, quality.c.sensor)).order_by(quality.c.code)):
        note = QualityRow(row.sensor, row.code, row.severity, row.text, row.weakens, row.remedy, row.time)
        found.setdefault(row.sensor, []).append(note)
    sums = (
        func.sum(batch.c.packets).label("packets"),
        func.count().label("batches"),
        func.max(batch.c.window).label("window"),
        func.max(batch.c.received).label("received"),
    )
    statement = select(batch.c.sensor, *sums).where(_seen(scope, batch.c.sensor)).group_by(batch.c.sensor)
    rows = {
        row.sensor: SensorRow(
            sensor=row.sensor,
            packets=int(row.packets),
            batches=row.batches,
            last=row.window + WINDOW,
            received=row.received,
            quality=tuple(found.get(row.sensor, ())),
        )
        for row in connection.execute(statement)
    }
    for name in found.keys() - rows.keys():
        rows[name] = SensorRow(name, 0, 0, 0, 0, tuple(found[name]))
    return tuple(rows[name] for name in sorted(rows))


def _seen(scope: Scope, sensor: ColumnElement[str]) -> ColumnElement[bool]:
    if scope.sites is None:
        return true()
    owned = device_part.join(device, device.c.id == device_part.c.device)
    parts = select(device_part.c.part).select_from(owned).where(device.c.site.in_(sorted(scope.sites)))
    return sensor.in_(select(observation.c.sensor).where(observation.c.subject.in_(parts)))
