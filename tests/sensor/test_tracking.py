"""Flows: reassembly, states, round trips, retransmissions, Community ID; the same for any workers and each time."""

from __future__ import annotations

import json
import random
import struct
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pytest
from tests.plant import START, Plant
from tests.program import DEMO
from tests.sensor import made
from tests.sensor.made import ACK, FIN, PSH, RST, SYN, ethernet, handshake, ipv4, modbus_read, segment, timed

from ringfence.sensor.reader import CaptureRun

ONE_SIDED, GAP = 1, 2
DATA = PSH | ACK


def read(folder: Path, frames: list[bytes]) -> CaptureRun:
    return made.run(made.write(folder, made.pcap(timed(frames))))


def requests(capture: CaptureRun) -> list[int]:
    """Registers asked for, in the order of the first sighting."""
    facts = [fact for fact in capture.observations if fact.kind == "modbus.request"]
    return [int(str(fact["object"]).split()[-1]) for fact in sorted(facts, key=lambda fact: fact.first)]


ASKED = b"".join(modbus_read(at, at) for at in range(4))
CUTS = [0, 5, 17, 30, len(ASKED)]
PARTS = [segment(1000 + a, 5000, DATA, ASKED[a:b]) for a, b in pairwise(CUTS)]


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_segments_in_any_order_are_the_same_stream(tmp_path: Path, order: tuple[int, ...]) -> None:
    capture = read(tmp_path, [*handshake(), *(PARTS[at] for at in order)])
    assert requests(capture) == [0, 1, 2, 3]
    (row,) = made.flows(capture)
    assert row["flags"] & GAP == 0
    assert row["src_retransmissions"] == 0


def test_of_overlapping_segments_the_first_bytes_count(tmp_path: Path) -> None:
    forged = segment(1005, 5000, DATA, bytes(12) + ASKED[17:30])
    capture = read(tmp_path, [*handshake(), PARTS[0], PARTS[1], forged, PARTS[3]])
    assert requests(capture) == [0, 1, 2, 3]


def test_a_hole_is_a_gap_and_reading_goes_on(tmp_path: Path) -> None:
    whole = [segment(1000 + 12 * at, 5000, DATA, modbus_read(at, at)) for at in range(6)]
    capture = read(tmp_path, [*handshake(), *whole[:2], *whole[3:]])
    assert requests(capture) == [0, 1, 3, 4, 5]
    (row,) = made.flows(capture)
    assert row["flags"] & GAP
    assert capture.summary["counters"]["tcp_gaps"] == 1


def test_a_hole_is_given_up_once_it_was_acknowledged(tmp_path: Path) -> None:
    whole = [segment(1000 + 12 * at, 5000, DATA, modbus_read(at, at)) for at in range(3)]
    answer = segment(5000, 1036, ACK, from_client=False)
    late = segment(1036, 5000, DATA, modbus_read(3, 3))
    capture = read(tmp_path, [*handshake(), whole[0], whole[2], answer, late])
    facts = {
        int(str(fact["object"]).split()[-1]): fact.first
        for fact in capture.observations
        if fact.kind == "modbus.request"
    }
    assert sorted(facts) == [0, 2, 3]
    assert facts[2] < facts[3], "what waited behind the hole came before what followed"


def test_a_conversation_met_in_its_middle_is_read(tmp_path: Path) -> None:
    capture = read(tmp_path, [segment(77_000, 9, DATA, modbus_read(1, 1)), segment(77_012, 9, DATA, modbus_read(2, 2))])
    (row,) = made.flows(capture)
    assert (row["state"], row["protocol"], row["flags"] & ONE_SIDED) == ("mid_stream", "modbus", ONE_SIDED)
    assert requests(capture) == [1, 2]


@pytest.mark.parametrize("from_client", [True, False])
def test_one_side_alone_is_read_and_said(tmp_path: Path, from_client: bool) -> None:
    plant = Plant()
    hmi, plc = plant.hmi("10.0.0.1"), plant.station("10.0.0.2")
    hmi.writes(plc, register=9, value=7)
    mac = (hmi.station if from_client else plc).packed_mac
    frames = [(time, frame) for time, frame in plant.frames if frame[6:12] == mac]
    capture = made.run(made.write(tmp_path, made.pcap(frames)))
    (row,) = made.flows(capture)
    assert row["flags"] & ONE_SIDED
    assert (row["src_address"], row["protocol"]) == ("10.0.0.1", "modbus"), "who opened it is known from either side"


def test_sequence_numbers_wrap(tmp_path: Path) -> None:
    start = 2**32 - 6
    frames = handshake(client=start - 1)
    frames += [segment((start + 12 * at) % 2**32, 5000, DATA, modbus_read(at, at)) for at in (1, 0, 2)]
    assert requests(read(tmp_path, frames)) == [0, 1, 2]


STATES = {
    "attempt": [segment(1, 0, SYN)],
    "rejected": [segment(1, 0, SYN), segment(0, 2, RST | ACK, from_client=False)],
    "established": [*handshake(), segment(1000, 5000, DATA, modbus_read(1))],
    "closed": [
        *handshake(),
        segment(1000, 5000, FIN | ACK),
        segment(5000, 1001, FIN | ACK, from_client=False),
        segment(1001, 5001, ACK),
    ],
    "reset": [*handshake(), segment(1000, 5000, RST)],
    "mid_stream": [segment(1, 1, ACK), segment(1, 2, ACK, from_client=False)],
}


@pytest.mark.parametrize("state", STATES)
def test_states(tmp_path: Path, state: str) -> None:
    (row,) = made.flows(read(tmp_path, STATES[state]))
    assert row["state"] == state


def test_the_round_trip_is_that_of_the_handshake(tmp_path: Path) -> None:
    frames = handshake()
    times = [START, START + 3_000_000, START + 4_500_000]
    capture = made.run(made.write(tmp_path, made.pcap(list(zip(times, frames, strict=True)))))
    (row,) = made.flows(capture)
    assert row["rtt_us"] == 4_500


def test_retransmissions_are_counted_by_side(tmp_path: Path) -> None:
    asked = segment(1000, 5000, DATA, modbus_read(1))
    answer = segment(5000, 1012, DATA, modbus_read(1), from_client=False)
    keep_alive = segment(1011, 5012, ACK, b"\0")
    capture = read(tmp_path, [*handshake(), asked, asked, answer, answer, answer, keep_alive])
    (row,) = made.flows(capture)
    assert (row["src_retransmissions"], row["dst_retransmissions"]) == (1, 2)
    assert capture.summary["counters"]["retransmissions"] == 3
    assert made.counted(capture, "modbus.request") == 1


def test_late_segments_of_a_stream_nobody_reads_are_no_loss(tmp_path: Path) -> None:
    noise = [segment(1000 + 100 * at, 5000, DATA, random.Random(at).randbytes(100)) for at in range(40)]  # noqa: S311 No secret is drawn here.
    noise[30], noise[31] = noise[31], noise[30]
    (row,) = made.flows(read(tmp_path, [*handshake(), *noise]))
    assert row["protocol"] is None
    assert row["flags"] & GAP == 0


def test_ports_used_again_are_a_new_flow(tmp_path: Path) -> None:
    close = STATES["closed"][3:]
    capture = read(tmp_path, [*handshake(), *close, *handshake(client=77_000, server=88_000)])
    assert [row["state"] for row in made.flows(capture)] == ["closed", "established"]


def test_a_silent_flow_ends(tmp_path: Path) -> None:
    frame = ethernet(0x0800, made.query())
    times = [START, START + 60 * made.SECOND, START + 400 * made.SECOND]
    capture = made.run(made.write(tmp_path, made.pcap([(time, frame) for time in times])))
    assert [row["src_packets"] for row in made.flows(capture)] == [2, 1]


def community(protocol: int, ends: tuple[str, str], ports: tuple[int, int]) -> bytes:
    """A frame of the conversation; of ICMP the ports are type and code."""
    six = ":" in ends[0]
    if protocol == 6:
        return segment(1, 1, ACK, ports=ports, ends=ends)
    if protocol == 17:
        body = made.udp(ports, b"x", *ends)
    elif protocol == 132:
        body = struct.pack("!HHII", *ports, 0, 0)
    elif protocol in (1, 58):
        body = struct.pack("!BBHHH", *ports, 0, 1, 1)
    else:
        body = b"whatever"
    return ethernet(0x86DD, made.ipv6(protocol, body, *ends)) if six else ethernet(0x0800, ipv4(protocol, body, *ends))


@pytest.mark.parametrize(
    ("protocol", "ends", "ports", "expected"),
    [
        (6, ("128.232.110.120", "66.35.250.204"), (34855, 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        (6, ("66.35.250.204", "128.232.110.120"), (80, 34855), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        (6, ("10.0.0.1", "10.0.0.2"), (10, 11569), "1:SXBGMX1lBOwhhoDrZynfROxnhnM="),
        (17, ("192.168.1.52", "8.8.8.8"), (54585, 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
        (17, ("8.8.8.8", "192.168.1.52"), (53, 54585), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
        (1, ("192.168.0.89", "192.168.0.1"), (8, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
        (1, ("192.168.0.1", "192.168.0.89"), (0, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
        (1, ("192.168.0.89", "192.168.0.1"), (20, 0), "1:3o2RFccXzUgjl7zDpqmY7yJi8rI="),
        (1, ("192.168.0.89", "192.168.0.1"), (20, 1), "1:tz/fHIDUHs19NkixVVoOZywde+I="),
        (58, ("fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea"), (135, 0), "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
        (58, ("fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da"), (136, 0), "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
        (132, ("192.168.170.8", "192.168.170.56"), (7, 80), "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="),
        (132, ("192.168.170.56", "192.168.170.8"), (80, 7), "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="),
        (46, ("10.1.24.4", "10.1.12.1"), (0, 0), "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4="),
    ],
)
def test_community_id_by_the_published_values(
    tmp_path: Path, protocol: int, ends: tuple[str, str], ports: tuple[int, int], expected: str
) -> None:
    (row,) = made.flows(read(tmp_path, [community(protocol, ends, ports)]))
    assert row["community_id"] == expected


def everything(paths: list[Path], folder: Path, **options: Any) -> tuple[Any, ...]:
    """All that a run finds, rows in a fixed order."""
    observed = folder / "observations"
    capture = made.run(paths, observations=observed, **options)
    lines = sorted(json.dumps(json.loads(line), sort_keys=True) for line in observed.read_text().splitlines())
    summary = {name: value for name, value in capture.summary.items() if name != "seconds"}
    by_flow = sorted(map(str, made.flows(capture)))
    return capture.observations, capture.conversations, capture.protocols, by_flow, lines, summary


def busy(folder: Path) -> Path:
    """Scans over many addresses and ports, so that every shard has something to merge."""
    plant = Plant()
    macs = [f"02:00:00:00:{at // 256:02x}:{at % 256:02x}" for at in range(300)]
    stations = [plant.station(f"10.0.{at // 200}.{at % 200 + 1}", mac) for at, mac in enumerate(macs)]
    for at, station in enumerate(stations[1:]):
        plant.syn(stations[0], station, 20 + at % 90)
        plant.syn(station, stations[(at * 7) % 300], 5_000 + at % 3, refused=True)
    return plant.save(folder / "busy.pcap")


def test_any_number_of_workers_finds_the_same(tmp_path: Path) -> None:
    paths = [*DEMO[:6], busy(tmp_path)]
    one, two, three = (everything(paths, tmp_path, workers=workers) for workers in (1, 2, 3))
    for first, second, third in zip(one, two, three, strict=True):
        assert first == second
        assert first == third


def test_reading_again_changes_nothing(tmp_path: Path) -> None:
    paths = [*DEMO[:3], busy(tmp_path)]
    assert everything(paths, tmp_path) == everything(paths, tmp_path)


def test_equal_addresses_of_two_inputs_are_two_parts_on_request(tmp_path: Path) -> None:
    frames = [ethernet(0x0800, made.query())]
    paths = [made.write(tmp_path, made.pcap(timed(frames, START + at)), f"{at}.pcap") for at in range(2)]
    joined, apart = made.run(paths), made.run(paths, domain_per_input=True)
    assert joined.summary["domains"] == ["default"]
    assert apart.summary["domains"] == ["input-0", "input-1"]
    assert len({row["src_part"] for row in made.flows(joined)}) == 1
    assert len({row["src_part"] for row in made.flows(apart)}) == 2
    assert len(made.flows(joined)) == 1, "one network, one flow"
    assert len(made.flows(apart)) == 2
