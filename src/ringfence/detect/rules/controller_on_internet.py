"""A controller and the public internet talk to each other. IEC 62443-3-3 SR 5.1, SR 5.2."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ringfence.detect.rule import Rule, RuleDoc, Sight, is_public
from ringfence.model.finding import Finding, Severity
from ringfence.model.flow import Conversation
from ringfence.model.observation import Observation, Part

__all__ = ["ControllerOnInternet"]

_OT_PROTOCOLS = frozenset(("modbus", "s7comm", "enip", "bacnet"))
_OT_CLASSES = frozenset(
    "plc safety_controller rtu ied protection_relay dcs_controller hmi scada_server drive motor_starter robot cnc "
    "remote_io protocol_gateway serial_server bms_controller hvac_controller".split()
)


class ControllerOnInternet(Rule):
    """A controller has a conversation with a public address."""

    NAME = "controller_on_internet"
    READS = ("conversations",)
    SHOWS_PACKETS = True
    DOC = RuleDoc(
        title="Controller talks to the internet",
        severity=Severity.HIGH,
        why="A path between a controller and the internet is a path for attackers, and for data that should stay.",
        attack=("T0883", "T0885"),
        remedy="Close the path at the zone's firewall; let remote service come through a brokered jump host.",
        source="IEC 62443-3-3 SR 5.1, SR 5.2; NIST SP 800-82r3 §5.2",
        limits=(
            "What counts as a controller is what was identified as one, or answers an OT protocol.",
            "Packets are shown where a protocol that is understood was spoken; else the conversation alone tells.",
        ),
        benign=("A vendor's cloud or time service that was approved.",),
    )

    def concerns(self, fact: Observation) -> Iterable[str]:
        """What is said across the border concerns who stands inside; its packets are shown."""
        return () if fact.object is None else _inside(fact.subject, fact.object)

    def concerned_by(self, conversation: Conversation) -> Iterable[str]:
        """Conversations across the border concern who stands inside; answering an OT protocol makes a controller."""
        served = conversation.protocol in _OT_PROTOCOLS and conversation.answered
        inside = _inside(conversation.source, conversation.destination)
        return (*inside, conversation.destination.id) if served else inside

    def findings(self, sight: Sight) -> Iterator[Finding]:
        """One finding per controller and public address."""
        served = {c.destination.id for c in sight.conversations if c.protocol in _OT_PROTOCOLS and c.answered}
        groups: dict[tuple[str, str], list[Conversation]] = {}
        ends: dict[tuple[str, str], tuple[Part, Part]] = {}
        for conversation in sight.conversations:
            for here, there in (
                (conversation.source, conversation.destination),
                (conversation.destination, conversation.source),
            ):
                if is_public(there) and not is_public(here) and self._controls(sight, here, served):
                    groups.setdefault((here.id, there.id), []).append(conversation)
                    ends[here.id, there.id] = (here, there)
        for key, conversations in groups.items():
            yield self._finding(sight, *ends[key], conversations)

    def _finding(self, sight: Sight, here: Part, there: Part, conversations: list[Conversation]) -> Finding:
        answered = any(conversation.answered for conversation in conversations)
        protocols = sorted({conversation.protocol for conversation in conversations})
        by_ot = sorted(_OT_PROTOCOLS.intersection(protocols))
        inbound = any(c.source.id == there.id and c.answered for c in conversations)
        packets = sight.packets_between(here, there)
        severity = Severity.CRITICAL if by_ot and answered else Severity.HIGH if answered else Severity.MEDIUM
        return self.finding(
            sight,
            ((here, "subject"), (there, "actor" if inbound else "target")),
            [
                Observation("flow.conversation", c.source, c.destination, {}, c.packets, c.first, c.last, packets)
                for c in conversations
            ],
            count=sum(conversation.flows for conversation in conversations),
            severity=severity,
            why=f"The controller {sight.label(here)} "
            + ("was reached from" if inbound else "talks to" if answered else "tries to reach")
            + f" the public address {there.address.value}"
            + (f" by {', '.join(by_ot)}." if by_ot else "."),
            expected="Controllers talk inside their zone only.",
            seen=f"{', '.join(protocols)}; {'answered' if answered else 'no answer'}.",
        )

    @staticmethod
    def _controls(sight: Sight, part: Part, served: set[str]) -> bool:
        device = sight.device(part)
        return device is not None and (device.device_class in _OT_CLASSES or part.id in served)


def _inside(one: Part, other: Part) -> tuple[str, ...]:
    """The one of two parts that stands inside, where the other is of the public internet."""
    outside = is_public(one)
    return () if outside == is_public(other) else (other.id,) if outside else (one.id,)
