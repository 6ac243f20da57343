"""Sessions of browsers, and who a request comes from.

Rule 1: a session begins at log-in with a new random secret and ends whatever session the browser had (no fixation).
Rule 2: the cookie is ``__Host-ringfence`` (Secure, no Domain, Path=/) where TLS is spoken; on loopback without TLS a
    browser takes no such name, so it is ``ringfence-PORT``. Always HttpOnly and SameSite=Lax: with Strict the way back
    from an identity provider would arrive without it.
Rule 3: uses are noted once a minute and behind the answer: a request that only reads does not wait for a writer.
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from starlette.responses import Response

from ringfence.app.access.access import MINUTE, Access
from ringfence.app.access.principal import Principal, meet
from ringfence.app.access.tokens import API, digest, session_secret, well_formed
from ringfence.store import audit, credentials
from ringfence.store.database import Connection
from ringfence.store.people import Person, by_id

__all__ = ["alive", "begin", "clear_cookie", "cookie_name", "end", "of_cookie", "of_token", "put_cookie"]


def begin(
    access: Access, connection: Connection, person: Person, how: str, where: str, *, replaces: str | None = None
) -> str:
    """Begin a session in the caller's transaction and return the cookie's secret; ``replaces`` is the old cookie."""
    now = access.now()
    secret = session_secret()
    if replaces:
        credentials.end_session(connection, digest(replaces))
    lasts = access.options.break_glass if person.break_glass else access.options.absolute
    how = "break_glass" if person.break_glass else how
    credentials.sweep(connection, now, now - access.options.idle)
    credentials.add_session(
        connection,
        credentials.Session(
            digest(secret), person.id, how, secrets.token_urlsafe(32), now, now, now + lasts, person.epoch, where[:300]
        ),
    )
    after = {"how": how, "where": where[:300]}
    act = "session.break_glass" if person.break_glass else "session.begin"
    audit.append(connection, now, person.name, f"session ({how})", act, person.id, after=after)
    return secret


def end(access: Access, principal: Principal) -> None:
    """End the session that asks."""
    if principal.session is None:
        return
    with access.platform.database.writing() as connection:
        credentials.end_session(connection, principal.session)
        audit.append(connection, access.now(), principal.name, principal.via, "session.end", principal.person)


def of_cookie(access: Access, secret: str, *, quiet: bool = False) -> Principal | None:
    """Return who the cookie's session belongs to; None where it is unknown, idle for too long or expired.

    ``quiet``: the request is a page's own and is no use of the session.
    """
    now = access.now()
    if len(secret) != 43:
        return None
    with access.platform.database.reading() as connection:
        found = credentials.session_by_digest(connection, digest(secret))
    if found is None:
        return None
    session, person = found
    if session.expires <= now or session.used + access.options.idle <= now:
        return None
    if session.used + MINUTE <= now and not quiet:
        access.note(session.digest, lambda connection: credentials.touch_session(connection, session.digest, now))
    return Principal(
        person.id,
        person.name,
        person.display,
        person.grants,
        session.how,
        csrf=session.csrf,
        session=session.digest,
    )


def of_token(access: Access, secret: str) -> Principal | None:
    """Return who an API token belongs to, with the roles that both token and person have."""
    now = access.now()
    if not well_formed(secret, API):
        return None
    with access.platform.database.reading() as connection:
        found = credentials.token_by_digest(connection, digest(secret), now)
    if found is None:
        return None
    token, person = found
    if token.used is None or token.used + MINUTE <= now:
        access.note(token.id, lambda connection: credentials.touch_token(connection, token.id, now))
    grants = meet(token.roles, person.grants)
    return Principal(person.id, person.name, person.display, grants, "token", token=token.id)


def alive(access: Access, principal: Principal) -> bool:
    """Return whether what a long answer (a stream) was begun with still counts; to be asked now and then."""
    now = access.now()
    with access.platform.database.reading() as connection:
        if principal.session is not None:
            found = credentials.session_by_digest(connection, principal.session)
            return found is not None and found[0].expires > now and found[0].used + access.options.idle > now
        rows = credentials.tokens_of(connection, principal.person)
        person = by_id(connection, principal.person)
    return (
        person is not None
        and not person.disabled
        and any(
            row.id == principal.token and row.revoked is None and row.expires > now and row.epoch == person.epoch
            for row in rows
        )
    )


def cookie_name(access: Access, sort: str = "ringfence") -> str:
    """Return the cookie's name; cookies are shared by all ports of a host, so the port stands in the plain one."""
    if access.platform.secure:
        return f"__Host-{sort}"
    return f"{sort}-{urlsplit(access.platform.origins[0]).port or 80}"


def put_cookie(access: Access, response: Response, secret: str, *, sort: str = "ringfence", age: int = 0) -> None:
    """Set a cookie on an answer; ``age`` in seconds, 0: until the browser closes."""
    response.set_cookie(
        cookie_name(access, sort),
        secret,
        max_age=age or None,
        path="/",
        secure=access.platform.secure,
        httponly=True,
        samesite="lax",
    )


def clear_cookie(access: Access, response: Response, sort: str = "ringfence") -> None:
    """Take a cookie back."""
    response.delete_cookie(
        cookie_name(access, sort), path="/", secure=access.platform.secure, httponly=True, samesite="lax"
    )
