"""Compresses answers with gzip where that tells nobody anything (RFC 9110 §8.4, §12.5.3).

Whoever can put text into an answer and see its length on the wire can guess secrets in the same answer (BREACH). So:

Rule 1: an answer to a browser is compressed only where ``Sec-Fetch-Site`` says that our own page or the person asked.
    No other site's page can make a browser send that, so none can try texts. Programs with a token get it always.
Rule 2: the session's token against forged requests is another text in each page (``access/forgery.py``).
Rule 3: rows of the table that may answer a secret (``secret``) are never compressed.
Rule 4: files of ours hold neither secrets nor anybody's text: always compressed.
Rule 5: only whole answers of the kinds below: no event stream, no export, no capture.
"""

from __future__ import annotations

import gzip

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringfence.app.access.table import Endpoint

__all__ = ["KINDS", "Compressed"]

KINDS = (
    "text/html",
    "text/css",
    "text/javascript",
    "application/json",
    "application/problem+json",
    "image/svg+xml",
)
_FILES = ("/static/", "/access/")
_SMALLEST = 1_024  # bytes: below, the answer fits into a packet anyway
_AT_ONCE = 32_768  # bytes that are compressed in the event loop; longer ones take a thread
_LEVEL = 5


class Compressed:
    """ASGI: compresses what may be. Stands outside the guard, which says which row of the table it was."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] == "HEAD" or not _takes_gzip(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        begun: Message | None = None

        async def squeezing(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = message  # Sent with the first part of the body, when it is known whether that is all.
                return
            if begun is None or message["type"] != "http.response.body":
                await send(message)
                return
            start, begun = begun, None
            body = message.get("body", b"")
            if not message.get("more_body", False) and len(body) >= _SMALLEST and _may(scope, start):
                body = await _squeezed(body)
                headers = MutableHeaders(raw=list(start["headers"]))
                headers["Content-Encoding"] = "gzip"
                headers["Content-Length"] = str(len(body))
                headers.add_vary_header("Accept-Encoding")
                start, message = {**start, "headers": headers.raw}, {**message, "body": body}
            await send(start)
            await send(message)

        await self._app(scope, receive, squeezing)


async def _squeezed(body: bytes) -> bytes:
    if len(body) <= _AT_ONCE:
        return gzip.compress(body, _LEVEL, mtime=0)
    return await run_in_threadpool(gzip.compress, body, _LEVEL, mtime=0)


def _takes_gzip(headers: Headers) -> bool:
    """Return whether the asker takes gzip: named, and not with a weight of zero."""
    for each in headers.get("accept-encoding", "").split(","):
        name, _, weight = each.partition(";")
        if name.strip().lower() == "gzip":
            return weight.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _may(scope: Scope, start: Message) -> bool:
    """Return whether this answer may be compressed; see the rules above."""
    headers, answered = Headers(scope=scope), Headers(raw=start["headers"])
    if answered.get("content-type", "").partition(";")[0] not in KINDS or "content-encoding" in answered:
        return False
    if scope["path"].startswith(_FILES):
        return True
    endpoint: Endpoint | None = scope.get("state", {}).get("endpoint")
    if endpoint is None or endpoint.secret:
        return False
    if headers.get("authorization") is not None:
        return True
    return headers.get("sec-fetch-site") in ("same-origin", "none")
