"""Input made to do harm: costs stay within its size, bounds met are counted, and what is sound in it is found."""

from __future__ import annotations

import gzip
import random
import resource
import struct
from itertools import product
from pathlib import Path

import pytest
from tests.plant import START, Plant
from tests.sensor import made
from tests.sensor.made import ACK, PSH, SECOND, ethernet, handshake, ipv4, modbus_read, query, segment, timed, udp

from ringfence.sensor.reader import CaptureRun

GROWTH_LIMIT = 300 << 10  # KiB that one of these may add to the process
SOUND = ethernet(0x0800, query(port=40_777))


@pytest.fixture(autouse=True)
def _bounded_memory() -> object:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < GROWTH_LIMIT, f"{grown} KiB"


def run(folder: Path, data: bytes) -> CaptureRun:
    return made.run(made.write(folder, data))


def sound_found(capture: CaptureRun) -> bool:
    return any(row["src_port"] == 40_777 for row in made.flows(capture))


def test_a_decompression_bomb_is_a_stream(tmp_path: Path) -> None:
    size = 48 << 20  # bytes
    data = gzip.compress(made.pcap(timed([SOUND])) + bytes(size), 1)
    capture = run(tmp_path, data)
    assert capture.summary["packets"] == 1 + size // 16, "records without a byte"
    assert sound_found(capture)


def test_a_zstd_frame_that_wants_a_huge_window_is_refused_or_read(tmp_path: Path) -> None:
    frame = made.packed_zstd(made.pcap(timed([SOUND])))
    huge = frame[:5] + b"\xf8" + frame[6:]
    path = made.write(tmp_path, huge)
    with pytest.raises(Exception, match=r"made\.pcap"):
        made.run(path)


@pytest.mark.parametrize("length", [0, 8, 13, 0x7FFFFFFF, 0xFFFFFFF0, 0xFFFFFFFF])
def test_impossible_block_lengths(tmp_path: Path, length: int) -> None:
    bad = struct.pack("<II", 6, length) + bytes(40)
    data = made.section() + made.interface() + bad + made.enhanced(START, SOUND)
    capture = run(tmp_path, data)
    assert capture.summary["problem_count"] >= 1
    assert sound_found(capture)


def test_corrupt_blocks_one_after_another(tmp_path: Path) -> None:
    bad = struct.pack("<II", 6, 0xFFFFFFFF) + bytes(8)
    good = made.enhanced(START, SOUND)
    capture = run(tmp_path, made.section() + made.interface() + (bad + good) * 5_000)
    assert capture.summary["packets"] == 5_000
    assert capture.summary["problem_count"] >= 5_000
    assert len(capture.summary["problems"]) == 100, "kept; all are counted"


def test_times_beyond_all_bounds(tmp_path: Path) -> None:
    frames = (*handshake(), segment(1000, 5000, PSH | ACK, modbus_read(1)), SOUND)
    blocks = [made.section(), made.interface()]
    ways = list(product((0, 6, 9, 20, 127, 0x80, 0x8A, 0xFF), (0, 2**63 - 1, -(2**63))))
    for resolution, offset in ways:
        blocks.append(
            made.interface(options=made.option(9, bytes([resolution])) + made.option(14, struct.pack("<q", offset)))
        )
    ticks = (0, 2**63 - 1, 2**63, 2**64 - 1)
    for which, tick, frame in product(range(len(ways)), ticks, frames):
        blocks += [made.enhanced(tick, frame, which + 1, unit=1), made.enhanced(START, frame)]
    capture = run(tmp_path, b"".join(blocks))
    assert capture.summary["packets"] == 2 * len(ways) * len(ticks) * len(frames)
    assert sound_found(capture)


def test_thousands_of_interfaces(tmp_path: Path) -> None:
    each = made.interface(options=made.option(2, b"x" * 5_000))
    capture = run(tmp_path, made.section() + each * 5_000 + made.enhanced(START, SOUND, 3))
    assert len(capture.summary["interfaces"]) == 4_096
    assert max(len(row["name"]) for row in capture.summary["interfaces"]) <= 256
    assert capture.summary["problem_count"] == 1
    assert sound_found(capture)


def test_options_without_end(tmp_path: Path) -> None:
    many = made.option(1, b"") * 16_000
    lying = struct.pack("<HH", 2, 0xFFFF)
    data = (
        made.section()
        + made.interface(options=many)
        + made.interface(options=lying)
        + made.enhanced(START, SOUND, 1, many)
    )
    assert sound_found(run(tmp_path, data))


def test_tunnels_in_tunnels(tmp_path: Path) -> None:
    packet = query()
    for _ in range(40):
        packet = ipv4(4, packet)
    nested = ethernet(0x0800, packet)
    inner = SOUND
    for _ in range(30):
        inner = ethernet(0x0800, ipv4(17, udp((9, 4789), struct.pack("!II", 8 << 24, 0) + inner)))
    tags = ethernet(0x8100, struct.pack("!HH", 1, 0x8100) * 300 + struct.pack("!HH", 1, 0x0800) + query())
    labels = ethernet(0x8847, struct.pack("!I", 0x10000) * 300)
    extensions = ethernet(0x86DD, made.ipv6(0, struct.pack("!BB6x", 0, 0) * 150))
    capture = run(tmp_path, made.pcap(timed([nested, inner, tags, labels, extensions, SOUND])))
    faults = capture.summary["faults"]
    assert (faults["tunnel.depth"], faults["frame.headers"], faults["mpls.label"], faults["ipv6.extension"]) == (
        2,
        1,
        1,
        1,
    )
    assert sound_found(capture)


def test_a_flood_of_fragments(tmp_path: Path) -> None:
    """One datagram waits at the front of the queue for ever, while others come whole and leave their places."""
    frames = [(START, ethernet(0x0800, ipv4(17, bytes(8), fragment=0x2000, number=1)))]
    for at in range(15_000):
        parts = (
            ipv4(17, bytes(8), fragment=0x2000, number=at + 2),
            ipv4(17, bytes(8), fragment=1, number=at + 2),
        )
        frames += [(START, ethernet(0x0800, part)) for part in parts]
    far = [
        (START, ethernet(0x0800, ipv4(17, bytes(8), f"10.2.{at >> 8}.{at & 255}", fragment=0x2000 | 8_000)))
        for at in range(5_000)
    ]
    capture = run(tmp_path, made.pcap([*frames, *far, (START, SOUND)]))
    counters = capture.summary["counters"]
    assert counters["reassembled"] == 15_000
    assert counters["fragments_overflow"] == capture.summary["bounds"]["fragments"] > 3_000
    assert sound_found(capture)


def test_tiny_segments_and_holes_everywhere(tmp_path: Path) -> None:
    draw = random.Random(7)  # noqa: S311 No secret is drawn here.
    frames = [*handshake(), segment(1000, 5000, PSH | ACK, modbus_read(1))]
    places = [1012 + 3 * at for at in range(15_000)]
    draw.shuffle(places)
    frames += [segment(place, 5000, PSH | ACK, b"\1") for place in places]
    capture = run(tmp_path, made.pcap(timed([*frames, SOUND], step=1_000)))
    assert capture.summary["counters"]["tcp_gaps"] == 1
    assert made.counted(capture, "modbus.request") >= 1
    assert sound_found(capture)


def test_a_window_of_capture_time_with_each_packet(tmp_path: Path) -> None:
    frames = [
        (START + (at % 3_000) * 400 * SECOND, segment(1, 0, 2, ports=(1_024 + at % 60_000, 80))) for at in range(40_000)
    ]
    capture = run(tmp_path, made.pcap([*frames, (START, SOUND)]))
    assert capture.summary["packets"] == 40_001
    assert sound_found(capture)


def spoken(port: int, *, client: bytes = b"", server: bytes = b"", pieces: int = 1_400) -> bytes:
    """A capture of one conversation in which each side says so much."""
    plant = Plant()
    with plant.tcp(plant.station("10.0.0.1"), plant.station("10.0.0.2"), port) as talk:
        for at in range(0, len(client), pieces):
            talk.client(client[at : at + pieces])
        for at in range(0, len(server), pieces):
            talk.server(server[at : at + pieces])
    plant.frame(SOUND)
    return made.pcap(plant.frames)


CERTIFICATES = struct.pack("!BBH", 22, 3, 3) + b"\x40\x00" + b"\x0b\xff\xff\xff\xff\xff\xfc\xff\xff\xf9" + bytes(16_374)
TALK = {
    "http head without end": (80, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 40_000, b""),
    "http line without end": (80, b"GET /" + b"a" * 300_000, b""),
    "http chunks of one byte": (
        80,
        b"GET / HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 30_000,
    ),
    "mqtt remaining length of 256 MiB": (
        1883,
        b"\x10\x0c\0\4MQTT\4\2\0\x3c\0\0" + b"\x82\xff\xff\xff\x7f" + bytes(300_000),
        b"",
    ),
    "tls certificate of 16 MiB": (
        443,
        b"\x16\3\1\0\x31\1\0\0\x2d\3\3" + bytes(32) + b"\0\0\2\x13\1\1\0\0\0",
        CERTIFICATES * 8,
    ),
    "ssh line without end": (22, b"SSH-2.0-x\r\n", b"x" * 200_000),
    "telnet subnegotiation without end": (23, b"\xff\xfd\x01\xff\xfa\x18" + b"x" * 200_000, b""),
    "modbus of no function": (502, modbus_read(1) + b"\0\1\0\0\0\xff\1\x99" * 30_000, b""),
}


@pytest.mark.parametrize("name", TALK)
@pytest.mark.parametrize("pieces", [1, 1_400])
def test_conversations_without_end(tmp_path: Path, name: str, pieces: int) -> None:
    port, client, server = TALK[name]
    if pieces == 1:
        client, server = client[:8_000], server[:8_000]
    capture = run(tmp_path, spoken(port, client=client, server=server, pieces=pieces))
    assert sound_found(capture)
    assert len(capture.observations) < 2_000


def test_names_that_point_at_themselves(tmp_path: Path) -> None:
    loops = [b"\xc0\x0c", b"\x01a\xc0\x0c", b"\xc0\x0e\xc0\x0c", b"\x3f" + b"a" * 63 + b"\xc0\x0c", b"\xc0\xff"]
    head = struct.pack("!HHHHHH", 7, 0x8180, 1, 20, 0, 0)
    tail = struct.pack("!HH", 1, 1)
    frames = [
        ethernet(0x0800, ipv4(17, udp((53, 40_000), head + loop + tail + (loop + tail + bytes(6)) * 20)))
        for loop in loops
    ]
    capture = run(tmp_path, made.pcap(timed([*frames * 200, SOUND])))
    assert capture.summary["packets"] == 1_001
    assert sound_found(capture)
