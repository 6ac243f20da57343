"""TLS and SSH of yesterday. RFC 8996, RFC 7465, RFC 9155, RFC 9142."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ringfence.detect.rule import Rule, RuleDoc, Sight, is_public
from ringfence.model.finding import Finding, Severity
from ringfence.model.observation import Observation, Part

__all__ = ["ObsoleteEncryption", "weak_cipher"]

_VERSIONS = {0x0002: "SSL 2.0", 0x0200: "SSL 2.0", 0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1"}

# IANA TLS cipher suites by family; ranges from the registry of RFC 5246 §A.5 and its predecessors.
_NULL = frozenset((0x0000, 0x0001, 0x0002, 0x003B, 0xC001, 0xC006, 0xC00B, 0xC010, 0xC015, 0x00B0, 0x00B1, 0x00B4))
_EXPORT = frozenset((0x0003, 0x0006, 0x0008, 0x000B, 0x000E, 0x0011, 0x0014, 0x0017, 0x0019, *range(0x0026, 0x002C)))
_ANONYMOUS = frozenset((0x0018, 0x001A, 0x001B, 0x0034, 0x003A, 0x006C, 0x006D, 0x00A6, 0x00A7, 0xC016, 0xC017, 0xC018))
_RC4 = frozenset(
    (0x0004, 0x0005, 0x0020, 0x0024, 0x0066, 0x008A, 0x008E, 0x0092, 0xC002, 0xC007, 0xC00C, 0xC011, 0xC033)
)
_DES = frozenset((0x0009, 0x000C, 0x000F, 0x0012, 0x0015, 0x001E, 0x0022))
_3DES = frozenset(
    (0x000A, 0x000D, 0x0010, 0x0013, 0x0016, 0x001F, 0x0023, 0x008B, 0x008F, 0x0093, 0xC003, 0xC008, 0xC00D, 0xC012)
)

_FAMILIES = (
    ("no encryption", _NULL),
    ("export-grade encryption", _EXPORT),
    ("no authentication", _ANONYMOUS),
    ("RC4", _RC4),
    ("DES", _DES),
    ("3DES", _3DES),
)


def weak_cipher(suite: int) -> str | None:
    """Return what is wrong with a TLS cipher suite, or None."""
    return next((name for name, suites in _FAMILIES if suite in suites), None)


class ObsoleteEncryption(Rule):
    """A server settles for an obsolete protocol version or a broken cipher."""

    NAME = "obsolete_encryption"
    READS = ("tls.server_hello", "ssh.banner")
    DOC = RuleDoc(
        title="Obsolete encryption",
        severity=Severity.MEDIUM,
        why="Old versions and ciphers have known attacks; what they protect can be read or changed.",
        attack=("T1557", "T0830"),
        remedy="Update the device, switch old versions off, or put a gateway with current TLS in front of it.",
        source="RFC 8996 (TLS 1.0, 1.1), RFC 7568 (SSL 3.0), RFC 7465 (RC4), RFC 4253 §5.1 (SSH 1)",
        limits=("What a server would accept from other clients is not known: only what it chose here.",),
    )

    def concerns(self, fact: Observation) -> Iterable[str]:
        """What was agreed on concerns the server, or the device that uses one on the internet."""
        if fact.kind == "ssh.banner":
            return (fact.subject.id,)
        return (self._whose(fact).id,) if any(self._faults(fact)) else ()

    def findings(self, sight: Sight) -> Iterator[Finding]:
        """One finding per server and fault; servers on the internet count by the device that uses them."""
        groups: dict[tuple[Part, str], list[Observation]] = defaultdict(list)
        for fact in sight.facts("tls.server_hello"):
            for fault in self._faults(fact):
                groups[self._whose(fact), fault].append(fact)
        for fact in sight.facts("ssh.banner"):
            version = str(fact["version"] or "")
            if version.startswith("1.") and version != "1.99":
                groups[fact.subject, f"SSH {version}"].append(fact)
        for (part, fault), facts in groups.items():
            grave = fault in ("no encryption", "export-grade encryption", "SSL 2.0", "SSL 3.0") or fault.startswith(
                "SSH 1"
            )
            yield self.finding(
                sight,
                ((part, "subject"),),
                facts,
                topic=fault,
                title=f"Obsolete encryption: {fault}",
                severity=Severity.HIGH if grave else Severity.MEDIUM,
                why=f"{sight.label(part)} settles for {fault}, which has known attacks.",
                expected="TLS 1.2 or 1.3 with a current cipher, SSH 2.",
                seen=f"{fault} was agreed on.",
            )

    @staticmethod
    def _whose(fact: Observation) -> Part:
        return fact.object if fact.object is not None and is_public(fact.subject) else fact.subject

    @staticmethod
    def _faults(fact: Observation) -> Iterator[str]:
        version = fact["version"]
        if version in _VERSIONS:
            yield _VERSIONS[version]
        weak = weak_cipher(fact["cipher"]) if fact["cipher"] is not None else None
        if weak:
            yield weak
