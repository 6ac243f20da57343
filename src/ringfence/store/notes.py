"""What people say of a device: where it stands, whose it is, how grave its loss would be, labels and a note.

Rule 1: whoever changes something says which version he saw; if it is another one now, nothing is changed.
Rule 2: an act answers with what was before and after, for the audit log, which the caller writes in the same unit.
Rule 3: what is outside somebody's scope does not exist for him: neither the device nor the site to move it to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from ringfence.model.decision import Decision
from ringfence.model.errors import RingfenceError
from ringfence.model.scope import Scope
from ringfence.store import bulk
from ringfence.store.read.where import CRITICALITIES
from ringfence.store.schema.columns import storable
from ringfence.store.schema.inventory import decision, decision_part, device, device_note, domain, label, site, zone
from ringfence.store.unit import UnitOfWork

__all__ = ["LABELS", "MAX_LABEL", "MAX_NOTE", "MAX_OWNER", "Before", "annotate", "load_decisions", "seen_device"]

MAX_NOTE = 10_000  # letters
MAX_OWNER = 200  # letters
MAX_LABEL = 64  # letters
LABELS = 50  # of one device
_PLACES = ("site", "zone")
_PLAIN = ("owner", "criticality", "safety")
_DECISION = ("id", "kind", "field", "value", "reason", "who", "time", "undone")
_FIELDS = (*_PLACES, *_PLAIN, "note", "labels")
Before = dict[str, Any]


def load_decisions(connection: Connection, parts: Iterable[str] | None = None) -> tuple[Decision, ...]:
    """Return the decisions in force, the oldest first; with ``parts``, those about any of these."""
    about = None if parts is None else sorted(_about(connection, parts))
    rows = bulk.select_by(connection, decision, _DECISION, "id", about) if about is not None else _every(connection)
    found = sorted((row for row in rows if row[-1] is None), key=lambda row: (row[6], row[0]))
    tied: dict[str, list[str]] = {row[0]: [] for row in found}
    columns = ("decision", "part", "left")
    for identity, part, left in bulk.select_by(connection, decision_part, columns, "decision", tied):
        if not left:
            tied[identity].append(part)
    return tuple(Decision(row[0], row[1], tuple(sorted(tied[row[0]])), *row[2:7]) for row in found)


def _about(connection: Connection, parts: Iterable[str]) -> set[str]:
    rows = bulk.select_by(connection, decision_part, ("decision", "left"), "part", sorted(set(parts)))
    return {identity for identity, left in rows if not left}


def _every(connection: Connection) -> Iterable[tuple[Any, ...]]:
    in_force = select(*(decision.c[name] for name in _DECISION)).where(decision.c.undone.is_(None))
    return [tuple(row) for row in connection.execute(in_force)]


def annotate(
    unit: UnitOfWork, identity: str, scope: Scope, who: str, version: int, said: Mapping[str, Any]
) -> tuple[Before, Before]:
    """Write down what a person says of a device and return what was said before and is said now.

    Args:
        version: the device's version that the person saw.
        said: some of site, zone (ids), owner, criticality, safety, note, labels; None takes back.

    Raises:
        RingfenceError: ``not-found``, ``changed-meanwhile``, ``value-refused``.
    """
    row = seen_device(unit.connection, identity, scope)
    if row["version"] != version:
        raise RingfenceError("changed-meanwhile", row["id"], f"You saw version {version}, it is {row['version']}.")
    wanted = {**said, **_placed(unit.connection, scope, row, said)}
    _check(wanted)
    before = _before(unit.connection, row["id"])
    after = {name: _clean(name, wanted[name]) if name in wanted else before[name] for name in _FIELDS}
    if after == before:
        return before, after
    _write(unit.connection, row, before, after)
    detail = {name: [before[name], after[name]] for name in _FIELDS if before[name] != after[name]}
    unit.change("device", row["id"], "noted", who, {name: pair for name, pair in detail.items() if name != "note"})
    return before, after


def seen_device(connection: Connection, identity: str, scope: Scope) -> Mapping[str, Any]:
    """Return the row of a device that somebody may see and that was not merged into another.

    Raises:
        RingfenceError: ``not-found``.
    """
    columns = (device.c.id, device.c.domain, device.c.site, device.c.zone, device.c.version, device.c.merged_into)
    row = connection.execute(select(*columns).where(device.c.id == storable(identity))).mappings().one_or_none()
    if row is None or row["merged_into"] is not None or not scope.sees(row["site"]):
        raise RingfenceError("not-found", identity[:80], "There is no such device.")
    return dict(row)


def _placed(connection: Connection, scope: Scope, row: Mapping[str, Any], said: Mapping[str, Any]) -> Before:
    """Return site and zone so that they fit each other: a zone brings its site, another site takes the zone away."""
    if said.get("zone") is not None:
        at = connection.execute(select(zone.c.site).where(zone.c.id == storable(said["zone"]))).scalar_one_or_none()
        if at is None or not scope.sees(at):
            raise RingfenceError("not-found", str(said["zone"])[:80], "There is no such zone.")
        if said.get("site") not in (None, at):
            raise RingfenceError("value-refused", str(said["zone"])[:80], "The zone stands at another site.")
        return {"zone": storable(said["zone"]), "site": at}
    if "site" not in said:
        return {}
    wanted = said["site"]
    if wanted is not None:
        known = connection.execute(select(site.c.id).where(site.c.id == storable(wanted))).scalar_one_or_none()
        if known is None or not scope.sees(known):
            raise RingfenceError("not-found", str(wanted)[:80], "There is no such site.")
    elif scope.sites is not None:
        raise RingfenceError("value-refused", "site", "Only who sees all sites may take a device away from its site.")
    return {"zone": None} if wanted != row["site"] else {}


def _check(wanted: Mapping[str, Any]) -> None:
    for name, most in (("owner", MAX_OWNER), ("note", MAX_NOTE)):
        if len(wanted.get(name) or "") > most:
            raise RingfenceError("value-refused", name, f"It has at most {most} letters.")
    if wanted.get("criticality") not in (None, *CRITICALITIES):
        raise RingfenceError("value-refused", "criticality", f"It is one of {', '.join(CRITICALITIES)}.")
    if wanted.get("safety") not in (None, True, False):
        raise RingfenceError("value-refused", "safety", "It is true, false, or null for untagged.")
    labels = wanted.get("labels") or ()
    if len(labels) > LABELS or any(not 1 <= len(one.strip()) <= MAX_LABEL for one in labels):
        raise RingfenceError("value-refused", "labels", f"At most {LABELS}, each of 1 to {MAX_LABEL} letters.")
    unknown = set(wanted) - set(_FIELDS)
    if unknown:
        raise RingfenceError("value-refused", sorted(unknown)[0][:40], f"People say {', '.join(_FIELDS)}.")


def _clean(name: str, value: Any) -> Any:
    if name == "labels":
        return sorted({storable(one.strip()) for one in value or ()})
    return storable(value) or None if isinstance(value, str) else value


def _before(connection: Connection, identity: str) -> Before:
    row = connection.execute(select(device_note).where(device_note.c.device == identity)).mappings().one_or_none()
    before = {name: None if row is None else row[name] for name in _FIELDS if name != "labels"}
    names = connection.execute(select(label.c.name).where(label.c.device == identity).order_by(label.c.name))
    return before | {"labels": list(names.scalars())}


def _write(connection: Connection, row: Mapping[str, Any], before: Before, after: Before) -> None:
    identity = row["id"]
    said = [name for name in _FIELDS if name != "labels"]
    replaced = ", ".join(f'"{name}" = excluded."{name}"' for name in said)
    note = (identity, *(after[name] for name in said))
    bulk.insert(connection, device_note, ("device", *said), [note], f'("device") DO UPDATE SET {replaced}')
    shown = {name: after[name] for name in (*_PLACES, *_PLAIN)}
    if shown["site"] is None:
        at = select(domain.c.site).where(domain.c.name == row["domain"])
        shown["site"] = connection.execute(at).scalar_one_or_none()
    connection.execute(update(device).where(device.c.id == identity).values(**shown, version=row["version"] + 1))
    if before["labels"] != after["labels"]:
        connection.execute(delete(label).where(label.c.device == identity))
        if after["labels"]:
            connection.execute(insert(label), [{"device": identity, "name": one} for one in after["labels"]])
