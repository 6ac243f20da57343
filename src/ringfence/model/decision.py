"""A person's word on what the register found: a correction, a merge, a split. It is undone, never deleted."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CORRECTABLE", "Decision", "purdue_level"]

#: What a person may correct.
CORRECTABLE = ("class", "vendor", "product", "model", "firmware", "serial", "os", "name", "purdue_level")

_HIGHEST = 5.0


def purdue_level(text: str) -> float | None:
    """Return the level of the Purdue model that a text names, in halves from 0 to 5; None where it names none."""
    try:
        level = float(text)
    except ValueError:
        return None
    return level if 0 <= level <= _HIGHEST and level * 2 % 1 == 0 else None


@dataclass(frozen=True, slots=True)
class Decision:
    """``parts`` are part ids: all of one device (correct), of the devices to join (merge), to be freed (split)."""

    id: str
    kind: str  # correct, merge, split
    parts: tuple[str, ...]
    field: str | None  # of a correction: one of CORRECTABLE
    value: str | None
    reason: str | None
    who: str
    time: int  # ns since 1970, UTC
