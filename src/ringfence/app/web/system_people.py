"""System, People: who may come in, with which roles at which sites, and from where they are logged in.

Rule 1: roles that groups of the identity provider give are shown and can't be taken here: the next log-in would bring
    them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ringfence.app.access.table import ROLES
from ringfence.app.web.frame import Visit
from ringfence.model.scope import EVERYWHERE
from ringfence.store import credentials
from ringfence.store import people as rows
from ringfence.store.places import sites

if TYPE_CHECKING:
    # Screens hand connections on, and never speak SQL with them.
    from ringfence.store.database import Connection
    from ringfence.store.people import Grant, Person

__all__ = ["EVERYWHERE_WORD", "ChosenPerson", "PersonRow", "SiteRoles", "people_tab", "tokens_tab"]

EVERYWHERE_WORD = "Everywhere"
_PEOPLE = "/api/v1/people"


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person as the table shows it."""

    id: str
    name: str
    display: str
    grants: tuple[tuple[str, str], ...]  # role, name of a site or ``*``
    factor: str
    state: str


@dataclass(frozen=True, slots=True)
class SiteRoles:
    """The roles at one site: (role, held here, given by a group)."""

    site: str
    name: str
    roles: tuple[tuple[str, bool, bool], ...]

    @property
    def chosen(self) -> bool:
        """Whether any role is held there."""
        return any(held or grouped for _, held, grouped in self.roles)


@dataclass(frozen=True, slots=True)
class ChosenPerson:
    """The person whose details are open."""

    row: PersonRow
    disabled: bool
    break_glass: bool
    single_sign_on: bool
    me: bool
    created: int
    sessions: tuple[credentials.Session, ...]
    roles: tuple[SiteRoles, ...]


@dataclass(frozen=True, slots=True)
class TokenRow:
    """An API token as the table shows it; ``person`` is a name."""

    id: str
    name: str
    person: str
    roles: tuple[tuple[str, str], ...]
    expires: int
    used: int | None
    revoked: int | None


def people_tab(connection: Connection, visit: Visit) -> Mapping[str, Any]:
    """Return what the tab shows: everybody, the person who is picked, and a form for somebody new."""
    if not visit.may("GET", _PEOPLE):
        return {"people": None, "chosen": None, "may_change": False, "new_roles": ()}
    names = {site.id: site.name for site in sites(connection, EVERYWHERE)}
    found = rows.everybody(connection)
    pick = visit.here.get("pick")
    one = next((each for each in found if each.id == pick), None)
    return {
        "people": [_person(each, names, visit.now) for each in found],
        "chosen": None if one is None else _chosen(connection, visit, one, names),
        "may_change": visit.may("POST", "/system/people/invite"),
        "new_roles": _site_roles(names, (), ()),
    }


def _person(each: Person, names: Mapping[str, str], now: int) -> PersonRow:
    state = "disabled" if each.disabled else "locked for a while" if each.locked_until > now else "may log in"
    if each.break_glass:
        state += ", break-glass"
    factor = "one-time codes" if each.totp else "single sign-on" if each.subject else "none"
    grants = tuple((role, names.get(site, site)) for role, site in sorted(each.grants))
    return PersonRow(each.id, each.name, each.display, grants, factor, state)


def _chosen(connection: Connection, visit: Visit, each: Person, names: Mapping[str, str]) -> ChosenPerson:
    grouped = rows.granted(connection, each.id, "oidc")
    return ChosenPerson(
        row=_person(each, names, visit.now),
        disabled=each.disabled,
        break_glass=each.break_glass,
        single_sign_on=each.subject is not None,
        me=each.id == visit.principal.person,
        created=each.created,
        sessions=tuple(credentials.sessions_of(connection, each.id, visit.now)),
        roles=_site_roles(names, each.grants - grouped, grouped),
    )


def _site_roles(names: Mapping[str, str], held: Iterable[Grant], grouped: Iterable[Grant]) -> tuple[SiteRoles, ...]:
    """Return everywhere first, then each site by name, then sites that are gone but of which roles are left."""
    held, grouped = set(held), set(grouped)
    gone = sorted({site for _, site in held | grouped} - {"*"} - set(names))
    order = [("*", EVERYWHERE_WORD), *sorted(names.items(), key=lambda pair: pair[1]), *((one, one) for one in gone)]
    return tuple(
        SiteRoles(site, name, tuple((role, (role, site) in held, (role, site) in grouped) for role in ROLES))
        for site, name in order
    )


def tokens_tab(connection: Connection, visit: Visit) -> Mapping[str, Any]:
    """Return everybody's API tokens, without secrets."""
    if not visit.may("GET", _PEOPLE):
        return {"tokens": None, "may_revoke": False}
    names = {each.id: each.name for each in rows.everybody(connection)}
    places = {site.id: site.name for site in sites(connection, EVERYWHERE)}
    found = [
        TokenRow(
            each.id,
            each.name,
            names.get(each.person, "unknown"),
            tuple((role, places.get(site, site)) for role, site in each.roles),
            each.expires,
            each.used,
            each.revoked,
        )
        for each in credentials.tokens_of(connection)
    ]
    return {"tokens": found, "may_revoke": visit.may("POST", "/system/tokens/x/revoke")}
