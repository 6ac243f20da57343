"""Conversations, protocol totals and the capture's own facts (contract §9)."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.observation import Part

__all__ = ["CaptureSummary", "Conversation", "InputSummary", "Operation", "ProtocolTotal", "QualityNote"]


@dataclass(frozen=True, slots=True)
class Operation:
    """What was asked: ``write_single_register`` of ``holding 40``, so many times."""

    operation: str
    object: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """Who talked to whom by which protocol and server port, over the whole run. ``source`` is the client."""

    source: Part
    destination: Part
    protocol: str
    transport: str  # tcp, udp, icmp, ethernet …
    port: int
    packets: int
    bytes: int
    flows: int
    first: int  # ns since 1970, UTC
    last: int  # ns since 1970, UTC
    operations: tuple[Operation, ...] = ()
    answered: bool = True


@dataclass(frozen=True, slots=True)
class ProtocolTotal:
    """Totals of one protocol; ``confidence`` 0 to 1 is the lowest over its flows' medians."""

    name: str
    flows: int
    packets: int
    bytes: int
    confidence: float


@dataclass(frozen=True, slots=True)
class InputSummary:
    """One input file. ``digest`` is the epoch."""

    path: str
    format: str
    digest: str
    packets: int
    bytes: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QualityNote:
    """One sentence of the capture-quality verdict; ``severity`` as in findings, ``remedy`` says what to do."""

    code: str
    severity: str
    text: str
    weakens: str
    remedy: str


@dataclass(frozen=True, slots=True)
class CaptureSummary:
    """What was read."""

    inputs: tuple[InputSummary, ...]
    packets: int
    bytes: int
    first: int | None  # ns since 1970, UTC
    last: int | None  # ns since 1970, UTC
    quality: tuple[QualityNote, ...]
