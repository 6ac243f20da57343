"""Facts made by hand: ``see("dhcp.message", mac=..., operation="ack")``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ringfence.inventory.knowledge import Knowledge, builtin
from ringfence.inventory.register import Register
from ringfence.model.flow import Conversation, Operation
from ringfence.model.observation import Address, Observation, PacketReference, Part

SECOND = 1_000_000_000  # ns
START = 1_700_000_000 * SECOND

See = Callable[..., Observation]


def part(text: str, domain: str = "site") -> Part:
    kind = "mac" if text.count(":") == 5 or "-" in text or text.count(".") == 2 else "ipv6" if ":" in text else "ipv4"
    return Part(f"p-{domain}-{text}", Address(domain, kind, text))


@pytest.fixture
def see() -> See:
    def make(
        kind: str,
        subject: str,
        at: float = 0,
        until: float | None = None,
        domain: str = "site",
        count: int = 1,
        **value: Any,
    ) -> Observation:
        first = START + int(at * SECOND)
        last = first if until is None else START + int(until * SECOND)
        packets = (PacketReference(first, 0, 1, 0, 60),)
        return Observation(kind, part(subject, domain), None, value, count, first, last, packets)

    return make


@pytest.fixture
def talk() -> Callable[..., Conversation]:
    def make(client: str, server: str, protocol: str, *operations: str, answered: bool = True) -> Conversation:
        asked = tuple(Operation(operation, None, 1) for operation in operations)
        return Conversation(
            part(client), part(server), protocol, "tcp", 502, 10, 1000, 1, START, START + SECOND, asked, answered
        )

    return make


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    return builtin()


@pytest.fixture
def register(knowledge: Knowledge) -> Register:
    return Register(knowledge)
