"""The session's token against forged requests, as pages hold it: masked anew in each answer.

Rule 1: what repeats in compressed answers can be guessed from their lengths (BREACH); a mask of fresh random bytes
    makes the token in each page another text, so there is nothing to guess.
"""

from __future__ import annotations

import base64
import secrets

__all__ = ["masked", "matches"]


def masked(token: str | None) -> str:
    """Return the token for one answer: random bytes, and the token combined with them; base64url."""
    data = (token or "").encode()
    mask = secrets.token_bytes(len(data))
    return base64.urlsafe_b64encode(mask + _combined(mask, data)).decode().rstrip("=")


def matches(given: str | None, token: str | None) -> bool:
    """Return whether ``given`` is the session's token, plain as the API answers it or masked as pages hold it."""
    expected = (token or "").encode()
    plain = secrets.compare_digest((given or "").encode(), expected)
    opened = secrets.compare_digest(_opened(given or ""), expected)
    return bool(expected) and (plain or opened)


def _opened(text: str) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""
    half = len(data) // 2
    return _combined(data[:half], data[half:]) if len(data) % 2 == 0 else b""


def _combined(mask: bytes, data: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(mask, data, strict=True))
