"""Sites, their zones, and the domains of addresses that stand at them.

Rule 1: ids are made of names, so that lists sorted by id read well; a renamed site keeps its id.
Rule 2: a domain's site is the site of every device in it of which nobody said something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, func, insert, or_, select, true, update

from ringfence.model.errors import RingfenceError
from ringfence.model.scope import Scope
from ringfence.store import bulk
from ringfence.store.read.fields import packed
from ringfence.store.schema.columns import storable
from ringfence.store.schema.inventory import address, device, device_note, domain, part, site, zone
from ringfence.store.unit import UnitOfWork

__all__ = [
    "DomainRow",
    "SiteRow",
    "ZoneRow",
    "change_site",
    "change_zone",
    "domains",
    "make_site",
    "make_zone",
    "place_domain",
    "proposed",
    "sites",
    "zones",
]

MAX_NAME = 100  # letters
MAX_NOTE = 2_000  # letters
MAX_SUBNETS = 200
_DEPTH = 16  # sites within sites
_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site."""

    id: str
    name: str
    parent: str | None
    note: str | None
    devices: int
    version: int


@dataclass(frozen=True, slots=True)
class ZoneRow:
    """A zone of a site."""

    id: str
    site: str
    name: str
    purdue_level: float | None
    subnets: tuple[str, ...]
    note: str | None
    devices: int
    version: int


@dataclass(frozen=True, slots=True)
class DomainRow:
    """A domain of addresses."""

    name: str
    site: str | None
    devices: int


# --- reading ------------------------------------------------------------------------------------------------------


def sites(connection: Connection, scope: Scope) -> tuple[SiteRow, ...]:
    """Return the sites that somebody may see, by name."""
    counts = _counts(connection, device.c.site)
    rows = connection.execute(select(site).where(_seen(scope, site.c.id)).order_by(site.c.name))
    return tuple(
        SiteRow(row.id, row.name, _parent(row, scope), row.note, counts.get(row.id, 0), row.version) for row in rows
    )


def _parent(row: Row[Any], scope: Scope) -> str | None:
    return row.parent if scope.sees(row.parent) else None


def zones(connection: Connection, scope: Scope, site_id: str | None = None) -> tuple[ZoneRow, ...]:
    """Return the zones that somebody may see, of one site or all, by site and name."""
    counts = _counts(connection, device.c.zone)
    statement = select(zone).where(_seen(scope, zone.c.site)).order_by(zone.c.site, zone.c.name)
    if site_id is not None:
        statement = statement.where(zone.c.site == storable(site_id))
    return tuple(
        ZoneRow(
            row.id,
            row.site,
            row.name,
            row.purdue_level,
            tuple(row.subnets or ()),
            row.note,
            counts.get(row.id, 0),
            row.version,
        )
        for row in connection.execute(statement)
    )


def domains(connection: Connection, scope: Scope) -> tuple[DomainRow, ...]:
    """Return every domain that has devices or a site, as far as somebody may see it, by name."""
    counted = {
        row[0]: row[1]
        for row in connection.execute(
            select(device.c.domain, func.count())
            .where(device.c.merged_into.is_(None), _seen(scope, device.c.site))
            .group_by(device.c.domain)
        )
    }
    placed = {row.name: row.site for row in connection.execute(select(domain).where(_seen(scope, domain.c.site)))}
    return tuple(DomainRow(name, placed.get(name), counted.get(name, 0)) for name in sorted({*counted, *placed}))


def proposed(connection: Connection, scope: Scope, zone_id: str) -> tuple[str, ...]:
    """Return the devices of the zone's site, or of none, that stand in its subnets and in no zone.

    Raises:
        RingfenceError: ``not-found``.
    """
    row = _row(connection, zone, zone_id, scope)
    ranges = []
    for text in row["subnets"] or ():
        network = ip_network(text)
        ranges.append(address.c.packed.between(packed(str(network[0])), packed(str(network[-1]))))
    if not ranges:
        return ()
    inside = select(address.c.device).where(address.c.kind == "ip", or_(*ranges))
    free = and_(device.c.zone.is_(None), device.c.merged_into.is_(None), _seen(scope, device.c.site))
    here = or_(device.c.site == row["site"], device.c.site.is_(None))
    rows = connection.execute(select(device.c.id).where(device.c.id.in_(inside), free, here).order_by(device.c.id))
    return tuple(rows.scalars())


def _counts(connection: Connection, column: ColumnElement[Any]) -> dict[str, int]:
    statement = select(column, func.count()).where(device.c.merged_into.is_(None)).group_by(column)
    return {row[0]: row[1] for row in connection.execute(statement) if row[0] is not None}


def _seen(scope: Scope, column: ColumnElement[Any]) -> ColumnElement[bool]:
    return true() if scope.sites is None else column.in_(sorted(scope.sites))


# --- people's acts ------------------------------------------------------------------------------------------------


def make_site(unit: UnitOfWork, who: str, name: str, *, parent: str | None = None, note: str | None = None) -> str:
    """Make a site and return its id.

    Raises:
        RingfenceError: ``value-refused`` for a name that is taken, ``not-found`` for the parent.
    """
    values = _checked({"name": name, "parent": parent, "note": note})
    _free_name(unit.connection, site, values["name"], None)
    if values["parent"] is not None:
        _row(unit.connection, site, values["parent"], Scope())
    identity = _identity(unit.connection, site, values["name"])
    unit.connection.execute(insert(site).values(id=identity, version=1, **values))
    unit.change("site", identity, "new", who, {"name": values["name"]})
    return identity


def change_site(unit: UnitOfWork, who: str, identity: str, version: int, said: Mapping[str, Any]) -> tuple[_Row, _Row]:
    """Change name, parent or note of a site; return what was before and is now.

    Raises:
        RingfenceError: ``not-found``, ``changed-meanwhile``, ``value-refused``.
    """
    before = _row(unit.connection, site, identity, Scope(), version)
    values = _checked({name: said[name] for name in ("name", "parent", "note") if name in said})
    if values.get("name", before["name"]) != before["name"]:
        _free_name(unit.connection, site, values["name"], None)
    if values.get("parent") is not None:
        _no_circle(unit.connection, before["id"], values["parent"])
    return _changed(unit, who, site, "site", before, values)


def make_zone(unit: UnitOfWork, who: str, scope: Scope, site_id: str, name: str, **said: Any) -> str:
    """Make a zone at a site and return its id; ``said``: purdue_level, subnets, note.

    Raises:
        RingfenceError: ``not-found`` for the site, ``value-refused``.
    """
    at = _row(unit.connection, site, site_id, scope)["id"]
    values = _checked({"name": name, **said})
    _free_name(unit.connection, zone, values["name"], at)
    identity = _identity(unit.connection, zone, f"{at}-{values['name']}")
    unit.connection.execute(insert(zone).values(id=identity, site=at, version=1, **values))
    unit.change("zone", identity, "new", who, {"name": values["name"], "site": at})
    return identity


def change_zone(
    unit: UnitOfWork, who: str, scope: Scope, identity: str, version: int, said: Mapping[str, Any]
) -> tuple[_Row, _Row]:
    """Change name, purdue_level, subnets or note of a zone; return what was before and is now.

    Raises:
        RingfenceError: ``not-found``, ``changed-meanwhile``, ``value-refused``.
    """
    before = _row(unit.connection, zone, identity, scope, version)
    values = _checked({name: said[name] for name in ("name", "purdue_level", "subnets", "note") if name in said})
    if values.get("name", before["name"]) != before["name"]:
        _free_name(unit.connection, zone, values["name"], before["site"])
    return _changed(unit, who, zone, "zone", before, values)


def place_domain(unit: UnitOfWork, who: str, name: str, site_id: str | None) -> int:
    """Say at which site a domain stands; return how many devices moved with it.

    Raises:
        RingfenceError: ``not-found`` for a domain that nothing was seen of, or a site.
    """
    connection, clean = unit.connection, storable(name)
    known = connection.execute(select(part.c.id).where(part.c.domain == clean).limit(1)).scalar_one_or_none()
    placed = connection.execute(select(domain.c.name).where(domain.c.name == clean)).scalar_one_or_none()
    if known is None and placed is None:
        raise RingfenceError("not-found", name[:80], "There is no such domain.")
    at = _row(connection, site, site_id, Scope())["id"] if site_id is not None else None
    bulk.insert(connection, domain, ("name", "site"), [(clean, at)], '("name") DO UPDATE SET "site" = excluded."site"')
    said = select(device_note.c.device).where(device_note.c.site.is_not(None))
    free = and_(device.c.domain == clean, device.c.id.not_in(said), device.c.site.is_distinct_from(at))
    moved = connection.execute(update(device).where(free).values(site=at, version=device.c.version + 1)).rowcount
    unit.change("domain", clean, "placed", who, {"site": at, "devices": moved})
    return int(moved)


# --- what they share ----------------------------------------------------------------------------------------------


def _row(connection: Connection, table: Table, identity: str, scope: Scope, version: int | None = None) -> _Row:
    found = connection.execute(select(table).where(table.c.id == storable(identity))).mappings().one_or_none()
    at = None if found is None else found["id"] if table is site else found["site"]
    if found is None or not scope.sees(at):
        raise RingfenceError("not-found", identity[:80], f"There is no such {table.name}.")
    if version is not None and found["version"] != version:
        raise RingfenceError("changed-meanwhile", identity, f"You saw version {version}, it is {found['version']}.")
    return dict(found)


def _changed(unit: UnitOfWork, who: str, table: Table, noun: str, before: _Row, values: _Row) -> tuple[_Row, _Row]:
    after = before | values
    if after != before:
        after["version"] = before["version"] + 1
        new = {name: after[name] for name in (*values, "version")}
        unit.connection.execute(update(table).where(table.c.id == before["id"]).values(**new))
        detail = {name: [before[name], after[name]] for name in values if before[name] != after[name]}
        unit.change(noun, before["id"], "changed", who, detail)
    return before, after


def _checked(said: Mapping[str, Any]) -> _Row:
    values: _Row = {}
    for name, value in said.items():
        values[name] = _CHECKS[name](value)
    return values


def _name(value: Any) -> str:
    text = storable(str(value or "")).strip()
    if not 1 <= len(text) <= MAX_NAME:
        raise RingfenceError("value-refused", "name", f"A name has 1 to {MAX_NAME} letters.")
    return text


def _note(value: Any) -> str | None:
    if value is not None and len(value) > MAX_NOTE:
        raise RingfenceError("value-refused", "note", f"A note has at most {MAX_NOTE} letters.")
    return storable(value) or None if value is not None else None


def _level(value: Any) -> float | None:
    if value is not None and not 0 <= value <= 5:
        raise RingfenceError("value-refused", "purdue_level", "A Purdue level is 0 to 5.")
    return None if value is None else float(value)


def _subnets(value: Sequence[str] | None) -> list[str] | None:
    if value is None:
        return None
    if len(value) > MAX_SUBNETS:
        raise RingfenceError("value-refused", "subnets", f"A zone has at most {MAX_SUBNETS} subnets.")
    try:
        return sorted({str(ip_network(text, strict=False)) for text in value})
    except ValueError as error:
        raise RingfenceError("value-refused", "subnets", f"{str(error)[:80]}.") from error


_CHECKS: Mapping[str, Any] = {
    "name": _name,
    "note": _note,
    "parent": lambda value: None if value is None else storable(value),
    "purdue_level": _level,
    "subnets": _subnets,
}


def _free_name(connection: Connection, table: Table, name: str, at: str | None) -> None:
    statement = select(table.c.id).where(table.c.name == name)
    if at is not None:
        statement = statement.where(table.c.site == at)
    if connection.execute(statement).first() is not None:
        raise RingfenceError("value-refused", name[:40], f"Another {table.name} is called so.")


def _identity(connection: Connection, table: Table, name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or table.name
    taken = set(connection.execute(select(table.c.id).where(table.c.id.startswith(plain, autoescape=True))).scalars())
    if plain not in taken and plain not in ("no-site", "no-zone"):
        return plain
    return next(made for number in range(2, len(taken) + 3) if (made := f"{plain}-{number}") not in taken)


def _no_circle(connection: Connection, identity: str, parent: str) -> None:
    above: str | None = parent
    for _ in range(_DEPTH):
        if above == identity:
            raise RingfenceError("value-refused", "parent", "A site can't stand within itself.")
        if above is None:
            return
        above = _row(connection, site, above, Scope())["parent"]
    raise RingfenceError("value-refused", "parent", f"Sites stand within each other at most {_DEPTH} deep.")
