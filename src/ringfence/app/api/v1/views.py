"""Saved views of screens: a person's own, and those that others share."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field
from typing_extensions import TypedDict  # pydantic needs this one on Python 3.11.

from ringfence.app.api.answers import plain
from ringfence.app.api.asked import CHANGING, ONE, READING, Body, Exact
from ringfence.app.api.door import AtDoor, IdempotencyKey
from ringfence.store import views as kept
from ringfence.store.unit import UnitOfWork

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["views"])

Screen = Literal["devices", "findings", "flows", "map"]


class ViewAnswer(TypedDict):
    """A saved view; `own` false: another person shares it."""

    number: int
    name: str
    screen: Screen
    query: str
    shared: bool
    own: bool


class ViewList(TypedDict):
    """Saved views by name."""

    views: list[ViewAnswer]


class ViewsAsked(Exact):
    """Whose screen."""

    screen: Screen | None = None


class NewView(Body):
    """A view to keep."""

    name: str = Field(min_length=1, max_length=80)
    screen: Screen
    query: str = Field(max_length=4_000, description="What stands behind the `?` of the screen.")
    shared: bool = False


@router.get("/views", response_model=ViewList, responses=READING)
def list_views(asked: Annotated[ViewsAsked, Query()], door: AtDoor) -> Any:
    """List saved views."""
    with door.reading() as connection:
        return {"views": [plain(asdict(row)) for row in kept.views(connection, door.principal.person, asked.screen)]}


@router.post("/views", response_model=ViewAnswer, status_code=201, responses=CHANGING)
def save_view(wanted: NewView, response: Response, door: AtDoor, key: IdempotencyKey = None) -> Any:
    """Keep a view."""

    def act(unit: UnitOfWork) -> Any:
        row = kept.save(
            unit.connection, door.principal.person, wanted.name, wanted.screen, wanted.query, shared=wanted.shared
        )
        if wanted.shared:  # What others see is written down; one's own bookmarks are not.
            door.audit(unit, "view.share", str(row.number), after=wanted.model_dump())
        return plain(asdict(row))

    return door.once(key, response, act)


@router.delete("/views/{number}", status_code=204, responses=ONE)
def remove_view(number: Annotated[int, Path(ge=1, le=2**63 - 1)], door: AtDoor) -> None:
    """Forget one of your own views."""
    with door.writing() as unit:
        kept.remove(unit.connection, door.principal.person, number)
