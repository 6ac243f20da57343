"""Cuts a running capture into captures that stand by themselves: for the packet ring.

Rule 1: a cut falls between packets, wherever the bytes were cut on their way here.
Rule 2: what is waited for is bounded: bytes that are no capture, or packets beyond ``most``, are dropped and counted.
Only classic pcap and pcapng as they come from a capture process are cut: one section, interfaces before packets.
"""

from __future__ import annotations

import struct

from ringfence.sensor.blocks import HEAD, INTERFACE, SECTION, Container

__all__ = ["Segments"]

_LARGEST = 1 << 24  # bytes of one block or packet; more is no capture of ours


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
        self._container: Container | None = None
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
        if self._container is None:
            if left < HEAD:
                return 0
            self._container = Container.of(bytes(self._rest[:12]))
            self._broken = self._container is None
            if self._container is None or self._container.tick is not None:
                return 0 if self._broken else HEAD
        size = self._container.size(self._rest, place)
        if size is None:
            return 0
        self._broken = not 0 < size <= _LARGEST
        return size if not self._broken and left >= size else 0

    def _take(self, block: bytearray) -> None:
        is_block = self._container is not None and self._container.tick is None
        kind = struct.unpack_from(self._container.order + "I", block)[0] if self._container and is_block else 0
        if not self._head or kind in (SECTION, INTERFACE):
            self._head += block
        elif len(self._body) + len(block) > self._most:
            self.dropped += len(block)
        else:
            self._body += block
