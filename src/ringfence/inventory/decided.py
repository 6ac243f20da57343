"""What people decided about devices, applied to what the register finds.

Rule 1: a person's word is final for the field that it is about; what the clues say stays beside it as a conflict.
Rule 2: later decisions win over earlier ones. A decision about parts that are not known yet waits for them.
Rule 3: a corrected class, maker, product or model becomes a local fingerprint: devices that the same clues describe in
the same words are proposed the same answer, below a person's certainty. A MAC prefix alone is no fingerprint.
Rule 4: nothing is joined across domains.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ringfence.inventory.correlate import Group
from ringfence.model.decision import Decision, purdue_level
from ringfence.model.device import CLASSES, Claim, Conflict, Device
from ringfence.model.observation import Part

__all__ = ["Decided", "Signature", "signature"]

PERSON = "person"
LOCAL = "local_fingerprint"
_LEARNT = frozenset({"class", "vendor", "product", "model"})
_WEIGHT = 0.8  # of a local fingerprint: less than a person's word, more than most clues
_SILENT = frozenset(
    {"oui", "oui_vendor", "mac_kind", "maker_class", "maker_fits", "asks_many", "engineers", PERSON, LOCAL}
)
_DESCRIBES = frozenset({"class", "vendor", "product", "model", "os"})

Signature = frozenset[tuple[str, str, str]]  # clue, field, value


def signature(claims: Iterable[Claim]) -> Signature | None:
    """Return what the clues say a device is, or None where nothing but its MAC prefix speaks."""
    found = frozenset(
        (claim.clue, claim.field, claim.value)
        for claim in claims
        if claim.clue not in _SILENT and claim.field in _DESCRIBES
    )
    return found or None


@dataclass
class Decided:
    """Decisions in force, by what they do."""

    corrections: dict[str, dict[str, Decision]] = field(default_factory=dict)  # part id, field
    merges: list[Decision] = field(default_factory=list)
    splits: list[Decision] = field(default_factory=list)
    fingerprints: dict[Signature, dict[str, Decision]] = field(default_factory=dict)
    _together: dict[str, set[str]] = field(default_factory=dict)  # part id: those that one decision joins or frees

    @classmethod
    def of(cls, decisions: Iterable[Decision]) -> Decided:
        """Sort decisions, the oldest first, by kind."""
        made = cls()
        for decision in sorted(decisions, key=lambda each: (each.time, each.id)):
            if decision.kind == "correct" and decision.field and decision.value is not None:
                for part in decision.parts:
                    made.corrections.setdefault(part, {})[decision.field] = decision
            elif decision.kind == "merge":
                made.merges.append(decision)
            elif decision.kind == "split":
                made.splits.append(decision)
        for decision in (*made.merges, *made.splits):
            for part in decision.parts:
                made._together.setdefault(part, set()).update(decision.parts)
        return made

    def together(self, part: str) -> Iterable[str]:
        """Return the parts that stand in a decision to join or free with this one."""
        return self._together.get(part, ())

    # --- groups -----------------------------------------------------------------------------------------------------

    def regroup(self, groups: list[Group], parts: Mapping[str, Part]) -> list[Group]:
        """Join and free parts of one domain's groups as people decided, the oldest decision first."""
        for decision in sorted((*self.merges, *self.splits), key=lambda each: (each.time, each.id)):
            addresses = {
                part.address.value
                for part in (parts.get(each) for each in decision.parts)
                if part is not None and groups and part.address.domain == groups[0].domain
            }
            if addresses:
                groups = (_joined if decision.kind == "merge" else _freed)(groups, addresses, decision)
        return groups

    # --- one device -------------------------------------------------------------------------------------------------

    def learn(self, device: Device, claims: Iterable[Claim]) -> bool:
        """Take a corrected device's description as a fingerprint; answers whether it was new."""
        words = signature(claims)
        made = {name: each for name, each in self._of(device.parts).items() if name in _LEARNT}
        if words is None or not made:
            return False
        known = self.fingerprints.get(words, {})
        newer = {name: each for name, each in made.items() if name not in known or known[name].time < each.time}
        self.fingerprints[words] = {**known, **newer}
        return bool(newer)

    def proposed(self, claims: Iterable[Claim]) -> Iterator[Claim]:
        """Yield what a local fingerprint says of a device with these claims."""
        if not self.fingerprints:
            return
        words = signature(claims)
        for name, decision in (self.fingerprints.get(words, {}) if words else {}).items():
            sentence = f"The same clues describe it as a device that {decision.who} corrected."
            yield Claim(name, decision.value or "", _WEIGHT, LOCAL, sentence, decision.time, decision.time)

    def corrected(self, device: Device) -> Device:
        """Return the device with what people said of it."""
        made = self._of(device.parts)
        if not made:
            return device
        claims, conflicts, changes = list(device.claims), list(device.conflicts), dict[str, object]()
        for name, decision in sorted(made.items()):
            value = decision.value or ""
            if name == "class" and value not in CLASSES:
                continue
            attribute = "device_class" if name == "class" else name
            found = getattr(device, attribute)
            before = f"{found:g}" if isinstance(found, float) else found
            changes[attribute] = purdue_level(value) if name == "purdue_level" else value
            sentence = f"{decision.who} said so" + (f": {decision.reason}" if decision.reason else ".")
            claims.insert(0, Claim(name, value, 1.0, PERSON, sentence, decision.time, decision.time))
            conflicts = [each for each in conflicts if each.field != name]
            if before not in (None, "", "unknown", value):
                conflicts.append(Conflict(name, value, str(before), f"{decision.who} corrected what the clues say."))
        if "device_class" in changes:
            changes["confidence"] = 1.0
        if "vendor" in changes:
            changes["vendor_confidence"] = 1.0
        return replace(device, claims=tuple(claims), conflicts=tuple(conflicts), **changes)  # type: ignore[arg-type] # By name.

    def _of(self, parts: Iterable[Part]) -> dict[str, Decision]:
        """The last word on each field."""
        last: dict[str, Decision] = {}
        for part in parts:
            for name, decision in self.corrections.get(part.id, {}).items():
                if name not in last or (decision.time, decision.id) > (last[name].time, last[name].id):
                    last[name] = decision
        return last


def _joined(groups: list[Group], addresses: set[str], decision: Decision) -> list[Group]:
    wanted = [group for group in groups if addresses & {*group.macs, *group.ips}]
    if len(wanted) < 2:
        return groups
    into = wanted[0]
    for group in wanted[1:]:
        into.absorb(group)
    into.reasons.append(_sentence(decision, "joined these"))
    gone = {id(group) for group in wanted[1:]}
    return [group for group in groups if id(group) not in gone]


def _freed(groups: list[Group], addresses: set[str], decision: Decision) -> list[Group]:
    out: list[Group] = []
    for group in groups:
        own = addresses & {*group.macs, *group.ips}
        if not own or own == {*group.macs, *group.ips}:
            out.append(group)
            continue
        free = Group(group.domain, sorted(own & set(group.macs)), sorted(own & set(group.ips)))
        free.spans = {ip: span for ip, span in group.spans.items() if ip in own}
        free.reasons = [_sentence(decision, f"split it from the device with {_first(group, own)}")]
        group.reasons = [reason for reason in group.reasons if not any(value in reason for value in own)]
        group.reasons.append(_sentence(decision, f"split {', '.join(sorted(own))} from it"))
        group.macs = [mac for mac in group.macs if mac not in own]
        group.ips = [ip for ip in group.ips if ip not in own]
        group.spans = {ip: span for ip, span in group.spans.items() if ip not in own}
        out += [group, free]
    return out


def _first(group: Group, own: set[str]) -> str:
    return next(value for value in (*group.macs, *group.ips) if value not in own)


def _sentence(decision: Decision, words: str) -> str:
    return f"{decision.who} {words}" + (f": {decision.reason}" if decision.reason else ".")
