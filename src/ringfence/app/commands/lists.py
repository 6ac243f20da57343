"""``ringfence protocols``, ``rules`` and ``clues``: what is built in, from the declarations themselves."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["clues", "protocols", "rules"]


def protocols(arguments: argparse.Namespace) -> int:
    """List the protocols understood, with kinds and limits."""
    from ringfence import _core

    rows = [row for row in _core.registry() if row["carriers"]]
    _show(
        arguments,
        "protocols",
        rows,
        ((row["name"], row["title"], ", ".join(row["carriers"]), f"{len(row['kinds'])} kinds") for row in rows),
    )
    return 0


def rules(arguments: argparse.Namespace) -> int:
    """List the rules."""
    from ringfence.detect.rules import BUILTIN_RULES

    rows = [
        {
            "name": rule.NAME,
            "title": rule.DOC.title,
            "severity": rule.DOC.severity.word,
            "attack": list(rule.DOC.attack),
            "reads": list(rule.READS),
            "why": rule.DOC.why,
            "remedy": rule.DOC.remedy,
            "source": rule.DOC.source,
            "limits": list(rule.DOC.limits),
            "benign": list(rule.DOC.benign),
        }
        for rule in BUILTIN_RULES
    ]
    _show(arguments, "rules", rows, ((rule.NAME, rule.DOC.severity.word, rule.DOC.title) for rule in BUILTIN_RULES))
    return 0


def clues(arguments: argparse.Namespace) -> int:
    """List the clues that identify devices."""
    from ringfence.inventory.clues import BUILTIN_CLUES

    rows = [
        {
            "name": clue.NAME,
            "title": clue.DOC.title,
            "reads": [clue.READS] if isinstance(clue.READS, str) else list(clue.READS),
            "source": clue.DOC.source,
            "limits": list(clue.DOC.limits),
        }
        for clue in BUILTIN_CLUES
    ]
    _show(arguments, "clues", rows, ((clue.NAME, clue.DOC.title) for clue in BUILTIN_CLUES))
    return 0


def _show(
    arguments: argparse.Namespace, name: str, rows: Sequence[dict[str, Any]], cells: Iterable[Sequence[str]]
) -> None:
    if arguments.json:
        json.dump({"schema_version": 1, name: rows}, sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
        return
    table = [tuple(row) for row in cells]
    widths = [max(len(row[at]) for row in table) for at in range(len(table[0]))] if table else []
    for row in table:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")
