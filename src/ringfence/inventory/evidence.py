"""The facts that tie addresses together, collected as they come in; correlation reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ringfence.inventory.addresses import ip_kind, is_group_mac
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

    def take(self, fact: Observation) -> None:
        """Take one observation."""
        reader = _READERS.get(fact.kind)
        if reader is not None:
            reader(self, fact)

    @staticmethod
    def reads(kind: str) -> bool:
        """Return whether facts of this kind tie addresses."""
        return kind in _READERS

    def _link(self, fact: Observation) -> None:
        address = fact.subject.address
        if address.kind == "mac" and fact["ip"] and not is_group_mac(address.value):
            self._seen((address.domain, address.value), fact)
            _extend(self.carried, (address.domain, address.value), fact["ip"], fact)

    def _seen(self, key: MacKey, fact: Observation) -> None:
        span = self.active.get(key)
        if span is None:
            self.active[key] = Span(fact.first, fact.last, fact.count)
        else:
            span.extend(fact.first, fact.last, fact.count)

    def _ttl(self, fact: Observation) -> None:
        initial, hops = fact["initial"], fact["hops"]
        if not isinstance(initial, int):
            return
        key = (fact.subject.address.domain, fact.subject.address.value)
        self.ttl.setdefault(key, set()).add(initial)
        # Controllers start at 30 and 60: below 64 the number of routers is a guess that proves nothing.
        if isinstance(hops, int) and initial in _COUNTED:
            self.hops[key] = min(self.hops.get(key, hops), hops)

    def _arp(self, fact: Observation) -> None:
        mac, ip = fact["sender_mac"], fact["sender_ip"]
        if mac and ip and not is_group_mac(mac) and not ip_kind(ip).nobody:
            _extend(self.stated, (fact.subject.address.domain, mac), ip, fact)

    def _dhcp(self, fact: Observation) -> None:
        domain = fact.subject.address.domain
        client = str(fact["client_mac"] or "")
        if fact["operation"] in ("discover", "request", "inform") and client and not is_group_mac(client):
            self._seen((domain, client), fact)
            if fact["hostname"]:
                self.called.setdefault((domain, client), set()).add(str(fact["hostname"]).lower())
        if fact["operation"] == "ack":
            mac, ip = fact["client_mac"], fact["your_ip"]
            if mac and ip and not is_group_mac(mac) and not ip_kind(ip).nobody:
                _extend(self.leased, (domain, mac), ip, fact)
            self.routers.setdefault(domain, set()).update(fact["routers"] or ())

    def _serial(self, fact: Observation) -> None:
        for text in _serial_texts(fact):
            self.serials.setdefault(fact.subject.id, set()).add(text)

    def _i_am(self, fact: Observation) -> None:
        if fact["network"] is None and fact["instance"] is not None:
            self.identities.setdefault(fact.subject.id, set()).add(f"BACnet device {fact['instance']}")

    def _mdns(self, fact: Observation) -> None:
        self.neighbours.add(fact.subject.id)
        if fact["ip"] and not fact["question"]:
            self.announced.setdefault(fact.subject.id, set()).add(fact["ip"])

    def _neighbour(self, fact: Observation) -> None:
        self.neighbours.add(fact.subject.id)

    def _ssdp(self, fact: Observation) -> None:
        # Searches and answers are sent to single addresses too, and from the Internet; notifications never.
        if str(fact["operation"] or "").startswith("notify_"):
            self.neighbours.add(fact.subject.id)


def _extend(table: dict[MacKey, dict[str, Span]], key: MacKey, ip: str, fact: Observation) -> None:
    spans = table.setdefault(key, {})
    if ip in spans:
        spans[ip].extend(fact.first, fact.last, fact.count)
    else:
        spans[ip] = Span(fact.first, fact.last, fact.count)


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
