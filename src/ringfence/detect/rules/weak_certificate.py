"""Certificates that don't vouch: expired, self-signed, short keys, broken digests. RFC 5280, NIST SP 800-57."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ringfence.detect.rule import Rule, RuleDoc, Sight, is_public
from ringfence.model.clock import rfc3339
from ringfence.model.finding import Finding, Severity
from ringfence.model.observation import Observation, Part

__all__ = ["WeakCertificate"]

_BROKEN_DIGESTS = ("md2", "md4", "md5", "sha1")
_ELLIPTIC = ("ec", "ecdsa")


class WeakCertificate(Rule):
    """A certificate that was sent in clear and does not stand up."""

    NAME = "weak_certificate"
    READS = ("tls.certificate",)
    DOC = RuleDoc(
        title="Weak certificate",
        severity=Severity.MEDIUM,
        why="A certificate that can't be verified doesn't tell the device from an impostor.",
        attack=("T1557", "T0830"),
        remedy="Issue a certificate from your own authority with a current key, and renew it before it expires.",
        source="RFC 5280 §4.1.2.5, §6.1; NIST SP 800-57 part 1 §5.6",
        limits=(
            "TLS 1.3 encrypts certificates: those are not seen.",
            "Times are compared with the capture's clock.",
        ),
        benign=("Many devices ship with a self-signed certificate; it is safe only where it was pinned.",),
    )

    def concerns(self, fact: Observation) -> Iterable[str]:
        """A certificate concerns who shows it; whether it has expired depends on when it was seen last."""
        return () if fact["position"] or is_public(fact.subject) else (fact.subject.id,)

    def findings(self, sight: Sight) -> Iterator[Finding]:
        """One finding per device and fault; certificates of servers on the internet are not judged."""
        groups: dict[tuple[Part, str], list[Observation]] = defaultdict(list)
        for fact in sight.facts("tls.certificate"):
            if fact["position"] or is_public(fact.subject):
                continue
            for fault in self._faults(fact, sight):
                groups[fact.subject, fault].append(fact)
        for (part, fault), facts in groups.items():
            name = facts[0]["common_name"] or facts[0]["subject"] or "(no name)"
            yield self.finding(
                sight,
                ((part, "subject"),),
                facts,
                topic=fault,
                title=f"Certificate is {fault}",
                severity=Severity.LOW if fault == "self-signed" else Severity.MEDIUM,
                why=f"The certificate {name} of {sight.label(part)} is {fault}.",
                expected="A current certificate from a known authority.",
                seen=self._seen(fault, facts[0]),
            )

    @staticmethod
    def _faults(fact: Observation, sight: Sight) -> Iterator[str]:
        if fact["not_after"] is not None and fact.last > fact["not_after"]:
            yield "expired"
        if fact["not_before"] is not None and fact.first < fact["not_before"]:
            yield "not yet valid"
        if fact["self_signed"]:
            yield "self-signed"
        bits, key = fact["key_bits"], str(fact["key_type"] or "")
        short = (key == "rsa" and sight.options.rsa_bits) or (key in _ELLIPTIC and sight.options.elliptic_bits) or 0
        if bits is not None and bits < short:
            yield f"made with a short key ({key} {bits} bits)"
        signature = str(fact["signature"] or "").lower()
        if not fact["self_signed"] and any(digest in signature.replace("-", "") for digest in _BROKEN_DIGESTS):
            yield f"signed with a broken digest ({signature})"

    @staticmethod
    def _seen(fault: str, fact: Observation) -> str:
        if fault == "expired":
            return f"Valid until {rfc3339(fact['not_after'])}."
        if fault == "not yet valid":
            return f"Valid from {rfc3339(fact['not_before'])}."
        return f"Issuer: {fact['issuer'] or '(none)'}; key: {fact['key_type']} {fact['key_bits'] or ''} bits."
