"""What each sensor's live read has handed over, so that the next one can say what nobody saw in between.

Rule 1: ``heard`` is written in the transaction of the batch: what is acknowledged is before the gap, all else in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from ringfence.sensor.gaps import MOST, Gap
from ringfence.store import settings

__all__ = ["begin", "gaps_of", "heard", "sums"]


def begin(connection: Connection, sensor: str, begun: int) -> Gap | None:
    """Write down that a live read has begun (ns since 1970); return the gap since the one before, if there was one."""
    known = _known(connection, sensor)
    gap = None
    if known["heard"] is not None and begun > known["heard"]:
        gap = Gap(known["heard"], begun, known["ended"])
        known["gaps"] = [*known["gaps"], [gap.first, gap.last, gap.clean]][-MOST:]
        known["count"] += 1
        known["nanoseconds"] += gap.last - gap.first
    settings.put(connection, _key(sensor), known | {"heard": max(begun, known["heard"] or 0), "ended": False})
    return gap


def heard(connection: Connection, sensor: str, moment: int, *, ended: bool) -> None:
    """Write down up to which moment (ns since 1970) a live read is stored, and whether it has ended with that."""
    known = _known(connection, sensor)
    settings.put(connection, _key(sensor), known | {"heard": max(moment, known["heard"] or 0), "ended": ended})


def gaps_of(connection: Connection, sensor: str) -> Sequence[Gap]:
    """Return the newest gaps of a sensor, the oldest first."""
    return [Gap(first, last, bool(clean)) for first, last, clean in _known(connection, sensor)["gaps"]]


def sums(connection: Connection, sensors: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return how many gaps each sensor has had since it first watched, and how many nanoseconds they lasted."""
    found = {sensor: _known(connection, sensor) for sensor in sensors}
    return {sensor: (known["count"], known["nanoseconds"]) for sensor, known in found.items()}


def _known(connection: Connection, sensor: str) -> dict[str, Any]:
    none: dict[str, Any] = {"heard": None, "ended": True, "gaps": [], "count": 0, "nanoseconds": 0}
    return none | (settings.get(connection, _key(sensor)) or {})


def _key(sensor: str) -> str:
    return f"watch:{sensor}"
