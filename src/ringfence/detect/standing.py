"""Findings that stand, kept up with what is seen: the same as ``judge`` over everything, at the cost of what changed.

Rule 1: a rule looks again at a device or peer when a fact or conversation that concerns it changed, when its own parts
or description did, or those of somebody that its findings name. It is shown all that concerns it, in the usual order.
Rule 2: of what it then says only what is about these devices counts: of others it saw a part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ringfence.detect.options import DetectOptions
from ringfence.detect.rule import Rule, Sight, at_address
from ringfence.detect.rules import BUILTIN_RULES
from ringfence.model.device import Device
from ringfence.model.finding import Finding
from ringfence.model.flow import Conversation
from ringfence.model.observation import Observation, Part

__all__ = ["Standing"]

#: What a fact or conversation is known by; their order is that in which rules are shown them.
Key = tuple[Any, ...]
Change = tuple[Any, Any]  # before, after; None where there is none


@dataclass(slots=True)
class _Shelf:
    """One rule, with all that it reads."""

    rule: Rule
    facts: dict[str, dict[Key, Observation]] = field(default_factory=dict)  # by whom they concern
    talks: dict[str, dict[Key, Conversation]] = field(default_factory=dict)
    shared: dict[Key, Observation] = field(default_factory=dict)  # what sways facts of anybody
    swayed: set[str] = field(default_factory=set)  # parts with such facts
    mentions: dict[str, set[str]] = field(default_factory=dict)  # part: whom facts that name it concern
    parts_at: dict[str, set[str]] = field(default_factory=dict)  # parts with facts, by address
    address: dict[str, str] = field(default_factory=dict)  # the same the other way round
    stirred: set[str] = field(default_factory=set)  # parts and addresses of which something changed
    again: set[str] = field(default_factory=set)  # devices and peers to be looked at again besides
    found: dict[str, dict[str, Finding]] = field(default_factory=dict)  # by device or peer

    def see(self, key: Key, before: Observation | None, after: Observation | None) -> None:
        """Take one fact that is new, changed or forgotten."""
        rule = self.rule
        if before is not None and (after is None or before.value is not after.value):
            for whom in rule.concerns(before):
                self.stirred.add(whom)
                _take_away(self.facts, whom, key)
        if after is not None:
            for whom in rule.concerns(after):
                self.stirred.add(whom)
                known = self.facts.setdefault(whom, {})
                if key not in known:
                    self._note(after, whom)
                known[key] = after
        kind = key[0]
        if kind in rule.SWAYED_BY.values():
            self.stirred |= self.swayed
            if after is None:
                self.shared.pop(key, None)
            else:
                self.shared[key] = after

    def hear(self, key: Key, before: Conversation | None, after: Conversation | None) -> None:
        """Take one conversation that is new, changed or taken back: who, how and whether answered stand in its key."""
        talk = before if after is None else after
        for whom in () if talk is None else self.rule.concerned_by(talk):
            self.stirred.add(whom)
            if after is None:
                _take_away(self.talks, whom, key)
                continue
            known = self.talks.setdefault(whom, {})
            if key not in known:
                self._mention(whom, after.source, after.destination)
            known[key] = after

    def look(
        self, devices: Mapping[str, Device], owners: Mapping[str, str], options: DetectOptions
    ) -> tuple[dict[str, Finding], dict[str, Finding]]:
        """Judge again where it is due; answers the findings that are new or changed, and those that are gone, by id."""
        holders = self._due(owners)
        names = {whom for holder in holders for whom in self._names(holder, devices, owners)}
        facts = {key: fact for whom in names for key, fact in self.facts.get(whom, {}).items()}
        talks = {key: talk for whom in names for key, talk in self.talks.get(whom, {}).items()}
        made: dict[str, dict[str, Finding]] = {}
        if facts or talks:
            facts |= self.shared
            told = [facts[key] for key in sorted(facts)]
            sight = Sight(told, [talks[key] for key in sorted(talks)], devices, owners, options)
            for finding in self.rule.findings(sight):
                holder = sight.holders[finding.id]
                if holder in holders:
                    made.setdefault(holder, {}).setdefault(finding.id, finding)
        before = {key: finding for holder in holders for key, finding in self.found.pop(holder, {}).items()}
        self.found |= made
        now = {key: finding for own in made.values() for key, finding in own.items()}
        changed = {key: finding for key, finding in now.items() if before.get(key) != finding}
        return changed, {key: finding for key, finding in before.items() if key not in now}

    def stir(self, part: str) -> None:
        """Look again at whoever's findings a part may stand in."""
        if part in self.facts or part in self.talks:
            self.stirred.add(part)
        self.stirred |= self.mentions.get(part, set())

    def _due(self, owners: Mapping[str, str]) -> set[str]:
        holders = self.again
        for whom in self.stirred:
            for part in self.parts_at.get(whom, ()) if _is_address(whom) else (whom,):
                holders.add(owners.get(part, part))
        self.again, self.stirred = set(), set()
        return holders

    def _names(self, holder: str, devices: Mapping[str, Device], owners: Mapping[str, str]) -> Iterator[str]:
        """What facts call a device, or a peer, which has one part."""
        device = devices.get(holder)
        if device is None and holder in owners:
            return  # It was a peer; now its facts are a device's.
        for part in [holder] if device is None else [part.id for part in device.parts]:
            if owners.get(part, holder) == holder:
                yield part
                if part in self.address:
                    yield self.address[part]

    def _note(self, fact: Observation, whom: str) -> None:
        if fact.kind in self.rule.SWAYED_BY:
            self.swayed.add(whom)
        subject = fact.subject
        if self.rule.BY_ADDRESS and whom == subject.id and whom not in self.address:
            self.address[whom] = at_address(subject.address.domain, subject.address.value)
            self.parts_at.setdefault(self.address[whom], set()).add(whom)
        self._mention(whom, subject, fact.object)

    def _mention(self, whom: str, *named: Part | None) -> None:
        for part in named:
            if part is not None and part.id != whom:
                self.mentions.setdefault(part.id, set()).add(whom)


def _take_away(table: dict[str, dict[Key, Any]], whom: str, key: Key) -> None:
    known = table.get(whom)
    if known is not None and known.pop(key, None) is not None and not known:
        del table[whom]


def _is_address(whom: str) -> bool:
    return "\0" in whom


class Standing:
    """All findings of a run that goes on.

    Args:
        options: what the rules are told.
        rules: which rules.
    """

    def __init__(self, options: DetectOptions, rules: Iterable[type[Rule]] = BUILTIN_RULES) -> None:
        self._options = options
        self._shelves = [_Shelf(rule()) for rule in rules]
        self._showing = [shelf for shelf in self._shelves if shelf.rule.SHOWS_PACKETS]
        self._hearing = [shelf for shelf in self._shelves if "conversations" in shelf.rule.READS]
        self._readers: dict[str, list[_Shelf]] = {}
        for shelf in self._shelves:
            if not shelf.rule.SHOWS_PACKETS:
                for kind in shelf.rule.READS:
                    self._readers.setdefault(kind, []).append(shelf)
        self._devices: dict[str, Device] = {}
        self._owners: dict[str, str] = {}

    def see(self, facts: Mapping[Key, Change], conversations: Mapping[Key, Change]) -> None:
        """Take what changed: each fact and conversation by its key as (before, after), None where there is none."""
        for key, (before, after) in facts.items():
            fact = before if after is None else after
            for shelf in self._readers.get(fact.kind, ()):
                shelf.see(key, before, after)
            for shelf in self._showing:
                shelf.see(key, before, after)
        for shelf in self._hearing:
            for key, (before, after) in conversations.items():
                shelf.hear(key, before, after)

    def know(self, changed: Iterable[Device], gone: Iterable[str]) -> None:
        """Take devices that are new or changed, and the ids of those that are none any more."""
        news = {device.id: device for device in changed}
        moved: set[str] = set()
        for each in (*news, *gone):
            known, new = self._devices.get(each), news.get(each)
            if known is not None and new is not None and _shown(known) == _shown(new):
                self._devices[each] = new
                continue
            moved |= {part.id for device in (known, new) if device is not None for part in device.parts}
            for shelf in self._shelves:
                shelf.again.add(each)
            if known is not None:
                del self._devices[each]
                for part in known.parts:
                    if self._owners.get(part.id) == each:
                        del self._owners[part.id]
        for each, device in news.items():
            if each not in self._devices:
                self._devices[each] = device
                self._owners |= {part.id: each for part in device.parts}
        for shelf in self._shelves:
            for part_id in moved:
                shelf.stir(part_id)
            # Who was a peer and belongs to a device now, or the other way round, has no findings under his old name.
            shelf.again |= moved & shelf.found.keys()

    def judge(self) -> tuple[dict[str, Finding], dict[str, Finding]]:
        """Return the findings that are new or changed since the last time, and those that are no longer made, by id."""
        changed: dict[str, Finding] = {}
        lost: dict[str, Finding] = {}
        for shelf in self._shelves:
            new, gone = shelf.look(self._devices, self._owners, self._options)
            changed |= new
            lost |= gone
        return changed, lost

    def findings(self) -> dict[str, Finding]:
        """Return all findings that stand, by id."""
        return {key: made for shelf in self._shelves for own in shelf.found.values() for key, made in own.items()}


def _shown(device: Device) -> tuple[object, ...]:
    """Everything of a device that a rule may look at, save when it was seen and what is claimed of it."""
    ends = (device.parts, device.ips, device.macs)
    return (device.name, device.device_class, device.vendor, device.product, device.roles, device.marks, *ends)
