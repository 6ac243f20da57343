"""RFC 2131, RFC 2132: what a DHCP client says of itself."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.inventory.clues.clue import DHCP_CLIENT_OPERATIONS, Clue, ClueDoc, from_recog, from_signatures, quoted
from ringfence.model.device import Claim
from ringfence.model.observation import Observation


class DhcpFingerprint(Clue):
    """The options a client asks for, in its order, tell the client's software."""

    NAME = "dhcp_fingerprint"
    READS = "dhcp.message"
    DOC = ClueDoc(
        "DHCP parameter request list",
        "RFC 2132 §9.8",
        ("Tells the DHCP client's software, which many products share; by itself it rarely tells a class.",),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield the system, and the class where the list is typical for one."""
        options = fact["parameter_requests"]
        if not options or fact["operation"] not in DHCP_CLIENT_OPERATIONS:
            return
        text = ",".join(map(str, options))
        known = self.knowledge.parameter_list(text)
        if known is None:
            return
        system, device_class, system_weight, class_weight = known
        sentence = f"It asks for the DHCP options {text} in this order, as {system} does."
        yield Claim("os", system, system_weight, self.NAME, sentence)
        if device_class:
            yield Claim("class", device_class, class_weight, self.NAME, sentence)


class DhcpVendorClass(Clue):
    """Option 60 names the client's software, sometimes maker and model."""

    NAME = "dhcp_vendor_class"
    READS = "dhcp.message"
    DOC = ClueDoc("DHCP vendor class", "RFC 2132 §9.13, recog", ("Anyone can send any vendor class.",))

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield maker, class and system of the vendor class."""
        text = fact["vendor_class"]
        if not text or fact["operation"] not in DHCP_CLIENT_OPERATIONS:
            return
        sentence = f"Its DHCP vendor class is {quoted(text)}."
        yield from from_signatures(self, self.knowledge.text("dhcp_class", text), sentence)
        yield from from_recog(self, "dhcp_vendor_class", text, sentence)
