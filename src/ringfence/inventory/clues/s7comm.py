"""S7comm: system status lists 0x0011 and 0x001c, and what only a controller answers."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.inventory.clues.clue import Clue, ClueDoc, from_signatures, quoted
from ringfence.model.device import Claim
from ringfence.model.observation import Observation

_TEXTS = (
    ("model", "order_number"),
    ("model", "module_type"),
    ("firmware", "firmware"),
    ("serial", "serial"),
    ("name", "station_name"),
    ("name", "module_name"),
)
# Services on a program: only a module that holds one answers them with success. Not among them: download_block and
# download_end, which the controller asks of the station that programs it.
_PROGRAM = frozenset(
    (
        "start",
        "stop",
        "plc_stop",
        "download_start",
        "upload_start",
        "upload",
        "upload_end",
        "pi_service",
        "list_blocks",
        "block_info",
    )
)


class S7Identity(Clue):
    """The order number tells maker, family and class."""

    NAME = "s7_identity"
    READS = "s7comm.identity"
    DOC = ClueDoc(
        "S7 system status lists",
        "SZL 0x0011, 0x001c; Siemens order numbers",
        (
            "Silent on a network where nobody asks.",
            "Soft and compatible controllers of others answer with Siemens' numbers.",
        ),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield what the lists say."""
        for field, source in _TEXTS:
            text = " ".join(str(fact[source] or "").split())
            if not text:
                continue
            sentence = f"Its S7 status list gives the {source.replace('_', ' ')} {quoted(text)}."
            yield Claim(field, text[:120], 0.9 if source != "module_name" else 0.5, self.NAME, sentence)
            if source in ("order_number", "module_type"):
                yield from from_signatures(self, self.knowledge.text("product", text), sentence)
        if "Siemens" in str(fact["copyright"] or ""):
            yield Claim("vendor", "Siemens", 0.9, self.NAME, f"Its S7 status list says {quoted(fact['copyright'])}.")


class S7Program(Clue):
    """A server that lists, starts, stops or moves program blocks holds a program."""

    NAME = "s7_program"
    READS = "s7comm.response"
    DOC = ClueDoc(
        "S7 program services",
        "S7comm job and userdata functions",
        ("Simulators and compatible controllers answer too.",),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield controller where such a service succeeded."""
        operation = fact["operation"]
        if operation in _PROGRAM and fact["status"] in ("ok", None):
            sentence = f"It answers the S7 program service {quoted(operation)} with success."
            yield Claim("class", "plc", 0.62, self.NAME, sentence)
            yield Claim("vendor", "Siemens", 0.52, self.NAME, sentence)
