"""Devices: lists, one with its evidence, what people say of it, corrections, merges and splits, exports.

Rule 1: what people say never overwrites what was seen: a correction is a decision about parts, and is undone as one.
Rule 2: the safety tag has a way of its own: taking it away opens a device to rules that act, so it can need four eyes.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field
from starlette.responses import StreamingResponse
from typing_extensions import TypedDict  # pydantic needs this one on Python 3.11.

from ringfence.app.api.answers import (
    Count,
    Criticality,
    DecisionAnswer,
    DeviceList,
    DevicePageAnswer,
    decision_answer,
    device_answer,
    device_page_answer,
)
from ringfence.app.api.asked import (
    CHANGING,
    ONE,
    READING,
    Body,
    Identity,
    ListAsked,
    Searched,
    sorted_by,
    turned,
)
from ringfence.app.api.door import AtDoor, Door, IdempotencyKey, IfMatch, etag, version_of
from ringfence.app.api.export import Format, chosen_columns, exported
from ringfence.app.api.paging import LARGEST_PAGE
from ringfence.model.decision import CORRECTABLE, Decision
from ringfence.store import decide, notes
from ringfence.store.database import Connection
from ringfence.store.read import devices as lists
from ringfence.store.read.device import device as one
from ringfence.store.read.device import survivor
from ringfence.store.read.rows import DecisionRow
from ringfence.store.unit import UnitOfWork

__all__ = ["COLUMNS", "router"]

router = APIRouter(prefix="/api/v1", tags=["devices"])

#: Columns of an export, in the order in which they are written where none is named.
COLUMNS = (
    "id name class vendor product model firmware serial os purdue_level confidence macs ips names roles marks first "
    "last site zone owner criticality safety expected worst open_findings labels domain"
).split()


class DevicesAsked(ListAsked):
    """A page of devices."""

    sort: str = sorted_by(lists.SORTS, "name")


class DevicesExported(Searched):
    """The same view, whole."""

    sort: str = sorted_by(lists.SORTS, "name")
    format: Format = "csv"
    columns: str | None = Field(None, max_length=1_000, description="Names with commas between; all by default.")


class FacetValue(TypedDict):
    """One value of a field. `value` null is unknown: `field:-` in a query."""

    value: str | None
    label: str
    count: Count


class DevicePatch(Body):
    """What people say of a device. What is not named stays, null takes back."""

    zone: str | None = Field(None, max_length=100, description="Id of a zone; its site comes with it.")
    site: str | None = Field(None, max_length=100, description="Id of a site.")
    owner: str | None = Field(None, max_length=200)
    criticality: Criticality | None = None
    note: str | None = Field(None, max_length=10_000)
    labels: list[Annotated[str, Field(min_length=1, max_length=64)]] | None = Field(None, max_length=50)


class SafetyPut(Body):
    """Whether people could be hurt if it fails. Null is untagged, which counts as safety-critical."""

    safety: bool | None
    reason: str = Field(min_length=1, max_length=1_000)


class Correction(Body):
    """What a device is, as a person knows it."""

    field: str = Field(json_schema_extra={"enum": list(CORRECTABLE)})
    value: str = Field(min_length=1, max_length=200)
    reason: str | None = Field(None, max_length=1_000)


class DecidedAnswer(DecisionAnswer):
    """A decision, and the id under which the device is known now."""

    device: str | None


class Merge(Body):
    """Devices that are one."""

    devices: list[Annotated[str, Field(max_length=100)]] = Field(min_length=1, max_length=20)
    reason: str | None = Field(None, max_length=1_000)


class Split(Body):
    """Parts that are a device of their own."""

    parts: list[Annotated[str, Field(max_length=100)]] = Field(min_length=1, max_length=100)
    reason: str | None = Field(None, max_length=1_000)


def _listed(door: Door, connection: Connection, asked: Any, limit: int, cursor: str | None, now: int) -> Any:
    return lists.devices(connection, asked.query(), door.scope, now=now, sort=asked.sort, limit=limit, cursor=cursor)


@router.get("/devices", response_model=DeviceList, responses=READING)
def list_devices(asked: Annotated[DevicesAsked, Query()], door: AtDoor) -> Any:
    """List devices."""
    with door.reading() as connection:
        page, following = turned(
            door,
            asked,
            "devices",
            lambda cursor: _listed(door, connection, asked, asked.limit, cursor, door.now),
        )
    return {"devices": [device_answer(row) for row in page.rows], "next": following, "total": page.total}


@router.get("/devices/facets", response_model=dict[str, list[FacetValue]], responses=READING)
def facets(asked: Annotated[Searched, Query()], door: AtDoor) -> Any:
    """Count the devices of a query by class, vendor, site, zone …"""
    with door.reading() as connection:
        found = lists.facets(connection, asked.query(), door.scope, now=door.now)
    return {
        name: [{"value": value, "label": label, "count": count} for value, label, count in values]
        for name, values in found.items()
    }


@router.get(
    "/devices/export",
    response_class=StreamingResponse,
    responses=READING | {200: {"description": "The file", "content": {"text/csv": {}, "application/jsonl": {}}}},
)
def export(asked: Annotated[DevicesExported, Query()], door: AtDoor) -> Any:
    """Write exactly the rows and columns of a view as CSV or JSON lines."""
    columns, now = chosen_columns(asked.columns, COLUMNS), door.now
    return exported(
        *(asked.format, "devices", columns, door.reading),
        lambda connection, cursor: _listed(door, connection, asked, LARGEST_PAGE, cursor, now),
        device_answer,
    )


@router.get("/devices/{id}", response_model=DevicePageAnswer, responses=ONE)
def read_device(identity: Identity, response: Response, door: AtDoor) -> Any:
    """Read a device with its evidence, peers, findings and history. Its ETag is what a change needs."""
    with door.reading() as connection:
        return _page(connection, identity, response, door)


def _page(connection: Connection, identity: str, response: Response, door: Door) -> dict[str, Any]:
    page = one(connection, identity, door.scope)
    response.headers["ETag"] = etag(page.row.version)
    return device_page_answer(page)


@router.patch("/devices/{id}", response_model=DevicePageAnswer, responses=CHANGING)
def change_device(
    identity: Identity, wanted: DevicePatch, response: Response, door: AtDoor, if_match: IfMatch = None
) -> Any:
    """Say where a device stands, whose it is, how grave its loss would be; label it, note something."""
    return _annotated(identity, wanted.model_dump(exclude_unset=True), None, if_match, response, door)


@router.put("/devices/{id}/safety", response_model=DevicePageAnswer, responses=CHANGING)
def tag_safety(
    identity: Identity, wanted: SafetyPut, response: Response, door: AtDoor, if_match: IfMatch = None
) -> Any:
    """Say whether people could be hurt if a device fails. Untagged counts as safety-critical."""
    return _annotated(identity, {"safety": wanted.safety}, wanted.reason, if_match, response, door)


def _annotated(
    identity: str, said: dict[str, Any], why: str | None, if_match: str | None, response: Response, door: Door
) -> dict[str, Any]:
    version = version_of(if_match)
    with door.writing() as unit:
        if version is None:
            version = notes.seen_device(unit.connection, identity, door.scope)["version"]
        before, after = notes.annotate(unit, identity, door.scope, door.principal.name, version, said)
        if before != after:
            changed = [name for name in after if before[name] != after[name]]
            door.audit(
                unit,
                "device.safety" if "safety" in said else "device.note",
                identity,
                before={name: before[name] for name in changed},
                after={name: after[name] for name in changed},
                why=why,
            )
    with door.reading() as connection:
        return _page(connection, identity, response, door)


@router.post("/devices/{id}/corrections", response_model=DecidedAnswer, status_code=201, responses=CHANGING)
def correct(
    identity: Identity, wanted: Correction, response: Response, door: AtDoor, key: IdempotencyKey = None
) -> Any:
    """Say what a device is. It holds against what is seen later, becomes a local fingerprint, and can be undone."""

    def act(unit: UnitOfWork) -> dict[str, Any]:
        made = decide.correct(
            unit, door.platform.knowledge, _person(door), identity, wanted.field, wanted.value, wanted.reason
        )
        return _decided(unit, door, "device.correct", made, identity)

    return door.once(key, response, act)


@router.post("/devices/{id}/merges", response_model=DecidedAnswer, status_code=201, responses=CHANGING)
def merge(identity: Identity, wanted: Merge, response: Response, door: AtDoor, key: IdempotencyKey = None) -> Any:
    """Say that other devices are this one. The one that was known first survives; undoing brings the others back."""

    def act(unit: UnitOfWork) -> dict[str, Any]:
        made = decide.merge(unit, door.platform.knowledge, _person(door), [identity, *wanted.devices], wanted.reason)
        return _decided(unit, door, "device.merge", made, identity)

    return door.once(key, response, act)


@router.post("/devices/{id}/splits", response_model=DecidedAnswer, status_code=201, responses=CHANGING)
def split(identity: Identity, wanted: Split, response: Response, door: AtDoor, key: IdempotencyKey = None) -> Any:
    """Say that some parts of a device are a device of their own."""

    def act(unit: UnitOfWork) -> dict[str, Any]:
        made = decide.split(unit, door.platform.knowledge, _person(door), identity, wanted.parts, wanted.reason)
        return _decided(unit, door, "device.split", made, identity)

    return door.once(key, response, act)


@router.post("/decisions/{id}/undo", response_model=DecidedAnswer, responses=CHANGING)
def undo(identity: Identity, response: Response, door: AtDoor, key: IdempotencyKey = None) -> Any:
    """Take a correction, merge or split back."""

    def act(unit: UnitOfWork) -> dict[str, Any]:
        made = decide.undo(unit, door.platform.knowledge, _person(door), identity)
        return _decided(unit, door, "decision.undo", made, None)

    return door.once(key, response, act)


def _person(door: Door) -> decide.Person:
    return decide.Person(door.principal.name, door.scope)


def _decided(unit: UnitOfWork, door: Door, act: str, made: Decision, about: str | None) -> dict[str, Any]:
    told = {name: getattr(made, name) for name in ("kind", "field", "value", "parts")}
    door.audit(unit, act, about or made.id, after={"decision": made.id, **told}, why=made.reason)
    undone = unit.now if act == "decision.undo" else None
    row = DecisionRow(made.id, made.kind, made.field, made.value, made.reason, made.who, made.time, undone)
    return {**decision_answer(row), "device": survivor(unit.connection, about) if about else None}
