"""SNMP with a community that everybody knows. RFC 3584 §5.2; IEC 62443-4-2 CR 1.5."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ringfence.detect.rule import Rule, RuleDoc, Sight
from ringfence.model.finding import Finding, Severity
from ringfence.model.observation import Observation, Part

__all__ = ["SnmpDefaultCommunity"]


class SnmpDefaultCommunity(Rule):
    """An agent that answers to a default community."""

    NAME = "snmp_default_community"
    READS = ("snmp.message",)
    DOC = RuleDoc(
        title="SNMP with a default community",
        severity=Severity.MEDIUM,
        why="A well-known community lets anyone read the device's inventory, and change it where writing is allowed.",
        attack=("T1078.001", "T0812", "T0802"),
        remedy="Use SNMPv3 with authentication and privacy, or at least a community of your own and an access list.",
        source="RFC 3584 §5.2; IEC 62443-4-2 CR 1.5",
        limits=("Communities are compared with a list; the text itself is never kept.",),
        benign=("A monitoring system that tries several communities in turn.",),
    )

    def concerns(self, fact: Observation) -> Iterable[str]:
        """Questions and answers with a default community concern the agent."""
        if not fact["default"]:
            return ()
        agent = fact.subject if fact["operation"] == "response" else fact.object
        return () if agent is None else (agent.id,)

    def findings(self, sight: Sight) -> Iterator[Finding]:
        """One finding per agent; graver where something was set, slighter where nobody answered."""
        asked: dict[Part, list[Observation]] = defaultdict(list)
        answered: dict[Part, list[Observation]] = defaultdict(list)
        for fact in sight.facts("snmp.message"):
            if not fact["default"]:
                continue
            if fact["operation"] == "response":
                answered[fact.subject].append(fact)
            elif fact["operation"] in ("get", "get_next", "get_bulk", "set") and fact.object is not None:
                asked[fact.object].append(fact)
        for agent in sorted({*asked, *answered}, key=lambda part: part.id):
            facts = answered[agent] + asked[agent]
            written = any(fact["operation"] == "set" for fact in asked[agent])
            accepted = bool(answered[agent])
            severity = Severity.HIGH if written and accepted else Severity.MEDIUM if accepted else Severity.LOW
            verb = "answers to" if accepted else "was asked with"
            yield self.finding(
                sight,
                ((agent, "subject"),),
                facts,
                severity=severity,
                confidence=0.95 if accepted else 0.5,
                why=f"{sight.label(agent)} {verb} a default SNMP community"
                + (", and values were set with it." if written else "."),
                expected="SNMPv3, or a community that is not on any list.",
                seen="SNMP " + ", ".join(sorted({f"v{_VERSION.get(fact['version'], '?')}" for fact in facts})),
            )


_VERSION = {0: "1", 1: "2c", 3: "3"}
