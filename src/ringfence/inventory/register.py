"""The register: observations in, devices out. Incremental; the same input gives the same devices.

Rule 1: taking more facts costs what is new: addresses are correlated again when what ties them changed
(``correlation.py``), and a device is made again when something was said of its parts, or what ties them changed.
Rule 2: that a device was merely seen again may wait, where whoever asks has patience: nothing but times changes by it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from ringfence.inventory.addresses import canonical, ip_kind, is_group_mac
from ringfence.inventory.classify import Verdict, classify
from ringfence.inventory.clues import BUILTIN_CLUES, PART_SEEN, Clue
from ringfence.inventory.correlate import Group
from ringfence.inventory.correlation import Correlation
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
        self._correlation = Correlation(self._evidence, self._options)
        # What was said of each value, by its identity; it holds the value, so that no other takes its place.
        self._said: dict[int, tuple[Mapping[str, object], str, tuple[ClaimKey, ...]]] = {}
        self._dirty: set[str] = set()  # parts of which something new was said since the last look
        self._again: dict[str, int] = {}  # parts that were merely seen again, and since when that waits (ns)
        self._now = -(1 << 63)  # ns of capture time
        self._built: dict[int, tuple[Group, Device | None]] = {}  # by the group's identity
        self._by_id: dict[str, Device] = {}
        self._owners: dict[str, str] = {}
        self._ordered: list[Device] | None = None
        self._changed: dict[str, Device] = {}  # since the last ``changes``
        self._gone: set[str] = set()

    def observe(self, observations: Iterable[Observation]) -> None:
        """Take new and changed observations. Taking one twice changes nothing."""
        for fact in observations:
            subject = fact.subject
            self._now = max(self._now, fact.last)
            if fact.kind != "flow.targeted":  # Whom others tried in vain to reach need not be there.
                self._part(subject, fact.first, fact.last)
            ties, readers = Evidence.reads(fact.kind), self._readers.get(fact.kind, ())
            if ties:
                self._evidence.take(fact)
            if (ties or readers) and self._claim(fact, readers):
                self._dirty.add(subject.id)
            else:
                self._seen_again(subject, fact.last)

    def conversations(self, conversations: Iterable[Conversation]) -> None:
        """Take who talked to whom: roles come from here."""
        for conversation in conversations:
            if not _may_be_forged(conversation):
                self._part(conversation.source, conversation.first, conversation.last)
            if conversation.answered:
                self._part(conversation.destination, conversation.first, conversation.last)
            self._now = max(self._now, conversation.last)
            if self._roles.take(conversation):
                self._dirty |= {conversation.source.id, conversation.destination.id}
            else:
                self._seen_again(conversation.source, conversation.last)
                self._seen_again(conversation.destination, conversation.last)

    def decide(self, decisions: Iterable[Decision]) -> None:
        """Take all decisions of people that are in force; they replace those taken before."""
        self._decided = Decided.of(decisions)
        self._evidence.everywhere |= {part.address.domain for part in self._evidence.parts.values()}
        self._dirty |= self._evidence.parts.keys()

    def devices(self) -> list[Device]:
        """Return all devices in canonical order. A device that did not change is the same object as before."""
        self._look()
        if self._ordered is None:
            built = sorted(self._built.values(), key=lambda each: _order(each[0]))
            self._ordered = [device for _, device in built if device is not None]
        return list(self._ordered)

    def changes(self, patience: int = 0) -> tuple[list[Device], list[str]]:
        """Return the devices that are new or changed since this was last asked, and the ids of those that are gone.

        Args:
            patience: ns of capture time for which a device that was merely seen again may be left out.
        """
        self._look(patience)
        told = list(self._changed.values()), sorted(self._gone)
        self._changed, self._gone = {}, set()
        return told

    def __len__(self) -> int:
        """Return how many devices there were at the last look."""
        return len(self._by_id)

    def __contains__(self, identity: str) -> bool:
        """Return whether there was a device of this id at the last look."""
        return identity in self._by_id

    def device_of(self, part_id: str) -> str | None:
        """Return the id of the device that a part belongs to; peers and groups belong to none."""
        self._look()
        return self._owners.get(part_id)

    def owners(self) -> dict[str, str]:
        """Return the ids of all parts that belong to a device, with that device's id."""
        self._look()
        return dict(self._owners)

    # --- what changed -----------------------------------------------------------------------------------------------

    def _look(self, patience: int = 0) -> None:
        """Correlate and make again what is due."""
        evidence = self._evidence
        waited = list(self._waiting(self._now - patience))
        if not (waited or self._dirty or evidence.touched or evidence.everywhere):
            return
        gone, new = self._correlation.look(self._decided)
        dirty = {(part.address.domain, part.address.value) for part in self._parts(self._dirty)}
        self._dirty = set()
        before = {group.key: self._built.pop(id(group))[1] for group in gone}
        due = {id(group): group for address in dirty for group in self._correlation.at(*address)}
        same: dict[int, tuple[Group, Device | None]] = {}
        for group in new:
            if group.key in before and id(group) not in due:
                same[id(group)] = (group, before.pop(group.key))
            else:
                due[id(group)] = group
        left = [device for device in before.values() if device is not None]
        self._built |= same
        for each in waited:
            del self._again[each]
        again = {
            id(group): group
            for part in self._parts(waited)
            for group in self._correlation.at(part.address.domain, part.address.value)
            if id(group) not in due
        }
        if self._make([*due.values(), *again.values()], left, again.keys()):
            # A new fingerprint may describe any device.
            self._make([group for group, _ in self._built.values()], [], ())

    def _make(self, groups: Iterable[Group], left: list[Device], again: Collection[int]) -> bool:
        """Make devices, in the place of those that were made of these groups and of ``left``.

        ``again``: identities of the groups of which nothing but times changed. Answers whether a correction taught
        something new.
        """
        made: dict[str, Device] = {}
        for group in sorted(groups, key=_order):
            known = self._built.get(id(group), (group, None))[1]
            if known is not None:
                left.append(known)
            where = [(group.domain, value) for value in (*group.macs, *group.ips)]
            parts = [part for address in where for part in self._parts(self._evidence.at.get(address, ()))]
            for part in parts:
                if len(self._correlation.at(group.domain, part.address.value)) == 1:  # Others of it wait still.
                    self._again.pop(part.id, None)
            device = self._later(group, parts, known) if known is not None and id(group) in again else None
            device = device or self._device(group, parts)
            if device is not None:
                known = self._by_id.get(device.id)
                device = made[device.id] = known if known == device else device
            self._built[id(group)] = (group, device)
        for device in left:
            self._forget(device, made)
        for device in made.values():
            if self._by_id.get(device.id) is not device:
                self._by_id[device.id] = self._changed[device.id] = device
                self._gone.discard(device.id)
            self._owners |= {part.id: device.id for part in device.parts}
        if made or left:
            self._ordered = None
        if not self._decided.corrections:
            return False
        return sum(self._decided.learn(each, each.claims) for each in made.values()) > 0

    def _forget(self, device: Device, made: Mapping[str, Device]) -> None:
        """Take away a device that was made before, or what it had beyond what it has now."""
        for part in device.parts:
            if self._owners.get(part.id) == device.id:
                del self._owners[part.id]
        if device.id not in made and self._by_id.get(device.id) is device:
            del self._by_id[device.id]
            self._changed.pop(device.id, None)
            self._gone.add(device.id)

    def _waiting(self, until: int) -> Iterator[str]:
        """Yield the parts that were seen again and have waited since ``until`` (ns); the longest first."""
        for each, since in self._again.items():
            if since > until:
                break
            yield each

    def _parts(self, ids: Iterable[str]) -> Iterator[Part]:
        for each in ids:
            part = self._evidence.parts.get(each)
            if part is not None:
                yield part

    # --- parts ------------------------------------------------------------------------------------------------------

    def _seen_again(self, part: Part, last: int) -> None:
        self._again.setdefault(part.id, last)

    def _part(self, part: Part, first: int, last: int) -> None:
        span = self._seen.get(part.id)
        if span is not None:
            if first < span.first:
                span.first = first
            if last > span.last:
                span.last = last
            return
        self._seen[part.id] = Span(first, last)
        self._dirty.add(part.id)
        if _can_be_device(part):
            part = replace(part, address=canonical(part.address))
            self._evidence.add(part)
            fact = Observation(PART_SEEN, part, None, {}, 1, first, last)
            kept = self._claims.setdefault(part.id, {})
            for clue in self._readers.get(PART_SEEN, ()):
                for claim in clue.claims(fact):
                    _keep(kept, claim, fact)

    def _claim(self, fact: Observation, readers: Iterable[Clue]) -> bool:
        """Keep what clues say of a fact. They read its value and its part: said again, it says the same again.

        Answers whether it was not said before, or not so early.
        """
        subject = fact.subject.id
        known = self._said.get(id(fact.value))
        if known is not None and known[1] == subject:
            kept, earlier = self._claims[subject], False
            for key in known[2]:
                earlier = earlier or fact.first < kept[key].first  # Who had the address then may be another.
                kept[key] = _widened(kept[key], fact)
            return earlier
        kept = self._claims.setdefault(subject, {})
        made = [_keep(kept, claim, fact) for clue in readers for claim in clue.claims(fact)]
        self._said[id(fact.value)] = (fact.value, subject, tuple(key for key in made if key is not None))
        return True

    # --- devices ----------------------------------------------------------------------------------------------------

    def _device(self, group: Group, parts: list[Part]) -> Device | None:
        whole = self._whole(group, parts)
        if not whole:
            return None
        ids = [part.id for part in whole]
        claims = self._claimed(group, parts, ids)
        marks = set(group.marks)
        roles = self._roles.of(ids)
        if self._translates(group, claims):
            marks.add("nat")
        claims += self._decided.proposed(claims)
        verdict = classify(claims, roles, self._knowledge, self._options)
        return self._decided.corrected(self._filled(group, marks, whole, [*claims, *verdict.derived], verdict))

    def _later(self, group: Group, parts: list[Part], known: Device) -> Device | None:
        """Return a device of which nothing but times changed; None where more may hang on these."""
        dated = any(claim.clue == "maker_fits" for claim in known.claims)
        if dated or self._decided.corrections or len(known.claims) >= self._options.claims_per_device:
            return None
        whole = self._whole(group, parts)
        spans = [self._seen[part.id] for part in whole]
        derived = [claim for claim in known.claims if claim.clue == "maker_class"]
        claims = {*self._claimed(group, parts, [part.id for part in whole]), *derived}
        first, last = min(span.first for span in spans), max(span.last for span in spans)
        return replace(known, first=first, last=last, claims=tuple(sorted(claims, key=_claim_order)))

    def _whole(self, group: Group, parts: list[Part]) -> list[Part]:
        """The parts that are this device's now, not only for some time."""
        return [part for part in parts if part.address.value not in group.spans or self._last_holder(group, part)]

    def _claimed(self, group: Group, parts: list[Part], ids: list[str]) -> list[Claim]:
        """What is claimed of a device, before it is weighed."""
        claims = [*self._gathered(group, parts), *self._roles.claims(ids), *_forwarding(group)]
        # A router asks for names on behalf of others.
        return [claim for claim in claims if claim.clue != "name_asked"] if "router" in group.marks else claims

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
                    words = (claim.field, claim.value, claim.weight, claim.clue, claim.evidence)
                    claim = Claim(*words, seen.first, seen.last, claim.packets)
                if span is None or span.first <= claim.first < span.last:
                    yield claim

    def _filled(
        self, group: Group, marks: set[str], parts: list[Part], claims: list[Claim], verdict: Verdict
    ) -> Device:
        texts = verdict.texts
        names = {claim.value for claim in claims if claim.field == "name"}
        spans = [self._seen[part.id] for part in parts]
        product = texts.get("product")
        title = product or " ".join(filter(None, (verdict.vendor, class_words(verdict.device_class))))
        fallback = title if verdict.device_class != "unknown" or product else (group.ips or group.macs)[0]
        ordered = sorted(set(claims), key=_claim_order)
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
            marks=tuple(sorted(marks | _marks(claims))),
            first=min(span.first for span in spans),
            last=max(span.last for span in spans),
            claims=tuple(ordered[: self._options.claims_per_device]),
            conflicts=verdict.conflicts,
            merge_reasons=tuple(dict.fromkeys(group.reasons)),
            domain=group.domain,
        )


def _claim_order(claim: Claim) -> tuple[object, ...]:
    return claim.field, -claim.weight, claim.value, claim.clue, claim.evidence, claim.first, claim.last


def _order(group: Group) -> tuple[object, ...]:
    """Canonical order; what a person freed from several devices may begin with the same address."""
    return group.order, group.key


def _keep(kept: dict[ClaimKey, Claim], claim: Claim, fact: Observation) -> ClaimKey | None:
    """Add a claim to those of its part; answers under what it is kept."""
    if not claim.value.strip():
        return None  # Devices do send names made of nothing.
    key = (claim.field, claim.value, claim.clue, claim.evidence)
    known = kept.get(key)
    if known is not None:
        if claim.weight > known.weight:
            known = replace(known, weight=claim.weight)
        kept[key] = _widened(known, fact)
    elif len(kept) < _CLAIMS_PER_PART:
        # Written out: dataclasses.replace takes a quarter of the whole time here.
        kept[key] = Claim(*key[:2], claim.weight, *key[2:], fact.first, fact.last, fact.packets)
    else:
        return None
    return key


def _widened(claim: Claim, fact: Observation) -> Claim:
    if fact.first >= claim.first and fact.last <= claim.last:
        return claim
    words = (claim.field, claim.value, claim.weight, claim.clue, claim.evidence)
    return Claim(*words, min(claim.first, fact.first), max(claim.last, fact.last), claim.packets)


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
