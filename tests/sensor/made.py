"""Captures made byte by byte: what ``tests/plant.py`` is too well-behaved to send."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import polars
from tests.plant import START

from ringfence.sensor.options import ReadOptions
from ringfence.sensor.reader import CaptureRun, read

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
CLIENT_MAC, SERVER_MAC = bytes.fromhex("00005e005301"), bytes.fromhex("00005e005302")
QUERY = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01"
SECOND = 1_000_000_000  # ns

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

Timed = tuple[int, bytes]


def ethernet(ethertype: int, body: bytes, source: bytes = CLIENT_MAC, target: bytes = SERVER_MAC) -> bytes:
    return target + source + struct.pack("!H", ethertype) + body


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(
    protocol: int,
    body: bytes,
    source: str = CLIENT,
    target: str = SERVER,
    *,
    fragment: int = 0,
    number: int = 0,
) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), number, fragment, 64, protocol, 0)
    head += ip_address(source).packed + ip_address(target).packed
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def ipv6(next_header: int, body: bytes, source: str = "fd00::1", target: str = "fd00::2") -> bytes:
    head = struct.pack("!IHBB", 6 << 28, len(body), next_header, 64)
    return head + ip_address(source).packed + ip_address(target).packed + body


def transport(protocol: int, data: bytes, at: int, source: str, target: str) -> bytes:
    """Return ``data`` with its checksum at byte ``at``."""
    ends = ip_address(source).packed + ip_address(target).packed
    pseudo = (
        ends + struct.pack("!HH", protocol, len(data))
        if len(ends) == 8
        else ends + struct.pack("!II", len(data), protocol)
    )
    return data[:at] + struct.pack("!H", checksum(pseudo + data) or 0xFFFF) + data[at + 2 :]


def udp(ports: tuple[int, int], body: bytes, source: str = CLIENT, target: str = SERVER) -> bytes:
    return transport(17, struct.pack("!HHHH", *ports, 8 + len(body), 0) + body, 6, source, target)


def query(source: str = CLIENT, target: str = SERVER, port: int = 40_000) -> bytes:
    """An IPv4 packet that is surely DNS."""
    return ipv4(17, udp((port, 53), QUERY, source, target), source, target)


def segment(
    seq: int,
    ack: int,
    flags: int,
    payload: bytes = b"",
    *,
    from_client: bool = True,
    ports: tuple[int, int] = (40_000, 502),
    ends: tuple[str, str] = (CLIENT, SERVER),
    number: int = 0,
) -> bytes:
    """A TCP segment as an Ethernet frame; ``ports`` and ``ends`` are the client's and the server's."""
    here, there = (0, 1) if from_client else (1, 0)
    head = struct.pack("!HHIIBBHHH", ports[here], ports[there], seq, ack, 0x50, flags, 64_000, 0, 0)
    data = transport(6, head + payload, 16, ends[here], ends[there])
    macs = (CLIENT_MAC, SERVER_MAC)
    return ethernet(0x0800, ipv4(6, data, ends[here], ends[there], number=number), macs[here], macs[there])


def handshake(client: int = 999, server: int = 4999, **more: Any) -> list[bytes]:
    return [
        segment(client, 0, SYN, **more),
        segment(server, client + 1, SYN | ACK, from_client=False, **more),
        segment(client + 1, server + 1, ACK, **more),
    ]


def modbus_read(transaction: int, register: int = 0) -> bytes:
    return struct.pack("!HHHBBHH", transaction, 0, 6, 1, 3, register, 1)


def timed(frames: Iterable[bytes], start: int = START, step: int = 1_000_000) -> list[Timed]:
    return [(start + at * step, frame) for at, frame in enumerate(frames)]


def pcap(
    frames: Sequence[Timed], *, order: str = "<", magic: int = 0xA1B23C4D, link: int = 1, snap: int = 262_144
) -> bytes:
    out = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, snap, link)]
    unit = 1 if magic == 0xA1B23C4D else 1000
    for time, frame in frames:
        kept = frame[:snap]
        head = struct.pack(f"{order}IIII", time // SECOND, time % SECOND // unit, len(kept), len(frame))
        out += [head, kept]
    return b"".join(out)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += b"\0" * (-len(body) % 4)
    length = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + length + body + length


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int = 1, snap: int = 0, options: bytes = b"", order: str = "<") -> bytes:
    return block(1, struct.pack(f"{order}HHI", link, 0, snap) + options, order)


def enhanced(
    time: int, frame: bytes, which: int = 0, options: bytes = b"", order: str = "<", unit: int = 1000
) -> bytes:
    ticks = time // unit
    head = struct.pack(f"{order}IIIII", which, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(6, head + frame + b"\0" * (-len(frame) % 4) + options, order)


def packed_zstd(data: bytes) -> bytes:
    """A frame of raw blocks (RFC 8878 §3.1.1): the reader's task is the framing, not the entropy coder."""
    blocks = [data[at : at + 100_000] for at in range(0, len(data), 100_000)]
    out = struct.pack("<IBB", 0xFD2FB528, 0, 0x48)
    for at, part in enumerate(blocks):
        out += struct.pack("<I", len(part) << 3 | (at == len(blocks) - 1))[:3] + part
    return out


def packed_lz4(data: bytes) -> bytes:
    """A frame of stored blocks; the header checksum is that of these two flag bytes."""
    out = bytes.fromhex("04224d18604082")
    for at in range(0, len(data), 60_000):
        part = data[at : at + 60_000]
        out += struct.pack("<I", len(part) | 1 << 31) + part
    return out + bytes(4)


PACKINGS = {"gzip": gzip.compress, "zstd": packed_zstd, "lz4": packed_lz4}


def write(folder: Path, data: bytes, name: str = "made.pcap") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def run(paths: Path | Sequence[Path], **options: Any) -> CaptureRun:
    """Read with a fixed key, so that runs can be compared, and keep the flows."""
    chosen = ReadOptions(site_key=b"test", flows="keep", transactions="keep", **options)
    return read([paths] if isinstance(paths, Path) else paths, chosen)


def flows(capture: CaptureRun) -> list[dict[str, Any]]:
    """The flows as rows, in time order."""
    frame = polars.DataFrame(capture.core.flows())
    return sorted(frame.to_dicts(), key=lambda row: (row["start"], row["src_port"], row["dst_port"]))


def counted(capture: CaptureRun, kind: str) -> int:
    return sum(fact.count for fact in capture.observations if fact.kind == kind)
