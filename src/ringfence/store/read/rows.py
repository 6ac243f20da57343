"""What projections answer with. Times are nanoseconds since 1970, UTC; unknown is None (a class has a word for it)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ringfence.model.device import Claim, Conflict
from ringfence.model.flow import Operation

__all__ = [
    "ChangeRow",
    "ConversationRow",
    "DecisionRow",
    "DevicePage",
    "DeviceRow",
    "FindingDeviceRow",
    "FindingPage",
    "FindingRow",
    "MapEdge",
    "MapNode",
    "MapView",
    "Page",
    "PeerRow",
    "QualityRow",
    "SensorRow",
    "TalkerRow",
    "Today",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows. ``next`` is the cursor of the next page, None at the end. ``total`` counts up to 10,000, then None."""

    rows: tuple[T, ...]
    next: str | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device in a list."""

    id: str
    domain: str
    name: str
    device_class: str
    vendor: str | None
    product: str | None
    model: str | None
    firmware: str | None
    serial: str | None
    os: str | None
    purdue_level: float | None
    confidence: float
    roles: tuple[str, ...]
    macs: tuple[str, ...]
    ips: tuple[str, ...]
    names: tuple[str, ...]
    marks: tuple[str, ...]
    first: int
    last: int
    site: str | None  # id
    zone: str | None  # id
    site_name: str | None
    zone_name: str | None
    owner: str | None
    criticality: str | None
    safety: bool | None  # None: untagged, which counts as safety-critical
    expected: str  # intended, unintended, not_evaluated
    worst: str | None  # severity word of its worst open finding
    open_findings: int
    labels: tuple[str, ...]
    version: int


@dataclass(frozen=True, slots=True)
class PeerRow:
    """Whom a device talks to, by protocol and port. ``device`` is None for a peer that is no device."""

    device: str | None
    label: str
    address: str
    direction: str  # to: the device is the client; from: it is the server
    protocol: str
    transport: str
    port: int
    answered: bool
    packets: int
    bytes: int
    flows: int
    first: int
    last: int
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """Something that changed."""

    number: int
    time: int
    noun: str
    id: str
    what: str
    who: str | None
    detail: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A person's correction, merge or split."""

    id: str
    kind: str
    field: str | None
    value: str | None
    reason: str | None
    who: str
    time: int
    undone: int | None


@dataclass(frozen=True, slots=True)
class FindingDeviceRow:
    """Who takes part in a finding."""

    id: str | None
    role: str
    label: str


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding in a list."""

    id: str
    rule: str
    severity: str
    confidence: float
    title: str
    why: str
    count: int
    first: int
    last: int
    state: str
    assignee: str | None
    devices: tuple[FindingDeviceRow, ...]
    version: int


@dataclass(frozen=True, slots=True)
class FindingPage:
    """A finding with everything."""

    row: FindingRow
    expected: str
    seen: str
    attack: tuple[str, ...]
    remedy: str
    note: str | None
    packets: tuple[Mapping[str, Any], ...]  # input (epoch), index, time, interface, length
    timeline: tuple[ChangeRow, ...]


@dataclass(frozen=True, slots=True)
class DevicePage:
    """A device with everything that its page shows."""

    row: DeviceRow
    note: str | None
    claims: tuple[Claim, ...]
    conflicts: tuple[Conflict, ...]
    merge_reasons: tuple[str, ...]
    parts: tuple[tuple[str, str, str], ...]  # part id, kind, address
    peers: tuple[PeerRow, ...]  # the 200 with the most bytes
    peers_total: int
    commands: tuple[PeerRow, ...]  # conversations in which it was told or told others something that changes a plant
    certificates: tuple[Mapping[str, Any], ...]
    credentials: tuple[Mapping[str, Any], ...]  # kind, user, default, protocol; never a secret
    findings: tuple[FindingRow, ...]
    timeline: tuple[ChangeRow, ...]
    decisions: tuple[DecisionRow, ...]
    observations: tuple[Mapping[str, Any], ...] = field(default=())  # raw: kind, object, value, count, first, last


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """Who talked to whom. ``source`` and ``destination`` are device ids, or None where the end is no device."""

    key: str
    source: str | None
    source_label: str
    source_address: str
    destination: str | None
    destination_label: str
    destination_address: str
    protocol: str
    transport: str
    port: int
    answered: bool
    packets: int
    bytes: int
    flows: int
    first: int
    last: int
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class TalkerRow:
    """A device or peer with what it sent and received in a range of time."""

    device: str | None
    label: str
    bytes: int
    packets: int
    flows: int


@dataclass(frozen=True, slots=True)
class MapNode:
    """A site, a zone or a device on the map; ``kind`` says which. A folded node stands for ``count`` devices."""

    id: str
    kind: str  # site, zone, device, folded, outside
    label: str
    parent: str | None
    device_class: str | None
    purdue_level: float | None
    worst: str | None
    count: int


@dataclass(frozen=True, slots=True)
class MapEdge:
    """Traffic between two nodes. ``crosses`` is True where it leaves a zone."""

    source: str
    target: str
    protocols: tuple[str, ...]
    bytes: int
    flows: int
    crosses: bool


@dataclass(frozen=True, slots=True)
class MapView:
    """At most ``limit`` nodes; what is folded or hidden is counted."""

    nodes: tuple[MapNode, ...]
    edges: tuple[MapEdge, ...]
    hidden: int


@dataclass(frozen=True, slots=True)
class QualityRow:
    """A sentence of the capture-quality verdict."""

    sensor: str
    code: str
    severity: str
    text: str
    weakens: str
    remedy: str
    time: int


@dataclass(frozen=True, slots=True)
class SensorRow:
    """A sensor, as far as its batches tell. ``last`` is the end of the last window; ``received`` when it came."""

    sensor: str
    packets: int
    batches: int
    last: int
    received: int
    quality: tuple[QualityRow, ...]


@dataclass(frozen=True, slots=True)
class Today:
    """The morning page."""

    since: int
    devices: int
    unknown: int
    by_class: tuple[tuple[str, int], ...]
    new_devices: tuple[DeviceRow, ...]
    changed: tuple[ChangeRow, ...]
    open_by_severity: tuple[tuple[str, int], ...]
    findings: tuple[FindingRow, ...]  # the gravest open ones
    sensors: tuple[SensorRow, ...]
