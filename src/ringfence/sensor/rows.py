"""The core's rows as the words of ``model``: what a whole run and a batch of a live one have in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ringfence.model.flow import Conversation, Operation
from ringfence.model.observation import Address, Observation, PacketReference, Part

if TYPE_CHECKING:
    from ringfence import _core

__all__ = ["Parts", "conversations", "observations", "part_id"]

_PART_ID_LENGTH = 16  # bytes

#: Kinds named after a protocol that another one carries.
_CARRIED_BY = {"cip": "enip", "cotp": "s7comm", "upnp": "http"}


def part_id(address: Address) -> str:
    """Return the id of the part at ``address``: the same digest as in the batches (contract §1)."""
    text = "\0".join((address.domain, address.kind, address.value))
    return "p-" + sha256(text.encode()).digest()[:_PART_ID_LENGTH].hex()


_MOST_PARTS = 200_000  # remembered, so that each is made once


class Parts:
    """Parts by (domain number, kind, text): each is made once."""

    def __init__(self, domains: Sequence[str]) -> None:
        self._domains = domains
        self._known: dict[tuple[int, tuple[str, str]], Part] = {}

    def get(self, domain: int, address: tuple[str, str]) -> Part:
        """Return the part at ``address``, which is (kind, text)."""
        key = (domain, address)
        part = self._known.get(key)
        if part is None:
            if len(self._known) >= _MOST_PARTS:
                self._known.clear()  # A live read meets new addresses for ever.
            full = Address(self._domains[domain], *address)
            part = self._known[key] = Part(part_id(full), full)
        return part


def observations(core: _core.CoreRun | _core.CoreBatch, parts: Parts) -> list[Observation]:
    """Return what was observed, in the core's order."""
    get = parts.get
    return [
        Observation(
            kind,
            get(domain, subject),
            None if target is None else get(domain, target),
            value,
            count,
            first,
            last,
            tuple(PacketReference(*packet) for packet in packets),
        )
        for kind, domain, subject, target, value, count, first, last, packets in core.observations()
    ]


def conversations(
    core: _core.CoreRun | _core.CoreBatch, parts: Parts, facts: Iterable[Observation]
) -> list[Conversation]:
    """Return who talked to whom, with what ``facts`` say was asked, in the core's order."""
    operations = _operations(facts)
    get = parts.get
    out = []
    for domain, client, server, transport, protocol, port, answered, *sums in core.conversations():
        flows, packets, size, first, last = sums
        source, destination = get(domain, client), get(domain, server)
        asked = operations.get((source.id, destination.id, protocol), {}) if protocol else {}
        out.append(
            Conversation(
                source,
                destination,
                protocol or transport,
                transport,
                port,
                packets,
                size,
                flows,
                first,
                last,
                tuple(Operation(name, target, count) for (name, target), count in asked.items()),
                answered,
            )
        )
    return out


def _operations(facts: Iterable[Observation]) -> dict[tuple[str, str, str], dict[tuple[str, str | None], int]]:
    found: dict[tuple[str, str, str], dict[tuple[str, str | None], int]] = defaultdict(dict)
    for fact in facts:
        operation: Any = fact.value.get("operation")
        # An answer repeats what was asked; only the asking counts.
        if operation is None or fact.object is None or fact.kind.endswith(".response"):
            continue
        protocol = _CARRIED_BY.get(fact.kind.partition(".")[0], fact.kind.partition(".")[0])
        asked = found[fact.subject.id, fact.object.id, protocol]
        key = (operation, fact.value.get("object"))
        asked[key] = asked.get(key, 0) + fact.count
    return found
