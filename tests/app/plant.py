"""A synthetic plant for the outputs' tests: about 40 devices over OT, building, IoT and IT, and a fleet of any size."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from ringfence.app.analysis import Analysis, KnowledgeAge
from ringfence.model.device import UNKNOWN, Claim, Conflict, Device, Role
from ringfence.model.finding import DeviceRole, Finding, Severity
from ringfence.model.flow import CaptureSummary, Conversation, InputSummary, Operation, ProtocolTotal, QualityNote
from ringfence.model.ids import device_id, finding_id
from ringfence.model.observation import Address, PacketReference, Part

START = 1_772_440_000_123_456_789  # ns, 2026-03-02
SECOND = 1_000_000_000  # ns
NASTY = Path(__file__).parents[2] / "vectors" / "nasty" / "strings.json"


def nasty_texts() -> list[str]:
    """Return the corpus of nasty strings."""
    return [each["text"] for each in json.loads(NASTY.read_text(encoding="utf-8"))["strings"]]


def part(value: str, kind: str = "ipv4", domain: str = "site-a") -> Part:
    """Return the part at this address."""
    address = Address(domain, kind, value)
    return Part("p-" + sha256(f"{domain}|{kind}|{value}".encode("utf-8", "surrogatepass")).hexdigest()[:16], address)


def packet(index: int, offset: int = 0) -> PacketReference:
    """Return a reference to a packet of the first input."""
    return PacketReference(START + offset * SECOND, 0, index, 0, 78)


# name, class, vendor, product, model, firmware, serial, level, roles, domain
_Row = tuple[str, str, str | None, str | None, str | None, str | None, float | None, str, str]

_ROWS: tuple[_Row, ...] = (
    ("press-line-1", "plc", "Siemens", "SIMATIC S7-1500", "6ES7 515-2AM02", "V2.9.4", 1, "s7comm:s modbus:s", "site-a"),
    ("press-line-2", "plc", "Siemens", "SIMATIC S7-1200", "6ES7 214-1AG40", "V4.5.2", 1, "s7comm:s", "site-a"),
    ("mixer-plc", "plc", "Rockwell Automation", "ControlLogix", "1756-L83E", "33.011", 1, "enip:s", "site-a"),
    ("tank-farm", "plc", "Schneider Electric", "Modicon M340", "BMX P34 2020", "3.20", 1, "modbus:s", "site-a"),
    ("boiler-safety", "safety_controller", "HIMA", "HIMax", None, None, 1, "modbus:s", "site-a"),
    ("feeder-7", "protection_relay", "ABB", "REF615", "REF615 E", "5.1.20", 1, "iec61850:s", "site-a"),
    ("pump-drive-1", "drive", "Danfoss", "VLT FC-302", None, "48.20", 0, "profinet:s", "site-a"),
    ("pump-drive-2", "drive", "Danfoss", "VLT FC-302", None, "48.20", 0, "profinet:s", "site-a"),
    ("weld-robot", "robot", "KUKA", "KR C4", None, None, 0, "enip:s", "site-a"),
    ("rio-12", "remote_io", "WAGO", "750-352", "750-352", "FW 10", 0, "modbus:s", "site-a"),
    ("rio-13", "remote_io", "WAGO", "750-352", "750-352", "FW 09", 0, "modbus:s", "site-a"),
    ("level-gw", "protocol_gateway", "Moxa", "MGate MB3170", "MB3170", "4.1", 1, "modbus:s modbus:c", "site-a"),
    ("hmi-hall-1", "hmi", "Siemens", "SIMATIC HMI TP1200", None, "V16", 2, "s7comm:c modbus:cm", "site-a"),
    ("hmi-hall-2", "hmi", "Pro-face", "GP4000", None, None, 2, "modbus:c", "site-a"),
    ("scada-1", "scada_server", "AVEVA", "System Platform", None, None, 2, "modbus:cm opcua:s", "site-a"),
    ("historian", "historian", "AVEVA", "PI Server", None, None, 3, "opcua:c http:s", "site-a"),
    ("eng-ws-4", "engineering_station", "Dell", None, None, None, 3, "s7comm:c smb:c", "site-a"),
    ("core-sw-1", "industrial_switch", "Hirschmann", "RSP35", "RSP35-08", "08.7.01", 2, "snmp:s lldp:s", "site-a"),
    ("ntp-clock", "time_server", "Meinberg", "LANTIME M300", None, "7.04", 3, "ntp:s", "site-a"),
    ("bms-main", "bms_controller", "Honeywell", "CIPer 50", None, "4.10", 2, "bacnet:s bacnet:c", "site-a/building"),
    ("ahu-3", "hvac_controller", "Trane", "Tracer UC600", None, "4.30", 1, "bacnet:s", "site-a/building"),
    ("thermo-12", "thermostat", "ecobee", None, "ECB501", None, 1, "mqtt:c", "site-a/building"),
    ("door-north", "access_controller", "HID", "VertX V100", None, None, 1, "http:s", "site-a/building"),
    ("ups-hall", "ups", "APC", "Smart-UPS 3000", "SMT3000", "UPS 09.3", 2, "snmp:s", "site-a/building"),
    ("cam-gate-1", "ip_camera", "Hikvision", "DS-2CD2042", "DS-2CD2042WD", "V5.4.5", 4, "rtsp:s http:s", "site-a"),
    ("cam-gate-2", "ip_camera", "Axis", "P3245-LV", "P3245-LV", "10.12.91", 4, "rtsp:s", "site-a"),
    ("nvr-1", "nvr", "Hikvision", "DS-7616NI", None, None, 4, "rtsp:c", "site-a"),
    ("hub-lobby", "smart_home_hub", "Signify", "Hue Bridge", "BSB002", "1.60", 4, "http:s mdns:s", "site-a"),
    ("speaker", "voice_assistant", "Amazon", "Echo Dot", None, None, 4, "tls:c mdns:s", "site-a"),
    ("pump-ward-2", "infusion_pump", "B. Braun", "Space Infusomat", None, "L0.11", 1, "http:c", "site-b"),
    ("ct-1", "imaging_modality", "Siemens Healthineers", "SOMATOM", None, None, 2, "dicom:c", "site-b"),
    ("pacs", "pacs_server", None, None, None, None, 3, "dicom:s", "site-b"),
    ("prn-office", "printer", "HP", "LaserJet M608", "K0Q17A", "2506", 4, "ipp:s snmp:s", "site-a"),
    ("fw-edge", "firewall", "Fortinet", "FortiGate 60F", None, None, 4, "dns:s", "site-a"),
    ("ad-1", "server", "Microsoft", None, None, None, 4, "dns:s smb:s kerberos:s", "site-a"),
    ("ws-anna", "workstation", "Lenovo", None, None, None, 5, "smb:c tls:c", "site-a"),
    ("phone-44", "voip_phone", "Yealink", "SIP-T46S", "T46S", "66.86", 5, "sip:c", "site-a"),
    ("192.168.10.77", UNKNOWN, None, None, None, None, None, "modbus:c", "site-a"),
    ("192.168.10.78", UNKNOWN, "Espressif", None, None, None, None, "mqtt:c", "site-a"),
    ("192.168.10.79", UNKNOWN, None, None, None, None, None, "", "site-a/building"),
    ("a2:11:22:33:44:55", UNKNOWN, None, None, None, None, None, "mdns:c", "site-a"),
)  # fmt: skip


def _roles(words: str) -> tuple[Role, ...]:
    pairs = [word.split(":") for word in words.split()]
    return tuple(
        Role(protocol, "server" if side == "s" else "client", candidate_master="m" in side) for protocol, side in pairs
    )


def _claims(row: _Row, mac: str) -> Iterator[Claim]:
    name, device_class, vendor, product, model, firmware, level, _, _ = row
    moment = {"first": START, "last": START + 900 * SECOND, "packets": (packet(12),)}
    if device_class != UNKNOWN:
        text = f"Answers as a {device_class.replace('_', ' ')} do: its role is that of a server of control commands."
        yield Claim("class", device_class, 0.9, "role_in_protocol", text, **moment)  # type: ignore[arg-type]  # A mixed dict.
        yield Claim("class", device_class, 0.62, "port_set", "Its set of open ports fits.", **moment)  # type: ignore[arg-type]  # A mixed dict.
    pairs = (("vendor", vendor), ("product", product), ("model", model), ("firmware", firmware))
    for field, value in pairs:
        if value:
            text = f"The identity object names “{value}”."
            yield Claim(field, value, 0.95, "cip_identity", text, **moment)  # type: ignore[arg-type]  # A mixed dict.
    if level is not None:
        yield Claim("purdue_level", f"{level:g}", 0.6, "peer_levels", "From its class and its peers.", **moment)  # type: ignore[arg-type]  # A mixed dict.
    yield Claim("name", name, 0.7, "dhcp_name", f"DHCP option 12 says “{name}”.", **moment)  # type: ignore[arg-type]  # A mixed dict.
    yield Claim("oui_vendor", vendor or "Espressif", 0.2, "oui", f"{mac[:8]} is registered to it.", **moment)  # type: ignore[arg-type]  # A mixed dict.


def _device(number: int, row: _Row) -> Device:
    name, device_class, vendor, product, model, firmware, level, roles, domain = row
    randomised = name.startswith("a2:")
    ip = name if name[0].isdigit() else f"192.168.{10 + number // 20}.{10 + number}"
    mac = name if randomised else f"00:1b:1b:{number:02x}:7f:{(number * 7) % 256:02x}"
    here = part(mac, "mac", domain) if randomised else part(ip, "ipv4", domain)
    known = device_class != UNKNOWN
    conflicts: tuple[Conflict, ...] = ()
    if name == "mixer-plc":
        conflicts = (Conflict("firmware", "33.011", "32.016", "LLDP still tells the version before the last update."),)
    if name == "pacs":
        conflicts = (Conflict("class", "pacs_server", "nas", "It stores for others by DICOM, but also offers SMB."),)
    return Device(
        id=device_id(here.id),
        parts=(here,),
        name=name,
        device_class=device_class,
        vendor=vendor,
        product=product,
        model=model,
        firmware=firmware,
        serial=f"SN-{number:05d}" if known and number % 3 == 0 else None,
        os="Windows Server 2019" if device_class in ("server", "historian") else None,
        purdue_level=level,
        confidence=0.93 - (number % 7) * 0.05 if known else 0.0,
        vendor_confidence=0.9 if vendor else 0.0,
        roles=_roles(roles),
        macs=(mac,),
        ips=() if randomised else (ip,),
        names=() if name[0].isdigit() or randomised else (name,),
        marks=("randomised_mac",) if randomised else (),
        first=START + number * SECOND,
        last=START + (900 + number) * SECOND,
        claims=tuple(_claims(row, mac)),
        conflicts=conflicts,
        merge_reasons=("One DHCP client id on both addresses.",) if name == "historian" else (),
        domain=domain,
    )


_TALKS: tuple[tuple[str, str, str, int, tuple[tuple[str, str | None, int], ...]], ...] = (
    ("hmi-hall-1", "press-line-1", "s7comm", 102, (("read_var", "DB10", 4200), ("write_var", "DB10.DBX4.0", 12))),
    ("hmi-hall-1", "tank-farm", "modbus", 502, (("read_holding_registers", "holding 0-19", 900),)),
    ("hmi-hall-2", "rio-12", "modbus", 502, (("read_coils", "coil 0-15", 800),)),
    ("scada-1", "tank-farm", "modbus", 502, (("read_input_registers", "input 0-9", 5400),)),
    ("scada-1", "level-gw", "modbus", 502, (("read_holding_registers", "holding 100-120", 5400),)),
    ("scada-1", "boiler-safety", "modbus", 502, (("read_holding_registers", "holding 0-3", 540),)),
    ("level-gw", "rio-13", "modbus", 502, (("read_coils", "coil 0-7", 800),)),
    ("scada-1", "mixer-plc", "enip", 44818, (("get_attributes_all", "identity 1", 40),)),
    ("historian", "scada-1", "opcua", 4840, (("read", "ns=2;s=Tank.Level", 1800),)),
    ("eng-ws-4", "press-line-2", "s7comm", 102, (("download_block", "DB 7", 2), ("plc_stop", None, 1))),
    ("eng-ws-4", "press-line-1", "s7comm", 102, (("read_szl", "0x0011", 3),)),
    ("eng-ws-4", "ad-1", "smb", 445, ()),
    ("192.168.10.77", "tank-farm", "modbus", 502, (("write_single_register", "holding 40", 6),)),
    ("192.168.10.77", "rio-12", "modbus", 502, (("read_device_identification", None, 2),)),
    ("192.168.10.78", "10.99.0.4", "mqtt", 1883, (("publish", "plant/level", 320),)),
    ("bms-main", "ahu-3", "bacnet", 47808, (("read_property", "analog-input 1", 600), ("write_property", "AV 3", 4))),
    ("thermo-12", "203.0.113.40", "tls", 8883, ()),
    ("nvr-1", "cam-gate-1", "rtsp", 554, (("describe", None, 3),)),
    ("nvr-1", "cam-gate-2", "rtsp", 554, (("describe", None, 3),)),
    ("cam-gate-1", "198.51.100.7", "tls", 443, ()),
    ("speaker", "203.0.113.9", "tls", 443, ()),
    ("pump-ward-2", "pacs", "http", 80, ()),
    ("ct-1", "pacs", "dicom", 104, (("c_store", "CT image", 512),)),
    ("ws-anna", "ad-1", "smb", 445, ()),
    ("ws-anna", "fw-edge", "dns", 53, (("query", "A", 210),)),
    ("ws-anna", "historian", "http", 80, (("GET", "/piwebapi", 34),)),
    ("ws-anna", "prn-office", "ipp", 631, ()),
    ("phone-44", "fw-edge", "sip", 5060, ()),
    ("scada-1", "ntp-clock", "ntp", 123, ()),
    ("press-line-1", "ntp-clock", "ntp", 123, ()),
    ("core-sw-1", "192.168.10.79", "snmp", 162, ()),
    ("press-line-1", "pump-drive-1", "profinet", 34964, ()),
    ("press-line-1", "pump-drive-2", "profinet", 34964, ()),
    ("mixer-plc", "weld-robot", "enip", 2222, ()),
    ("feeder-7", "scada-1", "iec61850", 102, (("report", "LD0/LLN0", 60),)),
    ("a2:11:22:33:44:55", "224.0.0.251", "mdns", 5353, ()),
    ("door-north", "ad-1", "tls", 636, ()),
    ("hub-lobby", "203.0.113.9", "tls", 443, ()),
)  # fmt: skip


@dataclass(frozen=True)
class _Risk:
    rule: str
    severity: Severity
    actor: str | None
    target: str
    title: str
    why: str
    expected: str
    seen: str
    attack: tuple[str, ...]
    remedy: str
    count: int


_RISKS = (
    _Risk("ot.plc_stop", Severity.CRITICAL, "eng-ws-4", "press-line-2", "A controller was stopped",
          "eng-ws-4 sent PLC STOP to press-line-2, which then no longer answered reads.",
          "No stop commands in operation", "plc_stop ×1, after download of DB 7", ("T0858", "T0816"),
          "Ask who worked on press-line-2 at that time; if nobody did, isolate eng-ws-4.", 1),
    _Risk("ot.unknown_writer", Severity.HIGH, "192.168.10.77", "tank-farm", "An unknown device writes to a controller",
          "192.168.10.77, whose class is unknown, wrote holding register 40 of tank-farm six times.",
          "Writes only from hmi-hall-1 and scada-1", "write_single_register holding 40 ×6", ("T0855", "T0836"),
          "Find 192.168.10.77 (switch port by its MAC) and allow writes only from the HMI.", 6),
    _Risk("credentials.default", Severity.HIGH, "nvr-1", "cam-gate-1", "A default password is in use",
          "nvr-1 signs in to cam-gate-1 as “admin” with the maker's default password.",
          "A password of its own", "user admin, password on the maker's list", ("T0812", "T1078.001"),
          "Set a new password on cam-gate-1 and nvr-1.", 3),
    _Risk("zone.level_skip", Severity.MEDIUM, "ws-anna", "historian", "An office computer reaches into level 3",
          "ws-anna (level 5) fetched pages from historian (level 3) without a DMZ between.",
          "Office reaches the DMZ only", "http GET ×34", ("T0886",), "Put a copy of the historian into the DMZ.", 34),
    _Risk("weak.mqtt_clear", Severity.MEDIUM, None, "192.168.10.78", "MQTT without encryption",
          "192.168.10.78 publishes in clear to 10.99.0.4.", "MQTT over TLS", "mqtt on 1883, no TLS", ("T0842",),
          "Turn on TLS at the broker.", 320),
    _Risk("weak.snmp_v1", Severity.LOW, None, "core-sw-1", "SNMP version 1 in use",
          "core-sw-1 sends traps by SNMPv1, whose community is readable.", "SNMPv3", "SNMPv1 trap", ("T0842",),
          "Use SNMPv3 with privacy.", 14),
    _Risk("inventory.randomised", Severity.INFORMATIONAL, None, "a2:11:22:33:44:55", "A device changes its address",
          "a2:11:22:33:44:55 is a randomised MAC: the device may come back under another one.",
          "Fixed addresses in this zone", "randomised MAC", (), "Turn off private addresses for this network.", 1),
)  # fmt: skip


def _finding(risk: _Risk, by_name: dict[str, Device]) -> Finding:
    pairs = ([("actor", risk.actor)] if risk.actor else []) + [("target" if risk.actor else "subject", risk.target)]
    roles = tuple(DeviceRole(by_name[name].id, role, name) for role, name in pairs)
    return Finding(
        id=finding_id(risk.rule, *(role.id or role.label for role in roles)),
        rule=risk.rule,
        severity=risk.severity,
        confidence=0.9 - 0.1 * (risk.severity == Severity.MEDIUM),
        devices=roles,
        title=risk.title,
        why=risk.why,
        expected=risk.expected,
        seen=risk.seen,
        attack=risk.attack,
        remedy=risk.remedy,
        count=risk.count,
        first=START + 100 * SECOND,
        last=START + 700 * SECOND,
        packets=(packet(4711, 100), packet(4713, 101)),
    )


_QUALITY = (
    QualityNote("one-sided", "medium", "34 of 412 flows show only one direction (VLAN 20).",
                "Findings about answers, and the classes of devices that only answer.",
                "Mirror both directions of the port, or add the second tap."),
    QualityNote("duplicates", "low", "2.1 % of the packets were seen twice.", "Packet counts.",
                "Mirror either the ingress or the egress of VLAN 10, not both."),
)  # fmt: skip

_CERTIFICATE: dict[str, Any] = {
    "position": 0,
    "subject": "CN=scada-1.plant.example,O=Example Works",
    "issuer": "CN=scada-1.plant.example,O=Example Works",
    "common_name": "scada-1.plant.example",
    "serial": "01a4",
    "not_before": START - 400 * 86_400 * SECOND,
    "not_after": START - 35 * 86_400 * SECOND,
    "dns_names": ["scada-1.plant.example"],
    "key_type": "rsa",
    "key_bits": 1024,
    "signature": "sha1WithRSAEncryption",
    "self_signed": True,
    "sha256": "ab" * 32,
}


def plant() -> Analysis:
    """Return the plant."""
    devices = tuple(_device(number, row) for number, row in enumerate(_ROWS))
    by_name = {device.name: device for device in devices}
    conversations = []
    for number, (source, destination, protocol, port, operations) in enumerate(_TALKS):
        client, server = (by_name[name].parts[0] if name in by_name else part(name) for name in (source, destination))
        packets = sum(count for _, _, count in operations) * 2 + 40 + number
        conversations.append(
            Conversation(
                client,
                server,
                protocol,
                "udp" if port in (53, 123, 162, 5353, 47808) else "tcp",
                port,
                packets,
                packets * 90,
                1 + number % 5,
                START + number * SECOND,
                START + 900 * SECOND,
                tuple(Operation(*each) for each in operations),
            )
        )
    return Analysis(
        capture=CaptureSummary(
            (InputSummary("captures/hall-1.pcapng", "pcapng", "9f" * 32, 41_200, 5_120_400),),
            41_200, 5_120_400, START, START + 940 * SECOND, _QUALITY,
        ),
        devices=devices,
        findings=tuple(_finding(risk, by_name) for risk in _RISKS),
        protocols=_totals(conversations),
        conversations=tuple(conversations),
        knowledge=KnowledgeAge("built-in 2026.11", "2026-11-01"),
        version="0.1.0",
        device_of={each.id: device.id for device in devices for each in device.parts},
        certificates={by_name["scada-1"].id: (_CERTIFICATE,)},
    )  # fmt: skip


def _totals(conversations: list[Conversation]) -> tuple[ProtocolTotal, ...]:
    names = sorted({each.protocol for each in conversations})
    return tuple(
        ProtocolTotal(
            name,
            sum(each.flows for each in conversations if each.protocol == name),
            sum(each.packets for each in conversations if each.protocol == name),
            sum(each.bytes for each in conversations if each.protocol == name),
            0.97,
        )
        for name in names
    )


def nasty_plant() -> Analysis:
    """Return the plant with a nasty text in every place that the wire can fill."""
    whole = plant()
    texts = nasty_texts()
    devices, conversations, findings, device_of, certificates = [], [], [], {}, {}
    for number, text in enumerate(texts):
        other = texts[(number + 1) % len(texts)]
        here = part(f"10.66.{number // 200}.{number % 200}")
        device = Device(
            id=device_id(here.id),
            parts=(here,),
            name=text,
            device_class="plc" if number % 2 else UNKNOWN,
            vendor=text,
            product=other,
            model=text,
            firmware=other,
            serial=text,
            os=other,
            purdue_level=number % 6,
            confidence=0.5,
            vendor_confidence=0.5,
            roles=(Role(text[:60], "server"),),
            macs=(other[:40],),
            ips=(here.address.value,),
            names=(text, other),
            marks=(text[:30],),
            first=START,
            last=START,
            claims=(Claim("name", text, 0.5, text[:40], f"The name says {text}", START, START, (packet(1),)),),
            conflicts=(Conflict("vendor", text, other, text),),
            merge_reasons=(text,),
            domain=text[:40],
        )
        devices.append(device)
        device_of[here.id] = device.id
        peer = part(text or "blank", "name")
        conversations.append(
            Conversation(here, peer, text[:50], other[:20], 1, 5, 500, 1, START, START, (Operation(text, other, 3),))
        )
        findings.append(
            Finding(
                finding_id("nasty", str(number)),
                text[:60],
                Severity(number % 5),
                0.5,
                (DeviceRole(device.id, "subject", text), DeviceRole(None, "target", other)),
                text,
                text,
                other,
                text,
                (text[:30],),
                other,
                1,
                START,
                START,
                (packet(number),),
            )
        )
        certificates[device.id] = ({"subject": text, "issuer": other, "dns_names": [text], "not_after": START},)
    inputs = tuple(InputSummary(text, "pcap", f"{number:064x}", 1, 1, (text,)) for number, text in enumerate(texts[:6]))
    notes = tuple(QualityNote(text[:40], "low", text, text, text) for text in texts[:30])
    return replace(
        whole,
        capture=replace(whole.capture, inputs=inputs, quality=notes),
        devices=tuple(devices),
        conversations=tuple(conversations),
        findings=tuple(findings),
        protocols=tuple(ProtocolTotal(text, 1, 1, 1, 0.5) for text in texts),
        device_of=device_of,
        certificates=certificates,
        knowledge=KnowledgeAge(texts[0], texts[1]),
    )


def fleet(size: int = 10_000, talks: int = 100_000) -> Analysis:
    """Return ``size`` devices that hold ``talks`` conversations."""
    whole = plant()
    devices, device_of = [], {}
    for number in range(size):
        row = _ROWS[number % len(_ROWS)]
        ip = f"10.{number // 60_000}.{number // 250 % 240}.{number % 250 + 1}"
        here = part(ip, domain=row[8])
        device = replace(
            _device(number % len(_ROWS), row),
            id=device_id(here.id),
            parts=(here,),
            name=f"{row[0]}-{number}",
            ips=(ip,),
            macs=(f"02:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}:01",),
        )
        devices.append(device)
        device_of[here.id] = device.id
    conversations = tuple(
        Conversation(
            devices[(number * 7919) % size].parts[0],
            devices[(number * 104_729 + 13) % size].parts[0],
            "modbus",
            "tcp",
            502,
            10 + number % 900,
            1000 + number,
            1,
            START,
            START + SECOND,
            (Operation("read_coils", "coil 0-7", 5),) if number % 4 == 0 else (),
        )
        for number in range(talks)
    )
    return replace(whole, devices=tuple(devices), conversations=conversations, device_of=device_of, certificates={},
                   findings=tuple(_fleet_findings(devices)))  # fmt: skip


def _fleet_findings(devices: list[Device]) -> Iterator[Finding]:
    pattern = _finding(_RISKS[1], {device.name: device for device in plant().devices})
    for number in range(0, len(devices), 25):
        roles = (DeviceRole(devices[number].id, "subject", devices[number].name),)
        yield replace(pattern, id=finding_id("fleet", str(number)), severity=Severity(number // 25 % 5), devices=roles)
