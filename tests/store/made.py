"""Makes devices, observations, conversations and findings for store tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from ringfence.model.device import Claim, Conflict, Device, Role
from ringfence.model.finding import DeviceRole, Finding, Severity
from ringfence.model.flow import Conversation, Operation
from ringfence.model.ids import device_id, finding_id
from ringfence.model.observation import Address, Observation, PacketReference, Part

NOW = 1_795_000_000_000_000_000  # ns since 1970
SECOND = 1_000_000_000
DAY = 86_400 * SECOND


def part(value: str, kind: str = "ipv4", domain: str = "plant") -> Part:
    digest = sha256(f"{domain} {kind} {value}".encode("utf-8", "replace")).hexdigest()[:16]
    return Part(f"p-{digest}", Address(domain, kind, value))


def device(number: int = 1, **changed: Any) -> Device:
    """A PLC with a MAC and an IP address that depend on ``number``."""
    domain = changed.pop("domain", "plant")
    mac = f"00:1d:9c:00:{number // 256:02x}:{number % 256:02x}"
    ip = f"10.{number // 65_536 % 256}.{number // 256 % 256}.{number % 256}"
    parts = changed.pop("parts", (part(mac, "mac", domain), part(ip, "ipv4", domain)))
    made = Device(
        id=device_id(parts[0].id),
        parts=parts,
        name=f"plc-{number}",
        device_class="plc",
        vendor="Rockwell Automation",
        product="ControlLogix",
        model="1756-L61/B",
        firmware="20.11",
        serial=f"{number:08x}",
        purdue_level=1.0,
        confidence=0.95,
        roles=(Role("enip", "server"),),
        macs=(mac,),
        ips=(ip,),
        names=(f"plc-{number}",),
        first=NOW - DAY,
        last=NOW - 60 * SECOND,
        claims=(
            Claim("class", "plc", 0.95, "cip_identity", "Its identity says: PLC.", NOW - DAY, NOW),
            Claim("vendor", "Rockwell Automation", 0.95, "cip_identity", "Vendor 1.", NOW - DAY, NOW),
        ),
        conflicts=(Conflict("vendor", "Rockwell Automation", "Cisco", "The OUI is another maker's."),),
        merge_reasons=("ARP binds the MAC and the IP address.",),
        domain=domain,
    )
    return replace(made, **changed)


def packets(*indexes: int) -> tuple[PacketReference, ...]:
    return tuple(PacketReference(NOW + index, 0, index, 0, 60) for index in indexes)


def fact(
    subject: Part, kind: str = "enip.identity", value: Mapping[str, Any] | None = None, **changed: Any
) -> Observation:
    made = Observation(kind, subject, None, value or {"vendor": 1}, 1, NOW, NOW + SECOND, packets(1))
    return replace(made, **changed)


def talk(source: Part, destination: Part, **changed: Any) -> Conversation:
    made = Conversation(
        source, destination, "modbus", "tcp", 502, 10, 1_000, 1, NOW, NOW + SECOND, (Operation("read", "coil 1", 5),)
    )
    return replace(made, **changed)


def finding(*devices: Device, rule: str = "ot_command", **changed: Any) -> Finding:
    made = Finding(
        id=finding_id(rule, *(one.id for one in devices)),
        rule=rule,
        severity=Severity.HIGH,
        confidence=0.9,
        devices=tuple(DeviceRole(one.id, "target", one.name) for one in devices),
        title="A controller was stopped",
        why="It was told to stop.",
        expected="Only approved stations do that.",
        seen="stop_plc 1 time",
        attack=("T0858",),
        remedy="Ask who did it.",
        count=1,
        first=NOW - DAY,
        last=NOW,
        packets=packets(3),
    )
    return replace(made, **changed)
