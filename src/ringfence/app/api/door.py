"""What every handler is handed: the installation, who asks, what they may see, and how to do a thing once.

Rule 1: who asks (``request.state.principal``) and what they may see (``request.state.scope``) is the guard's to say; a
request that passed no guard is an error, never a request that may see everything.
Rule 2: what changes something says which version it changes: no If-Match, no change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response

from ringfence.app.access.acting import Acting
from ringfence.app.access.principal import Principal
from ringfence.app.api.paging import Cursors
from ringfence.app.platform import Platform
from ringfence.model.errors import RingfenceError
from ringfence.model.scope import Scope
from ringfence.store import answers
from ringfence.store.unit import UnitOfWork

__all__ = ["AtDoor", "Door", "IdempotencyKey", "IfMatch", "etag", "version_of"]

IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=200, description="The ETag of what was read; needed.")
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]+$",
        description="Chosen by the caller: the same request again with it does nothing twice (kept for a day).",
    ),
]

_ENTITY_TAG = re.compile(r'"(\d{1,18})"')


@dataclass(frozen=True)
class Door(Acting):
    """One request at the door."""

    request: Request
    platform: Platform
    principal: Principal
    scope: Scope
    digest: str  # of method, path, query and body

    @property
    def now(self) -> int:
        """Nanoseconds since 1970, UTC."""
        return self.platform.clock()

    @property
    def cursors(self) -> Cursors:
        """What seals the lists' cursors."""
        return Cursors(self.platform.secret)

    def once(self, key: str | None, response: Response, act: Callable[[UnitOfWork], Any]) -> Any:
        """Do ``act`` in one transaction and return its value; where ``key`` was seen, return what was answered then.

        Raises:
            RingfenceError: ``idempotency-conflict``, and what ``act`` raises.
        """
        with self.writing() as unit:
            if key is None:
                return act(unit)
            before = answers.remembered(unit.connection, self.principal.person, key, self.digest, unit.now)
            if before is not None:
                response.headers["Idempotency-Replayed"] = "true"
                response.headers.update(before.headers)
                return json.loads(before.body)
            value = act(unit)
            kept = {name: response.headers[name] for name in ("ETag", "Location") if name in response.headers}
            body = json.dumps(value).encode()
            person = self.principal.person
            answers.remember(unit.connection, person, key, self.digest, unit.now, headers=kept, body=body)
            return value


async def _door(request: Request) -> Door:
    principal = getattr(request.state, "principal", None)
    scope = getattr(request.state, "scope", None)
    if principal is None or scope is None:
        raise RingfenceError("not-logged-in", request.url.path, "The request passed no guard.")
    names = [name for name, _ in request.query_params.multi_items()]
    twice = next((name for name in names if names.count(name) > 1), None) if len(names) < 100 else names[0]
    if twice is not None:
        raise RingfenceError("request-invalid", f"query.{twice}"[:80], "Every name stands once in a query.")
    digest = sha256()
    for part in (
        request.method.encode(),
        request.scope["path"].encode(),
        request.url.query.encode(),
        await request.body(),
    ):
        digest.update(len(part).to_bytes(8, "big") + part)
    return Door(request, request.app.state.platform, principal, scope, digest.hexdigest())


AtDoor = Annotated[Door, Depends(_door)]


def etag(version: int) -> str:
    """Return the ETag of a version."""
    return f'"{version}"'


def version_of(if_match: str | None) -> int | None:
    """Return the version that ``If-Match`` names; None for ``*``, which takes any.

    Raises:
        RingfenceError: ``version-needed``, ``changed-meanwhile`` where it is no ETag of ours.
    """
    if if_match is None:
        raise RingfenceError("version-needed", "If-Match", "The request has no If-Match.")
    if if_match.strip() == "*":
        return None
    found = _ENTITY_TAG.fullmatch(if_match.strip())
    if found is None:
        raise RingfenceError("changed-meanwhile", "If-Match", "It is no ETag that was answered here.")
    return int(found[1])
