"""RFC 3418 §2, RFC 6933: what an SNMP agent says of its device."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ringfence.inventory.clues.clue import Clue, ClueDoc, from_product, from_recog, quoted
from ringfence.model.device import Claim
from ringfence.model.observation import Observation

_ENTERPRISE = re.compile(r"^\.?1\.3\.6\.1\.4\.1\.(\d{1,9})(?:\.|$)")
# Agents of operating systems and of software libraries: their number names no maker of the device.
_SOFTWARE = frozenset({8072, 2021, 311, 1575, 0})


class SnmpSystem(Clue):
    """System and entity groups."""

    NAME = "snmp_system"
    READS = "snmp.system"
    DOC = ClueDoc(
        "SNMP system description",
        "RFC 3418 §2, RFC 6933; recog; IANA enterprise numbers",
        ("SNMPv3 with privacy hides it.",),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield what each field speaks for."""
        description, oid = str(fact["sys_descr"] or ""), str(fact["sys_object_id"] or "")
        if description:
            sentence = f"Its SNMP description is {quoted(description)}."
            yield from from_recog(self, "snmp_sysdescr", description, sentence)
            yield from from_product(self, description, sentence, 0.9, maker=self._holder(oid) or "")
        yield from self._object_id(oid)
        maker = str(fact["manufacturer"] or "")
        if maker:
            yield Claim(
                "vendor",
                self.knowledge.canonical(maker),
                0.85,
                self.NAME,
                f"Its SNMP entity names the maker {quoted(maker)}.",
            )
        for field, source in (("name", "sys_name"), ("serial", "serial"), ("model", "model"), ("firmware", "firmware")):
            text = str(fact[source] or "")
            if text:
                sentence = f"Its SNMP agent gives {source} {quoted(text)}."
                yield Claim(field, text[:120], 0.8, self.NAME, sentence)
                if field == "model":
                    yield from from_product(
                        self, text, sentence, maker=self.knowledge.canonical(maker) if maker else ""
                    )

    def _object_id(self, oid: str) -> Iterator[Claim]:
        match = _ENTERPRISE.match(oid)
        if match is None:
            return
        sentence = f"Its SNMP object identifier is {oid}."
        yield from from_recog(self, "snmp_sysobjid", oid, sentence)
        holder = self._holder(oid)
        if holder:
            said = f"Its SNMP object identifier {oid} lies under the enterprise number {match[1]} of {holder}."
            yield Claim("vendor", holder, 0.75, self.NAME, said)

    def _holder(self, oid: str) -> str | None:
        match = _ENTERPRISE.match(oid)
        number = int(match[1]) if match else 0
        return None if number in _SOFTWARE else self.knowledge.enterprise(number)
