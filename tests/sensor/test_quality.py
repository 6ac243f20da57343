"""Each code of the quality verdict is provoked by a capture made for it, and no code stands on a clean one."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.plant import START, Plant
from tests.sensor import made
from tests.sensor.made import ACK, PSH, SECOND, Timed, ethernet, handshake, ipv4, segment, timed

from ringfence.sensor.quality import CHECKS, judge


def clean() -> list[Timed]:
    """Several conversations with nothing wrong."""
    plant = Plant()
    hmi, plc = plant.hmi("10.0.0.1"), plant.station("10.0.0.2")
    for register in range(12):
        hmi.reads(plc, register=register, values=(1, 2))
        plant.arp(plc, "10.0.0.1")
    return plant.frames


def empty() -> bytes:
    return made.pcap([])


def unreadable() -> bytes:
    return made.pcap(clean())[:-1]


def loss() -> bytes:
    frames = []
    for port in range(40_000, 40_004):
        frames += handshake(ports=(port, 502))
        frames.append(segment(1000, 5000, PSH | ACK, made.modbus_read(1), ports=(port, 502)))
        frames.append(segment(1500, 5000, PSH | ACK, made.modbus_read(2), ports=(port, 502)))
    return made.pcap(timed(frames))


def loss_said_by_the_system() -> bytes:
    drops = made.option(5, struct.pack("<Q", 12))
    blocks = [made.enhanced(time, frame) for time, frame in clean()]
    return made.section() + made.interface() + b"".join(blocks) + made.block(5, bytes(12) + drops)


def one_sided() -> bytes:
    plant = Plant()
    client, server = plant.station("10.0.0.1"), plant.station("10.0.0.2")
    for _ in range(3):
        with plant.tcp(client, server, 502, silent_server=True) as talk:
            talk.client(made.modbus_read(1))
    return made.pcap(plant.frames)


def duplicates() -> bytes:
    frames = handshake()
    frames += [segment(1000 + 12 * at, 5000, PSH | ACK, made.modbus_read(at), number=at + 1) for at in range(20)]
    return made.pcap([(time + late, frame) for time, frame in timed(frames) for late in (0, 50_000)])


def snapped() -> bytes:
    return made.pcap(clean(), snap=58)


def offload_by_size() -> bytes:
    frames = [*handshake(), *(segment(1000 + 4000 * at, 5000, ACK, bytes(4000)) for at in range(4))]
    return made.pcap(timed(frames))


def offload_by_checksum() -> bytes:
    broken = [
        frame[:50] + b"\xab\xcd" + frame[52:]
        for frame in (segment(1000 + 12 * at, 5000, PSH | ACK, made.modbus_read(at)) for at in range(20))
    ]
    return made.pcap(timed([*handshake(), *broken]))


def clock_before_2000() -> bytes:
    return made.pcap([(time - START + SECOND, frame) for time, frame in clean()])


def clock_backwards() -> bytes:
    return made.pcap([(time - (3 * SECOND if at % 10 == 9 else 0), frame) for at, (time, frame) in enumerate(clean())])


def link_type() -> bytes:
    return made.pcap(timed([bytes(20)] * 3), link=147)


def malformed() -> bytes:
    bad = [ethernet(0x0800, ipv4(17, struct.pack("!HHHH", 1, 2, 3, 0))) for _ in range(12)]
    return made.pcap(clean() + timed(bad, clean()[-1][0] + SECOND))


def bounds() -> bytes:
    """More datagrams of which a fragment is missing than may wait."""
    part = [ethernet(0x0800, ipv4(17, bytes(8), f"10.1.{at >> 8}.{at & 255}", fragment=0x2000)) for at in range(1_100)]
    return made.pcap(timed(part, step=1_000))


PROVOKED: list[tuple[str, Callable[[], bytes]]] = [
    ("empty", empty),
    ("unreadable", unreadable),
    ("loss", loss),
    ("loss", loss_said_by_the_system),
    ("one_sided", one_sided),
    ("duplicates", duplicates),
    ("snapped", snapped),
    ("offload", offload_by_size),
    ("offload", offload_by_checksum),
    ("clock", clock_before_2000),
    ("clock", clock_backwards),
    ("link_type", link_type),
    ("malformed", malformed),
    ("bounds", bounds),
]


@pytest.mark.parametrize(("code", "capture"), PROVOKED, ids=lambda value: getattr(value, "__name__", str(value)))
def test_each_code_is_provoked(tmp_path: Path, code: str, capture: Callable[[], bytes]) -> None:
    notes = {note.code: note for note in judge(made.run(made.write(tmp_path, capture())).summary)}
    assert code in notes
    assert notes[code].text
    assert notes[code].weakens
    assert notes[code].remedy


def test_every_code_has_a_capture() -> None:
    assert {code for code, _ in PROVOKED} == {check.code for check in CHECKS}


def test_a_clean_capture_has_none(tmp_path: Path) -> None:
    assert judge(made.run(made.write(tmp_path, made.pcap(clean()))).summary) == ()


def test_a_few_bad_packets_are_no_verdict(tmp_path: Path) -> None:
    again = clean()[-1]
    frames = [*clean(), again, (again[0] - 1_000_000, again[1])]
    codes = {note.code for note in judge(made.run(made.write(tmp_path, made.pcap(frames))).summary)}
    assert not codes & {"duplicates", "clock", "offload", "loss", "malformed"}
