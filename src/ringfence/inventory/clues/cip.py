"""CIP Vol. 1 §5A-2, Vol. 2 §2-4.2: the Identity object."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.inventory.clues.clue import Clue, ClueDoc, from_product, quoted
from ringfence.model.device import Claim
from ringfence.model.observation import Observation

# A device may be asked for one attribute alone; the sentence then says only that.
_NUMBERS = (("vendor", "vendor_id"), ("device type", "device_type"), ("revision", "revision"))


class CipIdentity(Clue):
    """Vendor id, device type, product name, revision, serial number."""

    NAME = "cip_identity"
    READS = ("enip.identity", "cip.identity")
    DOC = ClueDoc(
        "CIP Identity object",
        "ODVA CIP Vol. 1 §5A-2; ODVA vendor ids and device types",
        (
            "Silent on a network where nobody asks.",
            "A module behind a route in a chassis weighs less than the addressed one.",
        ),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield what the object says."""
        factor = 0.75 if fact["path"] else 1.0
        name = str(fact["product_name"] or "").strip()
        said = [quoted(name)] if name else []
        said += [f"{words} {fact[field]}" for words, field in _NUMBERS if fact[field] is not None]
        sentence = f"Its CIP identity says {', '.join(said)}."
        maker = self.knowledge.registered("cip_vendor", int(fact["vendor_id"] or 0))
        if maker:
            yield Claim("vendor", self.knowledge.canonical(maker), 0.95 * factor, self.NAME, sentence)
        kind = self.knowledge.number_class("cip_device_type", int(fact["device_type"] or 0))
        if kind:
            yield Claim("class", kind.value, kind.weight * factor, self.NAME, sentence)
        if name:
            yield Claim("product", name[:120], 0.9 * factor, self.NAME, sentence)
            stated = self.knowledge.canonical(maker) if maker else ""
            yield from from_product(self, name, sentence, factor, maker=stated)
        if fact["revision"]:
            yield Claim("firmware", str(fact["revision"]), 0.9 * factor, self.NAME, sentence)
        if fact["serial"] and not fact["path"]:
            yield Claim("serial", f"{int(fact['serial']):08X}", 0.9, self.NAME, sentence)


# Services that only controllers answer with success: weight of that class, weight of Rockwell as the maker.
_CONTROLLER = {
    **dict.fromkeys(
        ("read_tag", "write_tag", "read_tag_fragmented", "write_tag_fragmented", "read_modify_write_tag"), (0.52, 0.4)
    ),
    "read_template": (0.6, 0.55),
    # Drives of the same maker answer PCCC too.
    "pccc_execute": (0.42, 0.5),
    "set_clock": (0.52, 0.4),
}


class CipTags(Clue):
    """Symbolic tags are read and written in Logix controllers, data files by PCCC in their elders."""

    NAME = "cip_tags"
    READS = "cip.response"
    DOC = ClueDoc(
        "CIP services of controllers",
        "Rockwell pub. 1756-PM020, pub. 1770-6.5.16 (PCCC)",
        ("Other makers' controllers and gateways speak them too: for the maker a second clue is needed.",),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield controller where such a service succeeded."""
        weights = _CONTROLLER.get(str(fact["operation"] or ""))
        if weights and fact["status"] == 0:
            sentence = f"It answers the CIP service {quoted(fact['operation'])} with success."
            yield Claim("class", "plc", weights[0], self.NAME, sentence)
            yield Claim("vendor", "Rockwell Automation", weights[1], self.NAME, sentence)
