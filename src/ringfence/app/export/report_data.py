"""What the HTML report shows, as plain values made small and safe: the JSON of contract §9 is the complete answer.

Rule 1: every text is made visible and shortened here, so that the report's script never sees a control character.
Rule 2: what is left out is counted and told to the reader, never dropped silently.
Rule 3: the whole stays under ``EMBED_LIMIT`` bytes; where it wouldn't, the ladder of limits goes one step down.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from ringfence.app.analysis import Analysis
from ringfence.app.escape import json_in_html, shortened, visible
from ringfence.detect.rule import is_public
from ringfence.detect.rules.ot_command import COMMANDS
from ringfence.model.device import Claim, Device, class_words
from ringfence.model.finding import Finding, finding_order
from ringfence.model.flow import Conversation, Operation
from ringfence.model.observation import PacketReference, Part

__all__ = ["EMBED_LIMIT", "LADDER", "Limits", "report_data", "report_json"]

# What the device pages and the map call a command: the rules' table, and what publishes or sets in other protocols.
_COMMANDS = sorted({operation for _, operation in COMMANDS} | {"publish", "set"})

EMBED_LIMIT = 40_000_000  # characters of JSON in the page


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of each thing the report shows."""

    devices: int
    conversations: int
    conversations_per_device: int
    operations: int  # per conversation
    claims: int  # per device
    findings: int
    text: int  # characters


LADDER = (
    Limits(50_000, 60_000, 250, 40, 60, 5_000, 300),
    Limits(50_000, 30_000, 60, 15, 16, 5_000, 160),
    Limits(50_000, 10_000, 20, 5, 6, 2_000, 100),
    Limits(10_000, 5_000, 10, 3, 3, 1_000, 80),
)


def report_json(analysis: Analysis, limit: int = EMBED_LIMIT) -> str:
    """Return the data as JSON text that may stand inside a script element."""
    text = ""
    for limits in LADDER:
        values = report_data(analysis, limits)
        text = json_in_html(json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
        if len(text) <= limit:
            break
    return text


def report_data(analysis: Analysis, limits: Limits = LADDER[0]) -> dict[str, Any]:
    """Return the data of the report under these limits."""
    return _Projection(analysis, limits).data()


def _milliseconds(nanoseconds: int | None) -> int | None:
    """Return milliseconds: a script's numbers can't hold nanoseconds since 1970."""
    return None if nanoseconds is None else nanoseconds // 1_000_000


def _sort_of_peer(part: Part) -> str:
    """Return what sort of end this is that is no device: broadcast, multicast, internet, or other."""
    kind, value = part.address.kind, part.address.value
    if value in ("ff:ff:ff:ff:ff:ff", "255.255.255.255"):
        return "broadcast"
    if kind == "mac":
        return "multicast" if int(value[:2], 16) & 1 else "other"
    if kind in ("ipv4", "ipv6") and ip_address(value).is_multicast:
        return "multicast"
    return "internet" if is_public(part) else "other"


def _operation_order(each: Operation) -> tuple[bool, int, str, str]:
    return (each.operation not in _COMMANDS, -each.count, each.operation, each.object or "")


def _device_order(device: Device) -> tuple[bool, str, str]:
    return (device.device_class == "unknown", device.name.lower(), device.id)


def _weight_of(conversation: Conversation) -> tuple[bool, int, int, str, str, str, int]:
    """Order conversations by how much is lost without them: those with commands first, then the largest."""
    source, destination = conversation.source.id, conversation.destination.id
    tie = (source, destination, conversation.protocol, conversation.port)
    return (not conversation.operations, -conversation.bytes, -conversation.packets, *tie)


class _Projection:
    """Builds the data once; keeps the numbers that stand for devices and peers."""

    def __init__(self, analysis: Analysis, limits: Limits) -> None:
        self.analysis = analysis
        self.limits = limits
        self.devices = sorted(analysis.devices, key=_device_order)[: limits.devices]
        self.number_of = {device.id: number for number, device in enumerate(self.devices)}
        self.peers: list[Part] = []
        self.peer_numbers: dict[str, int] = {}

    def text(self, text: str | None, limit: int | None = None) -> str | None:
        """Return the text as it is shown."""
        if text is None:
            return None
        if text and not text.strip():
            return f"({len(text)} blank characters)"
        return shortened(visible(text), limit or self.limits.text)

    def texts(self, texts: Iterable[str], most: int = 40) -> list[str | None]:
        """Return the first texts as they are shown."""
        return [self.text(each, 120) for each in list(texts)[:most]]

    def data(self) -> dict[str, Any]:
        """Return everything."""
        analysis = self.analysis
        conversations, hidden = self.conversations()
        findings = sorted(analysis.findings, key=finding_order)
        return {
            "version": self.text(analysis.version),
            "knowledge": {"id": self.text(analysis.knowledge.id), "date": self.text(analysis.knowledge.date)},
            "capture": self.capture(),
            "devices": [self.device(each) for each in self.devices],
            "findings": [self.finding(each) for each in findings[: self.limits.findings]],
            "protocols": [
                [self.text(each.name, 80), each.flows, each.packets, each.bytes, round(each.confidence, 3)]
                for each in sorted(analysis.protocols, key=lambda each: (-each.bytes, each.name))[:2_000]
            ],
            "conversations": conversations,
            "hidden": hidden,
            "peers": [[self.text(each.address.value, 120), _sort_of_peer(each)] for each in self.peers],
            "commands": _COMMANDS,
            "classes": {name: class_words(name) for name in sorted({each.device_class for each in self.devices})},
            "certificates": self.certificates(),
            "totals": {
                "devices": len(analysis.devices),
                "findings": len(analysis.findings),
                "conversations": len(analysis.conversations),
            },
        }

    def capture(self) -> dict[str, Any]:
        """Return what was read."""
        capture = self.analysis.capture
        return {
            "inputs": [
                {
                    "path": self.text(each.path),
                    "format": self.text(each.format, 40),
                    "digest": self.text(each.digest, 80),
                    "packets": each.packets,
                    "bytes": each.bytes,
                    "problems": self.texts(each.problems, 20),
                }
                for each in capture.inputs[:1_000]
            ],
            "packets": capture.packets,
            "bytes": capture.bytes,
            "first": _milliseconds(capture.first),
            "last": _milliseconds(capture.last),
            "quality": [
                {
                    "code": self.text(each.code, 80),
                    "severity": self.text(each.severity, 20),
                    "text": self.text(each.text),
                    "weakens": self.text(each.weakens),
                    "remedy": self.text(each.remedy),
                }
                for each in capture.quality
            ],
        }

    def device(self, device: Device) -> dict[str, Any]:
        """Return one device; short names because there may be many."""
        claims = sorted(device.claims, key=lambda each: (each.field, -each.weight, each.value, each.clue))
        shown = sorted(claims, key=lambda each: -each.weight)[: self.limits.claims]
        return {
            "id": device.id,
            "name": self.text(device.name, 120),
            "class": device.device_class,
            "vendor": self.text(device.vendor, 80),
            "product": self.text(device.product, 120),
            "model": self.text(device.model, 120),
            "firmware": self.text(device.firmware, 120),
            "serial": self.text(device.serial, 80),
            "os": self.text(device.os, 120),
            "level": device.purdue_level,
            "confidence": round(device.confidence, 3),
            "vendor_confidence": round(device.vendor_confidence, 3),
            "roles": [[self.text(each.protocol, 60), each.side, int(each.candidate_master)] for each in device.roles],
            "macs": self.texts(device.macs),
            "ips": self.texts(device.ips),
            "names": self.texts(device.names),
            "marks": self.texts(device.marks),
            "domain": self.text(device.domain, 80),
            "first": _milliseconds(device.first),
            "last": _milliseconds(device.last),
            "claims": [self.claim(each) for each in shown],
            "more_claims": len(claims) - len(shown),
            "conflicts": [
                [self.text(each.field, 40), self.text(each.chosen), self.text(each.other), self.text(each.reason)]
                for each in device.conflicts[:40]
            ],
            "merged": self.texts(device.merge_reasons),
        }

    def claim(self, claim: Claim) -> list[Any]:
        """Return field, value, weight, clue, evidence, first, last, packets."""
        return [
            self.text(claim.field, 40),
            self.text(claim.value),
            round(claim.weight, 3),
            self.text(claim.clue, 60),
            self.text(claim.evidence),
            _milliseconds(claim.first),
            _milliseconds(claim.last),
            self.packets(claim.packets[:4]),
        ]

    def packets(self, packets: Iterable[PacketReference]) -> list[list[int | None]]:
        """Return input, frame number and time of each."""
        return [[each.input, each.index, _milliseconds(each.time)] for each in packets]

    def finding(self, finding: Finding) -> dict[str, Any]:
        """Return one finding."""
        return {
            "id": finding.id,
            "rule": self.text(finding.rule, 80),
            "severity": finding.severity.word,
            "confidence": round(finding.confidence, 3),
            "devices": [
                [self.number_of.get(each.id or ""), self.text(each.role, 20), self.text(each.label, 120)]
                for each in finding.devices[:50]
            ],
            "more_devices": max(len(finding.devices) - 50, 0),
            "title": self.text(finding.title),
            "why": self.text(finding.why, 600),
            "expected": self.text(finding.expected, 600),
            "seen": self.text(finding.seen, 600),
            "attack": self.texts(finding.attack),
            "remedy": self.text(finding.remedy, 600),
            "count": finding.count,
            "first": _milliseconds(finding.first),
            "last": _milliseconds(finding.last),
            "packets": self.packets(finding.packets[:20]),
        }

    def end(self, part: Part) -> int | None:
        """Return the number of the device, or of the peer after all devices; None for a device that isn't shown."""
        device = self.analysis.device_of.get(part.id)
        if device is not None:
            return self.number_of.get(device)
        if part.id not in self.peer_numbers:
            self.peer_numbers[part.id] = len(self.devices) + len(self.peers)
            self.peers.append(part)
        return self.peer_numbers[part.id]

    def conversations(self) -> tuple[list[list[Any]], dict[str, int]]:
        """Return the conversations shown, and how many more each device has (by its number)."""
        rows: list[list[Any]] = []
        shown: Counter[str] = Counter()
        hidden: Counter[str] = Counter()
        for each in sorted(self.analysis.conversations, key=_weight_of):
            devices = {self.analysis.device_of.get(part.id, "") for part in (each.source, each.destination)} - {""}
            full = len(rows) >= self.limits.conversations
            if full or any(shown[device] >= self.limits.conversations_per_device for device in devices):
                hidden.update(devices)
                continue
            ends = (self.end(each.source), self.end(each.destination))
            if None in ends:
                hidden.update(devices)
                continue
            shown.update(devices)
            rows.append([*ends, *self.conversation(each)])
        return rows, {str(self.number_of[key]): count for key, count in hidden.items() if key in self.number_of}

    def conversation(self, each: Conversation) -> list[Any]:
        """Return protocol, transport, port, packets, bytes, flows, first, last, answered, operations, more.

        One command among thousands of reads must not be the one that is left out.
        """
        operations = sorted(each.operations, key=_operation_order)
        most = self.limits.operations
        return [
            self.text(each.protocol, 60),
            self.text(each.transport, 20),
            each.port,
            each.packets,
            each.bytes,
            each.flows,
            _milliseconds(each.first),
            _milliseconds(each.last),
            int(each.answered),
            [[self.text(one.operation, 80), self.text(one.object, 120), one.count] for one in operations[:most]],
            max(len(operations) - most, 0),
        ]

    def certificates(self) -> dict[str, list[dict[str, Any]]]:
        """Return the certificates by device number; times of a certificate in milliseconds."""
        return {
            str(self.number_of[device]): [self.certificate(each) for each in certificates[:10]]
            for device, certificates in sorted(self.analysis.certificates.items())
            if device in self.number_of
        }

    def certificate(self, certificate: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of one certificate."""
        shown: dict[str, Any] = {}
        for name, value in certificate.items():
            if name in ("not_before", "not_after") and isinstance(value, int):
                shown[name] = _milliseconds(value)
            elif isinstance(value, list | tuple):
                shown[name] = self.texts(str(each) for each in value)
            elif isinstance(value, bool | int) or value is None:
                shown[name] = value
            else:
                shown[name] = self.text(str(value))
        return shown
