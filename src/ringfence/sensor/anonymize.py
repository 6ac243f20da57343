"""Packets without what they say: cut to their headers, or made anonymous with pseudonyms that stay the same. No I/O.

Rule 1: what isn't understood is cut. Kept are link, VLAN and IP headers, ARP, and the headers of TCP, UDP, SCTP, ICMP.
Rule 2: a pseudonym depends on the key only. IP prefixes are kept as prefixes: a subnet stays a subnet. Multicast,
broadcast and unspecified addresses stay what they are; of solicited-node groups the device's part is replaced.
Rule 3: checksums are those of the new headers with a payload of zeros, so that they tell nothing of the old payload.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2s

from ringfence.sensor.slice import CapturedPacket

__all__ = ["Pseudonyms", "headers_only"]

_IPV4, _IPV6, _ARP = 0x0800, 0x86DD, 0x0806
_VLAN = {0x8100, 0x88A8, 0x9100}
_TCP, _UDP, _ICMP, _ICMPV6, _SCTP = 6, 17, 1, 58, 132
_EXTENSIONS = {0, 43, 44, 51, 60, 135}
_FRAGMENT, _AUTHENTICATION = 44, 51
_KEPT_TCP_OPTIONS = {2, 3, 4, 5, 8}
_CACHE = 65_536  # addresses


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a packet's headers are (bytes from its begin); -1: it has none."""

    link: int  # length of the link header
    network: int = -1  # ethertype
    options: tuple[tuple[int, int], ...] = ()  # what may hold addresses: IPv4 options, bodies of IPv6 extensions
    transport: int = -1  # protocol number
    start: int = -1  # of the transport header
    end: int = 0  # of all headers
    whole: bool = True  # False: a fragment, whose checksum covers more than this packet


def headers_only(packet: CapturedPacket) -> CapturedPacket:
    """Return the packet without its payload; its length on the wire stays."""
    return replace(packet, data=packet.data[: _layout(packet).end])


class Pseudonyms:
    """Replaces addresses.

    Args:
        key: up to 32 bytes; the same key gives the same pseudonyms.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.mac = lru_cache(_CACHE)(self._mac)
        self.ipv4 = lru_cache(_CACHE)(self._ipv4)
        self.ipv6 = lru_cache(_CACHE)(self._ipv6)

    def packet(self, packet: CapturedPacket) -> CapturedPacket:
        """Return the packet with pseudonyms, without payload."""
        layout = _layout(packet)
        data = bytearray(packet.data[: layout.end])
        self._link(data, packet.link)
        at = layout.link
        if layout.network == _ARP:
            self._arp(data, at)
        elif layout.network == _IPV4:
            _swap(data, at + 12, 4, self.ipv4)
            _swap(data, at + 16, 4, self.ipv4)
        elif layout.network == _IPV6:
            _swap(data, at + 8, 16, self.ipv6)
            _swap(data, at + 24, 16, self.ipv6)
        filler = b"\1" if layout.network == _IPV4 else b"\0"
        for start, end in layout.options:
            data[start:end] = filler * (end - start)
        if layout.network == _IPV4:
            data[at + 10 : at + 12] = b"\0\0"
            data[at + 10 : at + 12] = _checksum(bytes(data[at : at + 4 * (data[at] & 15)]))
        _transport(data, layout)
        return replace(packet, data=bytes(data))

    def _link(self, data: bytearray, link: int) -> None:
        if link == 1:
            _swap(data, 0, 6, self.mac)
            _swap(data, 6, 6, self.mac)
        elif link == 113:
            _swap(data, 6, 6, self.mac)
            data[12:14] = bytes(len(data[12:14]))
        elif link == 276:
            _swap(data, 12, 6, self.mac)
            data[18:20] = bytes(len(data[18:20]))

    def _arp(self, data: bytearray, at: int) -> None:
        for start, length, change in ((8, 6, self.mac), (14, 4, self.ipv4), (18, 6, self.mac), (24, 4, self.ipv4)):
            _swap(data, at + start, length, change)

    def _digest(self, what: bytes, data: bytes) -> bytes:
        return blake2s(data, key=self._key, person=what).digest()

    def _mac(self, address: bytes) -> bytes:
        if address[:3] == b"\x33\x33\xff":
            return address[:3] + self._digest(b"group", address[3:])[:3]
        if address[0] & 1 or not any(address):
            return address
        made = self._digest(b"mac", address)[:6]
        return bytes([made[0] & 0xFC | 2]) + made[1:]

    def _ipv4(self, address: bytes) -> bytes:
        if address[0] >= 224 or address[0] == 127 or not any(address):
            return address
        return self._prefixes(b"ipv4", address, 4)

    def _ipv6(self, address: bytes) -> bytes:
        if address[:13] == bytes.fromhex("ff0200000000000000000001ff"):
            return address[:13] + self._digest(b"group", address[13:])[:3]
        if address[0] == 0xFF or not any(address[:15]):
            return address
        kept = 16 if address[0] == 0xFE and address[1] & 0xC0 == 0x80 else 8
        return self._prefixes(b"ipv6", address, kept)

    def _prefixes(self, what: bytes, address: bytes, kept: int) -> bytes:
        """Turn each bit after the first ``kept`` by what stands before it: a permutation that keeps prefixes."""
        bits = len(address) * 8
        number = int.from_bytes(address, "big")
        out = number >> (bits - kept)
        for place in range(kept, bits):
            before = number >> (bits - place)
            flip = self._digest(what, before.to_bytes(16, "big") + bytes([place]))[0] & 1
            out = out << 1 | ((number >> (bits - place - 1) & 1) ^ flip)
        return out.to_bytes(len(address), "big")


def _swap(data: bytearray, start: int, length: int, change: object) -> None:
    """Replace an address; one that the capture cut is blanked."""
    found = bytes(data[start : start + length])
    if len(found) == length:
        data[start : start + length] = change(found)  # type: ignore[operator]  # lru_cache's type says no more.
    else:
        data[start:] = bytes(len(found))


def _layout(packet: CapturedPacket) -> _Layout:
    data = packet.data
    link, network = _link_header(data, packet.link)
    if network == _ARP and data[link : link + 6] == b"\0\1\x08\0\6\4":
        return _Layout(link, _ARP, end=min(link + 28, len(data)))
    if network == _IPV4 and len(data) >= link + 20 and data[link] >> 4 == 4 and data[link] & 15 >= 5:
        return _ipv4_layout(data, link)
    if network == _IPV6 and len(data) >= link + 40 and data[link] >> 4 == 6:
        return _ipv6_layout(data, link)
    return _Layout(link, end=min(link, len(data)))


def _link_header(data: bytes, link: int) -> tuple[int, int]:
    """Length of the link header, and the ethertype behind it (-1: none that is known)."""
    if link == 1:
        place = 12
        while place + 2 <= len(data) and int.from_bytes(data[place : place + 2], "big") in _VLAN:
            place += 4
        return place + 2, int.from_bytes(data[place : place + 2], "big")
    if link == 113:
        return 16, int.from_bytes(data[14:16], "big")
    if link == 276:
        return 20, int.from_bytes(data[0:2], "big")
    if link in (101, 228, 229):
        return 0, {4: _IPV4, 6: _IPV6}.get(data[0] >> 4 if data else 0, -1)
    return 0, -1


def _ipv4_layout(data: bytes, at: int) -> _Layout:
    end = at + 4 * (data[at] & 15)
    fragment = int.from_bytes(data[at + 6 : at + 8], "big")
    options = ((at + 20, min(end, len(data))),) if end > at + 20 else ()
    if end > len(data) or fragment & 0x1FFF:
        return _Layout(at, _IPV4, options, end=min(end, len(data)))
    return _with_transport(data, _Layout(at, _IPV4, options, whole=not fragment & 0x2000), data[at + 9], end)


def _ipv6_layout(data: bytes, at: int) -> _Layout:
    kind, place, first, whole = data[at + 6], at + 40, True, True
    options: list[tuple[int, int]] = []
    while kind in _EXTENSIONS and place + 8 <= len(data):
        length = 4 * (data[place + 1] + 2) if kind == _AUTHENTICATION else 8 * (data[place + 1] + 1)
        if kind == _FRAGMENT:
            length, field = 8, int.from_bytes(data[place + 2 : place + 4], "big")
            first, whole = first and not field & 0xFFF8, False
        elif place + length <= len(data):
            options.append((place + 2, place + length))
        if place + length > len(data):
            return _Layout(at, _IPV6, tuple(options), end=place)
        kind, place = data[place], place + length
    layout = _Layout(at, _IPV6, tuple(options), whole=whole)
    return _with_transport(data, layout, kind, place) if first else replace(layout, end=place)


def _with_transport(data: bytes, layout: _Layout, kind: int, start: int) -> _Layout:
    length = {_UDP: 8, _ICMP: 8, _ICMPV6: 8, _SCTP: 12, _TCP: 20}.get(kind, 0)
    if not length or start + length > len(data):
        return replace(layout, end=start)
    if kind == _TCP:
        length = max(20, 4 * (data[start + 12] >> 4))
    return replace(layout, transport=kind, start=start, end=min(start + length, len(data)))


def _transport(data: bytearray, layout: _Layout) -> None:
    """Blank what may name somebody in the transport header, and make its checksum."""
    at = layout.start
    place = {_TCP: 16, _UDP: 6, _ICMP: 2, _ICMPV6: 2}.get(layout.transport)
    if place is None:
        if layout.transport == _SCTP:
            data[at + 8 : at + 12] = bytes(4)
        return
    if layout.transport == _TCP:
        _blank_tcp_options(data, at + 20)
    if layout.transport == _ICMP and data[at] == 5:
        data[at + 4 : at + 8] = bytes(4)  # The router of a redirect.
    none = layout.transport == _UDP and data[at + 6 : at + 8] == b"\0\0"
    data[at + place : at + place + 2] = b"\0\0"
    if none or not layout.whole:
        return
    made = _checksum(_pseudo_header(data, layout) + bytes(data[at:]))
    data[at + place : at + place + 2] = b"\xff\xff" if made == b"\0\0" and layout.transport == _UDP else made


def _pseudo_header(data: bytearray, layout: _Layout) -> bytes:
    at = layout.link
    if layout.transport == _ICMP:
        return b""
    if layout.network == _IPV4:
        length = int.from_bytes(data[at + 2 : at + 4], "big") - (layout.start - at)
        return bytes(data[at + 12 : at + 20]) + struct.pack(">BBH", 0, layout.transport, max(length, 0))
    length = int.from_bytes(data[at + 4 : at + 6], "big") - (layout.start - at - 40)
    return bytes(data[at + 8 : at + 40]) + struct.pack(">IxxxB", max(length, 0), layout.transport)


def _blank_tcp_options(data: bytearray, place: int) -> None:
    while place < len(data):
        kind = data[place]
        if kind in (0, 1):
            place += 1
            continue
        length = data[place + 1] if place + 1 < len(data) else 0
        if length < 2 or place + length > len(data):
            data[place:] = b"\1" * (len(data) - place)
            return
        if kind not in _KEPT_TCP_OPTIONS:
            data[place : place + length] = b"\1" * length
        place += length


def _checksum(data: bytes) -> bytes:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return bytes([~total >> 8 & 0xFF, ~total & 0xFF])
