"""Addresses, parts and observations (contract §1 and §2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = ["Address", "Observation", "PacketReference", "Part", "Value"]

Value: TypeAlias = str | int | float | bool | list[Any] | None


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """An address and the domain in which it is unique. ``value`` is canonical text."""

    domain: str
    kind: str  # mac, ipv4, ipv6, name, …
    value: str


@dataclass(frozen=True, slots=True)
class Part:
    """One talker at one address. The id is a digest of the address and never changes."""

    id: str
    address: Address


@dataclass(frozen=True, slots=True, order=True)
class PacketReference:
    """Where a packet is: input (position in the run's list), frame number from 1, ns since 1970, interface, length."""

    time: int  # ns since 1970, UTC
    input: int
    index: int
    interface: int
    length: int  # bytes on the wire


@dataclass(frozen=True, slots=True)
class Observation:
    """One fact seen, with its time range and up to four packets that show it.

    ``value`` maps field names of the kind (see the generated registry) to values: Bytes are lower-case hexadecimal,
    Mac and Ip canonical text, Time nanoseconds since 1970. Absent fields are absent. Text is as on the wire, decoded
    with replacement: escape it where it is shown.
    """

    kind: str
    subject: Part
    object: Part | None
    value: Mapping[str, Any]
    count: int
    first: int  # ns since 1970, UTC
    last: int  # ns since 1970, UTC
    packets: tuple[PacketReference, ...] = field(default=())

    def __getitem__(self, name: str) -> Any:
        """Return the field, or None where it is absent."""
        return self.value.get(name)
