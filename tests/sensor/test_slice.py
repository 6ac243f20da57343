"""Slices of captures: found again, cut to headers, anonymous; whatever the bytes are."""

from __future__ import annotations

import shutil
import struct
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.program import missing

from ringfence.model.observation import PacketReference
from ringfence.sensor.anonymize import Pseudonyms, headers_only
from ringfence.sensor.reader import read
from ringfence.sensor.slice import CapturedPacket, capture_file, chosen, packets

DEMO = Path(__file__).resolve().parents[2] / "vectors" / "demo"
CAPTURES = sorted(DEMO.glob("*.pcap"))
KEY = b"k" * 32


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_capture_is_read_as_the_core_reads_it(path: Path) -> None:
    every = list(packets(path.read_bytes()))
    summary = read([path]).summary
    assert len(every) == summary["inputs"][0]["packets"] > 0
    assert sum(packet.length for packet in every) == summary["inputs"][0]["bytes"]


def test_what_an_observation_refers_to_is_found_again() -> None:
    path = DEMO / "modbus_polling.pcap"
    every = list(packets(path.read_bytes()))
    references = {packet for fact in read([path]).observations for packet in fact.packets}
    assert len(references) > 10
    found = list(chosen(every, references))
    assert {(packet.time, packet.length) for packet in found} == {(packet.time, packet.length) for packet in references}
    assert any(every[reference.index - 1] in found for reference in references)
    assert not list(chosen(every, [PacketReference(1, 0, 1, 0, 60)]))


def test_what_is_written_is_read_back_in_both_formats(tmp_path: Path) -> None:
    one = [CapturedPacket(1_795_737_600_123_456_789, 60, b"x" * 41), CapturedPacket(0, 0, b"")]
    mixed = [*one, CapturedPacket(2**60, 100, b"y" * 7, link=113)]
    for every, suffix in ((one, "pcap"), (mixed, "pcapng")):
        data, said = capture_file(every)
        assert said == suffix
        assert list(packets(data)) == every
    (tmp_path / "mixed.pcapng").write_bytes(capture_file(mixed)[0])
    assert read([tmp_path / "mixed.pcapng"]).summary["inputs"][0]["packets"] == 3


def swapped(section: bytes) -> bytes:
    """The same section of one Ethernet interface and one packet, written by a machine of the other byte order."""
    kind, size, _, major, minor, rest = struct.unpack_from("<IIIHHq", section)
    out, place = struct.pack(">IIIHHqI", kind, size, 0x1A2B3C4D, major, minor, rest, size), size
    while place < len(section):
        kind, size = struct.unpack_from("<II", section, place)
        body = section[place + 8 : place + size - 4]
        if kind == 1:
            body = struct.pack(">HHI", *struct.unpack_from("<HHI", body)) + struct.pack(">HHB3xHH", 9, 1, 9, 0, 0)
        else:
            body = struct.pack(">IIIII", *struct.unpack_from("<IIIII", body)) + body[20:]
        out, place = out + struct.pack(">II", kind, size) + body + struct.pack(">I", size), place + size
    return out


def test_sections_follow_one_another_each_in_its_byte_order() -> None:
    every = [CapturedPacket(5, 9, b"abc"), CapturedPacket(6, 9, b"def", link=113)]
    section, _ = capture_file(every)
    assert list(packets(swapped(section))) == every
    assert list(packets(section + swapped(section) + section)) == every * 3
    damaged = section + swapped(section)[:8] + bytes(4) + section
    assert list(packets(damaged)) == every, "a section of no byte order ends it"


@given(st.binary(max_size=400), st.integers(0, 400), st.sampled_from([b"\xa1\xb2\x3c\x4d", b"\x0a\x0d\x0d\x0a", b""]))
def test_any_bytes_are_read_without_complaint(data: bytes, place: int, head: bytes) -> None:
    list(packets(head + data))
    mixed, _ = capture_file([CapturedPacket(5, 9, b"abc"), CapturedPacket(6, 9, b"def", link=113)])
    list(packets(mixed[:place] + data + mixed[place:]))


def test_a_capture_cut_anywhere_gives_the_packets_before_the_cut() -> None:
    every = [CapturedPacket(5, 9, b"abc"), CapturedPacket(6, 9, b"def")]
    for data in (capture_file(every)[0], capture_file([*every, CapturedPacket(7, 3, b"", link=113)])[0]):
        whole = list(packets(data))
        for place in range(len(data)):
            assert list(packets(data[:place])) == whole[: len(list(packets(data[:place])))]


@given(
    st.binary(max_size=200),
    st.sampled_from([1, 101, 113, 276, 228, 147]),
    st.sampled_from(["0800", "86dd", "8100", "0806"]),
)
def test_any_packet_is_cut_and_made_anonymous(data: bytes, link: int, ethertype: str) -> None:
    pseudonyms = Pseudonyms(KEY)
    for frame in (data, data[:12] + bytes.fromhex(ethertype) + data[12:]):
        packet = CapturedPacket(1, len(frame), frame, link)
        cut, hidden = headers_only(packet), pseudonyms.packet(packet)
        assert packet.data.startswith(cut.data)
        assert len(hidden.data) == len(cut.data)
        assert cut.length == hidden.length == len(frame)
        assert pseudonyms.packet(packet) == hidden == Pseudonyms(KEY).packet(packet)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_no_address_and_no_payload_is_left(path: Path) -> None:
    pseudonyms = Pseudonyms(KEY)
    every = list(packets(path.read_bytes()))
    hidden = [pseudonyms.packet(packet) for packet in every]
    addresses = {bytes(packet.data[start : start + 6]) for packet in every if packet.link == 1 for start in (0, 6)}
    addresses = {address for address in addresses if not address[0] & 1 and any(address)}
    run = read([path])
    for end in (part for row in run.conversations for part in (row.source, row.destination)):
        if end.address.kind in ("ipv4", "ipv6"):
            value = ip_address(end.address.value)
            if not (value.is_multicast or value.is_unspecified or value.is_loopback or value.packed[0] >= 224):
                addresses.add(value.packed)
    assert len(addresses) > 1
    for packet in hidden:
        told = [address.hex() for address in addresses if address in packet.data[:54]]
        assert not told, f"{told} in {packet.data.hex()}"
        assert len(packet.data) <= 14 + 8 + 60 + 60


def test_pseudonyms_keep_subnets_and_groups_and_differ_by_key() -> None:
    one, other = Pseudonyms(KEY), Pseudonyms(b"j" * 32)
    hosts = [host.packed for host in ip_network("192.168.7.0/28").hosts()]
    made = [one.ipv4(host) for host in hosts]
    assert len(set(made)) == len(hosts)
    assert len({address[:3] for address in made}) == 1, "one subnet stays one subnet"
    assert made[0][:3] != one.ipv4(ip_address("192.168.8.1").packed)[:3]
    assert one.ipv4(hosts[0]) != other.ipv4(hosts[0])
    for text in ("224.0.0.251", "255.255.255.255", "0.0.0.0", "ff02::1", "::"):  # noqa: S104 Addresses, not a place to bind.
        value = ip_address(text).packed
        assert (one.ipv4 if len(value) == 4 else one.ipv6)(value) == value
    local = one.ipv6(ip_address("fe80::1234:56ff:fe78:9abc").packed)
    assert ip_address(local).is_link_local
    assert local[8:] != ip_address("fe80::1234:56ff:fe78:9abc").packed[8:]
    assert one.ipv6(ip_address("ff02::1:ff78:9abc").packed)[13:] != bytes.fromhex("789abc")
    assert one.mac(bytes.fromhex("3333ff789abc"))[3:] != bytes.fromhex("789abc")
    assert one.mac(b"\xff" * 6) == b"\xff" * 6
    assert one.mac(bytes.fromhex("00005e005301"))[0] & 3 == 2, "a locally administered address of one device"


def test_checksums_hold_with_a_payload_of_zeros(tmp_path: Path) -> None:
    if shutil.which("tshark") is None:
        missing("there is no tshark (Debian: tshark)")
    pseudonyms = Pseudonyms(KEY)
    every = [packet for path in CAPTURES for packet in list(packets(path.read_bytes()))[:200] if packet.link == 1]
    hidden = [pseudonyms.packet(packet) for packet in every if packet.length == len(packet.data)]
    whole = [CapturedPacket(row.time, row.length, row.data.ljust(row.length, b"\0"), 1) for row in hidden]
    (tmp_path / "hidden.pcap").write_bytes(capture_file(whole)[0])
    checked = []
    for option in ("ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"):
        checked += ["-o", f"{option}:TRUE"]
    bad = "ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0"
    for wanted, most in ((bad, 0), ("tcp.checksum.status == 1 || udp.checksum.status == 1", None)):
        command = ["tshark", "-n", "-r", str(tmp_path / "hidden.pcap"), *checked, "-Y", wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        lines = done.stdout.splitlines()
        assert (not lines) if most == 0 else len(lines) > 1000, lines[:5]
