"""S7comm: system status lists 0x0011 and 0x001c, and what only a controller answers."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.inventory.clues.clue import Clue, ClueDoc, from_product, quoted
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
# Services on a program: only a module that holds one answers them with success. In a download the controller asks
# for the blocks ("download_block", "download_end") and the engineering tool answers.
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
        "copy_ram_to_rom",
        "compress_memory",
        "memory_reset",
        "insert_block",
        "delete_block",
        "list_blocks",
        "list_blocks_of_type",
        "block_info",
        "block_status",
        "variable_status",
    )
)
_FED = frozenset({"download_block", "download_end"})
_PLUS_RESPONSE = 0x32
_DATA = frozenset({"read_var", "write_var", "read_szl", "read_clock", "set_clock", "flash_led", "setup_communication"})


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
                yield from from_product(self, text, sentence)
        if "Siemens" in str(fact["copyright"] or ""):
            yield Claim("vendor", "Siemens", 0.9, self.NAME, f"Its S7 status list says {quoted(fact['copyright'])}.")


class S7Program(Clue):
    """Who answers S7comm holds a program; who hands out its blocks is an engineering tool."""

    NAME = "s7_program"
    READS = ("s7comm.response", "s7comm.plus", "cotp.connect")
    DOC = ClueDoc(
        "S7 services",
        "S7comm job and userdata functions; S7comm-plus object model",
        (
            "Simulators, compatible controllers and panels answer too: for S7comm, the maker needs a second clue.",
            "In a download the controller is the one that asks for blocks.",
        ),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield controller where a service succeeded, engineering station where blocks were handed out."""
        operation = str(fact["operation"] or "")
        if fact.kind == "s7comm.plus":
            if fact["opcode"] == _PLUS_RESPONSE:
                sentence = "It answers S7comm-plus, which Siemens' S7-1200, S7-1500 and their kin speak."
                yield Claim("class", "plc", 0.6, self.NAME, sentence)
                yield Claim("vendor", "Siemens", 0.7, self.NAME, sentence)
            return
        if fact.kind == "cotp.connect":
            if operation == "connect_confirm" and fact["rack"] is not None:
                sentence = f"It accepts S7 connections to rack {fact['rack']}, slot {fact['slot']}."
                yield Claim("class", "plc", 0.5, self.NAME, sentence)
                yield Claim("vendor", "Siemens", 0.38, self.NAME, sentence)
            return
        if fact["status"] not in ("ok", None):
            # A refusal is an answer too: who refuses speaks S7comm.
            sentence = f"It answers the S7 service {quoted(operation)}, if only with an error."
            yield Claim("class", "plc", 0.5, self.NAME, sentence)
            yield Claim("vendor", "Siemens", 0.38, self.NAME, sentence)
            return
        if operation in _FED:
            sentence = f"It hands out program blocks by S7 {quoted(operation)}, as an engineering tool does."
            yield Claim("class", "engineering_station", 0.6, self.NAME, sentence)
        elif operation == "nc_program":
            sentence = "It answers the S7 service for part programs, which numerical controls have."
            yield Claim("class", "cnc", 0.7, self.NAME, sentence)
        elif operation in _PROGRAM:
            sentence = f"It answers the S7 program service {quoted(operation)} with success."
            yield Claim("class", "plc", 0.62, self.NAME, sentence)
            yield Claim("vendor", "Siemens", 0.52, self.NAME, sentence)
        elif operation in _DATA:
            sentence = f"It answers the S7 service {quoted(operation)} with success, as controllers do."
            yield Claim("class", "plc", 0.52, self.NAME, sentence)
            yield Claim("vendor", "Siemens", 0.42, self.NAME, sentence)
