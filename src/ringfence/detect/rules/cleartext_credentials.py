"""A password crossed the network in clear. RFC 7617 §4, RFC 854, MQTT 5.0 §5.4."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ringfence.detect.rule import Rule, RuleDoc, Sight
from ringfence.model.finding import Finding, Severity
from ringfence.model.observation import Observation, Part

__all__ = ["CleartextCredentials"]

_WAYS = {"http.credentials": "HTTP", "telnet.login": "Telnet", "mqtt.connect": "MQTT"}


class CleartextCredentials(Rule):
    """Somebody logged in without encryption."""

    NAME = "cleartext_credentials"
    READS = ("http.credentials", "telnet.login", "mqtt.connect")
    DOC = RuleDoc(
        title="Password sent in clear",
        severity=Severity.MEDIUM,
        why="Whoever can listen on this network path can read the password and use it.",
        attack=("T1040", "T0842"),
        remedy="Use the encrypted form of the protocol (HTTPS, SSH, MQTT over TLS), then change the password.",
        source="RFC 7617 §4; IEC 62443-3-3 SR 1.5, SR 4.1",
        limits=("Log-ins inside encrypted tunnels or before the capture began are not seen.",),
    )

    def concerns(self, fact: Observation) -> Iterable[str]:
        """Log-ins concern the client."""
        return (fact.subject.id,) if fact["secret"] is not None and fact.object is not None else ()

    def findings(self, sight: Sight) -> Iterator[Finding]:
        """One finding per client, server and protocol."""
        seen: dict[tuple[Part, Part, str], list[Observation]] = defaultdict(list)
        for fact in sight.facts(*self.READS):
            if fact["secret"] is not None and fact.object is not None:
                seen[fact.subject, fact.object, fact.kind].append(fact)
        for (client, server, kind), facts in seen.items():
            users = sorted({str(fact["user"]) for fact in facts if fact["user"]})
            who = f" as {', '.join(users[:3])}" + (" and others" if len(users) > 3 else "") if users else ""
            yield self.finding(
                sight,
                ((client, "actor"), (server, "target")),
                facts,
                topic=kind,
                title=f"Password sent in clear by {_WAYS[kind]}",
                why=f"{sight.label(client)} logged in to {sight.label(server)}{who} without encryption, so anyone on "
                "the path can read the password.",
                expected="Log-ins are encrypted.",
                seen=f"{_WAYS[kind]} log-in with a readable password.",
            )
