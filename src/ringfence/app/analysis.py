"""What one run of ``analyze`` found: the input of every output (contract §9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ringfence.model.device import Device
from ringfence.model.finding import Finding
from ringfence.model.flow import CaptureSummary, Conversation, ProtocolTotal
from ringfence.model.observation import Part

__all__ = ["Analysis", "KnowledgeAge"]


@dataclass(frozen=True, slots=True)
class KnowledgeAge:
    """The knowledge in use, and from when it is. ``date`` is RFC 3339 text (a date or a time)."""

    id: str
    date: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything that one run found.

    ``device_of`` maps part ids to device ids; a part that is not in it is a peer (public, multicast, broadcast).
    ``certificates`` maps device ids to certificates seen, each with the field names of ``tls.certificate``.
    """

    capture: CaptureSummary
    devices: tuple[Device, ...]
    findings: tuple[Finding, ...]
    protocols: tuple[ProtocolTotal, ...]
    conversations: tuple[Conversation, ...]
    knowledge: KnowledgeAge
    version: str
    device_of: Mapping[str, str]
    certificates: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)

    def end_text(self, part: Part) -> str:
        """Return what names this end of a conversation: the device's id, or the address of a peer."""
        return self.device_of.get(part.id) or part.address.value
