"""The one table of who may use what: every way into the server, with its roles.

Rule 1: a route without a row here is refused (``not-listed``): forgetting one locks a door instead of opening it.
Rule 2: ``roles`` are alternatives; a role counts at the sites where it is held, and the handler narrows to those
    (``request.state.scope``). ``everywhere`` asks for the role at site ``*``: people, settings, the audit log.
Rule 3: no roles and not ``open`` means: everybody who is logged in, for what concerns only themselves.
Rule 4: paths are spelled as the router spells them, with the prefix; a mounted folder ends in ``{path:path}``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from re import Pattern

from starlette.convertors import Convertor
from starlette.routing import compile_path

__all__ = ["ADMIN", "ENDPOINTS", "ENGINEER", "READ", "ROLES", "WRITE", "Endpoint", "canonical", "find", "methods_of"]

ROLES = ("viewer", "analyst", "engineer", "approver", "auditor", "admin")
READ = ROLES  # Every role may look at what its sites hold.
WRITE = ("analyst", "engineer", "admin")  # What people say of devices and findings.
ENGINEER = ("engineer", "admin")  # Where things stand, and what a rule may do to them.
ADMIN = ("admin",)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way into the server.

    Args:
        method: GET (HEAD goes with it), POST, PUT, PATCH or DELETE.
        path: as the router spells it, such as ``/api/v1/devices/{id}``.
        roles: any one of them is needed; see Rule 2 and Rule 3.
        dangerous: can hurt a plant, people or evidence; four eyes can be demanded for it.
        open: usable without log-in.
        csrf: a session's unsafe request must carry the session's token (form field ``csrf`` or ``X-CSRF-Token``).
        everywhere: the role must be held at site ``*``.
        session_only: refused to API tokens, whatever their roles.
        anonymous: nobody is recognised here, so that it answers while the store is gone; only with ``open``.
        strict: limited like log-in: a few requests a minute for an address.
        body: bytes that a request may have at most.
        same_as: the API's row that does the same act: four eyes that are demanded for that one count here too.
        quiet: asked by a page and not by its reader: it does not keep a session from idling.
        secret: its answer may hold a secret, so it is never compressed (``app/compress.py``).
    """

    method: str
    path: str
    roles: tuple[str, ...] = ()
    dangerous: bool = False
    open: bool = False
    csrf: bool = True
    everywhere: bool = False
    session_only: bool = False
    anonymous: bool = False
    strict: bool = False
    body: int = 1_048_576
    same_as: str = ""
    quiet: bool = False
    secret: bool = False

    @property
    def name(self) -> str:
        """Method and path, as settings and the audit log name it."""
        return f"{self.method} {self.path}"


def _act(
    path: str, same_as: str, roles: tuple[str, ...] = ADMIN, *, everywhere: bool = True, secret: bool = False
) -> Endpoint:
    """Return the row of a screen's form for a dangerous act of the API."""
    return Endpoint(
        "POST", path, roles, everywhere=everywhere, dangerous=True, session_only=True, same_as=same_as, secret=secret
    )


ENDPOINTS: tuple[Endpoint, ...] = (
    # --- access: log-in, the own account -----------------------------------------------------------------------------
    Endpoint("GET", "/log-in", open=True),
    Endpoint("POST", "/log-in", open=True, csrf=False, strict=True, body=16_384),
    Endpoint("POST", "/log-out", session_only=True),
    Endpoint("GET", "/welcome", open=True),
    Endpoint("POST", "/welcome", open=True, csrf=False, strict=True, body=16_384, secret=True),
    Endpoint("GET", "/account", session_only=True),
    Endpoint("POST", "/account/password", session_only=True, strict=True),
    Endpoint("POST", "/account/totp", session_only=True, secret=True),
    Endpoint("POST", "/account/totp/confirm", session_only=True, strict=True, secret=True),
    Endpoint("POST", "/account/totp/remove", session_only=True, strict=True),
    Endpoint("POST", "/account/tokens", session_only=True, secret=True),
    Endpoint("POST", "/account/tokens/{id}/revoke", session_only=True),
    Endpoint("POST", "/account/passkeys/{id}/remove", session_only=True),
    Endpoint("POST", "/account/sessions/end", session_only=True),
    Endpoint("GET", "/access/{name}", open=True),
    Endpoint("GET", "/sso/start", open=True, strict=True),
    Endpoint("GET", "/sso/callback", open=True, strict=True),
    Endpoint("GET", "/api/v1/session", secret=True),
    Endpoint("POST", "/api/v1/session", open=True, csrf=False, strict=True, body=16_384, secret=True),
    Endpoint("DELETE", "/api/v1/session", session_only=True),
    Endpoint("POST", "/api/v1/session/end-others", session_only=True),
    Endpoint("POST", "/api/v1/session/password", session_only=True, strict=True),
    Endpoint("POST", "/api/v1/session/totp", session_only=True, secret=True),
    Endpoint("POST", "/api/v1/session/totp/confirm", session_only=True, strict=True, secret=True),
    Endpoint("DELETE", "/api/v1/session/totp", session_only=True, strict=True),
    Endpoint("GET", "/api/v1/passkeys", session_only=True),
    Endpoint("POST", "/api/v1/passkeys/options", session_only=True),
    Endpoint("POST", "/api/v1/passkeys", session_only=True),
    Endpoint("DELETE", "/api/v1/passkeys/{id}", session_only=True),
    Endpoint("POST", "/api/v1/passkeys/log-in/options", open=True, csrf=False, strict=True, body=16_384),
    Endpoint("POST", "/api/v1/passkeys/log-in", open=True, csrf=False, strict=True, body=65_536, secret=True),
    Endpoint("GET", "/api/v1/tokens"),
    Endpoint("POST", "/api/v1/tokens", session_only=True, secret=True),
    Endpoint("DELETE", "/api/v1/tokens/{id}"),
    # --- access: people, approvals, single sign-on, audit ------------------------------------------------------------
    Endpoint("GET", "/api/v1/people", ("admin", "auditor"), everywhere=True),
    Endpoint("GET", "/api/v1/people/{id}", ("admin", "auditor"), everywhere=True),
    Endpoint("POST", "/api/v1/people/invite", ADMIN, everywhere=True, dangerous=True, session_only=True, secret=True),
    Endpoint("PUT", "/api/v1/people/{id}/roles", ADMIN, everywhere=True, dangerous=True, session_only=True),
    Endpoint("POST", "/api/v1/people/{id}/disable", ADMIN, everywhere=True),
    Endpoint("POST", "/api/v1/people/{id}/sessions/end", ADMIN, everywhere=True),
    Endpoint("POST", "/api/v1/people/{id}/enable", ADMIN, everywhere=True, dangerous=True, session_only=True),
    Endpoint(
        "POST", "/api/v1/people/{id}/link", ADMIN, everywhere=True, dangerous=True, session_only=True, secret=True
    ),
    Endpoint("GET", "/api/v1/approvals", READ),
    Endpoint("POST", "/api/v1/approvals/{id}", ("approver",), session_only=True),
    Endpoint("GET", "/api/v1/approvals/setting", ("admin", "auditor"), everywhere=True),
    Endpoint("PUT", "/api/v1/approvals/setting", ADMIN, everywhere=True, dangerous=True, session_only=True),
    Endpoint("GET", "/api/v1/sso", ("admin", "auditor"), everywhere=True),
    Endpoint("PUT", "/api/v1/sso", ADMIN, everywhere=True, dangerous=True, session_only=True),
    Endpoint("POST", "/api/v1/sso/test", ADMIN, everywhere=True, session_only=True),
    Endpoint("GET", "/api/v1/audit", ("auditor", "admin"), everywhere=True),
    Endpoint("GET", "/api/v1/audit/verification", ("auditor", "admin"), everywhere=True),
    Endpoint("POST", "/api/v1/audit/checkpoints", ("auditor", "admin"), everywhere=True),
    # --- api -----------------------------------------------------------------------------------------------------
    Endpoint("GET", "/healthz", open=True, anonymous=True),
    Endpoint("GET", "/readyz", open=True, anonymous=True),
    Endpoint("GET", "/metrics", open=True, anonymous=True),
    Endpoint("GET", "/api/v1/devices", READ),
    Endpoint("GET", "/api/v1/devices/facets", READ),
    Endpoint("GET", "/api/v1/devices/export", READ),
    Endpoint("POST", "/api/v1/devices/changes", WRITE),
    Endpoint("GET", "/api/v1/devices/{id}", READ),
    Endpoint("PATCH", "/api/v1/devices/{id}", WRITE),
    Endpoint("PUT", "/api/v1/devices/{id}/safety", ENGINEER, dangerous=True),
    Endpoint("POST", "/api/v1/devices/{id}/corrections", WRITE),
    Endpoint("POST", "/api/v1/devices/{id}/merges", WRITE),
    Endpoint("POST", "/api/v1/devices/{id}/splits", WRITE),
    Endpoint("POST", "/api/v1/devices/{id}/erasure", ADMIN, dangerous=True),
    Endpoint("POST", "/api/v1/decisions/{id}/undo", WRITE),
    Endpoint("GET", "/api/v1/findings", READ),
    Endpoint("GET", "/api/v1/findings/export", READ),
    Endpoint("GET", "/api/v1/findings/{id}", READ),
    Endpoint("PATCH", "/api/v1/findings/{id}", WRITE),
    Endpoint("GET", "/api/v1/findings/{id}/packets", WRITE),
    Endpoint("GET", "/api/v1/conversations", READ),
    Endpoint("GET", "/api/v1/conversations/export", READ),
    Endpoint("GET", "/api/v1/flows", READ),
    Endpoint("GET", "/api/v1/talkers", READ),
    Endpoint("GET", "/api/v1/map", READ),
    Endpoint("GET", "/api/v1/sites", READ),
    Endpoint("POST", "/api/v1/sites", ENGINEER, everywhere=True),
    Endpoint("PATCH", "/api/v1/sites/{id}", ENGINEER, everywhere=True),
    Endpoint("GET", "/api/v1/zones", READ),
    Endpoint("POST", "/api/v1/zones", ENGINEER),
    Endpoint("PATCH", "/api/v1/zones/{id}", ENGINEER),
    Endpoint("GET", "/api/v1/domains", READ),
    Endpoint("PUT", "/api/v1/domains/{name}", ENGINEER, everywhere=True),
    Endpoint("GET", "/api/v1/intended", READ),
    Endpoint("POST", "/api/v1/intended/csv", ENGINEER, everywhere=True, body=16_777_216),
    Endpoint("POST", "/api/v1/intended/netbox", ENGINEER, everywhere=True, body=16_777_216),
    Endpoint("GET", "/api/v1/views", READ),
    Endpoint("POST", "/api/v1/views", READ),
    Endpoint("DELETE", "/api/v1/views/{number}", READ),
    Endpoint("GET", "/api/v1/today", READ),
    Endpoint("GET", "/api/v1/sensors", READ),
    Endpoint("GET", "/api/v1/changes", READ),
    Endpoint("GET", "/api/v1/events", READ, quiet=True),
    Endpoint("GET", "/api/v1/about", READ),
    Endpoint("GET", "/api/v1/retention", READ),
    Endpoint("PUT", "/api/v1/retention", ADMIN, everywhere=True, dangerous=True),
    Endpoint("GET", "/api/v1/openapi.json"),
    # --- web: screens ------------------------------------------------------------------------------------------------
    Endpoint("GET", "/static/{version}/{name}", open=True),
    Endpoint("GET", "/", READ, session_only=True),
    Endpoint("GET", "/live", READ, session_only=True, quiet=True),
    Endpoint("GET", "/find", READ, session_only=True),
    Endpoint("GET", "/devices", READ, session_only=True),
    Endpoint("GET", "/devices/facets", READ, session_only=True),
    Endpoint("GET", "/devices/export.csv", READ, session_only=True),
    Endpoint("GET", "/devices/export.jsonl", READ, session_only=True),
    Endpoint("POST", "/devices/bulk", WRITE, session_only=True),
    Endpoint("POST", "/devices/views", READ, session_only=True),
    Endpoint("POST", "/devices/views/{number}/remove", READ, session_only=True),
    Endpoint("GET", "/devices/{id}", READ, session_only=True),
    Endpoint("POST", "/devices/{id}/note", WRITE, session_only=True),
    _act("/devices/{id}/safety", "PUT /api/v1/devices/{id}/safety", ENGINEER, everywhere=False),
    _act("/devices/{id}/erase", "POST /api/v1/devices/{id}/erasure", everywhere=False),
    Endpoint("POST", "/devices/{id}/correct", WRITE, session_only=True),
    Endpoint("POST", "/devices/{id}/merge", WRITE, session_only=True),
    Endpoint("POST", "/devices/{id}/split", WRITE, session_only=True),
    Endpoint("POST", "/devices/{id}/decisions/{decision}/undo", WRITE, session_only=True),
    Endpoint("GET", "/map", READ, session_only=True),
    Endpoint("GET", "/findings", READ, session_only=True),
    Endpoint("GET", "/findings/{id}", READ, session_only=True),
    Endpoint("POST", "/findings/{id}", WRITE, session_only=True),
    Endpoint("GET", "/flows", READ, session_only=True),
    Endpoint("GET", "/system", READ, session_only=True),
    _act("/system/people/invite", "POST /api/v1/people/invite", secret=True),
    _act("/system/people/{id}/roles", "PUT /api/v1/people/{id}/roles"),
    _act("/system/people/{id}/enable", "POST /api/v1/people/{id}/enable"),
    _act("/system/people/{id}/link", "POST /api/v1/people/{id}/link", secret=True),
    Endpoint("POST", "/system/people/{id}/disable", ADMIN, everywhere=True, session_only=True),
    Endpoint("POST", "/system/people/{id}/sessions/end", ADMIN, everywhere=True, session_only=True),
    Endpoint("POST", "/system/tokens/{id}/revoke", ADMIN, everywhere=True, session_only=True),
    Endpoint("POST", "/system/approvals/{id}", ("approver",), session_only=True),
    _act("/system/four-eyes", "PUT /api/v1/approvals/setting"),
    _act("/system/sso", "PUT /api/v1/sso"),
    _act("/system/retention", "PUT /api/v1/retention"),
    Endpoint("POST", "/system/sso/test", ADMIN, everywhere=True, session_only=True),
)


@cache
def _compiled() -> tuple[tuple[Endpoint, Pattern[str], dict[str, Convertor[object]]], ...]:
    # Fewer parameters first, so that /approvals/setting is found before /approvals/{id}.
    rows = sorted(ENDPOINTS, key=lambda row: (row.path.count(":path}"), row.path.count("{"), -len(row.path)))
    made = []
    for row in rows:
        pattern, _, convertors = compile_path(row.path)
        made.append((row, pattern, convertors))
    return tuple(made)


def find(method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
    """Return the row for a request and the path's parameters as texts; None where there is none. HEAD counts as GET."""
    method = "GET" if method == "HEAD" else method
    for row, pattern, _ in _compiled():
        if row.method == method and (match := pattern.match(path)):
            return row, match.groupdict()
    return None


def canonical(name: str) -> str:
    """Return the name by which an act is known whatever way it comes: the API's, where a screen does the same."""
    return next((row.same_as for row in ENDPOINTS if row.name == name and row.same_as), name)


def methods_of(path: str) -> tuple[str, ...]:
    """Return the methods of the rows with the nearest path that fits; none where no row fits."""
    nearest = next((row.path for row, pattern, _ in _compiled() if pattern.match(path)), None)
    found = {row.method for row in ENDPOINTS if row.path == nearest}
    return tuple(sorted(found | ({"HEAD"} if "GET" in found else set())))
