"""IEEE 802c, RFC 5798 §7.3 and others: MAC addresses that belong to no network card."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.inventory.addresses import is_local_mac, mac_mark
from ringfence.inventory.clues.clue import PART_SEEN, Clue, ClueDoc
from ringfence.model.device import Claim
from ringfence.model.observation import Observation


class MacKind(Clue):
    """Virtual and locally administered addresses are named as such."""

    NAME = "mac_kind"
    READS = PART_SEEN
    DOC = ClueDoc(
        "Virtual and locally administered MACs",
        "RFC 5798 §7.3 (VRRP), RFC 2281 (HSRP), vendors' documented ranges (GLBP, VMware, QEMU, Docker …)",
        ("A locally administered address may be random, a container's or an operator's choice.",),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield ``virtual`` or ``randomised``."""
        mac = fact.subject.address.value
        if fact.subject.address.kind != "mac":
            return
        mark = mac_mark(mac)
        if mark:
            yield Claim("virtual", mark.words, 0.9, self.NAME, f"The MAC {mac} lies in the range of {mark.words}.")
        elif is_local_mac(mac):
            yield Claim("randomised", "yes", 0.6, self.NAME, f"The MAC {mac} is locally administered.")
