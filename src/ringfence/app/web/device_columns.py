"""The columns of the device list: what a reader may put on show, and what an export writes of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ringfence.app.escape import csv_cell
from ringfence.model.clock import rfc3339
from ringfence.store.read.rows import DeviceRow

__all__ = ["COLUMNS", "STANDARD", "Column", "chosen_columns", "csv_lines", "json_lines"]


@dataclass(frozen=True)
class Column:
    """A column: its key in the address, its heading, and its value as exported (None: unknown)."""

    key: str
    label: str
    value: Callable[[DeviceRow], Any]
    sort: str | None = None  # the store's word
    newest: bool = False  # sorted downwards first: the newest, the gravest
    width: int = 110  # its share of the table


def _field(name: str) -> Callable[[DeviceRow], Any]:
    return lambda row: getattr(row, name)


def _time(name: str) -> Callable[[DeviceRow], Any]:
    return lambda row: rfc3339(getattr(row, name))


COLUMNS: tuple[Column, ...] = (
    Column("name", "Name", _field("name"), "name", width=190),
    Column("class", "Class", _field("device_class"), "class", width=185),
    Column("worst", "Worst finding", _field("worst"), "worst", newest=True, width=120),
    Column("vendor", "Vendor", _field("vendor"), "vendor", width=150),
    Column("ips", "Addresses", _field("ips"), width=125),
    Column("zone", "Zone", _field("zone_name"), "zone"),
    Column("owner", "Owner", _field("owner"), "owner"),
    Column("last", "Last seen", _time("last"), "seen", newest=True, width=105),
    Column("product", "Product", _field("product")),
    Column("model", "Model", _field("model"), "model"),
    Column("firmware", "Firmware", _field("firmware")),
    Column("serial", "Serial", _field("serial")),
    Column("os", "System", _field("os")),
    Column("macs", "MAC", _field("macs")),
    Column("names", "Names", _field("names")),
    Column("roles", "Roles", _field("roles")),
    Column("marks", "Marks", _field("marks")),
    Column("labels", "Labels", _field("labels")),
    Column("site", "Site", _field("site_name"), "site"),
    Column("criticality", "Criticality", _field("criticality"), "criticality"),
    Column("safety", "Safety-critical", _field("safety")),
    Column("expected", "Expected", _field("expected")),
    Column("confidence", "Confidence", _field("confidence"), "confidence", newest=True),
    Column("purdue_level", "Purdue level", _field("purdue_level"), "purdue", newest=True),
    Column("first", "First seen", _time("first"), "first", newest=True),
    Column("domain", "Domain", _field("domain")),
    Column("id", "Id", _field("id")),
)
STANDARD = ("name", "class", "worst", "vendor", "ips", "zone", "owner", "last")
_BY_KEY = {column.key: column for column in COLUMNS}


def chosen_columns(keys: Iterable[str]) -> tuple[Column, ...]:
    """Return the columns asked for, in the order of ``COLUMNS``; the name is always there."""
    wanted = {key for key in keys if key in _BY_KEY} or set(STANDARD)
    return tuple(column for column in COLUMNS if column.key in wanted or column.key == "name")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return csv_cell("; ".join(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float) else csv_cell(str(value))


def csv_lines(rows: Iterable[DeviceRow], columns: tuple[Column, ...]) -> Iterator[str]:
    """Yield CSV (RFC 4180) that no spreadsheet program takes for formulas; unknown is an empty cell."""
    yield ",".join(csv_cell(column.label) for column in columns) + "\r\n"
    for row in rows:
        yield ",".join(_cell(column.value(row)) for column in columns) + "\r\n"


def json_lines(rows: Iterable[DeviceRow], columns: tuple[Column, ...]) -> Iterator[str]:
    """Yield one JSON object a line; unknown is null."""
    for row in rows:
        yield json.dumps({column.key: column.value(row) for column in columns}, ensure_ascii=False) + "\n"
