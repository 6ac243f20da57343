"""MQTT without TLS, without log-in, or with a readable log-in. MQTT 5.0 §5.4."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ringfence.detect.rule import Rule, RuleDoc, Sight
from ringfence.model.finding import Finding, Severity
from ringfence.model.observation import Observation, Part

__all__ = ["MqttUnprotected"]


class MqttUnprotected(Rule):
    """A broker that talks MQTT in clear."""

    NAME = "mqtt_unprotected"
    READS = ("mqtt.connect", "mqtt.connack")
    DOC = RuleDoc(
        title="MQTT without encryption",
        severity=Severity.MEDIUM,
        why="Without TLS anyone on the path reads and forges messages; without a log-in anyone may publish commands.",
        attack=("T1040", "T0842", "T0855"),
        remedy="Give the broker a certificate, use port 8883, and log in with certificates or per-device passwords.",
        source="MQTT 5.0 §5.4; IEC 62443-3-3 SR 4.1",
        limits=("Where the broker refused the client is known only if its answer was captured.",),
    )

    def concerns(self, fact: Observation) -> Iterable[str]:
        """All of it concerns the broker."""
        if fact.kind == "mqtt.connect":
            return () if fact.object is None else (fact.object.id,)
        return (fact.subject.id,) if fact["code"] == 0 else ()

    def findings(self, sight: Sight) -> Iterator[Finding]:
        """One finding per broker, graver where it lets anonymous clients in."""
        brokers: dict[Part, list[Observation]] = defaultdict(list)
        for fact in sight.facts("mqtt.connect"):
            if fact.object is not None:
                brokers[fact.object].append(fact)
        accepted = {fact.subject for fact in sight.facts("mqtt.connack") if fact["code"] == 0}
        for broker, facts in brokers.items():
            clients = sorted({sight.label(fact.subject) for fact in facts})
            anonymous = [fact for fact in facts if fact["anonymous"]]
            open_door = bool(anonymous) and broker in accepted
            plain = [fact for fact in facts if fact["secret"] is not None]
            if open_door:
                seen, severity = "Clients without user name or password; the broker accepts connections.", Severity.HIGH
            elif plain:
                seen, severity = "User names and passwords sent in clear.", Severity.MEDIUM
            else:
                seen, severity = "Connections in clear.", Severity.MEDIUM
            some = ", ".join(clients[:3]) + (f" and {len(clients) - 3} more" if len(clients) > 3 else "")
            yield self.finding(
                sight,
                ((broker, "subject"),),
                anonymous or plain or facts,
                title="MQTT broker open to anyone" if open_door else self.DOC.title,
                severity=severity,
                why=f"The broker {sight.label(broker)} speaks MQTT without TLS to {some}.",
                expected="MQTT over TLS with a log-in per device.",
                seen=seen,
            )
