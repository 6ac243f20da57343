"""ASHRAE 135 §12.11, §16.10: I-Am and the device object."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.inventory.clues.clue import Clue, ClueDoc, from_product, quoted
from ringfence.model.device import Claim
from ringfence.model.observation import Observation

_CLAIMS = {
    "model-name": "model",
    "firmware-revision": "firmware",
    "serial-number": "serial",
    "object-name": "name",
}
_READ_FOR_CLASS = {"model-name": 1.0, "description": 0.8, "application-software-version": 0.6}


class BacnetDevice(Clue):
    """Vendor id, vendor name, model name of the device object."""

    NAME = "bacnet_device"
    READS = ("bacnet.i_am", "bacnet.property")
    DOC = ClueDoc(
        "BACnet device object",
        "ASHRAE 135 §12.11, §16.10; ASHRAE vendor ids",
        ("Devices behind a BACnet router (source network given) are left out: they have no address of their own.",),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield what the message says of the device that sent it itself."""
        if fact["network"] is not None:
            return
        if fact.kind == "bacnet.i_am":
            number = int(fact["vendor_id"] or 0)
            maker = self.knowledge.registered("bacnet_vendor", number)
            if maker and number:
                sentence = f"Its BACnet I-Am gives vendor id {number}, {maker}."
                yield Claim("vendor", self.knowledge.canonical(maker), 0.9, self.NAME, sentence)
            return
        name, value = str(fact["property"] or ""), str(fact["value"] or "").strip()
        if not value:
            return
        sentence = f"Its BACnet device object gives {name} {quoted(value)}."
        if name == "vendor-name":
            yield Claim("vendor", self.knowledge.canonical(value), 0.9, self.NAME, sentence)
        if name in _CLAIMS:
            yield Claim(_CLAIMS[name], value[:120], 0.85, self.NAME, sentence)
        if name in _READ_FOR_CLASS:
            yield from from_product(self, value, sentence, _READ_FOR_CLASS[name])
