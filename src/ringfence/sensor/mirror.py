"""Is this port a good place to watch from? A verdict on counted facts, each with its remedy.

Rule 1: a judgement is a row of ``CHECKS``: a function of facts alone, so that the same facts give the same verdict.
Rule 2: what could not be looked at is ``unknown``, never good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ringfence.model.flow import Conversation
from ringfence.model.observation import Observation

__all__ = ["CHECKS", "Gathering", "Judgement", "MirrorFacts", "State", "judge"]

_ENOUGH_TCP = 5  # conversations with data before their directions mean something
_EARLIEST = 1_735_689_600_000_000_000  # 2025: a clock before this was never set


class State(Enum):
    """What a check says."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class MirrorFacts:
    """What was counted on an interface. ``own`` facts are None where they can't be known, as of a file."""

    seconds: float
    packets: int
    unicast: int  # conversations between two others
    hosts: int  # link addresses that spoke
    vlans: tuple[int, ...]
    tagged: int  # packets
    tcp: int  # conversations with data
    tcp_one_sided: int
    duplicates: int  # packets
    oversized: int  # frames
    checksums: int
    checksums_bad: int
    dropped: int  # packets
    backwards: int  # packets earlier than the one before
    last: int | None  # ns since 1970, UTC
    own_frames: int | None = None  # sent by the interface itself
    own_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one check says: a sentence, and what to do where it is bad or unknown."""

    code: str
    state: State
    text: str
    remedy: str = ""


class Gathering:
    """Adds up the batches of a short capture.

    Args:
        own_mac: the interface's own link address, or None where it is not known.
    """

    def __init__(self, own_mac: str | None) -> None:
        self._own_mac = own_mac
        self._hosts: set[str] = set()
        self._vlans: set[int] = set()
        self._own: set[str] = set()
        self._unicast: set[tuple[str, str]] = set()

    def add(self, observations: Iterable[Observation], conversations: Iterable[Conversation]) -> None:
        """Take what one batch holds."""
        for fact in observations:
            if fact.kind == "link.address":
                self._link(fact)
        for talk in conversations:
            ends = (talk.source.address.value, talk.destination.address.value)
            if not _is_group(*ends):
                self._unicast.add(ends)

    def _link(self, fact: Observation) -> None:
        mac, address = fact.subject.address.value, str(fact["ip"])
        self._hosts.add(mac)
        if fact["vlan"] is not None:
            self._vlans.add(int(fact["vlan"]))
        if mac == self._own_mac:
            self._own.add(address)

    def facts(self, summary: dict[str, Any], seconds: float, own_frames: int | None) -> MirrorFacts:
        """Return the facts; ``summary`` is that of the last batch."""
        counters = summary["counters"]
        own = self._own | ({self._own_mac} if self._own_mac else set())
        between_others = [ends for ends in self._unicast if not own & set(ends)]
        return MirrorFacts(
            seconds=seconds,
            packets=summary["packets"],
            unicast=len(between_others),
            hosts=len(self._hosts),
            vlans=tuple(sorted(self._vlans)),
            tagged=counters["tagged"],
            tcp=counters["tcp"],
            tcp_one_sided=counters["tcp_one_sided"],
            duplicates=counters["duplicates"],
            oversized=counters["oversized"],
            checksums=counters["checksums"],
            checksums_bad=counters["checksums_bad"],
            dropped=sum(row["dropped"] or 0 for row in summary["interfaces"]),
            backwards=counters["backwards"],
            last=summary["last"],
            own_frames=own_frames,
            own_addresses=tuple(sorted(self._own)),
        )


def _is_group(*values: str) -> bool:
    """Return whether one of the addresses is of a group: multicast or broadcast."""
    return any(_one_group(value) for value in values)


def _one_group(value: str) -> bool:
    if value.count(":") == 5 and "." not in value and len(value) == 17:
        return bool(int(value[:2], 16) & 1)
    if ":" in value:
        return value.startswith("ff") or value == "::"
    first = value.partition(".")[0]
    return value == "255.255.255.255" or value.endswith(".255") or (first.isdecimal() and 224 <= int(first) <= 239)


def _traffic(facts: MirrorFacts) -> Judgement:
    if not facts.packets:
        return Judgement(
            "traffic",
            State.BAD,
            f"Nothing at all came in {facts.seconds:.0f} s.",
            "Check the cable and that the link is up, that the mirror session is on and has this port as its "
            "destination, and that the mirrored ports have traffic.",
        )
    if not facts.unicast:
        return Judgement(
            "traffic",
            State.BAD,
            f"{facts.packets:,} packets came, but no talk between two others: only broadcast, multicast or our own.",
            "This is an ordinary port, not a mirror. Make it the destination of a mirror session (SPAN) or use a tap.",
        )
    return Judgement(
        "traffic",
        State.GOOD,
        f"{facts.packets:,} packets, {facts.unicast:,} pairs that talk to each other, {facts.hosts:,} link addresses.",
    )


def _vlans(facts: MirrorFacts) -> Judgement:
    if not facts.packets:
        return Judgement("vlans", State.UNKNOWN, "No packet tells of VLANs.", "Mend what keeps traffic away first.")
    if facts.vlans:
        listed = ", ".join(str(vlan) for vlan in facts.vlans[:20]) + (" …" if len(facts.vlans) > 20 else "")
        return Judgement("vlans", State.GOOD, f"Tags of {len(facts.vlans)} VLANs are seen: {listed}.")
    if facts.tagged:
        return Judgement("vlans", State.GOOD, f"{facts.tagged:,} packets carry a tag.")
    return Judgement(
        "vlans",
        State.UNKNOWN,
        "No packet carries a VLAN tag: there is one VLAN, or the switch strips the tags.",
        "Where several VLANs are mirrored, let the session keep the tags (Cisco: 'encapsulation replicate').",
    )


def _directions(facts: MirrorFacts) -> Judgement:
    if facts.tcp < _ENOUGH_TCP:
        return Judgement(
            "directions",
            State.UNKNOWN,
            f"{facts.tcp} TCP conversations with data are too few to tell whether both directions are seen.",
            "Look longer with --seconds, at a time when the plant works.",
        )
    share = facts.tcp_one_sided / facts.tcp
    if share > 0.3:
        return Judgement(
            "directions",
            State.BAD,
            f"Only one direction is seen of {facts.tcp_one_sided:,} of {facts.tcp:,} TCP conversations.",
            "Mirror both directions (rx and tx) of the ports or VLANs, or join both outputs of the tap.",
        )
    return Judgement("directions", State.GOOD, f"Both directions are seen ({facts.tcp:,} TCP conversations).")


def _duplicates(facts: MirrorFacts) -> Judgement:
    if facts.packets and facts.duplicates >= 5 and facts.duplicates / facts.packets > 0.01:
        return Judgement(
            "duplicates",
            State.BAD,
            f"{facts.duplicates:,} of {facts.packets:,} packets come twice.",
            "Mirror ports or VLANs, not both; of a link that is mirrored at both ends only one direction.",
        )
    return _unless_empty(facts, "duplicates", "No packet comes twice to speak of.")


def _offload(facts: MirrorFacts) -> Judgement:
    if facts.oversized >= 3:
        return Judgement(
            "offload",
            State.BAD,
            f"{facts.oversized:,} frames are larger than the network allows: this card merges them.",
            "Switch it off: ethtool -K IFACE gro off lro off tso off gso off rx off tx off.",
        )
    if facts.checksums_bad >= 5 and facts.checksums_bad / facts.checksums > 0.05:
        return Judgement(
            "offload",
            State.BAD,
            f"The checksum is wrong in {facts.checksums_bad:,} of {facts.checksums:,} packets looked at.",
            "The sender's card fills checksums in after the mirror: mirror at the switch, not on the host itself.",
        )
    return _unless_empty(facts, "offload", "Frames have the sizes and checksums of the wire.")


def _drops(facts: MirrorFacts) -> Judgement:
    if facts.dropped:
        return Judgement(
            "drops",
            State.BAD,
            f"The kernel dropped {facts.dropped:,} packets for want of room.",
            "Enlarge the ring (--ring), give the process a processor of its own, or mirror less.",
        )
    return _unless_empty(facts, "drops", "Nothing was dropped.")


def _clock(facts: MirrorFacts) -> Judgement:
    if facts.last is not None and facts.last < _EARLIEST:
        return Judgement("clock", State.BAD, "The clock says a time long past.", "Set this host's clock (NTP or PTP).")
    if facts.backwards >= 3 and facts.backwards / max(facts.packets, 1) > 0.001:
        return Judgement(
            "clock",
            State.BAD,
            f"Time goes backwards at {facts.backwards:,} packets.",
            "Let one service alone set this host's clock, and let it slew instead of step.",
        )
    return _unless_empty(facts, "clock", "Time runs forward.")


def _silence(facts: MirrorFacts) -> Judgement:
    if facts.own_frames is None:
        return Judgement(
            "silence", State.UNKNOWN, "Whether the interface itself speaks can't be told here.", "Check it live."
        )
    if facts.own_frames:
        whom = f" (as {', '.join(facts.own_addresses[:4])})" if facts.own_addresses else ""
        return Judgement(
            "silence",
            State.BAD,
            f"The interface itself sent {facts.own_frames:,} frames{whom}: a sensor's port should be silent.",
            "Give it no address, no DHCP and no LLDP, and switch IPv6 off: "
            "sysctl -w net.ipv6.conf.IFACE.disable_ipv6=1.",
        )
    return Judgement("silence", State.GOOD, "The interface itself sent nothing.")


def _unless_empty(facts: MirrorFacts, code: str, text: str) -> Judgement:
    if facts.packets:
        return Judgement(code, State.GOOD, text)
    return Judgement(code, State.UNKNOWN, "No packet came to tell by.", "Mend what keeps traffic away first.")


CHECKS: tuple[Callable[[MirrorFacts], Judgement], ...] = (
    _traffic,
    _vlans,
    _directions,
    _duplicates,
    _offload,
    _drops,
    _clock,
    _silence,
)


def judge(facts: MirrorFacts) -> tuple[Judgement, ...]:
    """Return what every check says, in a fixed order."""
    return tuple(check(facts) for check in CHECKS)
