"""Somebody tries many addresses or ports, or one address very often. ATT&CK T1046, T0846, T0814."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ringfence.detect.rule import Rule, RuleDoc, Sight
from ringfence.model.finding import Finding, Severity
from ringfence.model.observation import Observation, Part

__all__ = ["ScanOrFlood"]


class ScanOrFlood(Rule):
    """Unanswered conversations beyond a threshold, grouped so that a scan is one finding whatever its size."""

    NAME = "scan_or_flood"
    READS = ("flow.attempts", "arp.packet", "x.overflow")
    DOC = RuleDoc(
        title="Network scan",
        severity=Severity.MEDIUM,
        why="Scanning comes before an attack, and some controllers stop working when they are scanned.",
        attack=("T1046", "T0846"),
        remedy="Find out who runs it. If nobody does, isolate the talker; allow approved scanners by address and time.",
        source="ATT&CK T1046, T0846, T0814",
        limits=("Slow scans that stay below the threshold in every five-minute window are not found.",),
        benign=("An approved vulnerability scanner or discovery tool.", "A device whose server has gone."),
    )

    def findings(self, sight: Sight) -> Iterator[Finding]:
        """One finding per talker and sort of scan."""
        groups: dict[tuple[Part, str], list[Observation]] = defaultdict(list)
        options = sight.options
        for fact in sight.facts("flow.attempts"):
            if fact["ports"] >= options.scan_ports:
                groups[fact.subject, "ports"].append(fact)
            if fact["destinations"] >= options.scan_destinations:
                groups[fact.subject, "addresses"].append(fact)
            if fact["flows"] >= options.flood_flows and fact["destinations"] < options.scan_destinations:
                groups[fact.subject, "flood"].append(fact)
        for (part, sort), facts in groups.items():
            yield self._attempts(sight, part, sort, facts)
        yield from self._arp(sight)

    def _attempts(self, sight: Sight, part: Part, sort: str, facts: list[Observation]) -> Finding:
        most = max(facts, key=lambda fact: int(fact["flows"]))
        bound = "at least " if any(fact["capped"] for fact in facts) else ""
        flows = sum(int(fact["flows"]) for fact in facts)
        transport = "/".join(sorted({str(fact["transport"]).upper() for fact in facts}))
        if sort == "ports":
            title, attack = "Port scan", ("T1046", "T0846")
            what = f"tried {bound}{most['ports']:,} {transport} ports of {most['busiest']}"
        elif sort == "addresses":
            title, attack = "Address scan", ("T1046", "T0846")
            ports = ", ".join(str(port) for port in (most["top_ports"] or [])[:4])
            what = f"tried {bound}{most['destinations']:,} addresses" + (
                f" on {transport} port {ports}" if ports else ""
            )
        else:
            title, attack = "Connection flood", ("T1498", "T0814")
            what = f"opened {flows:,} {transport} conversations with {most['busiest']} that nobody took up"
        return self.finding(
            sight,
            ((part, "actor"),),
            facts,
            topic=sort,
            title=title,
            attack=attack,
            severity=Severity.HIGH if sort == "flood" else Severity.MEDIUM,
            count=flows,
            why=f"{sight.label(part)} {what} within five minutes.",
            expected="Devices talk to the few peers they know.",
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
        for part, targets in asked.items():
            busiest = _most_in_a_window(list(targets.values()))
            if len(busiest) < sight.options.scan_arp_destinations:
                continue
            answered = sum(1 for fact in sight.facts("arp.packet") if fact["operation"] == "reply")
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
                seen=f"ARP requests for {len(busiest):,} addresses; {answered:,} sorts of replies in the capture.",
            )


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
