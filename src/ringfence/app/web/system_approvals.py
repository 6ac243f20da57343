"""System, Approvals: what waits for a second person, what became of it, and for which acts four eyes are demanded.

Rule 1: what was before is what the store holds now, since that is what the act would change; what is kept of the
    request is what would come after.
Rule 2: the form of an approved act is offered again only where its digest comes out the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ringfence.app.access import approvals
from ringfence.app.access.table import ENDPOINTS, ROLES, canonical, find
from ringfence.app.escape import visible
from ringfence.app.web.frame import Visit
from ringfence.model.errors import RingfenceError
from ringfence.model.scope import EVERYWHERE
from ringfence.store import audit, people, retention, settings
from ringfence.store.places import sites
from ringfence.store.read.device import device

if TYPE_CHECKING:
    # Screens hand connections on, and never speak SQL with them.
    from ringfence.store.approvals import Approval
    from ringfence.store.database import Connection

__all__ = ["ACTS", "ApprovalRow", "approvals_tab"]

_DECIDED = 30  # rows
_WORDS = {"grant": "roles", "act": "acts"}  # names of a form's fields, where the API has others
_UNTOLD = {"csrf", "version", "why", "reason"}
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """A request for approval as the screen shows it."""

    id: str
    digest: str
    title: str
    act: str
    path: str
    query: str
    sites: str
    asked_by: str
    asked: int
    expires: int
    why: str | None
    before: Pairs
    after: Pairs
    mine: bool
    may_decide: bool
    decided_by: str | None
    decided: int | None
    state: str  # waiting, approved, done, refused, expired
    answer_why: str | None
    again: tuple[tuple[str, str], ...] | None


@dataclass(frozen=True, slots=True)
class DemandRow:
    """A dangerous act, and whether four eyes are demanded for it."""

    name: str
    title: str
    demanded: bool


#: What acts are called on the screen, by their names of the table; one that is not here goes by that name.
ACTS: Mapping[str, str] = {
    "POST /api/v1/people/invite": "Invite somebody",
    "PUT /api/v1/people/{id}/roles": "Change somebody's roles",
    "POST /api/v1/people/{id}/enable": "Let somebody in again",
    "POST /api/v1/people/{id}/link": "Make a link for a new password",
    "PUT /api/v1/approvals/setting": "Change which acts need a second person",
    "PUT /api/v1/sso": "Set single sign-on",
    "PUT /api/v1/devices/{id}/safety": "Tag a device's safety",
    "POST /api/v1/devices/{id}/erasure": "Erase a device",
    "PUT /api/v1/retention": "Change how long things are kept",
}


def approvals_tab(connection: Connection, visit: Visit) -> Mapping[str, Any]:
    """Return what waits, what was decided, and the setting for who may see it."""
    names = {site.id: site.name for site in sites(connection, EVERYWHERE)}
    listed = approvals.listed(visit.access, visit.principal)
    waits = [pair for pair in listed if pair[0].answer is None and pair[0].expires > visit.now]
    rest = [pair for pair in listed if pair not in waits][:_DECIDED]
    people_names = {each.id: each.name for each in people.everybody(connection)}
    made = [[_row(connection, visit, names, people_names, *pair) for pair in part] for part in (waits, rest)]
    setting = None
    if visit.may("GET", "/api/v1/approvals/setting"):
        acts = settings.get(connection, approvals.SETTING, {}).get("acts", [])
        wanted = [row for row in ENDPOINTS if row.dangerous and not row.same_as]
        forms = {row.same_as: row.name for row in ENDPOINTS if row.same_as}
        setting = [
            DemandRow(row.name, ACTS.get(row.name, row.name), bool({row.name, forms.get(row.name)} & set(acts)))
            for row in wanted
        ]
    return {
        "waiting": made[0],
        "decided": made[1],
        "acts": setting,
        "every_act": setting is not None and "*" in settings.get(connection, approvals.SETTING, {}).get("acts", []),
        "may_set": visit.may("POST", "/system/four-eyes"),
    }


def _row(
    connection: Connection,
    visit: Visit,
    names: Mapping[str, str],
    people_names: Mapping[str, str],
    row: Approval,
    asked_by: str,
) -> ApprovalRow:
    act, content = canonical(row.act), _fields(row.detail.get("content"))
    mine = row.asked_by == visit.principal.person
    found = None
    if row.answer is not None:
        found = next(audit.entries(connection, 0, 1, newest_first=True, act=_ANSWERED[row.answer], object=row.id), None)
    state = _state(row, visit.now)
    where = row.detail.get("sites")
    return ApprovalRow(
        id=row.id,
        digest=row.digest,
        title=ACTS.get(act, act),
        act=row.act,
        path=str(row.detail.get("path", "")),
        query=urlencode([(str(name), str(value)) for name, value in row.detail.get("query", ())]),
        sites="everywhere" if where is None else ", ".join(names.get(each, each) for each in where),
        asked_by=asked_by,
        asked=row.asked,
        expires=row.expires,
        why=next((str(content[name]) for name in ("why", "reason") if content.get(name)), None),
        before=_before(connection, visit, act, row, names),
        after=tuple(
            (_WORDS.get(name, name), _told(value, names)) for name, value in content.items() if name not in _UNTOLD
        ),
        mine=mine,
        may_decide=approvals.may_decide(visit.access, visit.principal, row),
        decided_by=people_names.get(row.decided_by, row.decided_by) if row.decided_by else None,
        decided=row.decided,
        state=state,
        answer_why=found.why if found else None,
        again=_again(row) if mine and state == "approved" else None,
    )


_ANSWERED = {"approved": "approval.approve", "refused": "approval.refuse"}


def _state(row: Approval, now: int) -> str:
    if row.answer == "refused":
        return "refused"
    if row.used is not None:
        return "done"
    if row.expires <= now:
        return "expired"
    return row.answer or "waiting"


def _again(row: Approval) -> tuple[tuple[str, str], ...] | None:
    """The form's fields; not those whose text a page would show otherwise than it is."""
    fields = approvals.again(row)
    if fields is None or any(visible(text) != text for pair in fields for text in pair):
        return None
    return tuple(fields)


def _fields(content: Any) -> dict[str, Any]:
    """Return a body's fields: of a form those of one name together, of JSON the object's."""
    if isinstance(content, dict):
        return content
    if not isinstance(content, list):
        return {} if content is None else {"content": content}
    made: dict[str, Any] = {}
    for pair in content:
        if isinstance(pair, list) and len(pair) == 2:
            made.setdefault(str(pair[0]), []).append(pair[1])
    return {name: values[0] if len(values) == 1 else values for name, values in made.items()}


def _told(value: Any, names: Mapping[str, str]) -> str:
    if value is None or value == "" or value == []:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_told(each, names) for each in value)
    if isinstance(value, dict) and set(value) == {"role", "site"}:
        return _grant(str(value["role"]), str(value["site"]), names)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    role, _, site = str(value).partition(" ")
    return _grant(role, site, names) if role in ROLES and (site == "*" or site in names) else str(value)


def _grant(role: str, site: str, names: Mapping[str, str]) -> str:
    return f"{role} everywhere" if site == "*" else f"{role} at {names.get(site, site)}"


# --- what the store holds now, by act ---------------------------------------------------------------------------------


def _before(connection: Connection, visit: Visit, act: str, row: Approval, names: Mapping[str, str]) -> Pairs:
    """Return what is there now; nothing where nothing is replaced, or is not the reader's to see."""
    look = _LOOKS.get(act)
    found = find(row.act.partition(" ")[0], str(row.detail.get("path", "")))
    if look is None or found is None:
        return ()
    return tuple((name, _told(value, names)) for name, value in look(connection, visit, found[1].get("id", "")).items())


def _of_person(connection: Connection, _: Visit, identity: str) -> dict[str, Any]:
    one = people.by_id(connection, identity)
    if one is None:
        return {"person": "nobody any more"}
    roles = [{"role": role, "site": site} for role, site in sorted(one.grants)]
    return {"person": one.name, "state": "disabled" if one.disabled else "may log in", "roles": roles}


def _of_setting(connection: Connection, _: Visit, __: str) -> dict[str, Any]:
    return {"acts": settings.get(connection, approvals.SETTING, {}).get("acts", [])}


def _of_sso(connection: Connection, _: Visit, __: str) -> dict[str, Any]:
    kept = settings.get(connection, "sso") or {}
    return {name: value for name, value in kept.items() if name not in ("sealed", "trust")}


def _of_device(connection: Connection, visit: Visit, identity: str) -> dict[str, Any]:
    try:
        row = device(connection, identity, visit.scope).row
    except RingfenceError:
        return {}  # It is gone, or stands at a site that the reader does not see.
    return {"device": row.name, "safety": {None: "untagged", True: "safety-critical", False: "not"}[row.safety]}


def _of_retention(connection: Connection, _: Visit, __: str) -> dict[str, Any]:
    return asdict(retention.retention(connection))


_LOOKS: Mapping[str, Callable[[Connection, Visit, str], dict[str, Any]]] = {
    "PUT /api/v1/people/{id}/roles": _of_person,
    "POST /api/v1/people/{id}/enable": _of_person,
    "POST /api/v1/people/{id}/link": _of_person,
    "PUT /api/v1/approvals/setting": _of_setting,
    "PUT /api/v1/sso": _of_sso,
    "PUT /api/v1/devices/{id}/safety": _of_device,
    "PUT /api/v1/retention": _of_retention,
}
