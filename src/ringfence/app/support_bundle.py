"""Support bundles: what helps somebody elsewhere to understand a fault, as a ZIP of JSON that a person can read first.

Rule 1: never in it: packets, secrets, credentials, people, configuration values that may hold an address.
Rule 2: ``anonymize`` replaces addresses, names and serial numbers by pseudonyms that are the same all over the bundle,
also inside of free text; ``strict`` leaves out free text and everything about a single device.
Rule 3: what a field holds is decided by a list of what may stay, not of what must go: a new column is hidden.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from hashlib import blake2s
from io import BytesIO
from ipaddress import ip_address
from typing import Any

from ringfence.sensor.anonymize import Pseudonyms

__all__ = ["Anonymity", "bundle"]

_MAC = re.compile(r"\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b|\b[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\b")
_IPV4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_IPV6 = re.compile(r"(?<![\w:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_SHORTEST_NAME = 3  # characters: shorter ones would hit ordinary words

#: Columns that say nothing of a site: numbers, words of our own, and what a product is.
_PLAIN = frozenset(
    "class confidence purdue_level first last expected worst open_findings version count weight clue field severity "
    "state rule findings code time window received packets bytes flows rows entries protocol transport dataset period "
    "vendor product model firmware os kind number open criticality safety".split()
)
#: Fields of claims whose value says what a product is, not which one it is.
_PLAIN_CLAIMS = frozenset("vendor oui_vendor product model firmware os class purdue_level role".split())
#: Topics that speak of single devices, or hold free text.
_LEFT_OUT_IF_STRICT = ("devices", "addresses", "claims", "conflicts", "quality", "batches")


class Anonymity(Enum):
    """How much is hidden."""

    NONE = "none"
    PSEUDONYMS = "pseudonyms"
    STRICT = "strict"


def bundle(facts: Mapping[str, Any], about: Mapping[str, Any], anonymity: Anonymity, key: bytes) -> bytes:
    """Return a ZIP.

    Args:
        facts: of ``ringfence.store.support``.
        about: versions and figures of the machine; nothing that names it.
        anonymity: how much is hidden.
        key: of the pseudonyms, 32 bytes: with the installation's own, two bundles can be compared.
    """
    topics = dict(facts)
    if anonymity is not Anonymity.NONE:
        hidden = _Hidden(topics, key)
        if anonymity is Anonymity.STRICT:
            topics["classes"] = _classes(topics["devices"])
            for name in _LEFT_OUT_IF_STRICT:
                topics.pop(name, None)
        topics = {name: hidden.topic(rows) for name, rows in topics.items()}
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in [("about", dict(about) | {"anonymity": anonymity.value}), *sorted(topics.items())]:
            # A fixed date: the moment of a bundle stands in it, and equal facts give equal files.
            entry = zipfile.ZipInfo(f"{name}.json", (1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, json.dumps(value, indent=1, ensure_ascii=True, default=str))
    return out.getvalue()


class _Hidden:
    """Makes rows anonymous."""

    def __init__(self, facts: Mapping[str, Any], key: bytes) -> None:
        self._key = key
        self._pseudonyms = Pseudonyms(key)
        names = {str(row["value"]) for row in facts.get("addresses", ()) if row["kind"] == "name"}
        for row in facts.get("devices", ()):
            names |= {str(row[column]) for column in ("name", "serial", "owner") if row.get(column)}
            names |= set(row.get("names") or ())
        names |= {str(row["value"]) for row in facts.get("claims", ()) if row["field"] not in _PLAIN_CLAIMS}
        known = sorted((name for name in names if len(name) >= _SHORTEST_NAME), key=len, reverse=True)
        self._names = {name.casefold() for name in known}
        self._in_text = re.compile("|".join(map(re.escape, known)) or r"(?!)", re.IGNORECASE)

    def topic(self, rows: Any) -> Any:
        """Hide a list of rows, or plain figures by name."""
        if isinstance(rows, Mapping):
            return dict(rows)
        return [self._row(row) for row in rows]

    def _row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        plain = _PLAIN | ({"value", "chosen", "other"} if row.get("field") in _PLAIN_CLAIMS else frozenset())
        return {name: self._kept(value) if name in plain else self._value(value) for name, value in row.items()}

    def _kept(self, value: Any) -> Any:
        """What may stay may still hold a name inside: a host name in a firmware's text, for one."""
        return self.text(value) if isinstance(value, str) else value

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._whole(value)
        if isinstance(value, Mapping):
            return {name: self._value(member) for name, member in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, bytes):
            return [self._value(member) for member in value]
        return value if isinstance(value, bool | int | float | None) else self._word(repr(value))

    def _whole(self, text: str) -> str:
        """A text of which nothing may stay: sentences keep their words, all else becomes one pseudonym."""
        replaced = self.text(text)
        return replaced if replaced != text or " " in text.strip() else self._word(text)

    def text(self, text: str) -> str:
        """Replace addresses and known names inside of a text."""
        text = _MAC.sub(self._replaced(self._mac), text)
        text = _IPV6.sub(self._replaced(self._ip), text)
        text = _IPV4.sub(self._replaced(self._ip), text)
        return self._in_text.sub(self._replaced(self._word), text)

    @staticmethod
    def _replaced(change: Callable[[str], str]) -> Callable[[re.Match[str]], str]:
        return lambda match: change(match[0])

    def _mac(self, text: str) -> str:
        made = self._pseudonyms.mac(bytes.fromhex(re.sub(r"[:.-]", "", text)))
        return ":".join(f"{byte:02x}" for byte in made)

    def _ip(self, text: str) -> str:
        try:
            address = ip_address(text)
        except ValueError:
            return text
        change = self._pseudonyms.ipv4 if address.version == 4 else self._pseudonyms.ipv6
        return str(ip_address(change(address.packed)))

    def _word(self, text: str) -> str:
        digest = blake2s(text.casefold().encode("utf-8", "replace"), key=self._key, person=b"word").hexdigest()
        return f"name-{digest[:10]}"


def _classes(devices: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    counted: dict[str, int] = {}
    for row in devices:
        counted[row["class"]] = counted.get(row["class"], 0) + 1
    return [{"class": name, "entries": entries} for name, entries in sorted(counted.items())]
