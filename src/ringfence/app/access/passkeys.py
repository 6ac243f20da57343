"""Passkeys: WebAuthn Level 2 §7, registration and log-in, with the library webauthn.

Rule 1: a passkey is bound to a host name; on an address such as 127.0.0.1 browsers offer none. Then we say so, and
    password with code stays the way.
Rule 2: a challenge is a sealed ticket that lasts five minutes and counts once; the server keeps no list of open ones.
Rule 3: the authenticator must have verified the person (PIN, finger), so that a passkey alone is two factors.
Rule 4: a signature counter that did not grow, where it is not always zero, is a copied authenticator: refused.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
from typing import Any
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from ringfence.app.access import sessions
from ringfence.app.access.access import MINUTE, Access
from ringfence.app.access.principal import Principal
from ringfence.model.errors import RingfenceError
from ringfence.store import audit, credentials
from ringfence.store.credentials import Passkey

__all__ = ["available", "listed", "log_in", "log_in_options", "register", "registration_options", "remove"]

_LASTS = 5 * MINUTE
_MOST = 20  # passkeys of a person


def available(access: Access, origin: str | None = None) -> str | None:
    """Return the host name to which passkeys are bound, None where the origin is an address or speaks no TLS."""
    parts = urlsplit(origin or access.platform.origins[0])
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host if host and (parts.scheme == "https" or host == "localhost") else None
    return None


def registration_options(access: Access, principal: Principal, origin: str) -> dict[str, Any]:
    """Return what a browser needs to make a passkey, and the ticket to bring back.

    Raises:
        RingfenceError: ``passkey-unavailable``.
    """
    host = _host(access, origin)
    with access.platform.database.reading() as connection:
        known = credentials.passkeys_of(connection, principal.person)
    challenge = secrets.token_bytes(32)
    options = generate_registration_options(
        rp_id=host,
        rp_name="Ringfence",
        user_id=principal.person.encode(),
        user_name=principal.name,
        user_display_name=principal.display,
        challenge=challenge,
        exclude_credentials=[PublicKeyCredentialDescriptor(base64url_to_bytes(row.credential)) for row in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    return _offer(access, options_to_json(options), challenge, f"passkey {principal.person}", host)


def register(
    access: Access, principal: Principal, origin: str, ticket: str, name: str, credential: dict[str, Any]
) -> Passkey:
    """Verify a new passkey and keep it.

    Raises:
        RingfenceError: ``passkey-unavailable``, ``passkey-refused``.
    """
    host, challenge = _host(access, origin), _challenge(access, ticket, f"passkey {principal.person}")
    try:
        made = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=host,
            expected_origin=origin,
            require_user_verification=True,
        )
    except Exception as error:  # A stranger's bytes are parsed: whatever that raises is a refusal.
        raise RingfenceError("passkey-refused", "passkey", type(error).__name__) from error
    now = access.now()
    row = Passkey(
        bytes_to_base64url(made.credential_id),
        principal.person,
        name.strip()[:100] or "passkey",
        made.credential_public_key,
        made.sign_count,
        now,
        None,
    )
    with access.platform.database.writing() as connection:
        if len(credentials.passkeys_of(connection, principal.person)) >= _MOST:
            raise RingfenceError("passkey-refused", "passkey", f"at most {_MOST}: remove some")
        if credentials.passkey_by_credential(connection, row.credential) is not None:
            raise RingfenceError("passkey-refused", "passkey", "it is registered already")
        credentials.add_passkey(connection, row)
        after = {"name": row.name, "host": host}
        audit.append(connection, now, principal.name, principal.via, "passkey.create", row.credential[:16], after=after)
    return row


def log_in_options(access: Access, origin: str) -> dict[str, Any]:
    """Return what a browser needs to ask for a passkey; it names no person, so nobody's passkeys are found out.

    Raises:
        RingfenceError: ``passkey-unavailable``.
    """
    host, challenge = _host(access, origin), secrets.token_bytes(32)
    options = generate_authentication_options(
        rp_id=host, challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
    )
    return _offer(access, options_to_json(options), challenge, "passkey log-in", host)


def log_in(
    access: Access, origin: str, ticket: str, credential: dict[str, Any], where: str, *, replaces: str | None = None
) -> str:
    """Verify a passkey's answer and return the cookie of a new session.

    Raises:
        RingfenceError: ``passkey-unavailable``, ``passkey-refused``.
    """
    host, challenge = _host(access, origin), _challenge(access, ticket, "passkey log-in")
    now = access.now()
    with access.platform.database.reading() as connection:
        found = credentials.passkey_by_credential(connection, str(credential.get("id", ""))[:1_500])
    if found is None:
        raise RingfenceError("passkey-refused", "passkey", "it is not registered here")
    row, person = found
    try:
        proved = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=host,
            expected_origin=origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except Exception as error:  # A stranger's bytes are parsed: whatever that raises is a refusal.
        raise RingfenceError("passkey-refused", "passkey", type(error).__name__) from error
    with access.platform.database.writing() as connection:
        if not credentials.use_passkey(connection, row, proved.new_sign_count, now):
            raise RingfenceError("passkey-refused", "passkey", "it was used at the same moment")
        return sessions.begin(access, connection, person, "passkey", where, replaces=replaces)


def listed(access: Access, principal: Principal) -> list[Passkey]:
    """Return one's own passkeys."""
    with access.platform.database.reading() as connection:
        return credentials.passkeys_of(connection, principal.person)


def remove(access: Access, principal: Principal, credential: str) -> None:
    """Remove one's own passkey.

    Raises:
        RingfenceError: ``not-found``.
    """
    with access.platform.database.writing() as connection:
        if not credentials.remove_passkey(connection, principal.person, credential):
            raise RingfenceError("not-found", credential[:20])
        audit.append(connection, access.now(), principal.name, principal.via, "passkey.remove", credential[:16])


def _host(access: Access, origin: str) -> str:
    host = available(access, origin) if origin in access.platform.origins else None
    if host is None:
        raise RingfenceError("passkey-unavailable", origin)
    return host


def _offer(access: Access, options: str, challenge: bytes, context: str, host: str) -> dict[str, Any]:
    words = {"challenge": bytes_to_base64url(challenge)}
    ticket = access.tickets.ticket(words, context, access.now() + _LASTS)
    return {"options": json.loads(options), "ticket": ticket, "host": host}


def _challenge(access: Access, ticket: str, context: str) -> bytes:
    now = access.now()
    words = access.tickets.redeem(ticket, context, now)
    if words is None or not access.once.take(ticket, now + _LASTS, now):
        raise RingfenceError("passkey-refused", "ticket", "it is too old, or was used")
    return base64url_to_bytes(words["challenge"])
