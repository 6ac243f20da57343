"""RFC 2131, RFC 2132: what a DHCP client says of itself."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.inventory.clues.clue import DHCP_CLIENT_OPERATIONS, Clue, ClueDoc, from_recog, from_signatures, quoted
from ringfence.model.device import Claim
from ringfence.model.observation import Observation

# Systems that run on their maker's own devices alone.
_MADE_BY = {"macOS": "Apple", "iOS": "Apple"}
# Of consortia and of software that many makers use: Microsoft, the Broadband Forum, CableLabs, Net-SNMP.
_NO_MAKER = frozenset({0, 311, 3561, 4491, 8072, 343})


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
            sentence = f"It asks for the DHCP options {text} in this order."
            yield from from_signatures(self, self.knowledge.text("dhcp_list", text), sentence)
            return
        system, device_class, system_weight, class_weight = known
        sentence = f"It asks for the DHCP options {text} in this order, as {system} does."
        yield Claim("os", system, system_weight, self.NAME, sentence)
        if system in _MADE_BY:
            yield Claim("vendor", _MADE_BY[system], round(0.85 * system_weight, 4), self.NAME, sentence)
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


class DhcpNamedMaker(Clue):
    """Option 161 says where the maker describes the device, options 124 and 125 carry a maker's number."""

    NAME = "dhcp_named_maker"
    READS = "dhcp.message"
    DOC = ClueDoc(
        "MUD URL and enterprise numbers in DHCP",
        "RFC 8520 §10, RFC 3925; IANA enterprise numbers",
        ("The URL's host may be that of a hosting company; some numbers are of consortia, not of makers.",),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield the maker that the URL's host or the number belongs to."""
        if fact["operation"] not in DHCP_CLIENT_OPERATIONS:
            return
        url = str(fact["mud_url"] or "")
        if url:
            sentence = f"Its MUD URL is {quoted(url)}."
            host = url.partition("://")[2].partition("/")[0].partition(":")[0]
            known = self.knowledge.domain(host)
            yield from from_signatures(self, (known,) if known else (), sentence)
            yield from from_signatures(self, self.knowledge.text("product", url), sentence, 0.7)
        for number in fact["enterprises"] or ():
            holder = None if number in _NO_MAKER else self.knowledge.enterprise(int(number))
            if holder:
                sentence = f"Its DHCP messages carry options of the enterprise number {number}, {holder}."
                yield Claim("vendor", holder, 0.6, self.NAME, sentence)


class DhcpServer(Clue):
    """Who hands out addresses and names itself as the way out is the router."""

    NAME = "dhcp_server"
    READS = "dhcp.message"
    DOC = ClueDoc(
        "DHCP server that names itself as router",
        "RFC 2132 §3.5, §9.7",
        ("Servers of larger networks hand out other machines' addresses as router, and say nothing here.",),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield router where server identifier and first router are the same address."""
        routers = fact["routers"] or ()
        if fact["operation"] in ("offer", "ack") and routers and routers[0] == fact["server_id"]:
            address = fact.subject.address
            if address.kind == "mac" or address.value == routers[0]:
                sentence = f"It hands out addresses by DHCP and names itself, {routers[0]}, as the router."
                yield Claim("class", "router", 0.56, self.NAME, sentence)
