"""A plant in memory: stations that talk to one another, written as a pcap file. A simulator, not a mock.

Rule 1: the same calls give the same bytes: the clock starts at ``START`` and moves by a millisecond per packet.
Rule 2: checksums are right, and TCP conversations have their handshake, unless a caller asks for less.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

START = 1_760_000_000_000_000_000  # ns since 1970: 2025-10-09, UTC
MILLISECOND = 1_000_000  # ns

SYN, ACK, PUSH_ACK, FIN_ACK, SYN_ACK, RESET = 0x02, 0x10, 0x18, 0x11, 0x12, 0x14


@dataclass(frozen=True, slots=True)
class Station:
    """One talker: an address and the hardware address it speaks from."""

    ip: str
    mac: str

    @property
    def packed_ip(self) -> bytes:
        return IPv4Address(self.ip).packed

    @property
    def packed_mac(self) -> bytes:
        return bytes.fromhex(self.mac.replace(":", ""))


def _checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Plant:
    """The network: makes stations and conversations, and keeps every frame with its time."""

    def __init__(self, start: int = START) -> None:
        self.now = start
        self.frames: list[tuple[int, bytes]] = []
        self._port = 49_152
        self._stations = 0

    def station(self, ip: str, mac: str = "") -> Station:
        """Return a station; without a MAC it gets one of a documented vendor range, a new one each time."""
        self._stations += 1
        return Station(ip, mac or f"00:00:5e:00:53:{self._stations:02x}")

    def hmi(self, ip: str) -> Hmi:
        """Return an operator station that can speak Modbus."""
        return Hmi(self, self.station(ip))

    def wait(self, seconds: float) -> None:
        """Let time go by."""
        self.now += int(seconds * 1_000_000_000)

    def frame(self, data: bytes) -> None:
        """Put one Ethernet frame on the wire."""
        self.frames.append((self.now, data.ljust(60, b"\0")))
        self.now += MILLISECOND

    def ip(self, source: Station, target: Station, protocol: int, payload: bytes, *, to_mac: str = "") -> None:
        """Put one IPv4 packet on the wire."""
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0)
        head += source.packed_ip + target.packed_ip
        head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
        there = bytes.fromhex(to_mac.replace(":", "")) if to_mac else target.packed_mac
        self.frame(there + source.packed_mac + b"\x08\x00" + head + payload)

    def udp(
        self, source: Station, target: Station, ports: tuple[int, int], payload: bytes, *, to_mac: str = ""
    ) -> None:
        """Send one datagram."""
        data = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
        pseudo = source.packed_ip + target.packed_ip + struct.pack("!BBH", 0, 17, len(data))
        data = data[:6] + struct.pack("!H", _checksum(pseudo + data) or 0xFFFF) + data[8:]
        self.ip(source, target, 17, data, to_mac=to_mac)

    def arp(self, source: Station, asked: str, *, reply_to: Station | None = None) -> None:
        """Ask who has an address, or answer ``reply_to`` that ``source`` has it."""
        operation = 1 if reply_to is None else 2
        there = b"\xff" * 6 if reply_to is None else reply_to.packed_mac
        target = bytes(6) if reply_to is None else reply_to.packed_mac
        packet = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + source.packed_mac + source.packed_ip
        self.frame(there + source.packed_mac + b"\x08\x06" + packet + target + IPv4Address(asked).packed)

    @contextmanager
    def tcp(
        self, client: Station, server: Station, port: int, *, handshake: bool = True, silent_server: bool = False
    ) -> Iterator[Talk]:
        """Open a TCP conversation; leaving the block closes it. ``silent_server`` leaves that direction out."""
        self._port = self._port + 1 if self._port < 65_000 else 49_152
        talk = Talk(self, client, server, (self._port, port), silent_server)
        if handshake:
            talk.segment(True, SYN)
            talk.segment(False, SYN_ACK)
            talk.segment(True, ACK)
        yield talk
        if handshake:
            talk.segment(True, FIN_ACK)
            talk.segment(False, FIN_ACK)
            talk.segment(True, ACK)

    def syn(self, client: Station, server: Station, port: int, *, refused: bool = False) -> None:
        """Knock at a port; nobody answers, or the port refuses."""
        self._port = self._port + 1 if self._port < 65_000 else 49_152
        talk = Talk(self, client, server, (self._port, port), False)
        talk.segment(True, SYN)
        if refused:
            talk.segment(False, RESET)

    def pcap(self) -> bytes:
        """The capture: pcap with nanoseconds, link type Ethernet."""
        head = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1)
        parts = [head]
        for time, data in self.frames:
            parts.append(struct.pack("<IIII", time // 1_000_000_000, time % 1_000_000_000, len(data), len(data)))
            parts.append(data)
        return b"".join(parts)

    def save(self, path: Path) -> Path:
        """Write the capture and return its path."""
        path.write_bytes(self.pcap())
        return path


class Talk:
    """One TCP conversation; sequence numbers are kept here."""

    def __init__(self, plant: Plant, client: Station, server: Station, ports: tuple[int, int], silent: bool) -> None:
        self._plant = plant
        self._ends = (client, server)
        self._ports = ports
        self._silent = silent
        self._next = [1_000, 5_000]

    def client(self, payload: bytes) -> None:
        """The client says ``payload``."""
        self.segment(True, PUSH_ACK, payload)

    def server(self, payload: bytes) -> None:
        """The server says ``payload``."""
        self.segment(False, PUSH_ACK, payload)

    def segment(self, from_client: bool, flags: int, payload: bytes = b"") -> None:
        """Put one segment on the wire."""
        here = 0 if from_client else 1
        source, target = self._ends[here], self._ends[1 - here]
        source_port, target_port = self._ports[here], self._ports[1 - here]
        head = struct.pack(
            "!HHIIBBHHH", source_port, target_port, self._next[here], self._next[1 - here], 0x50, flags, 64_000, 0, 0
        )
        self._next[here] = (self._next[here] + len(payload) + (1 if flags & 0x03 else 0)) & 0xFFFFFFFF
        if self._silent and not from_client:
            return
        data = head + payload
        pseudo = source.packed_ip + target.packed_ip + struct.pack("!BBH", 0, 6, len(data))
        data = data[:16] + struct.pack("!H", _checksum(pseudo + data)) + data[18:]
        self._plant.ip(source, target, 6, data)


class Hmi:
    """An operator station: ``plant.hmi("10.0.0.9").writes(plc, register=1, value=7)``."""

    def __init__(self, plant: Plant, station: Station) -> None:
        self._plant = plant
        self.station = station
        self._transaction = 0

    def asks(self, plc: Station, requests: list[bytes], *, answers: list[bytes] | None = None, port: int = 502) -> None:
        """Send Modbus PDUs in one conversation; without ``answers`` each is echoed."""
        with self._plant.tcp(self.station, plc, port) as talk:
            for at, request in enumerate(requests):
                self._transaction = (self._transaction + 1) & 0xFFFF
                talk.client(modbus(self._transaction, request))
                talk.server(modbus(self._transaction, request if answers is None else answers[at]))

    def writes(self, plc: Station, *, register: int, value: int) -> None:
        """Write a single holding register (zero-based PDU address)."""
        self.asks(plc, [struct.pack("!BHH", 6, register, value)])

    def reads(self, plc: Station, *, register: int, values: tuple[int, ...]) -> None:
        """Read holding registers."""
        answer = struct.pack(f"!BB{len(values)}H", 3, 2 * len(values), *values)
        self.asks(plc, [struct.pack("!BHH", 3, register, len(values))], answers=[answer])


def modbus(transaction: int, pdu: bytes, unit: int = 1) -> bytes:
    """A Modbus/TCP message (MBAP header and PDU)."""
    return struct.pack("!HHHB", transaction, 0, len(pdu) + 1, unit) + pdu
