"""Correlation that goes on: which devices there are, looked at again only where something ties addresses anew.

Rule 1: addresses that may have to do with each other are taken together, over as many steps as it takes: what a MAC
has, who claims it too, the same serial number, an announcement, a name, a person's decision, and what was one device
before. Nothing outside can change what these are, so correlating them alone gives what correlating all would.
Rule 2: two things hold for a domain as a whole: whether any address is private, and whether there is a router. Where
one of them changes, all that hangs on it is looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ringfence.inventory.addresses import ip_kind, is_local_mac
from ringfence.inventory.correlate import Domain, Group, own_name
from ringfence.inventory.decided import Decided
from ringfence.inventory.evidence import Evidence
from ringfence.inventory.options import InventoryOptions

__all__ = ["Correlation"]


@dataclass(slots=True)
class _Known:
    """What correlation found in one domain."""

    domain: Domain
    own: dict[str, list[str]] = field(default_factory=dict)  # addresses that each MAC claims, before they are settled
    wanted: dict[str, set[str]] = field(default_factory=dict)  # the same the other way round
    routers: set[str] = field(default_factory=set)  # MACs
    groups: dict[str, list[Group]] = field(default_factory=dict)  # by each of their addresses


class Correlation:
    """The devices' addresses of all domains.

    Args:
        evidence: what ties addresses; it goes on growing.
        options: thresholds.
    """

    def __init__(self, evidence: Evidence, options: InventoryOptions) -> None:
        self._evidence = evidence
        self._options = options
        self._known: dict[str, _Known] = {}

    def look(self, decided: Decided) -> tuple[list[Group], list[Group]]:
        """Look at what changed; answers the groups that are none any more, and those that are new in their place."""
        evidence = self._evidence
        gone: list[Group] = []
        new: list[Group] = []
        for name in sorted({*evidence.touched, *evidence.again, *evidence.everywhere}):
            known = self._known.get(name)
            if known is None:
                known = self._known[name] = _Known(Domain(name, evidence, self._options))
            some, others = self._again(name, known, self._due(name, known), decided)
            gone += some
            new += others
        evidence.touched.clear()
        evidence.again.clear()
        evidence.everywhere.clear()
        return gone, new

    def at(self, domain: str, address: str) -> list[Group]:
        """Return the groups that an address belongs to; several where it went from one to the next."""
        known = self._known.get(domain)
        return [] if known is None else known.groups.get(address, [])

    def _due(self, name: str, known: _Known) -> set[str]:
        """Bring up to date what each MAC claims; answers the addresses to be looked at."""
        evidence = self._evidence
        touched = evidence.touched.get(name, set())
        macs = evidence.macs.get(name, set())
        plan = known.domain.public_plan
        if plan and any(map(_private_v4, self._heard(name, touched))):
            known.domain.public_plan = False
        if name in evidence.everywhere or plan != known.domain.public_plan:
            touched = {*macs, *(ip for domain, ip in evidence.talkers if domain == name)}
        seeds = set(touched)
        due = {mac for ip in touched for mac in evidence.carriers.get((name, ip), ())}
        had_router = bool(known.routers)
        for mac in (touched | due) & macs:
            seeds |= {mac, *self._claim(known, mac)}
        if had_router != bool(known.routers):
            seeds |= {ip for domain, ip in evidence.talkers if domain == name and ip not in known.wanted}
        for address in evidence.again.get(name, ()):
            if len(known.wanted.get(address, ())) > 1 or self._names(name, address):
                seeds.add(address)
        return seeds

    def _heard(self, name: str, touched: Iterable[str]) -> Iterator[str]:
        """The IP addresses among these, and those that the MACs among these are tied to."""
        evidence = self._evidence
        for address in touched:
            if (name, address) in evidence.talkers:
                yield address
            for table in (evidence.carried, evidence.stated, evidence.leased):
                yield from table.get((name, address), ())

    @staticmethod
    def _claim(known: _Known, mac: str) -> set[str]:
        """Find what a MAC claims now; answers what it claims or claimed."""
        group = known.domain.of_mac(mac)
        before = known.own.get(mac, [])
        if before != group.ips:
            for ip in before:
                known.wanted[ip].discard(mac)
                if not known.wanted[ip]:
                    del known.wanted[ip]
            for ip in group.ips:
                known.wanted.setdefault(ip, set()).add(mac)
            known.own[mac] = group.ips
        if "router" in group.marks:
            known.routers.add(mac)
        else:
            known.routers.discard(mac)
        return {*before, *group.ips}

    def _again(self, name: str, known: _Known, seeds: set[str], decided: Decided) -> tuple[list[Group], list[Group]]:
        """Correlate some addresses with all that has to do with them."""
        whole = self._closed(name, known, seeds, decided)
        if not whole:
            return [], []
        macs = self._evidence.macs.get(name, set())
        ips = [each for each in whole if (name, each) in self._evidence.talkers]
        made = known.domain.groups(whole & macs, ips, bool(known.routers))
        made = decided.regroup(made, self._evidence.parts)
        gone = {id(group): group for address in whole for group in known.groups.pop(address, ())}
        for group in made:
            for address in (*group.macs, *group.ips):
                known.groups.setdefault(address, []).append(group)
        return list(gone.values()), made

    def _closed(self, name: str, known: _Known, seeds: set[str], decided: Decided) -> set[str]:
        whole: set[str] = set()
        waiting = list(seeds)
        while waiting:
            address = waiting.pop()
            if address not in whole:
                whole.add(address)
                waiting += (each for each in self._tied(name, known, address, decided) if each not in whole)
        return whole

    def _tied(self, name: str, known: _Known, address: str, decided: Decided) -> Iterator[str]:
        """Addresses that have to do with this one, directly."""
        evidence = self._evidence
        yield from known.own.get(address, ())
        yield from known.wanted.get(address, ())
        for group in known.groups.get(address, ()):
            yield from group.macs
            yield from group.ips
        for word in self._names(name, address):
            yield from evidence.called_by[name, word]
        yield from evidence.announced_by.get((name, address), ())
        for part in evidence.at.get((name, address), ()):
            for serial in evidence.serials.get(part, ()):
                yield from evidence.serial_at[name, serial]
            yield from evidence.announced.get(part, ())
            for other in decided.together(part):
                if other in evidence.parts and evidence.parts[other].address.domain == name:
                    yield evidence.parts[other].address.value

    def _names(self, name: str, address: str) -> list[str]:
        """Names of somebody's own that several random MACs give themselves, one of them this."""
        called = self._evidence.called.get((name, address))
        if not called or not is_local_mac(address):
            return []
        return [word for word in called if len(self._evidence.called_by[name, word]) > 1 and own_name(word)]


def _private_v4(ip: str) -> bool:
    kind = ip_kind(ip)
    return kind.version == 4 and not (kind.public or kind.nobody or kind.loopback or kind.link_local)
