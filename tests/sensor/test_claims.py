"""A protocol is claimed on content: what only comes to an OT port is not called OT (contract, house §2)."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from tests.plant import Plant, Station

from ringfence.sensor.options import ReadOptions
from ringfence.sensor.reader import CaptureRun, read

TCP_PORTS = {"modbus": 502, "s7comm": 102, "enip": 44818}
UDP_PORTS = {"bacnet": 47808, "enip": 44818, "enip_io": 2222}
OT = {"modbus", "s7comm", "enip", "bacnet"}

#: What else is met at such ports, by the first bytes of client and server.
OTHERS: dict[str, tuple[bytes, bytes]] = {
    "https": (
        bytes.fromhex("16030100c8010000c40303") + bytes(range(189)),
        bytes.fromhex("160303003d020000390303") + bytes(range(57)),
    ),
    "https_short_records": (
        bytes.fromhex("1603010006010000020303"),
        bytes.fromhex("15030300020228"),
    ),
    "http": (b"GET / HTTP/1.1\r\nHost: plc\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "ssh": (b"SSH-2.0-OpenSSH_9.2\r\n", b"SSH-2.0-dropbear_2022.83\r\n"),
    "remote_desktop": (
        bytes.fromhex("030000130ee000000000000100080003000000"),
        bytes.fromhex("030000130ed000001234000200080002000000"),
    ),
    "dicom": (
        b"\x01\x00"
        + struct.pack("!I", 205)
        + b"\x00\x01\x00\x00"
        + b"ANY-SCP         "
        + b"ECHOSCU         "
        + bytes(169),
        b"\x02\x00" + struct.pack("!I", 184) + b"\x00\x01\x00\x00" + bytes(180),
    ),
    "file_sharing": (b"\x00\x00\x00\x2c\xfeSMB" + bytes(40), b"\x00\x00\x00\x2c\xfeSMB" + bytes(40)),
    "zeros": (bytes(300), bytes(300)),
}


def stations(plant: Plant) -> tuple[Station, Station]:
    return plant.station("10.0.0.9"), plant.station("10.0.0.20")


def run(plant: Plant, folder: Path) -> CaptureRun:
    return read([plant.save(folder / "claims.pcap")], ReadOptions())


def claimed(result: CaptureRun) -> set[str]:
    return {row.name for row in result.protocols} & OT


def spoken_of(result: CaptureRun) -> set[str]:
    return {fact.kind for fact in result.observations if fact.kind.partition(".")[0] in OT | {"cip", "cotp"}}


@pytest.mark.parametrize("protocol", TCP_PORTS)
@pytest.mark.parametrize("other", OTHERS)
def test_other_protocols_at_an_ot_port_are_not_ot(protocol: str, other: str, tmp_path: Path) -> None:
    plant = Plant()
    client, server = stations(plant)
    with plant.tcp(client, server, TCP_PORTS[protocol]) as talk:
        talk.client(OTHERS[other][0])
        talk.server(OTHERS[other][1])
        talk.client(OTHERS[other][0])
    result = run(plant, tmp_path)
    assert claimed(result) == set()
    assert spoken_of(result) == set()


def test_random_bytes_at_ot_ports_are_not_ot(tmp_path: Path) -> None:
    chance = random.Random(44_818)  # noqa: S311 -- Reproducible, not secret.
    plant = Plant()
    client, server = stations(plant)
    for _ in range(300):
        for port in TCP_PORTS.values():
            with plant.tcp(client, server, port) as talk:
                talk.client(chance.randbytes(chance.randrange(1, 400)))
                talk.server(chance.randbytes(chance.randrange(1, 400)))
    for _ in range(4_000):
        for port in UDP_PORTS.values():
            plant.udp(
                client, server, (chance.randrange(49_152, 65_536), port), chance.randbytes(chance.randrange(1, 200))
            )
    result = run(plant, tmp_path)
    assert claimed(result) == set()
    assert spoken_of(result) == set()


def test_ot_at_a_strange_port_is_ot(tmp_path: Path) -> None:
    plant = Plant()
    client, server = stations(plant)
    with plant.tcp(client, server, 8_502) as talk:
        talk.client(bytes.fromhex("000100000006010300000002"))
        talk.server(bytes.fromhex("00010000000701030400010002"))
    with plant.tcp(client, server, 8_102) as talk:
        talk.client(bytes.fromhex("0300001902f08032010000000100080000f0000001000101e0"))
    with plant.tcp(client, server, 8_818) as talk:
        talk.client(bytes.fromhex("65000400000000000000000000000000000000000000000001000000"))
    plant.udp(client, server, (40_000, 8_808), bytes.fromhex("810a001101040275010c0c020000011955")[:17])
    assert claimed(run(plant, tmp_path)) == OT
