"""People correct, merge and split devices, and undo that: at once in the store, and for ever in the register.

Rule 1: a decision is about part ids, because these never change. It is never deleted: undoing it marks it.
Rule 2: the devices concerned are made again from what is stored of their parts, with all decisions in force. The
sensor's process, which holds the whole register, reads the same decisions with its next batch and comes to the same.
Rule 3: nothing is joined across domains, and nothing that the person may not see is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, insert, select, update

from ringfence.inventory.knowledge.loader import Knowledge
from ringfence.inventory.register import Register
from ringfence.model.decision import CORRECTABLE, Decision, purdue_level
from ringfence.model.device import CLASSES
from ringfence.model.errors import RingfenceError
from ringfence.model.scope import Scope
from ringfence.store import bulk
from ringfence.store.inventory import save_devices
from ringfence.store.merging import survivors
from ringfence.store.notes import load_decisions, seen_device
from ringfence.store.observations import load_observations
from ringfence.store.schema.columns import storable
from ringfence.store.schema.inventory import decision, decision_part, device, device_part
from ringfence.store.traffic import load_conversations
from ringfence.store.unit import UnitOfWork

__all__ = ["Person", "correct", "merge", "split", "undo"]

MAX_VALUE = 200  # letters
MAX_REASON = 1_000  # letters
MAX_MERGED = 20  # devices


@dataclass(frozen=True, slots=True)
class Person:
    """Who decides, and what he may see."""

    who: str
    scope: Scope


def correct(
    unit: UnitOfWork,
    knowledge: Knowledge,
    person: Person,
    identity: str,
    field: str,
    value: str,
    reason: str | None = None,
) -> Decision:
    """Say what a device is.

    Raises:
        RingfenceError: ``not-found``, ``value-refused``.
    """
    if field not in CORRECTABLE:
        raise RingfenceError("value-refused", field[:40], f"People correct {', '.join(CORRECTABLE)}.")
    if not 1 <= len(value.strip()) <= MAX_VALUE:
        raise RingfenceError("value-refused", field, f"A value has 1 to {MAX_VALUE} letters.")
    if field == "class" and value not in CLASSES:
        raise RingfenceError("value-refused", value[:40], "There is no such class.")
    if field == "purdue_level":
        value = _level(value)
    one = seen_device(unit.connection, identity, person.scope)["id"]
    parts = _parts_of(unit.connection, [one])
    made = _write(unit, person, "correct", parts, field, value.strip(), reason)
    unit.change("device", one, "corrected", person.who, {"decision": made.id, "field": field, "value": made.value})
    _again(unit, knowledge, parts)
    return made


def merge(
    unit: UnitOfWork, knowledge: Knowledge, person: Person, identities: Sequence[str], reason: str | None = None
) -> Decision:
    """Say that several devices are one; the first of the register's order survives.

    Raises:
        RingfenceError: ``not-found``; ``value-refused`` where they are of several domains or fewer than two.
    """
    wanted = list(dict.fromkeys(identities))
    if not 2 <= len(wanted) <= MAX_MERGED:
        raise RingfenceError("value-refused", "devices", f"2 to {MAX_MERGED} devices become one.")
    rows = [seen_device(unit.connection, one, person.scope) for one in wanted]
    if len({row["domain"] for row in rows}) > 1:
        raise RingfenceError("value-refused", "devices", "They stand in different domains.")
    ids = [row["id"] for row in rows]
    parts = _parts_of(unit.connection, ids)
    made = _write(unit, person, "merge", parts, None, None, reason)
    for one in ids:
        unit.change("device", one, "merge-decided", person.who, {"decision": made.id, "devices": ids})
    _again(unit, knowledge, parts)
    return made


def split(
    unit: UnitOfWork,
    knowledge: Knowledge,
    person: Person,
    identity: str,
    parts: Sequence[str],
    reason: str | None = None,
) -> Decision:
    """Say that some parts of a device are a device of their own.

    Raises:
        RingfenceError: ``not-found``; ``value-refused`` where the parts are none or all of it, or another's.
    """
    one = seen_device(unit.connection, identity, person.scope)["id"]
    whole = _parts_of(unit.connection, [one])
    freed = sorted({storable(each) for each in parts})
    if not freed or not set(freed) < set(whole):
        raise RingfenceError("value-refused", "parts", "Name some, but not all, of the device's own parts.")
    rest = sorted(set(whole) - set(freed))
    made = _write(unit, person, "split", freed, None, None, reason, rest)
    unit.change("device", one, "split-decided", person.who, {"decision": made.id, "parts": freed, "rest": rest})
    _again(unit, knowledge, whole)
    return made


def undo(unit: UnitOfWork, knowledge: Knowledge, person: Person, identity: str) -> Decision:
    """Take a decision back.

    Raises:
        RingfenceError: ``not-found``; ``changed-meanwhile`` where it was undone already.
    """
    row = unit.connection.execute(select(decision).where(decision.c.id == storable(identity))).one_or_none()
    parts, rest, then = _tied(unit.connection, storable(identity))
    owners = _owners(unit.connection, parts)
    if row is None or not owners:
        raise RingfenceError("not-found", identity[:80], "There is no such decision.")
    for one in owners:
        seen_device(unit.connection, one, person.scope)
    if row.undone is not None:
        raise RingfenceError("changed-meanwhile", identity, "It was undone already.")
    unit.connection.execute(update(decision).where(decision.c.id == row.id).values(undone=unit.now))
    for one in owners:
        unit.change("device", one, "decision-undone", person.who, {"decision": row.id, "kind": row.kind})
    # A split that is undone needs the parts that it was split from, wherever these are now: the id may have gone with
    # what was freed, so that the rest is another device by now.
    together = {*survivors(unit.connection, then).values(), *_owners(unit.connection, rest)}
    _again(unit, knowledge, {*parts, *_parts_of(unit.connection, [*owners, *together])})
    return Decision(row.id, row.kind, tuple(parts), row.field, row.value, row.reason, row.who, row.time)


def _level(text: str) -> str:
    """Return a Purdue level as it is written: 3, 3.5."""
    level = purdue_level(text.strip())
    if level is None:
        raise RingfenceError("value-refused", text[:40], "A Purdue level is 0 to 5, such as 3 or 3.5.")
    return f"{level:g}"


def _write(
    unit: UnitOfWork,
    person: Person,
    kind: str,
    parts: Sequence[str],
    field: str | None,
    value: str | None,
    reason: str | None,
    left: Sequence[str] = (),
) -> Decision:
    if len(reason or "") > MAX_REASON:
        raise RingfenceError("value-refused", "reason", f"A reason has at most {MAX_REASON} letters.")
    words = (kind, str(unit.now), person.who, field or "", value or "", *parts)
    identity = "x-" + sha256("\x1f".join(words).encode("utf-8", "replace")).hexdigest()[:16]
    # Two decisions of one moment keep their order: later ones win.
    latest = unit.connection.execute(select(decision.c.time).order_by(decision.c.time.desc()).limit(1)).scalar()
    time = max(unit.now, (latest or 0) + 1)
    clean = [None if text is None else storable(text) for text in (field, value, reason)]
    made = Decision(identity, kind, tuple(parts), clean[0], clean[1], clean[2], storable(person.who), time)
    names = ("id", "kind", "field", "value", "reason", "who", "time")
    unit.connection.execute(insert(decision).values(**{name: getattr(made, name) for name in names}))
    then = dict(bulk.select_by(unit.connection, device_part, ("part", "device"), "part", [*parts, *left]))
    rows = [(identity, part, then[part], False) for part in parts] + [
        (identity, part, then[part], True) for part in left
    ]
    bulk.insert(unit.connection, decision_part, ("decision", "part", "device", "left"), rows)
    return made


def _again(unit: UnitOfWork, knowledge: Knowledge, parts: Iterable[str]) -> None:
    """Make the devices of these parts again from what is stored of them."""
    wanted = sorted(set(parts))
    register = Register(knowledge)
    # Decisions about other parts change nothing here: local fingerprints of theirs come with the sensor's next batch.
    register.decide(load_decisions(unit.connection, wanted))
    register.observe(load_observations(unit.connection, unit.inputs, wanted))
    register.conversations(load_conversations(unit.connection, wanted))
    own = set(wanted)
    # Peers that the conversations name are seen from one side only here: they stay as the whole register made them.
    save_devices(unit, [one for one in register.devices() if own >= {part.id for part in one.parts}])


def _parts_of(connection: Connection, devices: Sequence[str]) -> list[str]:
    return sorted(row[0] for row in bulk.select_by(connection, device_part, ("part",), "device", sorted(set(devices))))


def _owners(connection: Connection, parts: Sequence[str]) -> list[str]:
    rows = bulk.select_by(connection, device_part, ("device",), "part", sorted(parts))
    live = select(device.c.id).where(device.c.id.in_({row[0] for row in rows}), device.c.merged_into.is_(None))
    return sorted(connection.execute(live).scalars())


def _tied(connection: Connection, identity: str) -> tuple[list[str], list[str], list[str]]:
    """Return the parts that a decision is about, those that a split left, and the devices that all of them were."""
    columns = ("part", "device", "left")
    rows = sorted(bulk.select_by(connection, decision_part, columns, "decision", [identity]))
    tied = [part for part, _, left in rows if not left]
    return tied, [part for part, _, left in rows if left], sorted({device for _, device, _ in rows})
