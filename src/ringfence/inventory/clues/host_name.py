"""RFC 2132 §3.14, RFC 4702, RFC 6762: the name a device gives itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ringfence.inventory.clues.clue import DHCP_CLIENT_OPERATIONS, Clue, ClueDoc, from_signatures, quoted
from ringfence.inventory.knowledge import Signature
from ringfence.model.device import Claim
from ringfence.model.observation import Observation

_ADDRESS_TYPES = frozenset({1, 28})


def _first_of_each(signatures: Iterable[Signature]) -> Iterator[Signature]:
    """Yield signatures with what an earlier one has said already left out: the table's order is that of trust."""
    vendor = device_class = False
    for signature in signatures:
        yield replace(
            signature,
            vendor="" if vendor else signature.vendor,
            device_class="" if device_class else signature.device_class,
        )
        vendor, device_class = vendor or bool(signature.vendor), device_class or bool(signature.device_class)


class HostName(Clue):
    """Makers give host names of a form of their own; Home Assistant's lists know many."""

    NAME = "host_name"
    READS = ("dhcp.message", "mdns.answer")
    DOC = ClueDoc(
        "Host name",
        "DHCP options 12 and 81, mDNS address records; Home Assistant's DHCP matchers",
        ("People rename devices.", "An mDNS reflector or sleep proxy announces names of others."),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield the name, and what its form speaks for."""
        name, mac = self._name(fact)
        if not name:
            return
        sentence = f"It calls itself {quoted(name)}."
        yield Claim("name", name[:120], 0.7 if fact.kind == "dhcp.message" else 0.6, self.NAME, sentence)
        found = self.knowledge.host_name(name)
        if not found and mac:
            found = self.knowledge.leased(name, mac)
        for signature in _first_of_each(found):
            yield from from_signatures(self, (signature,), sentence)

    @staticmethod
    def _name(fact: Observation) -> tuple[str, str]:
        if fact.kind == "dhcp.message":
            if fact["operation"] not in DHCP_CLIENT_OPERATIONS:
                return "", ""
            name = fact["hostname"] or (fact["fqdn"] or "").split(".")[0]
            return name or "", fact["client_mac"] or ""
        if fact["question"] or fact["record_type"] not in _ADDRESS_TYPES:
            return "", ""
        name = fact["name"] or ""
        return (name[:-6] if name.lower().endswith(".local") else ""), ""
