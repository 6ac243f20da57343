"""Somebody tries many addresses or ports, or one address very often. ATT&CK T1046, T0846, T0814."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from ringfence.detect.options import DetectOptions
from ringfence.detect.rule import Rule, RuleDoc, Sight, at_address
from ringfence.model.finding import Finding, Severity
from ringfence.model.observation import Observation, Part

__all__ = ["ScanOrFlood"]


class ScanOrFlood(Rule):
    """Unanswered conversations beyond a threshold, grouped so that a scan is one finding whatever its size."""

    NAME = "scan_or_flood"
    READS = ("flow.attempts", "flow.targeted", "arp.packet", "x.overflow")
    SWAYED_BY: ClassVar[Mapping[str, str]] = {"flow.attempts": "flow.targeted"}
    BY_ADDRESS = True
    DOC = RuleDoc(
        title="Network scan",
        severity=Severity.MEDIUM,
        why="Scanning comes before an attack, and some controllers stop working when they are scanned.",
        attack=("T1046", "T0846"),
        remedy="Find out who runs it. If nobody does, isolate the talker; allow approved scanners by address and time.",
        source="ATT&CK T1046, T0846, T0814",
        limits=(
            "Slow scans that stay below the threshold in every five-minute window are not found.",
            "Who sends a flood from forged addresses can't be told from its packets' network addresses.",
        ),
        benign=("An approved vulnerability scanner or discovery tool.", "A device whose server has gone."),
    )

    def concerns(self, fact: Observation) -> Iterable[str]:
        """What somebody tried concerns him, what he was answered by ARP too; a flood from many concerns its target."""
        if fact.kind == "x.overflow":
            return (fact.subject.id,) if fact["of"] == "arp.packet" else ()
        if fact.kind == "arp.packet":
            if fact["operation"] == "reply":
                return (at_address(fact.subject.address.domain, str(fact["target_mac"])),)
            return (fact.subject.id,) if fact["operation"] == "request" else ()
        return (fact.subject.id,)

    def findings(self, sight: Sight) -> Iterator[Finding]:
        """One finding per talker that scans, per talker that floods, and per target of a flood from many."""
        options = sight.options
        targets: dict[Part, list[Observation]] = defaultdict(list)
        for fact in sight.facts("flow.targeted"):
            if fact["flows"] >= options.flood_flows and fact["sources"] >= options.flood_sources:
                targets[fact.subject].append(fact)
        flooded = {(part.address.value, fact["window"]) for part, facts in targets.items() for fact in facts}
        groups: dict[tuple[Part, bool], list[tuple[Observation, set[str]]]] = defaultdict(list)
        for fact in sight.facts("flow.attempts"):
            sorts = _sorts(fact, options)
            if sorts == {"flood"} and (fact["busiest"], fact["window"]) in flooded:
                continue  # It is a share of what the target's finding tells.
            if sorts:
                groups[fact.subject, "flood" in sorts].append((fact, sorts))
        for (part, _), rows in groups.items():
            yield self._attempts(sight, part, set().union(*(sorts for _, sorts in rows)), [fact for fact, _ in rows])
        for part, facts in targets.items():
            yield self._targeted(sight, part, facts)
        yield from self._arp(sight)

    def _attempts(self, sight: Sight, part: Part, sorts: set[str], facts: list[Observation]) -> Finding:
        most = max(facts, key=lambda fact: int(fact["flows"]))
        bound = "at least " if any(fact["capped"] for fact in facts) else ""
        flows = sum(int(fact["flows"]) for fact in facts)
        transport = _transport(facts)
        attack: tuple[str, ...] = ("T1046", "T0846")
        if sorts == {"ports"}:
            title = "Port scan"
            what = f"tried {bound}{most['ports']:,} {transport} ports of {most['busiest']}"
        elif sorts == {"addresses"}:
            title = "Address scan"
            ports = _ports(most)
            what = f"tried {bound}{most['destinations']:,} addresses" + (
                f" on {transport} port {ports}" if ports else ""
            )
        elif "flood" in sorts:
            title, attack = "Connection flood", ("T1498", "T0814")
            what = f"opened {flows:,} {transport} conversations with {most['busiest']} that nobody took up"
        else:
            title = "Scan of addresses and ports"
            what = f"tried {bound}{most['destinations']:,} addresses, with up to {most['ports']:,} {transport} ports"
        return self.finding(
            sight,
            ((part, "actor"),),
            facts,
            topic="+".join(sorted(sorts)),
            title=title,
            attack=attack,
            severity=Severity.HIGH if "flood" in sorts else Severity.MEDIUM,
            count=flows,
            why=f"{sight.label(part)} {what} within five minutes.",
            expected="Devices talk to the few peers they know.",
            seen=f"{flows:,} conversations without an answer in {len(facts)} windows of five minutes.",
        )

    def _targeted(self, sight: Sight, part: Part, facts: list[Observation]) -> Finding:
        most = max(facts, key=lambda fact: int(fact["flows"]))
        bound = "At least " if most["capped"] else ""
        flows = sum(int(fact["flows"]) for fact in facts)
        ports = _ports(most)
        on = f" on port {ports}" if ports else ""
        return self.finding(
            sight,
            ((part, "target"),),
            facts,
            topic="targeted",
            title="Connection flood from many addresses",
            attack=("T1498", "T0814"),
            severity=Severity.HIGH,
            count=flows,
            why=(
                f"{bound}{most['sources']:,} addresses tried {most['flows']:,} {_transport(facts)} conversations with "
                f"{sight.label(part)}{on} within five minutes; it took up none of them."
            ),
            expected="Devices are asked by the few peers they know.",
            seen=f"{flows:,} conversations without an answer in {len(facts)} windows of five minutes.",
        )

    def _arp(self, sight: Sight) -> Iterator[Finding]:
        asked: dict[Part, dict[str, Observation]] = defaultdict(dict)
        for fact in sight.facts("arp.packet"):
            if fact["operation"] == "request" and fact["sender_ip"] != fact["target_ip"]:
                asked[fact.subject][str(fact["target_ip"])] = fact
        over: dict[Part, int] = defaultdict(int)
        for fact in sight.facts("x.overflow"):
            if fact["of"] == "arp.packet":
                over[fact.subject] += fact.count
        answers: dict[str, int] = defaultdict(int)
        for fact in sight.facts("arp.packet"):
            if fact["operation"] == "reply":
                answers[at_address(fact.subject.address.domain, str(fact["target_mac"]))] += 1
        for part, targets in asked.items():
            busiest = _most_in_a_window(list(targets.values()))
            if len(busiest) < sight.options.scan_arp_destinations:
                continue
            answered = answers.get(at_address(part.address.domain, part.address.value), 0)
            more = f" and {over[part]:,} requests more" if over[part] else ""
            yield self.finding(
                sight,
                ((part, "actor"),),
                busiest,
                topic="arp",
                title="Address scan by ARP",
                confidence=0.8,
                why=f"{sight.label(part)} asked for {len(busiest):,} addresses{more} by ARP within five minutes.",
                expected="Devices ask for the few addresses they talk to.",
                seen=f"ARP requests for {len(busiest):,} addresses; {answered:,} sorts of replies to it.",
            )


_PORTS = 65_536


def _sorts(fact: Observation, options: DetectOptions) -> set[str]:
    """What one talker's attempts of one window are: a scan of ports, of addresses, of both, or a flood."""
    sorts = set()
    if fact["ports"] >= options.scan_ports:
        sorts.add("ports")
    if fact["destinations"] >= options.scan_destinations:
        sorts.add("addresses")
    elif fact["flows"] >= options.flood_flows:
        # Whoever scans tries each port once or twice, however many there are.
        scans = "ports" in sorts and fact["flows"] <= 2 * _PORTS * fact["destinations"]
        sorts = sorts if scans else {"flood"}
    return sorts


def _transport(facts: list[Observation]) -> str:
    return "/".join(sorted({str(fact["transport"]).upper() for fact in facts}))


def _ports(fact: Observation) -> str:
    return ", ".join(str(port) for port in (fact["top_ports"] or [])[:4])


_WINDOW = 300_000_000_000  # ns


def _most_in_a_window(facts: list[Observation]) -> list[Observation]:
    """The largest set of facts whose first times fall into one span of five minutes."""
    facts.sort(key=lambda fact: fact.first)
    best: list[Observation] = []
    start = 0
    for end, fact in enumerate(facts):
        while fact.first - facts[start].first > _WINDOW:
            start += 1
        if end + 1 - start > len(best):
            best = facts[start : end + 1]
    return best
