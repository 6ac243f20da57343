"""Findings: lists, one with its evidence, what people do with it, its packets, exports."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field
from starlette.responses import StreamingResponse

from ringfence.app.api.answers import (
    FindingList,
    FindingPageAnswer,
    FindingState,
    finding_answer,
    finding_page_answer,
)
from ringfence.app.api.asked import (
    CHANGING,
    ONE,
    READING,
    Body,
    Exact,
    Identity,
    ListAsked,
    Searched,
    sorted_by,
    turned,
)
from ringfence.app.api.door import AtDoor, Door, IfMatch, etag, version_of
from ringfence.app.api.export import Format, chosen_columns, exported
from ringfence.app.api.paging import LARGEST_PAGE
from ringfence.model.errors import RingfenceError
from ringfence.store.database import Connection
from ringfence.store.findings import handle
from ringfence.store.keys import Keys
from ringfence.store.read import findings as lists
from ringfence.store.ring import PacketRing

__all__ = ["COLUMNS", "router"]

router = APIRouter(prefix="/api/v1", tags=["findings"])

#: Columns of an export, in the order in which they are written where none is named.
COLUMNS = "id severity state rule title why devices confidence count first last assignee".split()


_PAYLOAD_ROLES = ("engineer", "admin")


class FindingsAsked(ListAsked):
    """A page of findings."""

    sort: str = sorted_by(lists.SORTS, "-severity")


class FindingsExported(Searched):
    """The same view, whole."""

    sort: str = sorted_by(lists.SORTS, "-severity")
    format: Format = "csv"
    columns: str | None = Field(None, max_length=1_000, description="Names with commas between; all by default.")


class FindingPatch(Body):
    """What people do with a finding. What is not named stays, null takes back."""

    state: FindingState | None = Field(None, description="Null changes nothing: a finding always has a state.")
    assignee: str | None = Field(None, max_length=200)
    note: str | None = Field(None, max_length=10_000)


class PacketsAsked(Exact):
    """How packets are wanted."""

    payload: bool = Field(False, description="With what was said; for engineers and administrators.")
    anonymous: bool = Field(False, description="With pseudonyms and without payload.")


def _listed(door: Door, connection: Connection, asked: Any, limit: int, cursor: str | None, now: int) -> Any:
    return lists.findings(connection, asked.query(), door.scope, now=now, sort=asked.sort, limit=limit, cursor=cursor)


@router.get("/findings", response_model=FindingList, responses=READING)
def list_findings(asked: Annotated[FindingsAsked, Query()], door: AtDoor) -> Any:
    """List findings, the gravest first."""
    with door.reading() as connection:
        page, following = turned(
            door,
            asked,
            "findings",
            lambda cursor: _listed(door, connection, asked, asked.limit, cursor, door.now),
        )
    return {"findings": [finding_answer(row) for row in page.rows], "next": following, "total": page.total}


@router.get(
    "/findings/export",
    response_class=StreamingResponse,
    responses=READING | {200: {"description": "The file", "content": {"text/csv": {}, "application/jsonl": {}}}},
)
def export(asked: Annotated[FindingsExported, Query()], door: AtDoor) -> Any:
    """Write exactly the rows and columns of a view as CSV or JSON lines."""
    columns, now = chosen_columns(asked.columns, COLUMNS), door.now
    return exported(
        *(asked.format, "findings", columns, door.reading),
        lambda connection, cursor: _listed(door, connection, asked, LARGEST_PAGE, cursor, now),
        finding_answer,
    )


@router.get("/findings/{id}", response_model=FindingPageAnswer, responses=ONE)
def read_finding(identity: Identity, response: Response, door: AtDoor) -> Any:
    """Read a finding with its evidence and history. Its ETag is what a change needs."""
    with door.reading() as connection:
        return _page(connection, identity, response, door)


@router.patch("/findings/{id}", response_model=FindingPageAnswer, responses=CHANGING)
def change_finding(
    identity: Identity, wanted: FindingPatch, response: Response, door: AtDoor, if_match: IfMatch = None
) -> Any:
    """Say what becomes of a finding: its state, who looks after it, a note."""
    version = version_of(if_match)
    given = wanted.model_dump(exclude_unset=True)
    with door.writing() as unit:
        before = lists.finding(unit.connection, identity, door.scope)
        told = {name: getattr(before if name == "note" else before.row, name) for name in given}
        door.audit(unit, "finding.handle", identity, before=told, after=given)
        # To the store None is *unchanged* and an empty text takes back.
        values = {name: "" if value is None and name != "state" else value for name, value in given.items()}
        handle(unit, identity, door.principal.name, before.row.version if version is None else version, **values)
    with door.reading() as connection:
        return _page(connection, identity, response, door)


@router.get(
    "/findings/{id}/packets",
    response_class=Response,
    responses=ONE | {200: {"description": "A capture", "content": {"application/vnd.tcpdump.pcap": {}}}},
)
def packets(identity: Identity, asked: Annotated[PacketsAsked, Query()], door: AtDoor) -> Response:
    """Download the packets that a finding keeps: headers only, unless payload is asked for by who may see it."""
    if asked.payload and door.principal.scope(_PAYLOAD_ROLES) != door.scope:
        raise RingfenceError("not-allowed", "payload", f"It takes the role {' or '.join(_PAYLOAD_ROLES)}.")
    platform = door.platform
    with door.writing() as unit:
        found = lists.finding(unit.connection, identity, door.scope)
        door.audit(unit, "finding.packets", found.row.id, after=asked.model_dump())
    ring = PacketRing(platform.database, platform.folder, Keys(platform.secret, platform.clock), platform.clock)
    try:
        data, suffix = ring.download(found.row.id, payload=asked.payload, anonymous=asked.anonymous)
    except RingfenceError as error:
        if error.code.code != "packet-not-found":
            raise
        raise RingfenceError("packets-not-kept", identity, "Nothing is kept for it.") from error
    headers = {"Content-Disposition": f'attachment; filename="{found.row.id}.{suffix}"'}
    return Response(data, 200, headers, "application/vnd.tcpdump.pcap")


def _page(connection: Connection, identity: str, response: Response, door: Door) -> dict[str, Any]:
    page = lists.finding(connection, identity, door.scope)
    response.headers["ETag"] = etag(page.row.version)
    return finding_page_answer(page)
