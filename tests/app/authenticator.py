"""An authenticator in software, made after WebAuthn Level 2 §6: one ES256 key for each host, with a counter."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass
class Authenticator:
    """Answers as a browser with a key would; attributes are changed to make it lie."""

    origin: str
    flags: int = PRESENT | VERIFIED
    count: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    host: str | None = None  # None: the one that is asked for

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer to registration options."""
        numbers = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(public)
        data = self._data(options["rp"]["id"], self.flags | ATTESTED) + attested
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {"attestationObject": text(statement), "clientDataJSON": self._client("webauthn.create", options)}
        return self._credential(response)

    def get(self, options: dict[str, Any], *, count: int | None = None) -> dict[str, Any]:
        """Answer to log-in options."""
        self.count = self.count + 1 if count is None else count
        data = self._data(options["rpId"], self.flags)
        client = self._client("webauthn.get", options)
        signed = data + sha256(base64.urlsafe_b64decode(client + "=" * (-len(client) % 4))).digest()
        signature = self.key.sign(signed, ec.ECDSA(SHA256()))
        return self._credential(
            {"authenticatorData": text(data), "signature": text(signature), "clientDataJSON": client}
        )

    def _data(self, host: str, flags: int) -> bytes:
        return sha256((self.host or host).encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, options: dict[str, Any]) -> str:
        words = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return text(json.dumps(words).encode())

    def _credential(self, response: dict[str, str]) -> dict[str, Any]:
        return {"id": text(self.id), "rawId": text(self.id), "type": "public-key", "response": response}
