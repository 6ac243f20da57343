"""A second factor: codes by time (TOTP, RFC 6238) and one-time recovery codes.

Rule 1: a code counts one step early or late, and once: a step that was used, or one before it, never counts again.
Rule 2: the key stands in the store sealed with the person's id; recovery codes stand there as digests.
"""

from __future__ import annotations

import base64
import hmac
import secrets

import pyotp

from ringfence.app.access.access import MINUTE, SECOND, Access
from ringfence.app.access.principal import Principal
from ringfence.app.access.tokens import digest, recovery_codes
from ringfence.model.errors import RingfenceError
from ringfence.store import audit, people
from ringfence.store.database import Connection
from ringfence.store.people import Person

__all__ = ["begin", "confirm", "remove", "take"]

_STEP = 30 * SECOND
_PENDING = 10 * MINUTE
_ISSUER = "Ringfence"


def begin(access: Access, principal: Principal) -> dict[str, str]:
    """Return a new key to be put into an authenticator; nothing changes until a code of it is confirmed."""
    key = base64.b32encode(secrets.token_bytes(20)).decode()
    ticket = access.tickets.ticket({"key": key}, f"totp {principal.person}", access.now() + _PENDING)
    uri = pyotp.TOTP(key).provisioning_uri(name=principal.name, issuer_name=_ISSUER)
    return {"key": key, "uri": uri, "ticket": ticket}


def confirm(access: Access, principal: Principal, ticket: str, code: str) -> list[str]:
    """Turn the second factor on with a first code, and return the recovery codes, which are shown once.

    Raises:
        RingfenceError: ``log-in-refused`` where the code is wrong, ``link-invalid`` where the ticket is too old.
    """
    now = access.now()
    words = access.tickets.redeem(ticket, f"totp {principal.person}", now)
    if words is None:
        raise RingfenceError("link-invalid", "ticket")
    step = _step_of(words["key"], code, now)
    if step is None:
        raise RingfenceError("log-in-refused", "code", "the code is not one of this key")
    codes = recovery_codes()
    sealed = access.store.seal(words["key"].encode(), f"totp {principal.person}")
    with access.platform.database.writing() as connection:
        people.change(
            connection, principal.person, totp=sealed, totp_step=step, recovery=[digest(code) for code in codes]
        )
        audit.append(connection, now, principal.name, principal.via, "person.second-factor", principal.person)
    return codes


def remove(access: Access, connection: Connection, person: Person, who: str, how: str) -> None:
    """Turn the second factor off, in the caller's transaction."""
    people.change(connection, person.id, totp=None, recovery=None)
    audit.append(connection, access.now(), who, how, "person.second-factor-removed", person.id)


def take(access: Access, connection: Connection, person: Person, code: str) -> bool:
    """Use a code of the authenticator or a recovery code, once. The caller's transaction must be committed."""
    key = access.store.open(person.totp or b"", f"totp {person.id}")
    if key is None:
        return False
    step = _step_of(key.decode(), code, access.now())
    if step is not None:
        return people.take_step(connection, person.id, step)
    plain = code.strip().lower().replace(" ", "-")
    return len(plain) <= 40 and people.take_recovery(connection, person.id, digest(plain))


def _step_of(key: str, code: str, now: int) -> int | None:
    plain = code.replace(" ", "")
    if len(plain) != 6 or not plain.isascii() or not plain.isdigit():
        return None
    made = pyotp.TOTP(key)
    present = now // _STEP
    matching = [
        step for step in (present - 1, present, present + 1) if hmac.compare_digest(made.generate_otp(step), plain)
    ]
    return matching[-1] if matching else None
