"""Conversations added up over all windows, and what pairs sent in each hour."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Table, or_, select

from ringfence.model.flow import Conversation, Operation, QualityNote
from ringfence.model.observation import Address, Part
from ringfence.store import bulk
from ringfence.store.observations import save_parts
from ringfence.store.schema.columns import json_text, storable
from ringfence.store.schema.inventory import part
from ringfence.store.schema.operation import quality
from ringfence.store.schema.traffic import conversation, talker, talker_day
from ringfence.store.unit import UnitOfWork

__all__ = ["OPERATIONS", "load_conversations", "save_conversations", "save_quality"]

OPERATIONS = 256  # different operations of one conversation that are kept, the most frequent first
_HOUR = 3_600_000_000_000  # ns
_COLUMNS = ("key source destination protocol transport port answered packets bytes flows first last operations").split()
_Counts = dict[tuple[str, str | None], int]


def save_conversations(unit: UnitOfWork, conversations: Iterable[Conversation]) -> int:
    """Add a window's conversations and return how many different ones they are."""
    rows: dict[str, list[Any]] = {}
    hours: dict[tuple[Any, ...], list[int]] = {}
    parts: dict[str, Part] = {}
    for one in conversations:
        parts[one.source.id], parts[one.destination.id] = one.source, one.destination
        _add_conversation(rows, one)
        hour = (one.first // _HOUR, one.source.id, one.destination.id, storable(one.protocol), one.port)
        sums = hours.setdefault(hour, [0, 0, 0])
        for at, number in enumerate((one.packets, one.bytes, one.flows)):
            sums[at] += number
    save_parts(unit.connection, parts.values())
    _add_known_operations(unit.connection, rows)
    written = ((*row[:12], _operations_text(row[12])) for row in rows.values())
    total = bulk.insert(unit.connection, conversation, _COLUMNS, written, _conflict(unit.connection))
    _add_talkers(unit.connection, talker, "hour", hours)
    days: dict[tuple[Any, ...], list[int]] = {}
    for (hour, *pair), sums in hours.items():
        of_day = days.setdefault((hour // 24, *pair), [0, 0, 0])
        for at, number in enumerate(sums):
            of_day[at] += number
    _add_talkers(unit.connection, talker_day, "day", days)
    return total


def save_quality(unit: UnitOfWork, sensor: str, notes: Iterable[QualityNote]) -> None:
    """Replace the sentences of a sensor's present verdict on its capture; what is new or gone is news."""
    name = storable(sensor)
    before = {row[0] for row in bulk.select_by(unit.connection, quality, ("code",), "sensor", [name])}
    rows = {}
    for note in notes:
        words = (note.code, note.severity, note.text, note.weakens, note.remedy)
        rows[note.code] = (name, *map(storable, words), unit.now)
    bulk.delete_where(unit.connection, quality, "sensor", [name])
    columns = ("sensor", "code", "severity", "text", "weakens", "remedy", "time")
    bulk.insert(unit.connection, quality, columns, rows.values())
    for what, codes in (("quality", rows.keys() - before), ("quality-gone", before - rows.keys())):
        for code in sorted(codes):
            unit.change("sensor", name, what, detail={"code": code})


def load_conversations(connection: Connection, parts: Sequence[str] | None = None) -> Iterator[Conversation]:
    """Yield every conversation, or those of some parts, in an order that depends on what they are alone."""
    statement = select(conversation).order_by(conversation.c.key)
    if parts is not None:
        statement = statement.where(or_(conversation.c.source.in_(parts), conversation.c.destination.in_(parts)))
    known: dict[str, Part] = {}
    for rows in connection.execute(statement, execution_options={"yield_per": 2_000}).partitions():
        missing = {end for row in rows for end in (row.source, row.destination)} - known.keys()
        found = bulk.select_by(connection, part, ("id", "domain", "kind", "value"), "id", sorted(missing))
        known |= {row[0]: Part(row[0], Address(*row[1:])) for row in found}
        for row in rows:
            yield Conversation(
                known[row.source],
                known[row.destination],
                row.protocol,
                row.transport,
                row.port,
                row.packets,
                row.bytes,
                row.flows,
                row.first,
                row.last,
                tuple(Operation(one["operation"], one["object"], one["count"]) for one in row.operations),
                row.answered,
            )


def _add_conversation(rows: dict[str, list[Any]], one: Conversation) -> None:
    names = (one.source.id, one.destination.id, storable(one.protocol), storable(one.transport))
    words = (*names, str(one.port), str(int(one.answered)))
    key = blake2b("\x1f".join(words).encode(), digest_size=16).hexdigest()
    row = rows.get(key)
    if row is None:
        numbers = (one.packets, one.bytes, one.flows, one.first, one.last)
        row = rows[key] = [key, *names, one.port, one.answered, *numbers, {}]
    else:
        row[7] += one.packets
        row[8] += one.bytes
        row[9] += one.flows
        row[10], row[11] = min(row[10], one.first), max(row[11], one.last)
    counts: _Counts = row[12]
    for operation in one.operations:
        what = (operation.operation, operation.object)
        counts[what] = counts.get(what, 0) + operation.count


def _add_known_operations(connection: Connection, rows: dict[str, list[Any]]) -> None:
    """Only conversations with operations are read before they are written: they are few, and SQL can't add up JSON."""
    asked = [key for key, row in rows.items() if row[12]]
    for key, text in bulk.select_by(connection, conversation, ("key", "operations"), "key", asked):
        counts: _Counts = rows[key][12]
        for one in json.loads(text):
            what = (one["operation"], one["object"])
            counts[what] = counts.get(what, 0) + one["count"]


def _add_talkers(connection: Connection, table: Table, span: str, sums: dict[tuple[Any, ...], list[int]]) -> None:
    """Add to what pairs sent in spans of time."""
    keys = (span, "source", "destination", "protocol", "port")
    counted = ("packets", "bytes", "flows")
    added = ", ".join(f'"{name}" = "{table.name}"."{name}" + excluded."{name}"' for name in counted)
    conflict = f"({', '.join(map(bulk.quoted, keys))}) DO UPDATE SET {added}"
    bulk.insert(
        connection, table, (*keys, *counted), ((*key, *numbers) for key, numbers in sorted(sums.items())), conflict
    )


def _operations_text(counts: _Counts) -> str:
    if not counts:
        return "[]"
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0][0], one[0][1] or ""))[:OPERATIONS]
    rows = [{"operation": name, "object": thing, "count": count} for (name, thing), count in ordered]
    return json_text(rows)


def _conflict(connection: Connection) -> str:
    least, most = ("min", "max") if connection.dialect.name == "sqlite" else ("least", "greatest")
    sums = ("packets", "bytes", "flows")
    added = ", ".join(f'"{name}" = "conversation"."{name}" + excluded."{name}"' for name in sums)
    return f"""("key") DO UPDATE SET {added},
        "first" = {least}("conversation"."first", excluded."first"),
        "last" = {most}("conversation"."last", excluded."last"),
        "operations" = CASE WHEN excluded."operations" = '[]' THEN "conversation"."operations"
            ELSE excluded."operations" END"""
