"""RFC 1035 §4.1.2, RFC 6066 §3, RFC 9110 §7.2: the clouds a device asks for."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.inventory.clues.clue import Clue, ClueDoc, from_signatures, quoted
from ringfence.model.device import Claim
from ringfence.model.observation import Observation

_FIELD = {"dns.query": "object", "tls.client_hello": "server_name", "http.request": "host"}


class NameAsked(Clue):
    """A device that asks for its maker's cloud tells its maker."""

    NAME = "name_asked"
    READS = ("dns.query", "tls.client_hello", "http.request")
    DOC = ClueDoc(
        "Names of makers' clouds",
        "Our own list of cloud names",
        (
            "A phone with the maker's app asks for the same names: who asks for several makers' clouds counts as one.",
            "A DNS forwarder asks for names of others.",
        ),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield maker and class of the longest suffix that is known."""
        name = fact[_FIELD[fact.kind]]
        if not name:
            return
        known = self.knowledge.domain(str(name).partition(":")[0])
        if known:
            yield from from_signatures(self, (known,), f"It asks for {quoted(name)}.")
