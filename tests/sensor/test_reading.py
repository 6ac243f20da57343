"""Captures of every format: read in time order, as far as they can be, and said where they can't."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from tests.plant import START
from tests.program import ringfence
from tests.sensor import made
from tests.sensor.made import CLIENT, SECOND, query, timed

from ringfence.model.errors import RingfenceError
from ringfence.sensor.reader import CaptureRun

FRAMES = timed([made.ethernet(0x0800, query(port=40_000 + at)) for at in range(5)])


def told(capture: CaptureRun) -> list[tuple[int, str]]:
    return [(offset, reason) for _, offset, reason in capture.summary["problems"]]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D], ids=["microseconds", "nanoseconds"])
def test_pcap_in_both_orders_and_resolutions(tmp_path: Path, order: str, magic: int) -> None:
    frames = [(time + 123_000, frame) for time, frame in FRAMES]
    capture = made.run(made.write(tmp_path, made.pcap(frames, order=order, magic=magic)))
    assert capture.summary["packets"] == 5
    assert (capture.summary["first"], capture.summary["last"]) == (frames[0][0], frames[-1][0])
    assert capture.inputs[0].format == "pcap"
    assert not told(capture)


def test_pcapng_with_sections_interfaces_and_every_packet_block(tmp_path: Path) -> None:
    parts = []
    for order in "<>":
        nanoseconds = made.option(9, b"\x09", order) + made.option(2, b"eth0", order)
        parts += [made.section(order), made.interface(1, 0, nanoseconds, order), made.interface(101, 0, b"", order)]
        parts.append(made.enhanced(FRAMES[0][0] + 7, FRAMES[0][1], 0, order=order, unit=1))
        parts.append(made.enhanced(FRAMES[1][0], query(port=40_001), 1, order=order))
        parts.append(made.block(0x0BAD, b"nobody knows this", order))
        frame = FRAMES[2][1]
        parts.append(made.block(3, struct.pack(f"{order}I", len(frame)) + frame, order))
        ticks = FRAMES[3][0]
        old = struct.pack(f"{order}HHIIII", 0, 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
        parts.append(made.block(2, old + FRAMES[3][1], order))
        drops = made.option(5, struct.pack(f"{order}Q", 4), order)
        parts.append(made.block(5, struct.pack(f"{order}III", 0, 0, 0) + drops, order))
    capture = made.run(made.write(tmp_path, b"".join(parts)))
    assert capture.summary["packets"] == 8
    assert not told(capture)
    rows = capture.summary["interfaces"]
    assert [(row["interface"], row["link"], row["name"]) for row in rows] == [
        (0, 1, "eth0"), (1, 101, ""), (2, 1, "eth0"), (3, 101, ""),
    ]  # fmt: skip
    assert [row["dropped"] for row in rows] == [4, None, 4, None]
    assert capture.summary["first"] == FRAMES[0][0] + 7
    assert {row["src_port"] for row in made.flows(capture)} == {40_000, 40_001, 40_002, 40_003}


@pytest.mark.parametrize("packing", made.PACKINGS)
def test_packed_captures_read_as_plain_ones(tmp_path: Path, packing: str) -> None:
    plain = made.pcap(FRAMES)
    whole = made.run(made.write(tmp_path, plain))
    capture = made.run(made.write(tmp_path, made.PACKINGS[packing](plain), "packed"))
    assert capture.inputs[0].format == f"pcap+{packing}"
    assert capture.observations == whole.observations
    assert not told(capture)


@pytest.mark.parametrize("packing", made.PACKINGS)
def test_a_packed_capture_that_is_cut_yields_what_it_has(tmp_path: Path, packing: str) -> None:
    plain = made.pcap(timed([made.ethernet(0x0800, query(port=10_000 + at)) for at in range(3_000)]))
    data = made.PACKINGS[packing](plain)
    capture = made.run(made.write(tmp_path, data[: len(data) // 2]))
    assert 0 < capture.summary["packets"] < 3_000
    ((offset, reason),) = told(capture)
    assert offset > 0
    assert reason


def test_many_files_are_one_sequence_in_time_order(tmp_path: Path) -> None:
    paths = []
    for file in range(40):
        frames = [(START + (at * 40 + file * 7 % 40) * SECOND, FRAMES[0][1]) for at in range(3)]
        paths.append(made.write(tmp_path, made.pcap(frames), f"{file:02}.pcap"))
    capture = made.run(paths)
    assert capture.summary["packets"] == 120
    assert capture.summary["counters"]["backwards"] == 0
    assert [row.packets for row in capture.inputs] == [3] * 40
    dns = next(fact for fact in capture.observations if fact.kind == "dns.query")
    times = [packet.time for packet in dns.packets]
    assert times == sorted(times) == [START + at * SECOND for at in range(4)], "the first four, over all files"


def test_standard_input_is_read_as_a_file(tmp_path: Path) -> None:
    data = made.pcap(FRAMES)
    done = ringfence("analyze", "-", "--json", "-", stdin=data)
    assert done.code == 0, done.error
    streamed = json.loads(done.out)
    stored = json.loads(ringfence("analyze", made.write(tmp_path, data), "--json", "-").out)
    assert streamed["capture"]["packets"] == 5
    assert [device["ips"] for device in streamed["devices"]] == [device["ips"] for device in stored["devices"]]


def test_a_tail_that_is_cut_is_told_with_its_place_and_the_rest_is_read(tmp_path: Path) -> None:
    data = made.pcap(FRAMES)
    record = 16 + len(FRAMES[0][1])
    capture = made.run(made.write(tmp_path, data[:-1]))
    assert capture.summary["packets"] == 4
    ((offset, reason),) = told(capture)
    assert offset == 24 + 4 * record
    assert "cut short" in reason


def test_behind_a_corrupt_record_the_next_is_found(tmp_path: Path) -> None:
    data = bytearray(made.pcap(FRAMES))
    record = 16 + len(FRAMES[0][1])
    struct.pack_into("<I", data, 24 + record + 8, 0x7FFFFFFF)
    capture = made.run(made.write(tmp_path, bytes(data)))
    assert capture.summary["packets"] == 4
    ((offset, reason),) = told(capture)
    assert offset == 24 + record
    assert "2147483647" in reason


def test_behind_a_corrupt_block_the_next_is_found(tmp_path: Path) -> None:
    blocks = [made.enhanced(time, frame) for time, frame in FRAMES]
    start = made.section() + made.interface()
    blocks[1] = blocks[1][:4] + b"\xff\xff\xff\xff" + blocks[1][8:]
    capture = made.run(made.write(tmp_path, start + b"".join(blocks)))
    assert capture.summary["packets"] == 4
    assert told(capture)[0][0] == len(start) + len(blocks[0])


def test_snapped_packets_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    capture = made.run(made.write(tmp_path, made.pcap(FRAMES, snap=60)))
    assert capture.summary["counters"]["snapped"] == 5
    assert capture.summary["bytes"] == sum(len(frame) for _, frame in FRAMES), "bytes on the wire"
    assert {row["src_address"] for row in made.flows(capture)} == {CLIENT}
    assert not told(capture)


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "input-not-a-capture"), (b"GET / HTTP/1.1\r\n\r\n" * 9, "input-not-a-capture")],
    ids=["empty", "text"],
)
def test_what_is_no_capture_is_an_error_with_a_remedy(tmp_path: Path, data: bytes, code: str) -> None:
    with pytest.raises(RingfenceError) as caught:
        made.run(made.write(tmp_path, data))
    assert caught.value.code.code == code
    assert caught.value.code.remedy


def test_an_unreadable_part_ends_with_exit_code_3(tmp_path: Path) -> None:
    path = made.write(tmp_path, made.pcap(FRAMES)[:-1])
    assert ringfence("analyze", path).code == 3
