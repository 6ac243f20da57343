"""What a device does in each protocol: client, server, and who may be the master of a plant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from ringfence.model.device import Claim, Role
from ringfence.model.flow import Conversation

__all__ = ["OT_PROTOCOLS", "Roles"]

T = TypeVar("T")

OT_PROTOCOLS = frozenset(
    (
        "modbus",
        "s7comm",
        "s7comm_plus",
        "enip",
        "cip",
        "bacnet",
        "dnp3",
        "iec104",
        "opcua",
        "mms",
        "fins",
        "slmp",
        "melsec",
        "profinet_io",
        "ads",
        "hart_ip",
        "umas",
    )
)
_ENGINEERING = frozenset(
    (
        "download_start",
        "download_block",
        "download_end",
        "download",
        "upload_start",
        "upload",
        "upload_end",
        "change_mode",
        "start",
        "stop",
        "plc_stop",
        "pi_service",
        "program_download",
        "program_upload",
    )
)
_MASTERED = 3  # servers asked; fewer is what any test program does


# Carriers, not something that a device does for another.
_NO_ROLE = frozenset(
    {"arp", "ethernet", "ip", "ipv4", "ipv6", "tcp", "udp", "sctp", "icmp", "icmpv6", "igmp", "unknown"}
)


class Roles:
    """Sums up conversations by part."""

    def __init__(self) -> None:
        self._sides: dict[str, set[tuple[str, str]]] = {}
        self._asked: dict[str, dict[str, set[str]]] = {}  # client, protocol: servers
        self._engineering: dict[str, tuple[str, str]] = {}  # the first by name, whatever came first
        self._times: dict[str, tuple[int, int]] = {}

    def take(self, conversation: Conversation) -> bool:
        """Take one conversation; answers whether it told more than that it went on.

        A server that never answered has no role.
        """
        if conversation.protocol in _NO_ROLE:
            return False
        client, server, protocol = conversation.source.id, conversation.destination.id, conversation.protocol
        new = _added(self._sides.setdefault(client, set()), (protocol, "client"))
        if not conversation.answered:
            return new
        new |= _added(self._sides.setdefault(server, set()), (protocol, "server"))
        if protocol in OT_PROTOCOLS:
            new |= _added(self._asked.setdefault(client, {}).setdefault(protocol, set()), server)
            for operation in conversation.operations:
                if operation.operation in _ENGINEERING:
                    before, moved = self._engineering.get(client), (protocol, operation.operation)
                    if before is None or moved < before:
                        self._engineering[client] = moved
                        new = True
        first, last = self._times.get(client, (conversation.first, conversation.last))
        self._times[client] = (min(first, conversation.first), max(last, conversation.last))
        return new

    def of(self, parts: Iterable[str]) -> tuple[Role, ...]:
        """Return the roles of a device's parts, sorted."""
        found: dict[tuple[str, str], bool] = {}
        for part in parts:
            for protocol, side in self._sides.get(part, ()):
                master = side == "client" and protocol in self._asked.get(part, ())
                found[protocol, side] = found.get((protocol, side), False) or master
        return tuple(Role(protocol, side, master) for (protocol, side), master in sorted(found.items()))

    def claims(self, parts: Iterable[str]) -> Iterator[Claim]:
        """Yield what asking many servers, or moving programs, speaks for: candidates, never certain by themselves."""
        for part in sorted(parts):
            first, last = self._times.get(part, (0, 0))
            for protocol, servers in sorted(self._asked.get(part, {}).items()):
                if len(servers) >= _MASTERED:
                    sentence = f"It asks {len(servers)} servers by {protocol}, as a control system does."
                    yield Claim("class", "scada_server", 0.35, "asks_many", sentence, first, last)
            if part in self._engineering:
                protocol, operation = self._engineering[part]
                sentence = f"It sends the {protocol} service {operation}, as an engineering tool does."
                yield Claim("class", "engineering_station", 0.4, "engineers", sentence, first, last)


def _added(known: set[T], one: T) -> bool:
    """Add to a set; answers whether it is new there."""
    before = len(known)
    known.add(one)
    return len(known) > before
