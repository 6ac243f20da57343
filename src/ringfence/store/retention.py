"""How long things are kept: a setting that the pipeline reads each time it erases."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from ringfence.store import settings

__all__ = ["Retention", "retention", "set_retention"]

_KEY = "retention"


@dataclass(frozen=True, slots=True)
class Retention:
    """Days, UTC. What is older is erased by dropping its key (contract §6)."""

    lake_days: int = 30  # flows and transactions


def retention(connection: Connection) -> Retention:
    """Return what is set, or the default."""
    found = settings.get(connection, _KEY) or {}
    return Retention(**{name: value for name, value in found.items() if name in Retention.__slots__})


def set_retention(connection: Connection, wanted: Retention) -> None:
    """Set it."""
    settings.put(connection, _KEY, asdict(wanted))
