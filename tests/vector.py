"""Reads ``case.yaml``: the few lines that a vector's case is made of."""

from __future__ import annotations

from pathlib import Path


def expectations(case: Path) -> list[tuple[int, dict[str, str]]]:
    """Return (count, fields) for each line ``- {count: 1, rule: ot_command, severity: low}``."""
    rows = []
    for line in case.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if not text.startswith("- {"):
            continue
        pairs = [pair.partition(": ") for pair in text[3:].rstrip("}").split(", ")]
        fields = {name: value.strip("'") for name, _, value in pairs}
        rows.append((int(fields.pop("count", "1")), fields))
    return rows
