"""The JSON of ``analyze`` (contract §9): its shape as types, and its writing.

Rule 1: unknown is null; only ``class`` has a word for it, because ``unknown`` is an answer.
Rule 2: text from the wire stays as it was (valid UTF-8): whoever shows it escapes it.
Rule 3: the order is decided here and depends on the input alone.
Rule 4: the JSON Schema is generated from these types; a name stands nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TextIO, TypedDict

from ringfence.app.analysis import Analysis
from ringfence.app.escape import valid_unicode
from ringfence.model.clock import rfc3339
from ringfence.model.device import Claim, Device
from ringfence.model.finding import Finding, Severity, finding_order
from ringfence.model.flow import CaptureSummary, Conversation, ProtocolTotal
from ringfence.model.observation import PacketReference

__all__ = ["SCHEMA_VERSION", "Document", "Note", "document", "write_document"]

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Note:
    """What the schema says of a field beyond its type."""

    text: str = ""
    format: str = ""
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    classes: bool = False


Time = Annotated[str, Note("RFC 3339, UTC, with nine digits of fraction.", format="date-time")]
Share = Annotated[float, Note("0 to 1.", minimum=0, maximum=1)]
Count = Annotated[int, Note(minimum=0)]
SeverityWord = Literal["informational", "low", "medium", "high", "critical"]


class QualityDocument(TypedDict):
    """One sentence of the capture-quality verdict."""

    code: str
    severity: Annotated[str, Note("As in findings.")]
    text: str
    weakens: Annotated[str, Note("What is less certain because of it.")]
    remedy: str


class InputDocument(TypedDict):
    """One input file."""

    path: str
    format: str
    digest: str
    packets: Count
    bytes: Count
    problems: list[str]


class CaptureDocument(TypedDict):
    """What was read."""

    inputs: list[InputDocument]
    packets: Count
    bytes: Count
    first: Time | None
    last: Time | None
    quality: Annotated[list[QualityDocument], Note("Empty where nothing was found wrong with the capture.")]


class KnowledgeDocument(TypedDict):
    """The knowledge that the answers lean on."""

    id: str
    date: Annotated[str, Note("RFC 3339 date or time.")]


class ClaimDocument(TypedDict):
    """What a clue says about a device."""

    field: str
    value: str
    weight: Share
    clue: str
    first: Time
    last: Time
    evidence: str


class ConflictDocument(TypedDict):
    """Two answers to one question that can't both be right."""

    field: str
    chosen: str
    other: str
    reason: str


# ``class`` is a keyword in Python, so that a type with that name in it can't be written as a class.
_Classed = TypedDict("_Classed", {"class": Annotated[str, Note("``unknown`` is an answer.", classes=True)]})


class DeviceDocument(_Classed):
    """One physical device."""

    id: Annotated[str, Note("The same for the same input.", pattern="^d-[0-9a-f]{16}$")]
    name: str
    vendor: str | None
    product: str | None
    model: str | None
    firmware: str | None
    serial: str | None
    os: str | None
    purdue_level: Annotated[float | None, Note("A guess, 0 to 5.")]
    roles: list[str]
    confidence: Annotated[float, Note("Of the class, 0 to 1.", minimum=0, maximum=1)]
    macs: list[str]
    ips: list[str]
    names: list[str]
    domain: Annotated[str, Note("The scope in which its addresses are unique.")]
    marks: Annotated[list[str], Note("Such as randomised_mac, virtual_mac, router.")]
    first: Time
    last: Time
    claims: list[ClaimDocument]
    conflicts: list[ConflictDocument]


class FindingDeviceDocument(TypedDict):
    """Who takes part in a finding."""

    id: Annotated[str | None, Note("Null for a peer that is no device; ``label`` names it.")]
    role: Annotated[str, Note("actor, target or subject.")]
    label: str


class PacketDocument(TypedDict):
    """Where a packet is."""

    input: Annotated[str, Note("Digest of the input.")]
    index: Annotated[int, Note("Frame number, from 1.", minimum=0)]
    time: Time
    interface: Count
    length: Annotated[int, Note("Bytes on the wire.", minimum=0)]


class FindingDocument(TypedDict):
    """An assertion with evidence, severity, confidence and remedy."""

    id: str
    rule: str
    severity: SeverityWord
    confidence: Share
    devices: list[FindingDeviceDocument]
    title: str
    why: str
    expected: str
    seen: str
    attack: Annotated[list[str], Note("ATT&CK technique ids.")]
    remedy: str
    count: Count
    first: Time
    last: Time
    packets: list[PacketDocument]


class ProtocolDocument(TypedDict):
    """Totals of one protocol."""

    name: str
    flows: Count
    packets: Count
    bytes: Count
    confidence: Share


class OperationDocument(TypedDict):
    """What was asked, and how often."""

    operation: str
    object: str | None
    count: Count


class ConversationDocument(TypedDict):
    """Who talked to whom; ``src`` is the client."""

    src: Annotated[str, Note("Device id, or the address of a peer that is no device.")]
    dst: Annotated[str, Note("Device id, or the address of a peer that is no device.")]
    protocol: str
    transport: str
    port: Count
    operations: list[OperationDocument]
    packets: Count
    bytes: Count
    flows: Count
    answered: bool
    first: Time
    last: Time


class Document(TypedDict):
    """The analysis of one or more captures."""

    schema_version: Literal[1]
    ringfence: Annotated[str, Note("Version of the program.")]
    knowledge: KnowledgeDocument
    capture: CaptureDocument
    devices: list[DeviceDocument]
    findings: list[FindingDocument]
    protocols: list[ProtocolDocument]
    conversations: list[ConversationDocument]


_WORDS: dict[Severity, SeverityWord] = {
    Severity.INFORMATIONAL: "informational",
    Severity.LOW: "low",
    Severity.MEDIUM: "medium",
    Severity.HIGH: "high",
    Severity.CRITICAL: "critical",
}


def document(analysis: Analysis) -> dict[str, Any]:
    """Return the whole document as plain values. For large analyses ``write_document`` needs less memory."""
    return {name: value if isinstance(value, dict | str | int) else list(value) for name, value in _sections(analysis)}


def write_document(analysis: Analysis, stream: TextIO) -> None:
    """Write the document as JSON, one device, finding or conversation at a time and one to a line."""
    opening = "{"
    for name, value in _sections(analysis):
        stream.write(f'{opening}\n"{name}": ')
        opening = ","
        if isinstance(value, dict | str | int):
            stream.write(_text(value))
            continue
        comma = ""
        stream.write("[")
        for row in value:
            stream.write(f"{comma}\n{_text(row)}")
            comma = ","
        stream.write("\n]" if comma else "]")
    stream.write("\n}\n")


def _text(value: Any) -> str:
    return valid_unicode(json.dumps(value, ensure_ascii=False, allow_nan=False))


def _sections(analysis: Analysis) -> Iterator[tuple[str, Any]]:
    """Yield the top-level names in the contract's order; lists lazily."""
    inputs = [each.digest for each in analysis.capture.inputs]
    yield "schema_version", SCHEMA_VERSION
    yield "ringfence", analysis.version
    yield "knowledge", {"id": analysis.knowledge.id, "date": analysis.knowledge.date}
    yield "capture", _capture(analysis.capture)
    yield "devices", (_device(each) for each in sorted(analysis.devices, key=lambda each: each.id))
    yield "findings", (_finding(each, inputs) for each in sorted(analysis.findings, key=finding_order))
    yield "protocols", (_protocol(each) for each in sorted(analysis.protocols, key=lambda each: each.name))
    conversations = sorted(analysis.conversations, key=lambda each: _conversation_order(each, analysis))
    yield "conversations", (_conversation(each, analysis) for each in conversations)


def _share(value: float) -> float:
    return round(min(max(float(value), 0.0), 1.0), 3)


def _capture(capture: CaptureSummary) -> CaptureDocument:
    return {
        "inputs": [
            {
                "path": each.path,
                "format": each.format,
                "digest": each.digest,
                "packets": each.packets,
                "bytes": each.bytes,
                "problems": list(each.problems),
            }
            for each in capture.inputs
        ],
        "packets": capture.packets,
        "bytes": capture.bytes,
        "first": None if capture.first is None else rfc3339(capture.first),
        "last": None if capture.last is None else rfc3339(capture.last),
        "quality": [
            {
                "code": note.code,
                "severity": note.severity,
                "text": note.text,
                "weakens": note.weakens,
                "remedy": note.remedy,
            }
            for note in capture.quality
        ],
    }


def _device(device: Device) -> DeviceDocument:
    return {
        "id": device.id,
        "name": device.name,
        "class": device.device_class,
        "vendor": device.vendor,
        "product": device.product,
        "model": device.model,
        "firmware": device.firmware,
        "serial": device.serial,
        "os": device.os,
        "purdue_level": device.purdue_level,
        "roles": sorted({role.text for role in device.roles}),
        "confidence": _share(device.confidence),
        "macs": list(device.macs),
        "ips": list(device.ips),
        "names": list(device.names),
        "domain": device.domain,
        "marks": sorted(device.marks),
        "first": rfc3339(device.first),
        "last": rfc3339(device.last),
        "claims": [_claim(claim) for claim in sorted(device.claims, key=_claim_order)],
        "conflicts": [
            {"field": each.field, "chosen": each.chosen, "other": each.other, "reason": each.reason}
            for each in sorted(device.conflicts, key=lambda each: (each.field, each.chosen, each.other))
        ],
    }


def _claim_order(claim: Claim) -> tuple[str, float, str, str, str, int]:
    return (claim.field, -claim.weight, claim.value, claim.clue, claim.evidence, claim.first)


def _claim(claim: Claim) -> ClaimDocument:
    return {
        "field": claim.field,
        "value": claim.value,
        "weight": _share(claim.weight),
        "clue": claim.clue,
        "first": rfc3339(claim.first),
        "last": rfc3339(claim.last),
        "evidence": claim.evidence,
    }


def _packet(packet: PacketReference, inputs: list[str]) -> PacketDocument:
    known = 0 <= packet.input < len(inputs)
    return {
        "input": inputs[packet.input] if known else str(packet.input),
        "index": packet.index,
        "time": rfc3339(packet.time),
        "interface": packet.interface,
        "length": packet.length,
    }


def _finding(finding: Finding, inputs: list[str]) -> FindingDocument:
    return {
        "id": finding.id,
        "rule": finding.rule,
        "severity": _WORDS[finding.severity],
        "confidence": _share(finding.confidence),
        "devices": [{"id": each.id, "role": each.role, "label": each.label} for each in finding.devices],
        "title": finding.title,
        "why": finding.why,
        "expected": finding.expected,
        "seen": finding.seen,
        "attack": list(finding.attack),
        "remedy": finding.remedy,
        "count": finding.count,
        "first": rfc3339(finding.first),
        "last": rfc3339(finding.last),
        "packets": [_packet(each, inputs) for each in finding.packets],
    }


def _protocol(total: ProtocolTotal) -> ProtocolDocument:
    return {
        "name": total.name,
        "flows": total.flows,
        "packets": total.packets,
        "bytes": total.bytes,
        "confidence": _share(total.confidence),
    }


def _conversation_order(each: Conversation, analysis: Analysis) -> tuple[str, str, str, str, int, int, str, str]:
    ends = (analysis.end_text(each.source), analysis.end_text(each.destination))
    return (*ends, each.protocol, each.transport, each.port, each.first, each.source.id, each.destination.id)


def _conversation(each: Conversation, analysis: Analysis) -> ConversationDocument:
    return {
        "src": analysis.end_text(each.source),
        "dst": analysis.end_text(each.destination),
        "protocol": each.protocol,
        "transport": each.transport,
        "port": each.port,
        "operations": [
            {"operation": one.operation, "object": one.object, "count": one.count}
            for one in sorted(each.operations, key=lambda one: (-one.count, one.operation, one.object or ""))
        ],
        "packets": each.packets,
        "bytes": each.bytes,
        "flows": each.flows,
        "answered": each.answered,
        "first": rfc3339(each.first),
        "last": rfc3339(each.last),
    }
