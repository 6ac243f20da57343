"""A person's word on what the register found: a correction, a merge, a split. It is undone, never deleted."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CORRECTABLE", "Decision"]

#: What a person may correct.
CORRECTABLE = ("class", "vendor", "product", "model", "firmware", "serial", "os", "name")


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
