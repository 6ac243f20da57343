"""RFC 9457: every error of the API is ``application/problem+json`` with a stable code, the culprit and the remedy.

Rule 1: codes are those of ``model/errors.py``; here stands only which HTTP status each has.
Rule 2: nothing of our inside is told: the unforeseen is ``internal`` with the request's id, and the log has more.
Rule 3: screens answer people in HTML; only paths under ``/api/`` and what watches the server get problems.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ConfigDict, Field, with_config
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import TypedDict  # pydantic needs this one on Python 3.11.

from ringfence.app.escape import html_text, shortened, valid_unicode
from ringfence.model.errors import CODES, Fault, RingfenceError

__all__ = [
    "MEDIA_TYPE",
    "STATUS",
    "Problem",
    "Unforeseen",
    "answer",
    "declared",
    "install",
    "problem_response",
    "status_of",
    "wants_page",
]

_log = logging.getLogger("ringfence.server")

MEDIA_TYPE = "application/problem+json"
_LONGEST_TEXT = 500  # characters of a culprit or detail: both may be what somebody sent

#: The HTTP status by code; an operator's or a caller's fault that is not listed is 400, ours is 500.
STATUS: dict[str, int] = {
    "host-unknown": 421,
    "origin-foreign": 403,
    "not-listed": 403,
    "not-logged-in": 401,
    "not-allowed": 403,
    "csrf-token": 403,
    "too-many-requests": 429,
    "log-in-refused": 401,
    "second-factor": 401,
    "password-weak": 422,
    "link-invalid": 404,
    "person-invalid": 422,
    "token-invalid": 422,
    "passkey-unavailable": 409,
    "passkey-refused": 401,
    "approval-needed": 409,
    "sso-setting": 422,
    "sso-refused": 401,
    "egress-refused": 422,
    "audit-broken": 409,
    "changed-meanwhile": 412,
    "import-unreadable": 422,
    "query": 400,
    "value-refused": 422,
    "request-invalid": 422,
    "request-method": 405,
    "request-too-large": 413,
    "not-found": 404,
    "version-needed": 428,
    "idempotency-conflict": 422,
    "cursor-invalid": 400,
    "packets-not-kept": 404,
    "events-too-many": 429,
    "store-unreachable": 503,
    "disk-full": 503,
}

#: Where a page about an error leads; elsewhere it is the first screen.
_NEXT = {"approval-needed": ("/system?tab=approvals", "What waits for another person")}

_OF_STATUS = {404: "not-found", 405: "request-method", 413: "request-too-large"}


@with_config(ConfigDict(extra="forbid"))
class Wrong(TypedDict):
    """One thing that is wrong with a request."""

    where: Annotated[str, Field(description="Such as `query.limit` or `body.owner`.")]
    what: str


@with_config(ConfigDict(extra="forbid", title="Problem"))
class Problem(TypedDict):
    """RFC 9457. `code` is stable; `remedy` says what to do; `errors` lists each thing that is wrong."""

    type: Annotated[str, Field(description="`urn:ringfence:error:CODE`")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    code: str
    culprit: str
    remedy: str
    request_id: str | None
    errors: list[Wrong]


def status_of(code: str) -> int:
    """Return the HTTP status of an error's code."""
    return STATUS.get(code, 500 if CODES[code].fault is Fault.OURS else 400)


def problem_response(
    request: Request,
    error: RingfenceError,
    *,
    status: int | None = None,
    errors: Sequence[tuple[str, str]] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """Return the answer for an error."""
    made: Problem = {
        "type": f"urn:ringfence:error:{error.code.code}",
        "title": error.code.title,
        "status": status or status_of(error.code.code),
        "detail": _text(error.detail or error.code.title),
        "code": error.code.code,
        "culprit": _text(error.culprit),
        "remedy": error.code.remedy,
        "request_id": getattr(request.state, "request_id", None),
        "errors": [{"where": _text(where), "what": _text(what)} for where, what in errors],
    }
    told = {"Cache-Control": "no-store", **(headers or {})}
    if made["status"] == 503:
        told.setdefault("Retry-After", "5")
    return Response(json.dumps(made, ensure_ascii=False).encode(), made["status"], told, MEDIA_TYPE)


def answer(
    request: Request,
    error: RingfenceError,
    *,
    errors: Sequence[tuple[str, str]] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """Return a problem, or for a browser on its way to a screen a page; to log-in where nobody is logged in."""
    if not wants_page(request):
        return problem_response(request, error, errors=errors, headers=headers)
    told = {"Cache-Control": "no-store", **(headers or {})}
    if error.code.code == "not-logged-in" and request.method in ("GET", "HEAD"):
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return Response(status_code=303, headers={**told, "Location": "/log-in?" + urlencode({"next": path})})
    return Response(_page(error), status_of(error.code.code), told, "text/html; charset=utf-8")


def wants_page(request: Request) -> bool:
    """Return whether this is a browser's request for a screen."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


def _page(error: RingfenceError) -> str:
    title = html_text(error.code.title)
    where, label = _NEXT.get(error.code.code, ("/", "Back to Ringfence"))
    told = html_text(_text(error.detail)) if error.code.fault is not Fault.OURS else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} · Ringfence</title>'
        '<meta name="viewport" content="width=device-width">'
        '<link rel="icon" href="/access/ring.svg" type="image/svg+xml">'
        '<link rel="stylesheet" href="/access/report.css"><link rel="stylesheet" href="/access/access.css"></head>'
        f'<body><main class="door"><h1>{title}</h1><p>{told}</p><p>{html_text(error.code.remedy)}</p>'
        f'<p><code>{error.code.code}</code></p><p><a href="{where}">{label}</a></p></main></body></html>'
    )


def install(app: FastAPI) -> None:
    """Answer errors under ``/api/`` as problems."""
    app.add_exception_handler(RingfenceError, _ringfence)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)


class Unforeseen:
    """ASGI: answers what nobody foresaw as ``internal``; the log says what it was, the answer does not.

    Innermost of all middleware, so that this answer too carries the headers that every answer has. Where an answer has
    begun it is cut, so that it does not look whole.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            request = Request(scope)
            facts = {"request_id": getattr(request.state, "request_id", None)}
            _log.error("An error that nobody foresaw", exc_info=error, extra={"facts": facts})
            if begun or scope["type"] != "http":
                raise
            told = RingfenceError("internal", "server", "The server's log says more under this request's id.")
            await answer(request, told)(scope, receive, send)


def declared(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return FastAPI's ``responses`` for these statuses; ``openapi.py`` adds the schema that they name."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {code: {"description": _SAID[code], "content": {MEDIA_TYPE: schema}} for code in codes}


_SAID = {
    400: "The request can't be understood",
    401: "Nobody is logged in",
    403: "That is not allowed",
    404: "There is no such thing, or it can't be seen",
    409: "It contradicts what is there",
    412: "It was changed meanwhile",
    413: "The request is too large",
    421: "The server has no such name",
    422: "A value does not fit",
    428: "If-Match is needed",
    429: "Too many requests",
    500: "Something went wrong inside Ringfence",
    503: "The store can't be reached, or has no room",
}


def _text(text: str) -> str:
    return shortened(valid_unicode(text), _LONGEST_TEXT)


async def _ringfence(request: Request, error: Exception) -> Response:
    assert isinstance(error, RingfenceError)  # noqa: S101 Starlette calls this for nothing else.
    return answer(request, error, headers={"Retry-After": "5"} if status_of(error.code.code) == 429 else None)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 Starlette calls this for nothing else.
    wrong = [_wrong(row, request) for row in error.errors()[:20]]
    first = f"{wrong[0][0]}: {wrong[0][1]}" if wrong else ""
    made = RingfenceError("request-invalid", wrong[0][0] if wrong else "request", first)
    return problem_response(request, made, errors=wrong)


def _wrong(row: Mapping[str, Any], request: Request) -> tuple[str, str]:
    where = ".".join(str(each) for each in row["loc"])
    what = str(row["msg"]).removeprefix("Value error, ")
    if row["type"] == "extra_forbidden":
        what = "There is no such name."
        close = get_close_matches(str(row["loc"][-1]), _names(str(row["loc"][0]), request), 1)
        what += f" Did you mean {close[0]}?" if close else ""
    return where, what


def _names(where: str, request: Request) -> list[str]:
    """Return the names that the route takes there, for "did you mean"."""
    takes = getattr(request.scope.get("route"), "dependant", None)
    fields = {"query": "query_params", "body": "body_params", "header": "header_params"}.get(where, "")
    models = [getattr(each.field_info, "annotation", None) for each in getattr(takes, fields, ())]
    return [name for model in models for name in getattr(model, "model_fields", ())]


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 Starlette calls this for nothing else.
    code = _OF_STATUS.get(error.status_code, "internal" if error.status_code >= 500 else "request-invalid")
    culprit = f"{request.method} {request.url.path}"
    detail = _TOLD.get(error.status_code, CODES[code].title)
    if wants_page(request):
        return answer(request, RingfenceError(code, culprit, f"{detail}."), headers=dict(error.headers or {}))
    return problem_response(
        request,
        RingfenceError(code, culprit, f"{detail}."),
        status=error.status_code,
        headers=dict(error.headers or {}),
    )


_TOLD = {404: "There is nothing at this path", 405: "The path does not take this method", 400: "The body is no JSON"}
