"""What users of comparable products complain about, as tests on made traffic."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path
from typing import Any

import pytest
from tests.detect.traffic import client_hello, server_hello
from tests.plant import Plant, Station, modbus

import ringfence
from ringfence.app.library import AnalysisResult
from ringfence.model.device import Device
from ringfence.sensor.reader import read

ANY_CODE = range(1, 128)


def analysed(plant: Plant, folder: Path) -> AnalysisResult:
    return ringfence.analyze(plant.save(folder / "plant.pcap"))


def devices_with(result: AnalysisResult, address: str) -> list[Device]:
    return [device for device in result.devices if address in (*device.ips, *device.macs)]


def operations(result: AnalysisResult) -> dict[str, int]:
    """Modbus operations of the whole run, with how often."""
    found: dict[str, int] = {}
    for conversation in result.analysis.conversations:
        for operation in conversation.operations:
            found[operation.operation] = found.get(operation.operation, 0) + operation.count
    return found


def test_case_1_one_mac_in_three_notations_is_one_device(tmp_path: Path) -> None:
    plant = Plant()
    spellings = ("02:00:5E:10:00:07", "02-00-5e-10-00-07", "0200.5e10.0007")
    client = plant.station("10.0.0.9", spellings[0].lower())
    server = plant.station("10.0.0.20")
    # The frame, a DHCP host name and an SNMP answer all name the same card, each in its own spelling.
    name = spellings[1].encode()
    options = b"\x35\x01\x03" + b"\x0c" + bytes([len(name)]) + name + b"\xff"
    dhcp = struct.pack("!BBBBIHH", 1, 1, 6, 0, 7, 0, 0) + bytes(16) + client.packed_mac + bytes(10 + 192)
    dhcp += bytes.fromhex("63825363") + options
    plant.udp(client, server, (68, 67), dhcp)
    with plant.tcp(client, server, 80) as talk:
        talk.client(f"GET /?mac={spellings[2]} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    result = analysed(plant, tmp_path)
    assert len(devices_with(result, "10.0.0.9")) == 1
    (device,) = devices_with(result, "10.0.0.9")
    assert device.macs == ("02:00:5e:10:00:07",)
    assert len(result.devices) == 2


def test_case_2_a_trunk_host_with_five_addresses_is_one_device_without_a_finding(tmp_path: Path) -> None:
    plant = Plant()
    peer = plant.station("10.0.0.20")
    mac = "00:00:5e:00:53:77"
    addresses = [f"10.{net}.0.5" for net in range(5)]
    for address in addresses:
        trunk = plant.station(address, mac)
        plant.arp(trunk, address)
        with plant.tcp(trunk, peer, 4_000) as talk:
            talk.client(b"hello")
            talk.server(b"hello")
    result = analysed(plant, tmp_path)
    found = {device.id for address in addresses for device in devices_with(result, address)}
    assert len(found) == 1
    (device,) = devices_with(result, addresses[0])
    assert set(device.ips) == set(addresses)
    assert not result.findings


def _asks_for_an_address(plant: Plant, client: Station, server: Station, name: str) -> None:
    options = b"\x35\x01\x03" + b"\x0c" + bytes([len(name)]) + name.encode() + b"\x37\x03\x01\x03\x06" + b"\xff"
    dhcp = struct.pack("!BBBBIHH", 1, 1, 6, 0, 7, 0, 0) + bytes(16) + client.packed_mac + bytes(10 + 192)
    plant.udp(client, server, (68, 67), dhcp + bytes.fromhex("63825363") + options)


@pytest.mark.parametrize(("name", "records"), [("Annas-Phone", 1), ("iPhone", 30)])
def test_case_3_a_phone_with_a_random_mac_a_day_for_thirty_days(tmp_path: Path, name: str, records: int) -> None:
    # With a name of somebody's own the days are one record; without one they stay apart, marked, and still no finding.
    plant = Plant()
    server = plant.station("10.0.0.1")
    for day in range(30):
        phone = plant.station(f"10.0.0.{50 + day % 5}", f"{4 * day + 2:02x}:5e:10:00:00:{day:02x}")
        _asks_for_an_address(plant, phone, server, name)
        with plant.tcp(phone, server, 80) as talk:
            talk.client(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        plant.wait(86_400)
    result = analysed(plant, tmp_path)
    phones = [device for device in result.devices if "10.0.0.1" not in device.ips]
    assert len(phones) == records
    assert all("randomised_mac" in device.marks for device in phones)
    assert len(result.findings) <= 1


def test_case_4_a_vrrp_pair_is_not_merged(tmp_path: Path) -> None:
    plant = Plant()
    virtual = "00:00:5e:00:01:07"
    routers = [plant.station("10.0.0.2", "02:00:00:00:00:02"), plant.station("10.0.0.3", "02:00:00:00:00:03")]
    peer = plant.station("10.0.0.20")
    for router in routers:
        plant.arp(router, router.ip)
        with plant.tcp(peer, router, 22) as talk:
            talk.server(b"SSH-2.0-router\r\n")
        # Each holds the virtual address for a while.
        plant.arp(plant.station("10.0.0.1", virtual), "10.0.0.1")
        plant.wait(30)
    result = analysed(plant, tmp_path)
    first, second = (devices_with(result, router.ip) for router in routers)
    assert len(first) == len(second) == 1
    assert first[0].id != second[0].id


@pytest.mark.parametrize("port", [502, 44_818])
def test_case_5_https_on_a_port_of_a_plant_protocol_is_https(tmp_path: Path, port: int) -> None:
    plant = Plant()
    client, server = plant.station("10.0.0.9"), plant.station("10.0.0.20")
    with plant.tcp(client, server, port) as talk:
        talk.client(client_hello(0x0303, (0xC02F,)))
        talk.server(server_hello(0x0303, 0xC02F))
        talk.client(b"\x17\x03\x03\x00\x40" + bytes(64))
    names = {total.name for total in analysed(plant, tmp_path).analysis.protocols}
    assert "tls" in names
    assert not names & {"modbus", "enip", "cip"}


@pytest.mark.parametrize("port", [502, 44_818, 102, 1883, 47_808])
def test_case_5_random_bytes_are_no_plant_protocol(tmp_path: Path, port: int) -> None:
    plant, draw = Plant(), random.Random(port)  # noqa: S311 No secret is drawn here.
    client, server = plant.station("10.0.0.9"), plant.station("10.0.0.20")
    for _ in range(50):
        with plant.tcp(client, server, port) as talk:
            talk.client(draw.randbytes(200))
            talk.server(draw.randbytes(200))
    names = {total.name for total in analysed(plant, tmp_path).analysis.protocols}
    assert not names & {"modbus", "enip", "s7comm", "mqtt", "bacnet"}, names


def test_case_6_every_function_code_is_told_and_a_wrong_coil_value_ends_nothing(tmp_path: Path) -> None:
    plant = Plant()
    hmi, plc = plant.hmi("10.0.0.9"), plant.station("10.0.0.20")
    # One sure request first, then every function code with what a scanner sends: two words.
    requests = [struct.pack("!BHH", 3, 0, 1), *(struct.pack("!BHH", code, 0, 1) for code in ANY_CODE)]
    answers = [bytes([3, 2, 0, 7]), *(bytes([code | 0x80, 1]) for code in ANY_CODE)]
    hmi.asks(plc, requests, answers=answers)
    # A coil may be set to 0x0000 or 0xFF00; the write behind the wrong one must be told too.
    hmi.asks(plc, [struct.pack("!BHH", 5, 1, 0x1234), struct.pack("!BHH", 6, 9, 77)])
    path = plant.save(tmp_path / "plant.pcap")
    run = read([path])
    codes = {fact["function"] for fact in run.observations if fact.kind == "modbus.request"}
    faults = [fact for fact in run.observations if fact.kind == "modbus.malformed"]
    told = codes | {_code(fact.value) for fact in faults}
    assert set(ANY_CODE) <= codes, f"not told: {sorted(set(ANY_CODE) - told)}"
    assert any("value" in str(fact["field"]) for fact in faults), [fact.value for fact in faults]
    writes = [f for f in run.observations if f.kind == "modbus.request" and f["operation"] == "write_single_register"]
    assert any("9" in str(fact["object"]) for fact in writes), "the write behind the fault"


def _code(value: Any) -> int:
    return int(value.get("function", -1))


def test_case_7_many_requests_are_few_rows(tmp_path: Path) -> None:
    requests = 5_000_000 if os.environ.get("RINGFENCE_SOAK") else 100_000
    plant = Plant()
    client, plc = plant.station("10.0.0.9"), plant.station("10.0.0.20")
    _poll(plant, client, plc, requests)
    path = plant.save(tmp_path / "plant.pcap")
    result = ringfence.analyze(path)
    rows = len(read([path]).observations)
    windows = (plant.frames[-1][0] - plant.frames[0][0]) // 300_000_000_000 + 2
    assert rows <= windows * 1_100, "at most 256 values of a kind, subject and window"
    assert len(result.analysis.conversations) == 1
    assert len(result.analysis.conversations[0].operations) <= windows * 300
    assert len(result.findings) <= 1


def _poll(plant: Plant, client: Station, plc: Station, requests: int) -> None:
    with plant.tcp(client, plc, 502) as talk:
        for at in range(requests):
            register = at % 1_000
            talk.client(modbus(at & 0xFFFF, struct.pack("!BHH", 3, register, 1)))
            talk.server(modbus(at & 0xFFFF, struct.pack("!BBH", 3, 2, at & 0xFFFF)))


def test_case_8_a_one_sided_capture_is_warned_of(tmp_path: Path) -> None:
    plant = Plant()
    client, server = plant.station("10.0.0.9"), plant.station("10.0.0.20")
    for _ in range(5):
        with plant.tcp(client, server, 80, silent_server=True) as talk:
            talk.client(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    notes = {note.code: note for note in analysed(plant, tmp_path).analysis.capture.quality}
    assert "one_sided" in notes
    assert notes["one_sided"].severity == "high"
    assert notes["one_sided"].remedy


def test_case_8_a_whole_capture_is_not_warned_of(tmp_path: Path) -> None:
    plant = Plant()
    client, server = plant.station("10.0.0.9"), plant.station("10.0.0.20")
    for _ in range(5):
        with plant.tcp(client, server, 80) as talk:
            talk.client(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert not analysed(plant, tmp_path).analysis.capture.quality
