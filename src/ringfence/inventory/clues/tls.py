"""RFC 8446, RFC 5280: certificates a device serves, and the fingerprint of its hello."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ringfence.inventory.clues.clue import Clue, ClueDoc, from_product, from_recog, from_signatures, quoted
from ringfence.model.device import Claim
from ringfence.model.observation import Observation

_DNS_NAME = re.compile(r"\.(?!local$|lan$|home$|internal$)[a-z]{2,18}$", re.IGNORECASE)


class TlsCertificate(Clue):
    """Subject and issuer of a leaf that the device itself serves or presents."""

    NAME = "tls_certificate"
    READS = "tls.certificate"
    DOC = ClueDoc(
        "TLS certificate", "RFC 5280 §4.1.2.6; recog", ("TLS 1.3 hides certificates.", "Operators replace them.")
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield what subject, issuer and organisation speak for."""
        if fact["position"]:
            return
        subject, issuer = str(fact["subject"] or ""), str(fact["issuer"] or "")
        if subject:
            sentence = f"It shows a certificate for {quoted(subject)}."
            yield from from_signatures(self, self.knowledge.text("certificate", subject), sentence)
            yield from from_recog(self, "x509_subjects", subject, sentence)
            name = str(fact["common_name"] or "")
            if not _DNS_NAME.search(name):
                # The labels of a name on the Internet look like models: "p127-contacts" is no plug.
                yield from from_product(self, name, sentence, 0.7, 0.85)
        if issuer and issuer != subject:
            sentence = f"It shows a certificate issued by {quoted(issuer)}."
            yield from from_signatures(self, self.knowledge.text("certificate", issuer), sentence, 0.8)
            yield from from_recog(self, "x509_issuers", issuer, sentence)


class TlsFingerprint(Clue):
    """JA4 of the client hello, where the sample list knows it."""

    NAME = "tls_fingerprint"
    READS = "tls.client_hello"
    DOC = ClueDoc(
        "JA4", "FoxIO JA4 (BSD-3-Clause), JA4 column alone", ("The list is short; programs share TLS libraries.",)
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield the system where the fingerprint belongs to one."""
        fingerprint = fact["ja4"]
        words = self.knowledge.ja4(str(fingerprint)) if fingerprint else ()
        for word in words:
            if word in ("Windows", "macOS", "iOS", "Android", "Linux"):
                sentence = f"Its TLS hello has the fingerprint {fingerprint}, known from {' '.join(words)}."
                yield Claim("os", word, 0.4, self.NAME, sentence)
