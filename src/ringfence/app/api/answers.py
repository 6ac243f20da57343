"""The shapes that the API answers with, and how they are made from rows of ``store/read``.

Rule 1: a name stands nowhere else: OpenAPI, the client and the exports are made from these types.
Rule 2: unknown is null; only ``class`` has a word for it. Times are RFC 3339, UTC, with nine digits of fraction.
Rule 3: text from devices and people stays as it was (valid UTF-8): whoever shows it escapes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict  # pydantic needs this one on Python 3.11.

from ringfence.app.escape import valid_unicode
from ringfence.model.clock import rfc3339
from ringfence.model.device import CLASSES
from ringfence.store.read import rows
from ringfence.store.read.lake_flows import NamedFlow

__all__ = [
    "ChangeAnswer",
    "ClassName",
    "ConversationAnswer",
    "ConversationList",
    "Count",
    "Criticality",
    "DecisionAnswer",
    "DeviceAnswer",
    "DeviceList",
    "DevicePageAnswer",
    "FindingAnswer",
    "FindingList",
    "FindingPageAnswer",
    "FindingState",
    "FlowAnswer",
    "MapAnswer",
    "SensorAnswer",
    "SeverityWord",
    "TalkerAnswer",
    "Time",
    "TodayAnswer",
    "change_answer",
    "conversation_answer",
    "decision_answer",
    "device_answer",
    "device_page_answer",
    "finding_answer",
    "finding_page_answer",
    "flow_answer",
    "map_answer",
    "plain",
    "sensor_answer",
    "talker_answer",
    "time_answer",
    "today_answer",
]

_EXACT = ConfigDict(extra="forbid")

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
SeverityWord = Literal["informational", "low", "medium", "high", "critical"]
Criticality = Literal["low", "medium", "high", "critical"]
FindingState = Literal["open", "acknowledged", "closed"]
ClassName = Annotated[str, Field(json_schema_extra={"enum": sorted(CLASSES)}, description="`unknown` is an answer.")]

# ``class`` is a keyword in Python, so that a type with that name in it can't be written as a class.
_Classed = TypedDict("_Classed", {"class": ClassName})
_ClassedOrNot = TypedDict("_ClassedOrNot", {"class": ClassName | None})


@with_config(_EXACT)
class PlaceAnswer(TypedDict):
    """A site or zone, as far as a device's row names it."""

    id: str
    name: str


@with_config(_EXACT)
class DeviceAnswer(_Classed):
    """A device in a list. `safety` null is untagged, which counts as safety-critical."""

    id: str
    name: str
    domain: str
    vendor: str | None
    product: str | None
    model: str | None
    firmware: str | None
    serial: str | None
    os: str | None
    purdue_level: float | None
    confidence: Share
    roles: list[str]
    macs: list[str]
    ips: list[str]
    names: list[str]
    marks: list[str]
    first: Time
    last: Time
    site: PlaceAnswer | None
    zone: PlaceAnswer | None
    owner: str | None
    criticality: Criticality | None
    safety: bool | None
    expected: Literal["intended", "unintended", "not_evaluated"]
    worst: Annotated[SeverityWord | None, Field(description="The severity of its worst open finding.")]
    open_findings: Count
    labels: list[str]
    version: Annotated[int, Field(description="What `ETag` says.")]


@with_config(_EXACT)
class DeviceList(TypedDict):
    """A page of devices. `total` counts up to 10,000 and is null beyond."""

    devices: list[DeviceAnswer]
    next: Annotated[str | None, Field(description="The cursor of the next page; null at the end.")]
    total: Count | None


@with_config(_EXACT)
class ClaimAnswer(TypedDict):
    """What a clue says about a device."""

    field: str
    value: str
    weight: float
    clue: str
    evidence: str
    first: Time
    last: Time


@with_config(_EXACT)
class ConflictAnswer(TypedDict):
    """Two answers to one question that can't both be right."""

    field: str
    chosen: str
    other: str
    reason: str


@with_config(_EXACT)
class PartAnswer(TypedDict):
    """One talker at one address."""

    id: str
    kind: str
    address: str


@with_config(_EXACT)
class OperationAnswer(TypedDict):
    """What was asked in a conversation, and how often."""

    operation: str
    object: str | None
    count: Count


@with_config(_EXACT)
class PeerAnswer(TypedDict):
    """Whom a device talks to. `device` is null for a peer that is no device."""

    device: str | None
    label: str
    address: str
    direction: Annotated[str, Field(description="`to`: the device is the client; `from`: it is the server.")]
    protocol: str
    transport: str
    port: int
    answered: bool
    packets: Count
    bytes: Count
    flows: Count
    first: Time
    last: Time
    operations: list[OperationAnswer]


@with_config(_EXACT)
class FindingDeviceAnswer(TypedDict):
    """Who takes part in a finding."""

    id: str | None
    role: str
    label: str


@with_config(_EXACT)
class FindingAnswer(TypedDict):
    """A finding in a list."""

    id: str
    rule: str
    severity: SeverityWord
    confidence: Share
    title: str
    why: str
    count: Count
    first: Time
    last: Time
    state: FindingState
    assignee: str | None
    devices: list[FindingDeviceAnswer]
    version: Annotated[int, Field(description="What `ETag` says.")]


@with_config(_EXACT)
class FindingList(TypedDict):
    """A page of findings."""

    findings: list[FindingAnswer]
    next: Annotated[str | None, Field(description="The cursor of the next page; null at the end.")]
    total: Count | None


@with_config(_EXACT)
class ChangeAnswer(TypedDict):
    """Something that changed. `who` is null where the pipeline did it."""

    number: int
    time: Time
    noun: str
    id: str
    what: str
    who: str | None
    detail: dict[str, Any] | None


@with_config(_EXACT)
class PacketAnswer(TypedDict):
    """Where a packet is: the digest of its input or the start of its sensor, and its number there."""

    input: str
    index: int
    time: Time
    interface: int
    length: int


@with_config(_EXACT)
class FindingPageAnswer(FindingAnswer):
    """A finding with everything."""

    expected: str
    seen: str
    attack: Annotated[list[str], Field(description="ATT&CK technique ids.")]
    remedy: str
    note: str | None
    packets: list[PacketAnswer]
    timeline: list[ChangeAnswer]


@with_config(_EXACT)
class DecisionAnswer(TypedDict):
    """A person's correction, merge or split; `undone` says when it was taken back."""

    id: str
    kind: Literal["correct", "merge", "split"]
    field: str | None
    value: str | None
    reason: str | None
    who: str
    time: Time
    undone: Time | None


@with_config(_EXACT)
class DevicePageAnswer(DeviceAnswer):
    """A device with everything that its page shows."""

    note: str | None
    claims: list[ClaimAnswer]
    conflicts: list[ConflictAnswer]
    merge_reasons: list[str]
    parts: list[PartAnswer]
    peers: Annotated[list[PeerAnswer], Field(description="The 200 with the most bytes.")]
    peers_total: Count
    commands: Annotated[list[PeerAnswer], Field(description="Conversations that change a plant.")]
    certificates: list[dict[str, Any]]
    credentials: Annotated[list[dict[str, Any]], Field(description="Kind, user, protocol; never a secret.")]
    findings: list[FindingAnswer]
    timeline: list[ChangeAnswer]
    decisions: list[DecisionAnswer]
    observations: list[dict[str, Any]]


@with_config(_EXACT)
class ConversationAnswer(TypedDict):
    """Who talked to whom. `source` and `destination` are device ids, or null where the end is no device."""

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
    packets: Count
    bytes: Count
    flows: Count
    first: Time
    last: Time
    operations: list[OperationAnswer]


@with_config(_EXACT)
class ConversationList(TypedDict):
    """A page of conversations."""

    conversations: list[ConversationAnswer]
    next: Annotated[str | None, Field(description="The cursor of the next page; null at the end.")]
    total: Count | None


@with_config(_EXACT)
class FlowAnswer(TypedDict):
    """A single flow. An end at another site has neither name nor address."""

    flow_id: int
    sensor: str
    source: str | None
    source_label: str
    source_address: str
    source_port: int
    destination: str | None
    destination_label: str
    destination_address: str
    destination_port: int
    transport: str
    protocol: str | None
    start: Time
    end: Time
    source_packets: Count
    destination_packets: Count
    source_bytes: Count
    destination_bytes: Count
    state: str
    rtt_us: Annotated[int | None, Field(description="Round-trip time in microseconds.")]
    community_id: str | None


@with_config(_EXACT)
class TalkerAnswer(TypedDict):
    """A device or peer with what it sent and received."""

    device: str | None
    label: str
    bytes: Count
    packets: Count
    flows: Count


@with_config(_EXACT)
class MapNodeAnswer(_ClassedOrNot):
    """A site, a zone or a device; a folded node stands for `count` devices."""

    id: str
    kind: Literal["site", "zone", "device", "folded", "outside"]
    label: str
    parent: str | None
    purdue_level: float | None
    worst: SeverityWord | None
    count: Count


@with_config(_EXACT)
class MapEdgeAnswer(TypedDict):
    """Traffic between two nodes; `crosses` where it leaves a zone."""

    source: str
    target: str
    protocols: list[str]
    bytes: Count
    flows: Count
    crosses: bool


@with_config(_EXACT)
class MapAnswer(TypedDict):
    """The map; `hidden` counts what is not drawn."""

    nodes: list[MapNodeAnswer]
    edges: list[MapEdgeAnswer]
    hidden: Count


@with_config(_EXACT)
class QualityAnswer(TypedDict):
    """A sentence of the capture-quality verdict."""

    sensor: str
    code: str
    severity: str
    text: str
    weakens: str
    remedy: str
    time: Time


@with_config(_EXACT)
class SensorAnswer(TypedDict):
    """A sensor, as far as its batches tell. `last` is the end of its last window, `received` when that came."""

    sensor: str
    packets: Count
    batches: Count
    last: Time
    received: Time
    quality: list[QualityAnswer]


# ``class`` again.
ClassCount = TypedDict("ClassCount", {"class": ClassName, "devices": Count})


@with_config(_EXACT)
class SeverityCount(TypedDict):
    """Open findings of one severity."""

    severity: SeverityWord
    findings: Count


@with_config(_EXACT)
class TodayAnswer(TypedDict):
    """The morning page."""

    since: Time
    devices: Count
    unknown: Count
    by_class: list[ClassCount]
    new_devices: list[DeviceAnswer]
    changed: list[ChangeAnswer]
    open_by_severity: list[SeverityCount]
    findings: Annotated[list[FindingAnswer], Field(description="The gravest that are open.")]
    sensors: list[SensorAnswer]


def plain(value: Any) -> Any:
    """Return ``value`` with every text in it as valid Unicode, and tuples as lists."""
    if isinstance(value, str):
        return valid_unicode(value)
    if isinstance(value, Mapping):
        return {valid_unicode(str(name)): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | frozenset):
        return [plain(each) for each in value]
    return value


def time_answer(nanoseconds: int | None) -> str | None:
    """Return a time as text; None stays None."""
    return None if nanoseconds is None else rfc3339(nanoseconds)


def _fields(row: Any, *names: str) -> dict[str, Any]:
    return {name: plain(getattr(row, name)) for name in names}


def _range(row: Any) -> dict[str, Any]:
    return {"first": rfc3339(row.first), "last": rfc3339(row.last)}


def _place(identity: str | None, name: str | None) -> dict[str, Any] | None:
    return None if identity is None else {"id": identity, "name": plain(name or identity)}


_DEVICE = (
    "id name domain vendor product model firmware serial os purdue_level confidence roles macs ips names marks owner "
    "criticality safety expected worst open_findings labels version"
).split()


def device_answer(row: rows.DeviceRow) -> dict[str, Any]:
    """Make a `DeviceAnswer`."""
    return {
        **_fields(row, *_DEVICE),
        **_range(row),
        "class": row.device_class,
        "site": _place(row.site, row.site_name),
        "zone": _place(row.zone, row.zone_name),
    }


def device_page_answer(page: rows.DevicePage) -> dict[str, Any]:
    """Make a `DevicePageAnswer`."""
    return {
        **device_answer(page.row),
        **_fields(page, "note", "merge_reasons", "peers_total", "certificates", "credentials", "observations"),
        "claims": [
            {**_fields(claim, "field", "value", "weight", "clue", "evidence"), **_range(claim)} for claim in page.claims
        ],
        "conflicts": [_fields(each, "field", "chosen", "other", "reason") for each in page.conflicts],
        "parts": [plain({"id": id_, "kind": kind, "address": address}) for id_, kind, address in page.parts],
        "peers": [_peer(each) for each in page.peers],
        "commands": [_peer(each) for each in page.commands],
        "findings": [finding_answer(each) for each in page.findings],
        "timeline": [change_answer(each) for each in page.timeline],
        "decisions": [decision_answer(each) for each in page.decisions],
    }


def decision_answer(row: rows.DecisionRow) -> dict[str, Any]:
    """Make a `DecisionAnswer`."""
    told = _fields(row, "id", "kind", "field", "value", "reason", "who")
    return {**told, "time": rfc3339(row.time), "undone": time_answer(row.undone)}


def _operations(row: Any) -> list[dict[str, Any]]:
    return [_fields(each, "operation", "object", "count") for each in row.operations]


_TALK = "protocol transport port answered packets bytes flows".split()


def _peer(row: rows.PeerRow) -> dict[str, Any]:
    told = _fields(row, "device", "label", "address", "direction", *_TALK)
    return {**told, **_range(row), "operations": _operations(row)}


def conversation_answer(row: rows.ConversationRow) -> dict[str, Any]:
    """Make a `ConversationAnswer`."""
    ends = [f"{end}{what}" for end in ("source", "destination") for what in ("", "_label", "_address")]
    return {**_fields(row, "key", *ends, *_TALK), **_range(row), "operations": _operations(row)}


def flow_answer(row: NamedFlow) -> dict[str, Any]:
    """Make a `FlowAnswer`."""
    words = (
        "flow_id sensor source_port destination_port transport protocol source_packets destination_packets "
        "source_bytes destination_bytes state rtt_us community_id"
    ).split()
    told = _fields(row.flow, *words) | {"start": rfc3339(row.flow.start), "end": rfc3339(row.flow.end)}
    for name, end in (("source", row.source), ("destination", row.destination)):
        told |= plain({name: end.device, f"{name}_label": end.label, f"{name}_address": end.address})
    return told


def talker_answer(row: rows.TalkerRow) -> dict[str, Any]:
    """Make a `TalkerAnswer`."""
    return _fields(row, "device", "label", "bytes", "packets", "flows")


_FINDING = "id rule severity confidence title why count state assignee version".split()


def finding_answer(row: rows.FindingRow) -> dict[str, Any]:
    """Make a `FindingAnswer`."""
    devices = [_fields(each, "id", "role", "label") for each in row.devices]
    return {**_fields(row, *_FINDING), **_range(row), "devices": devices}


def finding_page_answer(page: rows.FindingPage) -> dict[str, Any]:
    """Make a `FindingPageAnswer`."""
    return {
        **finding_answer(page.row),
        **_fields(page, "expected", "seen", "attack", "remedy", "note"),
        "packets": [
            {**plain(each), "input": str(each["input"]), "time": rfc3339(each["time"])} for each in page.packets
        ],
        "timeline": [change_answer(each) for each in page.timeline],
    }


def change_answer(row: rows.ChangeRow) -> dict[str, Any]:
    """Make a `ChangeAnswer`."""
    return {**_fields(row, "number", "noun", "id", "what", "who", "detail"), "time": rfc3339(row.time)}


def map_answer(view: rows.MapView) -> dict[str, Any]:
    """Make a `MapAnswer`."""
    node = ("id", "kind", "label", "parent", "purdue_level", "worst", "count")
    edge = ("source", "target", "protocols", "bytes", "flows", "crosses")
    return {
        "nodes": [{**_fields(each, *node), "class": each.device_class} for each in view.nodes],
        "edges": [_fields(each, *edge) for each in view.edges],
        "hidden": view.hidden,
    }


def sensor_answer(row: rows.SensorRow) -> dict[str, Any]:
    """Make a `SensorAnswer`."""
    words = ("sensor", "code", "severity", "text", "weakens", "remedy")
    return {
        **_fields(row, "sensor", "packets", "batches"),
        "last": rfc3339(row.last),
        "received": rfc3339(row.received),
        "quality": [{**_fields(each, *words), "time": rfc3339(each.time)} for each in row.quality],
    }


def today_answer(row: rows.Today) -> dict[str, Any]:
    """Make a `TodayAnswer`."""
    return {
        "since": rfc3339(row.since),
        "devices": row.devices,
        "unknown": row.unknown,
        "by_class": [{"class": name, "devices": count} for name, count in row.by_class],
        "new_devices": [device_answer(each) for each in row.new_devices],
        "changed": [change_answer(each) for each in row.changed],
        "open_by_severity": [{"severity": word, "findings": count} for word, count in row.open_by_severity],
        "findings": [finding_answer(each) for each in row.findings],
        "sensors": [sensor_answer(each) for each in row.sensors],
    }
