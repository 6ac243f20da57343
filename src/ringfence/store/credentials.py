"""Sessions, API tokens and passkeys. Only digests of secrets stand in the store.

Rule 1: a session or token counts only while its epoch is its person's and the person is not disabled.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update

from ringfence.store.people import Person, by_id
from ringfence.store.schema.people import passkey, person, session, token

__all__ = [
    "Passkey",
    "Session",
    "Token",
    "add_passkey",
    "add_session",
    "add_token",
    "break_glass_sessions",
    "end_session",
    "end_sessions",
    "passkey_by_credential",
    "passkeys_of",
    "remove_passkey",
    "revoke_token",
    "session_by_digest",
    "sessions_of",
    "sweep",
    "token_by_digest",
    "tokens_of",
    "touch_session",
    "touch_token",
    "use_passkey",
]


@dataclass(frozen=True, slots=True)
class Session:
    """A log-in that lasts. Times are nanoseconds since 1970."""

    digest: str
    person: str
    how: str
    csrf: str
    created: int
    used: int
    expires: int
    epoch: int
    where: str | None


@dataclass(frozen=True, slots=True)
class Token:
    """An API token without its secret."""

    id: str
    person: str
    name: str
    roles: tuple[tuple[str, str], ...]
    created: int
    expires: int
    used: int | None
    revoked: int | None
    epoch: int


@dataclass(frozen=True, slots=True)
class Passkey:
    """A public key that a person's authenticator holds. ``credential`` is base64url without padding."""

    credential: str
    person: str
    name: str
    public_key: bytes
    sign_count: int
    created: int
    used: int | None


def add_session(connection: Connection, row: Session) -> None:
    """Keep a new session."""
    connection.execute(insert(session).values(**asdict(row)))


def session_by_digest(connection: Connection, digest: str) -> tuple[Session, Person] | None:
    """Return a session and whose it is; None where it is unknown, of an older epoch, or its person is disabled."""
    row = connection.execute(select(session).where(session.c.digest == digest)).mappings().one_or_none()
    owner = by_id(connection, row["person"]) if row else None
    if row is None or owner is None or owner.disabled or owner.epoch != row["epoch"]:
        return None
    return Session(**row), owner


def sessions_of(connection: Connection, person_id: str, now: int) -> list[Session]:
    """Return a person's sessions that have not expired, newest first."""
    chosen = (
        select(session)
        .join(person, person.c.id == session.c.person)
        .where(session.c.person == person_id, session.c.expires > now, session.c.epoch == person.c.epoch)
        .order_by(session.c.created.desc())
    )
    return [Session(**row) for row in connection.execute(chosen).mappings()]


def touch_session(connection: Connection, digest: str, now: int) -> None:
    """Note that a session was used."""
    connection.execute(update(session).where(session.c.digest == digest, session.c.used < now).values(used=now))


def end_session(connection: Connection, digest: str) -> None:
    """Forget a session."""
    connection.execute(delete(session).where(session.c.digest == digest))


def end_sessions(connection: Connection, person_id: str, keep: str | None = None) -> int:
    """Forget a person's sessions but ``keep``, and return how many."""
    chosen = delete(session).where(session.c.person == person_id)
    if keep is not None:
        chosen = chosen.where(session.c.digest != keep)
    return connection.execute(chosen).rowcount


def break_glass_sessions(connection: Connection, now: int) -> list[tuple[str, int]]:
    """Return (name, since) of every break-glass session that lasts: screens show it to everybody."""
    chosen = (
        select(person.c.name, session.c.created)
        .join(person, person.c.id == session.c.person)
        .where(person.c.break_glass, ~person.c.disabled, session.c.expires > now, session.c.epoch == person.c.epoch)
        .order_by(session.c.created)
    )
    return [(row.name, row.created) for row in connection.execute(chosen)]


def sweep(connection: Connection, now: int, idle_before: int) -> None:
    """Forget sessions that have expired or were not used since ``idle_before``."""
    connection.execute(delete(session).where(or_(session.c.expires <= now, session.c.used < idle_before)))


def add_token(connection: Connection, digest: str, row: Token) -> None:
    """Keep a new token by its digest."""
    values = {**asdict(row), "roles": [list(pair) for pair in row.roles], "digest": digest}
    connection.execute(insert(token).values(**values))


def token_by_digest(connection: Connection, digest: str, now: int) -> tuple[Token, Person] | None:
    """Return a token that is neither expired nor revoked, of a person's present epoch, and whose it is."""
    chosen = select(token).where(token.c.digest == digest, token.c.revoked.is_(None), token.c.expires > now)
    row = connection.execute(chosen).mappings().one_or_none()
    owner = by_id(connection, row["person"]) if row else None
    if row is None or owner is None or owner.disabled or owner.epoch != row["epoch"]:
        return None
    return _token(row), owner


def tokens_of(connection: Connection, person_id: str | None = None) -> list[Token]:
    """Return a person's tokens, or everybody's, newest first, dead ones too."""
    chosen = select(token).order_by(token.c.created.desc(), token.c.id)
    if person_id is not None:
        chosen = chosen.where(token.c.person == person_id)
    return [_token(row) for row in connection.execute(chosen).mappings()]


def touch_token(connection: Connection, id: str, now: int) -> None:  # noqa: A002 The word of the schema.
    """Note that a token was used."""
    connection.execute(update(token).where(token.c.id == id).values(used=now))


def revoke_token(connection: Connection, id: str, now: int) -> bool:  # noqa: A002 As above.
    """Revoke a token; False where it is unknown or was revoked before."""
    chosen = update(token).where(token.c.id == id, token.c.revoked.is_(None)).values(revoked=now)
    return connection.execute(chosen).rowcount == 1


def add_passkey(connection: Connection, row: Passkey) -> None:
    """Keep a passkey."""
    connection.execute(insert(passkey).values(**asdict(row)))


def passkeys_of(connection: Connection, person_id: str) -> list[Passkey]:
    """Return a person's passkeys, oldest first."""
    chosen = select(passkey).where(passkey.c.person == person_id).order_by(passkey.c.created, passkey.c.credential)
    return [Passkey(**row) for row in connection.execute(chosen).mappings()]


def passkey_by_credential(connection: Connection, credential: str) -> tuple[Passkey, Person] | None:
    """Return a passkey and whose it is; None where it is unknown or the person is disabled."""
    row = connection.execute(select(passkey).where(passkey.c.credential == credential)).mappings().one_or_none()
    owner = by_id(connection, row["person"]) if row else None
    return None if row is None or owner is None or owner.disabled else (Passkey(**row), owner)


def use_passkey(connection: Connection, row: Passkey, sign_count: int, now: int) -> bool:
    """Note a use; False where another use came in between with the same counter (a copy, or a race)."""
    chosen = update(passkey).where(passkey.c.credential == row.credential, passkey.c.sign_count == row.sign_count)
    return connection.execute(chosen.values(sign_count=sign_count, used=now)).rowcount == 1


def remove_passkey(connection: Connection, person_id: str, credential: str) -> bool:
    """Remove a person's passkey; False where it is not theirs."""
    chosen = delete(passkey).where(passkey.c.person == person_id, passkey.c.credential == credential)
    return connection.execute(chosen).rowcount == 1


def _token(row: Any) -> Token:
    known = {name: row[name] for name in Token.__slots__ if name != "roles"}
    return Token(**known, roles=tuple((role, site) for role, site in row["roles"]))
