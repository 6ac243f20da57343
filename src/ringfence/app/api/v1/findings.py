"""Findings: lists, one with its evidence, what people do with it, its packets, exports."""

from __future__ import annotations

from collections.abc import Iterator
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
    Exact,
    Identity,
    ListAsked,
    Searched,
    every_row,
    sorted_by,
    turned,
)
from ringfence.app.api.door import AtDoor, Door, IfMatch, etag, version_of
from ringfence.app.api.export import Format, Row, chosen_columns, exported
from ringfence.app.api.paging import LARGEST_PAGE
from ringfence.store import notes
from ringfence.store.database import Connection
from ringfence.store.read import findings as lists

__all__ = ["COLUMNS", "router"]

router = APIRouter(prefix="/api/v1", tags=["findings"])

#: Columns of an export, in the order in which they are written where none is named.
COLUMNS = "id severity state rule title why devices confidence count first last assignee".split()


class FindingsAsked(ListAsked):
    """A page of findings."""

    sort: str = sorted_by(lists.SORTS, "-severity")


class FindingsExported(Searched):
    """The same view, whole."""

    sort: str = sorted_by(lists.SORTS, "-severity")
    format: Format = "csv"
    columns: str | None = Field(None, max_length=1_000, description="Names with commas between; all by default.")


class FindingPatch(Exact):
    """What people do with a finding. What is not named stays, null takes back."""

    state: FindingState | None = Field(None, description="Null changes nothing: a finding always has a state.")
    assignee: str | None = Field(None, max_length=200)
    note: str | None = Field(None, max_length=10_000)


@router.get("/findings", response_model=FindingList, responses=READING)
def list_findings(asked: Annotated[FindingsAsked, Query()], door: AtDoor) -> Any:
    """List findings, the gravest first."""
    with door.reading() as connection:
        page, following = turned(
            door,
            asked,
            "findings",
            lambda cursor: lists.findings(
                connection,
                asked.query(),
                door.scope,
                now=door.now,
                sort=asked.sort,
                limit=asked.limit,
                cursor=cursor,
            ),
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

    def rows(connection: Connection) -> Iterator[Row]:
        for row in every_row(
            lambda cursor: lists.findings(
                connection,
                asked.query(),
                door.scope,
                now=now,
                sort=asked.sort,
                limit=LARGEST_PAGE,
                cursor=cursor,
            )
        ):
            yield finding_answer(row)

    return exported(asked.format, "findings", columns, door.reading, rows)


@router.get("/findings/{id}", response_model=FindingPageAnswer, responses=ONE)
def read_finding(identity: Identity, response: Response, door: AtDoor) -> Any:
    """Read a finding with its evidence and history. Its ETag is what a change needs."""
    with door.reading() as connection:
        return _page(connection, identity, response, door)


def _page(connection: Connection, identity: str, response: Response, door: Door) -> dict[str, Any]:
    page = lists.finding(connection, identity, door.scope)
    response.headers["ETag"] = etag(page.row.version)
    return finding_page_answer(page)
