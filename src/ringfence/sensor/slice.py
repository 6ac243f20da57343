"""Packets of a capture as values: chosen, cut to their headers, made anonymous, written as a capture again. No I/O.

Rule 1: a damaged capture ends where it is damaged; nothing raises for what is in it.
Rule 2: times are ns since 1970 and are kept exactly: a packet is found again by its time and its length on the wire.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ringfence.model.observation import PacketReference
from ringfence.sensor.blocks import ENHANCED, HEAD, INTERFACE, SECTION, SECTION_BYTES, Container

__all__ = ["CapturedPacket", "capture_file", "chosen", "packets"]

_SECOND = 1_000_000_000
_MAX_INTERFACES = 65_536


@dataclass(frozen=True, slots=True)
class CapturedPacket:
    """A packet: ``length`` bytes on the wire, of which ``data`` was kept; ``link`` is its LINKTYPE."""

    time: int
    length: int
    data: bytes
    link: int = 1


def packets(capture: bytes) -> Iterator[CapturedPacket]:
    """Yield the packets of a pcap or pcapng file."""
    container = Container.of(capture[:12])
    if container is not None and container.tick is not None:
        yield from _classic(capture, container, container.tick)
    elif container is not None:
        yield from _sections(capture, container)


def chosen(captured: Iterable[CapturedPacket], references: Iterable[PacketReference]) -> Iterator[CapturedPacket]:
    """Yield the packets that ``references`` name, by time and length."""
    wanted = {(reference.time, reference.length) for reference in references}
    for packet in captured:
        if (packet.time, packet.length) in wanted:
            yield packet


def capture_file(captured: Iterable[CapturedPacket]) -> tuple[bytes, str]:
    """Return a capture and its suffix: pcap (ns), or pcapng where there are several link-layer types."""
    every = list(captured)
    links = list(dict.fromkeys(packet.link for packet in every)) or [1]
    if len(links) > 1:
        return _write_sections(every, links), "pcapng"
    out = bytearray(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, links[0]))
    for packet in every:
        seconds, rest = divmod(packet.time, _SECOND)
        out += struct.pack("<IIII", seconds & 0xFFFFFFFF, rest, len(packet.data), packet.length) + packet.data
    return bytes(out), "pcap"


def _classic(capture: bytes, container: Container, tick: int) -> Iterator[CapturedPacket]:
    if len(capture) < HEAD:
        return
    (link,) = struct.unpack_from(container.order + "I", capture, HEAD - 4)
    for _, place, size in _parts(capture, container, HEAD):
        seconds, fraction, kept, length = struct.unpack_from(container.order + "IIII", capture, place)
        data = capture[place + size - kept : place + size]
        yield CapturedPacket(seconds * _SECOND + fraction * tick, length, data, link & 0xFFFF)


def _parts(capture: bytes, container: Container, place: int) -> Iterator[tuple[Container, int, int]]:
    """Yield where each packet or block begins and how long it is, up to the end or to the damage."""
    while (size := container.size(capture, place)) and size <= len(capture) - place:
        yield container, place, size
        place += size
        if container.tick is None and capture[place : place + 4] == SECTION_BYTES:
            following = Container.of(capture[place : place + 12])
            if following is None:
                return
            container = following  # Each section has a byte order of its own.


@dataclass(frozen=True, slots=True)
class _Interface:
    link: int
    ticks: int  # of a second
    offset: int  # s


def _sections(capture: bytes, container: Container) -> Iterator[CapturedPacket]:
    interfaces: list[_Interface] = []
    for section, place, size in _parts(capture, container, 0):
        order = section.order
        (kind,) = struct.unpack_from(order + "I", capture, place)
        body = capture[place + 8 : place + size - 4]
        if kind == SECTION:
            interfaces = []
        elif kind == INTERFACE and len(body) >= 8 and len(interfaces) < _MAX_INTERFACES:
            interfaces.append(_interface(body, order))
        elif kind == ENHANCED and len(body) >= 20:
            number, high, low, kept, length = struct.unpack_from(order + "IIIII", body)
            if number >= len(interfaces) or kept > len(body) - 20:
                return
            seen = interfaces[number]
            time = seen.offset * _SECOND + (high << 32 | low) * _SECOND // seen.ticks
            yield CapturedPacket(time, length, body[20 : 20 + kept], seen.link)


def _interface(body: bytes, order: str) -> _Interface:
    (link,) = struct.unpack_from(order + "H", body)
    ticks, offset, place = 1_000_000, 0, 8
    while place + 4 <= len(body):
        option, length = struct.unpack_from(order + "HH", body, place)
        value = body[place + 4 : place + 4 + length]
        if option == 0:
            break
        if option == 9 and len(value) == 1:
            ticks = 2 ** (value[0] & 0x7F) if value[0] & 0x80 else 10 ** value[0]
        if option == 14 and len(value) == 8:
            (offset,) = struct.unpack(order + "q", value)
        place += 4 + (length + 3) // 4 * 4
    return _Interface(link, ticks, offset)


def _write_sections(every: list[CapturedPacket], links: list[int]) -> bytes:
    out = bytearray(_block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
    for link in links:
        out += _block(INTERFACE, struct.pack("<HHI", link, 0, 262_144) + struct.pack("<HHB3xHH", 9, 1, 9, 0, 0))
    for packet in every:
        head = (links.index(packet.link), packet.time >> 32 & 0xFFFFFFFF, packet.time & 0xFFFFFFFF)
        body = struct.pack("<IIIII", *head, len(packet.data), packet.length) + packet.data
        out += _block(ENHANCED, body + bytes(-len(body) % 4))
    return bytes(out)


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)
