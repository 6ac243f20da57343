"""Keeps what the register finds: devices with claims, conflicts, parts and addresses.

Rule 1: a device is written where something of it changed; its digest tells. What people wrote is never touched.
Rule 2: whoever lost all parts to another device is merged into it: its row stays, with ``merged_into``. What people had
said of it goes on to the survivor where nobody had said anything of that one.
Rule 3: only what a person would call a change is news; that it was seen again is none.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Any

from sqlalchemy import Connection, select

from ringfence.inventory.intended import Intended, IntendedIndex
from ringfence.model.device import Claim, Conflict, Device, Role
from ringfence.model.observation import Address, Part
from ringfence.store import bulk
from ringfence.store.merging import absorb
from ringfence.store.observations import save_parts
from ringfence.store.read.fields import packed
from ringfence.store.schema.columns import json_text, storable
from ringfence.store.schema.inventory import (
    address,
    claim,
    conflict,
    device,
    device_part,
    device_text,
    domain,
    intended,
    part,
)
from ringfence.store.unit import UnitOfWork

__all__ = ["device_ids", "load_devices", "save_devices"]

_TEXTS = ("domain", "name", "class", "vendor", "product", "model", "firmware", "serial", "os")
_LISTS = ("roles", "macs", "ips", "names", "marks", "merge_reasons")
_COLUMNS = (
    *("id", *_TEXTS, "purdue_level", "confidence", *_LISTS, "first", "last", "merged_into", "digest"),
    *("site", "expected", "worst", "open_findings", "version"),  # only of new ones
)
_NEWS = ("class", "vendor", "product", "model", "firmware", "serial", "os", "purdue_level", "name", "macs", "ips")
_KNOWN = ("id", "digest", "merged_into", *_NEWS)
_SEARCHED = 4_000  # letters of what a person may type: room for each of the indexed texts, whole
_CHUNK = 2_000  # devices that are compared at a time: most are as they were
_NOT_EVALUATED = "not_evaluated"
_STATE = {True: "intended", False: "unintended"}
_LONGEST = 500  # letters of a name or another text that is indexed (PostgreSQL takes 2,704 bytes); claims hold it whole


@dataclass(frozen=True, slots=True)
class _Made:
    """A device as it is written."""

    device: Device
    row: dict[str, Any]
    claims: list[tuple[Any, ...]]
    conflicts: list[tuple[Any, ...]]
    search: str
    digest: str


def save_devices(unit: UnitOfWork, devices: Iterable[Device]) -> int:
    """Write the devices that changed and return how many these were.

    ``devices`` may be all of them or some. A part that stood with another device moves.
    """
    connection = unit.connection
    made: dict[str, _Made] = {}
    before: dict[str, tuple[Any, ...]] = {}
    waiting = iter(devices)
    while some := list(map(_made, islice(waiting, _CHUNK))):
        rows = {
            row[0]: row for row in bulk.select_by(connection, device, _KNOWN, "id", [one.device.id for one in some])
        }
        for one in some:
            known = rows.get(one.device.id)
            if known is None or _differs(one, known):
                made[one.device.id] = one
                if known is not None:
                    before[one.device.id] = known
    changed = list(made.values())
    if not changed:
        return 0
    moved = _moved(connection, changed)
    ids = [one.device.id for one in changed]
    _write_rows(connection, changed)
    _write_lists(connection, changed, ids)
    for one in changed:
        _tell(unit, one, before.get(one.device.id))
    for gone, into in moved.items():
        absorb(unit, gone, into, made[into].device.merge_reasons)
    return len(changed)


# --- what is written ----------------------------------------------------------------------------------------------


def _made(one: Device) -> _Made:
    texts = (
        one.domain,
        one.name,
        one.device_class,
        one.vendor,
        one.product,
        one.model,
        one.firmware,
        one.serial,
        one.os,
    )
    row: dict[str, Any] = {"id": one.id}
    row |= {name: None if text is None else storable(text[:_LONGEST]) for name, text in zip(_TEXTS, texts, strict=True)}
    roles = [[role.protocol, role.side, role.candidate_master] for role in one.roles]
    lists = ([role.text for role in one.roles], one.macs, one.ips, one.names, one.marks, one.merge_reasons)
    row |= {name: json_text(list(values)) for name, values in zip(_LISTS, lists, strict=True)}
    row |= {"purdue_level": one.purdue_level, "confidence": one.confidence, "first": one.first, "last": one.last}
    claims = [
        (one.id, number, x.field, storable(x.value), x.weight, x.clue, x.first, x.last, storable(x.evidence))
        for number, x in enumerate(one.claims)
    ]
    conflicts = [
        (one.id, number, x.field, storable(x.chosen), storable(x.other), storable(x.reason))
        for number, x in enumerate(one.conflicts)
    ]
    search = storable(_search(one).lower())
    whole = json_text([row, claims, conflicts, roles, sorted(part.id for part in one.parts)])
    return _Made(one, row, claims, conflicts, search, blake2b(whole.encode(), digest_size=16).hexdigest())


def _search(one: Device) -> str:
    words = [one.name, one.vendor, one.product, one.model, one.firmware, one.serial, one.os, one.id]
    words += [*one.ips, *one.macs, *one.names, one.device_class.replace("_", " ")]
    return " ".join(dict.fromkeys(word[:_LONGEST] for word in words if word))[:_SEARCHED]


def _differs(one: _Made, before: tuple[Any, ...]) -> bool:
    return before[1] != one.digest or before[2] is not None


def _moved(connection: Connection, changed: list[_Made]) -> dict[str, str]:
    """Return the devices that lose their last part, each with the one that most of its parts go to."""
    owner = {part.id: one.device.id for one in changed for part in one.device.parts}
    taken: dict[str, Counter[str]] = {}
    for part_id, old in bulk.select_by(connection, device_part, ("part", "device"), "part", sorted(owner)):
        if old != owner[part_id]:
            taken.setdefault(old, Counter())[owner[part_id]] += 1
    held = Counter(row[0] for row in bulk.select_by(connection, device_part, ("device",), "device", sorted(taken)))
    writing = {one.device.id for one in changed}
    return {
        old: min(counts, key=lambda new: (-counts[new], new))
        for old, counts in sorted(taken.items())
        if old not in writing and held[old] == counts.total()
    }


def _write_rows(connection: Connection, changed: list[_Made]) -> None:
    sites = {row.name: row.site for row in connection.execute(select(domain.c.name, domain.c.site))}
    should_be = _intended(connection)
    rows = []
    meant: dict[str, str] = {}
    for one in changed:
        wanted = None if should_be is None else should_be.of(one.device)
        state = _NOT_EVALUATED if should_be is None else _STATE[wanted is not None]
        if wanted is not None:
            meant.setdefault(wanted, one.device.id)
        row = one.row | {"merged_into": None, "digest": one.digest, "site": sites.get(one.row["domain"])}
        row |= {"expected": state, "worst": -1, "open_findings": 0, "version": 1}
        rows.append(tuple(row[name] for name in _COLUMNS))
    kept = ("id", "site", "expected", "worst", "open_findings", "version")
    news = [name for name in _COLUMNS if name not in kept] + (["expected"] if should_be is not None else [])
    sets = ", ".join(f'"{name}" = excluded."{name}"' for name in news)
    bulk.insert(connection, device, _COLUMNS, rows, f'("id") DO UPDATE SET {sets}')
    bulk.update(connection, intended, "id", ("device",), sorted(meant.items()))


def _write_lists(connection: Connection, changed: list[_Made], ids: list[str]) -> None:
    for table in (claim, conflict, address, device_part, device_text):
        bulk.delete_where(connection, table, "device", ids)
    claims = ("device", "number", "field", "value", "weight", "clue", "first", "last", "evidence")
    bulk.insert(connection, claim, claims, (row for one in changed for row in one.claims))
    conflicts = ("device", "number", "field", "chosen", "other", "reason")
    bulk.insert(connection, conflict, conflicts, (row for one in changed for row in one.conflicts))
    addresses = (row for one in changed for row in _addresses(one.device))
    bulk.insert(connection, address, ("device", "kind", "value", "packed"), addresses)
    bulk.insert(connection, device_text, ("device", "text"), ((one.device.id, one.search) for one in changed))
    parts = {part.id: (part, one.device.id) for one in changed for part in one.device.parts}
    save_parts(connection, (part for part, _ in parts.values()))
    rows = sorted((part.id, owner) for part, owner in parts.values())
    bulk.insert(
        connection, device_part, ("part", "device"), rows, '("part") DO UPDATE SET "device" = excluded."device"'
    )


def _addresses(one: Device) -> Iterator[tuple[str, str, str, str | None]]:
    for kind, values in (("mac", one.macs), ("ip", one.ips), ("name", one.names)):
        for value in sorted({storable(value[:_LONGEST]) for value in values}):
            yield one.id, kind, value, packed(value) if kind == "ip" else None


def _tell(unit: UnitOfWork, one: _Made, before: tuple[Any, ...] | None) -> None:
    if before is None:
        unit.change("device", one.device.id, "new", detail={"name": one.row["name"], "class": one.row["class"]})
        return
    known = dict(zip(_KNOWN, before, strict=True))
    if known["merged_into"] is not None:
        unit.change("device", one.device.id, "split", detail={"from": known["merged_into"]})
    detail = {
        name: [_plain(name, known[name]), _plain(name, one.row[name])] for name in _NEWS if known[name] != one.row[name]
    }
    if detail:
        unit.change("device", one.device.id, "changed", detail=detail)


def _plain(name: str, value: Any) -> Any:
    return json.loads(value) if name in _LISTS else value


def _intended(connection: Connection) -> IntendedIndex | None:
    """Return what should be there; None where nobody said anything."""
    columns = [intended.c[name] for name in ("id", "name", "serial", "mac", "ip")]
    rows = connection.execute(select(*columns)).all()
    return IntendedIndex(Intended(*row) for row in rows) if rows else None


# --- reading back -------------------------------------------------------------------------------------------------


def device_ids(connection: Connection) -> set[str]:
    """Return the ids of all devices, without those that were merged into others."""
    return set(connection.execute(select(device.c.id).where(device.c.merged_into.is_(None))).scalars())


def load_devices(connection: Connection, ids: Iterable[str] | None = None) -> list[Device]:
    """Return devices as they were saved, without those that were merged into others; in the order of their ids."""
    statement = select(device).where(device.c.merged_into.is_(None)).order_by(device.c.id)
    if ids is not None:
        statement = statement.where(device.c.id.in_(sorted(ids)))
    rows = connection.execute(statement).mappings().all()
    known = [row["id"] for row in rows]
    claims = _grouped(connection, claim, ("field", "value", "weight", "clue", "evidence", "first", "last"), known)
    conflicts = _grouped(connection, conflict, ("field", "chosen", "other", "reason"), known)
    parts: dict[str, list[Part]] = {}
    owned = dict(bulk.select_by(connection, device_part, ("part", "device"), "device", known))
    for row in bulk.select_by(connection, part, ("id", "domain", "kind", "value"), "id", sorted(owned)):
        parts.setdefault(owned[row[0]], []).append(Part(row[0], Address(*row[1:])))
    return [_loaded(dict(row), claims, conflicts, parts) for row in rows]


def _grouped(
    connection: Connection, table: Any, columns: tuple[str, ...], ids: list[str]
) -> dict[str, list[tuple[Any, ...]]]:
    grouped: dict[str, list[tuple[Any, ...]]] = {}
    for row in sorted(bulk.select_by(connection, table, ("device", "number", *columns), "device", ids)):
        grouped.setdefault(row[0], []).append(row[2:])
    return grouped


def _loaded(
    row: Mapping[str, Any],
    claims: Mapping[str, list[tuple[Any, ...]]],
    conflicts: Mapping[str, list[tuple[Any, ...]]],
    parts: Mapping[str, list[Part]],
) -> Device:
    identity = row["id"]
    plain = "name vendor product model firmware serial os purdue_level confidence first last domain".split()
    given: dict[str, Any] = {name: row[name] for name in plain}
    given |= {name: tuple(row[name]) for name in _LISTS if name != "roles"}
    return Device(
        id=identity,
        parts=tuple(sorted(parts.get(identity, ()), key=lambda one: (one.address.kind != "mac", one.address.value))),
        device_class=row["class"],
        roles=tuple(map(_role, row["roles"])),
        claims=tuple(Claim(*one) for one in claims.get(identity, ())),
        conflicts=tuple(Conflict(*one) for one in conflicts.get(identity, ())),
        **given,
    )


def _role(text: str) -> Role:
    bare = text.removesuffix(" (candidate master)")
    protocol, _, side = bare.rpartition(" ")
    return Role(protocol, side, bare != text)
