"""IEEE 802 §8.2: who was given the first bits of a MAC address."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.inventory.addresses import is_local_mac, mac_mark
from ringfence.inventory.clues.clue import PART_SEEN, Clue, ClueDoc
from ringfence.model.device import Claim
from ringfence.model.observation import Observation


class OuiVendor(Clue):
    """The organisation behind a prefix of 24, 28 or 36 bits."""

    NAME = "oui_vendor"
    READS = PART_SEEN
    DOC = ClueDoc(
        "Organisation of the MAC prefix",
        "IEEE MA-L, MA-M, MA-S",
        ("Often names the maker of the radio module, not of the product: it is never claimed as vendor.",),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield ``oui_vendor`` for a MAC that is globally administered."""
        mac = fact.subject.address.value
        if fact.subject.address.kind != "mac" or is_local_mac(mac) or mac_mark(mac):
            return
        organisation = self.knowledge.oui(mac)
        if organisation:
            sentence = f"The MAC prefix {mac[:8]} is registered to {organisation}."
            yield Claim("oui_vendor", organisation, 0.2, self.NAME, sentence)
