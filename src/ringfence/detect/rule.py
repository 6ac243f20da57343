"""A rule as one declarative class, and what it is shown (house.md, principle 3).

Rule 1: a rule is given facts by kind and answers findings; it opens nothing and knows no clock.
Rule 2: a finding's id is a digest of its rule and of what it is about, so what is found again is the same finding.
Rule 3: a finding carries the packets that show it.
Rule 4: a finding is its first role's. All that makes it stands in facts and conversations that ``concerns`` and
``concerned_by`` name that role's parts for, so that it can be made again from these alone (``standing.py``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import ip_address
from typing import ClassVar

from ringfence.detect.options import DetectOptions
from ringfence.model.device import Device
from ringfence.model.finding import DeviceRole, Finding, Severity
from ringfence.model.flow import Conversation
from ringfence.model.ids import finding_id
from ringfence.model.observation import Observation, PacketReference, Part

__all__ = ["Rule", "RuleDoc", "Sight", "at_address", "is_public"]


@dataclass(frozen=True, slots=True)
class RuleDoc:
    """What the reference page shows. ``limits``: what the rule can't tell, in sentences."""

    title: str
    severity: Severity
    why: str
    attack: tuple[str, ...]
    remedy: str
    source: str
    limits: tuple[str, ...] = ()
    benign: tuple[str, ...] = ()


_EVERYONE = ("ff:ff:ff:ff:ff:ff", "255.255.255.255")


def is_public(part: Part) -> bool:
    """True for an address of the public internet. Multicast, private and documentation ranges are not."""
    return part.address.kind in ("ipv4", "ipv6") and _is_public(part.address.value)


@lru_cache(65_536)
def _is_public(text: str) -> bool:
    address = ip_address(text)
    return address.is_global and not address.is_multicast


def at_address(domain: str, value: str) -> str:
    """What ``Rule.concerns`` answers for whoever stands at an address, where the fact doesn't name the part."""
    return f"{domain}\0{value}"


class Sight:
    """What a rule may look at: facts by kind, conversations, and which device a part belongs to.

    Args:
        observations: facts, in the order in which they are told.
        conversations: in their order.
        devices: by id; whoever gives them may go on changing the mapping, and the next too.
        device_of: the ids of parts that belong to a device, with that device's id.
        options: thresholds.
    """

    def __init__(
        self,
        observations: Iterable[Observation],
        conversations: Sequence[Conversation],
        devices: Mapping[str, Device],
        device_of: Mapping[str, str],
        options: DetectOptions,
    ) -> None:
        self.conversations = conversations
        self.options = options
        self._device_of = device_of
        self._devices = devices
        self.holders: dict[str, str] = {}  # finding: the device or part whose it is (rule 4)
        self._facts: dict[str, list[Observation]] = {}
        for fact in observations:
            self._facts.setdefault(fact.kind, []).append(fact)

    def facts(self, *kinds: str) -> Iterator[Observation]:
        """All observations of these kinds, in the order of the run."""
        for kind in kinds:
            yield from self._facts.get(kind, ())

    def packets_between(self, one: Part, other: Part) -> tuple[PacketReference, ...]:
        """The packets that show what was said between two parts; none where nothing of it was understood."""
        return tuple(sorted(self._spoken.get(frozenset((one.id, other.id)), ())))

    @cached_property
    def _spoken(self) -> dict[frozenset[str], set[PacketReference]]:
        spoken: dict[frozenset[str], set[PacketReference]] = {}
        for facts in self._facts.values():
            for fact in facts:
                if fact.object is not None:
                    spoken.setdefault(frozenset((fact.subject.id, fact.object.id)), set()).update(fact.packets)
        return spoken

    def device(self, part: Part) -> Device | None:
        """The device a part belongs to, or None for a peer."""
        return self._devices.get(self._device_of.get(part.id, ""))

    def device_id(self, part: Part) -> str | None:
        """The id of that device."""
        return self._device_of.get(part.id)

    def label(self, part: Part) -> str:
        """What to call a part: its device's name and its address; a network address where the device has one."""
        device = self.device(part)
        value = part.address.value
        if device is not None and part.address.kind == "mac" and device.ips:
            value = device.ips[0]
        if value in _EVERYONE:
            return f"everyone ({value})"
        return value if device is None or device.name in ("", value) else f"{device.name} ({value})"

    def role(self, part: Part, role: str) -> DeviceRole:
        """A part in a finding."""
        return DeviceRole(self.device_id(part), role, self.label(part))


class Rule(ABC):
    """A rule: one class, one file, one line in ``BUILTIN_RULES``, one folder of vectors."""

    NAME: ClassVar[str]
    READS: ClassVar[tuple[str, ...]]
    DOC: ClassVar[RuleDoc]
    #: Kinds whose findings depend on facts of another kind about anybody; those are then shown to every look.
    SWAYED_BY: ClassVar[Mapping[str, str]] = {}
    #: True where it asks ``packets_between``: it is shown facts of every kind that ``concerns`` answers for.
    SHOWS_PACKETS: ClassVar[bool] = False
    #: True where ``concerns`` answers ``at_address``.
    BY_ADDRESS: ClassVar[bool] = False

    @abstractmethod
    def concerns(self, fact: Observation) -> Iterable[str]:
        """Answer whose findings a fact of ``READS`` may change: ids of parts, or ``at_address``.

        It may answer too many, never too few. What it answers depends on the fact's ends and value alone.
        """

    def concerned_by(self, conversation: Conversation) -> Iterable[str]:
        """Answer whose findings a conversation may change: ids of parts; nobody's where ``READS`` has none."""
        return ()

    @abstractmethod
    def findings(self, sight: Sight) -> Iterator[Finding]:
        """Look, and answer findings."""

    def finding(
        self,
        sight: Sight,
        roles: Sequence[tuple[Part, str]],
        facts: Sequence[Observation],
        *,
        why: str,
        expected: str,
        seen: str,
        topic: str = "",
        about: Sequence[Part] | None = None,
        title: str = "",
        severity: Severity | None = None,
        confidence: float = 0.9,
        attack: tuple[str, ...] = (),
        count: int | None = None,
    ) -> Finding:
        """Make a finding about ``roles`` shown by ``facts`` (at least one). ``topic`` parts findings of one pair.

        ``about`` says what the finding's id is made of where that is not every role: one with many targets stays the
        same finding when another target joins them.
        """
        packets: list[PacketReference] = sorted({packet for fact in facts for packet in fact.packets})
        subjects = [sight.device_id(part) or part.id for part in (about or [part for part, _ in roles])]
        identity = finding_id(self.NAME, topic, *subjects)
        sight.holders[identity] = sight.device_id(roles[0][0]) or roles[0][0].id
        return Finding(
            id=identity,
            rule=self.NAME,
            severity=self.DOC.severity if severity is None else severity,
            confidence=confidence,
            devices=tuple(sight.role(part, role) for part, role in roles),
            title=title or self.DOC.title,
            why=why,
            expected=expected,
            seen=seen,
            attack=attack or self.DOC.attack,
            remedy=self.DOC.remedy,
            count=sum(fact.count for fact in facts) if count is None else count,
            first=min(fact.first for fact in facts),
            last=max(fact.last for fact in facts),
            packets=tuple(packets[: sight.options.evidence_packets]),
        )
