"""The guard: every request passes here before any route sees it.

Rule 1: the guard is middleware, so that nothing is reached beside it, and it fails closed: in doubt it refuses.
Rule 2: it finds the row of the table by its own reading of the path; ``as_listed``, a dependency of the whole app,
    checks that the router came to the same one.
"""

from __future__ import annotations

import json
import math
import secrets
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringfence.app.access import approvals, sessions
from ringfence.app.access.access import Access
from ringfence.app.access.forgery import matches
from ringfence.app.access.limits import source
from ringfence.app.access.principal import Principal
from ringfence.app.access.table import Endpoint, find, methods_of
from ringfence.app.problems import answer
from ringfence.model.errors import RingfenceError

__all__ = ["NEWS", "Guard", "access_of", "as_listed", "principal_of", "where_of"]

#: What a page sends with requests that its reader did not make: a redraw because of news does not keep a session alive.
#: Who sends it without need only shortens their own session.
NEWS = "x-ringfence-news"

_SAFE = ("GET", "HEAD", "OPTIONS")
_FORM = "application/x-www-form-urlencoded"


class Guard:
    """Admit a request or refuse it, in nine steps.

    1. Host must be one of ``platform.origins``: a name that was rebound to this address is refused.
    2. The request must have a row in ``ENDPOINTS``; its body may have at most as many bytes as the row says.
    3. The address has not sent too much; log-in and its like are stricter.
    4. An unsafe request that names its origin names one of ours (Origin, Sec-Fetch-Site).
    5. Who asks: an API token, else the session's cookie; a bad token is refused, never taken for nobody. What a page
       asks by itself (``quiet``) does not keep a session from idling.
    6. The person or token has not sent too much.
    7. The roles allow the row, at any site; the sites where they do stand in ``request.state.scope``.
    8. An unsafe request of a session carries the session's token, and names its origin.
    9. A dangerous act for which four eyes are demanded has an unused approval of exactly this by another person.

    The handler's part: show and change only what ``request.state.scope`` covers, and write the audit entry.
    Sets ``request.state``: ``principal`` (None for open rows), ``endpoint``, ``scope``, ``request_id``.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access
        self._hosts = {urlsplit(origin).netloc.lower() for origin in access.platform.origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})  # No WebSocket route exists.
            return
        state = scope.setdefault("state", {})
        state.update(principal=None, endpoint=None, scope=None)
        state.setdefault("request_id", secrets.token_hex(8))  # ``observe.Observed`` has given one where it is there.
        request = Request(scope, receive)
        admitted = _Admitted(request)
        try:
            await self._admit(request, admitted)
        except RingfenceError as error:
            response = _refused(request, error, admitted)
            await response(scope, receive, send)
            return
        if admitted.approval is None:
            await self._app(scope, admitted.receive, send)
            return
        await self._with_approval(admitted.approval, scope, admitted.receive, send)

    async def _admit(self, request: Request, admitted: _Admitted) -> None:
        access, headers, path = self._access, request.headers, request.scope["path"]
        if headers.get("host", "").lower() not in self._hosts:
            raise RingfenceError("host-unknown", headers.get("host", ""), "no address that this server was given")
        found = find(request.method, path)
        if found is None:
            raise _without_row(request)
        endpoint, parameters = found
        request.state.endpoint, request.state.listed = endpoint, parameters
        admitted.bound(endpoint.body)
        address = source(request.client.host if request.client else "")
        _spend(access.addresses.take(address, access.now()), address, admitted)
        if endpoint.strict:
            _spend(access.strict.take(address, access.now()), address, admitted)
        if request.method not in _SAFE:
            self._origin(headers)
        quiet = endpoint.quiet or headers.get(NEWS) is not None
        principal = None if endpoint.anonymous else await run_in_threadpool(_recognise, access, request, quiet)
        request.state.principal = principal
        if principal is not None:
            _spend(access.people.take(principal.token or principal.person, access.now()), principal.name, admitted)
        elif not endpoint.open:
            raise RingfenceError("not-logged-in", path)
        if principal is not None and not principal.may(endpoint):
            raise RingfenceError("not-allowed", endpoint.name, _needed(endpoint))
        request.state.scope = principal.scope(endpoint.roles) if principal else None
        if principal is None:
            return
        if request.method not in _SAFE and principal.csrf is not None and endpoint.csrf:
            await self._csrf(request, principal, admitted)
        if endpoint.dangerous:
            await self._four_eyes(request, principal, endpoint, admitted)

    def _origin(self, headers: Headers) -> None:
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin == "null" and site == "same-origin":
            origin = None  # What browsers send with a form of ours whose page has the policy no-referrer.
        if origin is not None and origin not in self._access.platform.origins:
            raise RingfenceError("origin-foreign", origin)
        if site is not None and site not in ("same-origin", "none"):
            raise RingfenceError("origin-foreign", site, "a browser says that another site made the request")

    async def _csrf(self, request: Request, principal: Principal, admitted: _Admitted) -> None:
        if "origin" not in request.headers and "sec-fetch-site" not in request.headers:
            raise RingfenceError("origin-foreign", "no origin", "a session's request must say where it comes from")
        given = request.headers.get("x-csrf-token")
        if given is None and request.headers.get("content-type", "").startswith(_FORM):
            given = dict(parse_qsl((await admitted.body()).decode("utf-8", "replace"))).get("csrf")
        if not matches(given, principal.csrf):
            raise RingfenceError("csrf-token", request.url.path)

    async def _four_eyes(self, request: Request, principal: Principal, endpoint: Endpoint, admitted: _Admitted) -> None:
        if not await run_in_threadpool(approvals.demanded, self._access, endpoint):
            return
        act = approvals.Act(
            endpoint.name,
            request.scope["path"],
            sorted(request.query_params.multi_items()),
            _content(request.headers.get("content-type", ""), await admitted.body()),
            request.state.scope.sites,
        )
        given = await run_in_threadpool(approvals.use, self._access, principal, act)
        if not given.granted:
            admitted.pending = given.id
            raise RingfenceError("approval-needed", endpoint.name, f"approval {given.id} was asked for")
        admitted.approval = given.id

    async def _with_approval(self, approval: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Run an approved act; where it fails, the approval stays usable."""
        status = 500

        async def watching(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watching)
        finally:
            if status >= 400:
                await run_in_threadpool(approvals.give_back, self._access, approval)


class _Admitted:
    """A request on its way in: its body, read at most once and at most as long as allowed."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._body: bytes | None = None
        self._most = 0
        self._count = 0
        self.retry_after = 0.0
        self.pending: str | None = None
        self.approval: str | None = None

    def bound(self, most: int) -> None:
        self._most = most
        length = self._request.headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or len(length) > 18 or int(length) > most:
            raise RingfenceError("request-too-large", length[:20], f"at most {most:,} bytes")

    async def body(self) -> bytes:
        """Return the whole body; ``receive`` gives it out again."""
        if self._body is None:
            parts, more = [], True
            while more:
                message = await self._counted()
                if message["type"] == "http.disconnect":
                    raise RingfenceError("request-invalid", "request", "it ended early")
                parts.append(message.get("body", b""))
                more = message.get("more_body", False)
            self._body = b"".join(parts)
            self._replayed = False
        return self._body

    async def receive(self) -> Message:
        if self._body is not None and not self._replayed:
            self._replayed = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        return await self._counted(HTTPException(413))

    async def _counted(self, error: Exception | None = None) -> Message:
        message = await self._request.receive()
        self._count += len(message.get("body", b""))
        if self._count > self._most:
            raise error or RingfenceError("request-too-large", "request", f"at most {self._most:,} bytes")
        return message


async def as_listed(request: Request) -> None:
    """Refuse where the router came to another route than the guard: the wrong row would have judged it."""
    endpoint: Endpoint | None = getattr(request.state, "endpoint", None)
    route = request.scope.get("route")
    taken = {name: str(value) for name, value in request.scope.get("path_params", {}).items()}
    if endpoint is None or route is None or not endpoint.path.endswith(route.path) or taken != request.state.listed:
        raise RingfenceError("not-listed", f"{request.method} {request.url.path}")


def principal_of(request: Request) -> Principal:
    """Return who asks; for handlers of rows that are not open."""
    principal = request.state.principal
    if not isinstance(principal, Principal):
        raise RingfenceError("not-logged-in", request.url.path)
    return principal


def access_of(request: Request) -> Access:
    """Return this server's access control."""
    access = request.app.state.access
    assert isinstance(access, Access)  # noqa: S101 ``create_app`` set it.
    return access


def where_of(request: Request) -> str:
    """Return address and program of a request, as told: for the list of sessions and the audit log."""
    address = request.client.host if request.client else "?"
    return f"{address} {request.headers.get('user-agent', '')[:200]}".strip()


def _recognise(access: Access, request: Request, quiet: bool) -> Principal | None:
    header = request.headers.get("authorization")
    if header is not None:
        kind, _, secret = header.partition(" ")
        principal = sessions.of_token(access, secret.strip()) if kind.lower() == "bearer" else None
        if principal is None:
            raise RingfenceError("not-logged-in", "Authorization", "the token is unknown, expired or revoked")
        return principal
    cookie = request.cookies.get(sessions.cookie_name(access))
    return sessions.of_cookie(access, cookie, quiet=quiet) if cookie else None


def _content(kind: str, body: bytes) -> Any:
    """Return what is to be done, as it is shown to the approver: the same act gives the same value."""
    if not body:
        return None
    if kind.startswith(_FORM):
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        return sorted([name, value] for name, value in fields if name != "csrf")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return {"bytes": len(body), "sha256": approvals.digest_of_bytes(body)}


def _needed(endpoint: Endpoint) -> str:
    if endpoint.session_only and not endpoint.roles:
        return "an API token can't do this"
    return f"it takes the role {' or '.join(endpoint.roles)}{' everywhere' if endpoint.everywhere else ''}"


def _without_row(request: Request) -> RingfenceError:
    asked = f"{request.method} {request.scope['path']}"
    if methods_of(request.scope["path"]):
        return RingfenceError("request-method", asked)
    served = any(route.matches(request.scope)[0] is not Match.NONE for route in request.app.routes)
    return RingfenceError("not-listed" if served else "not-found", asked)


def _spend(wait: float, who: str, admitted: _Admitted) -> None:
    if wait:
        admitted.retry_after = wait
        raise RingfenceError("too-many-requests", who)


def _refused(request: Request, error: RingfenceError, admitted: _Admitted) -> Response:
    headers = {}
    if error.code.code == "too-many-requests":
        headers["Retry-After"] = str(math.ceil(admitted.retry_after))
    if error.code.code == "request-method":
        headers["Allow"] = ", ".join(methods_of(request.scope["path"]))
    if error.code.code == "not-logged-in":
        headers["WWW-Authenticate"] = 'Bearer realm="ringfence"'
    errors = [("approval", admitted.pending)] if admitted.pending else []
    return answer(request, error, errors=errors, headers=headers)
