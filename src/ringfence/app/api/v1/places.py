"""Places: sites, their zones, and the domains of addresses that stand at them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field
from typing_extensions import TypedDict  # pydantic needs this one on Python 3.11.

from ringfence.app.api.answers import Count, plain
from ringfence.app.api.asked import CHANGING, ONE, READING, Body, Exact, Identity
from ringfence.app.api.door import AtDoor, Door, IdempotencyKey, IfMatch, etag, version_of
from ringfence.model.errors import RingfenceError
from ringfence.model.scope import Scope
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

    def make(unit: UnitOfWork) -> str:
        return places.make_site(unit, door.principal.name, wanted.name, parent=wanted.parent, note=wanted.note)

    return _made(_SITE, wanted, make, response, door, key)


@router.patch("/sites/{id}", response_model=SiteAnswer, responses=CHANGING)
def change_site(
    identity: Identity, wanted: SitePatch, response: Response, door: AtDoor, if_match: IfMatch = None
) -> Any:
    """Rename a site, put it within another, note something."""

    def change(unit: UnitOfWork, version: int, said: dict[str, Any]) -> Any:
        return places.change_site(unit, door.principal.name, identity, version, said)

    return _changed(_SITE, identity, wanted, change, response, door, if_match)


@router.get("/zones", response_model=ZoneList, responses=READING)
def list_zones(asked: Annotated[ZonesAsked, Query()], door: AtDoor) -> Any:
    """List zones, of one site or all."""
    with door.reading() as connection:
        return {"zones": [plain(asdict(row)) for row in places.zones(connection, door.scope, asked.site)]}


@router.post("/zones", response_model=ZoneAnswer, status_code=201, responses=CHANGING)
def make_zone(wanted: NewZone, response: Response, door: AtDoor, key: IdempotencyKey = None) -> Any:
    """Make a zone at a site."""

    def make(unit: UnitOfWork) -> str:
        said = wanted.model_dump(exclude={"site", "name"})
        return places.make_zone(unit, door.principal.name, door.scope, wanted.site, wanted.name, **said)

    return _made(_ZONE, wanted, make, response, door, key)


@router.patch("/zones/{id}", response_model=ZoneAnswer, responses=CHANGING)
def change_zone(
    identity: Identity, wanted: ZonePatch, response: Response, door: AtDoor, if_match: IfMatch = None
) -> Any:
    """Rename a zone, say its Purdue level, its subnets, note something."""

    def change(unit: UnitOfWork, version: int, said: dict[str, Any]) -> Any:
        return places.change_zone(unit, door.principal.name, door.scope, identity, version, said)

    return _changed(_ZONE, identity, wanted, change, response, door, if_match)


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


@dataclass(frozen=True, slots=True)
class _Place:
    """A sort of place, and how its rows are read."""

    noun: str
    rows: Callable[[Connection, Scope], Iterable[Any]]

    def found(self, connection: Connection, identity: str, response: Response, door: Door) -> dict[str, Any]:
        """Return the one of this id, with its ETag in the response."""
        row = next((row for row in self.rows(connection, door.scope) if row.id == identity), None)
        if row is None:
            raise RingfenceError("not-found", identity[:80], f"There is no such {self.noun}.")
        response.headers["ETag"] = etag(row.version)
        found: dict[str, Any] = plain(asdict(row))
        return found


_SITE, _ZONE = _Place("site", places.sites), _Place("zone", places.zones)


def _made(
    place: _Place, wanted: Body, make: Callable[[UnitOfWork], str], response: Response, door: Door, key: str | None
) -> Any:
    def act(unit: UnitOfWork) -> Any:
        identity = make(unit)
        door.audit(unit, f"{place.noun}.create", identity, after=wanted.model_dump())
        return place.found(unit.connection, identity, response, door)

    return door.once(key, response, act)


def _changed(
    place: _Place,
    identity: str,
    wanted: Body,
    change: Callable[[UnitOfWork, int, dict[str, Any]], Any],
    response: Response,
    door: Door,
    if_match: str | None,
) -> Any:
    said = wanted.model_dump(exclude_unset=True)
    if said.get("name", "") is None:
        del said["name"]
    asked = version_of(if_match)
    with door.writing() as unit:
        version = place.found(unit.connection, identity, response, door)["version"] if asked is None else asked
        before, after = change(unit, version, said)
        door.audit(unit, f"{place.noun}.change", identity, before=before, after=after)
        return place.found(unit.connection, identity, response, door)
