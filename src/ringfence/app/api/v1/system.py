"""What the installation is and how it does: today, sensors, changes, events, about, the API's own document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from typing_extensions import TypedDict  # pydantic needs this one on Python 3.11.

from ringfence import __version__
from ringfence.app.access import sessions
from ringfence.app.access.access import Access
from ringfence.app.api import openapi
from ringfence.app.api.answers import (
    ChangeAnswer,
    Count,
    SensorAnswer,
    Time,
    TodayAnswer,
    change_answer,
    sensor_answer,
    time_answer,
)
from ringfence.app.api.answers import today_answer as made_today
from ringfence.app.api.asked import CHANGING, READING, WHOLE, Body, Exact, Moment
from ringfence.app.api.door import AtDoor, Door
from ringfence.app.api.events import Streams, stream
from ringfence.app.erasing import keep_for
from ringfence.model.clock import rfc3339
from ringfence.store import retention as kept
from ringfence.store.database import Connection
from ringfence.store.erased import erasures
from ringfence.store.read.changes import changes, last_change
from ringfence.store.read.rows import ChangeRow
from ringfence.store.read.system import sensors
from ringfence.store.read.today import today

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["system"])

_LARGEST = 2**63 - 1


class ChangesAsked(Exact):
    """Changes behind a number."""

    after: int = Field(0, ge=0, le=_LARGEST, description="The number of the last change that is known.")
    limit: int = Field(100, ge=1, le=500)


class SinceAsked(Exact):
    """From when on something counts as new."""

    since: Moment | None = Field(None, description="RFC 3339; by default a day ago.")


class ChangeList(TypedDict):
    """Changes in order. `last` is the number to ask with next."""

    changes: list[ChangeAnswer]
    last: int


class SensorList(TypedDict):
    """Every sensor."""

    sensors: list[SensorAnswer]


class KnowledgeAnswer(TypedDict):
    """The knowledge in use; `age_days` null where its date is unknown."""

    id: str
    date: str
    age_days: int | None


class AboutAnswer(TypedDict):
    """What is running."""

    version: str
    time: Time
    knowledge: KnowledgeAnswer
    database: str
    who: str
    roles: list[tuple[str, str]]


_Days = Annotated[int, Field(ge=1, le=kept.MOST_DAYS)]
_Told = Annotated[int, Field(ge=1, le=kept.MOST_DAYS), WHOLE]


class ErasedAnswer(TypedDict):
    """What retention erased of a kind: rows; of the lake, days."""

    kind: str
    time: Annotated[Time, Field(description="The last time that something was erased.")]
    number: Annotated[Count, Field(description="That time.")]
    total: Annotated[Count, Field(description="Since the installation was made.")]


class RetentionAnswer(TypedDict):
    """After how many days each kind is erased; null: it is kept for ever."""

    lake: Annotated[_Days, Field(description="Flows and transactions.")]
    conversations: _Days | None
    talkers: _Days | None
    changes: _Days | None
    observations: _Days | None
    findings: Annotated[_Days | None, Field(description="Closed ones.")]
    devices: Annotated[_Days | None, Field(description="Of which nobody said anything.")]
    checked: Annotated[Time | None, Field(description="When it last ran; null: it is to run within the hour.")]
    erased: Annotated[list[ErasedAnswer], Field(description="Kinds of which something was erased ever.")]


class RetentionPut(Body):
    """After how many days each kind is to be erased. What is not named stays, null is for ever."""

    lake: _Told | None = Field(None, description="Null changes nothing.")
    conversations: _Told | None = None
    talkers: _Told | None = None
    changes: _Told | None = None
    observations: _Told | None = None
    findings: _Told | None = None
    devices: _Told | None = None
    reason: str = Field(min_length=1, max_length=1_000)


@router.get("/today", response_model=TodayAnswer, responses=READING)
def read_today(asked: Annotated[SinceAsked, Query()], door: AtDoor) -> Any:
    """Read the morning page: what is new, what changed, what is open."""
    since = door.now - 86_400_000_000_000 if asked.since is None else asked.since
    with door.reading() as connection:
        return made_today(today(connection, door.scope, since=since))


@router.get("/sensors", response_model=SensorList, responses=READING)
def list_sensors(door: AtDoor) -> Any:
    """List sensors with their capture-quality verdicts."""
    with door.reading() as connection:
        return {"sensors": [sensor_answer(row) for row in sensors(connection, door.scope)]}


@router.get("/changes", response_model=ChangeList, responses=READING)
def list_changes(asked: Annotated[ChangesAsked, Query()], door: AtDoor) -> Any:
    """List what changed behind a number, in order."""
    with door.reading() as connection:
        rows = changes(connection, asked.after, door.scope, asked.limit)
    return {"changes": [change_answer(row) for row in rows], "last": rows[-1].number if rows else asked.after}


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses=READING | {200: {"description": "Server-sent events", "content": {"text/event-stream": {}}}},
)
async def events(
    door: AtDoor,
    last_event_id: Annotated[
        int, Header(ge=-1, le=_LARGEST, description="Resumes behind this change; -1: only news.")
    ] = -1,
) -> Any:
    """Tell changes as they happen, for as long as the session lasts."""
    streams: Streams = door.request.app.state.streams
    streams.check(door.principal.person)
    after = await run_in_threadpool(_newest, door) if last_event_id < 0 else last_event_id

    def read(behind: int, most: int) -> Sequence[ChangeRow]:
        with door.reading() as connection:
            return changes(connection, behind, door.scope, most)

    body = stream(streams, door.principal.person, after, read, lambda: _lasts(door))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(body, 200, headers, "text/event-stream")


def _newest(door: Door) -> int:
    with door.reading() as connection:
        return last_change(connection)


def _lasts(door: Door) -> bool:
    """Whether session or token are still good for what was asked; looking does not keep a session alive."""
    access: Access = door.request.app.state.access
    return sessions.alive(access, door.principal)


@router.get("/about", response_model=AboutAnswer, responses=READING)
def about(door: AtDoor) -> Any:
    """Say what is running, with which knowledge, and who asks."""
    knowledge = door.platform.knowledge
    return {
        "version": __version__,
        "time": rfc3339(door.now),
        "knowledge": {"id": knowledge.id, "date": knowledge.date, "age_days": _age(knowledge.date, door.now)},
        "database": "sqlite" if door.platform.database.is_sqlite else "postgresql",
        "who": door.principal.name,
        "roles": sorted(door.principal.grants),
    }


@router.get("/retention", response_model=RetentionAnswer, responses=READING)
def read_retention(door: AtDoor) -> Any:
    """Read how long things are kept."""
    with door.reading() as connection:
        return _retention(connection)


def _retention(connection: Connection) -> dict[str, Any]:
    done = erasures(connection)
    erased = [{"kind": kind, **asdict(each), "time": rfc3339(each.time)} for kind, each in sorted(done.kinds.items())]
    return {**asdict(kept.retention(connection)), "checked": time_answer(done.checked), "erased": erased}


@router.put("/retention", response_model=RetentionAnswer, responses=CHANGING)
def set_retention(wanted: RetentionPut, door: AtDoor) -> Any:
    """Set how long things are kept; what is older is erased for good."""
    with door.writing() as unit:
        said = wanted.model_dump(exclude_unset=True, exclude={"reason"})
        if said.get("lake", 1) is None:
            del said["lake"]
        keep_for(door, unit, said, wanted.reason)
        return _retention(unit.connection)


def _age(day: str, now: int) -> int | None:
    try:
        then = date.fromisoformat(day[:10])
    except ValueError:
        return None
    return (datetime.fromtimestamp(now // 1_000_000_000, UTC).date() - then).days


@router.get("/openapi.json", include_in_schema=False)
def read_openapi(door: AtDoor) -> Response:
    """Answer with the OpenAPI document of this API."""
    return Response(openapi.document_text(door.request.app), media_type="application/json")
