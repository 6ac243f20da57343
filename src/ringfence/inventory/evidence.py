"""The facts that tie addresses together, collected as they come in; correlation reads them.

Rule 1: whatever changes a tie is noted under the addresses concerned, so that correlation looks at these again and at
nothing else. That a tie was seen again is noted apart: it matters only where several claim the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ringfence.inventory.addresses import canonical, ip_kind, is_group_mac
from ringfence.model.observation import Observation, Part

__all__ = ["Evidence", "Span"]

MacKey = tuple[str, str]  # domain, MAC
IpKey = tuple[str, str]  # domain, IP
_COUNTED = frozenset({64, 128, 255})


@dataclass(slots=True)
class Span:
    """When a tie was seen, and how often."""

    first: int  # ns since 1970, UTC
    last: int  # ns since 1970, UTC
    count: int = 0

    def extend(self, first: int, last: int, count: int) -> None:
        """Take in another sighting."""
        self.first, self.last, self.count = min(self.first, first), max(self.last, last), max(self.count, count)


@dataclass(slots=True)
class Evidence:
    """Ties by domain; nothing here joins two domains."""

    parts: dict[str, Part] = field(default_factory=dict)
    carried: dict[MacKey, dict[str, Span]] = field(default_factory=dict)  # source addresses of a MAC's frames
    stated: dict[MacKey, dict[str, Span]] = field(default_factory=dict)  # addresses a MAC claims in ARP
    leased: dict[MacKey, dict[str, Span]] = field(default_factory=dict)  # addresses handed to a MAC by DHCP
    routers: dict[str, set[str]] = field(default_factory=dict)  # by domain: routers that DHCP names
    ttl: dict[IpKey, set[int]] = field(default_factory=dict)  # initial times to live
    hops: dict[IpKey, int] = field(default_factory=dict)  # fewest routers on the way, as far as the TTL tells
    neighbours: set[str] = field(default_factory=set)  # part ids that sent what no router forwards
    serials: dict[str, set[str]] = field(default_factory=dict)  # part id: serial numbers stated, with their kind
    announced: dict[str, set[str]] = field(default_factory=dict)  # part id: addresses announced as its own (mDNS)
    called: dict[MacKey, set[str]] = field(default_factory=dict)  # names a MAC gives itself in DHCP
    active: dict[MacKey, Span] = field(default_factory=dict)  # when a MAC was seen
    identities: dict[str, set[str]] = field(default_factory=dict)  # part id: BACnet instances
    # The same the other way round.
    macs: dict[str, set[str]] = field(default_factory=dict)  # by domain
    talkers: dict[IpKey, list[str]] = field(default_factory=dict)  # ids of the parts at an IP address
    at: dict[IpKey, list[str]] = field(default_factory=dict)  # ids of the parts at any address
    carriers: dict[IpKey, set[str]] = field(default_factory=dict)  # MACs that carry, state or were leased an address
    stated_by: dict[IpKey, set[str]] = field(default_factory=dict)
    serial_at: dict[tuple[str, str], set[str]] = field(default_factory=dict)  # by domain and serial number
    announced_by: dict[IpKey, set[str]] = field(default_factory=dict)  # addresses that announce an address
    called_by: dict[tuple[str, str], set[str]] = field(default_factory=dict)  # by domain and name
    # What changed since correlation looked, by domain.
    touched: dict[str, set[str]] = field(default_factory=dict)  # addresses of which a tie is new
    again: dict[str, set[str]] = field(default_factory=dict)  # addresses of which a tie was seen again
    everywhere: set[str] = field(default_factory=set)  # domains of which all is to be looked at

    def add(self, part: Part) -> None:
        """Take a part that may be a device's; its address is canonical."""
        address = part.address
        key = (address.domain, address.value)
        self.parts[part.id] = part
        self.at.setdefault(key, []).append(part.id)
        if address.kind == "mac":
            self._mac(address.domain, address.value)
        else:
            self.talkers.setdefault(key, []).append(part.id)
        self._touch(*key)

    def take(self, fact: Observation) -> None:
        """Take one observation."""
        reader = _READERS.get(fact.kind)
        if reader is not None:
            reader(self, fact)

    @staticmethod
    def reads(kind: str) -> bool:
        """Return whether facts of this kind tie addresses."""
        return kind in _READERS

    def _touch(self, domain: str, *addresses: str) -> None:
        self.touched.setdefault(domain, set()).update(addresses)

    def _mac(self, domain: str, mac: str) -> None:
        if not is_group_mac(mac):
            self.macs.setdefault(domain, set()).add(mac)

    def _tie(self, table: dict[MacKey, dict[str, Span]], key: MacKey, ip: str, fact: Observation) -> None:
        """Add to the ties of a MAC and an IP address."""
        spans = table.get(key)
        if spans is None:
            spans = table[key] = {}
            self._mac(*key)
        span = spans.get(ip)
        if span is not None:
            span.extend(fact.first, fact.last, fact.count)
            self.again.setdefault(key[0], set()).add(ip)
            return
        spans[ip] = Span(fact.first, fact.last, fact.count)
        self.carriers.setdefault((key[0], ip), set()).add(key[1])
        self._touch(*key)

    def _note(self, table: dict[str, set[str]], fact: Observation, value: str) -> bool:
        """Add to what a part states; answers whether it is new."""
        known = table.setdefault(fact.subject.id, set())
        if value in known:
            return False
        known.add(value)
        self._touch(fact.subject.address.domain, canonical(fact.subject.address).value)
        return True

    def _link(self, fact: Observation) -> None:
        address = fact.subject.address
        if address.kind == "mac" and fact["ip"] and not is_group_mac(address.value):
            self._seen((address.domain, address.value), fact)
            self._tie(self.carried, (address.domain, address.value), fact["ip"], fact)

    def _seen(self, key: MacKey, fact: Observation) -> None:
        span = self.active.get(key)
        if span is None:
            self.active[key] = Span(fact.first, fact.last, fact.count)
            self._touch(*key)
        else:
            span.extend(fact.first, fact.last, fact.count)
            self.again.setdefault(key[0], set()).add(key[1])

    def _ttl(self, fact: Observation) -> None:
        initial, hops = fact["initial"], fact["hops"]
        if not isinstance(initial, int):
            return
        key = (fact.subject.address.domain, fact.subject.address.value)
        known = self.ttl.setdefault(key, set())
        if initial not in known:
            known.add(initial)
            self._touch(*key)
        # Controllers start at 30 and 60: below 64 the number of routers is a guess that proves nothing.
        if isinstance(hops, int) and initial in _COUNTED:
            before = self.hops.get(key)
            if before is None or hops < before:
                self.hops[key] = hops
                self._touch(*key)

    def _arp(self, fact: Observation) -> None:
        mac, ip = fact["sender_mac"], fact["sender_ip"]
        if mac and ip and not is_group_mac(mac) and not ip_kind(ip).nobody:
            domain = fact.subject.address.domain
            self._tie(self.stated, (domain, mac), ip, fact)
            stating = self.stated_by.setdefault((domain, ip), set())
            if mac not in stating:  # A virtual MAC has what no other states.
                stating.add(mac)
                self._touch(domain, ip)

    def _dhcp(self, fact: Observation) -> None:
        domain = fact.subject.address.domain
        client = str(fact["client_mac"] or "")
        if fact["operation"] in ("discover", "request", "inform") and client and not is_group_mac(client):
            self._seen((domain, client), fact)
            if fact["hostname"]:
                name = str(fact["hostname"]).lower()
                known = self.called.setdefault((domain, client), set())
                if name not in known:
                    known.add(name)
                    self.called_by.setdefault((domain, name), set()).add(client)
                    self._touch(domain, client)
        if fact["operation"] == "ack":
            mac, ip = fact["client_mac"], fact["your_ip"]
            if mac and ip and not is_group_mac(mac) and not ip_kind(ip).nobody:
                self._tie(self.leased, (domain, mac), ip, fact)
            named = self.routers.setdefault(domain, set())
            if not named.issuperset(fact["routers"] or ()):
                named.update(fact["routers"] or ())
                self.everywhere.add(domain)

    def _serial(self, fact: Observation) -> None:
        for text in _serial_texts(fact):
            if self._note(self.serials, fact, text):
                address = canonical(fact.subject.address)
                self.serial_at.setdefault((address.domain, text), set()).add(address.value)

    def _i_am(self, fact: Observation) -> None:
        if fact["network"] is None and fact["instance"] is not None:
            self._note(self.identities, fact, f"BACnet device {fact['instance']}")

    def _mdns(self, fact: Observation) -> None:
        self._neighbour(fact)
        if fact["ip"] and not fact["question"] and self._note(self.announced, fact, fact["ip"]):
            address = canonical(fact.subject.address)
            self.announced_by.setdefault((address.domain, fact["ip"]), set()).add(address.value)

    def _neighbour(self, fact: Observation) -> None:
        if fact.subject.id not in self.neighbours:
            self.neighbours.add(fact.subject.id)
            self._touch(fact.subject.address.domain, canonical(fact.subject.address).value)

    def _ssdp(self, fact: Observation) -> None:
        # Searches and answers are sent to single addresses too, and from the Internet; notifications never.
        if str(fact["operation"] or "").startswith("notify_"):
            self._neighbour(fact)


def _serial_texts(fact: Observation) -> list[str]:
    if fact.kind in ("enip.identity", "cip.identity"):
        usable = fact["serial"] and not fact["path"]
        return [f"CIP serial {fact['vendor_id']}:{int(fact['serial']):08X}"] if usable else []
    if fact.kind == "upnp.description":
        udn = str(fact["udn"] or "")
        return [f"UPnP UDN {udn}"] if len(udn) >= 20 else []
    serial = str(fact["serial"] or "").strip()
    if len(serial) < 6 or len(set(serial)) < 4:
        return []
    return [f"{'S7' if fact.kind.startswith('s7') else 'SNMP'} serial {serial}"]


_READERS: dict[str, Callable[[Evidence, Observation], None]] = {
    "link.address": Evidence._link,
    "link.ttl": Evidence._ttl,
    "arp.packet": Evidence._arp,
    "dhcp.message": Evidence._dhcp,
    "enip.identity": Evidence._serial,
    "cip.identity": Evidence._serial,
    "s7comm.identity": Evidence._serial,
    "snmp.system": Evidence._serial,
    "upnp.description": Evidence._serial,
    "bacnet.i_am": Evidence._i_am,
    "mdns.answer": Evidence._mdns,
    "mdns.query": Evidence._neighbour,
    "ssdp.message": Evidence._ssdp,
}
