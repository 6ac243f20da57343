"""What is done to many devices at once, and what can't be undone: saying the same of all, erasing one.

Rule 1: many are changed in one transaction, all or none; nobody is changed whom the caller has not seen as it is.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field
from typing_extensions import TypedDict  # pydantic needs this one on Python 3.11.

from ringfence.app.api.answers import Count, Criticality
from ringfence.app.api.asked import CHANGING, WHOLE, Body, Identity
from ringfence.app.api.door import AtDoor, IdempotencyKey
from ringfence.app.erasing import erase as erase_it
from ringfence.app.erasing import let_go
from ringfence.model.errors import RingfenceError
from ringfence.model.query import MAX_LENGTH, parse
from ringfence.store.many import MOST, annotate_many, fitting
from ringfence.store.unit import UnitOfWork

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["devices"])

_Label = Annotated[str, Field(min_length=1, max_length=64)]
_Version = Annotated[int, Field(ge=1, description="That was seen: of a list, or what `ETag` says."), WHOLE]
_Seen = Annotated[int, Field(ge=0, le=MOST), WHOLE]


class ChosenDevice(Body):
    """One device, as it was seen."""

    id: str = Field(max_length=100)
    version: _Version


class SaidOfMany(Body):
    """What people say of each. What is not named stays, null takes back."""

    zone: str | None = Field(None, max_length=100, description="Id of a zone; its site comes with it.")
    site: str | None = Field(None, max_length=100, description="Id of a site.")
    owner: str | None = Field(None, max_length=200)
    criticality: Criticality | None = None


class DevicesChange(Body):
    """The same for many devices: for `devices`, or for those that fit `q`, which are `count`."""

    devices: list[ChosenDevice] | None = Field(None, min_length=1, max_length=MOST)
    q: str | None = Field(None, max_length=MAX_LENGTH, json_schema_extra={"format": "ringfence-query"})
    count: _Seen | None = Field(None, description="How many devices fitted `q` when it was read.")
    said: SaidOfMany = Field(default_factory=lambda: SaidOfMany.model_validate({}))
    add_labels: list[_Label] = Field(default_factory=list, max_length=50)
    remove_labels: list[_Label] = Field(default_factory=list, max_length=50)
    reason: str | None = Field(None, max_length=1_000)


class DevicesChanged(TypedDict):
    """How many devices were meant, and of how many something is different now."""

    devices: Count
    changed: Count


class Erasure(Body):
    """Why a device is erased."""

    reason: str = Field(min_length=1, max_length=1_000)


class ErasedCounts(TypedDict):
    """How much was erased, by kind."""

    devices: Annotated[Count, Field(description="It, and those that were merged into it.")]
    observations: Count
    conversations: Count
    talkers: Count
    decisions: Count
    findings: Count


class Staying(TypedDict):
    """Something that stays, and until when."""

    what: str
    text: str


class ErasureAnswer(TypedDict):
    """What was erased, what stays, and by which digest the audit log knows it."""

    digest: str
    erased: ErasedCounts
    stays: list[Staying]


@router.post("/devices/changes", response_model=DevicesChanged, responses=CHANGING)
def change_devices(wanted: DevicesChange, response: Response, door: AtDoor, key: IdempotencyKey = None) -> Any:
    """Say the same of many devices, all or none: place, owner, criticality, labels."""
    if (wanted.devices is None) == (wanted.q is None) or (wanted.q is None) != (wanted.count is None):
        raise RingfenceError("value-refused", "devices", "Name devices with versions, or a query with its count.")
    said = wanted.said.model_dump(exclude_unset=True)
    query = None if wanted.q is None else parse(wanted.q)
    if len({each.id for each in wanted.devices or ()}) != len(wanted.devices or ()):
        raise RingfenceError("value-refused", "devices", "Name each device once.")

    def act(unit: UnitOfWork) -> dict[str, int]:
        chosen: dict[str, int | None] = {each.id: each.version for each in wanted.devices or ()}
        if query is not None:
            chosen = dict.fromkeys(fitting(unit.connection, query, door.scope, wanted.count or 0, door.now))
        changed = []
        if chosen:
            words = (wanted.add_labels, wanted.remove_labels)
            changed = annotate_many(unit, chosen, door.scope, door.principal.name, said, *words)
        for one, before, after in changed:
            names = [name for name in after if before[name] != after[name]]
            old, new = ({name: row[name] for name in names} for row in (before, after))
            door.audit(unit, "device.note", one, before=old, after=new, why=wanted.reason)
        return {"devices": len(chosen), "changed": len(changed)}

    return door.once(key, response, act)


@router.post("/devices/{id}/erasure", response_model=ErasureAnswer, responses=CHANGING)
def erase(identity: Identity, wanted: Erasure, response: Response, door: AtDoor, key: IdempotencyKey = None) -> Any:
    """Erase all that is kept of a device, for good. The answer says what stays."""

    def act(unit: UnitOfWork) -> dict[str, Any]:
        done = erase_it(door, unit, identity, door.scope, wanted.reason)
        stays = [{"what": what, "text": text} for what, text in done.stays]
        return {"digest": done.digest, "erased": done.erased, "stays": stays}

    answered = door.once(key, response, act)
    let_go(door.platform)
    return answered
