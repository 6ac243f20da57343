"""What should be there: lists from elsewhere (CSV, NetBox's JSON), compared with what is seen.

Rule 1: a list replaces what the same source said before. A row that can't be taken is named; the others are taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from typing_extensions import TypedDict  # pydantic needs this one on Python 3.11.

from ringfence.app.api.answers import Count, Time, plain
from ringfence.app.api.asked import CHANGING, READING, Exact
from ringfence.app.api.door import AtDoor, Door
from ringfence.app.api.paging import LARGEST_PAGE
from ringfence.inventory.intended import IntendedRow, RowFault, read_csv, read_netbox
from ringfence.model.clock import rfc3339
from ringfence.store import expected

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["intended"])

_FAULTS = 100  # told; the rest is counted

# ``class`` is a keyword in Python.
_Classed = TypedDict("_Classed", {"class": str | None})


class IntendedAnswer(_Classed):
    """A device that should be there; `device` is the observed one that it is, null: not seen."""

    id: str
    source: str
    name: str
    vendor: str | None
    model: str | None
    serial: str | None
    mac: str | None
    ip: str | None
    site: str | None
    zone: str | None
    owner: str | None
    criticality: str | None
    device: str | None
    imported: Time


class IntendedList(TypedDict):
    """A page of what should be there, by name."""

    intended: list[IntendedAnswer]
    next: Annotated[str | None, Field(description="The cursor of the next page; null at the end.")]
    total: Count | None


class FaultAnswer(TypedDict):
    """A row that was not taken."""

    number: int
    field: str
    text: str


class ImportedAnswer(TypedDict):
    """What came of an import."""

    rows: Annotated[int, Field(ge=0, description="Intended devices, of all sources.")]
    seen: Count
    missing: Annotated[int, Field(ge=0, description="Intended, but not seen.")]
    unintended: Annotated[int, Field(ge=0, description="Seen, but not intended.")]
    refused: Annotated[int, Field(ge=0, description="Rows that were not taken.")]
    faults: Annotated[list[FaultAnswer], Field(description="Why: of the first hundred of them.")]


class IntendedAsked(Exact):
    """A page."""

    missing: bool = Field(False, description="Only what is not seen.")
    limit: int = Field(50, ge=1, le=LARGEST_PAGE)
    cursor: str | None = Field(None, max_length=4_096, json_schema_extra={"format": "ringfence-cursor"})


class ImportAsked(Exact):
    """Whose list it is."""

    source: str = Field(min_length=1, max_length=100, description="What this list is called: it replaces itself.")


@router.get("/intended", response_model=IntendedList, responses=READING)
def list_intended(asked: Annotated[IntendedAsked, Query()], door: AtDoor) -> Any:
    """List what should be there."""
    about = ("intended", str(asked.missing))
    with door.reading() as connection:
        page = expected.intended_devices(
            connection,
            door.scope,
            missing=asked.missing,
            limit=asked.limit,
            cursor=door.cursors.open(asked.cursor, *about),
        )
    rows = []
    for row in page.rows:
        told = plain(asdict(row))
        rows.append({**told, "class": told.pop("device_class"), "imported": rfc3339(row.imported)})
    return {"intended": rows, "next": door.cursors.seal(page.next, *about), "total": page.total}


def _takes(media: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media: {"schema": schema}}}}


@router.post(
    "/intended/csv",
    response_model=ImportedAnswer,
    responses=CHANGING,
    openapi_extra=_takes("text/csv", {"type": "string"}),
)
async def import_csv(asked: Annotated[ImportAsked, Query()], request: Request, door: AtDoor) -> Any:
    """Take a CSV with a header line: name, class, vendor, model, serial, mac, ip, site, zone, owner, criticality."""
    return await run_in_threadpool(_imported, door, asked.source, await request.body(), read_csv)


@router.post(
    "/intended/netbox",
    response_model=ImportedAnswer,
    responses=CHANGING,
    openapi_extra=_takes("application/json", {"type": ["object", "array"]}),
)
async def import_netbox(asked: Annotated[ImportAsked, Query()], request: Request, door: AtDoor) -> Any:
    """Take NetBox's JSON of devices, as `/api/dcim/devices/` answers it."""
    return await run_in_threadpool(_imported, door, asked.source, await request.body(), read_netbox)


def _imported(
    door: Door, source: str, data: bytes, read: Callable[[bytes, str], tuple[list[IntendedRow], list[RowFault]]]
) -> dict[str, Any]:
    rows, faults = read(data, source)
    with door.writing() as unit:
        matched = expected.save_intended(unit, door.principal.name, source, rows)
        told = {"rows": len(rows), "refused": len(faults)}
        door.audit(unit, "intended.import", source, after=told)
    return {
        **asdict(matched),
        "refused": len(faults),
        "faults": [plain(asdict(fault)) for fault in faults[:_FAULTS]],
    }
