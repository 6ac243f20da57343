"""Modbus Application Protocol V1.1b3 §6.21 and §6.13: Read Device Identification, Report Server ID."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.inventory.clues.clue import Clue, ClueDoc, from_product, quoted
from ringfence.model.device import Claim
from ringfence.model.observation import Observation


class ModbusIdentity(Clue):
    """What a Modbus server says it is."""

    NAME = "modbus_identity"
    READS = ("modbus.identity", "modbus.server_id")
    DOC = ClueDoc(
        "Modbus device identification",
        "Modbus Application Protocol V1.1b3 §6.21, §6.13",
        (
            "Silent on a network where nobody asks.",
            "Units behind a gateway answer through it: unit 0 and 255 are the device itself.",
        ),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield maker, product, model, firmware, and the class that the product's name tells."""
        if fact.kind == "modbus.server_id":
            text = str(fact["id"] or "")
            if len(text) > 3:
                yield from from_product(self, text, f"Its Modbus server id is {quoted(text)}.", 0.8)
            return
        maker = str(fact["vendor_name"] or "")
        told = [
            str(fact[field])
            for field in ("product_name", "product_code", "model_name", "application_name")
            if fact[field]
        ]
        sentence = f"Its Modbus identification says {quoted(' '.join(filter(None, (maker, *told))))}."
        if maker:
            canonical = self.knowledge.canonical(maker)
            yield Claim(
                "vendor", canonical, 0.9 if self.knowledge.known_maker(canonical) else 0.45, self.NAME, sentence
            )
        for field, source in (
            ("product", "product_name"),
            ("model", "product_code"),
            ("model", "model_name"),
            ("firmware", "revision"),
        ):
            if fact[source]:
                yield Claim(field, str(fact[source])[:120], 0.85, self.NAME, sentence)
        for text in told:
            yield from from_product(self, text, sentence, maker=self.knowledge.canonical(maker) if maker else "")
