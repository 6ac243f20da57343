"""Which parts are one device, and why (contract §1).

Rule 1: a MAC that carries public source addresses forwards for others: only what it states in ARP, what DHCP gave it
and its link-local addresses are its own; the local rest are devices beyond it.
Rule 2: a virtual MAC (VRRP, HSRP …) joins nothing: it is a record of its own with the addresses it states.
Rule 3: random MACs join by nothing but a name of somebody's own, given by one after the other. A phone that gives no
name leaves a record for each MAC, marked as random: two neighbours' phones made one would be worse.
Rule 4: nothing merges across domains by address. Every merge and split states its reason.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from ringfence.inventory.addresses import ip_kind, is_local_mac, mac_from_eui64, mac_mark
from ringfence.inventory.evidence import Evidence, Span
from ringfence.inventory.options import InventoryOptions

__all__ = ["Domain", "Group", "own_name"]


@dataclass(slots=True)
class Group:
    """Parts of one device."""

    domain: str
    macs: list[str] = field(default_factory=list)
    ips: list[str] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)
    # Addresses that other devices had at other times: only what was seen within the span is this device's.
    spans: dict[str, Span] = field(default_factory=dict)
    forwards: list[str] = field(default_factory=list)  # public addresses seen behind it

    @property
    def order(self) -> tuple[str, int, str]:
        """Canonical order: MACs before addresses."""
        return (self.domain, 0, min(self.macs)) if self.macs else (self.domain, 1, min(self.ips))

    def absorb(self, other: Group) -> None:
        """Take over everything of another group: both are one device."""
        self.macs = sorted({*self.macs, *other.macs})
        self.ips = sorted({*self.ips, *other.ips})
        self.marks |= other.marks
        self.reasons += other.reasons
        self.forwards = sorted({*self.forwards, *other.forwards})
        for ip, span in other.spans.items():
            known = self.spans.get(ip, span)
            # What one MAC handed on to the next is one stretch of time; another device's turn between is not.
            follows = known.first <= span.last and span.first <= known.last
            later = max(known, span, key=lambda each: each.last)
            self.spans[ip] = (
                Span(min(known.first, span.first), max(known.last, span.last), later.count) if follows else later
            )

    @property
    def key(self) -> tuple[object, ...]:
        """Everything in it, to be compared: two groups with equal keys are the same device."""
        spans = tuple(sorted((ip, span.first, span.last) for ip, span in self.spans.items()))
        lists = (tuple(self.macs), tuple(self.ips), tuple(sorted(self.marks)), tuple(self.reasons))
        return (self.domain, *lists, spans, tuple(self.forwards))


class Domain:
    """One domain's addresses.

    ``public_plan``: nobody in it has a private IPv4 address, so that public ones are devices' own.
    """

    def __init__(self, name: str, evidence: Evidence, options: InventoryOptions) -> None:
        self.name = name
        self.evidence = evidence
        self.options = options
        self.public_plan = True

    def carried(self, mac: str) -> dict[str, Span]:
        """Source addresses of a MAC's frames."""
        return self.evidence.carried.get((self.name, mac), {})

    def stated(self, mac: str) -> dict[str, Span]:
        """Addresses that a MAC claims in ARP."""
        return self.evidence.stated.get((self.name, mac), {})

    def leased(self, mac: str) -> dict[str, Span]:
        """Addresses handed to a MAC by DHCP."""
        return self.evidence.leased.get((self.name, mac), {})

    def talkers(self, ip: str) -> list[str]:
        """Ids of the parts at an IP address."""
        return self.evidence.talkers.get((self.name, ip), [])

    def groups(self, macs: Iterable[str], ips: Iterable[str], behind: bool) -> list[Group]:
        """Return the devices that some addresses make up, in canonical order; nothing else may be tied to these.

        Args:
            macs: their MACs.
            ips: their IP addresses that talk.
            behind: whether a router stands in the domain.
        """
        by_mac = {mac: self.of_mac(mac) for mac in sorted(macs)}
        wanted: dict[str, list[str]] = {}
        for mac, group in by_mac.items():
            for ip in group.ips:
                wanted.setdefault(ip, []).append(mac)
        for ip, macs in sorted(wanted.items()):
            if len(macs) > 1:
                self._settle(ip, macs, by_mac)
        groups = list(by_mac.values()) + self._without_mac(sorted(ips), set(wanted), behind)
        joined = self._joined([group for group in groups if group.macs or group.ips])
        return sorted(joined, key=lambda group: group.order)

    # --- one MAC ------------------------------------------------------------------------------------------------

    def of_mac(self, mac: str) -> Group:
        """Return a MAC with the addresses that seem to be its own, before others' claims to them are settled."""
        group = Group(self.name, [mac])
        mark = mac_mark(mac)
        stated, leased, carried = self.stated(mac), self.leased(mac), self.carried(mac)
        if mark and mark.shared:
            group.marks.add("virtual_mac")
            group.ips = sorted(ip for ip in stated if not self._stated_by_other(ip, mac))
            group.reasons.append(
                f"{mac} is a virtual address of {mark.words}: it is shared by several devices and joins none."
            )
            return group
        networks = Counter(ip_prefix(ip) for ip in carried if ip_kind(ip).version == 6)
        every = networks.total()
        elsewhere = {network for network, count in networks.items() if every - count > 4}
        foreign = {ip for ip in carried if self._foreign(ip, mac, elsewhere)}
        local = [ip for ip in carried if not ip_kind(ip).nobody and ip not in foreign]
        group.forwards = sorted(foreign)
        own = {ip for ip in (*stated, *leased) if not ip_kind(ip).nobody}
        own |= {ip for ip in local if ip_kind(ip).link_local or mac_from_eui64(ip) == mac}
        far = [ip for ip in local if ip not in own and self._distant(ip)]
        if group.forwards or self._too_many(local, own) or self._different_hosts(local, own):
            self._beyond(group, local, own)
        elif far and len(far) < len(local):
            own |= {ip for ip in local if ip not in far}
            self._behind(group, sorted(far))
        else:
            own |= set(local)
        group.ips = sorted(own)
        if len([ip for ip in own if ip_kind(ip).version == 4]) > 1:
            group.marks.add("multi_address")
        for ip in group.ips:
            group.reasons.append(self._why(mac, ip))
        return group

    def _foreign(self, ip: str, mac: str, elsewhere: set[str]) -> bool:
        """A public address that came from elsewhere (IPv6: one of these networks), through this MAC."""
        kind = ip_kind(ip)
        if not kind.public or ip in self.stated(mac) or ip in self.leased(mac):
            return False
        if kind.version == 4 and not self.evidence.neighbours.isdisjoint(self.talkers(ip)):
            return False  # Link-local multicast crosses no router.
        if kind.version == 6:
            return ip_prefix(ip) in elsewhere
        return not (self.public_plan and len(self.carried(mac)) == 1)

    def _stated_by_other(self, ip: str, mac: str) -> bool:
        stating = self.evidence.stated_by.get((self.name, ip), ())
        return any(other != mac and not _shared(other) for other in stating)

    def _too_many(self, local: list[str], own: set[str]) -> bool:
        unsure = [ip for ip in local if ip not in own and ip_kind(ip).version == 4]
        return len(unsure) > self.options.addresses_per_mac

    def _different_hosts(self, local: list[str], own: set[str]) -> bool:
        """Several addresses that state different identities, or start with different times to live."""
        unsure = [ip for ip in local if ip not in own and ip_kind(ip).version == 4]
        identities = [self.evidence.identities.get(part, set()) for ip in local for part in self.talkers(ip)]
        stated = [identity for identity in identities if identity]
        if len(stated) > 1 and len(set.union(*stated)) > 1:
            return True
        own_ttl = self._ttls(ip for ip in own if ip_kind(ip).version == 4)
        return bool(own_ttl) and bool(self._ttls(unsure) - own_ttl)

    def _ttls(self, ips: Iterable[str]) -> set[int]:
        found: set[int] = set()
        for ip in ips:
            found |= self.evidence.ttl.get((self.name, ip), set())
        return found

    def _beyond(self, group: Group, local: list[str], own: set[str]) -> None:
        """Only its own addresses stay; who is behind it becomes a device of its own."""
        named = self.evidence.routers.get(self.name, set())
        own |= {ip for ip in local if ip in named}
        # A second global IPv6 address of its own network is a device's usual one.
        own |= {ip for ip in local if ip_kind(ip).version == 6 and ip_kind(ip).public}
        private = [ip for ip in local if ip_kind(ip).version == 4]
        if not any(ip_kind(ip).version == 4 for ip in own) and len(private) == 1:
            own.add(private[0])
        self._behind(group, sorted(ip for ip in private if ip not in own))

    @staticmethod
    def _behind(group: Group, beyond: list[str]) -> None:
        behind = len(beyond) + len(group.forwards)
        if behind > 1:
            group.marks.add("router")
        if behind:
            example = (beyond or group.forwards)[0]
            group.reasons.append(
                f"{behind} addresses that {group.macs[0]} carries, such as {example}, are beyond it and not its own."
            )

    def _distant(self, ip: str) -> bool:
        """Whether every packet of this address had passed a router."""
        return ip_kind(ip).version == 4 and self.evidence.hops.get((self.name, ip), 0) > 0

    def _why(self, mac: str, ip: str) -> str:
        if ip in self.stated(mac):
            return f"{mac} states {ip} as its own in ARP."
        if ip in self.leased(mac):
            return f"DHCP handed {ip} to {mac}."
        return f"Frames from {mac} carry the source address {ip}."

    # --- one address, several MACs --------------------------------------------------------------------------------

    def _settle(self, ip: str, macs: list[str], by_mac: dict[str, Group]) -> None:
        """Decide who has an address that several MACs carry."""
        virtual = [mac for mac in macs if _shared(mac)]
        ends = [mac for mac in macs if not _shared(mac) and "router" not in by_mac[mac].marks]
        sure = [mac for mac in macs if ip in self.stated(mac) or ip in self.leased(mac)]
        keepers = virtual or [mac for mac in ends if mac in sure] or ends or sure or macs
        for mac in macs:
            if mac not in keepers:
                self._lose(by_mac[mac], ip)
        spans = {mac: self._span(mac, ip) for mac in keepers}
        ordered = sorted(keepers, key=lambda mac: (spans[mac].first, spans[mac].last, mac))
        if len(ordered) > 1 and all(spans[a].last <= spans[b].first for a, b in pairwise(ordered)):
            self._released(ip, ordered, spans, by_mac)
            return
        best = max(ordered, key=lambda mac: (mac in sure, spans[mac].count, mac))
        for mac in (each for each in macs if each in keepers and each != best):
            self._lose(by_mac[mac], ip)
            for each in (mac, best):
                by_mac[each].marks.add("address_conflict")
            by_mac[mac].reasons.append(f"{ip} was used by {best} at the same time: it is counted there, not here.")

    @staticmethod
    def _lose(group: Group, ip: str) -> None:
        group.ips.remove(ip)
        group.reasons = [reason for reason in group.reasons if not reason.endswith(f" {ip}.")]

    def _released(self, ip: str, ordered: list[str], spans: dict[str, Span], by_mac: dict[str, Group]) -> None:
        """The address went from one to the next: each keeps its time."""
        for at, mac in enumerate(ordered):
            end = spans[ordered[at + 1]].first if at + 1 < len(ordered) else 1 << 63
            by_mac[mac].spans[ip] = Span(spans[mac].first if at else -(1 << 63), end)
            by_mac[mac].reasons.append(
                f"{ip} was in use by {len(ordered)} devices one after the other; this one is number {at + 1}."
            )

    def _span(self, mac: str, ip: str) -> Span:
        tables = (self.carried(mac), self.stated(mac), self.leased(mac))
        spans = [table[ip] for table in tables if ip in table]
        return Span(min(s.first for s in spans), max(s.last for s in spans), max(s.count for s in spans))

    # --- addresses without a MAC ------------------------------------------------------------------------------------

    def _without_mac(self, ips: list[str], taken: set[str], behind: bool) -> list[Group]:
        groups = []
        for ip in ips:
            kind = ip_kind(ip)
            if ip in taken or kind.nobody or kind.public or (kind.version == 4 and ip.endswith(".255")):
                continue
            group = Group(self.name, [], [ip])
            if kind.loopback:
                group.marks.add("loopback")
            elif behind:
                group.marks.add("behind_router")
            groups.append(group)
        return groups

    # --- several interfaces -----------------------------------------------------------------------------------------

    def _joined(self, groups: list[Group]) -> list[Group]:
        """Merge groups that state the same serial number, or announce each other's address by name."""
        keys: dict[str, list[int]] = {}
        for at, group in enumerate(groups):
            if "virtual_mac" in group.marks:
                continue
            for key in sorted(self._serials(group)):
                keys.setdefault(key, []).append(at)
        leader = list(range(len(groups)))
        for key, members in sorted(keys.items()):
            if 1 < len(members) <= self.options.merge_limit:
                _unite(groups, leader, members, f"They state the same {key}.")
            elif len(members) > 1:
                for at in members:
                    groups[at].reasons.append(
                        f"{len(members)} devices state the same {key}: a copied number merges nothing."
                    )
        self._by_announcement(groups, leader)
        self._by_changing_mac(groups, leader)
        return _merged(groups, leader)

    def _serials(self, group: Group) -> set[str]:
        found: set[str] = set()
        for part in self._part_ids(group):
            found |= self.evidence.serials.get(part, set())
        return found

    def _part_ids(self, group: Group) -> Iterator[str]:
        for ip in group.ips:
            if ip not in group.spans:
                yield from self.talkers(ip)

    def _by_announcement(self, groups: list[Group], leader: list[int]) -> None:
        owner = {ip: at for at, group in enumerate(groups) for ip in group.ips}
        for at, group in enumerate(groups):
            for part in self._part_ids(group):
                for ip in sorted(self.evidence.announced.get(part, ())):
                    other = owner.get(ip, at)
                    # A reflector announces for many with MACs of their own: only an address without a MAC joins.
                    if other != at and not groups[other].macs and ip_kind(ip).version == 6:
                        _unite(groups, leader, [at, other], f"It announces {ip} as its own by mDNS.")

    def _by_changing_mac(self, groups: list[Group], leader: list[int]) -> None:
        """Merge random MACs that came one after the other and give the same name of somebody's own."""
        called: dict[str, list[int]] = {}
        for at, group in enumerate(groups):
            if len(group.macs) == 1 and is_local_mac(group.macs[0]) and mac_mark(group.macs[0]) is None:
                for name in sorted(self.evidence.called.get((self.name, group.macs[0]), ())):
                    if own_name(name):
                        called.setdefault(name, []).append(at)
        for name, members in sorted(called.items()):
            ordered = sorted((self._active(groups[at]), at) for at in members)
            if len(ordered) > 1 and all(a[0][1] <= b[0][0] for a, b in pairwise(ordered)):
                reason = (
                    f"{len(ordered)} locally administered MACs came one after the other and called themselves "
                    f"{name!r}: one device that changes its MAC."
                )
                _unite(groups, leader, [at for _, at in ordered], reason)

    def _active(self, group: Group) -> tuple[int, int]:
        span = self.evidence.active.get((self.name, group.macs[0]), Span(0, 0))
        return span.first, span.last


# Names that phones and programs give themselves unless their owner chose one: shared by many.
_DEFAULT_NAME = re.compile(
    r"(?:iphone|ipad|ipod|android|galaxy|pixel|redmi|poco|xiaomi|mi|oneplus|oppo|realme|vivo|huawei|honor|moto|xperia|"
    r"sm|nokia|phone|tablet|watch|mac ?book|imac|mac|esp|espressif|unknown|localhost|linux|ubuntu|debian|raspberrypi|"
    r"client|host|user|pc|laptop|desktop|dhcp|none)"
    r"(?:[-_ .]?(?:pro|max|plus|air|mini|ultra|lite|note|[a-z]?\d{1,3}[a-z]?|5g|4g))*"
)


def own_name(name: str) -> bool:
    """Return whether a name, in small letters, is one that somebody chose."""
    return not _DEFAULT_NAME.fullmatch(name)


def ip_prefix(ip: str) -> str:
    """Return the first four groups of an IPv6 address as text, enough to tell networks apart."""
    return ":".join((ip.split("::")[0] + ":0:0:0:0").split(":")[:4])


def _shared(mac: str) -> bool:
    mark = mac_mark(mac)
    return mark is not None and mark.shared


def _find(leader: list[int], at: int) -> int:
    while leader[at] != at:
        leader[at] = leader[leader[at]]
        at = leader[at]
    return at


def _unite(groups: list[Group], leader: list[int], members: list[int], reason: str) -> None:
    first = _find(leader, members[0])
    for at in members[1:]:
        other = _find(leader, at)
        if other != first:
            low, high = min(first, other), max(first, other)
            leader[high] = low
            groups[low].reasons.append(reason)
            first = low


def _merged(groups: list[Group], leader: list[int]) -> list[Group]:
    kept: dict[int, Group] = {}
    for at, group in enumerate(groups):
        root = _find(leader, at)
        if root == at:
            kept.setdefault(root, group)
            continue
        kept.setdefault(root, groups[root]).absorb(group)
    return list(kept.values())
