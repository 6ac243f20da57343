"""What every screen is given, and the frame around it: who asks, the address, the clock, the theme.

Rule 1: a screen reads and writes only through ``Visit``, which carries the guard's scope; it never opens the store.
Rule 2: all templates escape by themselves; see ``shown.py`` for what happens to text before that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import tzinfo
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ringfence import __version__
from ringfence.app.access import approvals
from ringfence.app.access.access import Access
from ringfence.app.access.acting import Acting
from ringfence.app.access.forgery import masked
from ringfence.app.access.guard import access_of, principal_of
from ringfence.app.access.principal import Principal
from ringfence.app.access.session_api import notices
from ringfence.app.access.table import Endpoint, find
from ringfence.app.health import troubles
from ringfence.app.platform import Platform
from ringfence.app.web import static
from ringfence.app.web.address import Address, path
from ringfence.app.web.shown import FILTERS, clock_of, finalised
from ringfence.model.scope import Scope
from ringfence.store.read.changes import last_change

if TYPE_CHECKING:
    # Screens hand connections on, and never speak SQL with them.
    pass

__all__ = ["AtScreen", "Visit", "Visitor", "back_to", "part", "render"]

SCREENS = (
    ("today", "Today", "/"),
    ("devices", "Devices", "/devices"),
    ("map", "Map", "/map"),
    ("findings", "Findings", "/findings"),
    ("flows", "Flows", "/flows"),
    ("system", "System", "/system"),
)
KEYS = (
    (("/",), "search this list, or the devices"),
    (("Ctrl K",), "go to a screen, a device or a finding"),
    (("g t",), "Today"),
    (("g d",), "Devices"),
    (("g m",), "Map"),
    (("g f",), "Findings"),
    (("g l",), "Flows"),
    (("g s",), "System"),
    (("j", "k"), "next row, row before"),
    (("Enter",), "open the row"),
    (("p",), "preview the row"),
    (("x",), "choose the row"),
    (("a",), "assign the finding to you"),
    (("e",), "go to the finding's state"),
    (("Esc",), "leave the search, close, go back"),
    (("?",), "these keys"),
)
#: What a screen says after an act. Only the key stands in the address, so that no link can put words here.
SAID = {
    "saved": "Saved.",
    "corrected": "Corrected. Your word now stands above the clues.",
    "merged": "Merged. The two are one device now; undo it under Identity evidence.",
    "split": "Split. The addresses that you chose are another device now.",
    "undone": "Undone.",
    "view": "The view is saved.",
    "view-removed": "The view is removed.",
    "roles": "The roles are changed.",
    "disabled": "Disabled: sessions and tokens ended.",
    "enabled": "Let in again. Earlier sessions and tokens stay dead.",
    "ended": "Logged out everywhere.",
    "revoked": "The token is revoked.",
    "approved": "Approved. Whoever asked can do it now, once.",
    "refused": "Refused.",
    "sso": "Single sign-on is set.",
    "retention": "Set. What is older than that goes within the hour.",
    "erased": "The device is erased. What a sensor sees of it again is told anew.",
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks, as templates show it."""

    name: str
    display: str
    roles: tuple[str, ...]
    csrf: str


@dataclass(frozen=True)
class Visit(Acting):
    """One request of a screen."""

    request: Request
    platform: Platform
    principal: Principal
    scope: Scope
    here: Address
    now: int  # ns since 1970, UTC
    zone: tzinfo
    zone_name: str

    @property
    def access(self) -> Access:
        """This server's access control."""
        return access_of(self.request)

    def may(self, method: str, where: str) -> bool:
        """Return whether this person may do that: forms that would be refused are not shown."""
        found = find(method, where)
        return found is not None and self.principal.may(found[0])

    def scope_of(self, method: str, where: str) -> Scope | None:
        """Return at which sites this person may do that, or None where nowhere."""
        found = find(method, where)
        if found is None or not self.principal.may(found[0]):
            return None
        endpoint: Endpoint = found[0]
        return self.principal.scope(endpoint.roles)


def _visit(request: Request) -> Visit:
    principal = principal_of(request)
    platform: Platform = request.app.state.platform
    pairs = [pair for pair in request.query_params.multi_items() if pair[0] not in ("said", "count")]
    zone, zone_name = clock_of(_cookie(request, "clock"))
    here = Address(request.url.path, pairs)
    return Visit(request, platform, principal, request.state.scope, here, platform.clock(), zone, zone_name)


AtScreen = Annotated[Visit, Depends(_visit)]


def _cookie(request: Request, name: str) -> str:
    from urllib.parse import unquote

    return unquote(request.cookies.get(name, ""))[:64]


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalised,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(FILTERS)
    made.filters["tojson_text"] = _json_text
    made.globals.update(path=path, static=static.address, screens=SCREENS, keys_help=KEYS, version=__version__)
    made.globals.update(account_path="/account", logout_path="/log-out")
    return made


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def render(visit: Visit, template: str, screen: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Return a screen as HTML."""
    principal = visit.principal
    roles = tuple(sorted({role for role, _ in principal.grants}))
    visitor = Visitor(principal.name, principal.display, roles, masked(principal.csrf))
    theme = _cookie(visit.request, "theme")
    with visit.reading() as connection:
        live_after = last_change(connection)
    text = (
        _environment()
        .get_template(template)
        .render(
            visitor=visitor,
            screen=screen,
            here=visit.here,
            now=visit.now,
            zone=visit.zone,
            zone_name=visit.zone_name,
            theme=theme if theme in ("dark", "light") else "",
            knowledge=visit.platform.knowledge,
            said=_said(visit.request),
            live_after=live_after,
            troubles=troubles(visit.platform),
            notices=notices(visit.access),
            to_decide=len(approvals.to_decide(visit.access, principal)),
            **{"problem": None, **context},
        )
    )
    return HTMLResponse(text, status, {"Cache-Control": "no-store"})


def part(visit: Visit, template: str, **context: Any) -> HTMLResponse:
    """Return a piece of a screen as HTML, for a script that puts it in its place."""
    text = _environment().get_template(template).render(here=visit.here, now=visit.now, zone=visit.zone, **context)
    return HTMLResponse(text, 200, {"Cache-Control": "no-store"})


def _said(request: Request) -> str:
    word, count = request.query_params.get("said", ""), request.query_params.get("count", "")
    if word == "changed" and count.isascii() and count.isdigit() and len(count) < 7:
        return f"{int(count):,} {'device' if count == '1' else 'devices'} changed."
    return SAID.get(word, "")


def back_to(where: str, said: str, count: int | None = None) -> RedirectResponse:
    """Return to a screen of ours after an act, and say what was done."""
    if not where.startswith("/") or where.startswith(("//", "/\\")):
        where = "/"
    joint = "&" if "?" in where else "?"
    number = f"&count={count}" if count is not None else ""
    return RedirectResponse(f"{where}{joint}said={said}{number}", 303)
