"""The knowledge that clues ask: each table is unpacked, checked and compiled when it is first asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, cached_property, lru_cache
from importlib import resources
from typing import Any

from ringfence._core import Patterns
from ringfence.inventory.knowledge.compact import NumberedNames, Prefixes
from ringfence.inventory.knowledge.keys import RELEASE_KEYS
from ringfence.model.bundle import VerifiedBundle, verify

__all__ = ["Knowledge", "Signature", "Weighted", "builtin"]

_SUFFIXES = frozenset(
    (
        "inc",
        "incorporated",
        "corp",
        "corporation",
        "co",
        "company",
        "ltd",
        "limited",
        "llc",
        "gmbh",
        "ag",
        "kg",
        "sa",
        "sas",
        "srl",
        "spa",
        "bv",
        "nv",
        "ab",
        "as",
        "oy",
        "plc",
        "pty",
        "pte",
        "the",
        "technologies",
        "technology",
        "tech",
        "international",
        "electronics",
    )
)
# Many models append digits of the MAC to their name.
_OWN_DIGITS = re.compile(r"[-_ ][0-9A-Fa-f]{6,12}$")
_GROUP = re.compile(r"\$(\d)")
_TEXT_CAP = 1024  # characters


@dataclass(frozen=True, slots=True)
class Signature:
    """What a text speaks for. Empty means: nothing said about that."""

    matched: str
    vendor: str
    device_class: str
    product: str
    system: str
    vendor_weight: float
    class_weight: float


@dataclass(frozen=True, slots=True)
class Weighted:
    """A value and its weight, 0 to 1."""

    value: str
    weight: float


@cache
def builtin() -> Knowledge:
    """Return the knowledge shipped with this version."""
    data = resources.files(__package__).joinpath("builtin.bundle").read_bytes()
    return Knowledge(verify(data, RELEASE_KEYS))


class Knowledge:
    """Read-only answers from one verified bundle."""

    def __init__(self, bundle: VerifiedBundle) -> None:
        self.bundle = bundle
        self._compiled: dict[str, tuple[Patterns, list[Any]]] = {}
        # The caches are per instance: two bundles may be in use at once, and clues ask the same texts again and again.
        self.oui = lru_cache(4096)(self._oui)
        self.canonical = lru_cache(4096)(self._canonical)
        self.host_name = lru_cache(4096)(self._host_name)
        self.text = lru_cache(8192)(self._text)
        self.recog = lru_cache(8192)(self._recog)
        self.domain = lru_cache(8192)(self._domain)
        self.advertised = lru_cache(4096)(self._advertised)

    @property
    def id(self) -> str:
        """The bundle's id."""
        return self.bundle.id

    @property
    def date(self) -> str:
        """The day that the bundle's content is of."""
        return self.bundle.date

    def default_credentials(self) -> list[tuple[bytes, bytes]]:
        """Return published default credentials as (user, secret); an SNMP community has the user ""."""
        if "credentials.json" not in self.bundle:
            return []
        return [(user.encode(), secret.encode()) for user, secret in self._json("credentials.json")]

    # --- makers ---------------------------------------------------------------------------------------------------

    def _oui(self, mac: str) -> str | None:
        """Return the canonical name of the organisation that a MAC's prefix belongs to, or None."""
        try:
            organisation = self._prefixes[bytes.fromhex(mac.replace(":", ""))]
        except ValueError:
            return None
        return self.canonical(organisation) if organisation else None

    def _canonical(self, name: str) -> str:
        """Return the one name of a maker, whatever the spelling; an unknown maker keeps its own."""
        words = re.sub(r"[^\w]+", " ", name.casefold()).split()
        for length in range(min(len(words), 5), 0, -1):
            found = self._aliases.get(" ".join(words[:length]))
            # A short word is a name only where it is all there is: "HP", not "HP Something Else".
            if found and (length > 1 or len(words[0]) > 3 or all(word in _SUFFIXES for word in words[1:])):
                return found
        kept = re.split(r"\s*[\t(#]*\s*\b(?:formerly|see)\b", name, maxsplit=1, flags=re.IGNORECASE)[0].strip()
        while True:
            shorter = re.sub(r"[\s,.]+(\w+)\.?$", lambda m: "" if m[1].casefold() in _SUFFIXES else m[0], kept)
            if shorter in (kept, ""):
                return kept[:80]
            kept = shorter

    def maker_fits(self, name: str) -> frozenset[str]:
        """Return the classes of which a maker builds devices under its own MAC prefixes; ``own`` is no class.

        ``own`` says that all its devices have prefixes of its own.
        """
        return self._maker_fits.get(name, frozenset())

    def known_maker(self, name: str) -> bool:
        """Return whether a canonical name stands in the table of makers."""
        return name in self._maker_classes

    def maker_class(self, maker: str) -> Weighted | None:
        """Return the class of nearly all networked products of a maker, where there is one."""
        return self._maker_classes.get(maker)

    def enterprise(self, number: int) -> str | None:
        """Return the canonical name of the holder of an IANA enterprise number."""
        name = self._enterprise[number]
        return self.canonical(name) if name else None

    def registered(self, registry: str, number: int) -> str | None:
        """Return the text of a number in ``bacnet_vendor``, ``cip_vendor`` or ``cip_device_type``."""
        text = self._json(f"{registry}.json").get(str(number))
        return text if isinstance(text, str) else None

    def number_class(self, where: str, number: int) -> Weighted | None:
        """Return the class that a number of ``cip_device_type`` or ``hap_category`` speaks for."""
        return self._numbers.get((where, number))

    # --- texts ----------------------------------------------------------------------------------------------------

    def _host_name(self, name: str) -> tuple[Signature, ...]:
        """Return what a host name speaks for."""
        return self._signatures("names", "", name, 4)

    def _text(self, where: str, text: str) -> tuple[Signature, ...]:
        """Return what a text speaks for; ``where`` is a first column of ``texts.tsv``."""
        return self._signatures("texts", where, text, 6)

    def _recog(self, name: str, text: str) -> Mapping[str, str] | None:
        """Return the fields of the first fingerprint of a recog list that matches, groups filled in."""
        entry = f"recog/{name}.json"
        patterns, rows = self._table(entry, lambda: [(row[0], row[1], row[2]) for row in self._json(entry)])
        found = patterns.first(text[:_TEXT_CAP])
        if found is None:
            return None
        position, groups = found
        fields: dict[str, str] = {}
        for field, value in rows[position].items():
            filled = value if isinstance(value, str) else (groups[value - 1] if 0 < value <= len(groups) else None)
            if filled:
                fields[field] = filled
        return fields

    def device_word(self, word: str) -> Weighted | None:
        """Return the class for a recog device word."""
        return self._device_words.get(word)

    def _domain(self, name: str) -> Signature | None:
        """Return what asking for a DNS name speaks for: the longest suffix that the table knows."""
        labels = name.rstrip(".").lower().split(".")
        for first in range(len(labels)):
            found = self._domains.get(".".join(labels[first:]))
            if found:
                return found
        return None

    def parameter_list(self, options: str) -> tuple[str, str, float, float] | None:
        """Return (system, class, weight, weight) for a DHCP parameter request list such as ``1,3,6``."""
        return self._parameter_lists.get(options)

    def ja4(self, fingerprint: str) -> tuple[str, ...]:
        """Return the words (application, library, system) known for a JA4 fingerprint."""
        return tuple(word for word in self._json("ja4.json").get(fingerprint, ()) if word)

    # --- Home Assistant's matchers --------------------------------------------------------------------------------

    def _advertised(self, service: str, name: str, properties: frozenset[tuple[str, str]]) -> tuple[Signature, ...]:
        """Return what an mDNS service with this instance name and these TXT properties speaks for."""
        known = dict(properties)
        found: list[Signature] = []
        for row in self._json("home_assistant.json")["zeroconf"].get(service + ".local.", ()):
            wanted = row.get("properties", {})
            named = fnmatchcase(name.lower(), row["name"].lower()) if "name" in row else True
            if named and all(
                fnmatchcase(known.get(key.lower(), "").lower(), value.lower()) for key, value in wanted.items()
            ):
                found += self._integration(row["domain"], service)
        return tuple(found)

    def homekit(self, model: str) -> tuple[Signature, ...]:
        """Return what a HomeKit accessory model speaks for."""
        for prefix, row in self._json("home_assistant.json")["homekit"].items():
            pattern = prefix if "*" in prefix else prefix + "*"
            if fnmatchcase(model, pattern) and len(prefix.rstrip("*")) > 2:
                return self._integration(row["domain"], model)
        return ()

    def leased(self, hostname: str, mac: str) -> tuple[Signature, ...]:
        """Return what a DHCP host name with this MAC's prefix speaks for.

        A name alone counts only where it is long enough to be nobody else's.
        """
        name, compact = hostname.lower(), mac.replace(":", "").upper()
        for row in self._json("home_assistant.json")["dhcp"]:
            pattern = row.get("hostname", "")
            if not pattern or not fnmatchcase(name, pattern.lower()):
                continue
            literal = len(re.sub(r"\[[^]]*\]|[*?]", "", pattern))
            prefix = row.get("macaddress")
            if literal >= 6 or (literal >= 2 and prefix and fnmatchcase(compact, prefix.upper())):
                return self._integration(row["domain"], hostname)
        return ()

    def described(self, fields: Mapping[str, str]) -> tuple[Signature, ...]:
        """Return what SSDP fields (deviceType, manufacturer, modelName, st …) speak for."""
        for domain, rows in self._json("home_assistant.json")["ssdp"].items():
            if any(row and all(fields.get(key) == value for key, value in row.items()) for row in rows):
                return self._integration(domain, next(iter(fields.values()), ""))
        return ()

    def _integration(self, domain: str, matched: str) -> tuple[Signature, ...]:
        row = self._integrations.get(domain)
        if row is None:
            return ()
        return (Signature(matched, row[1], row[3], "", "", _number(row[2]), _number(row[4])),)

    # --- tables ---------------------------------------------------------------------------------------------------

    def _signatures(self, entry: str, where: str, text: str, limit: int) -> tuple[Signature, ...]:
        patterns, rows = self._table(f"{entry}:{where}", lambda: self._signature_rows(entry, where))
        found = []
        for position, groups in patterns.every(text[:_TEXT_CAP], limit):
            row = [_fill(cell, text, groups) for cell in rows[position]]
            found.append(Signature(text[:120], row[0], row[1], row[2], row[3], _number(row[4]), _number(row[5])))
        return tuple(found)

    def _signature_rows(self, entry: str, where: str) -> list[tuple[str, bool, Any]]:
        rows = self._json(f"{entry}.json")
        if where:
            rows = [row[1:] for row in rows if row[0] == where]
        return [(row[0], True, row[1:]) for row in rows]

    def _table(self, key: str, rows: Any) -> tuple[Patterns, list[Any]]:
        if key not in self._compiled:
            made = rows()
            self._compiled[key] = (Patterns([(row[0], row[1]) for row in made]), [row[2] for row in made])
        return self._compiled[key]

    def rows(self, name: str) -> list[list[str]]:
        """Return the rows of one of our own tables, for tests and the reference pages."""
        found: list[list[str]] = self._json(f"{name}.json")
        return found

    def _json(self, name: str) -> Any:
        if name not in self._parsed:
            self._parsed[name] = json.loads(self.bundle.read(name))
        return self._parsed[name]

    @cached_property
    def _parsed(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _prefixes(self) -> Prefixes:
        return Prefixes(self.bundle.read("oui.bin"))

    @cached_property
    def _enterprise(self) -> NumberedNames:
        return NumberedNames(self.bundle.read("enterprise.bin"), "enterprise.bin")

    @cached_property
    def _aliases(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for row in self._json("makers.json"):
            for name in (row[0], *(row[1].split(";") if len(row) > 1 else ())):
                found.setdefault(" ".join(re.sub(r"[^\w]+", " ", name.casefold()).split()), row[0])
        return found

    @cached_property
    def _maker_fits(self) -> dict[str, frozenset[str]]:
        return {row[0]: frozenset(row[4].split(";")) for row in self._json("makers.json") if len(row) > 4}

    @cached_property
    def _maker_classes(self) -> dict[str, Weighted | None]:
        rows = self._json("makers.json")
        return {row[0]: Weighted(row[2], _number(row[3])) if len(row) > 3 and row[2] else None for row in rows}

    @cached_property
    def _domains(self) -> dict[str, Signature]:
        found = {}
        for row in self._json("domains.json"):
            cells = [*row, "", "", "", ""][:5]
            found[cells[0]] = Signature(cells[0], cells[1], cells[3], "", "", _number(cells[2]), _number(cells[4]))
        return found

    @cached_property
    def _numbers(self) -> dict[tuple[str, int], Weighted]:
        return {(row[0], int(row[1])): Weighted(row[2], _number(row[3])) for row in self._json("numbers.json")}

    @cached_property
    def _device_words(self) -> dict[str, Weighted]:
        return {row[0]: Weighted(row[1], _number(row[2])) for row in self._json("devices_words.json")}

    @cached_property
    def _parameter_lists(self) -> dict[str, tuple[str, str, float, float]]:
        return {row[0]: (row[1], row[2], _number(row[3]), _number(row[4])) for row in self._json("dhcp_lists.json")}

    @cached_property
    def _integrations(self) -> dict[str, list[str]]:
        return {row[0]: row for row in self._json("integrations.json")}


def _fill(cell: str, text: str, groups: list[str | None]) -> str:
    """Put a pattern's groups in a cell; ``$0`` is the whole text."""

    def group(match: re.Match[str]) -> str:
        at = int(match[1])
        if at == 0:
            return _OWN_DIGITS.sub("", text)[:80]
        return (groups[at - 1] or "") if at <= len(groups) else ""

    return _GROUP.sub(group, cell) if "$" in cell else cell


def _number(text: str) -> float:
    return float(text) if text else 0.0
