"""Management that should not be reachable, or not in this form. IEC 62443-3-3 SR 1.13, SR 5.1."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ringfence.detect.rule import Rule, RuleDoc, Sight, is_public
from ringfence.model.finding import Finding, Severity
from ringfence.model.flow import Conversation
from ringfence.model.observation import Observation, Part

__all__ = ["ExposedManagement"]


class ExposedManagement(Rule):
    """Telnet in use, HTTP basic authentication offered, or a log-in service reached from the internet."""

    NAME = "exposed_management"
    READS = ("telnet.banner", "telnet.option", "telnet.data", "http.response", "conversations")
    DOC = RuleDoc(
        title="Exposed management interface",
        severity=Severity.MEDIUM,
        why="A management interface without encryption, or open to the internet, is how devices are taken over.",
        attack=("T1021", "T0886"),
        remedy="Switch Telnet and plain HTTP log-ins off, use SSH or HTTPS, and let only a jump host reach them.",
        source="IEC 62443-3-3 SR 1.13, SR 5.1; ETSI EN 303 645 provision 5.6-1",
        limits=("An interface that nobody used while capturing is not seen.",),
    )

    def concerns(self, fact: Observation) -> Iterable[str]:
        """Telnet concerns whoever of the two is the server, a question for a password who asks it."""
        if fact.kind == "http.response":
            return (fact.subject.id,) if _asks_basic(fact) else ()
        return (fact.subject.id,) if fact.object is None else (fact.subject.id, fact.object.id)

    def concerned_by(self, conversation: Conversation) -> Iterable[str]:
        """A Telnet server is known by its answers; a log-in from the internet concerns who comes from there."""
        if conversation.protocol not in ("telnet", "ssh") or not conversation.answered:
            return ()
        return conversation.source.id, conversation.destination.id

    def findings(self, sight: Sight) -> Iterator[Finding]:
        """One finding per server and way."""
        yield from self._telnet(sight)
        yield from self._basic(sight)
        yield from self._from_internet(sight)

    def _telnet(self, sight: Sight) -> Iterator[Finding]:
        servers = {
            c.destination.id: c.destination for c in sight.conversations if c.protocol == "telnet" and c.answered
        }
        shown: dict[str, list[Observation]] = defaultdict(list)
        for fact in sight.facts("telnet.banner", "telnet.option", "telnet.data"):
            for part in (fact.subject, fact.object):
                if part is not None and part.id in servers:
                    shown[part.id].append(fact)
        for number, facts in shown.items():
            server = servers[number]
            yield self.finding(
                sight,
                ((server, "subject"),),
                facts,
                topic="telnet",
                title="Telnet in use",
                why=f"{sight.label(server)} is managed by Telnet, which sends all, passwords included, in clear.",
                expected="SSH, or no remote shell at all.",
                seen="A Telnet session.",
            )

    def _basic(self, sight: Sight) -> Iterator[Finding]:
        offered: dict[Part, list[Observation]] = defaultdict(list)
        for fact in sight.facts("http.response"):
            if _asks_basic(fact):
                offered[fact.subject].append(fact)
        for server, facts in offered.items():
            if is_public(server):
                continue
            yield self.finding(
                sight,
                ((server, "subject"),),
                facts,
                topic="http_basic",
                title="HTTP basic authentication without encryption",
                why=f"{sight.label(server)} asks for a password over plain HTTP.",
                expected="HTTPS for every page that asks for a password.",
                seen=f"WWW-Authenticate: {facts[0]['www_authenticate']}",
            )

    def _from_internet(self, sight: Sight) -> Iterator[Finding]:
        for conversation in sight.conversations:
            if conversation.protocol not in ("telnet", "ssh") or not conversation.answered:
                continue
            if is_public(conversation.source) and not is_public(conversation.destination):
                yield self.finding(
                    sight,
                    ((conversation.source, "actor"), (conversation.destination, "target")),
                    [_as_fact(conversation)],
                    topic=f"internet_{conversation.protocol}",
                    title=f"{conversation.protocol.capitalize()} reached from the internet",
                    severity=Severity.HIGH,
                    count=conversation.flows,
                    why=f"{sight.label(conversation.source)} on the internet reached the {conversation.protocol} "
                    f"log-in of {sight.label(conversation.destination)}.",
                    expected="Log-ins are reachable from inside or through a jump host only.",
                    seen=f"{conversation.flows:,} conversations on port {conversation.port}.",
                )


def _asks_basic(fact: Observation) -> bool:
    return str(fact["www_authenticate"] or "").lower().startswith("basic")


def _as_fact(conversation: Conversation) -> Observation:
    """A conversation as evidence: its times and count, without packet references."""
    return Observation(
        "flow.conversation",
        conversation.source,
        conversation.destination,
        {},
        conversation.packets,
        conversation.first,
        conversation.last,
    )
