"""What should be there (``inventory/intended.py``) against what is seen.

Rule 1: a list replaces what the same source said before; other sources stay.
Rule 2: as long as nobody said what should be there, no device is unintended: it is *not evaluated*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, or_, select

from ringfence.inventory.intended import Intended, IntendedIndex, IntendedRow
from ringfence.model.device import Device
from ringfence.model.errors import RingfenceError
from ringfence.model.scope import Scope
from ringfence.store import bulk
from ringfence.store.read.paging import Sorting, page
from ringfence.store.read.rows import Page
from ringfence.store.schema.columns import storable
from ringfence.store.schema.inventory import device, intended, site
from ringfence.store.unit import UnitOfWork

__all__ = ["IntendedSeen", "Matched", "forget_source", "intended_devices", "match_all", "save_intended"]

_COLUMNS = "id source name class vendor model serial mac ip site zone owner criticality imported".split()
_MAX_SOURCE = 100  # letters


@dataclass(frozen=True, slots=True)
class Matched:
    """What came of an import."""

    rows: int
    seen: int
    missing: int  # intended, not seen
    unintended: int  # seen, not intended


@dataclass(frozen=True, slots=True)
class IntendedSeen:
    """An intended device, and the observed one that it is; ``device`` None: not seen."""

    id: str
    source: str
    name: str
    device_class: str | None
    vendor: str | None
    model: str | None
    serial: str | None
    mac: str | None
    ip: str | None
    site: str | None
    zone: str | None
    owner: str | None
    criticality: str | None
    device: str | None
    imported: int


def save_intended(unit: UnitOfWork, who: str, source: str, rows: Sequence[IntendedRow]) -> Matched:
    """Replace what a source says should be there, and compare it with what is seen.

    Raises:
        RingfenceError: ``value-refused`` for the source's name.
    """
    name = storable(source).strip()
    if not 1 <= len(name) <= _MAX_SOURCE:
        raise RingfenceError("value-refused", "source", f"A source's name has 1 to {_MAX_SOURCE} letters.")
    unit.connection.execute(delete(intended).where(intended.c.source == name))
    bulk.insert(unit.connection, intended, _COLUMNS, (_written(unit, name, row) for row in rows), "DO NOTHING")
    matched = match_all(unit)
    unit.change("intended", name, "imported", who, {"rows": len(rows), "missing": matched.missing})
    return matched


def forget_source(unit: UnitOfWork, who: str, source: str) -> None:
    """Take back what a source said."""
    unit.connection.execute(delete(intended).where(intended.c.source == storable(source)))
    match_all(unit)
    unit.change("intended", source, "forgotten", who)


def match_all(unit: UnitOfWork) -> Matched:
    """Compare everything that should be there with every device."""
    connection = unit.connection
    known = connection.execute(select(*(intended.c[name] for name in ("id", "name", "serial", "mac", "ip", "device"))))
    rows = known.all()
    index = IntendedIndex(Intended(row.id, row.name, row.serial, row.mac, row.ip) for row in rows)
    found: dict[str, str] = {}
    states = []
    unintended = 0
    columns = [device.c[name] for name in ("id", "name", "serial", "macs", "ips", "names", "expected")]
    for row in connection.execute(select(*columns).where(device.c.merged_into.is_(None)).order_by(device.c.id)):
        one = Device(row.id, (), row.name, serial=row.serial, macs=row.macs, ips=row.ips, names=row.names)
        meant = index.of(one) if rows else None
        if meant is not None:
            found.setdefault(meant, row.id)
        state = ("unintended" if meant is None else "intended") if rows else "not_evaluated"
        unintended += state == "unintended"
        if state != row.expected:
            states.append((row.id, state))
    bulk.update(connection, device, "id", ("expected",), states)
    moved = [(row.id, found.get(row.id)) for row in rows if row.device != found.get(row.id)]
    bulk.update(connection, intended, "id", ("device",), moved)
    return Matched(len(rows), len(found), len(rows) - len(found), unintended)


def intended_devices(
    connection: Connection, scope: Scope, *, missing: bool = False, limit: int = 50, cursor: str | None = None
) -> Page[IntendedSeen]:
    """Return a page of what should be there, by name; ``missing``: only what is not seen.

    People whose scope is some sites see what stands for a device of theirs, or names one of their sites.

    Raises:
        RingfenceError: ``value-refused`` for limit and cursor.
    """
    statement = select(intended)
    if missing:
        statement = statement.where(intended.c.device.is_(None))
    if scope.sites is not None:
        ours = sorted(scope.sites)
        seen = intended.c.device.in_(select(device.c.id).where(device.c.site.in_(ours)))
        named = select(site.c.name).where(site.c.id.in_(ours))
        unseen = intended.c.device.is_(None) & or_(intended.c.site.in_(ours), intended.c.site.in_(named))
        statement = statement.where(or_(seen, unseen))
    sorting = Sorting("name", intended.c.name, intended.c.id, descending=False)
    rows, following, total = page(connection, statement, sorting, limit, cursor)
    plain = "id source name vendor model serial mac ip site zone owner criticality device imported".split()
    answer = tuple(
        IntendedSeen(device_class=row._mapping["class"], **{name: row._mapping[name] for name in plain}) for row in rows
    )
    return Page(answer, following, total)


def _written(unit: UnitOfWork, source: str, row: IntendedRow) -> tuple[object, ...]:
    texts = (row.device_class, row.vendor, row.model, row.serial, row.mac, row.ip, row.site, row.zone, row.owner)
    clean = (None if text is None else storable(text) for text in (*texts, row.criticality))
    return (row.id, source, storable(row.name), *clean, unit.now)
