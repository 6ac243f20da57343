"""What administrators and approvers do under System: people, their sessions and tokens, approvals, single sign-on.

Rule 1: each act is the one that the API has; here stand only the form and where the browser goes afterwards.
Rule 2: a one-time link is in the one answer to the form that made it, and in no address.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse, RedirectResponse

from ringfence.app.access import api_tokens, approvals, people, sso
from ringfence.app.erasing import keep_for
from ringfence.app.web.frame import AtScreen, Visit, back_to, render
from ringfence.app.web.system import shown_tab
from ringfence.app.web.system_sso import setting_of, steps_of, tested
from ringfence.model.errors import RingfenceError
from ringfence.store import approvals as approval_rows
from ringfence.store import people as rows
from ringfence.store.retention import MOST_DAYS

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=2_000)]
Many = Annotated[list[str] | None, Form()]
_PEOPLE = "/system?tab=people"
_APPROVALS = "/system?tab=approvals"


def _grants(chosen: list[str] | None) -> list[tuple[str, str]]:
    """Return roles at sites of a form's ``role site`` words."""
    return [(role, site) for role, _, site in (each.partition(" ") for each in chosen or ())]


def _who(visit: Visit) -> tuple[str, str]:
    return visit.principal.name, visit.principal.via


# --- people ----------------------------------------------------------------------------------------------------------


@router.post("/system/people/invite")
def invite(visit: AtScreen, grant: Many = None, why: Text = "") -> HTMLResponse:
    """Make a one-time link for somebody new, and show it."""
    if not grant:
        raise RingfenceError("person-invalid", "roles", "choose at least one role: without any nobody gets in")
    link = people.invite(visit.access, _grants(grant), *_who(visit), why=why.strip() or None)
    told = (
        "Send it to whom you invite, by a way that only they read. Whoever opens it first has the roles that you chose."
    )
    return _link(visit, "An invitation", told, link)


@router.post("/system/people/{id}/link")
def new_link(visit: AtScreen, id: str, why: Text = "") -> HTMLResponse:  # noqa: A002 The word of the address.
    """Make a one-time link by which somebody sets a new password, and show it."""
    link = people.invite(visit.access, (), *_who(visit), person=id, why=why.strip() or None)
    with visit.reading() as connection:
        person = rows.by_id(connection, id)
    told = f"It lets {person.name if person else id} set a new password, and takes the second factor away."
    return _link(visit, "A link for a new password", told, link)


def _link(visit: Visit, title: str, told: str, link: str) -> HTMLResponse:
    until = visit.now + visit.access.options.link
    return render(visit, "once.html", "system", title=title, told=told, link=link, until=until, back=_PEOPLE)


@router.post("/system/people/{id}/roles")
def set_roles(visit: AtScreen, id: str, grant: Many = None, why: Text = "") -> RedirectResponse:  # noqa: A002 As above.
    """Replace somebody's local roles."""
    people.set_roles(visit.access, id, _grants(grant), *_who(visit), why.strip() or None)
    return back_to(f"{_PEOPLE}&pick={_known(visit, id)}", "roles")


@router.post("/system/people/{id}/disable")
def disable(visit: AtScreen, id: str, why: Text = "") -> RedirectResponse:  # noqa: A002 As above.
    """Disable somebody; sessions and tokens end at once."""
    people.disable(visit.access, id, *_who(visit), why.strip() or None)
    return back_to(f"{_PEOPLE}&pick={_known(visit, id)}", "disabled")


@router.post("/system/people/{id}/enable")
def enable(visit: AtScreen, id: str, why: Text = "") -> RedirectResponse:  # noqa: A002 As above.
    """Let somebody in again."""
    people.enable(visit.access, id, *_who(visit), why.strip() or None)
    return back_to(f"{_PEOPLE}&pick={_known(visit, id)}", "enabled")


@router.post("/system/people/{id}/sessions/end")
def end_sessions(visit: AtScreen, id: str, why: Text = "") -> RedirectResponse:  # noqa: A002 As above.
    """Log somebody out everywhere."""
    people.end_sessions(visit.access, id, *_who(visit), why.strip() or None)
    return back_to(f"{_PEOPLE}&pick={_known(visit, id)}", "ended")


def _known(visit: Visit, identity: str) -> str:
    """Return the id as the store has it; it goes into an address."""
    with visit.reading() as connection:
        person = rows.by_id(connection, identity)
    return person.id if person else ""


@router.post("/system/tokens/{id}/revoke")
def revoke_token(visit: AtScreen, id: str) -> RedirectResponse:  # noqa: A002 As above.
    """Revoke anybody's token."""
    api_tokens.revoke(visit.access, visit.principal, id)
    return back_to("/system?tab=tokens", "revoked")


# --- approvals -------------------------------------------------------------------------------------------------------


@router.post("/system/four-eyes")
def demand(visit: AtScreen, act: Many = None) -> RedirectResponse:
    """Set for which acts four eyes are demanded."""
    approvals.set_demanded(visit.access, visit.principal, act or ())
    return back_to(_APPROVALS, "saved")


@router.post("/system/approvals/{id}")
def decide(
    visit: AtScreen,
    id: str,  # noqa: A002 The word of the address.
    digest: Text = "",
    answer: Text = "",
    why: Text = "",
) -> RedirectResponse:
    """Approve or refuse exactly what was shown, and say why."""
    if answer not in ("approved", "refused"):
        raise RingfenceError("value-refused", "answer", "approved or refused")
    if not why.strip() or len(why) > 1_000:
        raise RingfenceError("value-refused", "why", "say why, in at most 1,000 characters")
    with visit.reading() as connection:
        row = approval_rows.by_id(connection, id)
    if row is None or row.digest != digest:
        raise RingfenceError("not-found", id[:80], "no request waits under this id with this digest")
    approvals.decide(visit.access, visit.principal, id, answer, why.strip())
    return back_to(_APPROVALS, answer)


# --- retention -------------------------------------------------------------------------------------------------------


def _days(kind: str, text: str) -> int | None:
    """Return the days of a field of the form; nothing written is for ever, of the lake an error."""
    text = text.strip()
    if not text and kind != "lake":
        return None
    if text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= MOST_DAYS:
        return int(text)
    raise RingfenceError("value-refused", kind, f"a number of days, 1 to {MOST_DAYS:,}")


@router.post("/system/retention")
def keep(
    visit: AtScreen,
    lake: Text = "",
    conversations: Text = "",
    talkers: Text = "",
    changes: Text = "",
    observations: Text = "",
    findings: Text = "",
    devices: Text = "",
    why: Text = "",
) -> RedirectResponse:
    """Set how long each kind is kept."""
    given = {"lake": lake, "conversations": conversations, "talkers": talkers, "changes": changes}
    given |= {"observations": observations, "findings": findings, "devices": devices}
    wanted = {kind: _days(kind, text) for kind, text in given.items()}
    with visit.writing() as unit:
        keep_for(visit, unit, wanted, why.strip() or None)
    return back_to("/system?tab=retention", "retention")


# --- single sign-on --------------------------------------------------------------------------------------------------


def _sso_form(
    enabled: Text = "",
    issuer: Text = "",
    client_id: Text = "",
    secret: Text = "",
    public: Text = "",
    scopes: Text = "openid profile email",
    claim: Text = "groups",
    group: Many = None,
    role: Many = None,
    site: Many = None,
    loopback: Text = "",
    trust: Annotated[str, Form(max_length=100_000)] = "",
) -> sso.Sso:
    return setting_of(dict(locals()))


SsoForm = Annotated[sso.Sso, Depends(_sso_form)]


@router.post("/system/sso")
def set_sso(visit: AtScreen, setting: SsoForm, why: Text = "") -> RedirectResponse:
    """Keep the setting."""
    sso.save(visit.access, setting, *_who(visit), why.strip() or None)
    return back_to("/system?tab=sso", "sso")


@router.post("/system/sso/test")
def test_sso(visit: AtScreen, setting: SsoForm) -> HTMLResponse:
    """Try the setting without keeping it, and show how each step went."""
    steps = steps_of(sso.test(visit.access, setting))
    with visit.reading() as connection:
        context = tested(connection, visit, setting, steps)
    return shown_tab(visit, "sso", context)
