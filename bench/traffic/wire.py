"""Frames with right checksums, written to a pcap stream as they are made: nothing is kept in memory.

Rule 1: time only moves forward, by some ten microseconds a frame; actors say when they want to be called next.
Rule 2: what is constant of a path (link header, addresses, their part of the checksums) is made once.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import BinaryIO, TypeAlias

__all__ = ["START", "Actor", "Host", "Tcp", "Wire", "pcap_head"]

Actor: TypeAlias = Iterator[float]  # speaks, then yields the seconds until it wants to speak again

SYN, ACK, PUSH_ACK, FIN_ACK, SYN_ACK = 0x02, 0x10, 0x18, 0x11, 0x12
START = 1_790_000_000_000_000_000  # ns since 1970: September 2026
_FLUSH = 4096  # frames
_GAP = 60_000  # ns between two frames of one exchange

_RECORD = struct.Struct(">IIII").pack
_IP = struct.Struct(">HHHHBBH").pack
_TCP = struct.Struct(">HHIIHHHH").pack
_UDP = struct.Struct(">HHHH").pack


def pcap_head() -> bytes:
    """Return the head of a pcap file: nanoseconds, big-endian, Ethernet."""
    return struct.pack(">IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1)


def _words(data: bytes) -> int:
    """The ones' complement sum of the 16-bit words, not yet folded: congruent modulo 65535."""
    number = int.from_bytes(data, "big") % 65_535
    return number << 8 if len(data) & 1 else number


@dataclass(frozen=True, slots=True, eq=False)
class Host:
    """One talker. ``zone`` is its network; a host of another zone is reached through the router."""

    ip: str
    mac: bytes
    zone: str
    ttl: int = 64
    name: str = ""

    @property
    def packed(self) -> bytes:
        """The address as four bytes."""
        return IPv4Address(self.ip).packed


class _Path:
    """What is the same in all packets from one host to another."""

    __slots__ = ("addresses", "ident", "link", "sum", "ttl")

    def __init__(self, source: Host, target: Host, source_mac: bytes, target_mac: bytes, ttl: int) -> None:
        self.link = target_mac + source_mac + b"\x08\x00"
        self.addresses = source.packed + target.packed
        self.sum = _words(self.addresses)
        self.ttl = ttl
        self.ident = int.from_bytes(self.addresses[2:4], "big")


class Wire:
    """What a mirror of the core switch shows: every packet once, where it enters the switch."""

    def __init__(self, out: BinaryIO, router: Host) -> None:
        self.now = START
        self.frames = 0
        self._out = out
        self._router = router
        self._paths: dict[tuple[Host, Host], _Path] = {}
        self._groups: dict[tuple[str, str], Host] = {}
        self._waiting: list[bytes] = [pcap_head()]
        self._port = 49_152

    def run(self, actors: list[tuple[float, Actor]], frames: int) -> None:
        """Let actors speak until so many frames were written; each begins after its delay."""
        heap = [(START + int(delay * 1e9), at, actor) for at, (delay, actor) in enumerate(actors)]
        heapq.heapify(heap)
        while self.frames < frames:
            due, at, actor = heap[0]
            if due > self.now:
                self.now = due
            heapq.heapreplace(heap, (due + int(next(actor) * 1e9), at, actor))
        self._flush()

    def frame(self, data: bytes) -> None:
        """Write one frame."""
        if len(data) < 60:
            data = data.ljust(60, b"\0")
        length = len(data)
        self._waiting.append(_RECORD(self.now // 1_000_000_000, self.now % 1_000_000_000, length, length))
        self._waiting.append(data)
        self.now += _GAP
        self.frames += 1
        if len(self._waiting) >= 2 * _FLUSH:
            self._flush()

    def _flush(self) -> None:
        self._out.write(b"".join(self._waiting))
        self._waiting.clear()

    def _path(self, source: Host, target: Host) -> _Path:
        path = self._paths.get((source, target))
        if path is None:
            outside = source.zone == "internet"
            here = self._router.mac if outside else source.mac
            there = target.mac if outside or source.zone == target.zone else self._router.mac
            ttl = source.ttl - 11 if outside else source.ttl
            path = self._paths[source, target] = _Path(source, target, here, there, ttl)
        return path

    def _ip(self, path: _Path, protocol: int, payload: bytes) -> None:
        path.ident = ident = path.ident + 1 & 0xFFFF
        total = 20 + len(payload)
        check = 0x4500 + total + ident + 0x4000 + (path.ttl << 8 | protocol) + path.sum
        check = 65_535 - check % 65_535
        self.frame(path.link + _IP(0x4500, total, ident, 0x4000, path.ttl, protocol, check) + path.addresses + payload)

    def udp(self, source: Host, target: Host, ports: tuple[int, int], payload: bytes) -> None:
        """Send one datagram."""
        path = self._path(source, target)
        length = 8 + len(payload)
        check = 65_535 - (path.sum + 17 + 2 * length + ports[0] + ports[1] + _words(payload)) % 65_535
        self._ip(path, 17, _UDP(*ports, length, check) + payload)

    def group(self, source: Host, address: str, ports: tuple[int, int], payload: bytes) -> None:
        """Send one datagram to a multicast or broadcast address."""
        target = self._groups.get((address, source.zone))
        if target is None:
            packed = IPv4Address(address).packed
            multicast = b"\x01\x00\x5e" + bytes([packed[1] & 127]) + packed[2:]
            mac = multicast if packed[0] & 0xF0 == 0xE0 else b"\xff" * 6
            target = self._groups[address, source.zone] = Host(address, mac, source.zone)
        self.udp(source, target, ports, payload)

    def tcp(
        self,
        source: Host,
        target: Host,
        ports: tuple[int, int],
        place: tuple[int, int],
        flags: int,
        payload: bytes = b"",
    ) -> None:
        """Send one segment; ``place`` is sequence and acknowledgement number."""
        path = self._path(source, target)
        seq, ack = place
        length = 20 + len(payload)
        check = path.sum + 6 + length + ports[0] + ports[1] + seq + ack + (0x5000 | flags) + 0xFAF0
        check = 65_535 - (check + (_words(payload) if payload else 0)) % 65_535
        self._ip(path, 6, _TCP(*ports, seq, ack, 0x5000 | flags, 0xFAF0, check, 0) + payload)

    def port(self) -> int:
        """The next ephemeral port."""
        self._port = self._port + 1 if self._port < 65_500 else 49_152
        return self._port

    def arp(self, asker: Host, owner: Host) -> None:
        """One asks for the other's address and is told."""
        head = b"\x00\x01\x08\x00\x06\x04"
        asked = head + b"\x00\x01" + asker.mac + asker.packed + bytes(6) + owner.packed
        told = head + b"\x00\x02" + owner.mac + owner.packed + asker.mac + asker.packed
        self.frame(b"\xff" * 6 + asker.mac + b"\x08\x06" + asked)
        self.frame(asker.mac + owner.mac + b"\x08\x06" + told)


class Tcp:
    """One TCP conversation; sequence numbers are kept here."""

    __slots__ = ("_ack", "_client", "_from", "_seq", "_server", "_to", "_wire")

    def __init__(self, wire: Wire, client: Host, server: Host, port: int) -> None:
        self._wire, self._client, self._server = wire, client, server
        own = wire.port()
        self._from, self._to = (own, port), (port, own)
        self._seq = own * 7_919 & 0xFFFFFFFF  # of the client
        self._ack = own * 104_729 & 0xFFFFFFFF  # of the server
        self._segment(True, SYN)
        self._segment(False, SYN_ACK)
        self._segment(True, ACK)

    def _segment(self, from_client: bool, flags: int, payload: bytes = b"") -> None:
        size = len(payload) + (1 if flags & 0x03 else 0)
        acknowledged = flags & ACK
        if from_client:
            place = (self._seq, self._ack if acknowledged else 0)
            self._wire.tcp(self._client, self._server, self._from, place, flags, payload)
            self._seq = self._seq + size & 0xFFFFFFFF
        else:
            self._wire.tcp(self._server, self._client, self._to, (self._ack, self._seq), flags, payload)
            self._ack = self._ack + size & 0xFFFFFFFF

    def client(self, payload: bytes) -> None:
        """The client says ``payload``."""
        self._segment(True, PUSH_ACK, payload)

    def server(self, payload: bytes) -> None:
        """The server says ``payload``, in segments of a usual size."""
        for at in range(0, len(payload), 1448):
            self._segment(False, PUSH_ACK, payload[at : at + 1448])

    def asks(self, request: bytes, answer: bytes) -> None:
        """Request, answer, and the client's acknowledgement."""
        self._segment(True, PUSH_ACK, request)
        self.server(answer)
        self._segment(True, ACK)

    def close(self) -> None:
        """Both sides end it."""
        self._segment(True, FIN_ACK)
        self._segment(False, FIN_ACK)
        self._segment(True, ACK)
