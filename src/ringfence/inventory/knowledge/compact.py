"""Compact tables that need no parsing: fixed-width records found by bisection (made by scripts/build_knowledge.py).

Rule 1: everything read here comes from a bundle: offsets are checked, a broken table raises ``bundle-schema``.
"""

from __future__ import annotations

import struct

from ringfence.model.errors import RingfenceError

__all__ = ["NumberedNames", "Prefixes"]


class _Texts:
    """Count, offsets, UTF-8 texts."""

    def __init__(self, data: bytes, at: int) -> None:
        (self._count,) = struct.unpack_from(">I", data, at)
        self._offsets = at + 4
        self._start = self._offsets + 4 * (self._count + 1)
        self._data = data

    def __getitem__(self, place: int) -> str:
        if not 0 <= place < self._count:
            raise IndexError(place)
        first, last = struct.unpack_from(">II", self._data, self._offsets + 4 * place)
        return self._data[self._start + first : self._start + last].decode("utf-8", "replace")


class Prefixes:
    """IEEE prefixes of 24, 28 and 36 bits; the longest that fits wins."""

    def __init__(self, data: bytes) -> None:
        try:
            if data[:4] != b"OUI1":
                raise ValueError("no such table")
            counts = struct.unpack_from(">III", data, 4)
            at, self._tables = 16, []
            for width, count in zip((3, 4, 5), counts, strict=True):
                self._tables.append((at, width, count))
                at += count * (width + 3)
            self._names = _Texts(data, at)
        except (struct.error, ValueError) as error:
            raise RingfenceError("bundle-schema", "oui.bin", f"The table can't be read: {error}.") from error
        self._data = data

    def __getitem__(self, mac: bytes) -> str | None:
        """Return the organisation that has the prefix of ``mac`` (6 bytes), or None."""
        for at, width, count in reversed(self._tables):
            key = mac[:width]
            if width > 3:
                key = key[:-1] + bytes((key[-1] & 0xF0,))
            place = self._find(at, width, count, key)
            if place is not None:
                return self._names[place]
        return None

    def _find(self, at: int, width: int, count: int, key: bytes) -> int | None:
        size, low, high = width + 3, 0, count
        while low < high:
            middle = (low + high) // 2
            start = at + middle * size
            if self._data[start : start + width] < key:
                low = middle + 1
            else:
                high = middle
        start = at + low * size
        if low < count and self._data[start : start + width] == key:
            return int.from_bytes(self._data[start + width : start + size], "big")
        return None


class NumberedNames:
    """Names by number, numbers sorted."""

    def __init__(self, data: bytes, name: str) -> None:
        try:
            if data[:4] != b"NUM1":
                raise ValueError("no such table")
            (self._count,) = struct.unpack_from(">I", data, 4)
            self._names = _Texts(data, 8 + 4 * self._count)
        except (struct.error, ValueError) as error:
            raise RingfenceError("bundle-schema", name, f"The table can't be read: {error}.") from error
        self._data = data

    def __getitem__(self, number: int) -> str | None:
        """Return the name of ``number``, or None."""
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            (found,) = struct.unpack_from(">I", self._data, 8 + 4 * middle)
            if found == number:
                return self._names[middle]
            if found < number:
                low = middle + 1
            else:
                high = middle
        return None
