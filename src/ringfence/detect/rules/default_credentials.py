"""A password that everybody knows is in use. IEC 62443-4-2 CR 1.5; ETSI EN 303 645 provision 5.1-1."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ringfence.detect.rule import Rule, RuleDoc, Sight
from ringfence.model.finding import Finding, Severity
from ringfence.model.observation import Observation, Part

__all__ = ["DefaultCredentials"]


class DefaultCredentials(Rule):
    """A log-in with a pair that stands on a list of default credentials."""

    NAME = "default_credentials"
    READS = ("http.credentials", "telnet.login", "mqtt.connect")
    DOC = RuleDoc(
        title="Default password in use",
        severity=Severity.HIGH,
        why="Default passwords are public; malware tries them first.",
        attack=("T1078.001", "T0812"),
        remedy="Set a password of its own on the device, and restrict who can reach its log-in.",
        source="IEC 62443-4-2 CR 1.5; ETSI EN 303 645 provision 5.1-1",
        limits=(
            "Only pairs on the list are known; the list is part of the knowledge bundle.",
            "Whether the log-in succeeded is known for Telnet only.",
        ),
        benign=("A scanner or a password audit tries default pairs on purpose.",),
    )

    def concerns(self, fact: Observation) -> Iterable[str]:
        """Log-ins with a default pair concern the client."""
        told = fact["default"] and fact.object is not None and fact["secret"] is not None
        return (fact.subject.id,) if told else ()

    def findings(self, sight: Sight) -> Iterator[Finding]:
        """One finding per client and server."""
        seen: dict[tuple[Part, Part], list[Observation]] = defaultdict(list)
        for fact in sight.facts(*self.READS):
            if fact["default"] and fact.object is not None and fact["secret"] is not None:
                seen[fact.subject, fact.object].append(fact)
        for (client, server), facts in seen.items():
            users = sorted({str(fact["user"] or "") for fact in facts})
            taken = any(fact["success"] for fact in facts)
            refused = all(fact["success"] is False for fact in facts)
            outcome = " and was let in" if taken else " and was refused" if refused else ""
            severity = Severity.CRITICAL if taken else Severity.MEDIUM if refused else Severity.HIGH
            named = ", ".join(user or "(no user name)" for user in users[:4])
            more = " and others" if len(users) > 4 else ""
            yield self.finding(
                sight,
                ((client, "actor"), (server, "target")),
                facts,
                severity=severity,
                confidence=0.95 if taken else 0.8,
                why=f"{sight.label(client)} used a published default password on {sight.label(server)}{outcome}.",
                expected="Every device has a password of its own.",
                seen=f"Default pair of user {named}{more}.",
            )
