"""Weigh claims: one answer a field, or none (contract §8: ``unknown`` is an answer).

Rule 1: within a clue the strongest claim counts; across clues they add up as independent evidence (noisy or).
Rule 2: a rival answer lowers the confidence of the winner; a more general class is no rival of a special one.
Rule 3: a phone asks for every maker's cloud: where a device is a general-purpose one, or asks for several makers'
clouds, what it asks for tells nothing of its maker.
Rule 4: the MAC prefix supports a maker that another clue names, or a maker of what other clues say the device is; by
itself it names none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ringfence.inventory.knowledge import Knowledge
from ringfence.inventory.options import InventoryOptions
from ringfence.model.device import CLASSES, UNKNOWN, Claim, Conflict, Role

__all__ = ["Answer", "Verdict", "classify"]

GENERAL_PURPOSE = frozenset({"mobile", "laptop", "workstation", "server"})
# Special class: the general ones that it doesn't contradict.
REFINES: Mapping[str, frozenset[str]] = {
    "laptop": frozenset({"workstation"}),
    "mobile": frozenset(),
    "engineering_station": frozenset({"workstation", "server"}),
    "scada_server": frozenset({"workstation", "server"}),
    "historian": frozenset({"workstation", "server"}),
    "opc_server": frozenset({"workstation", "server"}),
    "hmi": frozenset({"workstation"}),
    "pacs_server": frozenset({"server"}),
    "nas": frozenset({"server", "media_player"}),
    "nvr": frozenset({"server", "ip_camera"}),
    "hypervisor": frozenset({"server", "workstation"}),
    "server": frozenset({"workstation"}),
    "smart_tv": frozenset({"media_player"}),
    "voice_assistant": frozenset({"media_player"}),
    "signage": frozenset({"media_player"}),
    "safety_controller": frozenset({"plc"}),
    "dcs_controller": frozenset({"plc"}),
    "plc": frozenset({"protocol_gateway", "remote_io"}),
    "industrial_switch": frozenset({"switch"}),
    "industrial_router": frozenset({"router"}),
    "firewall": frozenset({"router"}),
    "access_point": frozenset({"router"}),
    "environmental_sensor": frozenset({"sensor"}),
    "thermostat": frozenset({"hvac_controller"}),
    "hvac_controller": frozenset({"bms_controller"}),
    "lighting_controller": frozenset({"bms_controller"}),
    "smart_light": frozenset({"smart_plug"}),
    "alarm_siren": frozenset({"smart_plug"}),
}
PURDUE: Mapping[str, float] = {
    **dict.fromkeys(("sensor", "actuator", "drive", "motor_starter", "meter"), 0.0),
    **dict.fromkeys(
        (
            "plc",
            "safety_controller",
            "rtu",
            "ied",
            "protection_relay",
            "dcs_controller",
            "remote_io",
            "robot",
            "cnc",
            "pmu",
        ),
        1.0,
    ),
    **dict.fromkeys(("bms_controller", "hvac_controller", "lighting_controller"), 1.0),
    **dict.fromkeys(("hmi", "scada_server", "protocol_gateway", "serial_server", "industrial_switch"), 2.0),
    **dict.fromkeys(("engineering_station", "historian", "opc_server", "industrial_router", "time_server"), 3.0),
}
_CLEARLY = 0.1
_DHCP_CLUES = frozenset({"dhcp_fingerprint", "dhcp_vendor_class"})
_TELLING = 0.6
# Clues that describe a program: it may run in a virtual machine, or on another maker's hardware.
_SOFTWARE_CLUES = frozenset({"http_agent", "ssdp_message", "name_asked", "tls_fingerprint"})
_TEXT_FIELDS = ("product", "model", "firmware", "serial", "os", "name")


@dataclass(frozen=True, slots=True)
class Answer:
    """The best value of a field, its confidence, and the rival."""

    value: str
    confidence: float
    rival: str = ""
    rival_confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """All answers about one device."""

    device_class: str
    confidence: float
    vendor: str | None
    vendor_confidence: float
    texts: Mapping[str, str]
    purdue_level: float | None
    conflicts: tuple[Conflict, ...]
    derived: tuple[Claim, ...]


def classify(
    claims: Iterable[Claim], roles: Iterable[Role], knowledge: Knowledge, options: InventoryOptions
) -> Verdict:
    """Weigh the claims about one device."""
    by_field: dict[str, list[Claim]] = {}
    for claim in claims:
        by_field.setdefault(claim.field, []).append(claim)
    classes, vendors = by_field.get("class", []), list(by_field.get("vendor", []))
    asked = {claim.value for claim in vendors if claim.clue == "name_asked"}
    own = [claim for claim in classes if claim.clue != "name_asked"]
    own_class = _best(_scores(own), REFINES)
    general = own_class.value in GENERAL_PURPOSE and own_class.confidence >= 0.45
    if general or len(asked) > 2:
        # Android runs in televisions and speakers: where DHCP alone speaks for a phone, names that only one sort of
        # device asks for still count.
        only_dhcp = own_class.value == "mobile" and {claim.clue for claim in own} <= _DHCP_CLUES and len(asked) <= 2
        kept = {claim.evidence for claim in classes if only_dhcp and claim.weight >= _TELLING} - {
            claim.evidence for claim in own
        }
        vendors = [claim for claim in vendors if claim.clue != "name_asked" or claim.evidence in kept]
        classes = [claim for claim in classes if claim.clue != "name_asked" or claim.evidence in kept]
    classes, vendors = _one_answer_a_sentence(classes), _one_answer_a_sentence(vendors)
    organisations = by_field.get("oui_vendor", [])
    vendors = list(_doubted(vendors, organisations, knowledge))
    vendor = _vendor(vendors, organisations)
    fitting: tuple[Claim, ...] = ()
    if vendor.confidence < options.vendor_threshold:
        fitting = tuple(_fitting(_best(_scores(classes), REFINES), organisations, knowledge, options))
        vendor = _vendor([*vendors, *fitting], organisations)
    derived = (*fitting, *_derived(vendor, organisations, knowledge, options))
    answer = _best(_scores([*classes, *(claim for claim in derived if claim.field == "class")]), REFINES)
    decided = answer.value if answer.confidence >= options.class_threshold and answer.value in CLASSES else UNKNOWN
    maker = vendor.value if vendor.confidence >= options.vendor_threshold else None
    texts = {field: _best(_scores(by_field.get(field, [])), {}) for field in _TEXT_FIELDS}
    return Verdict(
        decided,
        round(answer.confidence, 3) if decided != UNKNOWN else 0.0,
        maker,
        round(vendor.confidence, 3) if maker else 0.0,
        {field: text.value for field, text in texts.items() if text.confidence >= options.text_threshold},
        PURDUE.get(decided),
        tuple(_conflicts({"class": answer, "vendor": vendor, **texts})),
        derived,
    )


def _scores(claims: Iterable[Claim]) -> dict[str, float]:
    """Value to confidence: the strongest claim of each clue, then noisy or over the clues."""
    strongest: dict[tuple[str, str], float] = {}
    for claim in claims:
        key = (claim.value, claim.clue)
        strongest[key] = max(strongest.get(key, 0.0), claim.weight)
    doubt: dict[str, float] = {}
    for (value, _), weight in sorted(strongest.items()):
        doubt[value] = doubt.get(value, 1.0) * (1.0 - weight)
    return {value: 1.0 - rest for value, rest in doubt.items()}


def _best(scores: Mapping[str, float], refines: Mapping[str, frozenset[str]]) -> Answer:
    if not scores:
        return Answer("", 0.0)
    ordered = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    value, score = ordered[0]
    for special, special_score in ordered[1:]:
        if value in refines.get(special, ()) and special_score >= 0.75 * score:
            value, score = special, 1.0 - (1.0 - special_score) * (1.0 - 0.3 * score)
            break
    kin = refines.get(value, frozenset())
    rivals = [
        (other, weight)
        for other, weight in ordered
        if other != value and other not in kin and value not in refines.get(other, ())
    ]
    if not rivals:
        return Answer(value, score)
    rival, weight = rivals[0]
    # A much weaker rival hardly matters; an equal one halves the confidence and more.
    return Answer(value, score * (1.0 - 0.6 * weight * weight / max(score, 1e-9)), rival, weight)


def _vendor(claims: list[Claim], organisations: list[Claim]) -> Answer:
    """The maker; the organisation of the MAC prefix only supports one that another clue names."""
    named = {claim.value for claim in claims}
    support = [claim for claim in organisations if claim.value in named]
    return _best(_scores([*claims, *support]), {})


def _one_answer_a_sentence(claims: list[Claim]) -> list[Claim]:
    """Leave out what a sentence speaks for beside its clearly strongest answer: two patterns matched one text."""
    strongest: dict[tuple[str, str], float] = {}
    for claim in claims:
        key = (claim.clue, claim.evidence)
        strongest[key] = max(strongest.get(key, 0.0), claim.weight)
    return [claim for claim in claims if claim.weight >= strongest[claim.clue, claim.evidence] - _CLEARLY]


def _doubted(claims: Iterable[Claim], organisations: list[Claim], knowledge: Knowledge) -> Iterator[Claim]:
    """Weaken what software says of its maker where that maker's devices would have another MAC prefix."""
    others = {claim.value for claim in organisations}
    for claim in claims:
        foreign = bool(others) and claim.value not in others and "own" in knowledge.maker_fits(claim.value)
        if foreign and claim.clue in _SOFTWARE_CLUES:
            yield replace(claim, weight=round(claim.weight * 0.6, 4))
        else:
            yield claim


def _fitting(
    answer: Answer, organisations: list[Claim], knowledge: Knowledge, options: InventoryOptions
) -> Iterator[Claim]:
    """The holder of the MAC prefix, where it makes what the device is known to be from other clues.

    The prefix alone never names the maker: a module maker makes no cameras, a camera maker does.
    """
    if answer.confidence < options.class_threshold:
        return
    fits = [claim for claim in organisations if answer.value in knowledge.maker_fits(claim.value)]
    if len({claim.value for claim in fits}) == 1:
        words = answer.value.replace("_", " ")
        sentence = f"{fits[0].evidence} By other clues it is of the class {words}, which that organisation makes."
        yield Claim("vendor", fits[0].value, 0.5, "maker_fits", sentence, fits[0].first, fits[0].last)


def _derived(
    vendor: Answer, organisations: list[Claim], knowledge: Knowledge, options: InventoryOptions
) -> Iterable[Claim]:
    """Classes that follow from the maker: some make one thing only."""
    if vendor.confidence >= options.vendor_threshold:
        known = knowledge.maker_class(vendor.value)
        if known:
            sentence = f"Nearly all networked products of {vendor.value} are of this class."
            yield Claim(
                "class",
                known.value,
                round(known.weight * min(1.0, vendor.confidence + 0.2), 3),
                "maker_class",
                sentence,
            )
        return
    for claim in organisations:
        known = knowledge.maker_class(claim.value)
        if known:
            sentence = f"{claim.evidence} Nearly all of its networked products are of this class."
            yield Claim("class", known.value, round(known.weight * 0.4, 3), "maker_class", sentence)


def _conflicts(answers: Mapping[str, Answer]) -> Iterable[Conflict]:
    for field, answer in answers.items():
        if field in ("name", "os", "product", "model") or not answer.rival:
            continue
        if answer.rival_confidence >= 0.4:
            reason = (
                f"{answer.value!r} has more evidence ({answer.confidence:.2f}) than "
                f"{answer.rival!r} ({answer.rival_confidence:.2f})."
            )
            yield Conflict(field, answer.value, answer.rival, reason)
