"""API tokens: made by a person for a program, at most with the person's roles, and for a while only."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from ringfence.app.access.access import Access
from ringfence.app.access.people import checked_grants
from ringfence.app.access.principal import Grant, Principal, meet
from ringfence.app.access.tokens import API, digest, make
from ringfence.model.errors import RingfenceError
from ringfence.store import audit, credentials, people
from ringfence.store.credentials import Token

__all__ = ["create", "listed", "revoke"]

_LONGEST_NAME = 100  # characters
_MOST = 100  # living tokens of a person


def create(access: Access, principal: Principal, name: str, grants: Iterable[Grant], lasts: int) -> tuple[Token, str]:
    """Make a token that lasts ``lasts`` nanoseconds; return it and its secret, which is shown once.

    Raises:
        RingfenceError: ``token-invalid`` for more than the maker's own roles or too long a life.
    """
    now, wanted = access.now(), checked_grants(grants)
    if not wanted or meet(wanted, principal.grants) != frozenset(wanted):
        raise RingfenceError("token-invalid", "roles", "at least one, and none that you don't hold yourself")
    if not 0 < lasts <= access.options.longest_token:
        raise RingfenceError("token-invalid", "expires")
    if not name.strip() or len(name) > _LONGEST_NAME:
        raise RingfenceError("token-invalid", "name", f"1 to {_LONGEST_NAME} characters")
    secret = make(API)
    with access.platform.database.writing() as connection:
        person = people.by_id(connection, principal.person)
        if person is None or person.disabled:
            raise RingfenceError("not-logged-in", principal.name)
        living = [
            row for row in credentials.tokens_of(connection, person.id) if row.revoked is None and row.expires > now
        ]
        if len(living) >= _MOST:
            raise RingfenceError("token-invalid", "tokens", f"at most {_MOST}: revoke some")
        token = Token(secrets.token_hex(4), person.id, name.strip(), wanted, now, now + lasts, None, None, person.epoch)
        credentials.add_token(connection, digest(secret), token)
        after = {"name": token.name, "roles": wanted, "expires": token.expires}
        audit.append(connection, now, principal.name, principal.via, "token.create", token.id, after=after)
    return token, secret


def listed(access: Access, principal: Principal) -> list[tuple[Token, str]]:
    """Return one's own tokens with the owner's name; administrators and auditors see everybody's."""
    everybody = principal.scope(("admin", "auditor")).sites is None
    with access.platform.database.reading() as connection:
        names = {person.id: person.name for person in people.everybody(connection)}
        found = credentials.tokens_of(connection, None if everybody else principal.person)
    return [(row, names.get(row.person, row.person)) for row in found]


def revoke(access: Access, principal: Principal, id: str) -> None:  # noqa: A002 The word of the schema.
    """Revoke one's own token; an administrator may revoke anybody's, a token itself.

    Raises:
        RingfenceError: ``not-found``.
    """
    now = access.now()
    administers = principal.scope(("admin",)).sites is None
    with access.platform.database.writing() as connection:
        mine = credentials.tokens_of(connection, None if administers else principal.person)
        if id not in {row.id for row in mine if principal.token in (None, row.id) or administers}:
            raise RingfenceError("not-found", id)
        if credentials.revoke_token(connection, id, now):
            audit.append(connection, now, principal.name, principal.via, "token.revoke", id)
