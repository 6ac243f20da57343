"""Link types, tags, tunnels and fragments: what is inside is found, what was around it is kept."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from tests.plant import START
from tests.sensor import made
from tests.sensor.made import CLIENT_MAC, ethernet, ipv4, ipv6, query, timed, udp

INNER = ethernet(0x0800, query())


def outer(protocol: int, body: bytes) -> bytes:
    return ethernet(0x0800, ipv4(protocol, body, "192.0.2.1", "192.0.2.2"))


def erspan(version: int, body: bytes) -> bytes:
    """Session 9 of ERSPAN type II or III, behind a GRE header with a sequence number."""
    if version == 2:
        return outer(47, struct.pack("!HHIHHI", 0x1000, 0x88BE, 1, 0x1005, 9, 0) + body)
    return outer(47, struct.pack("!HHIHHIHH", 0x1000, 0x22EB, 1, 0x2005, 9, 0, 0, 0) + body)


VLAN_5 = struct.pack("!HH", 5, 0x0800)
CASES = {
    "plain": (1, INNER, [], None),
    "vlan": (1, ethernet(0x8100, VLAN_5 + query()), [5], None),
    "qinq": (1, ethernet(0x88A8, struct.pack("!HH", 7, 0x8100) + VLAN_5 + query()), [7, 5], None),
    "priority tag": (1, ethernet(0x8100, struct.pack("!HH", 0xE000, 0x0800) + query()), [], None),
    "pppoe": (1, ethernet(0x8864, struct.pack("!BBHHH", 0x11, 0, 3, len(query()) + 2, 0x21) + query()), [], "pppoe:3"),
    "mpls": (1, ethernet(0x8847, struct.pack("!II", 16 << 12 | 64, 17 << 12 | 0x140) + query()), [], "mpls:16"),
    "pseudowire": (1, ethernet(0x8847, struct.pack("!II", 18 << 12 | 0x140, 0) + INNER), [], "mpls:18"),
    "gre": (1, outer(47, struct.pack("!HH", 0, 0x0800) + query()), [], "gre:0"),
    "gre with key": (1, outer(47, struct.pack("!HHI", 0x2000, 0x6558, 77) + INNER), [], "gre:77"),
    "erspan 1": (1, outer(47, struct.pack("!HH", 0, 0x88BE) + INNER), [], "erspan1:0"),
    "erspan 2": (1, erspan(2, INNER), [], "erspan2:9"),
    "erspan 3": (1, erspan(3, INNER), [], "erspan3:9"),
    "vxlan": (1, outer(17, udp((9, 4789), struct.pack("!II", 8 << 24, 42 << 8) + INNER)), [], "vxlan:42"),
    "geneve": (1, outer(17, udp((9, 6081), struct.pack("!HHI", 0, 0x6558, 43 << 8) + INNER)), [], "geneve:43"),
    "ip in ip": (1, outer(4, query()), [], "ip_in_ip:0"),
    "4 in 6": (1, ethernet(0x86DD, ipv6(4, query())), [], "ip_in_ip:0"),
    "etherip": (1, outer(97, b"\x30\0" + INNER), [], "ip_in_ip:0"),
    "tag outside and inside": (
        1,
        ethernet(0x8100, struct.pack("!HH", 9, 0x0800))
        + outer(47, struct.pack("!HH", 0, 0x6558) + ethernet(0x8100, VLAN_5 + query()))[14:],
        [9, 5],
        "gre:0",
    ),
    "two tunnels": (
        1,
        outer(47, struct.pack("!HH", 0, 0x6558) + outer(4, query())),
        [],
        "gre:0",
    ),
    "snap": (1, ethernet(8 + len(query()), b"\xaa\xaa\x03\0\0\0\x08\0" + query()), [], None),
    "linux cooked": (113, struct.pack("!HHH8sH", 0, 1, 6, CLIENT_MAC, 0x0800) + query(), [], None),
    "linux cooked 2": (276, struct.pack("!HHIHBB8s", 0x0800, 0, 1, 1, 0, 6, CLIENT_MAC) + query(), [], None),
    "raw ip": (101, query(), [], None),
    "bsd null": (0, struct.pack("<I", 2) + query(), [], None),
    "bsd null, other order": (0, struct.pack(">I", 2) + query(), [], None),
    "openbsd loop": (108, struct.pack(">I", 2) + query(), [], None),
}


@pytest.mark.parametrize("name", CASES)
def test_the_conversation_inside_is_found(tmp_path: Path, name: str) -> None:
    link, frame, vlans, tunnel = CASES[name]
    capture = made.run(made.write(tmp_path, made.pcap(timed([frame]), link=link)))
    (row,) = made.flows(capture)
    assert (row["src_address"], row["src_port"], row["dst_port"]) == ("10.0.0.1", 40_000, 53)
    assert row["protocol"] == "dns"
    assert (row["vlans"], row["tunnel"]) == (vlans, tunnel)
    assert not capture.summary["faults"]


@pytest.mark.parametrize("port", [4789, 6081])
def test_a_tunnel_is_claimed_on_content_not_on_its_port(tmp_path: Path, port: int) -> None:
    capture = made.run(made.write(tmp_path, made.pcap(timed([outer(17, udp((50_000, port), b"\xff" * 60))]))))
    (row,) = made.flows(capture)
    assert (row["tunnel"], row["dst_port"]) == (None, port)


def test_a_link_type_that_is_not_read_is_said(tmp_path: Path) -> None:
    capture = made.run(made.write(tmp_path, made.pcap(timed([b"whatever"] * 3), link=147)))
    assert capture.summary["counters"]["unknown_link"] == 3
    assert "147" in capture.summary["problems"][0][2]


DATAGRAM = udp((40_000, 53), made.QUERY + bytes(64 - len(made.QUERY) % 8))


def pieces(cuts: list[int], number: int = 9) -> list[bytes]:
    """The datagram in IPv4 fragments, cut at these bytes."""
    ends = [*cuts, len(DATAGRAM)]
    starts = [0, *cuts]
    return [
        ethernet(
            0x0800, ipv4(17, DATAGRAM[a:b], fragment=(a // 8) | (0x2000 if b < len(DATAGRAM) else 0), number=number)
        )
        for a, b in zip(starts, ends, strict=True)
    ]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_fragments_in_any_order_make_the_datagram(tmp_path: Path, order: tuple[int, ...]) -> None:
    parts = pieces([16, 32])
    capture = made.run(made.write(tmp_path, made.pcap(timed([parts[at] for at in order]))))
    counters = capture.summary["counters"]
    assert (counters["fragments"], counters["reassembled"]) == (3, 1)
    assert made.counted(capture, "dns.query") == 1


def test_an_ipv6_fragment_is_no_less(tmp_path: Path) -> None:
    data = udp((40_000, 53), made.QUERY + bytes(35), "fd00::1", "fd00::2")
    first = ipv6(44, struct.pack("!BBHI", 17, 0, 1, 7) + data[:24])
    last = ipv6(44, struct.pack("!BBHI", 17, 0, 24, 7) + data[24:])
    capture = made.run(made.write(tmp_path, made.pcap(timed([ethernet(0x86DD, first), ethernet(0x86DD, last)]))))
    assert capture.summary["counters"]["reassembled"] == 1
    assert made.flows(capture)[0]["src_address"] == "fd00::1"


def test_a_datagram_that_lacks_a_fragment_expires(tmp_path: Path) -> None:
    frames = [pieces([16, 32])[0], *pieces([16], number=10)]
    times = [START, START + 40 * made.SECOND, START + 40 * made.SECOND]
    capture = made.run(made.write(tmp_path, made.pcap(list(zip(times, frames, strict=True)))))
    counters = capture.summary["counters"]
    assert (counters["fragments_expired"], counters["reassembled"]) == (1, 1)


def test_of_overlapping_fragments_it_is_told(tmp_path: Path) -> None:
    first, _, last = pieces([16, 32])
    middle = ethernet(0x0800, ipv4(17, DATAGRAM[8:32], fragment=0x2001, number=9))
    capture = made.run(made.write(tmp_path, made.pcap(timed([first, middle, last]))))
    counters = capture.summary["counters"]
    assert (counters["fragments_overlapping"], counters["reassembled"]) == (1, 1)


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (ethernet(0x0800, b"\x43" + query()[1:]), "ipv4.header_length"),
        (ethernet(0x0800, query()[:2] + b"\xff\xff" + query()[4:]), "ipv4.total_length"),
        (ethernet(0x0800, ipv4(17, struct.pack("!HHHH", 1, 2, 3, 0))), "udp.length"),
        (ethernet(0x0800, ipv4(6, struct.pack("!HHIIBBHHH", 1, 2, 0, 0, 0xF0, 2, 0, 0, 0))), "tcp.data_offset"),
        (ethernet(0x8100, b"\0"), "vlan.tag"),
        (ethernet(0x0800, ipv4(17, bytes(8), fragment=0x1FFF)), "ip.fragment_offset"),
    ],
)
def test_malformed_headers_are_counted_by_field(tmp_path: Path, frame: bytes, fault: str) -> None:
    capture = made.run(made.write(tmp_path, made.pcap(timed([frame, INNER]))))
    assert capture.summary["faults"] == {fault: 1}
    assert made.counted(capture, "dns.query") >= 1, "what follows is read"
