"""Traffic: conversations, single flows from the lake, who sends the most, and the map."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import StreamingResponse
from typing_extensions import TypedDict  # pydantic needs this one on Python 3.11.

from ringfence.app.api.answers import (
    ConversationList,
    FlowAnswer,
    MapAnswer,
    TalkerAnswer,
    conversation_answer,
    flow_answer,
    map_answer,
    talker_answer,
)
from ringfence.app.api.asked import (
    ONE,
    READING,
    Exact,
    ListAsked,
    Moment,
    Searched,
    sorted_by,
    turned,
)
from ringfence.app.api.door import AtDoor, Door
from ringfence.app.api.export import Format, chosen_columns, exported
from ringfence.app.api.paging import LARGEST_PAGE
from ringfence.model.errors import RingfenceError
from ringfence.store.database import Connection
from ringfence.store.keys import Keys
from ringfence.store.lake import Lake
from ringfence.store.lake_read import FlowFilter
from ringfence.store.read import flows as lists
from ringfence.store.read.lake_flows import named_flows
from ringfence.store.read.sitemap import site_map

__all__ = ["COLUMNS", "router"]

router = APIRouter(prefix="/api/v1", tags=["traffic"])

_DAY = 86_400_000_000_000  # ns

#: Columns of an export, in the order in which they are written where none is named.
COLUMNS = (
    "source_label source_address destination_label destination_address protocol transport port answered packets bytes "
    "flows first last source destination"
).split()

Since = Annotated[Moment | None, Field(description="RFC 3339: what had a packet at or after this time.")]
Until = Annotated[Moment | None, Field(description="RFC 3339: what had a packet before this time.")]


class ConversationsAsked(ListAsked):
    """A page of conversations."""

    since: Since = None
    until: Until = None
    sort: str = sorted_by(lists.SORTS, "-seen")


class ConversationsExported(Searched):
    """The same view, whole."""

    since: Since = None
    until: Until = None
    sort: str = sorted_by(lists.SORTS, "-seen")
    format: Format = "csv"
    columns: str | None = Field(None, max_length=1_000, description="Names with commas between; all by default.")


class FlowsAsked(Exact):
    """A page of flows, the newest first."""

    since: Since = None
    until: Until = None
    device: str | None = Field(None, max_length=100, description="Id of a device at one end.")
    protocol: str | None = Field(None, max_length=64)
    port: int | None = Field(None, ge=0, le=65_535, description="Of the server.")
    limit: int = Field(100, ge=1, le=LARGEST_PAGE)
    cursor: str | None = Field(None, max_length=4_096, json_schema_extra={"format": "ringfence-cursor"})


class TalkersAsked(Exact):
    """A range of time, in whole hours that touch it; by default the last day."""

    since: Since = None
    until: Until = None
    protocol: str | None = Field(None, max_length=64)
    limit: int = Field(20, ge=1, le=LARGEST_PAGE)


class MapAsked(Exact):
    """What is drawn."""

    site: str | None = Field(None, max_length=100, description="Id of a site, or `no-site`.")
    zone: str | None = Field(None, max_length=100, description="Id of a zone, or `no-zone`.")
    since: Since = None
    limit: int = Field(200, ge=1, le=LARGEST_PAGE, description="Nodes.")


class FlowList(TypedDict):
    """A page of flows."""

    flows: list[FlowAnswer]
    next: Annotated[str | None, Field(description="The cursor of the next page; null at the end.")]


class TalkerList(TypedDict):
    """Who sent and received the most, the most bytes first."""

    talkers: list[TalkerAnswer]


def _page(door: Door, connection: Connection, asked: Any, limit: int, cursor: str | None, now: int) -> Any:
    return lists.conversations(
        connection,
        asked.query(),
        door.scope,
        now=now,
        since=asked.since,
        until=asked.until,
        sort=asked.sort,
        limit=limit,
        cursor=cursor,
    )


@router.get("/conversations", response_model=ConversationList, responses=READING)
def list_conversations(asked: Annotated[ConversationsAsked, Query()], door: AtDoor) -> Any:
    """List who talked to whom."""
    now = door.now
    with door.reading() as connection:
        page, following = turned(
            door,
            asked,
            f"conversations {asked.since} {asked.until}",
            lambda cursor: _page(door, connection, asked, asked.limit, cursor, now),
        )
    rows = [conversation_answer(row) for row in page.rows]
    return {"conversations": rows, "next": following, "total": page.total}


@router.get(
    "/conversations/export",
    response_class=StreamingResponse,
    responses=READING | {200: {"description": "The file", "content": {"text/csv": {}, "application/jsonl": {}}}},
)
def export(asked: Annotated[ConversationsExported, Query()], door: AtDoor) -> Any:
    """Write exactly the rows and columns of a view as CSV or JSON lines."""
    columns, now = chosen_columns(asked.columns, COLUMNS), door.now
    return exported(
        *(asked.format, "conversations", columns, door.reading),
        lambda connection, cursor: _page(door, connection, asked, LARGEST_PAGE, cursor, now),
        conversation_answer,
    )


@router.get("/flows", response_model=FlowList, responses=ONE)
def list_flows(asked: Annotated[FlowsAsked, Query()], door: AtDoor) -> Any:
    """List single flows, the newest first; by default those of the last day."""
    platform = door.platform
    about = ("flows", *(str(value) for name, value in asked.model_dump().items() if name not in ("limit", "cursor")))
    last = platform.clock() if asked.until is None else asked.until
    first = asked.since
    position = door.cursors.open(asked.cursor, *about)
    before = None
    if position is not None:
        first, last, *row = (int(word) for word in position.split())
        before = (row[0], row[1])
    wanted = FlowFilter(first if first is not None else last - _DAY, last, protocol=asked.protocol, port=asked.port)
    lake = Lake(platform.database, platform.folder, Keys(platform.secret, platform.clock), platform.clock)
    found = named_flows(lake, wanted, door.scope, identity=asked.device, limit=asked.limit + 1, before=before)
    following = None
    if len(found) > asked.limit:
        flow = found[asked.limit - 1].flow
        following = door.cursors.seal(f"{wanted.first} {wanted.last} {flow.start} {flow.flow_id}", *about)
    return {"flows": [flow_answer(row) for row in found[: asked.limit]], "next": following}


@router.get("/talkers", response_model=TalkerList, responses=READING)
def list_talkers(asked: Annotated[TalkersAsked, Query()], door: AtDoor) -> Any:
    """List who sent and received the most."""
    until = door.now if asked.until is None else asked.until
    since = until - _DAY if asked.since is None else asked.since
    if since >= until:
        raise RingfenceError("value-refused", "until", "A range of time ends after it begins.")
    with door.reading() as connection:
        rows = lists.talkers(
            connection, door.scope, since=since, until=until, protocol=asked.protocol, limit=asked.limit
        )
    return {"talkers": [talker_answer(row) for row in rows]}


@router.get("/map", response_model=MapAnswer, responses=READING)
def read_map(asked: Annotated[MapAsked, Query()], door: AtDoor) -> Any:
    """Read sites, zones and devices, with the traffic between; what does not fit is folded and counted."""
    with door.reading() as connection:
        view = site_map(
            connection,
            door.scope,
            site_id=asked.site,
            zone_id=asked.zone,
            since=asked.since,
            limit=asked.limit,
        )
    return map_answer(view)
