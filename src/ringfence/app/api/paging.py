"""Cursors: where a list goes on. Opaque and sealed, so that nobody leans on their inside or makes one up.

Rule 1: a cursor is bound to the list, its query and its order: used with another it is refused, not misread.
Rule 2: it holds a position, not a right: what may be seen is decided anew with each page.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

from ringfence.model.errors import RingfenceError
from ringfence.store.sealed import derive

__all__ = ["LARGEST_PAGE", "Cursors"]

LARGEST_PAGE = 500  # rows
_SEAL = 16  # bytes
_LONGEST = 4_096  # characters of a cursor


class Cursors:
    """Seals and opens cursors.

    Args:
        secret: the installation's secret, 32 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = derive(secret, "cursors")

    def seal(self, position: str | None, *what: str) -> str | None:
        """Return the cursor for ``position`` in the list that ``what`` names; None at the end."""
        if position is None:
            return None
        inside = position.encode("utf-8", "surrogatepass")
        return urlsafe_b64encode(self._tag(inside, what) + inside).decode().rstrip("=")

    def open(self, cursor: str | None, *what: str) -> str | None:
        """Return the position in a cursor; None where there is no cursor.

        Raises:
            RingfenceError: ``cursor-invalid``.
        """
        if cursor is None:
            return None
        wrong = RingfenceError("cursor-invalid", "cursor", "It was not made for this list with this query and order.")
        if len(cursor) > _LONGEST:
            raise wrong
        try:
            data = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError) as error:
            raise wrong from error
        tag, inside = data[:_SEAL], data[_SEAL:]
        if not hmac.compare_digest(tag, self._tag(inside, what)):
            raise wrong
        return inside.decode("utf-8", "surrogatepass")

    def _tag(self, inside: bytes, what: tuple[str, ...]) -> bytes:
        parts = [inside, *(word.encode("utf-8", "surrogatepass") for word in what)]
        framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(self._key, framed, sha256)[:_SEAL]
