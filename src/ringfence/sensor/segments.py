"""Cuts a running capture into captures that stand by themselves: for the packet ring.

Rule 1: a cut falls between packets, wherever the bytes were cut on their way here.
Rule 2: what is waited for is bounded: bytes that are no capture, or packets beyond ``most``, are dropped and counted.
Only classic pcap and pcapng as they come from a capture process are cut: one section, interfaces before packets.
"""

from __future__ import annotations

import struct

__all__ = ["Segments"]

_SECTION = 0x0A0D0D0A
_INTERFACE = 1
_LARGEST = 1 << 24  # bytes of one block or packet; more is no capture of ours
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_MAGICS = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}


class Segments:
    """One running capture.

    Args:
        most: bytes that wait for the next ``cut`` at most; beyond, new packets are dropped until then.
    """

    def __init__(self, most: int = 64 << 20) -> None:
        self.dropped = 0  # bytes
        self._most = most
        self._rest = bytearray()
        self._head = bytearray()
        self._body = bytearray()
        self._order: str | None = None
        self._classic = False
        self._broken = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the capture."""
        if self._broken:
            self.dropped += len(data)
            return
        self._rest += data
        place = 0
        while (size := self._next(place)) > 0:
            self._take(self._rest[place : place + size])
            place += size
        del self._rest[:place]
        if self._broken:
            self.dropped += len(self._rest)
            self._rest.clear()

    def cut(self) -> bytes | None:
        """Return what came since the last cut as a capture of its own; None where no packet did."""
        if not self._body:
            return None
        segment = bytes(self._head + self._body)
        self._body.clear()
        return segment

    def _next(self, place: int) -> int:
        """Bytes of the header, block or packet at ``place``; 0 where it has not come whole, or never will."""
        left = len(self._rest) - place
        if self._order is None:
            return self._opened() if left >= 24 else 0
        if left < (16 if self._classic else 8):
            return 0
        if self._classic:
            (kept,) = struct.unpack_from(self._order + "I", self._rest, place + 8)
            size = 16 + kept
        else:
            (size,) = struct.unpack_from(self._order + "I", self._rest, place + 4)
            self._broken = size < 12 or size % 4 != 0
        self._broken = self._broken or size > _LARGEST
        return size if not self._broken and left >= size else 0

    def _opened(self) -> int:
        magic = bytes(self._rest[:4])
        if magic in _MAGICS:
            self._order, self._classic = _MAGICS[magic], True
            return 24
        if magic == b"\x0a\x0d\x0d\x0a" and bytes(self._rest[8:12]) in _ORDERS:
            self._order = _ORDERS[bytes(self._rest[8:12])]
            return self._next(0)
        self._broken = True
        return 0

    def _take(self, block: bytearray) -> None:
        kind = 0 if self._classic else struct.unpack_from((self._order or "<") + "I", block)[0]
        if not self._head or kind in (_SECTION, _INTERFACE):
            self._head += block
        elif len(self._body) + len(block) > self._most:
            self.dropped += len(block)
        else:
            self._body += block
