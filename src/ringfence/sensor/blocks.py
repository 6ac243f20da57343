"""Where the parts of a capture end: the one walk along the bytes of pcap files and of pcapng's blocks.

Rule 1: nothing raises for what is in it: a length that can't be one ends the walk.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["ENHANCED", "HEAD", "INTERFACE", "SECTION", "SECTION_BYTES", "Container"]

HEAD = 24  # bytes of a pcap file's own header
SECTION, INTERFACE, ENHANCED = 0x0A0D0D0A, 1, 6  # types of pcapng's blocks
SECTION_BYTES = b"\x0a\x0d\x0d\x0a"  # the same in either byte order

_PCAP = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_PACKET_HEAD = 16  # bytes
_SMALLEST_BLOCK = 12  # bytes


@dataclass(frozen=True, slots=True)
class Container:
    """A pcap file, or a section of a pcapng file: ``order`` as ``struct`` writes it, ``tick`` ns (None: pcapng)."""

    order: str
    tick: int | None

    @classmethod
    def of(cls, start: bytes) -> Container | None:
        """Return what begins with these 12 bytes; None where it is neither."""
        if start[:4] in _PCAP:
            return cls(*_PCAP[start[:4]])
        order = _ORDERS.get(start[8:12]) if start[:4] == SECTION_BYTES else None
        return None if order is None else cls(order, None)

    def size(self, data: bytes | bytearray, place: int) -> int | None:
        """Return how many bytes the block, or the packet with its header, at ``place`` has.

        None: too few bytes are there to know. 0: it is damaged, and nothing behind it can be found.
        """
        left = len(data) - place
        if self.tick is not None:
            if left < _PACKET_HEAD:
                return None
            return _PACKET_HEAD + int(struct.unpack_from(self.order + "I", data, place + 8)[0])
        if left < _SMALLEST_BLOCK:
            return None
        (size,) = struct.unpack_from(self.order + "I", data, place + 4)
        return int(size) if size >= _SMALLEST_BLOCK and size % 4 == 0 else 0
