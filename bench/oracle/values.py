"""How a value of tshark and one of ours are brought to one form: the ``transform`` column of the maps.

``NAME`` or ``NAME;FIELD=A|B;...``: only records of ours whose FIELD is one of A, B count (an empty one means: absent).
"""

from __future__ import annotations

import hmac
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SITE_KEY = b"oracle"
TEXT_CAP = 1024  # bytes; longer texts are kept cut
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\\"'])|x([0-9a-fA-F]{2})|([0-3][0-7]{2}))")
_SIMPLE = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, '"': 34, "'": 39}
_UNPRINTABLE = re.compile(r"[^ -\[\]-~].*", re.DOTALL)


@dataclass(frozen=True)
class Transform:
    """One cell of the column: two functions, each to a common form or None (does not count), and the conditions."""

    theirs: Callable[[str], str | None]
    ours: Callable[[Any], str | None]
    conditions: tuple[tuple[str, frozenset[str]], ...]

    def counts(self, fields: Mapping[str, Any]) -> bool:
        """Tell whether a record counts."""
        return all(str(fields.get(name, "")) in allowed for name, allowed in self.conditions)


def transform(cell: str) -> Transform:
    """Read a cell."""
    name, *conditions = cell.split(";")
    theirs, ours = _TRANSFORMS[name]
    pairs = [condition.partition("=") for condition in conditions]
    return Transform(theirs, ours, tuple((field, frozenset(allowed.split("|"))) for field, _, allowed in pairs))


def unescape(text: str) -> bytes:
    """Undo the escapes that tshark prints."""

    def one(match: re.Match[str]) -> str:
        simple, hexadecimal, octal = match.groups()
        number = _SIMPLE[simple] if simple else int(hexadecimal, 16) if hexadecimal else int(octal, 8)
        return chr(0xDC00 + number) if number > 127 else chr(number)

    return _ESCAPE.sub(one, text).encode("utf-8", "surrogateescape")


def seal(secret: bytes) -> str:
    """Return what is kept of a secret."""
    return hmac.digest(SITE_KEY, secret, "sha256")[:16].hex()


def _text(value: Any) -> str:
    return str(int(value) if isinstance(value, bool) else value)


def _our_text(value: Any) -> str | None:
    return _text(value) or None  # An empty text is a value of ours; tshark's can't be told from none.


def _cut(content: bytes) -> str:
    return content[:TEXT_CAP].decode("utf-8", "replace")


def _their_text(text: str) -> str:
    return _cut(unescape(text))


def _number(text: Any) -> str:
    if text in ("True", "False"):
        return str(int(text == "True"))
    try:
        return str(int(text, 0) if isinstance(text, str) else int(text))
    except ValueError:
        return str(int(text)) if str(text).isdecimal() else str(text)


def _hexadecimal(text: str) -> str | None:
    return None if text == "<MISSING>" else text.replace(":", "").lower()


def _name(text: str) -> str:
    return "." if text == "<Root>" else _their_text(text)


def _single(text: Any) -> str:
    return f"{struct.unpack('f', struct.pack('f', float(text)))[0]:.5e}"


def _basic(text: str) -> str:
    user, _, secret = text.partition(":")
    return f"{user}:{seal(unescape(secret))}"


def _sealed(text: str) -> str:
    return seal(unescape(text))


def _not_sealed_emptiness(value: str) -> str | None:
    return None if value == seal(b"") else value


def _printing(text: str) -> str | None:
    return _UNPRINTABLE.sub("", text) or None


_TRANSFORMS: dict[str, tuple[Callable[[str], str | None], Callable[[Any], str | None]]] = {
    "same": (_their_text, _our_text),
    "bool": (_number, _number),
    "int": (_number, _number),
    "hex": (_hexadecimal, _our_text),
    "trim": (lambda text: _their_text(text).strip() or None, lambda value: str(value).strip() or None),
    "real": (_single, _single),
    "name": (_name, _our_text),
    "basic": (_basic, _our_text),
    "hmac": (_sealed, _not_sealed_emptiness),
    "printing": (_printing, _printing),
}
