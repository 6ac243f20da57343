"""Observations over all windows: added up where they are known, so that the register can be made again at a start.

Rule 1: the key is a digest of sensor, subject, object, kind and value: the same fact of another window adds to it.
Rule 2: the first packets that showed a fact are kept, at most four.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, select

from ringfence.model.observation import Address, Observation, Part
from ringfence.store import bulk
from ringfence.store.schema.columns import storable
from ringfence.store.schema.inventory import observation, part
from ringfence.store.unit import Inputs, UnitOfWork

__all__ = ["PACKETS", "load_observations", "save_observations", "save_parts"]

PACKETS = 4
#: Made once: making one for each fact takes longer than using it.
_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False, check_circular=False, separators=(",", ":"))
_LONGEST = 500  # letters of an address: it is indexed
_COLUMNS = ("key", "sensor", "kind", "subject", "object", "value", "count", "first", "last", "packets")


def save_observations(unit: UnitOfWork, sensor: str, observations: Iterable[Observation]) -> int:
    """Add a batch's observations and return how many different facts they are."""
    sensor = storable(sensor)
    rows: dict[str, list[Any]] = {}
    parts: dict[str, Part] = {}
    for fact in observations:
        value = storable(_JSON.encode(dict(fact.value)))
        subject, other = fact.subject.id, fact.object.id if fact.object is not None else None
        parts[subject] = fact.subject
        if fact.object is not None:
            parts[fact.object.id] = fact.object
        key = _key(sensor, subject, other or "", fact.kind, value)
        known = rows.get(key)
        if known is None:
            packets = list(fact.packets[:PACKETS])
            rows[key] = [key, sensor, fact.kind, subject, other, value, fact.count, fact.first, fact.last, packets]
            continue
        known[6] += fact.count
        known[7], known[8] = min(known[7], fact.first), max(known[8], fact.last)
        known[9] = sorted([*known[9], *fact.packets])[:PACKETS]
    for row in rows.values():
        row[9] = storable(unit.inputs.text(row[9]))
    save_parts(unit.connection, parts.values())
    conflict = _conflict(unit.connection)
    return bulk.insert(unit.connection, observation, _COLUMNS, (tuple(row) for row in rows.values()), conflict)


def save_parts(connection: Connection, parts: Iterable[Part]) -> None:
    """Write down which address each part stands for; a known one stays as it is."""
    named = ((one.id, one.address) for one in parts)
    rows = sorted((identity, storable(one.domain), one.kind, storable(one.value[:_LONGEST])) for identity, one in named)
    bulk.insert(connection, part, ("id", "domain", "kind", "value"), rows, "DO NOTHING")


def load_observations(
    connection: Connection, inputs: Inputs, subjects: Iterable[str] | None = None
) -> Iterator[Observation]:
    """Yield every observation, or those of some parts, in an order that depends on what they are alone."""
    statement = select(observation).order_by(observation.c.key)
    if subjects is None:
        parts = _parts(connection, None)
    else:
        wanted = sorted(set(subjects))
        statement = statement.where(observation.c.subject.in_(wanted))
        parts = {}
    for rows in connection.execute(statement, execution_options={"yield_per": 2_000}).partitions():
        if subjects is not None:
            parts |= _parts(connection, {one for row in rows for one in (row.subject, row.object) if one is not None})
        for row in rows:
            yield Observation(
                kind=row.kind,
                subject=parts[row.subject],
                object=parts[row.object] if row.object is not None else None,
                value=row.value,
                count=row._mapping["count"],
                first=row.first,
                last=row.last,
                packets=inputs.read(row.packets[:PACKETS]),
            )


def _parts(connection: Connection, wanted: set[str] | None) -> dict[str, Part]:
    columns = ("id", "domain", "kind", "value")
    if wanted is None:
        rows: Iterable[Any] = connection.execute(select(*(part.c[name] for name in columns)))
    else:
        rows = bulk.select_by(connection, part, columns, "id", sorted(wanted))
    return {row[0]: Part(row[0], Address(row[1], row[2], row[3])) for row in rows}


def _key(*words: str) -> str:
    return blake2b("\x1f".join(words).encode("utf-8", "replace"), digest_size=16).hexdigest()


def _conflict(connection: Connection) -> str:
    is_sqlite = connection.dialect.name == "sqlite"
    least, most = ("min", "max") if is_sqlite else ("least", "greatest")
    packets = '"observation"."packets"'
    # Each reference is a list of its own: so many opening brackets, less one, are so many references.
    number = f"length({packets}) - length(replace({packets}, '[', '')) - 1"
    joined = f"substr({packets}, 1, length({packets}) - 1) || ',' || substr(excluded.\"packets\", 2)"
    return f"""("key") DO UPDATE SET
        "count" = "observation"."count" + excluded."count",
        "first" = {least}("observation"."first", excluded."first"),
        "last" = {most}("observation"."last", excluded."last"),
        "packets" = CASE WHEN {number} >= {PACKETS} OR excluded."packets" = '[]' THEN {packets}
            WHEN {packets} = '[]' THEN excluded."packets" ELSE {joined} END"""
