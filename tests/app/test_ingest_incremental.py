"""A batch costs what changes with it, and gives what looking at everything again would give, after every batch."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.made_traffic import OPTIONS, SECOND, Traffic

from ringfence.detect.judge import judge
from ringfence.detect.rule import Sight
from ringfence.detect.rules import BUILTIN_RULES
from ringfence.detect.standing import Standing
from ringfence.inventory.knowledge import builtin
from ringfence.inventory.register import Register
from ringfence.model.decision import Decision
from ringfence.model.device import Device
from ringfence.model.finding import Finding
from ringfence.model.flow import Conversation
from ringfence.model.observation import Observation
from ringfence.sensor.gathered import Gathered

KNOWLEDGE = builtin()
#: Many times as many examples in `make soak`.
MORE = 50 if os.environ.get("RINGFENCE_SOAK") else 1


@dataclass
class Line:
    """What ``app.ingest`` does with a batch, and beside it all that was said so far."""

    gathered: Gathered = field(default_factory=Gathered)
    register: Register = field(default_factory=lambda: Register(KNOWLEDGE))
    standing: Standing = field(default_factory=lambda: Standing(OPTIONS))
    facts: list[Observation] = field(default_factory=list)
    talks: list[Conversation] = field(default_factory=list)
    decided: tuple[Decision, ...] = ()
    devices: dict[str, Device] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)
    patience: int = 0  # ns

    def take(self, facts: list[Observation], talks: list[Conversation]) -> None:
        """Take one batch, as the running platform does."""
        self.facts += (new := self.gathered.observe(facts))
        self.register.observe(new)
        self.talks += (spoken := self.gathered.converse(talks))
        self.register.conversations(spoken)
        self.look()

    def decide(self, decided: tuple[Decision, ...]) -> None:
        """Take what people decided."""
        self.decided = decided
        self.register.decide(decided)
        self.look()

    def look(self) -> None:
        """Apply what changed to what was there."""
        changed, gone = self.register.changes(self.patience)
        self.devices = {each: one for each, one in self.devices.items() if each not in gone}
        self.devices |= {one.id: one for one in changed}
        self.standing.see(*self.gathered.changes())
        self.standing.know(changed, gone)
        found, lost = self.standing.judge()
        assert not found.keys() & lost.keys()
        assert lost.keys() <= self.findings.keys(), "what is lost was there"
        assert all(self.findings.get(each) != one for each, one in found.items()), "what is told did change"
        self.findings = {each: one for each, one in self.findings.items() if each not in lost} | found

    def all_at_once(self) -> Register:
        """Return a register that took all of it at once."""
        whole = Register(KNOWLEDGE)
        whole.observe(self.facts)
        whole.conversations(self.talks)
        whole.decide(self.decided)
        return whole

    def whole(self) -> dict[str, Device]:
        """Return the devices that all at once makes."""
        return {one.id: one for one in self.all_at_once().devices()}

    def check(self) -> None:
        """Compare with one look at everything."""
        whole = self.all_at_once()
        expected = whole.devices()
        assert self.register.devices() == expected
        assert self.register.owners() == whole.owners()
        assert self.devices == {one.id: one for one in expected}
        conversations = self.gathered.conversations()
        sight = Sight(self.gathered.facts(), conversations, self.devices, whole.owners(), OPTIONS)
        judged = {one.id: one for one in judge(sight)}
        assert self.findings.keys() == judged.keys()
        assert self.findings == judged
        assert self.standing.findings() == judged


@given(st.integers(0, 1 << 32))
@settings(max_examples=60 * MORE, deadline=None)
def test_every_batch_gives_what_everything_at_once_gives(seed: int) -> None:
    line, traffic = Line(), Traffic(seed)
    for _ in range(14):
        line.take(*traffic.batch())
        line.check()


@given(st.integers(0, 1 << 32))
@settings(max_examples=30 * MORE, deadline=None)
def test_so_it_does_while_people_decide(seed: int) -> None:
    line, traffic = Line(), Traffic(seed)
    for _ in range(10):
        line.take(*traffic.batch())
        parts = sorted({each for device in line.devices.values() for each in (part.id for part in device.parts)})
        if parts and traffic.dice.random() < 0.5:
            line.decide(tuple(one for one in traffic.decisions(parts) if one.kind != "correct"))
        line.check()


def without_times(device: Device) -> Device:
    claims = {replace(each, first=0, last=0, packets=()) for each in device.claims}
    ordered = sorted(claims, key=lambda each: (each.field, each.value, each.clue, each.evidence, each.weight))
    return replace(device, first=0, last=0, claims=tuple(ordered))


@given(st.integers(0, 1 << 32), st.sampled_from((1, 60, 100_000)))
@settings(max_examples=30 * MORE, deadline=None)
def test_nothing_but_times_waits(seed: int, patience: int) -> None:
    """And nothing is left waiting once somebody asks for all."""
    line, traffic = Line(patience=patience * SECOND), Traffic(seed)
    for _ in range(10):
        line.take(*traffic.batch())
        told = {each: without_times(one) for each, one in line.devices.items()}
        assert told == {each: without_times(one) for each, one in line.whole().items()}
    line.patience = 0
    line.take(*traffic.batch())
    line.check()


def test_the_made_traffic_brings_about_what_it_is_meant_to() -> None:
    """Or the tests above would compare nothing with nothing."""
    rules, marks, words = Counter[str](), Counter[str](), Counter[str]()
    lost = 0
    for seed in range(40):
        line, traffic = Line(), Traffic(seed)
        for _ in range(14):
            before = line.findings
            line.take(*traffic.batch())
            lost += len(before.keys() - line.findings.keys())
        rules.update(one.rule for one in line.findings.values())
        marks.update(mark for device in line.devices.values() for mark in device.marks)
        words.update(
            word
            for device in line.devices.values()
            for word in (
                "same CIP serial",
                "in use by",
                "at the same time",
                "beyond it",
                "announces",
                "changes its MAC",
            )
            if any(word in reason for reason in device.merge_reasons)
        )
    assert rules.keys() == {rule.NAME for rule in BUILTIN_RULES}
    assert {"router", "behind_router", "virtual_mac", "multi_address", "address_conflict"} <= marks.keys()
    assert len(words) == 6, words
    assert lost > 20
