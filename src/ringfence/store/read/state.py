"""Whether the store can be worked with, and its totals: for those who watch the server."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from ringfence.model.finding import Severity
from ringfence.store import gaps, migrate
from ringfence.store.database import Database
from ringfence.store.erased import Erasures, erasures
from ringfence.store.schema.findings import finding
from ringfence.store.schema.inventory import device
from ringfence.store.schema.operation import batch

__all__ = ["StoreState", "has_batch", "state"]


@dataclass(frozen=True, slots=True)
class StoreState:
    """The store at one moment. Where a migration is pending nothing is counted."""

    revision: str | None
    pending: tuple[str, ...]
    devices: int = 0
    findings: tuple[tuple[str, int], ...] = ()  # severity word, open ones
    sensors: tuple[tuple[str, int], ...] = ()  # name, when its last batch came (ns since 1970)
    packets: tuple[tuple[str, int], ...] = ()  # name, packets of its batches
    gaps: tuple[tuple[str, int, int], ...] = ()  # name, times in which nobody watched, nanoseconds of them
    erasures: Erasures | None = None


def state(database: Database) -> StoreState:
    """Ask the store for its state.

    Raises:
        RingfenceError: ``store-unreachable``; ``database-older`` where a newer version made its tables.
    """
    with database.reading() as connection:
        pending = migrate.pending(database)
        if pending:
            return StoreState(migrate.current(database), pending)
        devices = connection.scalar(select(func.count()).where(device.c.merged_into.is_(None))) or 0
        counted = select(finding.c.severity, func.count()).where(finding.c.state != "closed")
        findings = {
            severity: int(count) for severity, count in connection.execute(counted.group_by(finding.c.severity))
        }
        heard = select(batch.c.sensor, func.max(batch.c.received), func.sum(batch.c.packets)).group_by(batch.c.sensor)
        sensors = [tuple(row) for row in connection.execute(heard.order_by(batch.c.sensor))]
        return StoreState(
            migrate.newest(),
            (),
            devices,
            tuple((each.word, findings.get(int(each), 0)) for each in Severity),
            tuple((name, int(received)) for name, received, _ in sensors),
            tuple((name, int(packets)) for name, _, packets in sensors),
            tuple((name, *sums) for name, sums in gaps.sums(connection, [name for name, *_ in sensors]).items()),
            erasures(connection),
        )


def has_batch(connection: Connection, identity: str) -> bool:
    """Return whether a batch was taken."""
    return connection.scalar(select(batch.c.id).where(batch.c.id == identity)) is not None
