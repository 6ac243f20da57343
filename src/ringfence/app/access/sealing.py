"""Keys made from the installation's secret, one for each purpose, and what is sealed with them.

Rule 1: a key is HKDF-SHA-256 of the secret with its purpose, so that no two uses share one.
Rule 2: what is sealed (AES-256-GCM) is bound to its context: moved to another row or purpose it doesn't open.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ringfence.store.sealed import derive

__all__ = ["Once", "Sealer", "audit_key"]

_NONCE = 12  # bytes


def audit_key(secret: bytes) -> Ed25519PrivateKey:
    """Return the installation's key for audit checkpoints: who holds the secret can sign."""
    return Ed25519PrivateKey.from_private_bytes(derive(secret, "audit checkpoints"))


class Sealer:
    """Seals and opens for one purpose."""

    def __init__(self, secret: bytes, purpose: str) -> None:
        self._cipher = AESGCM(derive(secret, f"access {purpose}"))

    def seal(self, data: bytes, context: str) -> bytes:
        """Return ``data`` sealed for ``context`` (an id, a name)."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, data, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes | None:
        """Return what was sealed, or None where it was altered or sealed for something else."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], context.encode())
        except (InvalidTag, ValueError):
            return None

    def ticket(self, words: Mapping[str, Any], context: str, expires: int) -> str:
        """Return a text for a stranger to bring back before ``expires`` (ns since 1970), unread and unaltered."""
        data = json.dumps({"words": dict(words), "expires": expires}).encode()
        return base64.urlsafe_b64encode(self.seal(data, context)).decode().rstrip("=")

    def redeem(self, ticket: str, context: str, now: int) -> dict[str, Any] | None:
        """Return the words of a ticket, or None where it is forged or too old."""
        try:
            sealed = base64.b64decode(ticket + "=" * (-len(ticket) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        data = self.open(sealed, context)
        if data is None:
            return None
        content = json.loads(data)
        return dict(content["words"]) if content["expires"] > now else None


class Once:
    """Remembers which tickets were used, until they expire; bounded, and full means refuse, never forget."""

    def __init__(self, most: int = 100_000) -> None:
        self._used: dict[bytes, int] = {}
        self._most = most
        self._lock = threading.Lock()

    def take(self, ticket: str, expires: int, now: int) -> bool:
        """Use a ticket: True for the first caller only."""
        digest = sha256(ticket.encode("utf-8", "replace")).digest()
        with self._lock:
            if len(self._used) >= self._most:
                self._used = {used: until for used, until in self._used.items() if until > now}
            if digest in self._used or len(self._used) >= self._most:
                return False
            self._used[digest] = expires
            return True
