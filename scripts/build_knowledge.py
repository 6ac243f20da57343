"""Build the built-in knowledge bundle: ``build_knowledge.py SHARED_KB --key KEYFILE --date YYYY-MM-DD [--out FILE]``.

Reads the collected registries under SHARED_KB and our own tables under ``inventory/knowledge/source``, converts both to
the compact forms that ``inventory/knowledge/loader.py`` reads, and signs the result. The same input gives the same
bytes. The key is the maintainer's: 32 raw bytes or their hexadecimal digits; it never enters the repository.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import re
import struct
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ringfence._core import Patterns
from ringfence.model.bundle import sign

SOURCE = Path(__file__).parent.parent / "src" / "ringfence" / "inventory" / "knowledge"
OWN = ("Ringfence's own tables", "Apache-2.0")

# recog lists in use, and those of protocols that are being added.
RECOG = (
    "dhcp_vendor_class",
    "ftp_banners",
    "hp_pjl_id",
    "html_title",
    "http_servers",
    "http_wwwauth",
    "mdns_device-info_txt",
    "ntp_banners",
    "rtsp_servers",
    "sip_banners",
    "sip_user_agents",
    "smb_native_os",
    "smtp_banners",
    "snmp_sysdescr",
    "snmp_sysobjid",
    "ssh_banners",
    "telnet_banners",
    "x509_issuers",
    "x509_subjects",
)
RECOG_FIELDS = frozenset(
    f"{thing}.{field}"
    for thing in ("hw", "os", "service")
    for field in ("vendor", "product", "device", "family", "version", "model", "serial_number", "certainty")
)


class Content:
    """The entries of the bundle with their provenance."""

    def __init__(self, date: str) -> None:
        self.date = date
        self.entries: dict[str, bytes] = {}
        self.notes: dict[str, dict[str, Any]] = {}

    def add(
        self, name: str, data: bytes, count: int, source: tuple[str, str], date: str = "", refused: int = 0
    ) -> None:
        """Take an entry; ``source`` is (where from, licence)."""
        self.entries[name] = data
        self.notes[name] = {"source": source[0], "licence": source[1], "date": date or self.date, "count": count}
        if refused:
            self.notes[name]["refused"] = refused

    def add_json(self, name: str, value: Any, source: tuple[str, str], date: str = "", refused: int = 0) -> None:
        """Take an entry as compact JSON."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=isinstance(value, dict))
        self.add(name, text.encode(), len(value), source, date, refused)


def main() -> None:
    """Build the bundle and say what went in."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--date", required=True)
    parser.add_argument("--expiry", default="")
    parser.add_argument("--out", type=Path, default=SOURCE / "builtin.bundle")
    options = parser.parse_args()
    key = options.key.read_bytes()
    key = key if len(key) == 32 else bytes.fromhex(key.decode().strip())
    content = Content(options.date)
    registries(content, options.shared / "identification")
    recog(content, options.shared / "identification" / "recog")
    credentials(content, options.shared)
    own_tables(content, SOURCE / "source")
    expiry = options.expiry or f"{int(options.date[:4]) + 1}{options.date[4:]}"
    data = sign(f"builtin-{options.date}", options.date, expiry, content.entries, content.notes, key)
    options.out.write_bytes(data)
    for name, note in sorted(content.notes.items()):
        size = len(content.entries[name])
        sys.stdout.write(f"{name}\t{note['count']}\trefused {note.get('refused', 0)}\t{size} bytes\n")
    sys.stdout.write(f"{options.out}: {len(data)} bytes\n")


# --- registries ---------------------------------------------------------------------------------------------------


def registries(content: Content, root: Path) -> None:
    """Convert IEEE, IANA, BACnet, ODVA, Home Assistant and JA4 lists."""
    with gzip.open(root / "oui_prefixes.tsv.gz", "rt", encoding="utf-8") as lines:
        table = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        rows = [(int(row["bits"]), row["prefix_hex"], row["vendor"]) for row in table]
    ieee = ("IEEE MA-L, MA-M, MA-S public listing", "facts of a public listing")
    content.add("oui.bin", oui(rows), len(rows), ieee, "2026-09-01")
    with gzip.open(root / "iana_enterprise_numbers.tsv.gz", "rt", encoding="utf-8") as lines:
        numbers = dict(enterprise(lines))
    content.add(
        "enterprise.bin", names_by_number(numbers), len(numbers), ("IANA private enterprise numbers", "CC0-1.0")
    )
    ids = json.loads((root / "vendor_ids.json").read_text("utf-8"))
    for name in ("bacnet_vendor", "cip_vendor", "cip_device_type"):
        value = {number: text for number, text in ids[name]["ids"].items() if text and text != "Reserved"}
        content.add_json(f"{name}.json", value, (ids[name]["source"], ids[name]["licence"]))
    matchers = json.loads((root / "home_assistant_matchers.json").read_text("utf-8"))
    value = {part: matchers[part] for part in ("zeroconf", "ssdp", "dhcp", "homekit")}
    content.add_json("home_assistant.json", value, (matchers["source"], matchers["licence"]))
    with (root / "ja4plus-mapping.csv").open(encoding="utf-8") as lines:
        columns = ("Application", "Library", "OS")
        known = {row["ja4"]: [row[column] for column in columns] for row in csv.DictReader(lines) if row["ja4"]}
    content.add_json("ja4.json", known, ("FoxIO-LLC/ja4 sample list, JA4 column alone", "BSD-3-Clause"))


def oui(rows: Iterable[tuple[int, str, str]]) -> bytes:
    """Sorted fixed-width records of each prefix length, then the names (see loader.Prefixes)."""
    names: dict[str, int] = {}
    tables: dict[int, list[bytes]] = {24: [], 28: [], 36: []}
    for bits, prefix, vendor in rows:
        width = (bits + 7) // 8
        key = bytes.fromhex(prefix.ljust(width * 2, "0")[: width * 2])
        place = names.setdefault(vendor.strip(), len(names))
        tables[bits].append(key + place.to_bytes(3, "big"))
    head = b"OUI1" + struct.pack(">III", *(len(tables[bits]) for bits in (24, 28, 36)))
    return head + b"".join(b"".join(sorted(tables[bits])) for bits in (24, 28, 36)) + text_table(list(names))


def enterprise(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield (number, name) with addresses and empty names left out."""
    for line in lines:
        number, _, name = line.rstrip("\n").partition("\t")
        name = re.sub(r"\s*\(https?://[^)]*\)", "", name).strip()
        if number.isdecimal() and name and name.lower() not in ("reserved", "none", "unassigned", "---none---"):
            yield int(number), name[:80]


def names_by_number(names: dict[int, str]) -> bytes:
    """Sorted numbers, then the names in the same order (see loader.NumberedNames)."""
    ordered = sorted(names)
    head = b"NUM1" + struct.pack(">I", len(ordered)) + b"".join(struct.pack(">I", number) for number in ordered)
    return head + text_table([names[number] for number in ordered])


def text_table(texts: list[str]) -> bytes:
    """Count, offsets, UTF-8 texts."""
    encoded = [text.encode() for text in texts]
    offsets, total = [0], 0
    for text in encoded:
        total += len(text)
        offsets.append(total)
    return struct.pack(">I", len(encoded)) + b"".join(struct.pack(">I", at) for at in offsets) + b"".join(encoded)


# --- recog --------------------------------------------------------------------------------------------------------


def credentials(content: Content, root: Path) -> None:
    """Default credentials as pairs (user, secret), for recognising their use; an SNMP community has the user ""."""
    folder = root / "credentials"
    rows = json.loads((folder / "default_credentials.json").read_text())["entries"]
    pairs = {(row["username"] or "", row["password"]) for row in rows if row["password"]}
    communities = json.loads((folder / "snmp_communities.json").read_text())["communities"]
    pairs |= {("", community) for community in communities if community}
    licences = "MIT, BSD-3-Clause; the pairs published of Mirai are facts"
    content.add_json("credentials.json", sorted(pairs), ("defaultcreds, routersploit, Mirai", licences), "2026-07-01")


def recog(content: Content, root: Path) -> None:
    """Convert recog's lists; patterns that can't run in linear time are left out and counted."""
    for name in RECOG:
        tree = ElementTree.parse(root / f"{name}.xml")  # noqa: S314 -- A file of the maintainer's own collection.
        rows = [row for row in map(fingerprint, tree.getroot().iter("fingerprint")) if row[2]]
        refused = set(Patterns([(row[0], row[1]) for row in rows]).refused)
        kept = [row for at, row in enumerate(rows) if at not in refused]
        source = ("rapid7/recog 2026-06", "BSD-2-Clause")
        content.add_json(f"recog/{name}.json", kept, source, "2026-06-01", len(refused))


def fingerprint(element: ElementTree.Element) -> tuple[str, bool, dict[str, str | int]]:
    """(pattern, ignore case, field to value or group number)."""
    flags = element.get("flags", "")
    # An escaped angle bracket is a literal one in Ruby and a word boundary in our engine.
    pattern = element.get("pattern", "").replace("\\<", "<").replace("\\>", ">")
    if "DOT_NEWLINE" in flags or "MULTILINE" in flags:
        pattern = f"(?s){pattern}"
    fields: dict[str, str | int] = {}
    for param in element.iter("param"):
        name, value = param.get("name", ""), param.get("value", "")
        if name in RECOG_FIELDS and "{" not in value:
            group = int(param.get("pos", "0"))
            fields[name] = group or value
    return pattern, "ICASE" in flags, fields


# --- our own ------------------------------------------------------------------------------------------------------


def own_tables(content: Content, root: Path) -> None:
    """Take our tables: tab-separated with comment lines; the loader knows the columns."""
    for path in sorted(root.glob("*.tsv")):
        rows = [line.split("\t") for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
        if path.stem in ("names", "texts"):
            column = 0 if path.stem == "names" else 1
            refused = Patterns([(row[column], True) for row in rows]).refused
            if refused:
                sys.exit(f"{path}: patterns that can't run in linear time: {[rows[at][column] for at in refused]}")
        content.add_json(f"{path.stem}.json", rows, OWN)


if __name__ == "__main__":
    main()
