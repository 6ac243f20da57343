"""Places: sites, their zones, and the domains of addresses that stand at them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field
from typing_extensions import TypedDict  # pydantic needs this one on Python 3.11.

from ringfence.app.api.answers import Count, plain
from ringfence.app.api.asked import CHANGING, ONE, READING, Body, Exact, Identity
from ringfence.app.api.door import AtDoor, Door, IdempotencyKey, IfMatch, etag, version_of
from ringfence.model.errors import RingfenceError
from ringfence.store import places
from ringfence.store.database import Connection
from ringfence.store.unit import UnitOfWork

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["places"])


class SiteAnswer(TypedDict):
    """A site; `parent` null: it stands within none, or within one that you may not see."""

    id: str
    name: str
    parent: str | None
    note: str | None
    devices: Count
    version: int


class SiteList(TypedDict):
    """Sites by name."""

    sites: list[SiteAnswer]


class ZoneAnswer(TypedDict):
    """A zone of a site; devices in its subnets are proposed for it."""

    id: str
    site: str
    name: str
    purdue_level: float | None
    subnets: list[str]
    note: str | None
    devices: Count
    version: int


class ZoneList(TypedDict):
    """Zones by site and name."""

    zones: list[ZoneAnswer]


class DomainAnswer(TypedDict):
    """A domain: a scope in which addresses are unique."""

    name: str
    site: str | None
    devices: Count


class DomainList(TypedDict):
    """Domains by name."""

    domains: list[DomainAnswer]


class PlacedAnswer(TypedDict):
    """How many devices moved with their domain."""

    moved: Count


_Name = Annotated[str, Field(min_length=1, max_length=100)]
_Subnets = Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=200)]
_Level = Annotated[float, Field(ge=0, le=5)]


class NewSite(Body):
    """A site to make."""

    name: _Name
    parent: str | None = Field(None, max_length=100)
    note: str | None = Field(None, max_length=2_000)


class SitePatch(Body):
    """What is not named stays; null takes back what can be unsaid."""

    name: _Name | None = Field(None, description="Null changes nothing.")
    parent: str | None = Field(None, max_length=100)
    note: str | None = Field(None, max_length=2_000)


class ZonesAsked(Exact):
    """Of which site."""

    site: str | None = Field(None, max_length=100)


class NewZone(Body):
    """A zone to make."""

    site: str = Field(max_length=100)
    name: _Name
    purdue_level: _Level | None = None
    subnets: _Subnets | None = Field(None, description="Such as `10.3.0.0/16`.")
    note: str | None = Field(None, max_length=2_000)


class ZonePatch(Body):
    """What is not named stays; null takes back what can be unsaid."""

    name: _Name | None = Field(None, description="Null changes nothing.")
    purdue_level: _Level | None = None
    subnets: _Subnets | None = None
    note: str | None = Field(None, max_length=2_000)


class DomainPut(Body):
    """Where a domain stands; null: nowhere."""

    site: str | None = Field(max_length=100)


@router.get("/sites", response_model=SiteList, responses=READING)
def list_sites(door: AtDoor) -> Any:
    """List sites."""
    with door.reading() as connection:
        return {"sites": [plain(asdict(row)) for row in places.sites(connection, door.scope)]}


@router.post("/sites", response_model=SiteAnswer, status_code=201, responses=CHANGING)
def make_site(wanted: NewSite, response: Response, door: AtDoor, key: IdempotencyKey = None) -> Any:
    """Make a site."""

    def act(unit: UnitOfWork) -> Any:
        identity = places.make_site(unit, door.principal.name, wanted.name, parent=wanted.parent, note=wanted.note)
        door.audit(unit, "site.create", identity, after=wanted.model_dump())
        return _site(unit.connection, identity, response, door)

    return door.once(key, response, act)


@router.patch("/sites/{id}", response_model=SiteAnswer, responses=CHANGING)
def change_site(
    identity: Identity, wanted: SitePatch, response: Response, door: AtDoor, if_match: IfMatch = None
) -> Any:
    """Rename a site, put it within another, note something."""
    said = _said(wanted)
    asked = version_of(if_match)
    with door.writing() as unit:
        version = _site(unit.connection, identity, response, door)["version"] if asked is None else asked
        before, after = places.change_site(unit, door.principal.name, identity, version, said)
        door.audit(unit, "site.change", identity, before=before, after=after)
        return _site(unit.connection, identity, response, door)


@router.get("/zones", response_model=ZoneList, responses=READING)
def list_zones(asked: Annotated[ZonesAsked, Query()], door: AtDoor) -> Any:
    """List zones, of one site or all."""
    with door.reading() as connection:
        return {"zones": [plain(asdict(row)) for row in places.zones(connection, door.scope, asked.site)]}


@router.post("/zones", response_model=ZoneAnswer, status_code=201, responses=CHANGING)
def make_zone(wanted: NewZone, response: Response, door: AtDoor, key: IdempotencyKey = None) -> Any:
    """Make a zone at a site."""

    def act(unit: UnitOfWork) -> Any:
        said = wanted.model_dump(exclude={"site", "name"})
        identity = places.make_zone(unit, door.principal.name, door.scope, wanted.site, wanted.name, **said)
        door.audit(unit, "zone.create", identity, after=wanted.model_dump())
        return _zone(unit.connection, identity, response, door)

    return door.once(key, response, act)


@router.patch("/zones/{id}", response_model=ZoneAnswer, responses=CHANGING)
def change_zone(
    identity: Identity, wanted: ZonePatch, response: Response, door: AtDoor, if_match: IfMatch = None
) -> Any:
    """Rename a zone, say its Purdue level, its subnets, note something."""
    said = _said(wanted)
    asked = version_of(if_match)
    with door.writing() as unit:
        version = _zone(unit.connection, identity, response, door)["version"] if asked is None else asked
        before, after = places.change_zone(unit, door.principal.name, door.scope, identity, version, said)
        door.audit(unit, "zone.change", identity, before=before, after=after)
        return _zone(unit.connection, identity, response, door)


@router.get("/domains", response_model=DomainList, responses=READING)
def list_domains(door: AtDoor) -> Any:
    """List domains: the scopes in which addresses are unique."""
    with door.reading() as connection:
        return {"domains": [plain(asdict(row)) for row in places.domains(connection, door.scope)]}


@router.put("/domains/{name}", response_model=PlacedAnswer, responses=ONE)
def place_domain(name: Annotated[str, Path(max_length=200)], wanted: DomainPut, door: AtDoor) -> Any:
    """Say at which site a domain stands; devices of which nobody said something else move with it."""
    with door.writing() as unit:
        moved = places.place_domain(unit, door.principal.name, name, wanted.site)
        door.audit(unit, "domain.place", name, after={"site": wanted.site, "devices": moved})
    return {"moved": moved}


def _said(wanted: Body) -> dict[str, Any]:
    said = wanted.model_dump(exclude_unset=True)
    if said.get("name", "") is None:
        del said["name"]
    return said


def _site(connection: Connection, identity: str, response: Response, door: Door) -> dict[str, Any]:
    return _found(places.sites(connection, door.scope), identity, response, "site")


def _zone(connection: Connection, identity: str, response: Response, door: Door) -> dict[str, Any]:
    return _found(places.zones(connection, door.scope), identity, response, "zone")


def _found(rows: Any, identity: str, response: Response, noun: str) -> dict[str, Any]:
    row = next((row for row in rows if row.id == identity), None)
    if row is None:
        raise RingfenceError("not-found", identity[:80], f"There is no such {noun}.")
    response.headers["ETag"] = etag(row.version)
    found: dict[str, Any] = plain(asdict(row))
    return found
