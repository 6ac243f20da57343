"""Lists of what should be there: what is taken, what is refused and why, and how rows are recognised in devices."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.inventory.intended import MAX_ROWS, Intended, IntendedIndex, read_csv, read_netbox
from ringfence.model.device import Device
from ringfence.model.errors import RingfenceError


def test_csv() -> None:
    text = (
        "Hostname;Role;Manufacturer;MAC Address;IP;Site;Criticality;Colour\r\n"
        'press-3;PLC;"Siemens; AG";00-1D-9C-00-00-01;10.0.0.7/24;North;HIGH;red\r\n'
        ";;;;;;;\r\n"
        ";hmi;;;2001:DB8::1;;;\r\n"
    )
    rows, faults = read_csv(b"\xef\xbb\xbf" + text.encode(), "cmdb")
    assert not faults
    assert (rows[0].name, rows[0].device_class, rows[0].vendor) == ("press-3", "plc", "Siemens; AG")
    assert (rows[0].mac, rows[0].ip, rows[0].site, rows[0].criticality) == (
        "00:1d:9c:00:00:01",
        "10.0.0.7",
        "North",
        "high",
    )
    assert (rows[1].name, rows[1].ip) == ("2001:db8::1", "2001:db8::1")
    assert read_csv(text.encode(), "cmdb")[0][0].id == rows[0].id
    assert read_csv(text.encode(), "other")[0][0].id != rows[0].id


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("x,plcc,,,", "device_class"),
        ("x,,00:11,,", "mac"),
        ("x,,,10.0.0.256,", "ip"),
        ("x,,,,grave", "criticality"),
        ("x" * 501 + ",,,,", "name"),
        (",plc,,,", "name"),
        ("a,,,,", "name"),
    ],
)
def test_faults_name_row_and_field(line: str, field: str) -> None:
    rows, faults = read_csv(f"name,class,mac,ip,criticality\na,,,,\n{line}\nb,,,,\n".encode(), "cmdb")
    assert [row.name for row in rows] == ["a", "b"]
    assert [(fault.number, fault.field) for fault in faults] == [(3, field)]


def test_netbox() -> None:
    device = {
        "name": "press-3",
        "serial": "0A",
        "device_type": {"model": "S7-1500", "manufacturer": {"name": "Siemens"}},
        "role": {"name": "PLC"},
        "site": {"name": "North", "slug": "north"},
        "location": None,
        "tenant": {"name": "Ada"},
        "primary_ip": {"address": "10.0.0.7/24"},
        "custom_fields": {"mac_address": "001d.9c00.0001"},
    }
    other = {"name": None, "serial": "0B", "role": {"name": "Thing of ours"}}
    for document in ({"results": [device, other, "no"]}, [device, other, 7]):
        rows, faults = read_netbox(json.dumps(document).encode(), "netbox")
        assert (rows[0].model, rows[0].vendor, rows[0].device_class, rows[0].owner) == (
            "S7-1500",
            "Siemens",
            "plc",
            "Ada",
        )
        assert (rows[0].mac, rows[0].ip, rows[0].zone) == ("00:1d:9c:00:00:01", "10.0.0.7", None)
        assert (rows[1].name, rows[1].device_class) == ("0B", None)
        assert [fault.number for fault in faults] == [3]


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (read_csv, b""),
        (read_csv, b"colour\nred\n"),
        (read_csv, b"name\n\xff\n"),
        (read_csv, b"name\n" + b'"' + b"x" * (1 << 21)),
        (read_csv, b"name\n" + b"".join(b"%d\n" % number for number in range(MAX_ROWS + 1))),
        (read_netbox, b"{}"),
        (read_netbox, b"[" * 100_000),
        (read_netbox, b'{"results": 7}'),
    ],
)
def test_what_can_not_be_read(read: Callable[[bytes, str], object], data: bytes) -> None:
    with pytest.raises(RingfenceError) as raised:
        read(data, "list")
    assert raised.value.code.code == "import-unreadable"


@given(
    st.binary(max_size=300) | st.text(alphabet='name,;mac\n\r"\0\ud7ff1:', max_size=80).map(lambda text: text.encode())
)
def test_any_bytes_end_in_rows_or_an_error(data: bytes) -> None:
    for read in (read_csv, read_netbox):
        for start in (b"", b"name,mac\n"):
            try:
                rows, _ = read(start + data, "list")
            except RingfenceError as error:
                assert error.code.code == "import-unreadable"
            else:
                assert len({row.id for row in rows}) == len(rows)


def test_how_rows_are_recognised() -> None:
    rows = [
        Intended("by-mac", "x", None, "00:00:00:00:00:01", "10.0.0.9"),
        Intended("by-ip", "y", None, None, "10.0.0.2"),
        Intended("by-serial", "z", "AB", None, None),
        Intended("by-name", "Press-3", None, None, None),
    ]
    index = IntendedIndex(rows)
    assert index.of(Device("d", (), "n", macs=("00:00:00:00:00:01",), ips=("10.0.0.2",))) == "by-mac"
    assert index.of(Device("d", (), "n", macs=("00:00:00:00:00:02",), ips=("10.0.0.2",), serial="ab")) == "by-ip"
    assert index.of(Device("d", (), "press-3", serial="ab")) == "by-serial"
    assert index.of(Device("d", (), "n", names=("PRESS-3",))) == "by-name"
    assert index.of(Device("d", (), "n")) is None
