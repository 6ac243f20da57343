"""Devices that no test capture shows: what their makers' product lines say of themselves must be enough.

The MAC is locally administered throughout, so that no prefix helps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ringfence.inventory.register import Register
from ringfence.model.observation import Observation

See = Callable[..., Observation]
MAC, IP = "02:00:5e:10:00:01", "10.0.0.9"
ROWS = [
    line.split("\t")
    for line in (Path(__file__).parent / "unseen.tsv").read_text("utf-8").splitlines()
    if not line.startswith("#")
]


def _service(see: See, service: str, **texts: str) -> Iterator[Observation]:
    name = f"x.{service}.local"
    yield see("mdns.answer", IP, name=f"{service}.local", record_type=12, target=name)
    yield see("mdns.answer", IP, name=name, record_type=16, texts=[f"{key}={text}" for key, text in texts.items()])


def _facts(see: See, how: str, first: str, second: str) -> list[Observation]:
    client = {"operation": "request", "client_mac": MAC}
    made: dict[str, Callable[[], Any]] = {
        "modbus": lambda: [see("modbus.identity", IP, vendor_name=first, product_code=second)],
        "s7": lambda: [see("s7comm.identity", IP, order_number=first)],
        "bacnet": lambda: [
            see("bacnet.property", IP, property="vendor-name", value=first),
            see("bacnet.property", IP, property="model-name", value=second),
        ],
        "snmp": lambda: [see("snmp.system", IP, sys_descr=first, sys_object_id=second)],
        "host": lambda: [see("dhcp.message", MAC, hostname=first, **client)],
        "class": lambda: [see("dhcp.message", MAC, vendor_class=first, **client)],
        "hap": lambda: list(_service(see, "_hap._tcp", ci=first, md=second)),
        "cast": lambda: list(_service(see, "_googlecast._tcp", md=first)),
        "upnp": lambda: [see("upnp.description", IP, manufacturer=first, model_name=second)],
        "dns": lambda: [see("dns.query", IP, object=first)],
        "title": lambda: [see("http.page", IP, title=first)],
    }
    facts: list[Observation] = made[how]()
    return facts


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}-{row[2]}")
def test_it_is_known_by_what_it_says(register: Register, see: See, row: list[str]) -> None:
    how, first, second, device_class, maker = row
    register.observe([see("link.address", MAC, ip=IP), *_facts(see, how, first, second)])
    [device] = register.devices()
    assert (device.device_class, device.vendor or "") == (device_class or "unknown", maker)
    for claim in device.claims:
        assert claim.evidence.endswith(".")
