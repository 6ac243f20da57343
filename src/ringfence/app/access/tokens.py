"""Secrets that are shown once: API tokens (``rf_``), one-time links (``rfl_``), session cookies, recovery codes.

Rule 1: a token ends in a CRC-32 of the rest, so that a secret scanner recognises one that leaked without asking us, and
    a mistyped one is refused without a look at the store. The CRC is no protection against guessing; 256 bits are.
Rule 2: the store keeps SHA-256 of it; that suffices because it is random and long, unlike a password.
"""

from __future__ import annotations

import re
import secrets
import zlib
from hashlib import sha256

__all__ = ["API", "LINK", "PATTERN", "digest", "make", "recovery_codes", "session_secret", "well_formed"]

API, LINK = "rf_", "rfl_"
PATTERN = re.compile(r"\brfl?_[0-9A-Za-z]{49}\b")  # for scanners

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM = 43  # digits of base 62: 256 bits
_SUM = 6  # digits of base 62: 32 bits
_RECOVERY_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is mistaken for something else


def make(prefix: str) -> str:
    """Return a new secret."""
    body = prefix + _number(secrets.randbits(256), _RANDOM)
    return body + _check(body)


def well_formed(text: str, prefix: str) -> bool:
    """Return whether ``text`` can be a secret of this sort: shape and checksum."""
    if not text.isascii() or not text.startswith(prefix) or len(text) != len(prefix) + _RANDOM + _SUM:
        return False
    return _check(text[:-_SUM]) == text[-_SUM:]


def digest(secret: str) -> str:
    """Return what the store keeps."""
    return sha256(secret.encode("utf-8", "replace")).hexdigest()


def session_secret() -> str:
    """Return 256 random bits for a cookie."""
    return secrets.token_urlsafe(32)


def recovery_codes(count: int = 10) -> list[str]:
    """Return one-time codes of about 79 bits, as ``xxxx-xxxx-xxxx-xxxx``."""
    made = []
    for _ in range(count):
        letters = "".join(secrets.choice(_RECOVERY_ALPHABET) for _ in range(16))
        made.append("-".join(letters[start : start + 4] for start in range(0, 16, 4)))
    return made


def _check(body: str) -> str:
    return _number(zlib.crc32(body.encode()), _SUM)


def _number(value: int, digits: int) -> str:
    made = ""
    while value:
        value, rest = divmod(value, 62)
        made = _DIGITS[rest] + made
    return made.rjust(digits, "0")
