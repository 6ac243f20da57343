"""How a list of the server is shown: as a table, CSV or JSON; text of devices is made safe for each."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ringfence.app.client import Client, from_environment
from ringfence.app.escape import csv_cell, terminal_text

__all__ = ["Row", "cell", "opened", "show"]

Row = Mapping[str, Any]
_WIDEST = 40  # characters of a cell of a table
_PIPED_WIDTH = 120  # columns, where no terminal says how wide it is


def opened(arguments: argparse.Namespace) -> Client:
    """Return the client for the server that was named."""
    return from_environment(arguments.server, arguments.ca)


def show(arguments: argparse.Namespace, noun: str, rows: Iterable[Row], columns: Sequence[str]) -> None:
    """Write ``rows`` in the format that was asked for; ``columns`` are those of table and CSV."""
    if arguments.json:
        json.dump({"schema_version": 1, noun: list(rows)}, sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
    elif arguments.format == "jsonl":
        for row in rows:
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    elif arguments.format == "csv":
        sys.stdout.write(",".join(map(csv_cell, columns)) + "\r\n")
        for row in rows:
            sys.stdout.write(",".join(csv_cell(cell(row.get(name))) for name in columns) + "\r\n")
    else:
        _table([[cell(row.get(name)) for name in columns] for row in rows], columns, noun)


def cell(value: Any) -> str:
    """Return a value as text: unknown is empty, several stand with a space between, a place is its name."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return cell(value.get("name") or value.get("label") or value.get("text"))
    if isinstance(value, list):
        return " ".join(map(cell, value))
    return str(value)


def _table(rows: list[list[str]], columns: Sequence[str], noun: str) -> None:
    if not rows:
        sys.stdout.write(f"No {noun} fit.\n")
        return
    safe = [[terminal_text(text, _WIDEST) for text in row] for row in rows]
    titles = [name.replace("_", " ") for name in columns]
    widths = [max(len(row[at]) for row in (titles, *safe)) for at in range(len(columns))]
    screen = shutil.get_terminal_size((_PIPED_WIDTH, 24)).columns if sys.stdout.isatty() else None
    for row in (titles, *safe):
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        sys.stdout.write(line[:screen] + "\n")
    sys.stdout.write(f"{len(rows):,} {noun}\n")
