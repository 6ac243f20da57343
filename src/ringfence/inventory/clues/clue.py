"""What a clue is: one declarative class that reads facts and makes claims (house.md, principle 3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from ringfence.inventory.knowledge import Knowledge, Signature
from ringfence.model.device import Claim
from ringfence.model.observation import Observation

__all__ = [
    "DHCP_CLIENT_OPERATIONS",
    "PART_SEEN",
    "Clue",
    "ClueDoc",
    "from_product",
    "from_recog",
    "from_signatures",
    "quoted",
]

# The register makes one fact of this kind for every new part, so that clues can read an address itself.
PART_SEEN = "part.seen"
# DHCP messages in which a client speaks of itself; the server's speak of what it hands out.
DHCP_CLIENT_OPERATIONS = frozenset({"discover", "request", "inform", "decline", "release", "bootp_request"})


@dataclass(frozen=True, slots=True)
class ClueDoc:
    """The clue's page: what it reads, where that is specified, what it can't do."""

    title: str
    source: str
    limits: tuple[str, ...]


class Clue:
    """One source of claims. Stateless: the same fact gives the same claims."""

    NAME: ClassVar[str]
    READS: ClassVar[str | tuple[str, ...]]
    DOC: ClassVar[ClueDoc]

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield what this fact speaks for; times and packets are filled in by the register.

        It reads the fact's part and value, never how often or when: the register asks once for each value.
        """
        raise NotImplementedError


def quoted(text: object, limit: int = 100) -> str:
    """Return wire text for an evidence sentence: in quotes, cut, escaped where it is shown."""
    shown = str(text)
    return "“" + (shown if len(shown) <= limit else shown[: limit - 1] + "…") + "”"


def from_signatures(clue: Clue, signatures: Iterable[Signature], sentence: str, factor: float = 1.0) -> Iterator[Claim]:
    """Yield the claims that signatures carry; ``sentence`` is the evidence."""
    for signature in signatures:
        vendor = clue.knowledge.canonical(signature.vendor) if signature.vendor else ""
        rows = (
            ("vendor", vendor, signature.vendor_weight),
            ("class", signature.device_class, signature.class_weight),
            ("product", signature.product, max(signature.vendor_weight, signature.class_weight)),
            ("os", signature.system, 0.6),
        )
        for field, value, weight in rows:
            if value and weight > 0:
                yield Claim(field, value, round(weight * factor, 4), clue.NAME, sentence)


def from_product(
    clue: Clue, text: str, sentence: str, factor: float = 1.0, industrial: float = 1.0, maker: str = ""
) -> Iterator[Claim]:
    """Yield the claims that a product's name carries; a stated maker rules out the names of others.

    Args:
        clue: who claims.
        text: the name.
        sentence: the evidence.
        factor: trust in the text, 0 to 1.
        industrial: trust in patterns that are short, and certain only where an industrial device speaks; 0 leaves
            them out.
        maker: canonical name of the maker that the same message states. A name that is another maker's then still
            speaks for the class (the product may be rebranded), but less.
    """
    for where, trust in (("product", factor), ("ot_product", factor * industrial)):
        for signature in clue.knowledge.text(where, text) if trust else ():
            foreign = bool(maker and signature.vendor) and clue.knowledge.canonical(signature.vendor) != maker
            kept = replace(signature, vendor="", product="", system="") if foreign else signature
            yield from from_signatures(clue, (kept,), sentence, trust * (0.6 if foreign else 1.0))


def from_recog(clue: Clue, name: str, text: str, sentence: str) -> Iterator[Claim]:
    """Yield the claims that a recog list makes of a text: hardware first, then the system; services say no maker."""
    fields = clue.knowledge.recog(name, text)
    if not fields:
        return
    certainty = _certainty(fields.get("hw.certainty") or fields.get("os.certainty"))
    for thing, trust in (("hw", 0.8), ("os", 0.6)):
        device = clue.knowledge.device_word(fields.get(f"{thing}.device", ""))
        if device:
            yield Claim(
                "class", device.value, device.weight * certainty * (1 if thing == "hw" else 0.9), clue.NAME, sentence
            )
        vendor = fields.get(f"{thing}.vendor")
        if vendor and (thing == "hw" or device):
            yield Claim("vendor", clue.knowledge.canonical(vendor), trust * certainty, clue.NAME, sentence)
    for field, source in (("product", "hw.product"), ("model", "hw.model"), ("serial", "hw.serial_number")):
        if fields.get(source):
            yield Claim(field, fields[source][:120], 0.7 * certainty, clue.NAME, sentence)
    system = " ".join(fields[f"os.{part}"] for part in ("product", "version") if fields.get(f"os.{part}"))
    if system:
        yield Claim("os", system[:120], 0.6 * certainty, clue.NAME, sentence)


def _certainty(text: str | None) -> float:
    try:
        return min(max(float(text), 0.0), 1.0) if text else 1.0
    except ValueError:
        return 1.0
