"""The register: observations in, devices out. Incremental; the same input gives the same devices.

Rule 1: taking more facts costs what is new: a domain is correlated again when something was said in it, and a device is
made again when its parts or what ties them changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ringfence.inventory.addresses import canonical, ip_kind, is_group_mac
from ringfence.inventory.classify import Verdict, classify
from ringfence.inventory.clues import BUILTIN_CLUES, PART_SEEN, Clue
from ringfence.inventory.correlate import Group, correlate
from ringfence.inventory.decided import Decided
from ringfence.inventory.evidence import Evidence, Span
from ringfence.inventory.knowledge import Knowledge
from ringfence.inventory.options import InventoryOptions
from ringfence.inventory.roles import Roles
from ringfence.model.decision import Decision
from ringfence.model.device import Claim, Device, class_words
from ringfence.model.flow import Conversation
from ringfence.model.ids import device_id
from ringfence.model.observation import Observation, Part

__all__ = ["Register"]

_CLAIMS_PER_PART = 512
_FEW_PACKETS = 4
ClaimKey = tuple[str, str, str, str]  # field, value, clue, evidence
#: Everything that correlation says of a device.
GroupKey = tuple[object, ...]


class Register:
    """What is known of all devices.

    Args:
        knowledge: registries and fingerprints that the clues ask.
        options: thresholds.
        clues: the clues to run.
    """

    def __init__(
        self, knowledge: Knowledge, options: InventoryOptions | None = None, clues: Iterable[type[Clue]] = BUILTIN_CLUES
    ) -> None:
        self._knowledge = knowledge
        self._options = options or InventoryOptions()
        self._readers: dict[str, list[Clue]] = {}
        for made in (clue(knowledge) for clue in clues):
            for kind in (made.READS,) if isinstance(made.READS, str) else made.READS:
                self._readers.setdefault(kind, []).append(made)
        self._by_sight = frozenset(clue.NAME for clue in self._readers.get(PART_SEEN, ()))
        self._evidence = Evidence()
        self._claims: dict[str, dict[ClaimKey, Claim]] = {}
        self._seen: dict[str, Span] = {}
        self._roles = Roles()
        self._decided = Decided()
        self._stirred: set[str] = set()  # domains in which something was said since the last look
        self._dirty: set[str] = set()  # parts of which something was said
        self._groups: dict[str, list[Group]] = {}
        self._built: dict[GroupKey, Device | None] = {}
        self._devices: list[Device] = []
        self._owners: dict[str, str] = {}

    def observe(self, observations: Iterable[Observation]) -> None:
        """Take new and changed observations. Taking one twice changes nothing."""
        for fact in observations:
            subject = fact.subject
            self._stir(subject)
            if fact.kind != "flow.targeted":  # Whom others tried in vain to reach need not be there.
                self._part(subject, fact.first, fact.last)
            if Evidence.reads(fact.kind):
                self._evidence.take(fact)
            readers = self._readers.get(fact.kind)
            if readers:
                kept = self._claims.setdefault(subject.id, {})
                for clue in readers:
                    for claim in clue.claims(fact):
                        _keep(kept, claim, fact)

    def conversations(self, conversations: Iterable[Conversation]) -> None:
        """Take who talked to whom: roles come from here."""
        for conversation in conversations:
            if not _may_be_forged(conversation):
                self._part(conversation.source, conversation.first, conversation.last)
            if conversation.answered:
                self._part(conversation.destination, conversation.first, conversation.last)
            self._roles.take(conversation)
            self._stir(conversation.source)
            self._stir(conversation.destination)

    def decide(self, decisions: Iterable[Decision]) -> None:
        """Take all decisions of people that are in force; they replace those taken before."""
        self._decided = Decided.of(decisions)
        self._stirred |= {part.address.domain for part in self._evidence.parts.values()}
        self._built.clear()

    def devices(self) -> list[Device]:
        """Return all devices in canonical order. A device that did not change is the same object as before."""
        if self._stirred:
            groups = correlate(self._evidence, self._options, self._stirred)
            for domain in self._stirred:
                self._groups[domain] = self._decided.regroup(groups.get(domain, []), self._evidence.parts)
            if self._rebuild():
                self._built.clear()  # A new fingerprint may describe any device.
                self._rebuild()
            self._stirred.clear()
            self._dirty.clear()
        return list(self._devices)

    def _stir(self, part: Part) -> None:
        self._stirred.add(part.address.domain)
        self._dirty.add(part.id)

    def _rebuild(self) -> bool:
        """Make what changed; answers whether a correction taught something new."""
        by_address: dict[tuple[str, str], list[Part]] = {}
        for part in self._evidence.parts.values():
            by_address.setdefault((part.address.domain, part.address.value), []).append(part)
        built: dict[GroupKey, Device | None] = {}
        for group in sorted((group for each in self._groups.values() for group in each), key=lambda each: each.order):
            key = group.key
            parts = [part for value in (*group.macs, *group.ips) for part in by_address.get((group.domain, value), ())]
            if key in self._built and not any(part.id in self._dirty for part in parts):
                built[key] = self._built[key]
            else:
                built[key] = self._device(group, parts)
        self._built = built
        self._devices = [device for device in built.values() if device is not None]
        self._owners = {part.id: device.id for device in self._devices for part in device.parts}
        if not self._decided.corrections:
            return False
        return sum(self._decided.learn(each, each.claims) for each in self._devices) > 0

    def device_of(self, part_id: str) -> str | None:
        """Return the id of the device that a part belongs to; peers and groups belong to none."""
        self.devices()
        return self._owners.get(part_id)

    def owners(self) -> dict[str, str]:
        """Return the ids of all parts that belong to a device, with that device's id."""
        self.devices()
        return dict(self._owners)

    # --- parts ------------------------------------------------------------------------------------------------------

    def _part(self, part: Part, first: int, last: int) -> None:
        span = self._seen.get(part.id)
        if span is not None:
            if first < span.first:
                span.first = first
            if last > span.last:
                span.last = last
            return
        self._seen[part.id] = Span(first, last)
        if _can_be_device(part):
            self._evidence.parts[part.id] = part = replace(part, address=canonical(part.address))
            fact = Observation(PART_SEEN, part, None, {}, 1, first, last)
            kept = self._claims.setdefault(part.id, {})
            for clue in self._readers.get(PART_SEEN, ()):
                for claim in clue.claims(fact):
                    _keep(kept, claim, fact)

    # --- devices ----------------------------------------------------------------------------------------------------

    def _device(self, group: Group, parts: list[Part]) -> Device | None:
        if not parts:
            return None
        whole = [part for part in parts if part.address.value not in group.spans or self._last_holder(group, part)]
        if not whole:
            return None
        ids = [part.id for part in whole]
        claims = [*self._gathered(group, parts), *self._roles.claims(ids), *_forwarding(group)]
        roles = self._roles.of(ids)
        if "router" in group.marks:
            # A router asks for names on behalf of others.
            claims = [claim for claim in claims if claim.clue != "name_asked"]
        if self._translates(group, claims):
            group.marks.add("nat")
        claims += self._decided.proposed(claims)
        verdict = classify(claims, roles, self._knowledge, self._options)
        return self._decided.corrected(self._filled(group, whole, [*claims, *verdict.derived], verdict))

    @staticmethod
    def _last_holder(group: Group, part: Part) -> bool:
        return group.spans[part.address.value].last >= 1 << 62

    def _translates(self, group: Group, claims: Iterable[Claim]) -> bool:
        """Return whether several hosts speak with one address: two starting TTLs and two families of systems."""
        lives = (self._evidence.ttl.get((group.domain, ip), set()) for ip in group.ips)
        if not any({64, 128} <= found for found in lives):
            return False
        systems = {claim.value.split()[0] for claim in claims if claim.field == "os"}
        return "Windows" in systems and bool(systems & {"Android", "iOS", "iPadOS", "macOS", "Linux"})

    def _gathered(self, group: Group, parts: list[Part]) -> Iterator[Claim]:
        for part in parts:
            span, seen = group.spans.get(part.address.value), self._seen[part.id]
            for claim in self._claims.get(part.id, {}).values():
                if claim.clue in self._by_sight:  # What an address alone says holds as long as it is seen.
                    claim = replace(claim, first=seen.first, last=seen.last)
                if span is None or span.first <= claim.first < span.last:
                    yield claim

    def _filled(self, group: Group, parts: list[Part], claims: list[Claim], verdict: Verdict) -> Device:
        texts = verdict.texts
        names = {claim.value for claim in claims if claim.field == "name"}
        spans = [self._seen[part.id] for part in parts]
        product = texts.get("product")
        title = product or " ".join(filter(None, (verdict.vendor, class_words(verdict.device_class))))
        fallback = title if verdict.device_class != "unknown" or product else (group.ips or group.macs)[0]
        ordered = sorted(
            set(claims),
            key=lambda claim: (
                *(claim.field, -claim.weight, claim.value, claim.clue, claim.evidence),
                *(claim.first, claim.last),
            ),
        )
        return Device(
            id=device_id(parts[0].id),
            parts=tuple(parts),
            name=texts.get("name") or fallback,
            device_class=verdict.device_class,
            vendor=verdict.vendor,
            product=product,
            model=texts.get("model"),
            firmware=texts.get("firmware"),
            serial=texts.get("serial"),
            os=texts.get("os"),
            purdue_level=verdict.purdue_level,
            confidence=verdict.confidence,
            vendor_confidence=verdict.vendor_confidence,
            roles=self._roles.of([part.id for part in parts]),
            macs=tuple(group.macs),
            ips=tuple(group.ips),
            names=tuple(sorted(names)),
            marks=tuple(sorted(group.marks | _marks(claims))),
            first=min(span.first for span in spans),
            last=max(span.last for span in spans),
            claims=tuple(ordered[: self._options.claims_per_device]),
            conflicts=verdict.conflicts,
            merge_reasons=tuple(dict.fromkeys(group.reasons)),
            domain=group.domain,
        )


def _keep(kept: dict[ClaimKey, Claim], claim: Claim, fact: Observation) -> None:
    if not claim.value.strip():
        return  # Devices do send names made of nothing.
    key = (claim.field, claim.value, claim.clue, claim.evidence)
    known = kept.get(key)
    if known is not None:
        if claim.weight > known.weight:
            kept[key] = known = replace(known, weight=claim.weight)
        if fact.first >= known.first and fact.last <= known.last:
            return
        first, last = min(known.first, fact.first), max(known.last, fact.last)
        kept[key] = replace(known, first=first, last=last)
    elif len(kept) < _CLAIMS_PER_PART:
        # Written out: dataclasses.replace takes a quarter of the whole time here.
        kept[key] = Claim(*key[:2], claim.weight, *key[2:], fact.first, fact.last, fact.packets)


def _may_be_forged(conversation: Conversation) -> bool:
    """A few packets that nobody answered and that say nothing show no device: a flood names a million addresses.

    Whoever sends them in this network is known by the frames' hardware address, and by ``flow.attempts``.
    """
    unheard = not conversation.answered and conversation.protocol == conversation.transport
    return (
        unheard and conversation.packets <= _FEW_PACKETS and not ip_kind(conversation.destination.address.value).nobody
    )


def _can_be_device(part: Part) -> bool:
    """Groups and nobody's addresses never are; public ones may be a local device's, correlation decides."""
    address = part.address
    if address.kind == "mac":
        return not is_group_mac(address.value)
    if address.kind in ("ipv4", "ipv6"):
        return not ip_kind(address.value).nobody
    return False


def _forwarding(group: Group) -> Iterator[Claim]:
    public = [ip for ip in group.forwards if ip_kind(ip).version == 4]
    if len(public) > 1:
        sentence = (
            f"Frames from its MAC carry {len(public)} public source addresses, such as {public[0]}: "
            "it forwards for others."
        )
        yield Claim("class", "router", 0.62, "forwards_packets", sentence)


def _marks(claims: Iterable[Claim]) -> set[str]:
    found = set()
    for claim in claims:
        if claim.field == "randomised":
            found.add("randomised_mac")
        elif claim.field == "virtual" and "virtual machines" in claim.value:
            found.add("virtual_machine")
    return found
