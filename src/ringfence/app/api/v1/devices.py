"""Devices: lists, one with its evidence, what people say of it, corrections, merges and splits, exports.

Rule 1: what people say never overwrites what was seen: a correction is a decision about parts, and is undone as one.
Rule 2: the safety tag has a way of its own: taking it away opens a device to rules that act, so it can need four eyes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field
from starlette.responses import StreamingResponse
from typing_extensions import TypedDict  # pydantic needs this one on Python 3.11.

from ringfence.app.api.answers import (
    Count,
    Criticality,
    DeviceList,
    DevicePageAnswer,
    device_answer,
    device_page_answer,
)
from ringfence.app.api.asked import (
    ONE,
    READING,
    Exact,
    Identity,
    ListAsked,
    Searched,
    every_row,
    sorted_by,
    turned,
)
from ringfence.app.api.door import AtDoor, Door, etag
from ringfence.app.api.export import Format, Row, chosen_columns, exported
from ringfence.app.api.paging import LARGEST_PAGE
from ringfence.store.database import Connection
from ringfence.store.read import devices as lists
from ringfence.store.read.device import device as one

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


class DevicePatch(Exact):
    """What people say of a device. What is not named stays, null takes back."""

    zone: str | None = Field(None, max_length=100, description="Id of a zone; its site comes with it.")
    site: str | None = Field(None, max_length=100, description="Id of a site.")
    owner: str | None = Field(None, max_length=200)
    criticality: Criticality | None = None
    note: str | None = Field(None, max_length=10_000)
    labels: list[Annotated[str, Field(min_length=1, max_length=64)]] | None = Field(None, max_length=50)


class SafetyPut(Exact):
    """Whether people could be hurt if it fails. Null is untagged, which counts as safety-critical."""

    safety: bool | None
    reason: str = Field(min_length=1, max_length=1_000)


class Correction(Exact):
    """What a device is, as a person knows it."""

    field: Literal["class", "vendor", "product", "model", "firmware", "serial", "os", "name", "purdue_level"]
    value: str = Field(min_length=1, max_length=200)
    reason: str | None = Field(None, max_length=1_000)


class Merge(Exact):
    """Devices that are one."""

    devices: list[Annotated[str, Field(max_length=100)]] = Field(min_length=1, max_length=20)
    reason: str | None = Field(None, max_length=1_000)


class Split(Exact):
    """Parts that are a device of their own."""

    parts: list[Annotated[str, Field(max_length=100)]] = Field(min_length=1, max_length=100)
    reason: str | None = Field(None, max_length=1_000)


@router.get("/devices", response_model=DeviceList, responses=READING)
def list_devices(asked: Annotated[DevicesAsked, Query()], door: AtDoor) -> Any:
    """List devices."""
    with door.reading() as connection:
        page, following = turned(
            door,
            asked,
            "devices",
            lambda cursor: lists.devices(
                connection,
                asked.query(),
                door.scope,
                now=door.now,
                sort=asked.sort,
                limit=asked.limit,
                cursor=cursor,
            ),
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
    columns = chosen_columns(asked.columns, COLUMNS)

    def rows(connection: Connection) -> Iterator[Row]:
        for row in every_row(
            lambda cursor: lists.devices(
                connection,
                asked.query(),
                door.scope,
                now=door.now,
                sort=asked.sort,
                limit=LARGEST_PAGE,
                cursor=cursor,
            )
        ):
            yield device_answer(row)

    return exported(asked.format, "devices", columns, door.reading, rows)


@router.get("/devices/{id}", response_model=DevicePageAnswer, responses=ONE)
def read_device(identity: Identity, response: Response, door: AtDoor) -> Any:
    """Read a device with its evidence, peers, findings and history. Its ETag is what a change needs."""
    with door.reading() as connection:
        return _page(connection, identity, response, door)


def _page(connection: Connection, identity: str, response: Response, door: Door) -> dict[str, Any]:
    page = one(connection, identity, door.scope)
    response.headers["ETag"] = etag(page.row.version)
    return device_page_answer(page)
