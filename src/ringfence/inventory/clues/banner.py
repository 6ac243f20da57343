"""RFC 4253 §4.2, RFC 854: greetings of terminal servers on the device."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.inventory.clues.clue import Clue, ClueDoc, from_product, from_recog, from_signatures, quoted
from ringfence.model.device import Claim
from ringfence.model.observation import Observation


class SshBanner(Clue):
    """The identification line."""

    NAME = "ssh_banner"
    READS = "ssh.banner"
    DOC = ClueDoc(
        "SSH identification", "RFC 4253 §4.2; recog", ("Client and server send one: both describe their sender.",)
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield what the line speaks for."""
        line = str(fact["protocol"] or "")
        if line:
            sentence = f"Its SSH software names itself {quoted(line)}."
            yield from from_signatures(self, self.knowledge.text("banner", line), sentence)
            software = " ".join(str(fact[field]) for field in ("software", "comments") if fact[field])
            yield from from_recog(self, "ssh_banners", software or line, sentence)


class TelnetBanner(Clue):
    """The text before the login prompt."""

    NAME = "telnet_banner"
    READS = "telnet.banner"
    DOC = ClueDoc("Telnet greeting", "RFC 854; recog", ("Operators put legal texts there.",))

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield what the text speaks for."""
        text = str(fact["text"] or "")
        if text:
            sentence = f"It greets with {quoted(' '.join(text.split()))}."
            yield from from_signatures(self, self.knowledge.text("banner", text), sentence)
            yield from from_recog(self, "telnet_banners", text, sentence)
            yield from from_product(self, text, sentence, 0.75, 0.85)
