"""A device with everything that its page shows.

Rule 1: a device that was merged into another is answered with the survivor.
Rule 2: secrets are never shown, although only their keyed digests are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Row, Text, func, or_, select, type_coerce

from ringfence.detect.rules.ot_command import COMMANDS, OBJECTS
from ringfence.model.device import Claim, Conflict
from ringfence.model.errors import RingfenceError
from ringfence.model.flow import Operation
from ringfence.model.scope import Scope
from ringfence.store import bulk
from ringfence.store.read.changes import timeline
from ringfence.store.read.devices import rows_of
from ringfence.store.read.ends import ends
from ringfence.store.read.findings import of_devices
from ringfence.store.read.rows import DecisionRow, DevicePage, PeerRow
from ringfence.store.schema.columns import storable
from ringfence.store.schema.inventory import (
    claim,
    conflict,
    decision,
    decision_part,
    device_note,
    device_part,
    observation,
    part,
)
from ringfence.store.schema.inventory import device as table
from ringfence.store.schema.traffic import conversation

__all__ = ["PEERS", "decisions_of", "device", "operations", "survivor"]

PEERS = 200  # rows
_RAW = 500  # rows
_COMMANDS = 100  # rows
_SEARCHED = 2_000  # conversations in which commands are looked for
_HOPS = 32  # a merge of a merge of a merge …
_CREDENTIALS = ("http.credentials", "mqtt.connect", "s7comm.credential", "telnet.login")
_COMMAND_WORDS = {operation for _, operation in COMMANDS} | {operation for _, operation, _ in OBJECTS}


def survivor(connection: Connection, identity: str) -> str:
    """Return the id of the device into which this one was merged, or its own."""
    now = storable(identity)
    for _ in range(_HOPS):
        into = connection.execute(select(table.c.merged_into).where(table.c.id == now)).scalar_one_or_none()
        if into is None:
            break
        now = into
    return now


def device(connection: Connection, identity: str, scope: Scope) -> DevicePage:
    """Return a device with everything.

    Raises:
        RingfenceError: ``not-found``, also where it stands at another site.
    """
    known = survivor(connection, identity)
    row = rows_of(connection, [known], scope).get(known)
    if row is None:
        raise RingfenceError("not-found", identity[:80], "There is no such device.")
    absorbed = list(connection.execute(select(table.c.id).where(table.c.merged_into == known)).scalars())
    ids = [known, *absorbed]
    owned = part.join(device_part, device_part.c.part == part.c.id)
    parts = connection.execute(
        select(part.c.id, part.c.kind, part.c.value)
        .select_from(owned)
        .where(device_part.c.device == known)
        .order_by(part.c.kind, part.c.value)
    ).all()
    part_ids = [one.id for one in parts]
    facts = _facts(connection, part_ids)
    spoken = _spoken(connection, part_ids)
    named = ends(connection, {end for one in (*spoken[0], *spoken[2]) for end in (one.source, one.destination)}, scope)
    own = frozenset(part_ids)
    return DevicePage(
        row=row,
        note=connection.execute(select(device_note.c.note).where(device_note.c.device == known)).scalar_one_or_none(),
        claims=tuple(_claims(connection, known)),
        conflicts=tuple(_conflicts(connection, known)),
        merge_reasons=tuple(connection.execute(select(table.c.merge_reasons).where(table.c.id == known)).scalar_one()),
        parts=tuple((one.id, one.kind, one.value) for one in parts),
        peers=tuple(_peer(one, own, named) for one in spoken[0]),
        peers_total=spoken[1],
        commands=tuple(_peer(one, own, named) for one in spoken[2]),
        certificates=tuple(_shown(fact) for fact in facts if fact.kind == "tls.certificate"),
        credentials=tuple(_credentials(facts)),
        findings=of_devices(connection, ids, scope),
        timeline=timeline(connection, "device", *ids),
        decisions=decisions_of(connection, part_ids),
        observations=tuple(_shown(fact) for fact in facts),
    )


def decisions_of(connection: Connection, parts: list[str]) -> tuple[DecisionRow, ...]:
    """Return people's decisions about any of these parts, the latest first, with those that were undone."""
    columns = ("id", "kind", "field", "value", "reason", "who", "time", "undone")
    tied = bulk.select_by(connection, decision_part, ("decision", "left"), "part", parts)
    about = {identity for identity, left in tied if not left}
    rows = [DecisionRow(*row) for row in bulk.select_by(connection, decision, columns, "id", sorted(about))]
    return tuple(sorted(rows, key=lambda row: (-row.time, row.id)))


def _claims(connection: Connection, identity: str) -> Iterator[Claim]:
    rows = connection.execute(select(claim).where(claim.c.device == identity).order_by(claim.c.number))
    for row in rows:
        yield Claim(row.field, row.value, row.weight, row.clue, row.evidence, row.first, row.last)


def _conflicts(connection: Connection, identity: str) -> Iterator[Conflict]:
    rows = connection.execute(select(conflict).where(conflict.c.device == identity).order_by(conflict.c.number))
    for row in rows:
        yield Conflict(row.field, row.chosen, row.other, row.reason)


# --- traffic ------------------------------------------------------------------------------------------------------


def _spoken(connection: Connection, parts: list[str]) -> tuple[list[Row[Any]], int, list[Row[Any]]]:
    """Return the conversations with the most bytes, how many there are, and those that changed something."""
    of_it = or_(conversation.c.source.in_(parts), conversation.c.destination.in_(parts))
    rows = select(conversation).where(of_it).order_by(conversation.c.bytes.desc(), conversation.c.key)
    peers = list(connection.execute(rows.limit(PEERS)))
    total = len(peers)
    if total == PEERS:
        total = connection.execute(select(func.count()).select_from(conversation).where(of_it)).scalar_one()
    told = [row for row in peers if _changes_a_plant(row)]
    if total > PEERS:
        with_operations = rows.where(type_coerce(conversation.c.operations, Text) != "[]").limit(_SEARCHED)
        told = [row for row in connection.execute(with_operations) if _changes_a_plant(row)]
    return peers, total, told[:_COMMANDS]


def _changes_a_plant(row: Row[Any]) -> bool:
    return any(one["operation"] in _COMMAND_WORDS for one in row.operations)


def operations(rows: list[Mapping[str, Any]]) -> tuple[Operation, ...]:
    """Read the operations of a conversation."""
    return tuple(Operation(row["operation"], row["object"], row["count"]) for row in rows)


def _peer(row: Row[Any], own: frozenset[str], named: Mapping[str, Any]) -> PeerRow:
    is_client = row.source in own
    end = named[row.destination if is_client else row.source]
    return PeerRow(
        device=end.device,
        label=end.label,
        address=end.address,
        direction="to" if is_client else "from",
        protocol=row.protocol,
        transport=row.transport,
        port=row.port,
        answered=row.answered,
        packets=row.packets,
        bytes=row.bytes,
        flows=row.flows,
        first=row.first,
        last=row.last,
        operations=operations(row.operations),
    )


# --- facts --------------------------------------------------------------------------------------------------------


def _facts(connection: Connection, parts: list[str]) -> list[Row[Any]]:
    order = (observation.c.kind, observation.c.last.desc(), observation.c.key)
    return list(
        connection.execute(select(observation).where(observation.c.subject.in_(parts)).order_by(*order).limit(_RAW))
    )


def _shown(fact: Row[Any]) -> Mapping[str, Any]:
    return {
        "kind": fact.kind,
        "object": fact.object,
        "value": {name: value for name, value in fact.value.items() if name != "secret"},
        "count": fact._mapping["count"],
        "first": fact.first,
        "last": fact.last,
    }


def _credentials(facts: list[Row[Any]]) -> Iterator[Mapping[str, Any]]:
    for fact in facts:
        if fact.kind in _CREDENTIALS and (fact.value.get("user") or fact.value.get("secret")):
            yield {
                "kind": fact.kind,
                "protocol": fact.kind.partition(".")[0],
                "user": fact.value.get("user"),
                "default": fact.value.get("default"),
                "object": fact.object,
                "count": fact._mapping["count"],
                "first": fact.first,
                "last": fact.last,
            }
