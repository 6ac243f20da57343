"""Findings: an assertion with evidence, severity, confidence and remedy (contract §9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from ringfence.model.observation import PacketReference

__all__ = ["DeviceRole", "Finding", "Severity", "finding_order"]


class Severity(IntEnum):
    """Ordered, so that ``--fail-on`` can compare."""

    INFORMATIONAL = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """Lower-case name, as in the JSON."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class DeviceRole:
    """A device or peer in a finding; ``role`` is actor, target or subject. ``label`` names peers that are no device."""

    id: str | None
    role: str
    label: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One assertion. ``why`` is one sentence; ``expected`` and ``seen`` stand side by side."""

    id: str
    rule: str
    severity: Severity
    confidence: float  # 0 to 1
    devices: tuple[DeviceRole, ...]
    title: str
    why: str
    expected: str
    seen: str
    attack: tuple[str, ...]  # ATT&CK technique ids
    remedy: str
    count: int
    first: int  # ns since 1970, UTC
    last: int  # ns since 1970, UTC
    packets: tuple[PacketReference, ...]


def finding_order(finding: Finding) -> tuple[int, float, str, str, int, str]:
    """Order findings wherever they are listed: the gravest and surest first, then alike ones side by side."""
    rank = (-finding.severity, -finding.confidence)
    return (*rank, finding.rule, finding.title, -finding.count, finding.id)
