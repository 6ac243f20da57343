"""RFC 9110 §10: what servers and clients say of their software, and titles of pages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ringfence.inventory.clues.clue import Clue, ClueDoc, from_product, from_recog, from_signatures, quoted
from ringfence.model.device import Claim
from ringfence.model.observation import Observation

# Titles of errors and of log-in pages: on every maker's devices.
_SAYS_NOTHING = re.compile(
    r"(?:error|\d{3})?[: ]*(?:\d{3})?[: ]*(?:log ?in|sign in|welcome|index|home|untitled|error|not found|"
    r"moved(?: permanently)?|found|object moved|document moved|unauthorized|forbidden|bad request|redirect)?[.! ]*"
)


class HttpServer(Clue):
    """Server line, page title and challenge of a web server on the device."""

    NAME = "http_server"
    READS = ("http.response", "http.page")
    DOC = ClueDoc(
        "HTTP server, title and realm", "RFC 9110 §10.2.4, §11.6.1; recog", ("A reverse proxy answers for others.",)
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield what each of the three texts speaks for."""
        server, title, challenge = fact["server"], fact["title"], fact["www_authenticate"]
        if server:
            sentence = f"Its web server names itself {quoted(server)}."
            yield from from_signatures(self, self.knowledge.text("http_server", server), sentence)
            yield from from_recog(self, "http_servers", server, sentence)
        if title and not _SAYS_NOTHING.fullmatch(str(title).strip().lower()):
            sentence = f"Its web page has the title {quoted(title)}."
            yield from from_recog(self, "html_title", title, sentence)
            yield from from_product(self, title, sentence, 0.7, 0.85)
        if challenge:
            sentence = f"Its web server asks for a password with {quoted(challenge)}."
            yield from from_recog(self, "http_wwwauth", challenge, sentence)
            yield from from_product(self, challenge, sentence, 0.7, 0.85)


class HttpAgent(Clue):
    """The User-Agent line and the path of requests."""

    NAME = "http_agent"
    READS = "http.request"
    DOC = ClueDoc("HTTP user agent and path", "RFC 9110 §10.1.5", ("Programs pretend to be browsers.",))

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield what the line speaks for."""
        path = str(fact["object"] or "")
        if path:
            signatures = self.knowledge.text("path", path)
            yield from from_signatures(self, signatures, f"It asks by HTTP for {quoted(path)}.")
        agent = fact["user_agent"]
        if agent:
            sentence = f"Its requests name the program {quoted(agent)}."
            yield from from_signatures(self, self.knowledge.text("user_agent", agent), sentence)
