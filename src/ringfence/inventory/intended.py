"""What should be there, as a list from elsewhere says: CSV, or NetBox's JSON export of devices. Text in, rows out.

Rule 1: a row that can't be taken is named with its number and its fault; the others are taken.
Rule 2: a row and a device are the same if they share a MAC address, else an IP address, else a serial number, else a
name: in this order, because names are given twice more often than addresses.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address, ip_interface
from typing import Any

from ringfence.model.device import CLASSES, Device
from ringfence.model.errors import RingfenceError

__all__ = [
    "MAX_BYTES",
    "MAX_ROWS",
    "Intended",
    "IntendedIndex",
    "IntendedRow",
    "RowFault",
    "read_csv",
    "read_netbox",
]

MAX_BYTES = 64 << 20
MAX_ROWS = 200_000
_MAX_TEXT = 500  # letters of a field
_CRITICALITIES = ("low", "medium", "high", "critical")

#: What a column may be called, in lower case.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "hostname", "host name", "device", "device name"),
    "device_class": ("class", "type", "device class", "role"),
    "vendor": ("vendor", "manufacturer", "maker"),
    "model": ("model", "device type", "device_type", "product"),
    "serial": ("serial", "serial number", "serial_number", "serialnumber"),
    "mac": ("mac", "mac address", "mac_address"),
    "ip": ("ip", "ip address", "ip_address", "primary_ip", "primary_ip4", "primary ip"),
    "site": ("site", "location", "plant"),
    "zone": ("zone", "cell", "area"),
    "owner": ("owner", "tenant", "contact"),
    "criticality": ("criticality", "critical"),
}


@dataclass(frozen=True, slots=True)
class IntendedRow:
    """A device that should be there. ``id`` is a digest of what the list itself identifies it by."""

    id: str
    name: str
    device_class: str | None = None
    vendor: str | None = None
    model: str | None = None
    serial: str | None = None
    mac: str | None = None  # canonical
    ip: str | None = None  # canonical
    site: str | None = None
    zone: str | None = None
    owner: str | None = None
    criticality: str | None = None


@dataclass(frozen=True, slots=True)
class RowFault:
    """A row that can't be taken; ``number`` counts from 1, the header line of a CSV being 1."""

    number: int
    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Intended:
    """By what an intended device is recognised."""

    id: str
    name: str
    serial: str | None
    mac: str | None
    ip: str | None


def read_csv(data: bytes, source: str) -> tuple[list[IntendedRow], list[RowFault]]:
    """Read CSV (comma, semicolon or tab) with a header line.

    Args:
        data: the file.
        source: what the list is called; it is part of the ids.

    Raises:
        RingfenceError: ``import-unreadable``.
    """
    text = _text(data, source)
    first = text.partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=first.count)
    csv.field_size_limit(1 << 20)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = next(reader, [])
        fields = _fields(header)
        if "name" not in fields.values() and not {"mac", "ip", "serial"} & set(fields.values()):
            raise RingfenceError("import-unreadable", source[:80], "No column is called name, mac, ip or serial.")
        cells = ((number, row) for number, row in enumerate(reader, 2) if any(cell.strip() for cell in row))
        rows = ((number, {fields[at]: cell for at, cell in enumerate(row) if at in fields}) for number, row in cells)
        return _taken(rows, source)
    except csv.Error as error:
        raise RingfenceError("import-unreadable", source[:80], f"It is no CSV: {error}.") from error


def read_netbox(data: bytes, source: str) -> tuple[list[IntendedRow], list[RowFault]]:
    """Read NetBox's answer of ``/api/dcim/devices/`` or its JSON export: a list, or an object with ``results``.

    Raises:
        RingfenceError: ``import-unreadable``.
    """
    try:
        document = json.loads(_text(data, source))
    except (ValueError, RecursionError) as error:
        raise RingfenceError("import-unreadable", source[:80], f"It is no JSON: {str(error)[:80]}.") from error
    listed = document.get("results") if isinstance(document, dict) else document
    if not isinstance(listed, list):
        raise RingfenceError("import-unreadable", source[:80], "There is no list of devices in it.")
    return _taken(((number, _from_netbox(one)) for number, one in enumerate(listed, 1)), source)


# --- matching -----------------------------------------------------------------------------------------------------


class IntendedIndex:
    """Finds the row that means a device."""

    def __init__(self, rows: Iterable[Intended]) -> None:
        self._by: dict[tuple[str, str], str] = {}
        for row in rows:
            for kind, value in (("mac", row.mac), ("ip", row.ip), ("serial", row.serial), ("name", row.name)):
                if value:
                    self._by.setdefault((kind, value.lower()), row.id)

    def of(self, device: Device) -> str | None:
        """Return the id of the row, or None where nobody expected the device."""
        serials = (device.serial,) if device.serial else ()
        names = (*device.names, device.name)
        for kind, values in (("mac", device.macs), ("ip", device.ips), ("serial", serials), ("name", names)):
            for value in values:
                found = self._by.get((kind, value.lower()))
                if found is not None:
                    return found
        return None


# --- reading ------------------------------------------------------------------------------------------------------


def _text(data: bytes, source: str) -> str:
    if len(data) > MAX_BYTES:
        raise RingfenceError("import-unreadable", source[:80], f"It is larger than {MAX_BYTES} bytes.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RingfenceError("import-unreadable", source[:80], f"Byte {error.start} is no UTF-8.") from error


def _fields(header: Sequence[str]) -> dict[int, str]:
    names = {alias: field for field, aliases in _COLUMNS.items() for alias in aliases}
    found = {at: names[cell.strip().lower()] for at, cell in enumerate(header) if cell.strip().lower() in names}
    first: dict[int, str] = {}
    for at, field in found.items():
        if field not in first.values():
            first[at] = field
    return first


def _from_netbox(one: Any) -> dict[str, Any]:
    if not isinstance(one, dict):
        return {"name": None}
    nested: dict[str, Callable[[], Any]] = {
        "name": lambda: one.get("name"),
        "serial": lambda: one.get("serial"),
        "vendor": lambda: _word(_within(one, "device_type", "manufacturer")),
        "model": lambda: _word(one.get("device_type")),
        "site": lambda: _word(one.get("site")),
        "zone": lambda: _word(one.get("location")),
        "owner": lambda: _word(one.get("tenant")),
        "ip": lambda: _within(one, "primary_ip", "address") or _within(one, "primary_ip4", "address"),
        "mac": lambda: _within(one, "custom_fields", "mac_address") or one.get("mac_address"),
        "device_class": lambda: _known_class(_word(one.get("role") or one.get("device_role"))),
        "criticality": lambda: _within(one, "custom_fields", "criticality"),
    }
    return {field: read() for field, read in nested.items()}


def _within(one: Any, *names: str) -> Any:
    for name in names:
        one = one.get(name) if isinstance(one, dict) else None
    return one


def _word(one: Any) -> Any:
    """NetBox names things by an object or, in brief answers, by a text."""
    if isinstance(one, dict):
        return next((one[name] for name in ("name", "model", "display", "slug") if one.get(name)), None)
    return one


def _known_class(word: Any) -> Any:
    """A role in NetBox is free text: what is none of our classes is left out, it is no fault of the row."""
    return word if isinstance(word, str) and _as_class(word) in CLASSES else None


def _as_class(word: str) -> str:
    return word.strip().lower().replace(" ", "_").replace("-", "_")


def _taken(rows: Iterator[tuple[int, Mapping[str, Any]]], source: str) -> tuple[list[IntendedRow], list[RowFault]]:
    taken: dict[str, IntendedRow] = {}
    faults: list[RowFault] = []
    for count, (number, raw) in enumerate(rows):
        if count >= MAX_ROWS:
            raise RingfenceError("import-unreadable", source[:80], f"It has more than {MAX_ROWS} rows.")
        made = _row(number, raw, source)
        if isinstance(made, RowFault):
            faults.append(made)
        elif made.id in taken:
            faults.append(RowFault(number, "name", "The same device stands in an earlier row."))
        else:
            taken[made.id] = made
    return list(taken.values()), faults


def _row(number: int, raw: Mapping[str, Any], source: str) -> IntendedRow | RowFault:
    given: dict[str, str] = {}
    for field, value in raw.items():
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            return RowFault(number, field, "It is no text.")
        if len(value) > _MAX_TEXT:
            return RowFault(number, field, f"It is longer than {_MAX_TEXT} letters.")
        if value.strip():
            given[field] = value.strip()
    for field, check in _CHECKS.items():
        if field in given:
            checked = check(given[field])
            if checked is None:
                return RowFault(number, field, f"{given[field][:40]} can't be understood.")
            given[field] = checked
    what = next((f"{field} {given[field]}" for field in ("mac", "serial", "name", "ip") if field in given), None)
    if what is None:
        return RowFault(number, "name", "There is no name, MAC, IP address or serial number.")
    given.setdefault("name", what.partition(" ")[2])
    digest = sha256(f"{source}\x1f{what.lower()}".encode("utf-8", "replace")).hexdigest()[:16]
    return IntendedRow(id=f"i-{digest}", **given)


def _mac(text: str) -> str | None:
    digits = text.lower().replace(":", "").replace("-", "").replace(".", "")
    if len(digits) != 12 or not set(digits) <= set("0123456789abcdef"):
        return None
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def _ip(text: str) -> str | None:
    try:
        return str(ip_interface(text).ip if "/" in text else ip_address(text))
    except ValueError:
        return None


def _class(text: str) -> str | None:
    word = _as_class(text)
    return word if word in CLASSES else None


def _criticality(text: str) -> str | None:
    return text.lower() if text.lower() in _CRITICALITIES else None


_CHECKS: Mapping[str, Callable[[str], str | None]] = {
    "mac": _mac,
    "ip": _ip,
    "device_class": _class,
    "criticality": _criticality,
}
