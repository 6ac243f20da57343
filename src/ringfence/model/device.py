"""Claims and devices (contract §8, §9)."""

from __future__ import annotations

from dataclasses import dataclass, field

from ringfence.model.observation import PacketReference, Part

__all__ = ["CLASSES", "UNKNOWN", "Claim", "Conflict", "Device", "Role", "class_words"]

UNKNOWN = "unknown"

CLASSES: frozenset[str] = frozenset(
    (
        # OT
        "plc safety_controller rtu ied protection_relay dcs_controller hmi scada_server engineering_station historian "
        "opc_server drive motor_starter robot cnc remote_io sensor actuator meter pmu protocol_gateway serial_server "
        "industrial_switch industrial_router time_server "
        # Building
        "bms_controller hvac_controller thermostat lighting_controller access_controller door_lock elevator_controller "
        "fire_panel alarm_siren ups pdu "
        # Medical
        "infusion_pump patient_monitor imaging_modality pacs_server lab_analyzer medical_gateway ventilator "
        # IoT
        "ip_camera nvr smart_home_hub smart_plug smart_light voice_assistant media_player smart_tv health_scale "
        "kitchen_appliance vacuum weather_station wearable asset_tracker vehicle_unit pos_terminal signage "
        "environmental_sensor "
        # IT
        "printer phone voip_phone access_point wlan_controller switch router firewall server workstation laptop mobile "
        "nas hypervisor"
    ).split()
) | {UNKNOWN}

_ABBREVIATIONS = {
    word: word.upper()
    for word in "plc hmi rtu ied dcs opc pmu cnc io bms hvac ups pdu ip nvr tv pos wlan nas pacs scada".split()
} | {"voip": "VoIP"}


def class_words(name: str) -> str:
    """Return a class as people write it: ``ip_camera`` is an IP camera."""
    return " ".join(_ABBREVIATIONS.get(word, word) for word in name.split("_"))


@dataclass(frozen=True, slots=True)
class Claim:
    """What a clue says about a device.

    ``field``: class, vendor, product, model, firmware, serial, os, name, purdue_level, oui_vendor, virtual,
    randomised … ``weight``: 0 to 1, how much this clue alone is worth. ``evidence``: one sentence in words with the
    decisive text in it, safe to show after escaping.
    """

    field: str
    value: str
    weight: float
    clue: str
    evidence: str = ""
    first: int = 0  # ns since 1970, UTC
    last: int = 0  # ns since 1970, UTC
    packets: tuple[PacketReference, ...] = ()


@dataclass(frozen=True, slots=True)
class Role:
    """What a device does in a protocol, e.g. ``modbus server`` or ``modbus client (candidate master)``."""

    protocol: str
    side: str  # client or server
    candidate_master: bool = False

    @property
    def text(self) -> str:
        """The role in words, as in ``devices[].roles``."""
        return f"{self.protocol} {self.side}" + (" (candidate master)" if self.candidate_master else "")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two answers to one question that can't both be right: shown, never hidden."""

    field: str
    chosen: str
    other: str
    reason: str


@dataclass(slots=True)
class Device:
    """One physical device: a set of parts with what is claimed of them. Unknown is None or ``unknown``."""

    id: str
    parts: tuple[Part, ...]
    name: str
    device_class: str = UNKNOWN
    vendor: str | None = None
    product: str | None = None
    model: str | None = None
    firmware: str | None = None
    serial: str | None = None
    os: str | None = None
    purdue_level: float | None = None
    confidence: float = 0.0  # of the class, 0 to 1
    vendor_confidence: float = 0.0
    roles: tuple[Role, ...] = ()
    macs: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()  # randomised_mac, virtual_mac, router, multi_address, nat …
    first: int = 0  # ns since 1970, UTC
    last: int = 0  # ns since 1970, UTC
    claims: tuple[Claim, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    merge_reasons: tuple[str, ...] = field(default=())
    domain: str = ""
