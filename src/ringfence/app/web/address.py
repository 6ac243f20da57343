"""The address of a screen: everything that a reader chose stands in it, so that a link shows the same to others."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, urlencode

__all__ = ["Address", "path"]

Value = str | int | Iterable[str] | None


def path(*pieces: str) -> str:
    """Return a path of these pieces; what a device or a person chose can't leave its piece."""
    return "/" + "/".join(quote(piece, safe="") for piece in pieces)


class Address:
    """A path with its parameters, and the addresses next to it."""

    def __init__(self, where: str, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.path = where
        self.pairs = tuple((name, value) for name, value in pairs if value != "")

    def get(self, name: str, default: str = "") -> str:
        """Return the last value of this parameter."""
        return next((value for key, value in reversed(self.pairs) if key == name), default)

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of this parameter."""
        return tuple(value for key, value in self.pairs if key == name)

    def to(self, where: str | None = None, /, **changes: Value) -> str:
        """Return the address with these parameters replaced; None takes one away."""
        kept = [pair for pair in self.pairs if pair[0] not in changes]
        for name, value in changes.items():
            if value is None or value == "":
                continue
            many = [str(value)] if isinstance(value, str | int) else list(value)
            kept.extend((name, each) for each in many)
        text = urlencode(kept, errors="replace")
        return (where or self.path) + (f"?{text}" if text else "")

    def __str__(self) -> str:
        return self.to()
