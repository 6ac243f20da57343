"""The server as an application: guard, security headers, routers in a fixed list.

Rule 1: a router stands in ``ROUTERS``; it has its whole prefix itself and includes no other router, so that a route's
    path is the path in the table of ``access/table.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringfence import __version__
from ringfence.app import problems
from ringfence.app.access.access import Access, AccessOptions
from ringfence.app.access.guard import Guard, as_listed
from ringfence.app.api.events import Streams
from ringfence.app.compress import Compressed
from ringfence.app.config import MetricsOptions
from ringfence.app.observe import Observed, Observer
from ringfence.app.platform import Platform

__all__ = ["HEADERS", "ROUTERS", "create_app"]

#: Modules with a ``router``, in the order in which paths are tried.
ROUTERS: tuple[str, ...] = (
    "ringfence.app.observe",
    "ringfence.app.access.pages",
    "ringfence.app.access.session_api",
    "ringfence.app.access.people_api",
    "ringfence.app.api.v1.device_acts",
    "ringfence.app.api.v1.devices",
    "ringfence.app.api.v1.findings",
    "ringfence.app.api.v1.traffic",
    "ringfence.app.api.v1.places",
    "ringfence.app.api.v1.intended",
    "ringfence.app.api.v1.views",
    "ringfence.app.api.v1.system",
    "ringfence.app.web.static",
    "ringfence.app.web.today",
    "ringfence.app.web.devices",
    "ringfence.app.web.device_acts",
    "ringfence.app.web.device",
    "ringfence.app.web.map",
    "ringfence.app.web.findings",
    "ringfence.app.web.flows",
    "ringfence.app.web.system",
    "ringfence.app.web.system_acts",
)

#: Sent with every answer. Nothing is loaded from elsewhere, nothing inline runs, nobody frames us. Referrer-Policy is
#: not no-referrer because browsers would then send ``Origin: null`` with our own forms.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def create_app(
    platform: Platform, options: AccessOptions | None = None, metrics: MetricsOptions | None = None
) -> FastAPI:
    """Return the application for one installation."""
    app = FastAPI(
        title="Ringfence",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(as_listed)],
        redirect_slashes=False,
    )
    access = Access(platform, options or AccessOptions())
    app.state.platform = platform
    app.state.access = access
    app.state.observer = Observer(platform, metrics)
    app.state.streams = Streams()
    problems.install(app)
    for name in ROUTERS:
        app.include_router(import_module(name).router)
    # The last added is the outermost.
    app.add_middleware(problems.Unforeseen)
    app.add_middleware(Guard, access=access)
    app.add_middleware(Compressed)
    app.add_middleware(SecurityHeaders, secure=platform.secure)
    app.add_middleware(Observed, observer=app.state.observer)
    return app


class SecurityHeaders:
    """Adds ``HEADERS``, the request's id, and ``Cache-Control: no-store`` where the answer says nothing of caching."""

    def __init__(self, app: ASGIApp, secure: bool) -> None:
        self._app = app
        extra = {"Strict-Transport-Security": "max-age=31536000"} if secure else {}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in {**HEADERS, **extra}.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                named = {name.lower() for name, _ in headers}
                headers += [pair for pair in self._headers if pair[0] not in named]
                if b"cache-control" not in named:
                    headers.append((b"cache-control", b"no-store"))
                if request_id := scope.get("state", {}).get("request_id"):
                    headers.append((b"x-request-id", request_id.encode()))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, adding if scope["type"] == "http" else send)
